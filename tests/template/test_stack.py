"""What every combination of parameters makes: all that it should, and nothing that hangs loose."""

import itertools
import json
from collections.abc import Iterator

import pytest
from check import TEXT, broken, cfn_lint, translate
from parameters import ADMIN, API, APPLICATION, KEYLESS, SETS, TOPIC, VPC
from stack import ACCOUNT, PLACES, Stack, references

KINDS = ["ApiKey", "ApplicationKey", "AdminKey"]
# One each, to tell them apart.
SCHEDULES = {f"{kind}Schedule": f"rate({days} days)" for days, kind in enumerate(KINDS, 1)}

SWITCHES = [
    [{}, VPC | {"RotationWindow": "3h"}],
    [{}, {"ApiKeySecretArn": API}],
    [{}, {"ApplicationKeySecretArn": APPLICATION}],
    [{}, {"AdminKeySecretArn": ADMIN}],
    [{}, {"AdminSecretArn": ADMIN}],
    [{}, {"ServedSecrets": "first"}],
    [{}, {"AlarmTopicArn": TOPIC}, {"AlarmEmail": "on-call@example.com"}],
    [{}, {"RotationExpectedWithinDays": "7"}, {"StraysSchedule": "rate(5 days)"}],
    [{}, {"Dashboard": "false"} | KEYLESS],
]


def stacks(text: str) -> Iterator[Stack]:
    """One of each combination of SWITCHES that the rules accept."""
    template = translate(text)
    for chosen in itertools.product(*SWITCHES):
        given = {name: value for switch in chosen for name, value in switch.items()}
        stack = Stack(template, **given, **SCHEDULES)
        if not stack.refusals():
            yield stack


def expected(stack: Stack) -> set[str]:
    """The resources that these parameters ask for."""
    asked = stack.parameters
    alarms = asked["AlarmTopicArn"] or asked["AlarmEmail"]
    shared = {
        "NetworkPolicy": asked["VpcSubnetIds"],
        "AlarmTopic": asked["AlarmEmail"],
        "AlarmTopicPolicy": asked["AlarmEmail"],
        "RotationFailures": alarms,
        "RotationDashboard": asked["Dashboard"] == "true",
    }
    search = dict.fromkeys(["Function", "LogGroup", "Role", "FunctionSchedule", "FunctionSchedulePermission"], True)
    search |= dict.fromkeys(["Errors", "Strays"], alarms)
    shared |= {f"Doctor{name}": there and asked["StraysSchedule"] for name, there in search.items()}
    keyless = asked["KeylessOrgUuid"]
    shared |= {f"Trust{name}": keyless for name in ("Function", "LogGroup", "Role")}
    shared |= {"DoctorMapping": keyless and asked["StraysSchedule"]}
    wanted = {name for name, there in shared.items() if there}
    for kind in KINDS:
        first = asked[f"{kind}SecretArn"]
        own = {
            "Function": True,
            "LogGroup": True,
            "Role": True,
            "Permission": first or asked["ServedSecrets"] == "account",
            "Rotation": first,
            "Mapping": keyless,
            "NotRotated": first and alarms and asked["RotationExpectedWithinDays"] != "0",
        } | dict.fromkeys(["Errors", "Throttles", "Duration", "Strays"], alarms)
        wanted |= {kind + name for name, there in own.items() if there}
    return wanted


def misplaced(text: str) -> set[str]:
    """Resources that are there and should not be, or the other way round."""
    return {name for stack in stacks(text) for name in expected(stack) ^ stack.section("Resources").keys()}


def dangling(text: str) -> set[str]:
    return {it for stack in stacks(text) for it in stack.dangling()}


def misrouted(text: str) -> set[str]:
    """Resources of one function that refer to those of another."""
    faults = set()
    for stack in stacks(text):
        for name, resource in stack.section("Resources").items():
            kind = next((kind for kind in (*KINDS, "Doctor", "Trust") if name.startswith(kind)), None)
            if kind:
                shared = ("NetworkPolicy", "AlarmTopic") + (("TrustFunction",) if name.endswith("Mapping") else ())
                others = {it for it in references(resource) if not it.startswith((kind, *shared))}
                faults |= {f"{name} -> {other}" for other in others}
    return faults


def loose_invocations(text: str) -> set[str]:
    """Permissions, schedules and roles for other secrets than the parameters say."""
    loose = set()
    for stack in stacks(text):
        resources = stack.section("Resources")
        for kind in KINDS:
            first = stack.parameters[f"{kind}SecretArn"]
            bound = {"SourceArn": first} if stack.parameters["ServedSecrets"] == "first" else {}
            if permission := resources.get(f"{kind}Permission"):
                source = {k: v for k, v in permission["Properties"].items() if k.startswith("Source")}
                if source != {"SourceAccount": ACCOUNT} | bound:
                    loose.add(f"{kind}Permission: {source}")
            if rotation := resources.get(f"{kind}Rotation"):
                rules = {"ScheduleExpression": SCHEDULES[f"{kind}Schedule"]}
                if window := stack.parameters["RotationWindow"]:
                    rules["Duration"] = window
                if rotation["Properties"]["SecretId"] != first or rotation["Properties"]["RotationRules"] != rules:
                    loose.add(f"{kind}Rotation: {rotation}")
            [statement, *_] = resources[f"{kind}Role"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
            if bound and first and statement["Resource"] != first:
                loose.add(f"{kind}Role: {statement['Resource']}")
    return loose


def misdirected(text: str) -> set[str]:
    """Searches at other times, by others, or of other secrets than the parameters say."""
    faults = set()
    for stack in stacks(text):
        resources = {name: it["Properties"] for name, it in stack.section("Resources").items()}
        if "DoctorFunction" not in resources:
            continue
        asked = [stack.parameters[f"{kind}SecretArn"] for kind in KINDS]
        schedule, permission = resources["DoctorFunctionSchedule"], resources["DoctorFunctionSchedulePermission"]
        [target] = schedule["Targets"]
        found = {
            "when": (schedule["ScheduleExpression"], stack.parameters["StraysSchedule"]),
            "what": (json.loads(target["Input"]), {"command": "strays", "secrets": asked}),
            "who": (target["Arn"], {"Fn::GetAtt": ["DoctorFunction", "Arn"]}),
            "by whom": (permission["SourceArn"], {"Fn::GetAtt": ["DoctorFunctionSchedule", "Arn"]}),
            "of what": (
                resources["DoctorRole"]["Policies"][0]["PolicyDocument"]["Statement"][0]["Resource"],
                [secret for secret in asked if secret],
            ),
        }
        faults |= {f"{name}: {it}, not {wanted}" for name, (it, wanted) in found.items() if it != wanted}
    return faults


def misleading(text: str) -> set[str]:
    """Outputs that are not those of these parameters, or tell of another function or secret."""
    faults = set()
    for stack in stacks(text):
        asked = stack.parameters
        wanted = {f"{kind}FunctionArn": f"${{{kind}Function.Arn}}" for kind in KINDS}
        wanted |= {f"Rotate{kind}": asked[f"{kind}SecretArn"] for kind in KINDS if asked[f"{kind}SecretArn"]}
        wanted |= {"SeeTheCheck": "${ApiKeyLogGroup}"}
        wanted |= {"TieASecret": "${ApiKeyFunction.Arn}"} if asked["ServedSecrets"] == "account" else {}
        wanted |= {"DoctorFunctionArn": "${DoctorFunction.Arn}"} if asked["StraysSchedule"] else {}
        wanted |= {"AlarmTopicMade": "${AlarmTopic}"} if asked["AlarmEmail"] else {}
        wanted |= {"DashboardName": "${RotationDashboard}"} if asked["Dashboard"] == "true" else {}
        found = {name: words(output["Value"]) for name, output in stack.section("Outputs").items()}
        faults |= wanted.keys() ^ found.keys()
        faults |= {name for name in wanted.keys() & found.keys() if wanted[name] not in found[name].split(" ")}
    return faults


def words(value) -> str:
    """A text with references in it, however it refers."""
    match value:
        case {"Ref": name}:
            return f"${{{name}}}"
        case {"Fn::GetAtt": [name, attribute]}:
            return f"${{{name}.{attribute}}}"
        case {"Fn::Sub": text}:
            return text
    return value


def foreign(text: str) -> list[str]:
    """ARNs and regions of the ordinary partition in the stacks of the others."""
    template = translate(text)
    return [
        f"{partition}: {word}"
        for partition in ("aws-us-gov", "aws-cn")
        for word in ("arn:aws:", "us-east-1")
        if word in json.dumps(Stack(template, partition, **VPC, AlarmEmail="on-call@example.com").concrete())
    ]


def mistrusted(text: str) -> set[str]:
    """Mappings of other roles or to others than the parameters say, and functions that do not act by them."""
    faults = set()
    for stack in stacks(text):
        asked, resources = stack.parameters, stack.section("Resources")
        variables = {
            "DATADOG_ORG_UUID": asked["KeylessOrgUuid"],
            "DATADOG_SERVICE_ACCOUNT_ID": asked["KeylessServiceAccountId"],
            "DATADOG_SITE": asked["KeylessSite"],
        }
        for kind in (*KINDS, "Doctor"):
            if f"{kind}Function" not in resources:
                continue
            given = resources[f"{kind}Function"]["Properties"].get("Environment", {}).get("Variables", {})
            # The admin function acts by the admin secrets, which may be keyless.
            if kind != "AdminKey":
                faults |= {f"{kind}: {it}" for it, value in variables.items() if given.get(it, "") != value}
            proving = asked["KeylessApiKeySecretArn"] if kind == "ApplicationKey" else ""
            if given.get("DATADOG_API_KEY_SECRET_ARN", "") != proving:
                faults.add(f"{kind}: {given}")
            wanted = {
                "ServiceToken": {"Fn::GetAtt": ["TrustFunction", "Arn"]},
                "RoleName": {"Ref": f"{kind}Role"},
                "ServiceAccountId": asked["KeylessServiceAccountId"],
            }
            mapping = resources.get(f"{kind}Mapping", {"Properties": wanted})
            if mapping["Properties"] != wanted:
                faults.add(f"{kind}: {mapping}")
    return faults


CHECKS = [mistrusted, misplaced, dangling, misrouted, loose_invocations, misdirected, misleading, foreign]


@pytest.mark.parametrize("check", CHECKS)
def test_every_stack(check):
    assert not check(TEXT)


@pytest.mark.parametrize("partition", PLACES)
@pytest.mark.parametrize("name", SETS)
def test_what_parameters_make_passes_the_linter(name, partition):
    # Everything that a condition decides is decided here, so nothing is undecided for the linter.
    given = {key: value.replace(":aws:", f":{partition}:") for key, value in SETS[name].items()}
    stack = Stack(translate(TEXT), partition, **given)
    assert [str(it) for it in cfn_lint(stack.concrete(), [PLACES[partition][0]])] == []


# What to break, with what, and the check that must see it.
BROKEN = {
    "a policy of no topic": (
        "SNS::TopicPolicy\n    Condition: MakesAlarmTopic",
        "SNS::TopicPolicy\n    Condition: HasAlarms",
        dangling,
    ),
    "an output of no topic": (
        "until then nobody is told\n    Condition: MakesAlarmTopic\n",
        "until then nobody is told\n",
        dangling,
    ),
    "an output of no dashboard": ("rotations\n    Condition: HasDashboard\n", "rotations\n", dangling),
    "a role with no network policy": (
        "!If [InVpc, [!Ref NetworkPolicy], !Ref AWS::NoValue]",
        "[!Ref NetworkPolicy]",
        dangling,
    ),
    "alarms without a topic": (
        "Errors:\n    Type: AWS::CloudWatch::Alarm\n    Condition: HasAlarms",
        "Errors:\n    Type: AWS::CloudWatch::Alarm",
        misplaced,
    ),
    "a schedule that waits for nothing": (
        "Condition: ServesApplicationKeys",
        "Condition: BoundToApplicationKeySecret",
        dangling,
    ),
    "a permission for any account": ("SourceAccount: !Ref AWS::AccountId", "", loose_invocations),
    "a permission for any secret": (
        "!If [BoundToAdminKeySecret, !Ref AdminKeySecretArn, !Ref AWS::NoValue]",
        "!Ref AWS::NoValue",
        loose_invocations,
    ),
    "a role for any secret": ("- BoundToApiKeySecret\n", "- HasKmsKey\n", loose_invocations),
    "a schedule of no secret": (
        "RotationSchedule\n    Condition: HasApiKeySecret",
        "RotationSchedule\n    Condition: HasFirstSecret",
        misplaced,
    ),
    "a schedule of another secret": ("!Ref AdminKeySchedule", "!Ref ApiKeySchedule", loose_invocations),
    "another function for a secret": ("LambdaARN: !GetAtt AdminKey", "LambdaARN: !GetAtt ApiKey", misrouted),
    "another function's ARN": (
        "!GetAtt AdminKeyFunction.Arn\n  TieASecret",
        "!GetAtt ApiKeyFunction.Arn\n  TieASecret",
        misleading,
    ),
    "a command for another secret": ("--secret-id ${AdminKeySecretArn}", "--secret-id ${ApiKeySecretArn}", misleading),
    "a command for no secret": ("first API key\n    Condition: HasApiKeySecret\n", "first API key\n", misleading),
    "a window that is left out": (
        "        Duration: !If [HasRotationWindow, !Ref RotationWindow, !Ref AWS::NoValue]\n",
        "",
        loose_invocations,
    ),
    "an ARN of one partition": ("arn:${AWS::Partition}:lambda", "arn:aws:lambda", foreign),
    "a region": ('"region": "${AWS::Region}"', '"region": "us-east-1"', foreign),
    "a topic for nobody": ("Topic\n    Condition: MakesAlarmTopic", "Topic", misplaced),
    "alarms that hang on the dashboard": ('"0"]], Condition: HasAlarms]', '"0"]], Condition: HasDashboard]', misplaced),
    "a search of one secret": ('["${ApiKeySecretArn}","${Appl', '["","${Appl', misdirected),
    "a search that may not read": (
        "!If [HasAdminKeySecret, !Ref AdminKeySecretArn, !Ref AWS::NoValue]\n              - !If",
        "!Ref AWS::NoValue\n              - !If",
        misdirected,
    ),
    "a search at another time": ("Schedule: !Ref StraysSchedule", "Schedule: rate(1 day)", misdirected),
    "a search that nobody asked for": (
        "AWS::Serverless::Function\n    Condition: SearchesStrays",
        "AWS::Serverless::Function",
        misplaced,
    ),
    "alarms of no search": (
        "TellsStrays: !And [Condition: SearchesStrays,",
        "TellsStrays: !And [Condition: HasAlarms,",
        dangling,
    ),
    "an alarm that is gone": ("  AdminKeyThrottles:", "  AdminKeyThrottling:", misplaced),
    "another function's role": ("Role: !GetAtt AdminKeyRole.Arn", "Role: !GetAtt ApplicationKeyRole.Arn", misrouted),
    "another function's log": ("LogGroup: !Ref AdminKeyLogGroup", "LogGroup: !Ref ApiKeyLogGroup", misrouted),
    "another role is mapped": ("RoleName: !Ref AdminKeyRole", "RoleName: !Ref DoctorRole", mistrusted),
    "no site to act at": (
        "          DATADOG_SITE: !If [IsKeyless, !Ref KeylessSite, !Ref AWS::NoValue]\n",
        "",
        mistrusted,
    ),
    "a mapping that nobody asked for": (
        "IdentityMapping\n    Condition: IsKeyless",
        "IdentityMapping\n    Condition: ServesAccount",
        misplaced,
    ),
    "another function's permission": (
        "FunctionName: !Ref AdminKeyFunction",
        "FunctionName: !Ref ApiKeyFunction",
        misrouted,
    ),
    "another function's alarm": ("Value: !Ref AdminKeyFunction}", "Value: !Ref ApiKeyFunction}", misrouted),
}


@pytest.mark.parametrize("defect", BROKEN)
def test_a_broken_template_is_caught(defect):
    right, wrong, check = BROKEN[defect]
    assert check(broken(right, wrong))
