"""What is measured: the functions, and what they are held to."""

import sys
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent
# The secrets as the sandbox names them, with what a table calls them and the yardstick's module.
KINDS = {
    "apiKey": ("API key", "datadog-api-key", "api_key"),
    "applicationKey": ("application key", "datadog-application-key", "application_key"),
    "adminKey": ("admin pair", "datadog-admin-key", "admin_key"),
    "serviceAccessToken": ("service access token", "datadog-service-access-token", "service_access_token"),
}
# Their functions try a new key for ten seconds before the replaced one goes.
WAITING = ("applicationKey", "adminKey")


class Built(NamedTuple):
    """Where cargo has put what is measured, and the services that it calls."""

    folder: Path
    sandbox: Path


class Contender(NamedTuple):
    name: str
    # By the secret's kind.
    commands: dict[str, list[str]]
    environment: dict[str, str]
    # Whether it waits in rotations of WAITING.
    waits: bool


def functions(built: Built) -> Contender:
    return Contender("functions", {kind: [str(built.folder / binary)] for kind, (_, binary, _) in KINDS.items()}, {}, True)


def python() -> Contender:
    commands = {kind: [sys.executable, "-m", "awslambdaric", f"{it[2]}.handler"] for kind, it in KINDS.items()}
    yardstick = str(HERE / "yardstick")
    return Contender("Python", commands, {"PYTHONPATH": yardstick, "LAMBDA_TASK_ROOT": yardstick}, False)


def bare(built: Built) -> list[str]:
    """A function that does nothing, on lambda_runtime alone."""
    return [str(built.folder / "bare")]
