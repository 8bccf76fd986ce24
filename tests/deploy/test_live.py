"""tests/live/run, from a whole run to one that was killed, in the emulated account and against the sandbox."""

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import ACCOUNT, BUILT, REGION, ROOT
from test_deployment import there
from test_keyless import integrate, mappings

LIVE = ROOT / "tests/live/live.py"
# Its versions have the date of RotateSecret, which is the worse of both for finishSecret.
SANDBOX_REFUTES = ["Protocol 8: CreatedDate is the time of the value"]


class Runner:
    """Runs the program as its reader would."""

    def __init__(self, world, release: Path, home: Path, like: str):
        """With a new service account, which may do what another user may."""
        self.world, self.release, self.home = world, release, home
        made = world.datadog.call("POST", "service_accounts", new_account(world, like))["data"]
        self.service_account = made["id"]
        self.organisation = world.datadog.call("GET", "current_user")["data"]["relationships"]["org"]["data"]["id"]
        self.client = world.client

    def start(self, *options: str, **changed: str) -> subprocess.Popen:
        told = {"account": ACCOUNT, "organisation": self.organisation, "service-account": self.service_account} | changed
        command = [sys.executable, LIVE, "--release", self.release, "--region", REGION, "--doctor", BUILT / "datadog-doctor"]
        command += [it for name, value in told.items() for it in (f"--{name}", value)]
        return self.popen([*command, *options])

    def clean(self, run: str) -> subprocess.CompletedProcess:
        return finished(self.popen([sys.executable, LIVE, "--clean", run]))

    def popen(self, command: list) -> subprocess.Popen:
        environment = self.world.environment(self.home) | {
            "CARGO_TARGET_DIR": str(self.home),
            "DATADOG_API_URL": self.world.datadog.url,
            "AWS_ENDPOINT_URL_SECRETS_MANAGER": self.world.endpoint,
            "DD_API_KEY": self.world.datadog.api_key,
            "DD_APP_KEY": self.world.datadog.app_key,
            "PYTHONUNBUFFERED": "1",
        }
        options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        return subprocess.Popen(command, env=environment, text=True, **options)

    def standing(self) -> dict:
        """All that a run may leave."""
        keys = self.world.datadog.api_key_ids()
        path = f"service_accounts/{self.service_account}/application_keys?page[size]=100"
        keys |= {it["id"] for it in self.world.datadog.call("GET", path)["data"]}
        path = f"service_accounts/{self.service_account}/access_tokens?page[size]=100"
        keys |= {it["id"] for it in self.world.datadog.call("GET", path)["data"]}
        secrets = {it["ARN"] for it in self.client("secretsmanager").list_secrets()["SecretList"]}
        buckets = {it["Name"] for it in self.client("s3").list_buckets()["Buckets"]}
        groups = {it["logGroupName"] for it in self.client("logs").describe_log_groups()["logGroups"]}
        mapped = set(mappings(self.world))
        return there(self) | {"keys": keys, "secrets": secrets, "buckets": buckets, "logs": groups, "mappings": mapped}

    @property
    def page(self) -> str:
        [page] = sorted(self.home.glob("live/*/evidence.md"), key=lambda it: it.stat().st_mtime)[-1:]
        return page.read_text()


def new_account(world, like: str) -> dict:
    """A service account with the roles of another user."""
    user = world.datadog.call("GET", f"users/{like}")["data"]
    attributes = {"email": f"live-{like}@example.com", "name": "live", "service_account": True}
    return {"data": {"type": "users", "attributes": attributes, "relationships": {"roles": user["relationships"]["roles"]}}}


def assumptions() -> set[int]:
    """Numbers of the protocol's table."""
    table = (ROOT / "docs/review/protocol.md").read_text().partition("## Assumptions")[2].partition("\n## ")[0]
    return {int(it) for it in re.findall(r"^\| (\d+) \|", table, re.M)}


def refuted(page: str) -> list[str]:
    return re.findall(r"^\| ([^|]+) \| \*\*refuted\*\* \|", page, re.M)


def finished(process: subprocess.Popen) -> subprocess.CompletedProcess:
    output, _ = process.communicate(timeout=1200)
    return subprocess.CompletedProcess(process.args, process.returncode, output)


def reach(process: subprocess.Popen, pattern: str) -> str:
    """Reads until a line fits. Returns the run's name, which is told first."""
    run = ""
    for line in process.stdout:
        run = run or "".join(re.findall(r"datadog-rotation-live-[0-9a-f]{8}", line)[:1])
        if re.search(pattern, line):
            return run
    raise AssertionError(f"ended without {pattern}: {process.wait()}")


@pytest.fixture(scope="module")
def runner(world, release, tmp_path_factory) -> Runner:
    return Runner(world, release, tmp_path_factory.mktemp("home"), like=world.datadog.service_account)


@pytest.fixture(scope="module")
def mapper(world, release, tmp_path_factory) -> Runner:
    """One whose service account may map roles, in an AWS account that is integrated."""
    integrate(world)
    administrator = world.datadog.call("GET", "current_user")["data"]["id"]
    return Runner(world, release, tmp_path_factory.mktemp("keyless"), like=administrator)


def test_a_whole_run_confirms_what_it_can_and_leaves_nothing(runner):
    before = runner.standing()
    run = finished(runner.start("--yes"))
    assert run.returncode == 1, run.stdout
    assert runner.standing() == before
    page = runner.page
    assert refuted(page) == SANDBOX_REFUTES
    for name in ("api-key", "application-key", "service-access-token", "admin"):
        for title in ("rotation 1", "rotation 2", "rotation 3"):
            assert f"| {name}, {title}: ends | confirmed |" in page
        for promise in ("AWSCURRENT works all the time", "it moves no label", "the next try finishes it", "AWSCURRENT works afterwards"):
            assert f"| {name}, cut short: {promise} | confirmed |" in page
        assert f"| {name}, rotation 3: it leaves no orphaned key | confirmed |" in page
    assert "| service-access-token, rotation 3: the replaced key goes on working | confirmed |" in page
    assert len(re.findall(r"\| Token, protocol \d+: [^|]+ \| confirmed \|", page)) == 11
    # By the functions themselves, before Lambda would kill them.
    ended = re.findall(r"\| (\S+), cut short: it moves no label \|.* given up: [1-9]", page)
    assert ended == ["api-key", "application-key", "service-access-token", "admin"]
    assert {int(it) for it in re.findall(r"^\| \w*,? ?[Pp]rotocol (\d+): ", page, re.M)} == assumptions()
    assert "| probe: `api_key_created` | confirmed |" in page
    assert "| The log groups outlive the stack | confirmed |" in page
    assert "Left behind: nothing" in page


def test_a_keyless_run_rotates_without_admin_keys_and_leaves_nothing(mapper):
    before = mapper.standing()
    run = finished(mapper.start("--yes", "--keyless"))
    assert run.returncode == 1, run.stdout
    assert "the 5 roles are mapped" in run.stdout
    assert mapper.standing() == before
    page = mapper.page
    assert "| The stack maps its roles | confirmed |" in page
    for name in ("api-key", "application-key", "service-access-token"):
        assert f"| {name}, keyless: a new mapping works within ten minutes | confirmed |" in page
        assert f"| {name}, keyless: ends | confirmed |" in page
    assert "| The mappings go with the stack | confirmed |" in page
    assert refuted(page) == SANDBOX_REFUTES and "Left behind: nothing" in page


@pytest.mark.parametrize("moment", ["The stack maps its roles", "api-key, keyless: a new mapping works"])
def test_an_interrupted_keyless_run_leaves_nothing(mapper, moment):
    before = mapper.standing()
    process = mapper.start("--yes", "--keyless")
    reach(process, moment)
    process.send_signal(signal.SIGINT)
    run = finished(process)
    assert run.returncode == 1, run.stdout
    assert mapper.standing() == before


def test_mappings_that_the_stack_has_left_are_deleted(mapper):
    """As a stack does whose function was refused: by their name alone."""
    run = "datadog-rotation-live-89abcdef"
    account = mapper.world.datadog.call("GET", f"users/{mapper.service_account}")["data"]["attributes"]["handle"]
    foreign = {f"arn:aws:sts::{ACCOUNT}:assumed-role/{it}/*" for it in ("somebody", f"a-{run}-x", f"{run[:-1]}0-x")}
    for pattern in (*foreign, f"arn:aws:sts::{ACCOUNT}:assumed-role/{run}-ApiKeyRole-X/*"):
        attributes = {"arn_pattern": pattern, "account_identifier": account}
        body = {"data": {"type": "aws_cloud_auth_config", "attributes": attributes}}
        mapper.world.datadog.call("POST", "cloud_auth/aws/persona_mapping", body)
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import os\n"
        "from datadog import Organisation\n"
        "organisation = Organisation(sys.argv[2], os.environ['DD_API_KEY'], os.environ['DD_APP_KEY'], 'datadoghq.com', sys.argv[3], True)\n"
        "print(organisation.there()); [delete() for delete in organisation.deletions()]; print(organisation.there())\n"
    )
    told = finished(mapper.popen([sys.executable, "-c", code, LIVE.parent, run, mapper.service_account])).stdout
    try:
        assert told.splitlines() == [f"['mapping of {run}-ApiKeyRole-X']", "[]"]
        assert mappings(mapper.world).keys() == foreign
    finally:
        listed = mapper.world.datadog.call("GET", "cloud_auth/aws/persona_mapping")["data"]
        for it in listed:
            mapper.world.datadog.call("DELETE", f"cloud_auth/aws/persona_mapping/{it['id']}")


def test_the_page_names_nobody(runner):
    """Of the run before."""
    page = runner.page
    for told in (ACCOUNT, runner.organisation, runner.service_account, runner.world.datadog.api_key, runner.world.datadog.app_key):
        assert told not in page
    assert not re.search(r"[0-9a-f]{8}-[0-9a-f]{4}-|\b[0-9a-f]{32}\b|\b[0-9a-f]{40}\b|\b\d{12}\b|127\.0\.0\.1", page)


@pytest.mark.parametrize("moment", ["New keys work", "protocol 16", "deploys the release's template", "api-key, rotation 1: ends"])
def test_an_interrupted_run_leaves_nothing(runner, moment):
    before = runner.standing()
    process = runner.start("--yes")
    reach(process, moment)
    process.send_signal(signal.SIGINT)
    time.sleep(0.2)
    process.send_signal(signal.SIGTERM)  # which does not end the cleaning
    run = finished(process)
    assert run.returncode == 1, run.stdout
    assert runner.standing() == before
    assert "Interrupted. What follows was not tried." in runner.page


def test_a_killed_run_is_cleaned_up_afterwards(runner):
    before = runner.standing()
    process = runner.start("--yes")
    name = reach(process, "deploys the release's template")
    process.kill()
    process.wait()
    assert runner.standing() != before
    cleaned = runner.clean(name)
    assert cleaned.returncode == 0, cleaned.stdout
    assert runner.standing() == before
    # There is nothing to clean twice, and no name but a run's is taken.
    for again in (name, "datadog-rotation", "datadog-rotation-live-00000000"):
        assert runner.clean(again).returncode == 2


def test_it_refuses_what_it_did_not_make(runner):
    before = runner.standing()
    refusals = {
        "your AWS credentials are of account": {"account": "210987654321"},
        "your Datadog keys are of organisation": {"organisation": "11111111-2222-4333-8444-555555555555"},
        "the service account owns": {"service-account": runner.world.datadog.service_account},
    }
    for text, changed in refusals.items():
        run = finished(runner.start("--yes", **changed))
        assert run.returncode == 2 and text in run.stdout, run.stdout
    # Nobody has typed the account's number.
    run = finished(runner.start())
    assert run.returncode != 0 and "3 cents" in run.stdout, run.stdout
    assert runner.standing() == before


def test_things_of_the_runs_name_are_refused_and_stay(runner):
    """By the part that looks for them, for a run's name is chance."""
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import os\n"
        "from live import Refused, refuse; from aws import Account; from datadog import Organisation\n"
        "run, told = 'datadog-rotation-live-0123abcd', dict(zip(('account', 'organisation'), sys.argv[2:4]))\n"
        "organisation = Organisation(run, os.environ['DD_API_KEY'], os.environ['DD_APP_KEY'], 'datadoghq.com', sys.argv[4])\n"
        f"try: refuse(told, Account(run, '{REGION}'), organisation)\n"
        "except Refused as refusal: print(refusal)\n"
    )
    command = [sys.executable, "-c", code, LIVE.parent, ACCOUNT, runner.organisation, runner.service_account]
    assert finished(runner.popen(command)).stdout == ""
    manager = runner.client("secretsmanager")
    secret = manager.create_secret(Name="datadog-rotation-live-0123abcd/mine", SecretString=json.dumps({}))["ARN"]
    try:
        told = finished(runner.popen(command)).stdout
        assert "there is something of this name already: secret datadog-rotation-live-0123abcd/mine" in told
    finally:
        manager.delete_secret(SecretId=secret, ForceDeleteWithoutRecovery=True)
