"""Every command of the AWS CLI that a page gives has a service, an operation, options and a query that there are, every
command of the project's own programs is one that they take, and the filter by which a person stores a key keeps the rest."""

import json
import re
import shlex
import subprocess
import sys
from typing import NamedTuple

import botocore.session
import jmespath
import jq
import pytest
from botocore import xform_name
from conftest import ROOT, program

OWN = {"logs tail", "cloudformation deploy", "cloudformation package"}
OPTIONS_OF_ALL = {"output", "query"}

# The project's own programs, and the Python behind them.
OWN_PROGRAMS = {"datadog-doctor": None, "tests/live/run": "tests/live/live.py", ".ci/release": "tests/package/release.py"}
# What a reader puts in the place of a word that the doctor would not take.
SECRET_ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:NAME-AbCdEf"
FILLED_IN = {
    "ACCOUNT_ID": "123456789012",
    "ARN": SECRET_ARN,
    "ID": "11111111-2222-4333-8444-555555555555",
    "ROLE_ARN": "arn:aws:iam::123456789012:role/NAME",
}
# Reads the arguments as the program does, and ends.
PARSE_ONLY = """
import argparse, os, runpy, sys
def parse_only(parser, parse=argparse.ArgumentParser.parse_args):
    parse(parser)
    sys.exit(0)
argparse.ArgumentParser.parse_args = parse_only
sys.argv = sys.argv[1:]
sys.path.insert(0, os.path.dirname(sys.argv[0]))
runpy.run_path(sys.argv[0], run_name="__main__")
"""

SESSION = botocore.session.get_session()


class Command(NamedTuple):
    page: str
    service: str
    operation: str
    options: frozenset[str]


class OwnCommand(NamedTuple):
    page: str
    program: str
    arguments: tuple[str, ...]


def pages() -> dict[str, str]:
    listed = subprocess.run(["git", "ls-files", "*.md"], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    return {page: (ROOT / page).read_text() for page in listed.stdout.splitlines() if (ROOT / page).is_file()}


def blocks() -> list[tuple[str, str]]:
    """Each page's blocks of commands, a command a line."""
    found = [(page, it) for page, text in pages().items() for it in re.findall(r"```sh\n(.*?)```", text, re.S)]
    return [(page, re.sub(r"\\\n", " ", it)) for page, it in found]


def own_commands() -> list[OwnCommand]:
    """Those with arguments, in blocks and in sentences. Brackets around what may be left out are not part of them."""
    inline = [(page, it) for page, text in pages().items() for it in re.findall(r"(?<!`)`([^`\n]+)`(?!`)", text)]
    found = set()
    for page, code in [*blocks(), *inline]:
        for name in OWN_PROGRAMS:
            for rest in re.findall(rf"(?:^|[\s(]){re.escape(name)} ([^\n;|)#]+)", code, re.M):
                words = re.sub(r"\[((?:--|[A-Z]).*?)\]", r"\1", rest.partition("$(")[0])
                found.add(OwnCommand(page, name, tuple(shlex.split(words))))
    return sorted(found)


def is_taken(name: str, *arguments: str) -> bool:
    """Whether the program's own parser takes these arguments."""
    source = OWN_PROGRAMS[name]
    # The doctor prints its help only if it has taken all that is before --help.
    command = [sys.executable, "-c", PARSE_ONLY, ROOT / source, *arguments] if source else [program(name), *arguments, "--help"]
    return subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0


def commands() -> list[Command]:
    """Those of services: the CLI's own have no operation behind them."""
    calls = re.compile(r"(?:^|[\s(])aws ([a-z0-9-]+) ([a-z-]+)([^\n;|&)]*)")
    found = {
        Command(page, service, operation, frozenset(re.findall(r"\s--([a-z-]+)", rest)))
        for page, block in blocks()
        for service, operation, rest in calls.findall(block)
        if f"{service} {operation}" not in OWN
    }
    return sorted(found, key=str)


def test_the_pages_give_commands():
    assert len(commands()) > 40
    assert {"docs/operate/runbooks.md", "docs/use/setup.md", "docs/use/migration.md"} <= {it.page for it in commands()}


@pytest.mark.parametrize("command", commands(), ids=lambda it: " ".join(it[:3]))
def test_a_command_is_one_of_the_cli(command):
    model = SESSION.get_service_model(command.service)
    operations = {xform_name(name, "-"): name for name in model.operation_names}
    shape = model.operation_model(operations[command.operation]).input_shape
    known = {xform_name(name, "-") for name in shape.members} if shape else set()
    needed = {xform_name(name, "-") for name in shape.required_members} if shape else set()
    switches = {f"no-{name}" for name in known}
    assert command.options <= known | switches | OPTIONS_OF_ALL
    assert needed <= command.options


def test_the_pages_give_commands_of_each_own_program():
    assert {it.program for it in own_commands()} == OWN_PROGRAMS.keys()
    assert {it.arguments[0] for it in own_commands() if it.program == "datadog-doctor"} >= {"check", "orphans", "leaked", "probe", "trust"}


@pytest.mark.parametrize("command", own_commands(), ids=lambda it: f"{it.program} {' '.join(it.arguments)}")
def test_a_command_is_one_of_the_program(command):
    words = [it.removesuffix("...") for it in command.arguments]
    # Of a shell's variables each stands for an ARN.
    assert is_taken(command.program, *(SECRET_ARN if "$" in it else FILLED_IN.get(it, it) for it in words))


@pytest.mark.parametrize("name", OWN_PROGRAMS)
def test_no_program_takes_an_option_that_it_lacks(name):
    assert not is_taken(name, *(["check"] if name == "datadog-doctor" else []), "--no-such-option")


def test_every_query_is_one():
    queries = [(page, it) for page, block in blocks() for it in re.findall(r"""--query\s+('[^']*'|"[^"]*"|\S+)""", block)]
    assert len(queries) > 10
    for page, query in queries:
        try:
            jmespath.compile(query.strip("'\""))
        except jmespath.exceptions.ParseError as error:
            pytest.fail(f"{page}: {query}: {error}")


def stored(value: dict, monkeypatch) -> dict:
    """What step 4 of "Restoring service by hand" stores in place of this value."""
    [filter_] = [it for _, block in blocks() for it in re.findall(r"jq -e '([^']*serviceAccessToken[^']*)'", block)]
    # jq 1.6, which distributions still have, takes an expression before `as` in parentheses alone. This one takes both.
    assert not re.search(r"\bend as\b", filter_)
    monkeypatch.setenv("KEY", "new key")
    monkeypatch.setenv("ID", "new id")
    return jq.compile(filter_).input_value(value).first()


@pytest.mark.parametrize("key", ["apiKey", "appKey", "serviceAccessToken"])
def test_a_key_that_a_person_stores_by_the_runbook_is_in_every_field(key, monkeypatch):
    value = {key: "old key", f"{key}Id": "old id", "copy": "old key", "serviceAccountId": "owner", "note": 7}
    expected = {key: "new key", f"{key}Id": "new id", "copy": "new key", "serviceAccountId": "owner", "note": 7}
    assert stored(value, monkeypatch) == expected


VALUES = [
    {"apiKey": "secret", "apiKeyId": "id"},
    {"appKey": "secret", "appKeyId": "id", "serviceAccountId": "id"},
    {"adminApiKey": "secret", "adminApiKeyId": "id", "adminAppKey": "secret", "adminAppKeyId": "id", "site": "datadoghq.eu"},
    {"serviceAccessToken": "secret", "serviceAccessTokenId": "id", "daysToExpiry": 90, "DD_ACCESS_TOKEN": "secret"},
]


@pytest.mark.parametrize("value", [*VALUES, "secret"])
def test_no_command_that_shows_a_value_prints_a_key(value):
    filters = [it for _, block in blocks() for it in re.findall(r"jq '(objects \| with_entries[^']*)'", block)]
    assert len(filters) == 2
    for filter_ in filters:
        told = json.dumps(jq.compile(filter_).input_value(value).all())
        assert "secret" not in told
        assert ('"id"' in told) == isinstance(value, dict)


@pytest.mark.parametrize("value", [{"adminApiKey": "a", "adminAppKey": "b"}, {"apiKey": "a", "appKey": "b"}, {}])
def test_a_value_that_holds_not_one_key_is_left_as_it_is(value, monkeypatch):
    with pytest.raises(ValueError, match="not a value with one key"):
        stored(value, monkeypatch)
