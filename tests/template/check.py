"""Translates template.yaml as CloudFormation would and lints what comes out.

The linters are let loose on the output because on AWS::Serverless::Function itself they miss an unknown runtime, an
unknown architecture, an undefined reference and a misspelt IAM action.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import NamedTuple

import yaml
from cfnlint.api import ManualArgs, lint
from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import intrinsics_multi_constructor
from stack import PLACES, references

TEMPLATE = Path(__file__).parents[2] / "template.yaml"
TEXT = TEMPLATE.read_text()

# One region of each partition: what exists in one need not exist in the others.
REGIONS = [region for region, _ in PLACES.values()]


class Finding(NamedTuple):
    rule: str
    place: str
    text: str

    def __str__(self):
        return f"{self.rule} {self.place}: {self.text}"


class NoManagedPolicies:
    """Fails the translation of a managed policy's bare name: looking names up needs AWS, and the roles use none."""

    def load(self):
        return {}


class Loader(yaml.CSafeLoader):
    """As the translator reads a template, in a tenth of the time."""


Loader.add_multi_constructor("!", intrinsics_multi_constructor)


@cache
def translate(template: str) -> dict:
    """The CloudFormation template that a SAM template stands for."""
    # The translator asks boto3 for the partition of the region in use.
    os.environ.setdefault("AWS_DEFAULT_REGION", REGIONS[0])
    document = yaml.load(template, Loader)
    # A folder becomes an address in S3 by `sam package`, before CloudFormation translates.
    document["Globals"]["Function"]["CodeUri"] = "s3://bucket/package.zip"
    return transform(document, {}, NoManagedPolicies())


def cfn_lint(template: dict, regions: list[str] = REGIONS) -> list[Finding]:
    matches = lint(json.dumps(template, indent=2), config=ManualArgs(regions=regions))
    return [Finding(it.rule.id, "/".join(map(str, it.path or [])), it.message) for it in matches]


def checkov(templates: Iterable[dict]) -> list[list[Finding]]:
    """Of each template. All at once, because checkov takes ten seconds to start."""
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for number, template in enumerate(templates):
            paths.append(Path(folder, f"{number}.json"))
            paths[-1].write_text(json.dumps(template, indent=2))
        options = ["--framework", "cloudformation", "--skip-download", "--output", "json", "--file", *paths]
        process = subprocess.run([Path(sys.executable).with_name("checkov"), *options], capture_output=True, text=True)
    # 1: something found.
    if process.returncode not in (0, 1):
        raise RuntimeError(f"checkov ended with {process.returncode}: {process.stdout}{process.stderr}")
    results = json.loads(process.stdout)["results"]
    read = {Path(it["file_path"]).name for it in results["passed_checks"]}
    found = {it.name: [] for it in paths}
    for name in found.keys() - read:
        found[name].append(Finding("checkov", name, "could not read the template"))
    for it in results["failed_checks"]:
        found[Path(it["file_path"]).name].append(Finding(it["check_id"], it["resource"], it["check_name"]))
    return list(found.values())


def changed(template: dict, sound: dict) -> dict:
    """A template with the resources alone that are not as in a sound one, and with those that they refer to."""
    resources = template["Resources"]
    wanted = {name for name, it in resources.items() if it != sound["Resources"].get(name)}
    new = wanted
    while new:
        new = {to for name in new for to in references(resources[name]) if to in resources} - wanted
        wanted = wanted | new
    others = {key: it for key, it in template.items() if key != "Outputs"}
    return others | {"Resources": {name: it for name, it in resources.items() if name in wanted}}


def broken(right: str, wrong: str) -> str:
    """The template with a defect, for a check to see."""
    assert right in TEXT, "the template no longer holds what this test breaks"
    return TEXT.replace(right, wrong, 1)
