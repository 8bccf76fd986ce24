"""The packages hold what they should, and SAM builds the very same."""

import hashlib
import json
import os
import platform
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import archive
import bom
import build
import notices
import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

ROOT = build.ROOT
ARCHITECTURE = {"x86_64": "x86_64", "aarch64": "arm64"}[platform.machine()]
# Of provided.al2023, Amazon Linux 2023.
GLIBC = (2, 34)
# In an ELF header: where the machine stands, and Lambda's two.
MACHINE = slice(18, 20)
MACHINES = {"x86_64": (62).to_bytes(2, "little"), "arm64": (183).to_bytes(2, "little")}


@pytest.fixture(scope="module")
def bootstraps() -> dict[str, Path]:
    return build.compiled(ARCHITECTURE)


@pytest.fixture(scope="module")
def packages(bootstraps, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("packages")
    build.package(ARCHITECTURE, bootstraps, folder)
    return folder


@pytest.fixture(scope="module")
def built_by_sam(bootstraps, tmp_path_factory) -> Path:
    """What `sam build` leaves, in the environment of the packages; what is compiled already is not compiled again."""
    folder = tmp_path_factory.mktemp("sam")
    # As a user writes it whose functions are to be of this machine's architecture.
    text = (ROOT / "template.yaml").read_text().replace("CodeUri: .\n", f"CodeUri: {ROOT}\n")
    template = folder / "template.yaml"
    template.write_text(re.sub(r"Architectures: \[.*\]", f"Architectures: [{ARCHITECTURE}]", text))
    options = ["--template", template, "--base-dir", ROOT, "--build-dir", folder / "built"]
    sam = Path(sys.executable).with_name("sam")
    environment = build.environment() | {"SAM_CLI_TELEMETRY": "0"}
    subprocess.run([sam, "build", *options], cwd=ROOT, env=environment, check=True)
    return folder / "built"


def template_functions() -> dict[str, str]:
    """The template's functions, each with its binary."""
    resources = re.split(r"^  (\w+):$", (ROOT / "template.yaml").read_text(), flags=re.MULTILINE)[1:]
    named = zip(resources[::2], resources[1::2], strict=True)
    functions = {name: text for name, text in named if "Type: AWS::Serverless::Function" in text}
    return {name: re.search(r"^ +Binary: (\S+)$", text, re.MULTILINE)[1] for name, text in functions.items()}


def test_every_function_of_the_template_is_packed(packages):
    names = sorted(template_functions().values())
    assert len(names) == 6
    assert names == build.functions()
    wanted = {f"{name}{suffix}" for name in names for suffix in (".zip", ".cdx.json")} | {"SHA256SUMS"}
    assert {it.name for it in packages.iterdir()} == wanted


def test_the_sums_are_right(packages):
    subprocess.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=packages, check=True)
    assert (packages / "SHA256SUMS").read_text().count("\n") == len(list(packages.iterdir())) - 1


def test_a_zip_holds_the_executable_and_what_third_parties_ask_to_be_told(packages, bootstraps):
    texts = notices.files(build.target_folder())
    for name, bootstrap in bootstraps.items():
        with zipfile.ZipFile(packages / f"{name}.zip") as package:
            entries = package.infolist()
            assert [it.filename for it in entries] == ["bootstrap", *texts]
            assert [it.external_attr >> 16 for it in entries] == [0o100755, *[0o100644] * len(texts)]
            assert {it.date_time for it in entries} == {archive.DATE}
            assert package.testzip() is None
            assert package.read("bootstrap") == bootstrap.read_bytes()
            for text, path in texts.items():
                assert package.read(text) == path.read_bytes()


def test_the_notices_name_every_crate_that_is_in_a_binary_and_every_licence():
    text = notices.third_parties(build.target_folder()).read_text()
    for name in build.functions():
        for _, target in build.TARGETS.values():
            assert notices.uncovered(text, name, target) == set()
    assert notices.uncovered(text.replace("\ntokio ", "\ntokyo "), "datadog-api-key", "x86_64-unknown-linux-gnu")
    configuration = tomllib.loads(notices.CONFIGURATION.read_text())
    for licence in configuration["accepted"]:
        assert f"({licence})\n" in text, licence
    allowed = tomllib.loads((ROOT / "deny.toml").read_text())["licenses"]["allow"]
    # Of the sandbox alone.
    assert set(allowed) - set(configuration["accepted"]) == {"Zlib"}
    assert "UNICODE LICENSE V3" in text and "The Rust Standard Library" in notices.standard_library().read_text()


def test_packages_are_made_again_byte_for_byte(packages, bootstraps, tmp_path):
    # Of younger files with other permissions. That the binaries are made again as well takes two builds: reproduce.
    copies = {}
    for name, bootstrap in bootstraps.items():
        copies[name] = tmp_path / name
        copies[name].write_bytes(bootstrap.read_bytes())
        copies[name].chmod(0o600)
    build.package(ARCHITECTURE, copies, tmp_path / "again")
    for path in packages.iterdir():
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes(), path.name


def test_a_binary_says_nothing_of_the_machine_that_built_it(bootstraps):
    folders = {ROOT, build.target_folder(), Path.home(), Path(sys.prefix)}
    for bootstrap in bootstraps.values():
        content = bootstrap.read_bytes()
        assert b"/cargo/registry/src/" in content
        assert [it for it in folders if bytes(it) + b"/" in content] == []


def test_a_binary_runs_on_lambdas_system(bootstraps):
    for bootstrap in bootstraps.values():
        content = bootstrap.read_bytes()
        assert content[:4] == b"\x7fELF" and content[MACHINE] == MACHINES[ARCHITECTURE]
        versions = {tuple(map(int, it.split(b"."))) for it in re.findall(rb"GLIBC_(\d+\.\d+)", content)}
        assert versions and max(versions) <= GLIBC


def test_the_functions_ship_without_the_features_of_the_tests():
    selected, shipped = (tree_with_features(packages) for packages in ([], build.functions()))
    assert selected == shipped
    [tokio] = [features for crate, features in shipped if crate.startswith("tokio ")]
    assert "test-util" not in tokio.split(",")


def tree_with_features(packages: list[str]) -> set[tuple[str, str]]:
    """What cargo builds for these packages, or where none is named, with features."""
    command = ["cargo", "tree", "--locked", "--edges", "normal", "--prefix", "none", "--format", "{p}|{f}"]
    command += [option for name in packages for option in ("--package", name)]
    output = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    return {tuple(line.removesuffix(" (*)").split("|")) for line in output.splitlines() if line}


def test_a_bill_is_what_cyclonedx_calls_one(packages):
    validator = JsonStrictValidator(SchemaVersion.V1_6)
    for path in packages.glob("*.cdx.json"):
        text = path.read_text()
        assert validator.validate_str(text) is None
        # Which the schema leaves open.
        assert json.loads(text)["specVersion"] == "1.6"
        assert validator.validate_str(text.replace('"scope": "required"', '"scope": "wanted"', 1)) is not None


def test_a_bill_names_every_crate_that_is_in_the_binary(packages, bootstraps):
    for name, bootstrap in bootstraps.items():
        bill = json.loads((packages / f"{name}.cdx.json").read_text())
        [sum_of_binary] = [it["content"] for it in bill["metadata"]["component"]["hashes"]]
        assert sum_of_binary == hashlib.sha256(bootstrap.read_bytes()).hexdigest()
        listed = {f"{it['name']}-{it['version']}" for it in bill["components"] if it["scope"] == "required"}
        # Those that can panic are named by where.
        found = re.findall(rb"/cargo/registry/src/[^/]+/([A-Za-z0-9_.+-]+)/", bootstrap.read_bytes())
        assert len(set(found)) > 20
        assert {it.decode() for it in found} - listed == set()


def test_a_bill_holds_together(packages):
    for path in packages.glob("*.cdx.json"):
        bill = json.loads(path.read_text())
        references = {it["bom-ref"] for it in bill["components"]} | {bill["metadata"]["component"]["bom-ref"]}
        for it in bill["dependencies"]:
            assert {it["ref"], *it["dependsOn"]} <= references
        reached, new = set(), {bill["metadata"]["component"]["bom-ref"]}
        needs = {it["ref"]: it["dependsOn"] for it in bill["dependencies"]}
        while new:
            reached |= new
            new = {other for it in new for other in needs[it]} - reached
        assert references - reached == {"rust-std"}
        # From a registry, or from here.
        assert [it["name"] for it in bill["components"] if "hashes" not in it] == ["datadog-rotation", "rust-std"]


def test_a_bill_tells_what_is_at_work_in_the_build_alone(packages):
    bill = json.loads((packages / "datadog-api-key.cdx.json").read_text())
    scopes = {it["name"]: it["scope"] for it in bill["components"]}
    assert (scopes["tokio"], scopes["ring"]) == ("required", "required")
    assert (scopes["tokio-macros"], scopes["cc"]) == ("excluded", "excluded")
    assert "proptest" not in scopes


def test_licences_are_spdx_expressions():
    assert bom.spdx("MIT/Apache-2.0") == "MIT OR Apache-2.0"
    assert bom.spdx("MIT OR Apache-2.0") == "MIT OR Apache-2.0"


def test_sam_builds_what_is_packed(built_by_sam, bootstraps):
    for function, name in template_functions().items():
        assert (built_by_sam / function / "bootstrap").read_bytes() == bootstraps[name].read_bytes()


def test_what_sam_built_rotates(built_by_sam):
    """The sandbox's own demonstration, six rotations with every promise checked, on these files."""
    sandbox = build.target_folder() / "debug" / "sandbox"
    command = [sandbox, "--json", "--functions", built_by_sam]
    # No cargo on the way: nothing else can have been built.
    environment = os.environ | {"PATH": "", "CARGO": "/nonexistent"}
    run = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    report = json.loads(run.stdout)
    assert report["held"] is True and run.returncode == 0
    assert len(report["rotations"]) == 6
