"""A budget that is crossed fails, each of them. What is measured without a build is measured here too."""

import re
import tomllib
from pathlib import Path

import budgets
import build
import pytest

TEXT = (budgets.HERE / "budgets.toml").read_text()
TOML = tomllib.loads(TEXT)


def lowered(heading: str, key: str, text: str = TEXT) -> str:
    """The file with this one number lowered to 0."""
    before, mark, after = text.partition(f"[{heading}]\n")
    assert mark, heading
    section, *rest = re.split(r"(?=^\[)", after, maxsplit=1, flags=re.MULTILINE)
    changed, count = re.subn(rf'^("?{key}"?) = [\d_]+', r"\1 = 0", section, flags=re.MULTILINE)
    assert count == 1, (heading, key)
    return before + mark + changed + "".join(rest)


def test_nothing_is_over_its_budget():
    assert budgets.main(["--no-build"]) == 0


@pytest.mark.parametrize(
    ("heading", "key"),
    [(f"{section}.budget", key) for section in ("crates", "calls", "chain") for key in TOML[section]["budget"]],
)
def test_a_budget_that_needs_no_build_fails_when_it_is_crossed(tmp_path, heading, key):
    path = tmp_path / "budgets.toml"
    path.write_text(lowered(heading, key))
    assert budgets.main(["--no-build", "--budgets", str(path)]) == 1


# What takes a build, as if each had come to its budget.
BUILT = {
    f"{section}{suffix}": figures
    for section, suffix, figures in (
        ("binary", ".x86_64", TOML["binary"]["x86_64"]["budget"]),
        ("zip", ".x86_64", TOML["zip"]["x86_64"]["budget"]),
        ("instructions", "", TOML["instructions"]["budget"]),
    )
}


@pytest.mark.parametrize(
    ("heading", "key"), [(f"{section}.budget", key) for section, figures in BUILT.items() for key in figures]
)
def test_a_budget_that_takes_a_build_fails_when_it_is_crossed(tmp_path, monkeypatch, heading, key):
    monkeypatch.setattr(budgets, "heavy", lambda only: BUILT)
    assert budgets.main([]) == 0
    path = tmp_path / "budgets.toml"
    path.write_text(lowered(heading, key))
    assert budgets.main(["--budgets", str(path)]) == 1


def test_a_figure_may_reach_its_budget_and_not_pass_it():
    for figure, crossed in ((10, False), (11, True)):
        [line] = budgets.compare({"binary.x86_64": {"one": figure}}, {"binary": {"x86_64": {"budget": 10}}})
        assert line.crossed is crossed


def test_a_figure_without_a_budget_is_an_error():
    with pytest.raises(KeyError):
        budgets.compare({"instructions": {"another": 1}}, {"instructions": {"budget": {"apiKey": 1}}})


def test_calls_are_read_off_the_page_that_the_tests_hold():
    counted = budgets.counted(budgets.CALLS.read_text())
    for figures in counted.values():
        assert list(figures) == ["API key", "application key", "admin pair", "service access token", "admin pair, assisted"]


def test_the_sandbox_gets_every_function(tmp_path):
    budgets.link(tmp_path, ["datadog-api-key"], Path("release"), Path("debug"))
    links = {it.name: it.readlink().parent.name for it in tmp_path.iterdir()}
    assert sorted(links) == sorted(build.functions())
    assert links["datadog-api-key"] == "release" and links["datadog-service-access-token"] == "debug"
