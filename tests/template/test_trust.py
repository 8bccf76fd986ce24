"""The example that integrates the account passes the linter, and lets no other Datadog in than that of the site."""

import re

import pytest
import yaml
from check import TEMPLATE, cfn_lint, translate
from parameters import ORGANISATION
from stack import PLACES, Stack

EXAMPLE = TEMPLATE.parent / "examples/trust/template.yaml"
TEXT = EXAMPLE.read_text()
BOOTSTRAP = "arn:aws:secretsmanager:us-east-1:123456789012:secret:datadog/bootstrap-AbCdEf"
FALLBACK = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:datadog/api-key-AbCdEf"
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
    refusals = {it: Stack(template, it, BootstrapSecretArn=BOOTSTRAP).refusals() for it in PLACES}
    assert [it for it, rules in refusals.items() if not rules] == ["aws"]



def test_the_integration_has_only_properties_that_the_function_knows(template):
    folder = TEMPLATE.parent / "functions/trust/src/account"
    source = "".join((folder / it).read_text().split("mod tests")[0] for it in ("wanted.rs", "settings.rs"))
    properties = template["Resources"]["Integration"]["Properties"].keys() - {"ServiceToken"}
    assert all(f'"{it}"' in source for it in properties)


def test_the_function_may_integrate_its_own_account_alone(template):
    given = template["Resources"]["TrustFunction"]["Properties"]["Environment"]["Variables"]
    allowed = {name: value for name, value in given.items() if name.startswith("ALLOWED_")}
    roles = {"Fn::Sub": "arn:${AWS::Partition}:sts::${AWS::AccountId}:assumed-role/*/*"}
    # Without a service account no role can be mapped to one.
    assert allowed == {"ALLOWED_AWS_ACCOUNT_IDS": {"Ref": "AWS::AccountId"}, "ALLOWED_ROLE_PATTERNS": roles}


AGENTS = {"BootstrapSecretArn": BOOTSTRAP, "Site": "datadoghq.eu", "AgentRoleName": "agents", "OrgUuid": ORGANISATION}


def test_agents_need_an_organisation_that_has_intake_mappings(template):
    for given, refused in [
        ({}, []),
        ({"OrgUuid": ""}, ["AgentsAreOfAnOrganisation"]),
        ({"Site": "ddog-gov.com"}, ["AgentsAreOfAnOrganisation"]),
        ({"Site": "us2.ddog-gov.com"}, ["AgentsAreOfAnOrganisation"]),
        ({"AgentRoleName": "", "OrgUuid": ""}, []),
    ]:
        assert list(Stack(template, **AGENTS | given).refusals()) == refused, given


def test_agents_are_mapped_after_the_registration_if_their_role_is_named(template):
    mapping = Stack(template, **AGENTS).section("Resources")["AgentMapping"]
    token = {"Fn::GetAtt": ["TrustFunction", "Arn"]}
    assert mapping["DependsOn"] == "Integration"
    assert mapping["Properties"] == {"ServiceToken": token, "RoleName": "agents"}
    without = Stack(template, BootstrapSecretArn=BOOTSTRAP)
    assert "AgentMapping" not in without.section("Resources")
    assert "AgentConfiguration" not in without.section("Outputs")
    assert without.dangling() == Stack(template, **AGENTS).dangling() == []


def test_the_agents_configuration_is_for_site_and_organisation_with_the_rotated_key_to_fall_back_on(template):
    own = {"site": "datadoghq.eu", "delegated_auth": {"org_uuid": ORGANISATION, "provider": "aws"}}
    fallback = {
        "api_key": f"ENC[{FALLBACK};apiKey]",
        "secret_backend_type": "aws.secrets",
        "secret_backend_config": {"aws_session": {"aws_region": "eu-west-1"}},
        "secret_refresh_interval": 3600,
    }
    for given, wanted in [({}, own), ({"FallbackApiKeySecretArn": FALLBACK}, own | fallback)]:
        configuration = Stack(template, **AGENTS | given).section("Outputs")["AgentConfiguration"]["Value"]
        assert yaml.safe_load(configuration) == wanted
