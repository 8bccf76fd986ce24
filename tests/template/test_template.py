"""template.yaml passes the checks, and the checks see what they should."""

import json
import re
from pathlib import Path

import pytest
from check import ACCEPTED, TEMPLATE, check, translate, unaccepted

TEXT = TEMPLATE.read_text()

# What to break, with what, and the rule that must see it.
BROKEN = {
    "unknown runtime": ("Runtime: provided.al2023", "Runtime: provided.al2032", "E3030"),
    "unknown architecture": ("Architectures: [!Ref Architecture]", "Architectures: [arm46]", "E3030"),
    "undefined reference": ("Resource: !Ref KmsKeyArn", "Resource: !Ref KmsKey", "E1020"),
    "misspelt IAM action": ("secretsmanager:ListSecretVersionIds", "secretsmanager:ListSecretVersionsIds", "W3037"),
    "unknown property": ("RetentionInDays: !Ref", "RetentionDays: !Ref", "E3002"),
    "circular dependency": (
        "arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:${FunctionNamePrefix}-api-key",
        "${ApiKeyFunction.Arn}",
        "E3004",
    ),
    "invocation by any account": ("SourceAccount: !Ref AWS::AccountId", "", "CKV_AWS_364"),
}


@pytest.fixture(scope="module")
def findings():
    return check(TEXT)


def test_nothing_is_wrong_with_the_template(findings):
    assert [str(finding) for finding in unaccepted(findings)] == []


def test_every_accepted_warning_occurs(findings):
    assert ACCEPTED.keys() <= {finding.rule for finding in findings}


@pytest.mark.parametrize("defect", BROKEN)
def test_a_broken_template_is_caught(defect):
    right, wrong, rule = BROKEN[defect]
    assert right in TEXT, "the template no longer holds what this test breaks"
    found = unaccepted(check(TEXT.replace(right, wrong, 1)))
    assert rule in {finding.rule for finding in found}, [str(finding) for finding in found]


def test_every_binary_is_a_package_of_the_workspace():
    binaries = set(re.findall(r"^ +Binary: (\S+)$", TEXT, re.MULTILINE))
    packages = set()
    for manifest in Path(TEMPLATE.parent, "functions").glob("*/Cargo.toml"):
        packages.update(re.findall(r'^name = "(\S+)"$', manifest.read_text(), re.MULTILINE))
    assert len(binaries) == 3
    assert binaries <= packages


def test_the_functions_that_an_admin_serves_differ_in_nothing_but_their_names():
    resources = translate(TEXT)["Resources"]
    api_key = {name: value for name, value in resources.items() if name.startswith("ApiKey")}
    application_key = {name: value for name, value in resources.items() if name.startswith("ApplicationKey")}
    renamed = json.dumps(application_key)
    for one, other in [("ApplicationKey", "ApiKey"), ("application-key", "api-key"), ("application key", "API key")]:
        renamed = renamed.replace(one, other)
    assert json.loads(renamed) == api_key
    assert len(api_key) == 4


def test_each_role_allows_just_what_the_code_calls():
    code = Path(TEMPLATE.parent, "shared/src/secrets.rs").read_text()
    calls = {f"secretsmanager:{call}" for call in re.findall(r'within\(\s*budget,\s*"(\w+)"', code)}
    assert len(calls) == 5
    roles = [it for it in translate(TEXT)["Resources"].values() if it["Type"] == "AWS::IAM::Role"]
    assert len(roles) == 3
    for role in roles:
        statements = role["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
        rotated = [it for it in statements if it.get("Sid") == "RotatedSecrets"]
        assert [set(it["Action"]) for it in rotated] == [calls]


@pytest.mark.parametrize("parameter", ["AdminSecretArn", "AssistingAdminSecretArn", "KmsKeyArn", "AdminSecretKmsKeyArn"])
def test_an_arn_with_a_wildcard_is_refused(parameter):
    pattern = translate(TEXT)["Parameters"][parameter]["AllowedPattern"]
    secret = "arn:aws-us-gov:secretsmanager:us-gov-west-1:123456789012:secret:datadog/admin-AbCdEf"
    key = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-4333-8444-555555555555"
    good = key if "Kms" in parameter else secret
    assert re.fullmatch(pattern, good)
    assert re.fullmatch(pattern, "")
    for bad in ["*", good[:-6] + "*", good.replace("datadog/admin", "*"), good.replace("123456789012", "*")]:
        assert bad == good or not re.fullmatch(pattern, bad), bad
