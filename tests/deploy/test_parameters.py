"""Every parameter that a page or samconfig.toml gives is what SAM's own parser and the template take it for."""

import re
import shlex
import subprocess
import tomllib
from pathlib import Path

import pytest
from conftest import ROOT
from samcli.cli.context import Context
from samcli.cli.types import CfnParameterOverridesType
from samcli.commands.deploy.command import cli as deploy
from samcli.yamlhelper import yaml_parse
from stack import Refused, Stack, accepted

TEMPLATE = yaml_parse((ROOT / "template.yaml").read_text())
PARAMETERS = TEMPLATE["Parameters"]
ENVIRONMENTS = ["default", "api-keys", "vpc", "keyless"]
SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:datadog/{}-AbCdEf"
# What somebody fills in.
FILLED = {
    "API_KEY_ADMIN_SECRET_ARN": SECRET.format("narrow"),
    "APPLICATION_KEY_SECRET_ARN": SECRET.format("application"),
    "API_KEY_SECRET_ARN": SECRET.format("api"),
    "SERVICE_ACCESS_TOKEN_SECRET_ARN": SECRET.format("token"),
    "ADMIN_SECRET_ARN": SECRET.format("admin"),
    "BOOTSTRAP_SECRET_ARN": SECRET.format("bootstrap"),
    "YOU@EXAMPLE.COM": "you@example.com",
    "you@example.com": "you@example.com",
    "ALARM_EMAIL": "you@example.com",
    "subnet-ONE": "subnet-0123abcd",
    "subnet-TWO": "subnet-4567abcd",
    "sg-ONE": "sg-0123abcd",
    "KMS_KEY_ARN": "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-4333-8444-555555555555",
    "POLICY_ARN": "arn:aws:iam::123456789012:policy/boundary",
    "TOPIC_ARN": "arn:aws:sns:us-east-1:123456789012:alarms",
    "ORG_UUID": "11111111-2222-4333-8444-555555555555",
    "SERVICE_ACCOUNT_ID": "33333333-3333-4333-8333-333333333333",
    "ARN": SECRET.format("admin"),
}
PAGES = ["README.md", *(str(it.relative_to(ROOT)) for it in sorted((ROOT / "docs").rglob("*.md"))), "examples/README.md"]


def filled(text: str) -> str:
    """The text with each word filled in, but for the variables of the shell."""
    for word, it in FILLED.items():
        text = re.sub(rf"(?<![\w${{]){re.escape(word)}\b", it, text)
    return text


def given_by(command: str, **variables: str) -> list[str]:
    """The parameters that a command gives to `sam` or `aws`, as the shell hands them over."""
    told = f'sam() {{ printf "%s\\n" "$@"; }}\naws() {{ sam "$@"; }}\n{filled(command)}'
    known = {name: it for name, it in FILLED.items() if name.isidentifier()}
    run = subprocess.run(["bash", "-euc", told], env=known | variables, capture_output=True, text=True, check=True)
    words = run.stdout.splitlines()
    return [it for it in words[words.index("--parameter-overrides") + 1 :] if re.match(r"\w+=", it)]


def by_sam(words) -> dict[str, str]:
    """What SAM hands to CloudFormation for --parameter-overrides."""
    return CfnParameterOverridesType().convert(tuple(words), None, None)


def deployed(configuration: Path, *options: str) -> dict:
    """What `sam deploy` does by a configuration and these options, as its own command reads them."""
    files = ["--config-file", str(configuration), "--template-file", str(ROOT / "template.yaml")]
    with deploy.make_context("deploy", [*files, *options], obj=Context()) as context:
        return context.params


def complaints(parameters: dict[str, str]) -> list[str]:
    """What CloudFormation says of parameters before it makes anything."""
    try:
        refusals = Stack(TEMPLATE, **parameters).refusals()
    except Refused as refused:
        return [str(refused)]
    return [it for said in refusals.values() for it in said]


@pytest.fixture(scope="module")
def configuration(tmp_path_factory) -> Path:
    """samconfig.toml, filled in."""
    path = tmp_path_factory.mktemp("configuration") / "samconfig.toml"
    path.write_text(filled((ROOT / "samconfig.toml").read_text()))
    return path


def commands() -> list[tuple[str, str]]:
    """Each page's commands that give parameters to SAM."""
    found = []
    for page in PAGES:
        for block in re.findall(r"```sh\n(.*?)```", (ROOT / page).read_text(), re.S):
            joined = block.replace("\\\n", " ")
            found += [(page, line) for line in joined.splitlines() if "--parameter-overrides" in line]
    return found


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_the_configuration_says_what_it_means(configuration, name):
    by_sam = deployed(configuration, "--config-env", name)
    assert complaints(by_sam["parameter_overrides"]) == []
    assert (by_sam["stack_name"], by_sam["resolve_s3"], by_sam["capabilities"]) == ("datadog-rotation", True, ["CAPABILITY_IAM"])


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_what_is_not_filled_in_is_refused(name):
    by_sam = deployed(ROOT / "samconfig.toml", "--config-env", name)
    assert complaints(by_sam["parameter_overrides"]) != []


def test_the_configuration_has_the_documented_environments():
    settings = tomllib.loads((ROOT / "samconfig.toml").read_text())
    assert settings.keys() - {"version"} == set(ENVIRONMENTS)


def test_the_configuration_gives_schedules_whole(configuration):
    parameters = deployed(configuration)["parameter_overrides"]
    assert parameters["AdminKeySchedule"] == "cron(0 3 1 * ? *)"
    assert parameters["DoctorSchedule"] == "rate(1 day)"


def test_the_one_command_takes_nothing_from_the_configuration(configuration):
    """For samconfig.toml lies where docs/use/setup.md has it run."""
    by_sam = deployed(configuration, "--parameter-overrides", "AlarmEmail=you@example.com")
    assert by_sam["parameter_overrides"] == {"AlarmEmail": "you@example.com"}


@pytest.mark.parametrize(("page", "command"), commands())
def test_each_command_of_the_pages_says_what_it_means(page, command):
    given = given_by(command)
    assert given
    assert complaints(by_sam(given)) == []


def test_the_parameters_for_api_keys_alone_are_accepted():
    [command] = [it for page, it in commands() if page == "docs/use/setup.md"]
    others = ("ADMIN_SECRET_ARN", "APPLICATION_KEY_SECRET_ARN", "SERVICE_ACCESS_TOKEN_SECRET_ARN")
    given = by_sam(given_by(command, **dict.fromkeys(others, "")))
    assert set(given) == {"ApiKeyAdminSecretArn", "ApiKeyAdminSchedule", "ApiKeySecretArn", "AlarmEmail"}
    assert complaints(given) == []


def test_the_pages_give_parameters():
    pages = {page for page, _ in commands()}
    assert {"README.md", "docs/use/setup.md", "docs/operate/releases.md"} <= pages


def values() -> list[tuple[str, str]]:
    """Each page's parameters with a value, in the middle of a sentence."""
    spans = [(page, it) for page in PAGES for it in re.findall(r"`('?[A-Z]\w+=[^`]+)`", (ROOT / page).read_text())]
    return [(page, it) for page, it in spans if it.split("=")[0].strip("'") in PARAMETERS]


@pytest.mark.parametrize(("page", "value"), values())
def test_each_value_of_the_pages_arrives_whole(page, value):
    [(name, arrived)] = by_sam(shlex.split(value)).items()
    assert accepted(name, PARAMETERS[name], {name: arrived}) == value.strip("'").split("=", 1)[1].strip('"')


def test_the_pages_give_values():
    assert ("docs/use/setup.md", "'DoctorSchedule=\"rate(12 hours)\"'") in values() and len(values()) > 4


def test_every_parameter_that_a_page_names_is_there():
    examples = [yaml_parse(it.read_text())["Parameters"] for it in (ROOT / "examples").glob("*/template.yaml")]
    known = {*PARAMETERS, *TEMPLATE["Outputs"]}.union(*examples)
    for page in PAGES:
        named = set(re.findall(rf"`([A-Z]\w+(?:{ENDINGS}))(?:=[^`]*)?`", (ROOT / page).read_text()))
        assert named - known <= UNRELATED, page


# How names of parameters end, and what is none.
ENDINGS = "Arn|Schedule|Ids|Email|Secrets|Window|OnUpdate|Prefix|Boundary|Path"
UNRELATED = {"DdApiKeySecretArn", "ListSecretVersionIds", "OwnPartialArn", "RotatedSecrets"}


@pytest.mark.parametrize("value", ["DoctorSchedule=rate(1 day)", "ApiKeySchedule=cron(0 8 1 * ? *)"])
def test_a_value_that_is_cut_is_refused(value):
    """What this file is about: without quotes of their own these arrive cut at the blank."""
    assert complaints(by_sam([value])) != []


@pytest.mark.parametrize("parameter", [name for name in PARAMETERS if name.endswith("Schedule")])
def test_the_defaults_and_examples_of_schedules_arrive_whole(parameter):
    declared = PARAMETERS[parameter]
    examples = re.findall(r"(?:rate|cron)\([^)]*\)", declared["Description"]) + [str(declared["Default"])]
    for value in examples:
        assert by_sam([f'{parameter}="{value}"']) == {parameter: value}
        assert complaints({parameter: value}) == []
