"""An AWS account as its owner works in it: secrets, a stack, rotations."""

import json
import re
import subprocess
import time
import uuid
from pathlib import Path
from typing import NamedTuple

from conftest import STACK, World

ADMIN_SCOPES = [
    "api_keys_read",
    "api_keys_write",
    "api_keys_delete",
    "org_app_keys_read",
    "org_app_keys_write",
    "service_account_write",
]
KINDS = {"api": "api-key", "application": "application-key", "admin": "admin-key"}


class Secrets(NamedTuple):
    """Full ARNs."""

    admin: str
    api: str
    application: str
    # Of an API key too, which nobody attaches.
    foreign: str


def create_secrets(world: World, folder: str) -> Secrets:
    """Creates keys at Datadog and the secrets that hold them, in a folder of their own."""
    manager, datadog = world.client("secretsmanager"), world.datadog

    def store(name: str, value: dict, **tags: str) -> str:
        listed = [{"Key": key, "Value": it} for key, it in tags.items()]
        return manager.create_secret(Name=name, SecretString=json.dumps(value), Tags=listed)["ARN"]

    api, application = datadog.new_api_key(f"{folder} admin"), datadog.new_application_key(f"{folder} admin", ADMIN_SCOPES)
    pair = {
        "adminApiKey": api["key"],
        "adminApiKeyId": api["id"],
        "adminAppKey": application["key"],
        "adminAppKeyId": application["id"],
        "serviceAccountId": datadog.service_account,
        "site": "datadoghq.com",
    }
    admin = store(f"{folder}/admin", pair)

    def api_key(name: str) -> str:
        key = datadog.new_api_key(f"{folder} {name}")
        value = {"apiKey": key["key"], "apiKeyId": key["id"]}
        return store(f"{folder}/{name}", value, adminSecretArn=admin)

    key = datadog.new_application_key(f"{folder} first", ["dashboards_read"])
    value = {"appKey": key["key"], "appKeyId": key["id"], "serviceAccountId": datadog.service_account}
    application = store(f"{folder}/application-key", value, adminSecretArn=admin)
    return Secrets(admin, api_key("api-key"), application, api_key("foreign"))


class Account:
    """The account, as its owner works in it."""

    def __init__(self, world: World, release: Path, home: Path):
        self.world, self.release, self.home = world, release, home
        self.secrets_manager = world.client("secretsmanager")

    def run(self, *command: str) -> str:
        environment = self.world.environment(self.home)
        run = subprocess.run(command, cwd=self.release, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert run.returncode == 0, run.stdout
        return run.stdout

    def deploy(self, **parameters: str):
        """As docs/use/setup.md says, in the folder of a release."""
        overrides = [f'{name}="{it}"' for name, it in parameters.items()]
        options = ["--stack-name", STACK, "--resolve-s3", "--capabilities", "CAPABILITY_IAM", "--no-fail-on-empty-changeset"]
        return self.run("sam", "deploy", *options, "--parameter-overrides", *overrides)

    def outputs(self) -> dict[str, str]:
        [stack] = self.world.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
        assert stack["StackStatus"] in ("CREATE_COMPLETE", "UPDATE_COMPLETE"), stack
        return {it["OutputKey"]: it["OutputValue"] for it in stack["Outputs"]}

    def labels(self, secret: str) -> dict[str, str]:
        """Which version carries each label."""
        versions = self.secrets_manager.describe_secret(SecretId=secret)["VersionIdsToStages"]
        return {label: version for version, labels in versions.items() for label in labels}

    def value(self, secret: str) -> dict:
        return json.loads(self.secrets_manager.get_secret_value(SecretId=secret)["SecretString"])

    def rotate(self, secret: str, **settings) -> str:
        """Begins a rotation and waits for its end. Returns how it ended, in the words of the sandbox's log."""
        token = str(uuid.uuid4())
        self.secrets_manager.rotate_secret(SecretId=secret, ClientRequestToken=token, **settings)
        return self.ended(token)

    def ended(self, token: str) -> str:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            if found := re.search(rf" {token[:8]}\S* ended: (.*)", self.world.log.read_text()):
                return found[1]
            time.sleep(0.1)
        raise TimeoutError(self.world.log.read_text())

    def invoke(self, function: str, event: dict) -> tuple[bool, dict]:
        """Whether it failed, and what it answered."""
        answer = self.world.client("lambda").invoke(FunctionName=function, Payload=json.dumps(event))
        return "FunctionError" in answer, json.loads(answer["Payload"].read())


