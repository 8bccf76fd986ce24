"""Translates template.yaml as CloudFormation would and lints what comes out.

The linters are let loose on the output because on AWS::Serverless::Function itself they miss an unknown runtime, an
unknown architecture, an undefined reference and a misspelt IAM action.
"""

import json
import os
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import NamedTuple

from cfnlint.api import ManualArgs, lint
from samtranslator.model.exceptions import InvalidDocumentException
from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse
from stack import PLACES

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


@cache
def translate(template: str) -> dict:
    """The CloudFormation template that a SAM template stands for."""
    # The translator asks boto3 for the partition of the region in use.
    os.environ.setdefault("AWS_DEFAULT_REGION", REGIONS[0])
    document = yaml_parse(template)
    # A folder becomes an address in S3 by `sam package`, before CloudFormation translates.
    document["Globals"]["Function"]["CodeUri"] = "s3://bucket/package.zip"
    return transform(document, {}, NoManagedPolicies())


def cfn_lint(template: dict, regions: list[str] = REGIONS) -> list[Finding]:
    matches = lint(json.dumps(template, indent=2), config=ManualArgs(regions=regions))
    return [Finding(it.rule.id, "/".join(map(str, it.path or [])), it.message) for it in matches]


def checkov(template: dict) -> list[Finding]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "translated.json")
        path.write_text(json.dumps(template, indent=2))
        options = ["--framework", "cloudformation", "--skip-download", "--quiet", "--output", "json", "--file", path]
        process = subprocess.run([Path(sys.executable).with_name("checkov"), *options], capture_output=True, text=True)
    # 1: something found.
    if process.returncode not in (0, 1):
        raise RuntimeError(f"checkov ended with {process.returncode}: {process.stdout}{process.stderr}")
    report = json.loads(process.stdout)
    if report["summary"]["parsing_errors"] or not report["summary"]["passed"]:
        return [Finding("checkov", str(path), "could not read the template")]
    return [Finding(it["check_id"], it["resource"], it["check_name"]) for it in report["results"]["failed_checks"]]


def check(template: str, linters=(cfn_lint, checkov)) -> list[Finding]:
    """Everything that is wrong with a SAM template, but for what its metadata argue away."""
    try:
        translated = translate(template)
    except InvalidDocumentException as error:
        return [Finding("translation", cause.__class__.__name__, cause.message) for cause in error.causes]
    return [finding for linter in linters for finding in linter(translated)]


def broken(right: str, wrong: str) -> str:
    """The template with a defect, for a check to see."""
    assert right in TEXT, "the template no longer holds what this test breaks"
    return TEXT.replace(right, wrong, 1)
