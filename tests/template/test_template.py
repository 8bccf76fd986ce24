"""template.yaml passes the linters, and the linters see what they should."""

import json
import re
import tomllib

import pytest
from check import TEMPLATE, TEXT, accepted, broken, cfn_lint, check, checkov, translate, unaccepted

# What to break, with what, and the rule that must see it.
BROKEN = {
    "unknown runtime": ("Runtime: provided.al2023", "Runtime: provided.al2032", "E3030"),
    "unknown architecture": ("Architectures: [!Ref Architecture]", "Architectures: [arm46]", "E3030"),
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
    "warning without its argument": ("# CKV_AWS_26: ", "# ", "CKV_AWS_26"),
}


@pytest.fixture(scope="module")
def findings():
    return check(TEXT)


def test_nothing_is_wrong_with_the_template(findings):
    assert [str(finding) for finding in unaccepted(TEXT, findings)] == []


def test_every_accepted_warning_occurs(findings):
    assert accepted(TEXT) == {finding.rule for finding in findings}


@pytest.mark.parametrize("defect", BROKEN)
def test_a_broken_template_is_caught(defect):
    right, wrong, rule = BROKEN[defect]
    template = broken(right, wrong)
    # One linter a defect, for time: both are run above.
    found = unaccepted(template, check(template, [checkov if rule.startswith("CKV") else cfn_lint]))
    assert rule in {finding.rule for finding in found}, [str(finding) for finding in found]


def test_every_binary_is_a_package_of_the_workspace():
    binaries = set(re.findall(r"^ +Binary: (\S+)$", TEXT, re.MULTILINE))
    manifests = (TEMPLATE.parent / "functions").glob("*/Cargo.toml")
    packages = {tomllib.loads(manifest.read_text())["package"]["name"] for manifest in manifests}
    assert len(binaries) == 5
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
