"""A sandbox of one's own, and rotations in it whose steps are delivered by hand."""

import json
import subprocess
import tempfile
import uuid
from collections.abc import Callable
from pathlib import Path

import boto3
from contender import Built
from process import Invocation, Process, lambdas_own

STEPS = ["createSecret", "setSecret", "testSecret", "finishSecret"]


class Sandbox:
    def __init__(self, built: Built, delay_ms: int = 0, tls: bool = False):
        command = [built.sandbox, "serve", "--by-hand", "--delay-ms", str(delay_ms), "--functions", built.folder]
        self._folder = tempfile.TemporaryDirectory()
        authority = str(Path(self._folder.name, "authority.pem"))
        if tls:
            command += ["--tls", authority]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        told = json.loads(self._process.stdout.readline())
        self.secrets = told["secrets"]
        self.endpoints = {
            "AWS_ENDPOINT_URL_SECRETS_MANAGER": told["secretsManager"],
            "DATADOG_API_URL": told["datadog"],
        }
        # As the template sets it; the yardstick goes by the tag.
        self.settings = {"ADMIN_SECRET_ARN": self.secrets["adminKey"]}
        if tls:
            # The functions and urllib3 go by the first, botocore by the second.
            self.settings |= {"SSL_CERT_FILE": authority, "AWS_CA_BUNDLE": authority}
        own = lambdas_own()
        self._client = boto3.client(
            "secretsmanager",
            endpoint_url=told["secretsManager"],
            region_name=told["region"],
            aws_access_key_id=own["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=own["AWS_SECRET_ACCESS_KEY"],
            verify=authority if tls else None,
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.terminate()
        self._process.wait()
        self._process.stdout.close()
        self._folder.cleanup()

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

    def process(self, command: list[str], environment: dict[str, str], megabytes: int | None = None) -> Process:
        """A function's process that calls into this sandbox."""
        return Process(command, self.endpoints | self.settings | environment, megabytes)


class Cold:
    """Delivers each step to a process of its own."""

    def __init__(self, start: Callable[[], Process]):
        self._start = start
        self.starts = []
        self.cpu_seconds = 0.0

    def __call__(self, event: dict) -> Invocation:
        with self._start() as process:
            self.starts.append(process.start_seconds)
            invocation = process.invoke(event)
            self.cpu_seconds += process.start_cpu_seconds + invocation.cpu_seconds
            return invocation
