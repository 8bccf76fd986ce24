"""The notices of third parties that a package has to carry: licences, copyright lines, NOTICE files.

cargo-about makes them from Cargo.lock and the crates' own files. The Rust project makes those of the standard library.
"""

import hashlib
import json
import subprocess
from pathlib import Path

import bom

ROOT = Path(__file__).resolve().parents[2]
CONFIGURATION = Path(__file__).with_name("about.toml")
VERSION = "0.9.3"
# Holds every crate that any of the functions holds; `uncovered` says whether that is still so.
LARGEST = "datadog-doctor"
RULE = "=" * 80


def files(target_folder: Path) -> dict[str, Path]:
    """What goes into every package, by name."""
    return {
        "LICENSE": ROOT / "LICENSE",
        "THIRD-PARTY.txt": third_parties(target_folder),
        "RUST-STANDARD-LIBRARY.html": standard_library(),
    }


def third_parties(target_folder: Path) -> Path:
    """The notices of all crates. Made again only when the lock or the configuration changes: it takes minutes."""
    inputs = [ROOT / "Cargo.lock", CONFIGURATION, Path(__file__)]
    key = hashlib.sha256(b"\0".join(it.read_bytes() for it in inputs)).hexdigest()[:16]
    path = target_folder / "package" / f"THIRD-PARTY-{key}.txt"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text(collected()))
    return path


def standard_library() -> Path:
    command = ["rustc", "--print", "sysroot"]
    sysroot = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    return Path(sysroot) / "share/doc/rust/COPYRIGHT-library.html"


def collected() -> dict:
    """What cargo-about finds; an error where it finds no licence, or one that is not accepted."""
    install()
    subprocess.run(["cargo", "fetch", "--locked"], cwd=ROOT, check=True)
    manifest = ROOT / "functions" / LARGEST.removeprefix("datadog-") / "Cargo.toml"
    command = ["cargo", "about", "generate", "--frozen", "--fail", "--config", CONFIGURATION]
    command += ["--format", "json", "--manifest-path", manifest]
    return json.loads(subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout)


def install():
    told = subprocess.run(["cargo", "about", "--version"], capture_output=True, text=True, check=False)
    if told.stdout.split()[-1:] != [VERSION]:
        command = ["cargo", "install", "--locked", "cargo-about", "--features", "cli", "--version", f"={VERSION}"]
        subprocess.run(command, cwd=ROOT, check=True)


def text(found: dict) -> str:
    """Each text of a licence once, below the crates that it is for. The same input gives the same bytes."""
    parts = [
        "The programs of this package hold the works of others below, each under its licence. Rust's standard\n"
        "library is theirs too: RUST-STANDARD-LIBRARY.html.\n"
    ]
    for it in found["licenses"]:
        names = "\n".join(sorted({named(used["crate"]) for used in it["used_by"]}))
        parts.append(f"{RULE}\n{it['name']} ({it['id']})\n\n{names}\n\n{it['text'].strip()}\n")
    for package in sorted((it["package"] for it in found["crates"]), key=named):
        for notice in sorted(Path(package["manifest_path"]).parent.glob("NOTICE*")):
            parts.append(f"{RULE}\n{notice.name} of {named(package)}\n\n{notice.read_text().strip()}\n")
    return "\n".join(parts)


def named(crate: dict) -> str:
    source = crate.get("repository") or f"https://crates.io/crates/{crate['name']}"
    return f"{crate['name']} {crate['version']}  {source}"


def uncovered(notices: str, function: str, target: str) -> set[str]:
    """Crates of a function that the notices do not name."""
    linked, _ = bom.tree(function, target, "normal,no-proc-macro")
    foreign = {f"{it.name} {it.version}" for it in linked if (it.name, it.version) in bom.checksums()}
    return {it for it in foreign if f"\n{it}  " not in notices}
