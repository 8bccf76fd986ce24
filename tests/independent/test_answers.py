"""Answers that are wrong, late, cut or believed too far: each of these has lost, leaked or widened a key once."""

import itertools
import re
import time

import pytest
from datadog import ALL, DAY, NEEDED, Edge
from functions import STEPS
from secrets_manager import GRACE
from test_promises import README, ROOT, TYPES, keyless, rotated, unchanged
from world import FORBIDDEN, FORBIDDEN_PAGE, aws_error, done_but, edit, first, kill_after, kill_before, lie, refuse, slow, then

REFUSALS = {"401 in JSON": (401, FORBIDDEN), "401 as a page": (401, FORBIDDEN_PAGE), "403 in JSON": (403, FORBIDDEN), "403 as a page": (403, FORBIDDEN_PAGE)}
LIST, KEY_BY_ID, APP_BY_ID = r"^GET /api/v2/api_keys\?", r"^GET /api/v2/api_keys/", r"^GET /api/v2/service_accounts/[^/]+/application_keys/"


def made(town):
    return [key for key in town.datadog.live() if key.made_for]


# What protects a key is decided when it is deleted.


@pytest.mark.parametrize("refused", [r"(POST|DELETE) /api/v2/api_keys", r"POST /api/v2/api_keys", None], ids=["to make and delete", "to make", "nothing"])
def test_the_fallback_pairs_own_key_in_the_rotated_secret_is_never_deleted(towns, refused):
    town = keyless(towns)
    town.datadog.token_refused = refused
    town.environment["DATADOG_FALLBACK_ADMIN_SECRET_ARN"] = town.admin.arn
    api = next(key for key in town.keys(town.admin) if key.kind == "api")
    secret = town.secrets.add("api", "api", town.value(api), "datadog-api-key")
    for _ in range(3):
        town.rotate(secret)
        assert all(key.live for key in town.keys(town.admin))


def test_an_admin_that_rotates_before_a_delete_is_not_made_to_delete_its_own_new_key(town):
    secret = town.add("api")
    town.succeed(secret)
    current = secret.value()
    token = town.secrets.begin(town.admin)
    for step in STEPS[:3]:
        assert town.step(town.admin, step, token).ok
    following = next(key for key in town.keys(town.admin, "AWSPENDING") if key.kind == "api")
    town.secrets.store(secret, {"apiKey": "0" * 28 + following.text[-4:], "apiKeyId": following.id})
    town.secrets.store(secret, current)
    finish = first(lambda: town.step(town.admin, "finishSecret", token), "after the admin's finishSecret")
    town.on("^DELETE", finish, function=town.function(secret))
    for step in town.rotate(secret):
        print(step)
    assert all(key.live for key in town.keys(town.admin))


@pytest.mark.parametrize("spelling", ["without its suffix", "by its replica"])
def test_an_admin_secret_that_names_itself_in_another_spelling_deletes_what_it_replaces(town, spelling):
    town.secrets.replicate(town.admin, "eu-west-1", 0)
    name = town.admin.arn[:-7] if spelling == "without its suffix" else town.admin.arn_in("eu-west-1")
    town.secrets.store(town.admin, town.admin.value() | {"adminSecretArn": name}, age=DAY)
    for _ in range(2):
        done = town.rotate(town.admin)[-1]
        assert done.ok or done.type == "AdminSecretArnInvalid", done
        town.later()
        old = town.keys(town.admin, "AWSPREVIOUS") if done.ok else []
        assert not any(key.live for key in old if key not in town.keys(town.admin))
        town.world.promises.at_rest(town.admin)


# One refusal, or one missing answer, proves nothing.


@pytest.mark.parametrize("refusal", REFUSALS)
@pytest.mark.parametrize("call", [LIST, KEY_BY_ID], ids=["list", "look-up"])
def test_one_refusal_to_read_api_keys_costs_no_attribute(town, refusal, call):
    secret = town.add("api", category="special", remote_config=False)
    town.on(call, refuse(*REFUSALS[refusal]), step="createSecret")
    town.rotate(secret)
    assert (town.key(secret).category, town.key(secret).remote_config) == ("special", False)
    town.heal(secret)
    assert (town.key(secret).category, town.key(secret).remote_config) == ("special", False)


def test_an_admin_that_is_new_to_some_edges_costs_no_attribute(town):
    secret = town.add("api", category="special", remote_config=False)
    town.succeed(town.admin)
    town.datadog.edges = [Edge(0), Edge(4), Edge(8)]
    town.rotate(secret)
    assert (town.key(secret).category, town.key(secret).remote_config) == ("special", False)


@pytest.mark.parametrize("refusal", REFUSALS)
def test_one_refusal_to_look_a_hand_made_key_up_does_not_delete_it(town, refusal):
    secret = town.add("api")
    theirs = town.key(secret)
    town.secrets.store(secret, town.value(town.datadog.make("api", "by hand too")))
    town.on(KEY_BY_ID, refuse(*REFUSALS[refusal]), step="finishSecret")
    town.rotate(secret)
    assert theirs.live


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("scopes", [ALL, NEEDED], ids=["with api_keys_read", "without"])
def test_a_new_key_that_is_not_found_yet_is_not_said_to_be_deleted(towns, kind, scopes):
    town = towns(scopes=scopes)
    secret = rotated(town, kind)
    town.datadog.edges = [Edge(0, 5, 0)]
    town.on("PutSecretValue", aws_error("AccessDeniedException", "an explicit deny"))
    done = town.rotate(secret)[-1]
    left = [key for key in made(town) if key.id not in done.output + done.text and key.name not in done.text]
    assert not done.ok and not left, done


@pytest.mark.parametrize("kind", ["api", "app", "admin", "token"])
@pytest.mark.parametrize("shape", ["ddapi_" + "Ab1" * 12, "a.new-shape_of/key+" + "x" * 40], ids=["prefixed", "odd"])
def test_keys_of_a_new_shape_are_stored_and_lead_nowhere_astray(town, kind, shape):
    secret, count = town.add(kind), [0]

    def text():
        count[0] += 1
        return f"{shape}{count[0]:04}"

    town.datadog.text = {"api": text, "app": text, "token": text}
    town.succeed(secret, times=2)
    town.later()
    town.world.promises.at_rest(secret)


@pytest.mark.parametrize("kind", ["api", "app", "admin", "token"])
@pytest.mark.parametrize("change", ["no key", "an empty key", "a number for a key", "a key with a line break"])
def test_a_new_key_whose_text_can_not_be_read_is_deleted_by_its_id(town, kind, change):
    values = {"an empty key": "", "a number for a key": 7, "a key with a line break": "ab\ncd" * 8}

    def lose(body):
        if change == "no key":
            del body["data"]["attributes"]["key"]
        else:
            body["data"]["attributes"]["key"] = values[change]

    secret = town.add(kind)
    town.on("^POST", edit(lose, change), times=99)
    assert not town.rotate(secret)[-1].ok
    assert not made(town)


@pytest.mark.parametrize("kind", ["api", "app", "token"])
@pytest.mark.parametrize("step", ["createSecret", "finishSecret"])
@pytest.mark.parametrize("skip", range(2))
def test_a_labelled_version_that_is_not_found_once_is_unreadable_and_not_empty(town, kind, step, skip):
    secret = town.add(kind)
    town.succeed(secret, times=2)
    town.later()
    previous = secret.holder("AWSPREVIOUS")
    gone = aws_error("ResourceNotFoundException", f"Secrets Manager can't find the specified secret value for VersionId: {previous}")
    town.on(f"GetSecretValue .*{previous}", gone, step=step, skip=skip)
    town.rotate(secret)
    town.heal(secret)


@pytest.mark.parametrize(("call", "times"), [(APP_BY_ID, 1), ("^GET .*/application_keys", 99)], ids=["once", "always"])
def test_scopes_that_an_answer_lacks_are_not_taken_for_none(town, call, times):
    secret = town.add("app")

    def lose(body):
        for key in body["data"] if isinstance(body["data"], list) else [body["data"]]:
            del key["attributes"]["scopes"]

    town.on(call, edit(lose, "without scopes"), times=times, step="createSecret")
    town.rotate(secret)
    assert all(key.scopes for key in town.datadog.keys if key.made_for)
    town.heal(secret)


@pytest.mark.parametrize("scopes", [ALL, NEEDED], ids=["with api_keys_read", "without"])
def test_an_id_and_four_characters_are_no_possession_of_an_api_key(towns, scopes):
    town = towns(scopes=scopes)
    victim = town.datadog.make("api", "of somebody else")
    secret = town.secrets.add("api", "api", {"apiKey": "0" * 28 + victim.text[-4:], "apiKeyId": victim.id}, "datadog-api-key")
    for _ in range(2):
        assert not town.rotate(secret)[-1].ok
    assert victim.live and not made(town)


def test_a_version_of_a_day_ago_is_forgotten_with_its_last_label_as_readme_says(town):
    secret = town.add("app")
    token = town.secrets.begin(secret)
    assert town.step(secret, "createSecret", token).ok
    orphan = town.key(secret, "AWSPENDING")
    town.later(25 * 60)
    theirs = town.datadog.make("app", scopes=["dashboards_read"])
    town.secrets.store(secret, town.value(theirs))
    assert token not in secret.versions
    town.succeed(secret)
    assert orphan.live  # nothing tells whose it is but its prefix, which does not suffice
    assert not re.search(r"a day\s+after\s+the\s+last\s+label\s+is\s+off", README)


@pytest.mark.parametrize("body", [{"status": "error", "errors": ["Forbidden"]}, {"status": "OK?"}, {}, {"valid": False}, {"status": None}, []], ids=str)
def test_a_pair_is_proven_by_the_word_ok_alone(town, body):
    secret = town.add("app")
    before = town.key(secret)
    town.on("validate_keys", refuse(200, body), times=999)
    assert not town.rotate(secret, seconds=70)[-1].ok
    assert town.key(secret) is before


@pytest.mark.parametrize("body", [{"valid": False}, {"valid": "true"}, {"valid": 1}, {}, {"status": "ok"}], ids=str)
def test_an_api_key_is_proven_by_valid_true_alone(town, body):
    secret = town.add("api")
    before = town.key(secret)
    town.on("/validate", refuse(200, body), times=999, step="testSecret")
    town.on("/validate", refuse(200, body), times=999, step="finishSecret")
    assert not town.rotate(secret, seconds=70)[-1].ok
    assert town.key(secret) is before


@pytest.mark.parametrize("kind", TYPES)
def test_orphans_are_found_though_names_come_back_in_lower_case(town, kind):
    town.datadog.rename = str.lower
    secret = town.add("admin", "With-Capitals", adminSecretArn=town.admin.arn) if kind == "assisted" else town.add(kind, *(["With-Capitals"] if kind != "admin" else []))
    town.succeed(secret)
    rule = town.on("^POST", kill_after)
    town.rotate(secret)
    assert rule.met
    town.heal(secret)


@pytest.mark.parametrize("kind", TYPES)
def test_a_name_that_comes_back_cut_is_no_name_and_its_key_does_not_stay(town, kind):
    town.datadog.rename = lambda name: name[:64]
    name = "a-name-that-is-longer-than-what-datadog-keeps-of-it"
    secret = town.add_admin(name) if kind in ("admin", "assisted") else town.add(kind, name)
    if kind == "assisted":
        secret.tags["adminSecretArn"] = town.admin.arn
    town.rotate(secret)
    kept = town.keys(secret) + (town.keys(secret, "AWSPREVIOUS") if kind in GRACE else [])
    assert all(key in kept for key in made(town))


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("date", [1795837052, 1795837052123, "2026-11-28T03:37:32.341549", "2026-11-28 03:37:32", None, "soon"], ids=str)
def test_dates_of_any_shape_stop_no_rotation(town, kind, date):
    def change(body):
        for key in body["data"] if isinstance(body["data"], list) else [body["data"]]:
            if "created_at" in key.get("attributes", {}):
                key["attributes"]["created_at"] = date

    secret = rotated(town, kind)
    town.on(r"(POST|GET) .*(api_keys|application_keys|access_tokens)", edit(change, f"created_at {date}"), times=999)
    town.succeed(secret, times=2)


@pytest.mark.parametrize("answer", [(403, FORBIDDEN), (405, {"errors": ["Method Not Allowed"]}), (500, {"errors": ["Internal error"]}), (409, {"errors": ["Conflict"]}),
                                    (400, {"errors": ["key is revoked"]})], ids=lambda answer: str(answer[0]))
@pytest.mark.parametrize("kind", ["api", "admin"])
def test_a_replaced_key_that_somebody_revoked_stops_no_rotation_whatever_its_delete_answers(town, kind, answer):
    secret = town.add(kind)
    town.succeed(secret)
    town.datadog.dead_answer = answer
    if kind == "api":
        town.datadog.revoke(town.key(secret, "AWSPREVIOUS"))
    else:
        before = town.keys(secret)
        town.on("UpdateSecretVersionStage", then(lambda: [town.datadog.revoke(key) for key in before if key.kind == "api"], "and a person revoked the old key"))
    town.succeed(secret, times=2)


@pytest.mark.parametrize("kind", ["app", "admin"])
def test_no_edge_refuses_the_successor_when_the_replaced_key_goes(town, kind):
    secret = town.add(kind)
    old = town.keys(secret)
    town.datadog.edges, town.datadog.in_turn = [Edge(0, 0, 0), Edge(5, 5, 5), Edge(10, 10, 10)], itertools.count()
    done = town.rotate(secret, seconds=150)
    for key in town.keys(secret):
        for before in old:
            age = 99 if before.live else before.gone - key.created
            assert age >= 10, f"gone {age:.1f} s after its successor was made"
    assert done[-1].ok, done[-1]


@pytest.mark.parametrize("kind", ["api", "app", "admin", "token"])
@pytest.mark.parametrize("fails", [False, True], ids=["is late", "fails"])
def test_what_a_replica_still_holds_is_not_deleted(town, kind, fails):
    secret = town.add(kind)
    town.secrets.replicate(secret, "eu-west-1", 3)
    if fails:
        town.on("UpdateSecretVersionStage", first(lambda: setattr(secret.replicas["eu-west-1"], "fails", True), "after replication failed"))
    held = town.keys(secret)
    done = town.rotate(secret)[-1]
    if kind in GRACE:  # what is replaced goes with the next rotation
        done = town.rotate(secret)[-1]
    assert done.ok != fails, done
    assert not fails or all(key.live for key in held)


@pytest.mark.parametrize("kind", ["api", "app", "admin", "token"])
@pytest.mark.parametrize("page", [2, 3])
def test_pages_shorter_than_asked_for_hide_no_orphan(town, kind, page):
    town.datadog.page = page
    secret = town.add(kind)
    town.succeed(secret)
    for number in range(3):
        town.on("^POST", kill_after)
        town.rotate(secret)
        secret.move("AWSPENDING", None)
    for number in range(60 if page == 2 else 5):
        prefix = {"admin": "admin-app-key", "token": "service-token"}.get(kind, f"{kind}-key")
        town.datadog.make(kind if kind != "admin" else "app", f"aws-sm-{prefix}-{secret.name}-20250101-{number:06}",
                          **({"scopes": ["dashboards_read"]} if kind == "token" else {}))
    if page == 3:
        town.heal(secret)
    else:  # so many pages need not be read; but then it must be said
        town.world.rules.clear()
        town.later()
        done = town.succeed(secret)
        left = set(made(town)) - set(town.keys(secret) + town.keys(secret, "AWSPREVIOUS"))
        assert not left or any('"WARN"' in line and "list" in line for step in done for line in step.lines)


def test_labels_that_move_between_two_pages_of_versions_cost_no_key(town):
    secret = town.add("api")
    town.succeed(secret, times=3)
    town.later()
    town.secrets.page = 1
    previous, current = secret.holder("AWSPREVIOUS"), secret.holder("AWSCURRENT")

    def roll_back():
        secret.change()
        secret.move("AWSCURRENT", previous)
        secret.settle()

    for page in range(1, 4):
        town.on(f"ListSecretVersionIds.*NextToken={page}", first(roll_back, "after a person moved AWSCURRENT back"))
        town.rotate(secret)
        assert secret.holder("AWSCURRENT") in (previous, current) or town.key(secret).live
    town.heal(secret)


def test_a_slow_key_is_tried_until_the_time_is_up(town):
    secret = town.add("api")
    token = town.secrets.begin(secret)
    assert town.step(secret, "createSecret", token).ok
    key = town.key(secret, "AWSPENDING")
    key.created = time.time()
    town.datadog.edges = [Edge(25.5, 0, 0)]
    assert town.step(secret, "testSecret", token, seconds=31).ok


@pytest.mark.quarter_of_an_hour
def test_a_run_longer_than_fourteen_minutes_ends_by_itself(town):
    secret = town.add("api")
    town.on("^POST", slow(1))
    town.on("PutSecretValue", refuse(500, {"__type": "InternalServiceError"}), times=9999)
    town.on("DELETE|GET /api", refuse(500), times=9999)
    start = time.time()
    town.rotate(secret, seconds=5400)
    assert town.world.calls[-1].time - start < 14 * 60 + 5


# Answers that are about something else, or about nothing that happened.


@pytest.mark.parametrize("kind", ["api", "app", "token"])
def test_a_201_that_shows_somebody_elses_key_costs_them_nothing(town, kind):
    secret = town.add(kind)
    theirs = town.datadog.make(kind, "of somebody else", **({} if kind == "api" else {"scopes": ["dashboards_read", "monitors_read"]}))
    town.on("^POST", edit(lambda body: {"data": town.datadog.show(theirs, text=True, owner=True)}, "the answer about another key"))
    for _ in range(3):
        town.rotate(secret)
        assert theirs not in town.keys(secret)
    assert theirs.live
    town.heal(secret)


@pytest.mark.parametrize("kind", ["api", "app", "token"])
def test_a_201_that_shows_the_current_key_again_is_no_new_key(town, kind):
    secret = town.add(kind)
    town.succeed(secret)
    before = town.key(secret)
    town.on("^POST", edit(lambda body: {"data": town.datadog.show(before, text=True, owner=True)}, "the answer of the mint before"))
    done = town.rotate(secret)
    assert not done[-1].ok or town.key(secret) is not before, "a rotation succeeded that has rotated nothing"
    assert before.live
    town.heal(secret)


@pytest.mark.parametrize("kind", ["api", "app", "admin", "token"])
def test_a_promotion_that_is_answered_and_not_done_deletes_nothing_in_use(town, kind):
    secret = town.add(kind)
    town.succeed(secret)
    town.on("UpdateSecretVersionStage", refuse(200, {"ARN": secret.arn, "Name": secret.name}))
    town.rotate(secret)
    town.heal(secret)


@pytest.mark.parametrize("kind", ["api", "app", "admin", "token"])
def test_a_store_that_is_done_and_said_to_exist_keeps_its_key(town, kind):
    secret = town.add(kind)
    town.on("PutSecretValue", done_but(400, {"__type": "ResourceExistsException", "Message": "exists"}))
    town.succeed(secret)


def test_a_version_list_without_end_is_left(town):
    secret = town.add("api")
    town.succeed(secret)

    def again(call, effect):
        call.body.pop("NextToken", None)
        answer = effect()
        answer.body["NextToken"] = "again"
        return answer

    town.on("^POST", kill_after)
    town.rotate(secret)
    town.on("ListSecretVersionIds", lie("a list without end")(again), times=99999)
    town.later()
    town.rotate(secret, seconds=45)
    assert len(town.sent("ListSecretVersionIds")) < 200


def test_a_list_that_ignores_page_numbers_is_not_taken_for_whole_in_silence(town):
    secret, town.datadog.quota = town.add("api"), 1000
    town.succeed(secret)
    for number in range(120):
        town.datadog.make("api", f"aws-sm-api-key-{secret.name}-20250101-{number:06}")

    def ignore(call, effect):
        call.query = call.query.replace("number%5D=", "nothing%5D=")
        return effect()

    town.on("^POST", kill_after)
    town.rotate(secret)
    town.later()
    town.on(LIST, lie("the first page, whichever is asked for")(ignore), times=9999)
    done = town.rotate(secret)
    left = set(made(town)) - set(town.keys(secret) + town.keys(secret, "AWSPREVIOUS"))
    assert not left or not done[-1].ok or any('"WARN"' in line and "list" in line for step in done for line in step.lines)


def test_an_id_in_the_previous_value_without_its_text_is_not_deleted(town):
    secret = town.add("api")
    town.succeed(secret)
    current, victim = secret.value(), town.datadog.make("api", "of somebody else")
    town.secrets.store(secret, {"apiKey": "0" * 28 + victim.text[-4:], "apiKeyId": victim.id})
    town.secrets.store(secret, current)
    town.rotate(secret)
    assert victim.live


@pytest.mark.parametrize("kind", ["api", "app", "admin", "token"])
def test_a_pending_copy_of_the_current_value_is_not_said_to_replace_it(town, kind):
    secret = town.add(kind)
    town.succeed(secret)
    token = town.secrets.begin(secret)  # as a check without rotation may leave it
    secret.versions[token].value = secret.get("AWSCURRENT").value
    town.rotate(secret)
    town.heal(secret)


@pytest.mark.parametrize("kind", ["app", "admin"])
def test_replaced_keys_whose_names_came_back_in_lower_case_go_with_the_next_rotation(town, kind):
    town.datadog.rename = str.lower
    secret = town.add_admin("With-Capitals") if kind == "admin" else town.add(kind, "With-Capitals")
    town.succeed(secret)
    rule = town.on("^DELETE", kill_before)
    town.rotate(secret)
    assert rule.met
    town.heal(secret)


# What is made, and what was asked for.


@pytest.mark.parametrize(("kind", "attribute"), [("app", "scopes"), ("admin", "scopes"), ("api", "category"), ("api", "remote_config_read_enabled")])
def test_a_key_that_is_made_without_what_was_asked_for_is_deleted_at_once(town, kind, attribute):
    secret = town.add(kind, **({"category": "special", "remote_config": False} if kind == "api" else {}))

    def ignore(call, effect):
        call.body["data"]["attributes"].pop(attribute, None)
        return effect()

    town.on(f"^POST .*/{'api' if kind == 'api' else 'application'}_keys", lie(f"{attribute} is ignored")(ignore), times=9)
    done = town.rotate(secret)
    assert not done[-1].ok and not made(town), done
    town.heal(secret)  # and nothing is stuck


@pytest.mark.parametrize("kind", ["app", "admin", "token"])
def test_a_new_key_of_another_owner_is_not_promoted(town, kind):
    secret = town.add(kind)
    before = town.keys(secret)

    def give_away(body):
        if "owned_by" in body["data"]["relationships"]:
            body["data"]["relationships"]["owned_by"]["data"]["id"] = town.datadog.other

    town.on("^POST .*/(application_keys|access_tokens)", edit(give_away, "of another owner"))
    town.rotate(secret)
    assert town.keys(secret) == before


@pytest.mark.parametrize("kind", ["api", "app"])
def test_a_created_key_whose_value_is_another_keys_is_not_stored(town, kind):
    secret = town.add(kind)
    before = town.keys(secret)
    field = {"api": "apiKey", "app": "appKey"}[kind]

    def give_another(body):
        body["data"]["attributes"]["key"] = secret.value()[field]

    town.on("^POST .*/(api_keys|application_keys)", edit(give_another, "with the value of another key"))
    assert not town.rotate(secret)[-1].ok
    assert town.keys(secret) == before


@pytest.mark.parametrize("kind", ["api", "app", "token"])
def test_a_value_that_says_it_is_another_secrets_is_not_believed(town, kind):
    secret, other = town.add(kind), town.add(kind)
    # Then the names of its keys are those of its versions.
    town.succeed(secret, times=2)
    town.later()
    before = town.keys(secret)

    def give_another(body):
        body["ARN"], body["SecretString"] = other.arn, json.dumps(other.value())

    town.on(f"GetSecretValue {secret.name}-{secret.suffix} ", edit(give_another, "with the value of another secret"), times=99)
    town.rotate(secret)
    assert town.keys(secret) == before


# Attributes of API keys.


@pytest.mark.parametrize("takes", [True, False], ids=["Datadog takes it", "Datadog refuses it"])
def test_the_right_to_enroll_action_runners_is_carried_over_or_the_rotation_refused(town, takes):
    town.datadog.takes_enroll = takes
    secret = town.add("api", enroll=True)
    done = town.rotate(secret)[-1]
    assert town.key(secret).enroll and done.ok == takes, done
    assert takes or not made(town)


def test_an_attribute_that_nobody_knows_and_the_new_key_lacks_is_named(town):
    secret = town.add("api")

    def invent(body):
        for key in body["data"] if isinstance(body["data"], list) else [body["data"]]:
            if key["id"] == secret.value()["apiKeyId"]:
                key["attributes"]["may_do_something_new"] = True

    town.on("^GET /api/v2/api_keys", edit(invent, "with a new attribute"), times=99, step="createSecret")
    done = town.rotate(secret)
    assert done[-1].ok and any('"WARN"' in line and "may_do_something_new" in line for step in done for line in step.lines)


# What is said of it.


@pytest.mark.parametrize("level", ["INFO ", "warning", "info;debug", "hyper=off", "my_crate=info", "", "off,,"])
def test_a_malformed_log_setting_hides_neither_errors_nor_the_names_of_new_keys(town, level):
    secret = town.add("api")
    town.function(secret, RUST_LOG=level)
    done = town.step(secret, "createSecret")
    assert done.ok and town.key(secret, "AWSPENDING").name in "\n".join(town.function(secret).lines)
    secret.rotation_enabled = False
    done = town.step(secret, "finishSecret")
    assert not done.ok and any('"ERROR"' in line and done.type in line for line in done.lines), done.output


def test_a_refused_admin_names_the_site_that_it_was_tried_at(town):
    secret = town.add("api")
    town.on("/api/", refuse(403, FORBIDDEN), times=999)
    done = town.step(secret, "createSecret")
    assert done.type == "AdminKeyRefused" and "datadoghq.com" in done.text, done
    runbook = (ROOT / "docs/operate/runbooks.md").read_text()
    section = runbook[runbook.index("## Dead admin"):runbook.index("## Missing scope")]
    assert re.search(r"allow.list", section) and re.search(r"(another|other|wrong|different) site", section)


def test_a_refused_property_is_told_apart_from_other_refusals(town):
    secret = town.add("app")
    town.on("^POST", refuse(400, {"errors": ["Invalid scopes"]}), times=9)
    done = town.step(secret, "createSecret")
    assert done.type == "DatadogRejected" and "scope" in done.text, done
    assert len(town.sent("^POST")) == 1
    unchanged(town)


@pytest.mark.parametrize("word", ["paused", "ACTIVE", "", 7])
def test_an_unknown_status_is_neither_dead_nor_said_to_be(town, word):
    secret = town.add("api")
    town.key(secret).status = word
    done = town.rotate(secret)[-1]
    assert done.type != "CurrentKeyDead" and "revoked" not in done.text, done


@pytest.mark.parametrize("word", ["paused", 7])
def test_a_pending_key_of_unknown_status_is_not_given_up(town, word):
    secret = town.add("api")
    token = town.secrets.begin(secret)
    assert town.step(secret, "createSecret", token).ok
    town.key(secret, "AWSPENDING").status = word
    town.later()
    town.on("/validate", refuse(403, FORBIDDEN), times=999)
    town.step(secret, "testSecret", token, seconds=50)
    assert secret.holder("AWSPENDING") == token and town.key(secret, "AWSPENDING").live


@pytest.mark.parametrize("kind", ["app", "admin"])
def test_one_missing_answer_to_the_look_up_of_the_current_key_accuses_nobody(town, kind):
    secret = town.add(kind)
    town.on(APP_BY_ID, refuse(404, {"errors": ["Application key not found"]}))
    done = town.rotate(secret)[-1]
    assert "belong" not in done.text and done.type not in ("CurrentKeyNotOwned", "CurrentKeyDead"), done
    town.heal(secret)


def test_a_full_quota_of_application_keys_is_not_blamed_on_api_keys(town):
    secret = town.add("app")
    town.on("^POST", refuse(400, {"errors": ["You have exceeded the maximum number of permitted application keys"]}), times=9)
    done = town.step(secret, "createSecret")
    assert "application key" in done.text and not re.search(r"as many API keys|50 API keys|limit of API keys|API keys as", done.text), done
    assert done.type != "DatadogRejected", done
    unchanged(town)


@pytest.mark.parametrize("kind", ["api", "app", "admin", "token"])
def test_a_stored_value_that_is_seen_two_seconds_later_is_waited_for(town, kind):
    secret = town.add(kind)
    town.secrets.lag, town.secrets.stale = 2, "old"
    token = town.secrets.begin(secret)
    time.sleep(2)
    done = []
    for step in STEPS:
        if step == "testSecret":
            secret.past[-1] = (time.time(), secret.past[-1][1])
        done.append(town.step(secret, step, token))
        assert done[-1].ok, done[-1]
    assert any(call.step == "testSecret" for call in town.sent("/current_user" if kind == "token" else "/validate"))


AWS_ERRORS = {
    "ExpiredTokenException": "The security token included in the request is expired",
    "UnrecognizedClientException": "The security token included in the request is invalid.",
    "InvalidSignatureException": "Signature expired: 20261128T010000Z is now earlier than 20261128T013000Z",
    "AccessDeniedException": "User: somebody is not authorized to perform: this action with an explicit deny in a service control policy",
    "InvalidRequestException": "You can't perform this operation on the secret because it was marked for deletion.",
    "InvalidParameterException": "Operation not permitted on a replica secret. Call must be made in primary secret's region.",
    "DecryptionFailure": "Secrets Manager can't decrypt the protected secret text using the provided KMS key.",
}


@pytest.mark.parametrize("code", AWS_ERRORS)
@pytest.mark.parametrize("call", ["DescribeSecret", "GetSecretValue"])
def test_the_words_of_aws_are_kept_and_nothing_else_is_blamed(town, code, call):
    secret = town.add("api")
    town.on(call, aws_error(code, AWS_ERRORS[code]), times=99)
    done = town.step(secret, "createSecret")
    assert AWS_ERRORS[code][:60] in done.text, done
    assert code == "DecryptionFailure" or "KMS" not in done.text, done
    assert code == "AccessDeniedException" or "the role may not" not in done.text, done
    assert done.seconds < 15
    unchanged(town)


WRAPPED = {"a line break": ("{}\n", "line break|white ?space|control character|blank"), "quotes": ('"{}"', "quot"), "a BOM": ("\ufeff{}", "byte.order|BOM|invisible"),
           "a blank": (" {}", "blank|space")}


@pytest.mark.parametrize("around", WRAPPED)
@pytest.mark.parametrize("kind", ["api", "app", "token"])
def test_what_is_around_a_key_is_named(town, around, kind):
    secret = town.add(kind)
    text, word = WRAPPED[around]
    field = {"api": "apiKey", "app": "appKey", "token": "serviceAccessToken"}[kind]
    town.secrets.store(secret, secret.value() | {field: text.format(town.key(secret).text)})
    done = town.step(secret, "createSecret")
    assert field in done.text and re.search(word, done.text, re.IGNORECASE), done
    unchanged(town)


def test_an_empty_admin_secret_arn_is_no_name(town):
    tag = town.add_admin("by-tag")
    secret = town.add("api", fields={"adminSecretArn": ""}, adminSecretArn=tag.arn)
    town.succeed(secret)
    assert all(tag.value()["adminAppKeyId"] in call.keys for call in town.sent("^POST"))


@pytest.mark.parametrize(("site", "hint"), [("https://app.datadoghq.com", "datadoghq.com"), ("https://api.datadoghq.eu", "datadoghq.eu"), ("US1", "datadoghq.com"),
                                            ("eu1", "datadoghq.eu"), ("app.datadoghq.eu", "datadoghq.eu")])
def test_a_site_in_another_spelling_is_told_how_it_is_spelt(town, site, hint):
    secret = town.add("api")
    town.secrets.store(town.admin, town.admin.value() | {"site": site})
    done = town.step(secret, "createSecret")
    assert done.type == "UnknownSite" and hint in done.text.replace(site, ""), done
    assert not town.sent("/api/")


@pytest.mark.parametrize("value", [7, None, ["x"], {"a": 1}, True])
def test_a_member_of_a_wrong_type_is_named_with_where_it_came_from(town, value):
    secret = town.add("api", fields={"adminSecretArn": value})
    done = town.step(secret, "createSecret")
    assert done.ok if value is None else "adminSecretArn" in done.text and re.search("text|string", done.text), done
    town.secrets.store(town.admin, town.admin.value() | {"site": value})
    done = town.step(town.admin, "createSecret")
    assert not done.ok and "site" in done.text and re.search("text|string|missing|null", done.text), done


def test_a_bad_name_of_an_admin_secret_says_whether_field_tag_or_variable_gave_it(town):
    for fields, tags, word in [({"adminSecretArn": "x"}, {}, "field"), ({}, {"adminSecretArn": "x"}, "tag")]:
        secret = town.add("api", f"by-{word}", fields, **tags)
        done = town.step(secret, "createSecret")
        assert done.type == "AdminSecretArnInvalid" and word in done.text, done
    secret = town.add("api", "by-variable")
    town.function(secret, ADMIN_SECRET_ARN="x")
    done = town.step(secret, "createSecret")
    assert not done.ok and "ADMIN_SECRET_ARN" in done.text, done
