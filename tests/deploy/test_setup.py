"""docs/use/setup.md, word for word, in the folder of a release: from nothing to rotated secrets, of all types and of one."""

import json
import os
import re
import subprocess

import pytest
from account import Account
from conftest import BUILT, REGION, ROOT, STACK

PAGE = (ROOT / "docs/use/setup.md").read_text()
BLOCK = re.compile(r"(?:<!-- (?P<mark>[^>]+) -->\n)?```sh\n(?P<code>.*?)```\n", re.S)
NAMES = [f"datadog-rotation/{it}" for it in ("api-key", "application-key", "service-access-token", "admin")]
# The block that makes an admin secret for API keys alone.
FEWER = "fewer scopes"
NOT_RUN = {"not run: it fetches from a registry", "not run: it takes minutes"}


def blocks() -> list[tuple[str, str]]:
    """Each block of commands, with what the page says of it to the test."""
    return [(match["mark"] or "", match["code"]) for match in BLOCK.finditer(PAGE)]


def script(admins: tuple[str, ...] = ("",), left_out: str = "$.") -> str:
    """What is run: the blocks, with the variables that the reader fills in coming from the environment. `admins`: the marks
    of the blocks that are pasted where an admin secret is made. `left_out`: which files are not created."""
    made = {mark: code for mark, code in blocks() if re.search(r"^create \S*admin-api", code, re.M)}
    assert made.keys() == {"", FEWER}
    run = []
    for mark, code in blocks():
        if mark == "yours":
            code = re.sub(r"^export \w+=….*\n", "", code, flags=re.M)
        if code == made[""]:
            run += [made[it] for it in admins]
        elif mark not in {FEWER, *NOT_RUN} and not re.search(rf"^create ({left_out}) ", code, re.M):
            run.append(code)
    return "\n".join(run)


def follow(world, release, home, text: str) -> subprocess.CompletedProcess:
    """Runs the commands as the reader would, who types two keys."""
    environment = world.environment(home)
    environment |= {
        # The page's own is that of the site. Of the doctor and curl alone is asked otherwise.
        "DD_API": world.datadog.url,
        "DATADOG_API_URL": world.datadog.url,
        "AWS_ENDPOINT_URL_SECRETS_MANAGER": world.endpoint,
        "AWS_REGION": REGION,
        "DD_SITE": "datadoghq.com",
        "SERVICE_ACCOUNT_ID": world.datadog.service_account,
        "ALARM_EMAIL": "you@example.com",
    }
    environment["PATH"] = os.pathsep.join([str(BUILT), environment["PATH"]])
    keys = f"{world.datadog.api_key}\n{world.datadog.app_key}\n"
    command = ["bash", "-eu", "-c", text]
    return subprocess.run(
        command, cwd=release, env=environment, input=keys, timeout=900, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


@pytest.fixture(scope="module")
def account(world, release, tmp_path_factory):
    account = Account(world, release, tmp_path_factory.mktemp("home"))
    yield account
    account.run("sam", "delete", "--stack-name", STACK, "--no-prompts")


def test_every_block_is_run_or_says_why_not():
    assert {mark for mark, _ in blocks()} == {"", "yours", FEWER, *NOT_RUN}
    assert not re.search(r"^export \w+=…", script(), re.M)
    asked = {name for _, code in blocks() for name in re.findall(r"^export (\w+)=…", code, re.M)}
    assert asked == {"ALARM_EMAIL", "AWS_REGION", "DD_SITE", "SERVICE_ACCOUNT_ID"}


def test_no_key_is_typed_where_a_history_keeps_it():
    for _, code in blocks():
        assert not re.search(r"^(export )?\w*KEY=", code, re.M), code


def test_the_page_leads_to_rotated_secrets_of_every_type(account, world, release):
    run = follow(world, release, account.home, script())
    assert run.returncode == 0, run.stdout
    assert "Rotation would fail for 0 of 4." in run.stdout
    assert len(re.findall("^rotated: ", run.stdout, re.M)) == 4
    for name in NAMES:
        assert {"AWSCURRENT", "AWSPREVIOUS"} <= account.labels(name).keys()
        told = [
            account.secrets_manager.get_secret_value(SecretId=name, VersionStage=it)["SecretString"]
            for it in ("AWSCURRENT", "AWSPREVIOUS")
        ]
        assert told[0] != told[1], name
    # Neither a file with keys nor a word of one is left.
    assert world.datadog.api_key not in run.stdout and world.datadog.app_key not in run.stdout
    assert not [it for it in account.home.rglob("*") if it.is_file() and world.datadog.api_key in it.read_text(errors="replace")]


def functions(*names: str) -> str:
    """The page's definitions of these."""
    return "\n".join(re.search(rf"^{name}\(\) \{{.*?^\}}$", PAGE, re.M | re.S)[0] for name in names)


def test_a_check_that_fails_ends_with_an_error(account, world, release):
    secret = account.secrets_manager.describe_secret(SecretId="datadog-rotation/api-key")["ARN"]
    value = account.value(secret)
    account.secrets_manager.put_secret_value(SecretId=secret, SecretString=json.dumps(value | {"apiKey": "f" * 32}))
    definitions = functions("function_of", "current", "check")
    try:
        run = follow(world, release, account.home, f"{definitions}\ncheck ApiKey {secret}")
        assert run.returncode != 0
        assert '"errorType"' in run.stdout, run.stdout
    finally:
        account.secrets_manager.put_secret_value(SecretId=secret, SecretString=json.dumps(value))
    run = follow(world, release, account.home, f"{definitions}\ncheck ApiKey {secret}")
    assert (run.returncode, run.stdout.strip()) == (0, "ApiKey: null")


def test_a_rotation_that_fails_ends_and_says_so(account, world, release):
    secret = account.secrets_manager.describe_secret(SecretId="datadog-rotation/application-key")["ARN"]
    value = account.value(secret)
    account.secrets_manager.put_secret_value(SecretId=secret, SecretString=json.dumps(value | {"appKey": "f" * 40}))
    # Fewer looks than in two minutes.
    definitions = functions("current", "rotate").replace("{1..40}", "{1..3}")
    run = follow(world, release, account.home, f"{definitions}\nrotate {secret}")
    assert run.returncode != 0
    assert f"not rotated within two minutes; the function's log says why: {secret}" in run.stdout



@pytest.mark.parametrize("kept", ["API_KEY", "APPLICATION_KEY", "SERVICE_ACCESS_TOKEN"])
def test_the_other_types_may_be_left_out(kept):
    [name] = [it for it in ("ApiKey", "ApplicationKey", "ServiceAccessToken") if it.upper() == kept.replace("_", "")]
    # The commands, told instead of run.
    told = "\n".join(f'{it}() {{ printf "%s\\n" {it} "$@"; }}' for it in ("sam", "datadog-doctor"))
    empty = "\n".join(re.findall(r"^export \w+_SECRET_ARN=\$.*$", PAGE, re.M))
    after = "^rm |^datadog-doctor check|^sam deploy"
    run = [code for _, code in blocks() if re.search(after, code, re.M)]
    assert len(run) == 3
    ends = [re.sub(r"(?s).*^\}\n", "", code, flags=re.M) for _, code in blocks() if re.search("^(check|rotate) ", code, re.M)]
    assert len(ends) == 2
    for function, call in (("check", 'check ApiKey ""'), ("rotate", 'rotate ""')):
        subprocess.run(["bash", "-eu", "-c", f"{functions(function)}\n{call}"], check=True)
    skipped = 'check() { [ ! "$2" ] || echo "check $1"; }\nrotate() { [ ! "$1" ] || echo "rotate $1"; }'
    values = f"{empty}\nsetup_dir=$(mktemp -d) ADMIN_SECRET_ARN=admin ALARM_EMAIL=you {kept}_SECRET_ARN=it"
    text = "\n".join([told, values, *run, skipped, *ends])
    lines = subprocess.run(["bash", "-eu", "-c", text], capture_output=True, text=True, check=True).stdout.split("\n")
    parameters = {it for it in lines if "SecretArn=" in it}
    assert parameters == {"AdminSecretArn=admin", "AdminKeySecretArn=admin", f"{name}SecretArn=it"}
    assert lines[lines.index("datadog-doctor") :][1:4] == ["check", "admin", "it"]
    assert lines[-5:] == [f"check {name}", "check AdminKey", "rotate it", "rotate admin", ""]


def asked_of(text: str, keys: str = "") -> subprocess.CompletedProcess:
    """Runs commands without AWS or Datadog: `aws` says what it was given to store."""
    aws = 'aws() { for it; do case $it in file://*) cat "${it#file://}";; esac; done; }'
    text = "\n".join([functions("own", "store", "part"), aws, "setup_dir=$(mktemp -d)", text, 'rm -r "$setup_dir"'])
    return subprocess.run(["bash", "-u", "-c", text], input=keys, capture_output=True, text=True)


def test_a_key_that_one_has_takes_the_place_of_a_new_one():
    value = """store api-key <<END
{"apiKey": "$(part api attributes key)", "apiKeyId": "$(part api id)"}
END"""
    run = asked_of(f"own api && {value}", "the key\nthe id\n")
    assert json.loads(run.stdout) == {"apiKey": "the key", "apiKeyId": "the id"}
    for answer in ('{"data": {"id": "the id", "attributes": {}}}', '{"data": {"id": "", "attributes": {"key": "the key"}}}', ""):
        run = asked_of(f"echo '{answer}' > \"$setup_dir/api\"\n{value}")
        assert "api-key: a part is missing" in run.stderr
        assert not run.stdout and "the key" not in run.stderr


@pytest.mark.parametrize(
    ("admins", "rotated"),
    [((FEWER,), ["api-key"]), (("", FEWER), ["api-key", "application-key", "service-access-token", "admin", "api-key-admin"])],
    ids=["alone", "beside"],
)
def test_fewer_scopes_are_enough_to_rotate_api_keys(account, world, release, admins, rotated):
    """As a second stack, beside the one of the page. Last in this file: once this one is deleted, MiniStack no longer lets the
    other one's functions be invoked."""
    stack = "alone" if len(rotated) == 1 else "beside"
    left_out = "app|token" if stack == "alone" else "$."
    text = script(admins, left_out).replace("datadog-rotation/", f"{stack}/")
    try:
        run = follow(world, release, account.home, f"export STACK={stack}\n{text}")
        assert run.returncode == 0, run.stdout
        assert len(re.findall("^rotated: ", run.stdout, re.M)) == len(rotated), run.stdout
        for name in rotated:
            assert {"AWSCURRENT", "AWSPREVIOUS"} <= account.labels(f"{stack}/{name}").keys()
    finally:
        account.run("sam", "delete", "--stack-name", stack, "--no-prompts")
