"""The example that integrates the account passes the linter, and lets no other Datadog in than that of the site."""

import re

import pytest
from check import TEMPLATE, cfn_lint, translate
from stack import PLACES, Stack

EXAMPLE = TEMPLATE.parent / "examples/trust/template.yaml"
TEXT = EXAMPLE.read_text()
SITES = (TEMPLATE.parent / "shared/src/site.rs").read_text()
FACTS = {
    "ap1.datadoghq.com": "417141415827",
    "ap2.datadoghq.com": "412381753143",
    "uk1.datadoghq.com": "117348461845",
    "ddog-gov.com": "392588925713",
    "us2.ddog-gov.com": "382742775718",
}


@pytest.fixture(scope="module")
def template():
    return translate(TEXT)


def test_nothing_is_wrong_with_the_example(template):
    assert [str(it) for it in cfn_lint(template, [PLACES["aws"][0]])] == []


def test_the_role_lets_in_the_datadog_of_the_site_with_the_external_id(template):
    by_site = template["Mappings"]["DdAccountIdBySite"]
    assert {site: row["AccountId"] for site, row in by_site.items()} == {
        site: FACTS.get(site, "464622532012") for site in re.findall(r'=> "([a-z0-9.-]+)",', SITES)
    }
    assert sorted(by_site) == sorted(template["Parameters"]["Site"]["AllowedValues"])
    [statement] = template["Resources"]["IntegrationRole"]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Condition"] == {"StringEquals": {"sts:ExternalId": {"Fn::GetAtt": ["Integration", "ExternalId"]}}}
    principal = statement["Principal"]["AWS"]["Fn::Sub"]
    assert principal == [
        "arn:${AWS::Partition}:iam::${Datadog}:root",
        {"Datadog": {"Fn::FindInMap": ["DdAccountIdBySite", {"Ref": "Site"}, "AccountId"]}},
    ]


def test_other_partitions_are_refused(template):
    secret = "arn:aws:secretsmanager:us-east-1:123456789012:secret:datadog/bootstrap-AbCdEf"
    refusals = {it: Stack(template, it, BootstrapSecretArn=secret).refusals() for it in PLACES}
    assert [it for it, rules in refusals.items() if not rules] == ["aws"]



def test_the_integration_has_only_properties_that_the_function_knows(template):
    folder = TEMPLATE.parent / "functions/trust/src/account"
    source = "".join((folder / it).read_text().split("mod tests")[0] for it in ("wanted.rs", "settings.rs"))
    properties = template["Resources"]["Integration"]["Properties"].keys() - {"ServiceToken"}
    assert all(f'"{it}"' in source for it in properties)


def test_the_function_may_integrate_its_own_account_alone(template):
    given = template["Resources"]["TrustFunction"]["Properties"]["Environment"]["Variables"]
    allowed = {name: value for name, value in given.items() if name.startswith("ALLOWED_")}
    assert allowed == {"ALLOWED_AWS_ACCOUNT_IDS": {"Ref": "AWS::AccountId"}}
