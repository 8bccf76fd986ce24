"""A release, by its own README.md, on a machine that has Python and the AWS CLI and nothing else: deployed, rotated, deleted.

RELEASE names the folder, dist/x86_64 for instance; else one is made of the functions as they were last built.
"""

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from account import KINDS, Account, create_secrets
from conftest import ROOT, STACK
from test_deployment import there, until

PAGE = (ROOT / "tests/package/readme.md").read_text()
# Of a shell, beside Python and the AWS CLI.
TOOLS = ["bash", "env", "sh"]


@pytest.fixture
def machine(tmp_path) -> Path:
    """A PATH with hardly anything on it."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in TOOLS:
        (folder / name).symlink_to(shutil.which(name))
    (folder / "python3").symlink_to(sys.executable)
    aws = Path(sys.executable).with_name("aws")
    (folder / "aws").write_text(f"#!/bin/sh\nexec {sys.executable} {aws} \"$@\"\n")
    (folder / "aws").chmod(0o755)
    for name in ("cargo", "rustc", "sam", "cc", "zip"):
        assert shutil.which(name, path=str(folder)) is None
    return folder


def commands() -> str:
    """What the page says of the AWS CLI alone."""
    section = PAGE.split("## With the AWS CLI alone")[1].split("\n## ")[0]
    [block] = re.findall(r"```sh\n(.*?)```", section, re.S)
    return block


def test_a_release_is_deployed_with_the_aws_cli_alone(world, release, machine, tmp_path, capsys):
    folder = Path(os.environ.get("RELEASE") or release).resolve()
    (tmp_path / "home").mkdir()
    account = Account(world, folder, tmp_path / "home")
    before, secrets = there(account), create_secrets(world, "cli")
    given = {"AdminSecretArn": secrets.admin, "AdminKeySecretArn": secrets.admin}
    given |= {"ApiKeySecretArn": secrets.api, "ApplicationKeySecretArn": secrets.application}
    overrides = " ".join(f'"{name}={it}"' for name, it in given.items())
    text = commands().replace('"AdminSecretArn=ARN"', overrides).replace("BUCKET", "cli-bucket")
    text = text.replace("packaged.yaml", str(tmp_path / "packaged.yaml"))
    took = {}

    def run(name: str, command: str):
        began = time.monotonic()
        environment = world.environment(tmp_path / "home") | {"PATH": str(machine)}
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command], cwd=folder, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        assert done.returncode == 0, done.stdout
        took[name] = time.monotonic() - began

    ended = len(re.findall("ended: ", world.log.read_text()))
    run("bucket", "aws s3api create-bucket --bucket cli-bucket")
    run("deploy", text)
    outputs = account.outputs()
    assert {f"{it}FunctionArn" for it in ("ApiKey", "ApplicationKey", "AdminKey", "Doctor")} <= outputs.keys()
    # The checks of the three.
    until(lambda: len(re.findall("ended: ", world.log.read_text())) >= ended + 3, account)
    began = time.monotonic()
    for field in KINDS:
        assert account.rotate(getattr(secrets, field)) == "ok"
    took["rotate"] = time.monotonic() - began
    run("delete", f"aws cloudformation delete-stack --stack-name {STACK} && aws cloudformation wait stack-delete-complete --stack-name {STACK}")
    assert there(account) == before
    with capsys.disabled():
        print("\n" + ", ".join(f"{name}: {seconds:.0f} s" for name, seconds in took.items()))
