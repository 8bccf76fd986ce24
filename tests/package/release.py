"""Makes dist/, the files of a release: .ci/release says how it is called."""

import argparse
import platform
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import archive
import build
import notices
import template

ROOT = build.ROOT
DIST = ROOT / "dist"
ASSETS = DIST / "assets"
DOCTOR = "datadog-doctor"
# As an archive of the doctor names it, with Rust's name.
MACS = {"macos-arm64": "aarch64-apple-darwin", "macos-x86_64": "x86_64-apple-darwin"}
LINUXES = {f"linux-{it}": it for it in build.TARGETS}


class Incomplete(Exception):
    """A part of the release can't be made here, and why."""


def main() -> int:
    parser = argparse.ArgumentParser(prog=".ci/release", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}; default: all")
    parser.add_argument("--tag", help="the release's tag, which must fit the versions in the sources")
    parser.add_argument("--home", metavar="URL", help="the repository at GitHub, for the part sar")
    parser.add_argument("--require-all", action="store_true", help="fail if something is missing in the assets")
    arguments = parser.parse_args()
    if unknown := set(arguments.parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    if arguments.tag:
        check_version(arguments.tag)
    for part in arguments.parts or PARTS:
        try:
            sar(arguments.home) if part == "sar" else PARTS[part]()
        except Incomplete as reason:
            if arguments.parts:
                raise SystemExit(f"{part}: {reason}") from None
            print(f"{part}: left out. {reason}")
    lacking = missing() if "assets" in (arguments.parts or PARTS) else []
    for name in lacking:
        print(f"Missing in {ASSETS.relative_to(ROOT)}: {name}")
    return 1 if lacking and arguments.require_all else 0


def linux(architecture: str):
    """The folder from which a stack is deployed, and the doctor."""
    bootstraps = build.compiled(architecture)
    deployable(architecture, bootstraps, renewed(DIST / architecture))
    write_doctor(f"linux-{architecture}", bootstraps[DOCTOR])


def deployable(architecture: str, bootstraps: dict[str, Path], folder: Path):
    """The functions' packages, the template that deploys them, what to do with both, and what others ask to be told."""
    build.package(architecture, bootstraps, folder)
    write_template(architecture, folder)
    for name, file in notices.files(build.target_folder()).items():
        shutil.copyfile(file, folder / name)
    build.write_sums(folder, [it for it in folder.iterdir() if it.name != "SHA256SUMS"])


def write_template(architecture: str, folder: Path):
    """The template, settings for it, and what to do with both."""
    source = (ROOT / "template.yaml").read_text()
    (folder / "template.yaml").write_text(template.packaged(source, architecture, version()))
    shutil.copyfile(ROOT / "samconfig.toml", folder / "samconfig.toml")
    readme = Path(__file__).with_name("readme.md").read_text()
    (folder / "README.md").write_text(readme.format(version=version(), architecture=architecture))


def sar(home: str | None):
    """Folders for `sam package` and `sam publish`, beside those that they are made of."""
    if not home:
        raise Incomplete("The Serverless Application Repository asks for the address of the sources: give --home URL.")
    for architecture in build.TARGETS:
        source = DIST / architecture
        if not source.is_dir():
            continue
        folder = renewed(DIST / f"sar-{architecture}")
        for package in source.glob("*.zip"):
            shutil.copyfile(package, folder / package.name)
        text = template.packaged((ROOT / "template.yaml").read_text(), architecture, version(), home.rstrip("/"))
        (folder / "template.yaml").write_text(text)
        shutil.copyfile(ROOT / "LICENSE", folder / "LICENSE")
        readme = template.absolute((ROOT / "README.md").read_text(), home.rstrip("/"), version())
        (folder / "README.md").write_text(readme)
        print(folder)


def macos():
    """The doctor for both kinds of Mac."""
    if platform.system() != "Darwin":
        raise Incomplete("The doctor for macOS links Apple's frameworks, which come with Xcode: run this part on a Mac.")
    for name, target in MACS.items():
        build.add_standard_library(target)
        command = ["cargo", "build", "--release", "--locked", "--package", DOCTOR, "--target", target]
        subprocess.run(command, cwd=ROOT, env=build.environment(), check=True)
        write_doctor(name, build.target_folder() / target / "release" / DOCTOR)


def write_doctor(system: str, executable: Path):
    path = DIST / "doctor" / f"{DOCTOR}-{version()}-{system}.zip"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(archive.zipped({DOCTOR: executable} | notices.files(build.target_folder())))


def assets():
    """What a release at GitHub carries, where there are no folders: made of what the other parts have left in dist/."""
    folder = renewed(ASSETS)
    made = []
    for architecture in build.TARGETS:
        source = DIST / architecture
        if source.is_dir():
            name = f"datadog-rotation-{version()}-{architecture}"
            path = folder / f"{name}.zip"
            archive.bundle(path, name, list(source.iterdir()))
            made.append(path)
    for source in (DIST / "doctor").glob(f"{DOCTOR}-{version()}-*.zip"):
        made.append(Path(shutil.copy(source, folder)))
    build.write_sums(folder, made)
    (folder / "release-notes.md").write_text(release_notes((ROOT / "CHANGELOG.md").read_text(), version()))
    print(folder)


def missing() -> list[str]:
    wanted = [f"datadog-rotation-{version()}-{it}.zip" for it in build.TARGETS]
    wanted += [f"{DOCTOR}-{version()}-{it}.zip" for it in (*LINUXES, *MACS)]
    return [it for it in wanted if not (ASSETS / it).exists()]


def renewed(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def version() -> str:
    return tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]


def check_version(tag: str):
    """The tag, Cargo.toml, the template and a dated section of the changelog name one version."""
    released = version()
    published = re.search(r"^    SemanticVersion: (\S+)$", (ROOT / "template.yaml").read_text(), re.MULTILINE)
    section = re.search(rf"^## \[{re.escape(released)}\] - (.*)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    for what, good in {
        f"the tag {tag} is not v{released}, the version in Cargo.toml": tag == f"v{released}",
        f"SemanticVersion in template.yaml is not {released}": published and published[1] == released,
        f"CHANGELOG.md has no section [{released}] with a date": section
        and re.fullmatch(r"\d{4}-\d{2}-\d{2}", section[1]),
    }.items():
        if not good:
            raise SystemExit(what)


def release_notes(changelog: str, released: str) -> str:
    """The changelog's section of this version, and how to check the files."""
    section = re.search(rf"^## \[{re.escape(released)}\][^\n]*\n(.*?)(?=^## |\Z)", changelog, re.MULTILINE | re.DOTALL)
    if not section or not section[1].strip():
        raise SystemExit(f"CHANGELOG.md says nothing of {released}")
    head = Path(__file__).with_name("release-notes.md").read_text().format(version=released)
    return f"{head}\n{section[1].strip()}\n"


PARTS = {
    **{it: lambda it=it: linux(it) for it in build.TARGETS},
    "macos": macos,
    "assets": assets,
    "sar": sar,
    "version": lambda: None,
}

if __name__ == "__main__":
    sys.exit(main())
