"""What README and docs say of the functions, asked of the real binaries in a world that the functions' authors did not write."""

import hashlib
import json
import re
import threading
import time
from base64 import b32encode
from datetime import UTC, datetime
from pathlib import Path

import pytest
from datadog import ALL, NEEDED
from functions import STEPS
from secrets_manager import GRACE
from world import aws_error, edit, first, kill_after, kill_before, refuse, then

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
ERROR_TYPES = (ROOT / "docs/reference/errors.md").read_text()
TYPES = ["api", "app", "admin", "assisted", "token"]
PARTS = 8  # of what is tried at every call: a rotation waits ten seconds for Datadog's edges, and parts wait beside each other


def rotated(town, kind, **more):
    """A secret of the type; `assisted` is an admin secret that another one rotates."""
    if kind == "assisted":
        return town.add("admin", "assisted", adminSecretArn=town.admin.arn)
    return town.add(kind, **more)


def unchanged(town, *calls):
    """No call has changed anything at either service."""
    assert not [call.line for call in town.world.calls if call.effect and call not in calls]


# Rotations.


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("scopes", [ALL, NEEDED], ids=["with api_keys_read", "without"])
def test_three_rotations_leave_what_is_in_use_and_nothing_else(towns, kind, scopes):
    town = towns(scopes=scopes)
    secret = rotated(town, kind)
    hand_made = town.keys(secret)
    for _ in range(3):
        before = town.keys(secret)
        town.succeed(secret)
        assert not set(before) & set(town.keys(secret))
        assert all(key.live == (kind in GRACE) for key in before)
        assert secret.holder("AWSPENDING") in (None, secret.holder("AWSCURRENT"))
        town.later()
    assert not any(key.live for key in hand_made)
    town.world.promises.at_rest(secret)


def test_an_admin_pair_that_rotates_itself_goes_on_rotating_the_others(town):
    api, app, token = town.add("api"), town.add("app"), town.add("token")
    for secret in (town.admin, api, app, token) * 2:
        town.succeed(secret)


@pytest.mark.parametrize("kind", ["api", "app", "admin", "token"])
def test_names_recompute_from_secret_and_version(town, kind):
    secret = town.add(kind, "a/name_of.more+than=60@characters" + "-and-so-on" * 5) if kind != "admin" else town.admin
    token = town.secrets.begin(secret)
    assert town.step(secret, "createSecret", token).ok
    digest = hashlib.sha256(f"{secret.arn}\0{token}\0".encode() + b"0").digest()
    last = b32encode(digest)[:6].decode().lower()
    raw = b32encode(hashlib.sha256(f"{secret.arn}\0{token}\0".encode() + b"\0").digest())[:6].decode().lower()
    for key in (key for key in town.datadog.keys if key.made_for):
        prefix = {"api": "aws-sm-api-key-", "app": "aws-sm-app-key-", "token": "aws-sm-service-token-"}[key.kind].replace("sm-", "sm-admin-" if kind == "admin" else "sm-")
        assert re.fullmatch(f"{prefix}{re.escape(secret.name[:60])}.*-{datetime.now(UTC):%Y%m%d}-({last}|{raw})", key.name), key.name
        assert len(key.name) <= len(prefix) + 60 + 16


def test_unknown_fields_stay_copies_follow_and_other_keys_are_named(town):
    key = town.datadog.make("api")
    odd = '"note" : "\\u00fc 1.0", "n":1.50, "nested": {"apiKey":"%s"}, "dd_api_key":"%s","api_key":"%s"' % (key.text, "f" * 32, key.text)
    value = f'{{ "apiKey":"{key.text}", "apiKeyId":"{key.id}", {odd} }}'
    secret = town.secrets.add("api", "api", value, "datadog-api-key")
    done = town.succeed(secret)
    new, raw = town.key(secret), secret.get("AWSCURRENT").value
    fields = json.loads(raw)
    assert (fields["apiKey"], fields["apiKeyId"], fields["api_key"]) == (new.text, new.id, new.text)
    assert fields["dd_api_key"] == "f" * 32 and fields["nested"] == {"apiKey": key.text}
    assert '1.50' in raw and ('"\\u00fc 1.0"' in raw or '"ü 1.0"' in raw)
    assert any('"WARN"' in line and "dd_api_key" in line for step in done for line in step.lines)


@pytest.mark.parametrize("scopes", [None, [], ["dashboards_read"], ["monitors_read", "dashboards_read"]])
def test_scopes_are_copied(town, scopes):
    secret = town.add("app", scopes=scopes)
    town.succeed(secret)
    assert sorted(town.key(secret).scopes or []) == sorted(scopes or [])


def test_category_and_remote_configuration_are_copied(town):
    secret = town.add("api", category="special", remote_config=False)
    town.succeed(secret)
    assert (town.key(secret).category, town.key(secret).remote_config) == ("special", False)


# Dying, and overlapping.


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("part", range(PARTS))
def test_killed_at_any_call_the_next_rotation_repairs(towns, kind, part):
    done, at = False, part
    while not done:
        town = towns()
        secret = rotated(town, kind)
        town.succeed(secret)
        rule = town.on(".", kill_after, skip=at)
        rule.skip = at
        town.rotate(secret)
        done = not rule.met
        town.heal(secret)
        town.world.verdict()
        town.world.close()
        at += PARTS


@pytest.mark.parametrize("kind", TYPES)
def test_each_step_may_be_delivered_twice_and_long_after(town, kind):
    secret = rotated(town, kind)
    town.succeed(secret)
    token = town.secrets.begin(secret)
    for step in STEPS:
        assert town.step(secret, step, token).ok
        keys, calls = town.datadog.live(), len(town.world.calls)
        assert town.step(secret, step, token).ok
        assert town.datadog.live() == keys
        assert not [call for call in town.world.calls[calls:] if call.effect and call.method == "DELETE"]
    town.succeed(secret)
    keys, labels = town.datadog.live(), {id: set(v.stages) for id, v in secret.versions.items()}
    for step in STEPS:
        town.step(secret, step, token)
    assert town.datadog.live() == keys and labels == {id: set(v.stages) for id, v in secret.versions.items()}


@pytest.mark.parametrize("kind", TYPES)
def test_two_environments_at_once_store_one_key_and_delete_the_other(town, kind):
    secret = rotated(town, kind)
    token, both = town.secrets.begin(secret), threading.Barrier(2, timeout=5)

    def meet():
        try:
            both.wait()
        except threading.BrokenBarrierError:
            pass

    town.on("^POST", then(meet, "and waited for the other one"), times=2)
    functions = [town.another(secret) for _ in range(2)]
    done = []
    threads = [threading.Thread(target=lambda f=f: done.append(f.step("createSecret", secret, token))) for f in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(step.ok for step in done), done
    for step in STEPS[1:]:
        assert town.step(secret, step, token).ok
    town.heal(secret)


# A check that changes nothing.


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("copied", [False, True], ids=["empty", "copy of the current value"])
def test_without_immediate_rotation_nothing_is_changed(town, kind, copied):
    secret = rotated(town, kind)
    token = town.secrets.begin(secret)
    if copied:
        secret.versions[token].value = secret.get("AWSCURRENT").value
    assert town.step(secret, "testSecret", token).ok
    unchanged(town)


@pytest.mark.parametrize("kind", ["api", "app", "admin", "token"])
def test_the_check_names_missing_scopes(towns, kind):
    town = towns(scopes=NEEDED - {"api_keys_write", "service_account_write"})
    secret = town.add(kind)
    done = town.step(secret, "testSecret")
    assert not done.ok and ("api_keys_write" if kind in ("api", "admin") else "service_account_write") in done.text, done
    unchanged(town)


# People.


@pytest.mark.parametrize("kind", ["api", "app", "token"])
@pytest.mark.parametrize("after", [2, 3])  # setSecret does nothing, and need not look
def test_a_value_stored_between_two_steps_stays_and_the_orphan_goes(town, kind, after):
    secret = rotated(town, kind)
    town.succeed(secret)
    token = town.secrets.begin(secret)
    for step in STEPS[:after]:
        assert town.step(secret, step, token).ok
    theirs = town.datadog.make(kind, **({} if kind == "api" else {"scopes": ["dashboards_read", "monitors_read"]}))
    id = town.secrets.store(secret, town.value(theirs))
    assert not town.step(secret, STEPS[after], token).ok
    assert secret.holder("AWSCURRENT") == id and theirs.live
    town.heal(secret)
    town.heal(secret)


@pytest.mark.parametrize("kind", ["api", "app", "token"])
@pytest.mark.parametrize("step", ["createSecret", "finishSecret"])
@pytest.mark.parametrize("values", [1, 2])
@pytest.mark.parametrize("part", range(PARTS))
def test_values_stored_during_any_call_cost_no_key_in_use(towns, kind, step, values, part):
    met, at = True, part
    while met:
        town = towns()
        secret = town.add(kind)
        town.succeed(secret, times=2)
        theirs = [town.datadog.make(kind, **({} if kind == "api" else {"scopes": ["dashboards_read", "monitors_read"]})) for _ in range(values)]

        def store(town=town, secret=secret, theirs=theirs):
            for key in theirs:
                town.secrets.store(secret, town.value(key))

        rule = town.on(".", first(store, "after a person stored values"), step=step, skip=at)
        town.rotate(secret)
        assert all(key.live or key in town.keys(secret, "AWSPREVIOUS") for key in theirs)  # unless it was rotated itself
        met, at = rule.met, at + PARTS
        town.heal(secret)
        town.world.close()


def test_hand_made_keys_that_a_person_replaced_stay_theirs(town):
    for kind in ("api", "app", "token"):
        secret = town.add(kind)
        theirs, other = town.key(secret), town.datadog.make(kind, scopes=["dashboards_read", "monitors_read"]) if kind != "api" else town.datadog.make(kind)
        town.secrets.store(secret, town.value(other))
        town.succeed(secret, times=2)
        assert theirs.live


@pytest.mark.parametrize("kind", ["api", "app", "admin", "token"])
def test_a_pending_key_that_is_revoked_is_given_up(town, kind):
    secret = town.add(kind)
    token = town.secrets.begin(secret)
    assert town.step(secret, "createSecret", token).ok
    town.datadog.revoke(town.key(secret, "AWSPENDING"))
    town.later()
    done = town.step(secret, "testSecret", token)
    assert done.type == "PendingKeyDead" and not secret.holder("AWSPENDING"), done
    assert town.key(secret).live
    town.heal(secret)


def test_keys_are_minted_by_the_admin_that_field_tag_or_variable_names_in_this_order(town):
    field, tag = town.add_admin("by-field"), town.add_admin("by-tag")
    for fields, more, admin in [({"adminSecretArn": field.arn}, {"adminSecretArn": tag.arn}, field), ({}, {"adminSecretArn": tag.arn}, tag),
                                ({}, {}, town.admin)]:
        secret = town.add("api", f"api{len(town.secrets.secrets)}", fields, **more)
        start = time.time()
        town.succeed(secret)
        posts = town.sent("^POST", start)
        assert posts and all(town.keys(admin)[0].id in call.keys for call in posts)


def test_an_admin_that_rotates_while_its_key_is_in_use_is_read_again(town):
    api, app = town.add("api"), town.add("app")
    town.succeed(api)
    for secret in (api, app):
        for line in ("POST", "GET /api/v2/service_accounts|GET /api/v2/api_keys", "UpdateSecretVersionStage"):
            token = town.secrets.begin(town.admin)
            for step in ("createSecret", "setSecret", "testSecret"):  # a whole rotation takes longer than a call waits
                assert town.step(town.admin, step, token).ok
            finish = first(lambda token=token: town.step(town.admin, "finishSecret", token), "after the admin rotated")
            rule = town.on(line, finish, function=town.function(secret))
            town.rotate(secret)
            assert rule.met
            town.heal(secret)


@pytest.mark.parametrize("half", ["app", "api"])
def test_a_current_pair_that_is_half_dead_does_not_cost_the_one_before(town, half):
    secret = town.add("admin", "assisted", adminSecretArn=town.admin.arn)
    town.succeed(secret)
    town.on("^DELETE", kill_before, step="finishSecret")
    town.rotate(secret)
    before = town.keys(secret, "AWSPREVIOUS")
    assert all(key.live for key in before)
    town.datadog.revoke(next(key for key in town.keys(secret) if key.kind == half))
    assert not town.rotate(secret)[-1].ok
    assert all(key.live for key in before)


def test_a_step_that_was_held_up_does_not_cost_a_later_rotation_its_key(town):
    for kind in ("api", "app", "token"):
        secret = town.add(kind)
        town.succeed(secret)
        late = town.function(secret)

        def meanwhile(secret=secret, kind=kind):
            secret.change()
            secret.move("AWSPENDING", None)
            # A whole one of an application key takes longer than a call waits.
            steps = STEPS if kind in GRACE else STEPS[:1]
            assert town.another(secret).rotate(secret, steps)[-1].ok

        for line in ("^GET .*filter", "^POST", "PutSecretValue"):
            rule = town.on(line, first(meanwhile, "after a rotation was cancelled and the next one done"), function=late)
            late.rotate(secret)
            assert rule.met, line
            town.heal(secret)


# Errors.


def broken_value(town, value):
    town.secrets.store(town.subject, value)


def pend(town, *steps):
    town.token = town.secrets.begin(town.subject)
    for step in steps:
        assert town.step(town.subject, step, town.token).ok


def change_admin(town, **fields):
    town.secrets.store(town.admin, town.admin.value() | fields)


def bare(town):
    town.subject.versions.clear()


def no_admin(town):
    town.function(town.subject, ADMIN_SECRET_ARN=None)


def set_field(town, **fields):
    broken_value(town, town.subject.value() | fields)


def another_key(town):
    other = town.datadog.make(town.subject.kind, **({"scopes": ["dashboards_read"]} if town.subject.kind == "app" else {}))
    while other.text[-4:] == town.key(town.subject).text[-4:]:
        other = town.datadog.make(town.subject.kind)
    return other


def alien(town):
    key = town.datadog.make("app", owner=town.datadog.other)
    broken_value(town, {"appKey": key.text, "appKeyId": key.id, "serviceAccountId": town.datadog.account})


def all_names_taken(town):
    town.on("^POST", refuse(409, {"errors": ["Name conflict"]}), times=99)


ERRORS = {
    "RotationNotEnabled": ("api", lambda t: setattr(t.subject, "rotation_enabled", False)),
    "NoCurrentValue": ("api", bare),
    "SecretBinary": ("api", lambda t: setattr(t.subject.get("AWSCURRENT"), "binary", True)),
    "SecretNotJson": ("api", lambda t: broken_value(t, "0123456789abcdef0123456789abcdef")),
    "SecretMalformed": ("api", lambda t: broken_value(t, {"apiKey": t.key(t.subject).text})),
    "NoAdminSecret": ("api", no_admin),
    "AdminSecretArnInvalid": ("api", lambda t: set_field(t, adminSecretArn="admin")),
    "AdminSecretNotFound": ("api", lambda t: set_field(t, adminSecretArn=t.admin.arn[:-6] + "zzzzzz")),
    "AdminSecretMalformed": ("api", lambda t: t.secrets.store(t.admin, {"adminApiKey": "x"})),
    "UnknownSite": ("api", lambda t: change_admin(t, site="datadoghq.com.example.com")),
    "AdminKeyRefused": ("api", lambda t: t.datadog.revoke(t.keys(t.admin)[0])),
    "ServiceAccountMismatch": ("app", lambda t: set_field(t, serviceAccountId=t.datadog.other)),
    "CurrentKeyDead": ("api", lambda t: t.datadog.revoke(t.key(t.subject))),
    "CurrentKeyMismatch": ("api", lambda t: set_field(t, apiKeyId=another_key(t).id)),
    "DatadogKeyQuota": ("api", lambda t: setattr(t.datadog, "quota", 1)),
    "KeyNameTaken": ("api", all_names_taken),
}


@pytest.mark.parametrize("error", ERRORS)
def test_an_error_has_its_type_and_nothing_is_changed(town, error):
    assert f"| [`{error}`](" in ERROR_TYPES
    kind, setting = ERRORS[error]
    town.subject = town.add(kind)
    setting(town)
    done = town.step(town.subject, "createSecret")
    assert done.type == error, done
    assert town.subject.name in done.text
    unchanged(town)


def test_an_application_key_of_somebody_else_is_refused(town):
    town.subject = town.add("app")
    alien(town)
    done = town.step(town.subject, "createSecret")
    assert done.type in ("CurrentKeyNotOwned", "CurrentKeyDead"), done
    unchanged(town)


def test_unknown_sites_see_no_key(town):
    town.subject = town.add("api")
    for site in ("evil.example.com", "datadoghq.com@evil.example.com", "datadoghq.com/", "DATADOGHQ.COM.", "app.datadoghq.com"):
        change_admin(town, site=site)
        assert town.step(town.subject, "createSecret").type == "UnknownSite"
    assert not town.sent("/api/")


@pytest.mark.parametrize(("event", "error"), [
    ({"Step": "rollbackSecret"}, "UnknownStep"), ({"Step": None}, "InvalidEvent"), ({"SecretId": 7}, "InvalidEvent"),
    ({"ClientRequestToken": "line\nbreak"}, "InvalidEvent"), ({"SecretId": ""}, "InvalidEvent")])
def test_events_that_are_not_of_a_rotation_are_refused(town, event, error):
    secret = town.add("api")
    good = {"Step": "createSecret", "SecretId": secret.arn, "ClientRequestToken": town.secrets.begin(secret), "RotationToken": secret.rotation_token, "More": {}}
    assert town.function(secret).invoke(good | event).type == error
    assert not town.world.calls
    assert town.function(secret).invoke(good).ok


def test_labels_decide_what_a_step_may_do(town):
    secret = town.add("api")
    assert town.step(secret, "createSecret", "11111111-2222-4333-8444-555555555555").type == "NoStagingLabel"
    token = town.secrets.begin(secret)
    assert town.step(secret, "finishSecret", token).type == "PendingWithoutValue"
    secret.move("AWSPENDING", None)
    secret.versions[token].stages.add("MINE")
    assert town.step(secret, "createSecret", token).type == "NotPending"
    unchanged(town)


def test_a_store_that_is_refused_leaves_no_key(town):
    for kind in ("api", "app", "admin", "token"):
        secret = town.add(kind)
        town.on("PutSecretValue", aws_error("AccessDeniedException", "no identity-based policy allows it"))
        done = town.rotate(secret)
        assert done[-1].type == "AccessDenied" and "no identity-based policy" in done[-1].text, done
        assert not [key for key in town.datadog.live() if key.made_for]


def test_a_label_lost_between_mint_and_store_leaves_no_key(town):
    secret = town.add("api")
    town.on("^POST", then(lambda: secret.move("AWSPENDING", None), "and somebody took AWSPENDING off"))
    assert town.rotate(secret)[-1].type == "PendingLabelLost"
    assert not [key for key in town.datadog.live() if key.made_for]


def test_a_label_moved_at_the_last_moment_refuses_the_promotion(town):
    for kind in ("api", "app", "token"):
        secret, other = town.add(kind), town.datadog.make(kind, scopes=["dashboards_read", "monitors_read"]) if kind != "api" else town.datadog.make(kind)
        town.on("UpdateSecretVersionStage", first(lambda s=secret, o=other: town.secrets.store(s, town.value(o)), "after a person stored a value"))
        assert town.rotate(secret)[-1].type == "PromotionRefused"
        assert town.key(secret) is other


def test_too_little_time_mints_nothing(town):
    secret = town.add("api")
    assert town.step(secret, "createSecret", seconds=35).type == "NotEnoughTime"
    unchanged(town)


def test_rate_limits_and_failures_are_waited_for(town):
    secret = town.add("app")
    start = time.time()
    town.on("^POST", refuse(429, {"errors": ["Too many requests"]}, {"X-RateLimit-Reset": "2", "X-RateLimit-Remaining": "0"}))
    town.on("^GET", refuse(503))
    town.on("^GET", refuse(429, {"errors": ["Too many requests"]}, {"x-ratelimit-reset": "1"}), skip=2)
    for _ in range(3):  # each of these is met once; a pause is drawn, and a long one may leave too little of 90 s for the next
        done = town.rotate(secret)[-1]
        if done.type not in ("NotEnoughTime", "DatadogRateLimited"):
            break
    assert done.ok, done
    assert time.time() - start >= 2


def keyless(towns):
    town = towns(DATADOG_SITE="datadoghq.com", ADMIN_SECRET_ARN=None)
    town.environment |= {"DATADOG_ORG_UUID": town.datadog.org, "DATADOG_SERVICE_ACCOUNT_ID": town.datadog.account}
    return town


@pytest.mark.parametrize("kind", ["api", "app", "admin", "token"])
def test_keyless_the_function_acts_by_its_own_identity(towns, kind):
    town = keyless(towns)
    witness = town.add("api", "witness")
    town.environment["DATADOG_API_KEY_SECRET_ARN"] = witness.arn
    secret = town.add(kind, **({"adminSecretArn": town.admin.arn} if kind == "admin" else {}))
    if kind == "admin":
        secret = town.secrets.add("keyless", "admin", {"orgUuid": town.datadog.org, "serviceAccountId": town.datadog.account, "site": "datadoghq.com"}, "datadog-admin-key")
        assert town.rotate(secret)[-1].ok
    else:
        town.succeed(secret, times=3)
        town.later()
        town.world.promises.at_rest(secret)


@pytest.mark.parametrize("expires", [1, "1", 1924992000, "2031-01-01T00:00:00Z", "2031-01-01T00:00:00.123456+00:00", None, "soon", {"at": 1}], ids=str)
def test_keyless_a_token_may_end_in_any_way(towns, expires):
    town = keyless(towns)
    secret = town.add("api")
    town.on("delegated-token", edit(lambda body: body["data"]["attributes"].update(expires=expires), f"expires {expires}"), times=99)
    done = town.rotate(secret)[-1]
    assert done.ok or str(expires) == "1", done  # one that has ended already may be refused


@pytest.mark.parametrize("stranger", [{"type": "team_roles", "id": 7}, {"type": "orgs", "id": "x", "attributes": None}, {}, {"type": "roles", "id": "x", "attributes": {"name": 7}},
                                      {"type": "permissions", "id": "x", "relationships": []}], ids=str)
def test_keyless_resources_that_nobody_asked_for_are_passed_over(towns, stranger):
    town = keyless(towns)
    town.on("current_user", edit(lambda body: body["included"].insert(0, stranger), "with a resource more"), times=99)
    secret = town.add("api")
    town.succeed(secret)
    assert town.step(secret, "testSecret", town.secrets.begin(secret)).ok
