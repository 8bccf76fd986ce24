"""A release: its template, what the AWS CLI makes of it, its archives and notes. Nothing is compiled here."""

import hashlib
import os
import re
import shlex
import subprocess
import sys
import zipfile
from pathlib import Path

import boto3
import pytest
from conftest import ROOT, aws
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq, TaggedScalar

sys.path.append(str(ROOT / "tests" / "package"))
import release
import template

SOURCE = (ROOT / "template.yaml").read_text()
README = (ROOT / "tests" / "package" / "readme.md").read_text()


def parsed(text: str) -> dict:
    return YAML().load(text)


def plain(node):
    """What is there, without where and how it was written; nodes with a tag such as !Ref equal themselves alone."""
    if isinstance(node, TaggedScalar):
        return str(node.tag), node.value
    tag = str(node.tag) if isinstance(node, CommentedMap | CommentedSeq) else None
    if isinstance(node, dict):
        return tag, {name: plain(it) for name, it in node.items()}
    return (tag, [plain(it) for it in node]) if isinstance(node, list) else node


@pytest.fixture(params=["arm64", "x86_64"])
def folder(request, tmp_path) -> Path:
    """A folder as .ci/release leaves it, with zips of another content."""
    packed = template.packaged(SOURCE, request.param, "1.2.3")
    folder = tmp_path / request.param
    folder.mkdir()
    (folder / "template.yaml").write_text(packed)
    for name in template.functions(parsed(SOURCE)).values():
        with zipfile.ZipFile(folder / f"{name}.zip", "w") as package:
            package.writestr("bootstrap", f"{name} for {request.param}")
    return folder


def test_the_template_of_a_release_differs_in_what_is_deployed_alone(folder):
    source, packed = parsed(SOURCE), parsed((folder / "template.yaml").read_text())
    assert packed["Globals"]["Function"]["Architectures"] == [folder.name]
    source["Globals"]["Function"]["Architectures"][0] = folder.name
    del source["Metadata"]["AWS::ServerlessRepo::Application"], source["Globals"]["Function"]["CodeUri"]
    binaries = template.functions(source)
    assert len(binaries) >= 5
    for function, binary in binaries.items():
        resource = packed["Resources"][function]
        assert resource["Properties"].pop("CodeUri") == f"{binary}.zip"
        metadata = source["Resources"][function]["Metadata"]
        del metadata["BuildMethod"], metadata["BuildProperties"]
        assert plain(resource.get("Metadata", CommentedMap())) == plain(metadata)
        resource.pop("Metadata", None)
        del source["Resources"][function]["Metadata"]
    assert plain(packed) == plain(source)


def test_settings_and_a_page_lie_beside_the_template(tmp_path):
    release.write_template("arm64", tmp_path)
    written = {it.name for it in tmp_path.iterdir()}
    assert written == {"README.md", "samconfig.toml", "template.yaml"}
    page = (tmp_path / "README.md").read_text()
    assert all(f"`{name}`" in page for name in written - {"README.md"})
    assert f"# datadog-rotation {release.version()} for arm64\n" in page


def test_comments_that_checkers_read_stay(folder):
    wanted = set(re.findall(r"# (?:checkov:skip=|CKV_).*", SOURCE))
    assert wanted <= set(re.findall(r"# (?:checkov:skip=|CKV_).*", (folder / "template.yaml").read_text()))


def test_the_aws_cli_alone_uploads_the_zips(folder, moto):
    """By the command of the release's own README, against S3 as moto has it."""
    s3 = boto3.client("s3", endpoint_url=moto, **aws())
    s3.create_bucket(Bucket="releases")
    [command] = re.findall(r"^aws cloudformation package .*$", README, re.MULTILINE)
    words = shlex.split(command.replace("BUCKET", "releases"))
    assert "template.yaml" in words and "packaged.yaml" in words
    settings = {"AWS_ENDPOINT_URL": moto, "AWS_DEFAULT_REGION": aws()["region_name"]}
    settings |= {name.upper(): value for name, value in aws().items() if name != "region_name"}
    cli = Path(sys.executable).with_name("aws")
    subprocess.run([cli, *words[1:]], cwd=folder, env=os.environ | settings, check=True, stdout=subprocess.DEVNULL)
    packaged = parsed((folder / "packaged.yaml").read_text())
    for function, binary in template.functions(parsed(SOURCE)).items():
        bucket, key = re.fullmatch(r"s3://([^/]+)/(.+)", packaged["Resources"][function]["Properties"]["CodeUri"]).groups()
        uploaded = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        assert uploaded == (folder / f"{binary}.zip").read_bytes()


@pytest.fixture
def dist(tmp_path, monkeypatch) -> Path:
    monkeypatch.setattr(release, "DIST", tmp_path)
    monkeypatch.setattr(release, "ASSETS", tmp_path / "assets")
    for name in ("arm64/one.zip", "arm64/template.yaml", "doctor/datadog-doctor-{}-linux-arm64.zip"):
        path = tmp_path / name.format(release.version())
        path.parent.mkdir(exist_ok=True)
        path.write_text(name)
    return tmp_path


def test_assets_are_bundles_with_sums_and_what_is_missing_is_told(dist):
    release.assets()
    version = release.version()
    bundle = f"datadog-rotation-{version}-arm64.zip"
    made = {it.name for it in (dist / "assets").iterdir()}
    assert made == {bundle, f"datadog-doctor-{version}-linux-arm64.zip", "SHA256SUMS", "release-notes.md"}
    assert release.missing() == [
        f"datadog-rotation-{version}-x86_64.zip",
        f"datadog-doctor-{version}-linux-x86_64.zip",
        f"datadog-doctor-{version}-macos-arm64.zip",
        f"datadog-doctor-{version}-macos-x86_64.zip",
    ]
    sums = dict(reversed(it.split("  ")) for it in (dist / "assets" / "SHA256SUMS").read_text().splitlines())
    assert sums.keys() == made - {"SHA256SUMS", "release-notes.md"}
    for name, value in sums.items():
        assert hashlib.sha256((dist / "assets" / name).read_bytes()).hexdigest() == value
    with zipfile.ZipFile(dist / "assets" / bundle) as archive:
        inside = [f"datadog-rotation-{version}-arm64/{it}" for it in ("one.zip", "template.yaml")]
        assert archive.namelist() == inside


def test_a_bundle_depends_on_names_and_content_alone(dist):
    release.assets()
    first = (dist / "assets" / "SHA256SUMS").read_text()
    for file in (dist / "arm64").iterdir():
        os.utime(file, (0, 10**9))
        file.chmod(0o600)
    release.assets()
    assert (dist / "assets" / "SHA256SUMS").read_text() == first


def test_the_notes_are_the_section_of_the_version():
    changelog = "# Changelog\n\n## [0.2.0] - 2027-01-01\n\n- New\n\n## [0.1.0] - 2026-12-01\n\n### Added\n\n- First\n"
    for version, says in (("0.2.0", "- New"), ("0.1.0", "### Added\n\n- First")):
        notes = release.release_notes(changelog, version)
        assert notes.endswith(f"\n\n{says}\n")
        assert f"datadog-rotation-{version}-arm64.zip" in notes
    with pytest.raises(SystemExit, match=r"nothing of 0\.3\.0"):
        release.release_notes(changelog, "0.3.0")
    assert release.release_notes((ROOT / "CHANGELOG.md").read_text(), release.version())


FITTING = {
    "Cargo.toml": '[workspace.package]\nversion = "0.1.0"\n',
    "template.yaml": "    SemanticVersion: 0.1.0\n",
    "CHANGELOG.md": "## [0.1.0] - 2026-12-01\n",
}


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("Cargo.toml", '[workspace.package]\nversion = "0.1.1"\n', "not v0.1.1"),
        ("template.yaml", "    SemanticVersion: 0.0.9\n", "SemanticVersion"),
        ("CHANGELOG.md", "## [0.1.0] - Unreleased\n", "with a date"),
        ("CHANGELOG.md", "## [0.2.0] - 2026-12-01\n", "with a date"),
    ],
)
def test_a_tag_has_to_fit_the_sources(name, text, reason, tmp_path, monkeypatch):
    monkeypatch.setattr(release, "ROOT", tmp_path)
    for file, fitting in FITTING.items():
        (tmp_path / file).write_text(fitting)
    release.check_version("v0.1.0")
    (tmp_path / name).write_text(text)
    with pytest.raises(SystemExit, match=reason):
        release.check_version("v0.1.0")


def test_the_sources_name_one_version():
    assert f"\n    SemanticVersion: {release.version()}\n" in SOURCE
    assert f"\n## [{release.version()}] - " in (ROOT / "CHANGELOG.md").read_text()


def test_an_application_for_the_serverless_application_repository(tmp_path, monkeypatch):
    """Its page names the sources, its links work where the sources are not, and `sam publish` finds all that it uploads."""
    monkeypatch.setattr(release, "DIST", tmp_path)
    for architecture in ("arm64", "x86_64"):
        (tmp_path / architecture).mkdir()
        for name in template.functions(parsed(SOURCE)).values():
            (tmp_path / architecture / f"{name}.zip").write_bytes(b"")
    home = "https://github.com/owner/repository"
    with pytest.raises(release.Incomplete, match="--home"):
        release.sar(None)
    release.sar(f"{home}/")
    names = set()
    for architecture in ("arm64", "x86_64"):
        folder = tmp_path / f"sar-{architecture}"
        text = (folder / "template.yaml").read_text()
        application = parsed(text)["Metadata"]["AWS::ServerlessRepo::Application"]
        assert all(isinstance(it, str) for key, it in application.items() if key != "Labels")
        assert (application["HomePageUrl"], application["SourceCodeUrl"]) == (home, f"{home}/tree/v{release.version()}")
        assert re.fullmatch(r"[A-Za-z0-9-]{1,140}", application["Name"])
        names.add(application["Name"])
        for key in ("LicenseUrl", "ReadmeUrl"):
            assert (folder / application[key]).is_file()
        assert {it.name for it in folder.glob("*.zip")} == {
            it["Properties"]["CodeUri"] for it in parsed(text)["Resources"].values() if it["Type"] == template.FUNCTION
        }
        links = re.findall(r"\]\(([^)\s]+)\)", (folder / "README.md").read_text())
        assert f"{home}/blob/v{release.version()}/docs/use/setup.md" in links
        assert f"{home}/raw/v{release.version()}/docs/figures/sandbox.svg" in links
        assert [it for it in links if not it.startswith(("https://", "#"))] == []
    assert len(names) == 2
