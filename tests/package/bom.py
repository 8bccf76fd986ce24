"""The software bill of materials of a function, in CycloneDX 1.6.

It is made of `cargo tree` and not by cargo-cyclonedx, which lists the dependencies of the whole workspace's features,
names the folder that it ran in, and takes longer to compile than the functions' checks to run.
"""

import json
import re
import subprocess
import tomllib
import uuid
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
NAMESPACE = uuid.UUID("6ba7b811-9dad-11d1-80b4-00c04fd430c8")  # of URLs, RFC 9562


class Crate(NamedTuple):
    name: str
    version: str
    licence: str

    @property
    def purl(self) -> str:
        return f"pkg:cargo/{self.name}@{self.version.replace('+', '%2B')}"


def document(function: str, target: str, sha256: str) -> bytes:
    """The bill of a function whose executable has this hash. Equal inputs give equal bytes."""
    linked, _ = tree(function, target, "normal,no-proc-macro")
    every, edges = tree(function, target, "normal,build")
    [root] = [it for it in every if it.name == function]
    components = [component(it, it in linked) for it in sorted(every - {root})]
    content = {
        "metadata": {
            **dated(),
            "lifecycles": [{"phase": "build"}],
            "tools": {"components": [tool("rustc"), tool("cargo-lambda")]},
            "component": {
                "type": "application",
                "bom-ref": root.purl,
                "name": root.name,
                "version": root.version,
                "licenses": [{"expression": spdx(root.licence)}],
                "purl": root.purl,
                # Of the `bootstrap` in the zip.
                "hashes": [{"alg": "SHA-256", "content": sha256}],
                "properties": [{"name": "target", "value": target}],
            },
        },
        "components": [*components, standard_library()],
        "dependencies": [
            {"ref": it.purl, "dependsOn": sorted(other.purl for other in edges.get(it, ()))} for it in sorted(every)
        ],
    }
    serial = uuid.uuid5(NAMESPACE, json.dumps(content, sort_keys=True))
    head = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{serial}",
        "version": 1,
    }
    return (json.dumps(head | content, indent=1, ensure_ascii=False) + "\n").encode()


def tree(function: str, target: str, edges: str) -> tuple[set[Crate], dict[Crate, set[Crate]]]:
    """The crates below a function, itself included, and what each needs."""
    command = ["cargo", "tree", "--locked", "--package", function, "--target", target, "--edges", edges]
    command += ["--prefix", "depth", "--format", " {p}|{l}"]
    output = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    path, needs = [], {}
    for line in output.splitlines():
        found = re.fullmatch(r"(\d+) (\S+) v(\S+)(?: \([^|]*\))?\|(.*?)(?: \(\*\))?", line)
        if not found:
            raise ValueError(f"cargo tree says: {line}")
        depth, crate = int(found[1]), Crate(found[2], found[3], found[4])
        needs.setdefault(crate, set())
        path[depth:] = [crate]
        if depth:
            needs[path[depth - 1]].add(crate)
    return set(needs), needs


def component(crate: Crate, linked: bool) -> dict:
    checksum = checksums().get((crate.name, crate.version))
    return {
        "type": "library",
        "bom-ref": crate.purl,
        "name": crate.name,
        "version": crate.version,
        # "excluded": at work in the build alone, as macros and build scripts are.
        "scope": "required" if linked else "excluded",
        # The workspace's own crates are in no registry.
        **({"hashes": [{"alg": "SHA-256", "content": checksum}]} if checksum else {}),
        "licenses": [{"expression": spdx(crate.licence)}],
        "purl": crate.purl,
    }


def standard_library() -> dict:
    version = tool("rustc")["version"]
    return {
        "type": "library",
        "bom-ref": "rust-std",
        "name": "rust-std",
        "version": version,
        "scope": "required",
        "licenses": [{"expression": "MIT OR Apache-2.0"}],
    }


@cache
def checksums() -> dict[tuple[str, str], str]:
    """SHA-256 of the crates as the registry serves them."""
    lock = tomllib.loads((ROOT / "Cargo.lock").read_text())
    return {(it["name"], it["version"]): it["checksum"] for it in lock["package"] if "checksum" in it}


@cache
def tool(name: str) -> dict:
    command = [name, "lambda", "--version"] if name == "cargo-lambda" else [name, "--version"]
    said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return {"type": "application", "name": name, "version": said.split()[1]}


def spdx(licence: str) -> str:
    """Older crates separate alternatives with a slash."""
    return re.sub(r"\s*/\s*", " OR ", licence)


def dated() -> dict:
    """When the sources were committed, so that the bill can be made again; nothing if they were changed since."""

    def git(*arguments: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            ["git", *arguments], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )

    changes = git("status", "--porcelain")
    if changes.returncode or changes.stdout:
        return {}
    return {
        "timestamp": git("show", "--no-patch", "--format=%cI").stdout.strip(),
        "properties": [{"name": "commit", "value": git("rev-parse", "HEAD").stdout.strip()}],
    }
