"""A keyless stack: its roles are mapped before its secrets are checked, it rotates without admin keys, and takes its mappings along."""

import json
import re
from typing import NamedTuple

import pytest
from account import Account, create_secrets
from conftest import ACCOUNT, STACK
from test_deployment import there, until


class Keyless(NamedTuple):
    """Full ARNs. No secret that is rotated names an admin secret."""

    bootstrap: str
    api: str
    application: str


@pytest.fixture(scope="module")
def account(world, release, tmp_path_factory):
    return Account(world, release, tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def secrets(world) -> Keyless:
    manager, datadog = world.client("secretsmanager"), world.datadog
    made = create_secrets(world, "keyless")
    for secret in (made.api, made.application):
        manager.untag_resource(SecretId=secret, TagKeys=["adminSecretArn"])
    api = datadog.new_api_key("keyless bootstrap")
    body = {"data": {"type": "application_keys", "attributes": {"name": "keyless bootstrap"}}}
    application = datadog.call("POST", "current_user/application_keys", body)["data"]
    pair = {
        "adminApiKey": api["key"],
        "adminApiKeyId": api["id"],
        "adminAppKey": application["attributes"]["key"],
        "adminAppKeyId": application["id"],
        "serviceAccountId": datadog.service_account,
        "site": "datadoghq.com",
    }
    bootstrap = manager.create_secret(Name="keyless/bootstrap", SecretString=json.dumps(pair))["ARN"]
    integrate(world)
    return Keyless(bootstrap, made.api, made.application)


def integrate(world):
    """Registers the AWS account at Datadog, once."""
    registered = world.datadog.call("GET", "integration/aws/accounts")["data"]
    if ACCOUNT in {it["attributes"]["aws_account_id"] for it in registered}:
        return
    attributes = {
        "aws_account_id": ACCOUNT,
        "aws_partition": "aws",
        "auth_config": {"role_name": "DatadogIntegration"},
        "aws_regions": {"include_all": True},
        "logs_config": {"lambda_forwarder": {}},
        "metrics_config": {"namespace_filters": {}},
        "resources_config": {},
        "traces_config": {},
    }
    world.datadog.call("POST", "integration/aws/accounts", {"data": {"type": "account", "attributes": attributes}})


def parameters(world, secrets: Keyless) -> dict[str, str]:
    return {
        "KeylessOrgUuid": world.datadog.call("GET", "current_user")["data"]["relationships"]["org"]["data"]["id"],
        "KeylessServiceAccountId": world.datadog.service_account,
        "KeylessSite": "datadoghq.com",
        "KeylessBootstrapSecretArn": secrets.bootstrap,
        "KeylessApiKeySecretArn": secrets.api,
        "ApiKeySecretArn": secrets.api,
        "ApplicationKeySecretArn": secrets.application,
    }


def mappings(world) -> dict[str, str]:
    """Each mapped role, and whom it acts as."""
    listed = world.datadog.call("GET", "cloud_auth/aws/persona_mapping")["data"]
    return {it["attributes"]["arn_pattern"]: it["attributes"]["account_uuid"] for it in listed}


def test_the_first_checks_find_the_roles_mapped(world, account, secrets):
    """A check is run as soon as a secret is attached."""
    assert mappings(world) == {}
    ended = len(world.log.read_text())
    account.deploy(**parameters(world, secrets))
    outputs = account.outputs()
    roles = [outputs[f"{it}RoleArn"].rsplit("/")[-1] for it in ("ApiKey", "ApplicationKey", "AdminKey", "Doctor")]
    patterns = {f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/*" for role in roles}
    assert mappings(world) == dict.fromkeys(patterns, world.datadog.service_account)
    until(lambda: len(re.findall(r" ended: ", world.log.read_text()[ended:])) >= 2, account)
    assert re.findall(r" ended: (.*)", world.log.read_text()[ended:]) == ["ok", "ok"]


def test_it_rotates_without_admin_keys(world, account, secrets):
    outputs = account.outputs()
    for kind in ("ApiKey", "ApplicationKey"):
        variables = account.world.client("lambda").get_function_configuration(FunctionName=outputs[f"{kind}FunctionArn"])
        assert "ADMIN_SECRET_ARN" not in variables["Environment"]["Variables"]
    for secret in (secrets.api, secrets.application):
        before = account.labels(secret)["AWSCURRENT"]
        assert account.rotate(secret) == "ok"
        assert account.labels(secret)["AWSPREVIOUS"] == before
    assert account.value(secrets.api)["apiKeyId"] in world.datadog.api_key_ids()
    assert account.value(secrets.application)["appKeyId"] in world.datadog.application_key_ids()


def test_the_mappings_go_with_the_stack(world, account, secrets):
    account.run("sam", "delete", "--stack-name", STACK, "--no-prompts")
    assert mappings(world) == {}
    left = there(account)
    assert not left["functions"] and not left["roles"] and not left["stacks"]
