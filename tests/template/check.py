"""Translates template.yaml as CloudFormation would and lints what comes out.

The linters are let loose on the output because on AWS::Serverless::Function itself they miss an unknown runtime, an
unknown architecture, an undefined reference and a misspelt IAM action.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from samtranslator.model.exceptions import InvalidDocumentException
from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

TEMPLATE = Path(__file__).parents[2] / "template.yaml"

# One region of each partition: what exists in one need not exist in the others.
REGIONS = ["us-east-1", "us-gov-west-1", "cn-north-1"]

# Warnings that stand, each with its argument. One that no longer occurs is itself reported.
ACCEPTED = {
    "CKV_AWS_115": "Secrets Manager invokes one step at a time for a secret; a reserved concurrency would take from the"
    " account and fail steps by throttling",
    "CKV_AWS_116": "a dead-letter queue serves asynchronous invocations; Secrets Manager's are synchronous",
    "CKV_AWS_117": "Datadog is on the internet: a VPC would only add a NAT gateway",
    "CKV_AWS_158": "the logs hold names and ids of keys, never a key; CloudWatch Logs encrypts them with its own key",
    "CKV_AWS_173": "the one variable is the ARN of a secret, which is no secret",
}


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


def translate(template: str) -> dict:
    """The CloudFormation template that a SAM template stands for."""
    # The translator asks boto3 for the partition of the region in use.
    os.environ.setdefault("AWS_DEFAULT_REGION", REGIONS[0])
    document = yaml_parse(template)
    # A folder becomes an address in S3 by `sam package`, before CloudFormation translates.
    document["Globals"]["Function"]["CodeUri"] = "s3://bucket/package.zip"
    return transform(document, {}, NoManagedPolicies())


def cfn_lint(path: Path) -> list[Finding]:
    # 0: nothing found; 2, 4, 8 and their sums: errors, warnings, informational.
    answer = run("cfn-lint", "--format", "json", "--template", path, "--regions", *REGIONS, lawful=range(0, 15, 2))
    return [
        Finding(f["Rule"]["Id"], "/".join(map(str, f["Location"]["Path"] or [])), f["Message"])
        for f in json.loads(answer)
    ]


def checkov(path: Path) -> list[Finding]:
    arguments = ["--framework", "cloudformation", "--skip-download", "--quiet", "--output", "json", "--file", path]
    report = json.loads(run("checkov", *arguments, lawful=(0, 1)))
    if report["summary"]["parsing_errors"] or not report["summary"]["passed"]:
        return [Finding("checkov", str(path), "could not read the template")]
    return [Finding(f["check_id"], f["resource"], f["check_name"]) for f in report["results"]["failed_checks"]]


def run(program: str, *arguments, lawful) -> str:
    """What a linter of this virtual environment prints."""
    command = [Path(sys.executable).with_name(program), *arguments]
    process = subprocess.run(command, capture_output=True, text=True)
    if process.returncode not in lawful:
        raise RuntimeError(f"{program} ended with {process.returncode}: {process.stdout}{process.stderr}")
    return process.stdout


def check(template: str) -> list[Finding]:
    """Everything that is wrong with a SAM template, accepted warnings included."""
    try:
        translated = translate(template)
    except InvalidDocumentException as error:
        return [Finding("translation", cause.__class__.__name__, cause.message) for cause in error.causes]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "translated.json")
        path.write_text(json.dumps(translated, indent=2))
        return cfn_lint(path) + checkov(path)


def unaccepted(findings: list[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.rule not in ACCEPTED]
