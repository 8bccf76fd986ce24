"""What parameters are taken, and which combinations are refused."""

import pytest
from check import TEXT, broken, translate
from parameters import (
    ADMIN,
    API,
    APPLICATION,
    ASSISTANT,
    EVERYTHING,
    KEY,
    KEYLESS,
    KEYLESS_AND_ALL,
    NARROW,
    NOTHING,
    PROMOTIONS,
    STACK_SECRETS,
    TOKEN,
    TOPIC,
    VPC,
)
from stack import ACCOUNT, Refused, Stack

# Parameters, and the rules that must refuse them.
DECISIONS = [
    (NOTHING, []),
    (VPC, []),
    (STACK_SECRETS, []),
    (EVERYTHING, []),
    ({"VpcSubnetIds": "subnet-0123abcd"}, ["VpcIsWhole"]),
    ({"VpcSecurityGroupIds": "sg-0123abcd"}, ["VpcIsWhole"]),
    ({"ApiKeySecretArn": API}, ["ApiKeyAdminIsNamed"]),
    ({"ApplicationKeySecretArn": APPLICATION}, ["ApplicationKeyAdminIsNamed"]),
    ({"ApiKeySecretArn": API, "ApiKeyAdminSecretArn": NARROW}, []),
    (
        {"ApplicationKeySecretArn": APPLICATION, "ApiKeyAdminSecretArn": NARROW},
        ["ApplicationKeyAdminIsNamed"],
    ),
    ({"ServiceAccessTokenSecretArn": TOKEN}, ["ServiceAccessTokenAdminIsNamed"]),
    ({"ServiceAccessTokenSecretArn": TOKEN, "AdminSecretArn": ADMIN}, []),
    (KEYLESS | {"ServiceAccessTokenSecretArn": TOKEN, "KeylessApiKeySecretArn": ""}, []),
    ({"ServedSecrets": "stack", "AdminSecretArn": ADMIN, "ServiceAccessTokenSecretArn": TOKEN}, []),
    *(
        (STACK_SECRETS | {"ServiceAccessTokenSecretArn": secret}, ["SecretsAreDistinct"])
        for secret in (API, APPLICATION, ADMIN)
    ),
    (STACK_SECRETS | {"AssistingAdminSecretArn": TOKEN}, ["SecretsAreDistinct"]),
    (STACK_SECRETS | {"ApiKeyAdminSecretArn": TOKEN}, ["SecretsAreDistinct"]),
    (STACK_SECRETS | {"ApiKeyAdminSecretArn": NARROW}, []),
    (STACK_SECRETS | {"ApiKeyAdminSecretArn": ADMIN}, ["ApiKeyAdminIsAnother"]),
    ({"AdminSecretArn": ADMIN, "ApiKeyAdminSecretArn": ADMIN}, ["ApiKeyAdminIsAnother"]),
    ({"ApiKeyAdminSecretArn": ADMIN, "AdminKeySecretArn": ADMIN}, ["ApiKeyAdminIsAnother"]),
    ({"ApiKeyAdminSecretArn": ADMIN, "AssistingAdminSecretArn": ADMIN}, ["ApiKeyAdminIsAnother"]),
    (STACK_SECRETS | {"ApiKeyAdminSecretArn": API}, ["SecretsAreDistinct"]),
    (STACK_SECRETS | {"ApiKeyAdminSecretArn": APPLICATION}, ["SecretsAreDistinct"]),
    ({"ApiKeySecretArn": API, "AdminSecretArn": ADMIN}, []),
    ({"ApplicationKeySecretArn": APPLICATION, "AdminSecretArn": ADMIN}, []),
    ({"AdminKeySecretArn": ADMIN}, []),
    (STACK_SECRETS | {"ApplicationKeySecretArn": API}, ["SecretsAreDistinct"]),
    (STACK_SECRETS | {"ApiKeySecretArn": ADMIN}, ["SecretsAreDistinct"]),
    (STACK_SECRETS | {"AdminKeySecretArn": "", "ApiKeySecretArn": ADMIN}, ["SecretsAreDistinct"]),
    (STACK_SECRETS | {"AdminKeySecretArn": API}, ["SecretsAreDistinct"]),
    (STACK_SECRETS | {"AssistingAdminSecretArn": API}, ["SecretsAreDistinct"]),
    (STACK_SECRETS | {"ApplicationKeySecretArn": ADMIN}, ["SecretsAreDistinct"]),
    (STACK_SECRETS | {"AdminKeySecretArn": "", "ApplicationKeySecretArn": ADMIN}, ["SecretsAreDistinct"]),
    (STACK_SECRETS | {"AdminKeySecretArn": APPLICATION}, ["SecretsAreDistinct"]),
    (STACK_SECRETS | {"AssistingAdminSecretArn": APPLICATION}, ["SecretsAreDistinct"]),
    (STACK_SECRETS | {"AssistingAdminSecretArn": ASSISTANT}, []),
    (STACK_SECRETS | {"AssistingAdminSecretArn": ADMIN}, ["AssistingAdminIsAnother"]),
    ({"AssistingAdminSecretArn": ADMIN}, []),
    ({"ServedSecrets": "account"}, []),
    ({"ServedSecrets": "stack"}, ["ServedSecretsAreNamed"]),
    ({"ServedSecrets": "stack", "AdminKeySecretArn": ADMIN}, []),
    ({"ServedSecrets": "stack", "AdminSecretArn": ADMIN, "ApiKeySecretArn": API}, []),
    ({"ServedSecrets": "stack", "AdminSecretArn": ADMIN, "ApplicationKeySecretArn": APPLICATION}, []),
    ({"DoctorSchedule": ""}, []),
    ({"AlarmTopicArn": TOPIC}, []),
    ({"AlarmEmail": "on-call@example.com"}, []),
    ({"AlarmTopicArn": TOPIC, "AlarmEmail": "on-call@example.com"}, ["AlarmsGoToOnePlace"]),
    (KEYLESS, []),
    (KEYLESS_AND_ALL, []),
    (KEYLESS_AND_ALL | {"RotateImmediatelyOnUpdate": "true"}, ["KeylessStartsWithACheck"]),
    (KEYLESS | {"RotateImmediatelyOnUpdate": "true"}, ["KeylessStartsWithACheck"]),
    (KEYLESS | {"ApiKeySecretArn": API, "ApplicationKeySecretArn": APPLICATION}, []),
    *(
        (KEYLESS | {"KeylessApiKeySecretArn": "", name: ""}, ["KeylessIsWhole"])
        for name in ("KeylessOrgUuid", "KeylessServiceAccountId", "KeylessSite", "KeylessBootstrapSecretArn")
    ),
    ({"KeylessApiKeySecretArn": API}, ["KeylessIsWhole"]),
    (
        KEYLESS | {"KeylessApiKeySecretArn": "", "ApplicationKeySecretArn": APPLICATION},
        ["KeylessTriesApplicationKeys"],
    ),
    (KEYLESS | {"KeylessApiKeySecretArn": "", "ApiKeySecretArn": API}, []),
]

# Values that a parameter takes alone, and values that it does not.
VALUES = {
    "FunctionNamePrefix": (["datadog-rotation", "a" * 43], ["", "a" * 44, "a.b"]),
    "ApiKeySchedule": (
        [
            "rate(4 hours)",
            "rate(36 hours)",
            "rate(1 day)",
            "rate(30 days)",
            "cron(0 8 1 * ? *)",
            "cron(0 4/12 * * ? *)",
        ],
        ["", "30", "rate(3 hours)", "rate(30 minutes)", "rate(0 days)", "cron(30 8 1 * ? *)", "cron(0 8 1 * ? 2027)"],
    ),
    "RotationWindow": (["", "1h", "24h"], ["0h", "25h", "3", "180m"]),
    "ApiKeyAdminSchedule": (["", "rate(30 days)", "cron(0 8 1 * ? *)"], ["30", "rate(3 hours)", "cron(30 8 1 * ? *)"]),
    "ServedSecrets": (["auto", "account", "stack"], ["", "all"]),
    "DoctorSchedule": (
        ["", "rate(1 hour)", "rate(12 hours)", "rate(1 day)", "rate(2 days)", "cron(0 6 ? * MON *)"],
        ["daily", "rate(1 hours)", "rate(1 days)", "rate(0 days)", "rate(5 minutes)", "cron(0 6 * * ?)"],
    ),
    "VpcSubnetIds": (["", "subnet-0123abcd", "subnet-0a,subnet-0b"], ["vpc-0a", "subnet-0a, subnet-0b", "subnet-0a,"]),
    "VpcSecurityGroupIds": (["", "sg-0123abcd", "sg-0a,sg-0b"], ["subnet-0a", "sg-0a,", "sg-0a sg-0b"]),
    "PermissionsBoundary": (["", "arn:aws-cn:iam::123456789012:policy/a/b", "arn:aws:iam::aws:policy/c"], ["boundary"]),
    "RolePath": (["/", "/datadog/", "/a/b/"], ["", "datadog", "/datadog", "//"]),
    "AlarmTopicArn": (["", TOPIC], ["alarms", TOPIC + ".fifo"]),
    "PromotionTopicArn": (["", PROMOTIONS], ["promotions", PROMOTIONS + ".fifo", TOPIC.replace("sns", "sqs")]),
    "AlarmEmail": (["", "a@example.com"], ["a", "a@b", "a b@example.com"]),
    "Dashboard": (["true", "false"], ["yes"]),
}
SCHEDULES = ["ApiKeySchedule", "ApplicationKeySchedule", "AdminKeySchedule", "ServiceAccessTokenSchedule"]
SECRETS = [
    "AdminSecretArn",
    "ApiKeyAdminSecretArn",
    "AssistingAdminSecretArn",
    "ApiKeySecretArn",
    "ApplicationKeySecretArn",
    "AdminKeySecretArn",
    "ServiceAccessTokenSecretArn",
]
KEYS = ["KmsKeyArn", "AdminSecretKmsKeyArn", "ReplicaKmsKeyArn"]


def wrong_decisions(text: str) -> list[str]:
    template = translate(text)
    return [
        f"{given}: {sorted(found)}, not {expected}"
        for given, expected in DECISIONS
        if (found := Stack(template, **given).refusals().keys()) != set(expected)
    ]


def test_rules_accept_and_refuse():
    assert wrong_decisions(TEXT) == []


def test_every_rule_refuses_something():
    refusing = {rule for _, expected in DECISIONS for rule in expected}
    # Its parameter is where the stack is.
    assert refusing | {"KeylessIsOfPartitionAws"} == translate(TEXT)["Rules"].keys()


@pytest.mark.parametrize("parameter", [*VALUES, *SCHEDULES[1:], *SECRETS, *KEYS])
def test_a_parameter_takes_what_it_should(parameter):
    template = translate(TEXT)
    good, bad = values(parameter)
    for value in good:
        Stack(template, **{parameter: value})
    for value in bad:
        with pytest.raises(Refused):
            Stack(template, **{parameter: value})


def values(parameter: str) -> tuple[list[str], list[str]]:
    if parameter in SCHEDULES:
        return VALUES["ApiKeySchedule"]
    if parameter in VALUES:
        return VALUES[parameter]
    arn = KEY if parameter in KEYS else API.replace("arn:aws:", "arn:aws-us-gov:")
    name = "key/" if parameter in KEYS else "secret:"
    return ["", arn], [
        "*",
        arn[:-6] + "*",
        arn.replace(name, name + "*"),
        arn.replace(ACCOUNT, "*"),
        arn.replace("us-east-1", ""),
    ]


def test_every_parameter_stands_in_one_group():
    template = translate(TEXT)
    groups = template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    assert sorted(it for group in groups for it in group["Parameters"]) == sorted(template["Parameters"])
    assert all(it["Description"] for it in template["Parameters"].values())


# What to break, and with what.
BROKEN = {
    "a VPC that is half named": (
        '!And [!Equals [!Ref VpcSubnetIds, ""], !E',
        '!Or [!Equals [!Ref VpcSubnetIds, ""], !E',
    ),
    "an application key that the narrow pair would rotate": (
        'Assert: !Or [!Not [!Equals [!Ref AdminSecretArn, ""]]',
        'Assert: !Or [!Not [!Equals [!Ref ApiKeyAdminSecretArn, ""]]',
    ),
    "a rotation before its mapping works": ('!Equals [!Ref RotateImmediatelyOnUpdate, "false"]', '!Equals [a, a]'),
    "a narrow pair that is the wide one": ("!Equals [!Ref ApiKeyAdminSecretArn, !Ref AdminSecretArn]", "!Equals [a, b]"),
    "a secret with two functions": ("!Equals [!Ref ApiKeySecretArn, !Ref AdminKeySecretArn]", '!Equals [a, ""]'),
    "a rule without its assertion": ("!Not [!Equals [!Ref AssistingAdminSecretArn, !R", "!Not [!Equals [a, !R"),
    "a rule that asks the wrong value": (
        "RuleCondition: !Equals [!Ref ServedSecrets, stack]",
        "RuleCondition: !Equals [!Ref ServedSecrets, account]",
    ),
    "two places for alarms": ('!Or [!Equals [!Ref AlarmTopicArn, ""], !E', '!Or [!Equals ["", ""], !E'),
}


@pytest.mark.parametrize("defect", BROKEN)
def test_a_broken_template_is_caught(defect):
    assert wrong_decisions(broken(*BROKEN[defect]))


def test_keyless_is_refused_outside_of_the_partition_aws():
    for partition, refused in {"aws": [], "aws-us-gov": ["KeylessIsOfPartitionAws"]}.items():
        assert list(Stack(translate(TEXT), partition, **KEYLESS).refusals()) == refused
