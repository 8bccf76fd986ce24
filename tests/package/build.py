"""Builds the functions as `sam build` does and packs each as a zip that anyone can make again, byte for byte."""

import argparse
import hashlib
import json
import os
import subprocess
from pathlib import Path

import archive
import bom
import notices

ROOT = Path(__file__).resolve().parents[2]
# Architectures as Lambda names them, each with cargo-lambda's option and Rust's name.
TARGETS = {
    "arm64": ("--arm64", "aarch64-unknown-linux-gnu"),
    "x86_64": ("--x86-64", "x86_64-unknown-linux-gnu"),
}
# Would change the binaries behind our back.
MEDDLERS = (
    "CARGO_BUILD_",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_LAMBDA_",
    "CARGO_PROFILE_",
    "CARGO_TARGET_X86",
    "CARGO_TARGET_AARCH",
    "RUSTFLAGS",
)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("architecture", choices=TARGETS)
    parser.add_argument("folder", nargs="?", type=Path, help="where to; default: target/package/ARCHITECTURE")
    arguments = parser.parse_args()
    folder = arguments.folder or target_folder() / "package" / arguments.architecture
    package(arguments.architecture, compiled(arguments.architecture), folder)
    print(folder)


def functions() -> list[str]:
    """The binaries that the workspace ships, by name."""
    packages = metadata()
    return sorted(it["name"] for it in packages["packages"] if it["id"] in packages["workspace_default_members"])


def metadata() -> dict:
    command = ["cargo", "metadata", "--locked", "--no-deps", "--format-version", "1"]
    return json.loads(subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout)


def target_folder() -> Path:
    return Path(metadata()["target_directory"])


def environment() -> dict[str, str]:
    """For cargo: nothing of the caller's settings or of where the sources lie gets into a binary.

    The flags are given as configuration, to which cargo-lambda adds its own; the variable RUSTFLAGS would replace them.
    """
    cargo_home = Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo").resolve()
    remapped = {ROOT: ".", cargo_home: "/cargo"}
    if any(" " in str(path) for path in remapped):
        raise SystemExit(f"cargo splits its flags at blanks, and there is one in {ROOT} or {cargo_home}")
    kept = {name: text for name, text in os.environ.items() if not name.startswith(MEDDLERS)}
    flags = [f"--remap-path-prefix={path}={name}" for path, name in remapped.items()]
    return kept | {"CARGO_BUILD_RUSTFLAGS": " ".join(flags)}


def compiled(architecture: str) -> dict[str, Path]:
    """The built `bootstrap` of each function."""
    option, target = TARGETS[architecture]
    add_standard_library(target)
    folder = target_folder() / f"lambda-{architecture}"
    command = ["cargo", "lambda", "build", "--release", "--locked", option, "--lambda-dir", folder]
    names = functions()
    for name in names:
        command += ["--bin", name]
    subprocess.run(command, cwd=ROOT, env=environment(), check=True)
    return {name: folder / name / "bootstrap" for name in names}


def add_standard_library(target: str):
    """Rust's own for this target, unless it is there: the machine may be of another architecture."""
    command = ["rustc", "--print", "target-libdir", "--target", target]
    libraries = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    if not Path(libraries).is_dir():
        subprocess.run(["rustup", "target", "add", target], cwd=ROOT, check=True)


def package(architecture: str, bootstraps: dict[str, Path], folder: Path):
    """One zip and one bill of materials for each function, and the sums of them all."""
    folder.mkdir(parents=True, exist_ok=True)
    _, target = TARGETS[architecture]
    texts = notices.files(target_folder())
    made = []
    for name, bootstrap in bootstraps.items():
        executable = bootstrap.read_bytes()
        document = bom.document(name, target, hashlib.sha256(executable).hexdigest())
        zipped = archive.zipped({"bootstrap": bootstrap} | texts)
        for suffix, content in ((".zip", zipped), (".cdx.json", document)):
            path = folder / (name + suffix)
            path.write_bytes(content)
            made.append(path)
    write_sums(folder, made)


def write_sums(folder: Path, files: list[Path]):
    """SHA256SUMS, as `sha256sum --check` reads it."""
    sums = [f"{hashlib.sha256(it.read_bytes()).hexdigest()}  {it.name}\n" for it in sorted(files)]
    (folder / "SHA256SUMS").write_text("".join(sums))


if __name__ == "__main__":
    main()
