"""A sandbox of one's own, and rotations in it whose steps are delivered by hand."""

import json
import subprocess
import uuid

import boto3
from contender import Built
from process import Invocation, Process, lambdas_own

STEPS = ["createSecret", "setSecret", "testSecret", "finishSecret"]


class Sandbox:
    def __init__(self, built: Built, delay_ms: int = 0):
        command = [built.sandbox, "serve", "--by-hand", "--delay-ms", str(delay_ms), "--functions", built.folder]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        told = json.loads(self._process.stdout.readline())
        self.secrets = told["secrets"]
        self.endpoints = {
            "AWS_ENDPOINT_URL_SECRETS_MANAGER": told["secretsManager"],
            "DATADOG_API_URL": told["datadog"],
        }
        # As the template sets it; the yardstick goes by the tag.
        self.settings = {"ADMIN_SECRET_ARN": self.secrets["adminKey"]}
        own = lambdas_own()
        self._client = boto3.client(
            "secretsmanager",
            endpoint_url=told["secretsManager"],
            region_name=told["region"],
            aws_access_key_id=own["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=own["AWS_SECRET_ACCESS_KEY"],
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.terminate()
        self._process.wait()
        self._process.stdout.close()

    def rotate(self, kind: str, deliver) -> list:
        """What `deliver` makes of each step's event. The rotation has come to its end, or this raises."""
        secret, token = self.secrets[kind], str(uuid.uuid4())
        self._client.rotate_secret(SecretId=secret, ClientRequestToken=token)
        # Without RotationToken: it is for functions that act in an assumed role, and the sandbox alone knows it.
        event = {"SecretId": secret, "ClientRequestToken": token}
        outcomes = [deliver({"Step": step} | event) for step in STEPS]
        labels = self._client.describe_secret(SecretId=secret)["VersionIdsToStages"][token]
        if "AWSCURRENT" not in labels:
            raise RuntimeError(f"{kind} did not rotate: its new version is {labels}")
        if "AWSPENDING" in labels:
            # The service takes it away when the last step has ended well.
            self._client.update_secret_version_stage(
                SecretId=secret, VersionStage="AWSPENDING", RemoveFromVersionId=token
            )
        return outcomes

    def process(self, command: list[str], environment: dict[str, str]) -> Process:
        """A function's process that calls into this sandbox."""
        return Process(command, self.endpoints | self.settings | environment)


class Cold:
    """Delivers each step to a process of its own."""

    def __init__(self, sandbox: Sandbox, command: list[str], environment: dict[str, str]):
        self._start = lambda: sandbox.process(command, environment)
        self.starts = []

    def __call__(self, event: dict) -> Invocation:
        with self._start() as process:
            self.starts.append(process.start_seconds)
            return process.invoke(event)
