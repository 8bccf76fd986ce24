"""A stack of the template as it was before (previous.yaml) becomes one of today's, and rotates on."""

from pathlib import Path

import pytest
from account import KINDS, Account, create_secrets
from conftest import STACK, unpacked

FUNCTIONS = ["api-key", "application-key", "service-access-token", "admin-key", "doctor"]


@pytest.fixture(scope="module")
def secrets(world):
    return create_secrets(world, "update")


def test_a_stack_of_the_template_before_is_updated(world, release, secrets, tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "before").mkdir()
    unpacked(tmp_path / "before", Path(__file__).with_name("previous.yaml").read_text())
    account = Account(world, tmp_path / "before", tmp_path / "home")
    named = {
        "AdminSecretArn": secrets.admin,
        "AdminKeySecretArn": secrets.admin,
        "ApiKeySecretArn": secrets.api,
        "ApplicationKeySecretArn": secrets.application,
        "AlarmEmail": "on-call@example.com",
    }
    account.deploy(**named, StraysSchedule="rate(1 day)", RotationExpectedWithinDays="7")
    rotated(account, secrets)
    groups = log_groups(world)

    account.release = release
    account.deploy(**named)
    outputs = account.outputs()
    rotated(account, secrets)
    functions = {it["FunctionName"] for it in world.client("lambda").list_functions()["Functions"]}
    assert functions == {f"{STACK}-{it}" for it in FUNCTIONS}
    alarms = {it["AlarmName"] for it in world.client("cloudwatch").describe_alarms()["MetricAlarms"]}
    assert any("DoctorOverdue" in it for it in alarms) and not any("NotRotated" in it for it in alarms)
    # What the logs say stays: they may hold the only name of a key.
    assert groups <= log_groups(world)
    assert log_groups_of(outputs) <= log_groups(world) - groups
    renamed(account, named, secrets)
    account.run("sam", "delete", "--stack-name", STACK, "--no-prompts")


def renamed(account: Account, named: dict[str, str], secrets):
    """Other names make other functions; the stack's secrets follow, and the logs stay where they are."""
    before = account.outputs()
    account.deploy(**named, FunctionNamePrefix="other")
    outputs = account.outputs()
    functions = {it["FunctionName"] for it in account.world.client("lambda").list_functions()["Functions"]}
    assert functions == {f"other-{it}" for it in FUNCTIONS}
    assert log_groups_of(outputs) == log_groups_of(before) <= log_groups(account.world)
    roles = {it["Arn"] for it in account.world.client("iam").list_roles()["Roles"]}
    assert {outputs[f"{it}RoleArn"] for it in ("ApiKey", "ApplicationKey", "ServiceAccessToken", "AdminKey", "Doctor")} <= roles
    rotated(account, secrets)


def log_groups_of(outputs: dict[str, str]) -> set[str]:
    return {it for key, it in outputs.items() if key.endswith("LogGroupName")}


def rotated(account: Account, secrets):
    """Rotates each secret."""
    for field in KINDS:
        assert account.rotate(getattr(secrets, field)) == "ok"


def log_groups(world) -> set[str]:
    groups = world.client("logs").describe_log_groups(logGroupNamePrefix="/aws/lambda/")["logGroups"]
    return {it["logGroupName"] for it in groups}
