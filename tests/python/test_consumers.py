"""Every reader of docs/reference/consumers.md reads a rotated value, by the lookup that its own documentation gives."""

import json
import os
import re
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import jmespath
import pytest
from aws_lambda_powertools.utilities.parameters import SecretsProvider
from aws_secretsmanager_caching import SecretCache
from conftest import ROOT, aws, secrets_manager
from datadog import Datadog
from test_clients import ROTATION_SECONDS, value, wait_for_rotation

TEXT = (ROOT / "docs/reference/consumers.md").read_text()
USE = (ROOT / "docs/use/consumers.md").read_text()
ROTATIONS = 2


class Row(NamedTuple):
    """A line of the table."""

    reader: str
    kind: str
    fields: list[str]
    cached_for: str
    source: str


def table() -> list[Row]:
    lines = TEXT.split("<!-- readers -->")[1].split("<!-- /readers -->")[0].strip().splitlines()
    head, _, *body = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert head == ["consumer", "secret type", "lookup", "cached for", "by"]
    return [Row(reader, kind, re.findall(r"`(\w+)`", fields), *rest) for reader, kind, fields, *rest in body]


class Secret(NamedTuple):
    """A secret as its readers see it."""

    endpoint: str
    arn: str

    def text(self) -> str:
        return secrets_manager(self.endpoint).get_secret_value(SecretId=self.arn)["SecretString"]


def extension(secret: Secret, *fields: str) -> str:
    """`DD_API_KEY_SECRET_ARN`: the first of the fields that there is, else the whole text."""
    try:
        content = json.loads(secret.text())
    except ValueError:
        return secret.text()
    found = [content[field] for field in fields if isinstance(content, dict) and field in content]
    return found[0] if found else secret.text()


def firehose(secret: Secret, field: str) -> str:
    """The key-value pair that the destination's format of a secret has."""
    return json.loads(secret.text())[field]


def agent(secret: Secret, field: str) -> str:
    """`ENC[secret;field]`: the handle, whole, goes to the backend, and the text that comes back is the setting's."""
    handle = re.fullmatch(r"ENC\[(.*)\]", f"ENC[{secret.arn};{field}]")[1]
    settings = {name.upper(): text for name, text in aws().items() if name != "region_name"}
    settings |= {"AWS_DEFAULT_REGION": aws()["region_name"], "AWS_ENDPOINT_URL_SECRETS_MANAGER": secret.endpoint}
    answer = subprocess.run(
        [sys.executable, Path(__file__).with_name("secret_backend.py")],
        input=json.dumps({"version": "1.0", "secrets": [handle]}),
        env=os.environ | settings,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    resolved = json.loads(answer.stdout)[handle]
    assert resolved["error"] is None
    return resolved["value"]


def ecs(secret: Secret, field: str) -> str:
    """`valueFrom`: the ARN, then json-key, version-stage and version-id, of which the last two may be empty."""
    value_from = f"{secret.arn}:{field}::"
    *arn, key, stage, version = value_from.split(":")
    asked = {"SecretId": ":".join(arn), "VersionStage": stage, "VersionId": version}
    answer = secrets_manager(secret.endpoint).get_secret_value(**{name: it for name, it in asked.items() if it})
    return json.loads(answer["SecretString"])[key]


def external_secrets(secret: Secret, field: str) -> str:
    """`remoteRef`: a property of the JSON that the key holds."""
    remote_ref = {"key": secret.arn, "property": field}
    return json.loads(Secret(secret.endpoint, remote_ref["key"]).text())[remote_ref["property"]]


def csi_driver(secret: Secret, field: str) -> str:
    """`jmesPath`: a path into the JSON, and the alias that it is mounted under."""
    mounted = {"path": field, "objectAlias": "key"}
    return jmespath.search(mounted["path"], json.loads(secret.text()))


def cloudformation(secret: Secret, field: str) -> str:
    """The dynamic reference, with version stage and version id left out."""
    reference = f"{{{{resolve:secretsmanager:{secret.arn}:SecretString:{field}}}}}"
    arn, key = re.fullmatch(r"\{\{resolve:secretsmanager:(.+):SecretString:(\w+)\}\}", reference).groups()
    return json.loads(Secret(secret.endpoint, arn).text())[key]


def local_server(secret: Secret, field: str) -> str:
    """`GET localhost:2773/secretsmanager/get?secretId=…`: the answer of GetSecretValue as JSON."""
    answer = secrets_manager(secret.endpoint).get_secret_value(SecretId=secret.arn)
    body = json.dumps({name: answer[name] for name in ("ARN", "Name", "VersionId", "SecretString", "VersionStages")})
    return json.loads(json.loads(body)["SecretString"])[field]


def caching_library(secret: Secret, field: str) -> str:
    cache = SecretCache(client=secrets_manager(secret.endpoint))
    return json.loads(cache.get_secret_string(secret.arn))[field]


def powertools(secret: Secret, field: str) -> str:
    provider = SecretsProvider(boto3_client=secrets_manager(secret.endpoint))
    return provider.get(secret.arn, transform="json")[field]


def suite(secret: Secret, field: str) -> str:
    """The functions themselves."""
    return json.loads(secret.text())[field]


LOOKUPS: dict[str, Callable[..., str]] = {
    "Lambda extension from v96": extension,
    "Lambda extension from the fix of #1304": extension,
    "Forwarder from #1202": extension,
    "Firehose": firehose,
    "Agent, `api_key`": agent,
    "Agent, `app_key`": agent,
    "ECS task": ecs,
    "External Secrets": external_secrets,
    "Secrets Store CSI driver": csi_driver,
    "CloudFormation": cloudformation,
    "AWS workload credentials provider": local_server,
    "Parameters and Secrets extension": local_server,
    "caching library for Python": caching_library,
    "caching library for Python, token": caching_library,
    "caching library for Java, .NET": external_secrets,
    "Powertools": powertools,
    "this project, API key": suite,
    "this project, application key": suite,
}


def documented() -> dict:
    """The one value for all that the page shows."""
    return json.loads(re.search(r"## One value for all\n\n```json\n(.*?)```", USE, re.DOTALL)[1])


class Rotated(NamedTuple):
    """A secret that was rotated twice: its values, in the order of the rotations, and which of them work."""

    secret: Secret
    values: list[dict]
    live: Callable[[], list[bool]]


@pytest.fixture(scope="module")
def rotated(sandbox) -> dict[str, Rotated]:
    client, datadog = secrets_manager(sandbox.secrets_manager), Datadog(sandbox)
    first = value(client, sandbox.secrets["apiKey"])
    fields = {name: first[("apiKey", "apiKeyId")[name == "apiKeyId"]] for name in documented()}
    api_key = client.create_secret(
        Name=f"datadog/{uuid.uuid4()}",
        SecretString=json.dumps(fields),
        Tags=[{"Key": "adminSecretArn", "Value": sandbox.secrets["adminKey"]}],
    )["ARN"]
    client.rotate_secret(
        SecretId=api_key,
        RotationLambdaARN=client.describe_secret(SecretId=sandbox.secrets["apiKey"])["RotationLambdaARN"],
        RotationRules={"AutomaticallyAfterDays": 30},
        RotateImmediately=False,
    )
    secrets = {
        "DatadogApiKey": api_key,
        "DatadogApplicationKey": sandbox.secrets["applicationKey"],
        "DatadogAdminKey": sandbox.secrets["adminKey"],
        "DatadogServiceAccessToken": sandbox.secrets["serviceAccessToken"],
    }
    lives = {
        "DatadogApiKey": lambda it: datadog.api_key_works(it["apiKey"]),
        "DatadogApplicationKey": lambda it: datadog.pair_works(sandbox.credentials.api_key, it["appKey"]),
        "DatadogAdminKey": lambda it: datadog.pair_works(it["adminApiKey"], it["adminAppKey"]),
        "DatadogServiceAccessToken": lambda it: datadog.token_works(it["serviceAccessToken"]),
    }
    found = {}
    for kind, arn in secrets.items():
        values = [value(client, arn)]
        for _ in range(ROTATIONS):
            wait_for_rotation(client, arn, rotate(client, arn))
            values.append(value(client, arn))
        secret = Secret(sandbox.secrets_manager, arn)
        found[kind] = Rotated(secret, values, lambda kind=kind, values=values: [lives[kind](it) for it in values])
    return found


def rotate(client, arn: str) -> str:
    """Once a rotation or check that is under way has ended, of which keys may still have to be retired."""
    deadline = time.monotonic() + ROTATION_SECONDS
    while True:
        try:
            return client.rotate_secret(SecretId=arn)["VersionId"]
        except client.exceptions.InvalidRequestException:
            assert time.monotonic() < deadline
            time.sleep(0.2)


def test_a_cache_keeps_the_old_key_until_it_is_told_to_read_again(sandbox):
    """As long as the page says, and no longer than the reader wants."""
    client, arn = secrets_manager(sandbox.secrets_manager), sandbox.secrets["applicationKey"]
    cache, provider = SecretCache(client=client), SecretsProvider(boto3_client=client)
    assert cache._config.secret_refresh_interval == 3600
    old = value(client, arn)

    def cached() -> list[dict]:
        return [json.loads(cache.get_secret_string(arn)), provider.get(arn, transform="json", max_age=3600)]

    assert cached() == [old, old]
    wait_for_rotation(client, arn, rotate(client, arn))
    assert cached() == [old, old]
    new = value(client, arn)
    cache.refresh_secret_now(arn)
    provider.get(arn, transform="json", max_age=3600, force_fetch=True)
    assert new != old and cached() == [new, new]


def test_every_row_has_a_lookup_and_every_lookup_a_row():
    assert [row.reader for row in table()] == list(LOOKUPS)


@pytest.mark.parametrize("row", table(), ids=lambda row: row.reader)
def test_a_reader_finds_the_new_key(rotated, row):
    secret, values, _ = rotated[row.kind]
    # In whichever order a reader tries its fields.
    for fields in (row.fields, row.fields[::-1]):
        found = LOOKUPS[row.reader](secret, *fields)
        assert found == values[-1][row.fields[-1]]
        assert found not in [text for earlier in values[:-1] for text in earlier.values()]


@pytest.mark.parametrize("row", table(), ids=lambda row: row.reader)
def test_a_row_says_for_how_long_and_who_says_so(row):
    links = dict(re.findall(r"^\[(\w+)\]: (https://\S+)$", TEXT, re.MULTILINE))
    named = re.findall(r"\]\[(\w+)\]", row.source)
    files = re.findall(r"\]\((\.\./[^)]+)\)", row.source)
    assert row.cached_for and named + files
    assert set(named) <= links.keys()
    assert all((ROOT / "docs/reference" / file).is_file() for file in files)


@pytest.mark.parametrize(
    ("kind", "live"),
    [
        ("DatadogApiKey", [False, True, True]),
        ("DatadogApplicationKey", [False, False, True]),
        ("DatadogAdminKey", [False, False, True]),
        ("DatadogServiceAccessToken", [False, True, True]),
    ],
)
def test_how_long_a_key_outlives_its_rotation(rotated, kind, live):
    """Two generations of API keys and service access tokens, one of the others: what the page says about overlap."""
    # A replaced key may be retired after the new one is AWSCURRENT.
    deadline = time.monotonic() + ROTATION_SECONDS
    while rotated[kind].live() != live and time.monotonic() < deadline:
        time.sleep(0.2)
    assert rotated[kind].live() == live


def test_a_reader_of_the_whole_text_gets_no_key(rotated):
    # The extension before v96, and anything between v96 and the fix whose field is not there.
    secret, values, _ = rotated["DatadogApiKey"]
    assert extension(secret, "no_such_field") == secret.text() != values[-1]["apiKey"]
