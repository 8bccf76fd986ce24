"""The example that restarts consumers passes the linter, and restarts them after the secret's own successes alone."""

import re
import sys
from types import SimpleNamespace

import pytest
from check import TEMPLATE, cfn_lint
from cfnlint.decode import cfn_yaml
from parameters import ADMIN, API
from test_monitoring import event, matches

TEXT = (TEMPLATE.parent / "examples/restarts/template.yaml").read_text()


@pytest.fixture(scope="module")
def template() -> dict:
    return cfn_yaml.loads(TEXT)


def test_nothing_is_wrong_with_the_example(template):
    assert [str(it) for it in cfn_lint(template, ["us-east-1"])] == []


@pytest.mark.parametrize(
    ("name", "secret", "restarts"),
    [
        ("RotationSucceeded", API, True),
        ("RotationSucceeded", ADMIN, False),
        ("RotationStarted", API, False),
        ("RotationFailed", API, False),
        ("TestRotationSucceeded", API, False),
    ],
)
def test_the_rule_matches_successes_of_the_secret_alone(template, name, secret, restarts):
    pattern = template["Resources"]["Succeeded"]["Properties"]["EventPattern"]
    pattern["detail"]["additionalEventData"]["SecretId"] = [API]
    assert matches(pattern, event(name, secret)) == restarts


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
        code["handler"](event("RotationSucceeded", API) | {"time": "2026-11-28T03:00:00Z"}, None)
    except RuntimeError as error:
        return calls, str(error)
    return calls, ""


WEB = ("ecs", "UpdateService", {"cluster": "main", "service": "web", "forceNewDeployment": True})
WORKER = ("ecs", "UpdateService", {"cluster": "main", "service": "worker", "forceNewDeployment": True})
INGEST = (
    "lambda",
    "UpdateFunctionConfiguration",
    {"FunctionName": "ingest", "Description": "Restarted after the rotation of 2026-11-28T03:00:00Z"},
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
