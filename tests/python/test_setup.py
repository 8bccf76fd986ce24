"""docs/setup.md, word for word, against `sandbox serve`."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import REGION, ROOT, aws, program, secrets_manager

PAGE = (ROOT / "docs/setup.md").read_text()
BLOCK = re.compile(r"(?:<!-- (?P<mark>[^>]+) -->\n)?```sh\n(?P<code>.*?)```\n", re.S)

FUNCTIONS = {
    "API_KEY_FUNCTION": "datadog-api-key",
    "APPLICATION_KEY_FUNCTION": "datadog-application-key",
    "ADMIN_KEY_FUNCTION": "datadog-admin-key",
}
NAMES = ["datadog-rotation/api-key", "datadog-rotation/application-key", "datadog-rotation/admin"]


def blocks() -> list[tuple[str, str]]:
    """Each block of commands, with what the page says of it to the test."""
    return [(match["mark"] or "", match["code"]) for match in BLOCK.finditer(PAGE)]


def script() -> str:
    return "\n".join(code for mark, code in blocks() if not mark)


def asked_for() -> set[str]:
    """What the reader is asked to fill in."""
    return {name for mark, code in blocks() if mark == "yours" for name in re.findall(r"^export (\w+)=…", code, re.M)}


@pytest.fixture
def answers(sandbox) -> dict[str, str]:
    """What the reader of this sandbox would fill in."""
    client = secrets_manager(sandbox.secrets_manager)
    admin = json.loads(client.get_secret_value(SecretId=sandbox.secrets["adminKey"])["SecretString"])
    functions = {name: f"arn:aws:lambda:{REGION}:123456789012:function:{it}" for name, it in FUNCTIONS.items()}
    return functions | {
        "AWS_DEFAULT_REGION": REGION,
        "DD_API": sandbox.datadog,
        "DD_SITE": "datadoghq.com",
        "DD_API_KEY": sandbox.credentials.api_key,
        "DD_APP_KEY": sandbox.credentials.app_key,
        "SERVICE_ACCOUNT_ID": admin["serviceAccountId"],
    }


def test_the_page_asks_for_what_is_filled_in_here(answers):
    assert asked_for() == answers.keys()


def test_every_other_block_is_run_or_says_why_not():
    marks = {mark for mark, _ in blocks()}
    assert marks == {"", "yours", "not run: it needs an account", "not run: it takes minutes"}


def test_the_page_leads_to_three_rotated_secrets(sandbox, answers, tmp_path):
    keys = aws()
    environment = {
        "PATH": os.pathsep.join(map(str, [Path(sys.executable).parent, program("datadog-doctor").parent, os.environ["PATH"]])),
        "HOME": str(tmp_path),
        "AWS_ACCESS_KEY_ID": keys["aws_access_key_id"],
        "AWS_SECRET_ACCESS_KEY": keys["aws_secret_access_key"],
        "AWS_ENDPOINT_URL_SECRETS_MANAGER": sandbox.secrets_manager,
        # For the doctor, which finds Datadog by the admin secret's site.
        "DATADOG_API_URL": sandbox.datadog,
    }
    command = ["bash", "-euo", "pipefail", "-c", script()]
    run = subprocess.run(
        command, cwd=tmp_path, env=environment | answers, timeout=300, check=True, stdout=subprocess.PIPE, text=True
    )
    assert "Rotation would fail for 0 of 3." in run.stdout
    assert list(tmp_path.glob("*setup*")) == []
    client = secrets_manager(sandbox.secrets_manager)
    for name in NAMES:
        labels = sum(client.describe_secret(SecretId=name)["VersionIdsToStages"].values(), [])
        assert set(labels) - {"AWSPENDING"} == {"AWSCURRENT", "AWSPREVIOUS"}, name
        told = [client.get_secret_value(SecretId=name, VersionStage=it) for it in ("AWSCURRENT", "AWSPREVIOUS")]
        assert told[0]["SecretString"] != told[1]["SecretString"], name
