"""The example that restarts consumers passes the linter, and restarts them after the secret's own promotions alone."""

import json
import re
import sys
from types import SimpleNamespace

import pytest
from check import TEMPLATE, cfn_lint
from cfnlint.decode import cfn_yaml
from parameters import ADMIN, API
from test_monitoring import matches

PAGE = (TEMPLATE.parent / "docs/reference/messages.md").read_text()
TEXT = (TEMPLATE.parent / "examples/restarts/template.yaml").read_text()


@pytest.fixture(scope="module")
def template() -> dict:
    return cfn_yaml.loads(TEXT)


def test_nothing_is_wrong_with_the_example(template):
    assert [str(it) for it in cfn_lint(template, ["us-east-1"])] == []


def message(secret: str = API) -> dict:
    """The page's own: that it is what the functions send, a test of theirs says."""
    [example] = re.findall(r"```json\n(.+?)```", PAGE, re.DOTALL)
    return json.loads(example) | {"secretArn": secret}


@pytest.mark.parametrize(
    ("told", "restarts"),
    [(message(), True), (message(ADMIN), False), (message() | {"event": "SomethingElse"}, False), ({}, False)],
)
def test_the_subscription_takes_promotions_of_the_secret_alone(template, told, restarts):
    subscription = template["Resources"]["Promotions"]["Properties"]
    assert subscription["FilterPolicyScope"] == "MessageBody"
    policy = json.loads(json.dumps(subscription["FilterPolicy"]).replace(json.dumps({"Ref": "SecretArn"}), json.dumps(API)))
    assert matches(policy, told) == restarts


def test_the_topic_alone_may_invoke_the_function(template):
    permission = template["Resources"]["MayInvoke"]["Properties"]
    assert (permission["Principal"], permission["SourceArn"]) == ("sns.amazonaws.com", {"Ref": "TopicArn"})


def handled(monkeypatch, template: dict, refuses: str = "") -> tuple[list, str]:
    """The calls that the function makes, and the error that it ends with."""
    calls = []

    def call(service: str, operation: str):
        def made(**arguments):
            if refuses in arguments.values():
                raise ValueError("refused")
            calls.append((service, operation, arguments))

        return made

    client = lambda service: SimpleNamespace(  # noqa: E731
        update_service=call(service, "UpdateService"),
        update_function_configuration=call(service, "UpdateFunctionConfiguration"),
    )
    monkeypatch.setitem(sys.modules, "boto3", SimpleNamespace(client=client))
    monkeypatch.setenv("ECS_SERVICES", "main/web,main/worker")
    monkeypatch.setenv("LAMBDA_FUNCTIONS", "ingest")
    code = {}
    exec(template["Resources"]["Restart"]["Properties"]["Code"]["ZipFile"], code)
    try:
        code["handler"]({"Records": [{"Sns": {"Message": json.dumps(message())}}]}, None)
    except RuntimeError as error:
        return calls, str(error)
    return calls, ""


WEB = ("ecs", "UpdateService", {"cluster": "main", "service": "web", "forceNewDeployment": True})
WORKER = ("ecs", "UpdateService", {"cluster": "main", "service": "worker", "forceNewDeployment": True})
INGEST = (
    "lambda",
    "UpdateFunctionConfiguration",
    {"FunctionName": "ingest", "Description": f"Restarted for version {message()['versionId']} of the secret"},
)


def test_every_consumer_is_restarted(monkeypatch, template):
    assert handled(monkeypatch, template) == ([WEB, WORKER, INGEST], "")


def test_one_that_fails_does_not_keep_the_others_from_it(monkeypatch, template):
    assert handled(monkeypatch, template, refuses="web") == ([WORKER, INGEST], "not restarted: main/web")


def test_the_role_may_do_what_the_function_does_and_no_more(template):
    [policy] = template["Resources"]["Role"]["Properties"]["Policies"]
    allowed = {it["Action"] for it in policy["PolicyDocument"]["Statement"]}
    assert allowed == {f"{service}:{operation}" for service, operation, _ in (WEB, INGEST)}
    assert len(re.findall(r"boto3\.client\(", TEXT)) == len(allowed)
