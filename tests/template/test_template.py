"""template.yaml passes the linters, and the linters see what they should."""

import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from check import REGIONS, TEMPLATE, TEXT, broken, cfn_lint, changed, checkov, translate

TEMPLATES = ["template.yaml", "examples/trust/template.yaml", "examples/restarts/template.yaml"]

# What to break, with what, and the rule that must see it.
BROKEN = {
    "unknown runtime": ("Runtime: provided.al2023", "Runtime: provided.al2032", "E3030"),
    "unknown architecture": ("Architectures: [arm64]", "Architectures: [arm46]", "E3030"),
    "undefined reference": ("Resource: !Ref KmsKeyArn", "Resource: !Ref KmsKey", "E1020"),
    "undefined attribute": ("!GetAtt ApiKeyLogGroup.Arn", "!GetAtt ApiKeyLogGroup.Name", "E1010"),
    "undefined condition": ("  Condition: HasDashboard\n", "  Condition: HasDashbord\n", "E3015"),
    "misspelt IAM action": ("secretsmanager:ListSecretVersionIds", "secretsmanager:ListSecretVersionsIds", "W3037"),
    "misspelt network action": ("ec2:DescribeSubnets", "ec2:DescribeSubnet", "W3037"),
    "unknown property": ("RetentionInDays: !Ref", "RetentionDays: !Ref", "E3002"),
    "unknown property of an alarm": ("TreatMissingData: notBreaching", "MissingData: notBreaching", "E3002"),
    "reference that may be undefined": ("[InVpc, [!Ref NetworkPolicy]", "[HasKmsKey, [!Ref NetworkPolicy]", "W1001"),
    "circular dependency": (
        "arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:${FunctionNamePrefix}-api-key",
        "${ApiKeyFunction.Arn}",
        "E3004",
    ),
    "invocation by any account": (
        "      SourceAccount: !Ref AWS::AccountId\n"
        "      SourceArn: !If [BoundToApiKeySecret, !Ref ApiKeySecretArn, !Ref AWS::NoValue]\n",
        "",
        "CKV_AWS_364",
    ),
    "a warning that nothing argues away": ("id: CKV_AWS_26\n", "id: CKV_AWS_27\n", "CKV_AWS_26"),
}


def test_nothing_is_wrong_with_the_template():
    assert [str(finding) for finding in cfn_lint(translate(TEXT))] == []


@pytest.fixture(scope="module")
def clone(tmp_path_factory) -> Path:
    """What an adopter checks: the files under version control, as they are here."""
    root, folder = TEMPLATE.parent, tmp_path_factory.mktemp("clone")
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.run(listed, cwd=root, check=True, stdout=subprocess.PIPE, text=True).stdout.split("\0"):
        if name and (root / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(root / name, folder / name)
    return folder


def adopters(tool: str, folder: Path, *options: str) -> subprocess.CompletedProcess:
    """A linter as an adopter runs it, in the folder, with what is configured there."""
    command = [Path(sys.executable).with_name(tool), *options]
    return subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_an_adopters_checkov_is_green(clone):
    # Rules are not fetched; there are none of the project's own.
    run = adopters("checkov", clone, "-d", ".", "--skip-download", "--output", "json")
    reports = json.loads(run.stdout)
    failed = [(it["check_id"], it["file_path"], it["resource"]) for each in reports for it in each["results"]["failed_checks"]]
    assert (failed, run.returncode) == ([], 0)
    [by_cloudformation] = [it for it in reports if it["check_type"] == "cloudformation"]
    assert by_cloudformation["summary"]["passed"] > 40 and not by_cloudformation["summary"]["parsing_errors"]
    skipped = by_cloudformation["results"]["skipped_checks"]
    # Each argument stands where its warning occurs, and no other does.
    argued = [name for path in TEMPLATES for name in re.findall(r"\bid: (CKV_\w+)", (TEMPLATE.parent / path).read_text())]
    assert sorted(it["check_id"] for it in skipped) == sorted(argued)
    assert all(len(it["check_result"]["suppress_comment"]) > 20 for it in skipped)


def test_an_adopters_cfn_lint_is_green(clone):
    run = adopters("cfn-lint", clone, *TEMPLATES)
    assert (run.stdout, run.returncode) == ("", 0)


def of_checkov() -> list[str]:
    return [defect for defect, (*_, rule) in BROKEN.items() if rule.startswith("CKV")]


def test_checkov_finds_nothing_in_the_template_and_what_is_broken():
    unreadable = {"Resources": {"Function": {"Type": "AWS::Lambda::Function", "Properties": 5}}}
    defects = [translate(broken(*BROKEN[defect][:2])) for defect in of_checkov()]
    sound, *others, unread = checkov([translate(TEXT), *defects, unreadable])
    assert [str(finding) for finding in sound] == []
    for defect, found in zip(of_checkov(), others, strict=True):
        assert BROKEN[defect][-1] in {finding.rule for finding in found}, defect
    assert [it.text for it in unread] == ["could not read the template"]


@pytest.mark.parametrize("defect", [it for it in BROKEN if it not in of_checkov()])
def test_cfn_lint_finds_what_is_broken(defect):
    right, wrong, rule = BROKEN[defect]
    # One region and what the defect changes, for time: the whole is linted above.
    found = cfn_lint(changed(translate(broken(right, wrong)), translate(TEXT)), REGIONS[:1])
    assert rule in {finding.rule for finding in found}, [str(finding) for finding in found]


def test_every_binary_is_a_package_of_the_workspace():
    binaries = set(re.findall(r"^ +Binary: (\S+)$", TEXT, re.MULTILINE))
    manifests = (TEMPLATE.parent / "functions").glob("*/Cargo.toml")
    packages = {tomllib.loads(manifest.read_text())["package"]["name"] for manifest in manifests}
    assert len(binaries) == 6
    assert binaries <= packages


def test_the_repository_would_take_the_application():
    metadata = translate(TEXT)["Metadata"]["AWS::ServerlessRepo::Application"]
    assert re.fullmatch(r"[a-zA-Z0-9-]{1,140}", metadata["Name"])
    assert 1 <= len(metadata["Description"]) <= 256
    assert re.fullmatch(r"[a-z0-9](([a-z0-9]|-(?!-)){0,125}[a-z0-9])?", metadata["Author"])
    assert len(metadata["Labels"]) <= 10
    assert all(re.fullmatch(r"[a-zA-Z0-9+\-_:/@]{1,127}", label) for label in metadata["Labels"])
    assert "Fn::" not in json.dumps(metadata) and "Ref" not in metadata
    for file in ("LicenseUrl", "ReadmeUrl"):
        assert (TEMPLATE.parent / metadata[file]).is_file()
    package = tomllib.loads((TEMPLATE.parent / "Cargo.toml").read_text())["workspace"]["package"]
    assert metadata["SemanticVersion"] == package["version"]
    assert metadata["SpdxLicenseId"] == package["license"]
