"""One prebuilt function under cargo-lambda's Runtime API, invoked with the sample events."""

import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import ROOT, aws, program

CARGO_LAMBDA = Path(sys.executable).with_name("cargo-lambda")
ADDRESS = "127.0.0.1"
START_SECONDS = 60


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind((ADDRESS, 0))
        return listener.getsockname()[1]


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    """The port of `cargo lambda watch`, once it listens."""
    port = free_port()
    log = tmp_path_factory.mktemp("watch") / "output"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [CARGO_LAMBDA, "lambda", "watch", "--only-lambda-apis", "-A", ADDRESS, "-P", str(port)],
            cwd=ROOT,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        deadline = time.monotonic() + START_SECONDS
        while not listens(port):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait()


def listens(port: int) -> bool:
    with socket.socket() as connection:
        return connection.connect_ex((ADDRESS, port)) == 0


@pytest.fixture(scope="module")
def invoke(port, moto):
    """Invokes the API key function, whose Secrets Manager is moto's and empty, with a file of `events/`."""
    environment = {name.upper(): text for name, text in aws().items()} | {
        "AWS_REGION": aws()["region_name"],
        "AWS_LAMBDA_RUNTIME_API": f"http://{ADDRESS}:{port}/.rt",
        "AWS_LAMBDA_FUNCTION_NAME": "_",
        "AWS_LAMBDA_FUNCTION_VERSION": "1",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
        "AWS_ENDPOINT_URL_SECRETS_MANAGER": moto,
    }
    function = subprocess.Popen([program("datadog-api-key")], env=environment)

    def invoke(event: str) -> subprocess.CompletedProcess:
        command = [CARGO_LAMBDA, "lambda", "invoke", "-A", ADDRESS, "-P", str(port)]
        return subprocess.run(
            [*command, "--data-file", ROOT / "events" / event],
            cwd=ROOT,
            env=os.environ | {"NO_COLOR": "1"},
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
        )

    yield invoke
    function.kill()
    function.wait()


@pytest.mark.parametrize(
    ("event", "kind", "text"),
    [
        ("unknown-step.json", "UnknownStep", "the event's `Step` is none of"),
        # Secrets Manager's own answer: the function has reached it, although this Runtime API tells a deadline in 1970.
        ("api-key-create-secret.json", "SecretNotFound", "(ResourceNotFoundException)"),
    ],
)
def test_an_event_is_answered(invoke, event, kind, text):
    answer = invoke(event)
    assert answer.returncode == 1
    # In a frame of box-drawing characters, wrapped.
    words = " ".join(re.sub("[×│]", " ", answer.stderr).split())
    assert words.startswith(f"Error: {kind} ")
    assert text in words
