"""What the cross-checks share: the built programs, a sandbox, moto's server, functions."""

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import NamedTuple

import boto3
import pytest
from lambda_runtime import Function
from moto.server import ThreadedMotoServer

ROOT = Path(__file__).parents[2]
BUILT = Path(os.environ.get("FUNCTIONS_DIR") or Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"), "debug"))
REGION = "us-east-1"


class Keys(NamedTuple):
    """An API key and an application key: what authorizes a call to Datadog."""

    api_key: str
    app_key: str


class Sandbox(NamedTuple):
    """What the first line of `sandbox serve` tells."""

    secrets_manager: str
    datadog: str
    secrets: dict[str, str]
    credentials: Keys


def program(name: str) -> Path:
    path = BUILT / name
    assert path.exists(), f"{path} is missing: build it with cargo, or set FUNCTIONS_DIR"
    return path


def secrets_manager(endpoint: str):
    """boto3's client for a stand-in of Secrets Manager."""
    return boto3.client("secretsmanager", endpoint_url=endpoint, **aws())


def aws() -> dict[str, str]:
    return {
        "region_name": REGION,
        "aws_access_key_id": "AKIAIOSFODNN7EXAMPLE",
        "aws_secret_access_key": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    }


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    """A sandbox of the module's own, for rotations in it outlive a test."""
    log = tmp_path_factory.mktemp("sandbox") / "stderr"
    with log.open("wb") as errors:
        command = [program("sandbox"), "serve", "--functions", BUILT]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=errors)
    try:
        line = process.stdout.readline()
        assert line, f"sandbox serve printed nothing: {log.read_text()}"
        told = json.loads(line)
        assert told["region"] == REGION
        credentials = Keys(told["datadogCredentials"]["apiKey"], told["datadogCredentials"]["appKey"])
        yield Sandbox(told["secretsManager"], told["datadog"], told["secrets"], credentials)
    finally:
        process.send_signal(signal.SIGTERM)
        status = process.wait(timeout=30)
    assert status == 0, f"sandbox serve ended with {status}: {log.read_text()}"


@pytest.fixture(scope="module")
def moto():
    """The address of moto's server, set to take Lambda functions without running them."""
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    """Starts function binaries and ends them with the module."""
    functions = []

    def start(name: str, environment: dict[str, str]) -> Function:
        log = tmp_path_factory.mktemp(name) / "output"
        functions.append(Function(program(name), environment, log))
        return functions[-1]

    yield start
    for function in functions:
        function.close()
