"""The tools that the pages have their reader install: in versions that do what the pages say, where every system lets them."""

import re

import pytest
from conftest import ROOT
from test_parameters import PAGES

# The oldest of each that will do. SAM before 1.157 asks for --beta-features to build Rust; cargo-lambda before 1.9.2 builds
# for arm64 with no compiler as new as that of rust-toolchain.toml.
OLDEST = {"aws-sam-cli": (1, 157), "cargo-lambda": (1, 9, 2)}
SAYS = [*PAGES, "template.yaml", "examples/terraform/outputs.tf", "examples/trust/template.yaml", "tests/live/README.md"]
VENV = re.compile(r"python3 -m venv (?P<folder>\S+) && (?P=folder)/bin/pip install (?P<packages>.+?) && PATH=(?P=folder)/bin:\$PATH")


def text(page: str) -> str:
    return (ROOT / page).read_text()


def installs() -> list[tuple[str, str]]:
    """Each line of a page that has something installed from PyPI."""
    return [(page, line) for page in SAYS for line in text(page).splitlines() if re.search(r"\bpip3? install\b", line)]


def version(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split(".")))


@pytest.mark.parametrize(("page", "line"), installs())
def test_a_tool_gets_a_place_of_its_own(page, line):
    """Debian, Ubuntu, Fedora and Homebrew forbid `pip install` beside their own Python packages (PEP 668)."""
    found = VENV.fullmatch(line)
    assert found, f"{page}: {line}"
    packages = re.findall(r"'([\w-]+)>=([\d.]+)'", found["packages"])
    assert " ".join(f"'{name}>={it}'" for name, it in packages) == found["packages"]
    for name, it in packages:
        assert version(it) >= OLDEST[name], f"{page}: {name}"


def test_the_pages_have_both_installed():
    assert {name for _, line in installs() for name in OLDEST if name in line} == OLDEST.keys()


@pytest.mark.parametrize("folder", ["deploy", "package", "python"])
def test_what_is_tested_is_no_older(folder):
    for name, it in re.findall(r"^([\w-]+)==([\d.]+)", text(f"tests/{folder}/requirements.txt"), re.MULTILINE):
        assert name not in OLDEST or version(it) >= OLDEST[name]


@pytest.mark.parametrize("page", [page for page in SAYS if "aws logs tail" in text(page)])
def test_the_aws_cli_that_follows_logs_is_named(page):
    """`aws logs tail` is of AWS CLI 2, and the pages ask for either."""
    assert "AWS CLI 2" in text(page)


def test_nothing_asks_for_beta_features():
    assert not [page for page in SAYS if "--beta-features" in text(page)]
