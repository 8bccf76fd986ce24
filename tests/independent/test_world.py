"""The world itself: it answers as recorded, and it notices each kind of break. A check that can't fail shows nothing."""

import json
import urllib.error
import urllib.request

import pytest
from functions import Invocation
from world import Answer

PLACES = {"api": "/api/v2/api_keys", "app": "/api/v2/service_accounts/{}/application_keys", "token": "/api/v2/service_accounts/{}/access_tokens"}


def datadog(town, secret, method, path, body=None, admin=None, step="finishSecret"):
    """A call to Datadog as the secret's function would make it, with the admin's keys."""
    function, value = town.function(secret), (admin or town.admin).value()
    if not function.invocation:
        event = {"Step": step, "SecretId": secret.arn, "ClientRequestToken": secret.holder("AWSPENDING"), "RotationToken": secret.rotation_token}
        function.invocation = Invocation(event, 60)
    headers = {"DD-API-KEY": value["adminApiKey"], "DD-APPLICATION-KEY": value["adminAppKey"]}
    return town.world.serve(function, "datadog", method, path, headers, json.dumps(body or {}))


def aws(town, secret, operation, who=None, **body):
    headers = {"X-Amz-Target": f"secretsmanager.{operation}",
               "Authorization": f"AWS4-HMAC-SHA256 Credential={who or secret.function}/20261128/us-east-1/secretsmanager/aws4_request"}
    return town.world.serve(town.function(secret), "aws", "POST", "/", headers, json.dumps({"SecretId": secret.arn} | body))


def path(town, key):
    return f"{PLACES[key.kind].format(key.owner)}/{key.id}"


def make(town, secret, name="new", **attributes):
    where = PLACES[secret.kind].format(town.datadog.account)
    resource = {"api": "api_keys", "app": "application_keys", "token": "service_access_tokens"}[secret.kind]
    answer = datadog(town, secret, "POST", where, {"data": {"type": resource, "attributes": {"name": name} | attributes}})
    return town.datadog.by_id(answer.body["data"]["id"])


def noticed(town, *promises):
    """What was broken is just this; it is forgiven, so that the test can pass."""
    found = {line.split(":")[0] for line in town.world.broken}
    town.world.broken.clear()
    assert found == set(promises)


def test_a_deleted_current_key_is_noticed(town):
    secret = town.add("app")
    assert datadog(town, secret, "DELETE", path(town, town.key(secret))).status == 204
    noticed(town, "P1", "DELETE")


def test_a_deleted_grace_key_is_noticed_but_in_finish_secret(town):
    secret = town.add("api")
    town.succeed(secret)
    key = town.key(secret, "AWSPREVIOUS")
    assert datadog(town, secret, "DELETE", path(town, key), step="createSecret").status == 204
    noticed(town, "P1", "DELETE")


def test_a_key_of_others_that_is_deleted_is_noticed(town):
    secret, theirs = town.add("app"), town.datadog.make("app")
    datadog(town, secret, "DELETE", path(town, theirs))
    noticed(town, "P2")


def test_keys_that_delete_themselves_are_noticed_though_they_are_refused(town):
    secret = town.add("api")
    own = next(key for key in town.keys(town.admin) if key.kind == "api")
    own.status = town.datadog.roles[town.datadog.account].discard("api_keys_delete")
    assert datadog(town, secret, "DELETE", path(town, own)).status == 403 and own.live
    noticed(town, "P2", "DELETE")


def test_a_young_key_of_another_version_that_is_deleted_before_it_is_stored_is_noticed(town):
    secret = town.add("app")
    key, other = make(town, secret), make(town, secret, "other")
    key.made_under = other.made_under = "another"
    other.created -= 16 * 60
    for orphan in (other, key):
        assert datadog(town, secret, "DELETE", path(town, orphan)).status == 204
    noticed(town, "DELETE")


def test_what_is_left_over_is_noticed(town):
    secret = town.add("app")
    make(town, secret)
    town.world.promises.at_rest(secret)
    noticed(town, "P3")


def test_a_printed_key_is_noticed(town):
    secret = town.add("api")
    town.function(secret).lines.append(f"the key is {town.key(secret).text}, I think")
    town.world.promises.printed()
    noticed(town, "P4")
    town.function(secret).lines.clear()
    town.function(secret).told.append({"errorMessage": secret.rotation_token})
    town.world.promises.printed()
    noticed(town, "P4")
    town.function(secret).told.clear()


@pytest.mark.parametrize(("kind", "attributes"), [("app", {"scopes": ["dashboards_read"]}), ("app", {}), ("api", {"category": "other"}),
                                                  ("api", {"remote_config_read_enabled": False}), ("api", {"private_action_runner_enroll_enabled": True})], ids=str)
def test_a_key_that_may_more_or_less_is_noticed_when_it_is_promoted(town, kind, attributes):
    secret = town.add(kind)
    token, key = town.secrets.begin(secret), make(town, secret, **attributes)
    aws(town, secret, "PutSecretValue", ClientRequestToken=token, VersionStages=["AWSPENDING"], RotationToken=secret.rotation_token,
        SecretString=json.dumps(town.value(key)))
    aws(town, secret, "UpdateSecretVersionStage", VersionStage="AWSCURRENT", MoveToVersionId=token, RemoveFromVersionId=secret.holder("AWSCURRENT"))
    assert secret.holder("AWSCURRENT") == token
    noticed(town, "P6")


def test_a_made_key_that_nobody_names_and_a_false_outcome_are_noticed(town):
    secret = town.add("app")
    key, function = make(town, secret), town.function(secret)
    invocation = function.invocation
    invocation.report = ("response", None)
    invocation.lines = [json.dumps({"level": "INFO", "message": "step done", "deleted": f"[application key {key.id}]"})]
    town.world.promises.ended(function, invocation)
    noticed(town, "leak", "lie")
    invocation.lines = [json.dumps({"level": "WARN", "message": "left over", "name": key.name})]
    if key.name in invocation.lines[0]:
        town.world.promises.ended(function, invocation)
    noticed(town)


def test_a_call_that_the_role_does_not_allow_is_noticed(town):
    secret = town.add("api")
    assert aws(town, secret, "DeleteSecret").body["__type"] == "AccessDeniedException"
    noticed(town, "permissions")
    town.admin.function, secret.function = "datadog-admin-key", "datadog-api-key"
    headers = {"X-Amz-Target": "secretsmanager.PutSecretValue", "Authorization": "Credential=datadog-api-key/20261128/us-east-1/secretsmanager/aws4_request"}
    town.world.serve(town.function(secret), "aws", "POST", "/", headers, json.dumps({"SecretId": town.admin.arn, "ClientRequestToken": "x", "SecretString": "{}"}))
    noticed(town, "permissions")


def test_reports_that_lambda_would_refuse_are_noticed(town):
    secret = town.add("api")
    function = town.function(secret)
    function.start()
    invocation = function.invocation = Invocation({}, 60)

    def report(id):
        try:
            return urllib.request.urlopen(f"{function.runtime.url}/2018-06-01/runtime/invocation/{id}/response", b"null").status
        except urllib.error.HTTPError as error:
            return error.code

    assert [report("another"), report(invocation.id), report(invocation.id)] == [400, 202, 403]
    noticed(town, "Runtime API")


def test_labels_move_as_recorded(town):
    secret = town.secrets.add("labels", "api", "S1", "datadog-api-key", age=0)
    first = secret.holder("AWSCURRENT")

    def labels():
        answer = aws(town, secret, "ListSecretVersionIds", IncludeDeprecated=True)
        return {version["VersionId"]: set(version.get("VersionStages", [])) for version in answer.body["Versions"]}

    def put(token, *stages):
        return aws(town, secret, "PutSecretValue", ClientRequestToken=token, SecretString=token, **({"VersionStages": list(stages)} if stages else {}))

    def promote(to, at=None):
        return aws(town, secret, "UpdateSecretVersionStage", VersionStage="AWSCURRENT", MoveToVersionId=to, **({"RemoveFromVersionId": at} if at else {}))

    put("two", "AWSPENDING")
    assert labels() == {first: {"AWSCURRENT"}, "two": {"AWSPENDING"}}
    assert promote("two").body["__type"] == "InvalidParameterException" == promote("two", "two").body["__type"]
    promote("two", first)
    assert labels() == {first: {"AWSPREVIOUS"}, "two": {"AWSCURRENT", "AWSPENDING"}}
    put("three", "AWSPENDING")
    assert labels() == {first: {"AWSPREVIOUS"}, "two": {"AWSCURRENT"}, "three": {"AWSPENDING"}}
    promote("three", "two")
    assert labels() == {first: set(), "two": {"AWSPREVIOUS"}, "three": {"AWSCURRENT", "AWSPENDING"}}
    put("four")
    assert labels() == {first: set(), "two": set(), "three": {"AWSPREVIOUS"}, "four": {"AWSCURRENT"}}
    put("five", "one", "two", "three")
    put("six", "four", "one", "two")
    assert labels()["five"] == {"three"} and labels()["six"] == {"four", "one", "two"}
    secret.versions["two"].created -= 2 * 86400
    secret.forget()
    assert "two" not in labels() and first in labels()  # a version of more than a day goes with its last label


def test_values_are_read_and_stored_as_recorded(town):
    secret = town.secrets.add("values", "api", "S1", "datadog-api-key")
    token = town.secrets.begin(secret)

    def get(**body):
        body = aws(town, secret, "GetSecretValue", **body).body
        return body.get("SecretString") or (body["__type"], body["Message"])

    assert get() == "S1" == get(VersionStage="AWSCURRENT") == get(VersionId=secret.holder("AWSCURRENT"))
    assert get(VersionStage="AWSPREVIOUS") == ("ResourceNotFoundException", "Secrets Manager can't find the specified secret value for staging label: AWSPREVIOUS")
    assert get(VersionId=token, VersionStage="AWSPENDING")[0] == "ResourceNotFoundException"
    assert get(VersionId=token, VersionStage="AWSCURRENT") == (
        "InvalidRequestException", "You provided a VersionStage that is not associated to the provided VersionId.")
    assert get(SecretId="another") == ("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
    for text, answer in [("V", 200), ("V", 200), ("W", 400)]:
        assert aws(town, secret, "PutSecretValue", ClientRequestToken=token, SecretString=text, VersionStages=["AWSPENDING"]).status == answer
    assert get(VersionId=token) == "V"
    assert aws(town, secret, "PutSecretValue", SecretString="X").body["__type"] == "InvalidRequestException"


def test_keys_answer_as_recorded(town):
    secret = town.add("app")
    key = make(town, secret, scopes=["dashboards_read"])
    created = town.world.calls[-1].answer.body["data"]
    assert set(created["attributes"]) >= {"name", "created_at", "last4", "key", "scopes"} and created["relationships"]["owned_by"]["data"]["id"] == key.owner
    shown = datadog(town, secret, "GET", path(town, key)).body["data"]
    assert "key" not in shown["attributes"] and "owned_by" not in shown["relationships"] and shown["attributes"]["last4"] == key.text[-4:]
    listed = datadog(town, secret, "GET", path(town, key).rpartition("/")[0] + "?filter=new&page[size]=1").body
    assert [item["id"] for item in listed["data"]] == [key.id] and listed["meta"] == {"page": {"total_filtered_count": 1}, "max_allowed_per_user": 1000}
    assert datadog(town, secret, "DELETE", path(town, key)).status == 204
    again = datadog(town, secret, "DELETE", path(town, key))
    assert (again.status, again.body) == (404, {"errors": ["Application key not found"]})
    other = town.add("api")
    key = make(town, other)
    assert datadog(town, other, "DELETE", path(town, key)).status == 204
    assert datadog(town, other, "GET", path(town, key)).body["data"]["attributes"]["status"] == "revoked"
    assert key.id not in str(datadog(town, other, "GET", "/api/v2/api_keys?page[size]=100").body)
    assert Answer(204).encode()[0] == b""
