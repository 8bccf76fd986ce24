"""Service access tokens: what they have and keys have not. What all types share is asked in the other files."""

import json
import re
import time

import pytest
from datadog import DAY
from functions import STEPS
from test_promises import keyless
from test_world import aws, datadog, make, noticed, path
from world import Answer, kill_after, lie

WORLDS = {"as a bearer alone": {"bearer"}, "beside an API key": {"header"}, "both ways": {"bearer", "header"}}
QUOTAS = {400: "maximum number of tokens", 403: "Forbidden", 429: "Too many tokens"}


@pytest.fixture(params=WORLDS)
def world(request, town):
    town.datadog.token_in = WORLDS[request.param]
    return town


# The world.


def ask(town, secret, method, where, body=None, **headers):
    return town.world.serve(town.function(secret), "datadog", method, where, headers, json.dumps(body or {}))


def test_tokens_answer_as_recorded(town):
    secret, account = town.add("token"), town.datadog.account
    where = f"/api/v2/service_accounts/{account}/access_tokens"
    created = make(town, secret, scopes=["dashboards_read"])
    answer = town.world.calls[-1].answer
    attributes = answer.body["data"]["attributes"]
    assert answer.status == 201 and set(attributes) == {"name", "scopes", "created_at", "expires_at", "public_portion", "key"}
    assert re.fullmatch(r"ddsat_\w{22}_\w{36}", attributes["key"]) and attributes["key"].startswith(f"{attributes['public_portion']}_")
    assert re.fullmatch(r".*\.\d{9}Z", attributes["created_at"]) and attributes["expires_at"] is None
    assert answer.body["data"]["relationships"] == {"owned_by": {"data": {"id": account, "type": "service_account"}}}
    shown = datadog(town, secret, "GET", path(town, created)).body["data"]["attributes"]
    assert "key" not in shown and shown["last_used_at"] is None
    pages = [datadog(town, secret, "GET", f"{where}?page[size]=1&page[number]={page}").body for page in range(3)]
    assert {item["id"] for page in pages for item in page["data"]} == {created.id, town.key(secret).id}
    assert [len(page["data"]) for page in pages] == [1, 1, 0] and pages[0]["meta"] == {"page": {"total_filtered_count": 2}}
    assert [datadog(town, secret, "DELETE", path(town, created)).status for _ in range(2)] == [204, 204]
    assert datadog(town, secret, "GET", path(town, created)).status == 404
    town.datadog.reveals_dead_tokens = True
    assert datadog(town, secret, "GET", path(town, created)).status == 200


@pytest.mark.parametrize("attributes", [{}, {"scopes": []}, {"scopes": ["no_such"]}, {"scopes": ["dashboards_read"], "expires_at": "2020-01-01T00:00:00Z"},
                                        {"scopes": ["dashboards_read"], "expires_at": "2999-01-01T00:00:00Z"}], ids=str)
def test_a_token_without_scopes_or_of_an_impossible_end_is_not_made(town, attributes):
    secret = town.add("token")
    where = f"/api/v2/service_accounts/{town.datadog.account}/access_tokens"
    body = {"data": {"type": "service_access_tokens", "attributes": {"name": "new"} | attributes}}
    assert datadog(town, secret, "POST", where, body).status == 400


def test_where_a_token_is_taken_and_until_when(world):
    secret, api = world.add("token"), world.datadog.make("api")
    token, where = world.key(secret), "/api/v2/current_user"

    def taken():
        ways = {"bearer": {"Authorization": f"Bearer {token.text}"}, "header": {"DD-API-KEY": api.text, "DD-APPLICATION-KEY": token.text}}
        return {way for way, headers in ways.items() if ask(world, secret, "GET", where, **headers).status == 200}

    assert taken() == world.datadog.token_in
    assert ask(world, secret, "GET", where, **{"DD-APPLICATION-KEY": token.text}).status == 403
    token.expires = time.time() - 1
    assert not taken() and not token.live


def test_a_token_makes_no_application_key_and_no_token_that_may_more(town):
    scopes = ["service_account_write", "org_app_keys_write", "org_app_keys_read"]
    secret = town.add("token", scopes=scopes)
    account, headers = f"/api/v2/service_accounts/{town.datadog.account}", {"Authorization": f"Bearer {town.key(secret).text}"}

    def post(where, kind, **attributes):
        return ask(town, secret, "POST", f"{account}/{where}", {"data": {"type": kind, "attributes": {"name": "new"} | attributes}}, **headers).status

    assert post("application_keys", "application_keys", scopes=["dashboards_read"]) == 403
    assert post("access_tokens", "service_access_tokens", scopes=["dashboards_read"]) == 403
    town.key(secret).expires = time.time() + 5 * DAY
    assert post("access_tokens", "service_access_tokens", scopes=scopes[:1]) == 403
    town.key(secret).expires = None
    assert post("access_tokens", "service_access_tokens", scopes=scopes[:1]) == 201


def test_deleted_and_widened_tokens_are_noticed(town):
    secret = town.add("token")
    other = town.datadog.make("token", scopes=["dashboards_read"])
    datadog(town, secret, "DELETE", path(town, other))
    noticed(town, "P2")
    token, key = town.secrets.begin(secret), make(town, secret, scopes=["dashboards_read"])
    aws(town, secret, "PutSecretValue", ClientRequestToken=token, VersionStages=["AWSPENDING"], RotationToken=secret.rotation_token,
        SecretString=json.dumps(town.value(key)))
    aws(town, secret, "UpdateSecretVersionStage", VersionStage="AWSCURRENT", MoveToVersionId=token, RemoveFromVersionId=secret.holder("AWSCURRENT"))
    noticed(town, "P6")
    assert datadog(town, secret, "DELETE", path(town, key)).status == 204
    noticed(town, "P1", "DELETE")


# The function.


def test_three_rotations_wherever_a_token_is_taken(world):
    secret = world.add("token")
    for _ in range(3):
        world.succeed(secret)
        world.later()
    world.world.promises.at_rest(secret)


@pytest.mark.parametrize("part", range(3))
def test_killed_at_any_call_where_a_token_is_taken_only_beside_an_api_key(towns, part):
    done, at = False, part
    while not done:
        town = towns()
        town.datadog.token_in = {"header"}
        secret = town.add("token")
        town.succeed(secret)
        rule = town.on(".", kill_after, skip=at)
        town.rotate(secret)
        done = not rule.met
        town.heal(secret)
        town.world.verdict()
        town.world.close()
        at += 3


@pytest.mark.parametrize("reveals", [False, True], ids=["404", "still shown"])
@pytest.mark.parametrize("listed", [False, True], ids=["unlisted", "still listed"])
def test_a_replaced_token_that_ended_by_itself_stops_no_rotation(world, reveals, listed):
    world.datadog.reveals_dead_tokens, world.datadog.lists_ended_tokens = reveals, listed
    secret = world.add("token")
    world.succeed(secret)
    world.key(secret, "AWSPREVIOUS").expires = time.time() - 60
    world.succeed(secret, times=2)
    world.later()
    world.world.promises.at_rest(secret)


@pytest.mark.parametrize("reveals", [False, True], ids=["404", "still shown"])
def test_a_current_token_that_has_ended_is_said_to_be_dead_and_costs_nothing(world, reveals):
    world.datadog.reveals_dead_tokens = reveals
    secret = world.add("token")
    world.succeed(secret)
    previous = world.key(secret, "AWSPREVIOUS")
    world.key(secret).expires = time.time() - 60
    done = world.rotate(secret)[-1]
    assert not done.ok and done.type in ("CurrentKeyDead", "CurrentKeyMismatch"), done
    assert previous.live and not [key for key in world.datadog.live("token") if key.made_for and key is not world.key(secret)]


@pytest.mark.parametrize("days", [90, 365])
def test_a_token_ends_when_the_secret_says(world, days):
    secret = world.add("token", fields={"daysToExpiry": days})
    world.succeed(secret, times=2)
    assert abs(world.key(secret).expires - time.time() - days * DAY) < 120
    world.later()
    world.world.promises.at_rest(secret)


@pytest.mark.parametrize("days", [1, 30])
def test_a_token_that_would_end_before_it_is_replaced_is_not_made(town, days):
    secret = town.add("token", fields={"daysToExpiry": days})
    assert town.rotate(secret)[-1].type == "ExpiryTooShort"
    assert not [key for key in town.datadog.keys if key.made_for]


@pytest.mark.parametrize("status", QUOTAS)
def test_a_full_quota_of_tokens_costs_nothing_whatever_it_is_answered(town, status):
    secret = town.add("token")
    town.succeed(secret)
    before = town.datadog.live("token")
    town.datadog.token_quota = (1, Answer(status, {"errors": [QUOTAS[status]]}))
    assert not town.rotate(secret, seconds=60)[-1].ok
    assert town.datadog.live("token") == before
    town.datadog.token_quota = (99, None)
    town.heal(secret)


def test_names_that_are_unique_or_not_cost_no_token(town):
    secret = town.add("token")
    town.succeed(secret)
    town.datadog.unique_tokens = True
    town.on("^POST", kill_after)
    town.rotate(secret)
    town.heal(secret)


@pytest.mark.parametrize("step", STEPS[2:])
def test_a_token_revoked_between_two_steps_is_not_promoted(world, step):
    secret = world.add("token")
    world.succeed(secret)
    before, token = world.key(secret), world.secrets.begin(secret)
    for earlier in STEPS[:STEPS.index(step)]:
        assert world.step(secret, earlier, token).ok
    world.datadog.revoke(world.key(secret, "AWSPENDING"))
    assert not world.step(secret, step, token, seconds=60).ok
    assert world.key(secret) is before and before.live and world.key(secret, "AWSPREVIOUS").live


@pytest.mark.parametrize("end", [None, 2 * DAY, 700 * DAY], ids=["for ever", "for 2 days", "for 700 days"])
def test_a_token_that_lives_otherwise_than_was_asked_for_is_not_promoted(town, end):
    secret = town.add("token", fields={"daysToExpiry": 90})
    before = town.key(secret)

    def otherwise(call, effect):
        answer = effect()
        call.made.expires = end and time.time() + end
        answer.body["data"]["attributes"]["expires_at"] = town.datadog.show_token(call.made)["attributes"]["expires_at"]
        return answer

    town.on("^POST", lie("lives otherwise")(otherwise), times=9)
    assert not town.rotate(secret)[-1].ok
    assert town.key(secret) is before
    town.heal(secret)


@pytest.mark.parametrize("scopes", [["dashboards_read"], ["dashboards_read", "monitors_read", "metrics_read"]], ids=["less", "more"])
def test_a_token_that_may_more_or_less_than_was_asked_for_is_deleted_at_once(town, scopes):
    secret = town.add("token")

    def otherwise(call, effect):
        call.body["data"]["attributes"]["scopes"] = scopes
        return effect()

    town.on("^POST", lie("has other scopes")(otherwise), times=9)
    assert not town.rotate(secret)[-1].ok
    assert not [key for key in town.datadog.live("token") if key.made_for]
    town.heal(secret)


def test_a_token_of_another_account_is_refused_and_stays(town):
    theirs = town.datadog.make("token", owner=town.datadog.other, scopes=["dashboards_read"])
    secret = town.secrets.add("token", "token", town.value(theirs) | {"serviceAccountId": town.datadog.account}, "datadog-service-access-token")
    done = town.step(secret, "createSecret")
    assert not done.ok and done.type in ("CurrentKeyNotOwned", "CurrentKeyDead"), done
    assert theirs.live and not [call for call in town.world.calls if call.effect]


def test_without_an_admin_pair_the_identity_makes_tokens(towns):
    town = keyless(towns)
    secret = town.add("token")
    town.succeed(secret, times=3)
    town.later()
    town.world.promises.at_rest(secret)
