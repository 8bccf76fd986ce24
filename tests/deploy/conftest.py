"""What the deployments share: an AWS account with IAM enforced, a Datadog, and a release's folder."""

import json
import os
import platform
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import zipfile
from pathlib import Path
from typing import NamedTuple

import boto3
import pytest
import template as packages

ROOT = Path(__file__).parents[2]
BUILT = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"), "debug")
ACCOUNT, REGION = "123456789012", "us-east-1"
ARCHITECTURE = {"x86_64": "x86_64", "aarch64": "arm64"}[platform.machine()]
# MiniStack takes these for the account's root.
KEYS = {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}
# What the sandbox's Secrets Manager calls.
FUNCTIONS = ["datadog-api-key", "datadog-application-key", "datadog-admin-key", "datadog-service-access-token"]
BINARIES = [*FUNCTIONS, "datadog-doctor", "datadog-trust"]
STACK = "datadog-rotation"


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Datadog(NamedTuple):
    """The sandbox's organisation, by an administrator's keys."""

    url: str
    api_key: str
    app_key: str
    service_account: str

    def call(self, method: str, path: str, body: dict | None = None) -> dict:
        headers = {"DD-API-KEY": self.api_key, "DD-APPLICATION-KEY": self.app_key, "Content-Type": "application/json"}
        content = json.dumps(body).encode() if body else None
        request = urllib.request.Request(f"{self.url}/api/v2/{path}", content, headers, method=method)
        with urllib.request.urlopen(request) as answer:
            return json.loads(answer.read() or b"null")

    def api_key_ids(self) -> set[str]:
        return {it["id"] for it in self.call("GET", "api_keys?page[size]=100")["data"]}

    def application_key_ids(self) -> set[str]:
        path = f"service_accounts/{self.service_account}/application_keys?page[size]=100"
        return {it["id"] for it in self.call("GET", path)["data"]}

    def new_api_key(self, name: str) -> dict[str, str]:
        attributes = {"name": name}
        made = self.call("POST", "api_keys", {"data": {"type": "api_keys", "attributes": attributes}})["data"]
        return {"key": made["attributes"]["key"], "id": made["id"]}

    def new_application_key(self, name: str, scopes: list[str]) -> dict[str, str]:
        attributes = {"name": name, "scopes": scopes}
        body = {"data": {"type": "application_keys", "attributes": attributes}}
        made = self.call("POST", f"service_accounts/{self.service_account}/application_keys", body)["data"]
        return {"key": made["attributes"]["key"], "id": made["id"]}


class World(NamedTuple):
    """The account, by its address, and the organisation."""

    endpoint: str
    datadog: Datadog
    # The sandbox's, in which each step of a rotation is a line.
    log: Path
    # What is held while a file of its name is there: a step before it begins, or calls of a Secrets Manager operation.
    hold: Path

    def client(self, service: str):
        return boto3.client(service, endpoint_url=self.endpoint, region_name=REGION, **credentials())

    def environment(self, home: Path) -> dict[str, str]:
        """That of somebody with this account and a fresh home."""
        own = {"AWS_ENDPOINT_URL": self.endpoint, "AWS_DEFAULT_REGION": REGION, "HOME": str(home)}
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        return KEYS | own | {"PATH": path, "SAM_CLI_TELEMETRY": "0"}


def credentials() -> dict[str, str]:
    return {name.lower(): it for name, it in KEYS.items()}


@pytest.fixture(scope="session")
def world(tmp_path_factory):
    """Both, running. Secrets Manager's functions are those that are deployed to the account."""
    folder = tmp_path_factory.mktemp("world")
    gateway, secrets_manager, invocations = free_port(), free_port(), free_port()
    endpoint = f"http://127.0.0.1:{gateway}"
    (folder / "hold").mkdir()
    deployed = functions(folder / "functions", invocations, folder / "hold")
    processes = []
    try:
        sessions = folder / "sessions.jsonl"
        serve = [BUILT / "sandbox", "serve", "--functions", folder / "functions", "--sessions", sessions, "--secrets-manager-port"]
        sandbox = start([*serve, str(secrets_manager)], folder / "sandbox.log", {}, stdout=subprocess.PIPE)
        processes.append(sandbox)
        line = sandbox.stdout.readline()
        assert line, (folder / "sandbox.log").read_text()
        told = json.loads(line)
        settings = KEYS | {
            "AUTH": "true",
            "AWS_ENDPOINT_URL": endpoint,
            "BIND_HOST": "127.0.0.1",
            "DATADOG_API_URL": told["datadog"],
            "GATEWAY_PORT": str(gateway),
            "HOLD": str(folder / "hold"),
            "INVOCATIONS": str(invocations),
            "LAMBDA_EXECUTOR": "local",
            "MINISTACK_ACCOUNT_ID": ACCOUNT,
            "MINISTACK_REGION": REGION,
            "SANDBOX": told["secretsManager"],
            "SESSIONS": str(sessions),
            "TMPDIR": str(folder),
        }
        cloud = Path(__file__).with_name("cloud") / "cloud.py"
        processes.append(start([os.environ["CLOUD_PYTHON"], cloud], folder / "cloud.log", settings))
        wait_for(gateway, processes[-1], folder / "cloud.log")
        deployed.touch()
        yield World(endpoint, organisation(told), folder / "sandbox.log", folder / "hold")
    finally:
        for process in reversed(processes):
            process.send_signal(signal.SIGTERM)
        for process in processes:
            process.wait(timeout=60)


def organisation(told: dict) -> Datadog:
    client = boto3.client("secretsmanager", endpoint_url=told["secretsManager"], region_name=REGION, **credentials())
    admin = json.loads(client.get_secret_value(SecretId=told["secrets"]["adminKey"])["SecretString"])
    keys = told["datadogCredentials"]
    return Datadog(told["datadog"], keys["apiKey"], keys["appKey"], admin["serviceAccountId"])


def functions(folder: Path, invocations: int, hold: Path) -> Path:
    """Writes what hands the sandbox's invocations on. Returns the file that says that there is somebody to hand them to."""
    folder.mkdir()
    deployed = folder / "deployed"
    source = Path(__file__).with_name("function.py").read_text()
    source = source.replace("{port}", str(invocations)).replace("{deployed}", str(deployed)).replace("{hold}", str(hold))
    for name in FUNCTIONS:
        path = folder / name
        path.write_text(f"#!{sys.executable}\n{source}")
        path.chmod(0o755)
    return deployed


def start(command: list, log: Path, settings: dict[str, str], **options) -> subprocess.Popen:
    with log.open("wb") as output:
        environment = {"PATH": os.environ["PATH"], "HOME": str(log.parent)} | settings
        options = {"stdout": output} | options
        return subprocess.Popen(command, cwd=ROOT, env=environment, stderr=output, **options)


def wait_for(port: int, process: subprocess.Popen, log: Path):
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert process.poll() is None, log.read_text()
        time.sleep(0.1)
    raise TimeoutError(log.read_text())


@pytest.fixture(scope="session")
def release(tmp_path_factory) -> Path:
    """A release's folder for this machine, with the functions as they were last built."""
    folder = tmp_path_factory.mktemp("release")
    unpacked(folder, (ROOT / "template.yaml").read_text())
    return folder


def unpacked(folder: Path, source: str):
    """Writes the template as a release has it, and the zips beside it."""
    shutil.copyfile(ROOT / "samconfig.toml", folder / "samconfig.toml")
    (folder / "template.yaml").write_text(packages.packaged(source, ARCHITECTURE, "0.1.0"))
    for name in BINARIES:
        stripped = folder / "bootstrap"
        shutil.copy(BUILT / name, stripped)
        subprocess.run(["strip", stripped], check=True)
        with zipfile.ZipFile(folder / f"{name}.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as package:
            package.write(stripped, "bootstrap")
        stripped.unlink()
