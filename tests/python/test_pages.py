"""Every command of the AWS CLI that a page gives has a service, an operation, options and a query that there are, and the
filter by which a person stores a key keeps the rest."""

import json
import re
import subprocess
from typing import NamedTuple

import botocore.session
import jmespath
import jq
import pytest
from botocore import xform_name
from conftest import ROOT

OWN = {"logs tail", "cloudformation deploy", "cloudformation package"}
OPTIONS_OF_ALL = {"output", "query"}

SESSION = botocore.session.get_session()


class Command(NamedTuple):
    page: str
    service: str
    operation: str
    options: frozenset[str]


def blocks() -> list[tuple[str, str]]:
    """Each page's blocks of commands, a command a line."""
    listed = subprocess.run(["git", "ls-files", "*.md"], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    pages = {page: (ROOT / page).read_text() for page in listed.stdout.splitlines() if (ROOT / page).is_file()}
    found = [(page, it) for page, text in pages.items() for it in re.findall(r"```sh\n(.*?)```", text, re.S)]
    return [(page, re.sub(r"\\\n", " ", it)) for page, it in found]


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
