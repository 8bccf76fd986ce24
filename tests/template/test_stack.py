"""What every combination of parameters makes: all that it should, and nothing that hangs loose."""

import functools
import itertools
import json
from collections.abc import Callable, Iterator

import pytest
from check import TEXT, broken, cfn_lint, translate
from parameters import ADMIN, API, APPLICATION, KEYLESS, NARROW, SETS, TOKEN, TOPIC, VPC
from stack import ACCOUNT, PLACES, STACK, Stack, references, selected

KINDS = ["ApiKey", "ApplicationKey", "AdminKey", "ServiceAccessToken"]
# One each, to tell them apart.
SCHEDULES = {f"{kind}Schedule": f"rate({days} days)" for days, kind in enumerate([*KINDS, "ApiKeyAdmin"], 1)}
# What a schedule belongs to: the resources' names begin with the first, the parameters' with the second.
ROTATIONS = [*((kind, kind) for kind in KINDS), ("AdminKeySecond", "ApiKeyAdmin")]

SWITCHES = [
    [{}, {"ApiKeySecretArn": API}],
    [{}, {"ApplicationKeySecretArn": APPLICATION}],
    [{}, {"AdminKeySecretArn": ADMIN}],
    [{}, {"ServiceAccessTokenSecretArn": TOKEN}],
    [{}, {"AdminSecretArn": ADMIN}],
    [{}, {"ApiKeyAdminSecretArn": NARROW}],
    [{}, {"ServedSecrets": "account"}, {"ServedSecrets": "stack"}],
    # What does not depend on the secrets, each with each of the others at least once.
    [
        {"DoctorSchedule": "rate(5 days)"} | VPC,
        {"DoctorSchedule": "", "AlarmTopicArn": TOPIC, "Dashboard": "false"},
        {"AlarmEmail": "on-call@example.com", "RotationWindow": "3h"},
        {"AlarmTopicArn": TOPIC, "RotationWindow": "3h"} | VPC | KEYLESS,
        {"DoctorSchedule": "", "Dashboard": "false"} | KEYLESS,
    ],
]


def stacks(text: str) -> Iterator[Stack]:
    """One of each combination of SWITCHES that the rules accept."""
    template = translate(text)
    for chosen in itertools.product(*SWITCHES):
        given = SCHEDULES | {name: value for switch in chosen for name, value in switch.items()}
        stack = Stack(template, **given)
        if not stack.refusals():
            yield stack


def of_every_stack(check: Callable[[Stack], set[str]]) -> Callable[[str], set[str]]:
    """Makes a check of one stack a check of a template: the faults of the first stack that has any."""

    @functools.wraps(check)
    def faults(text: str) -> set[str]:
        return next((found for stack in stacks(text) if (found := check(stack))), set())

    return faults


def rotated(stack: Stack, kind: str) -> list[str]:
    """The secrets of the stack that a function rotates."""
    asked = stack.parameters
    own = [asked[f"{kind}SecretArn"]]
    if kind == "AdminKey" and asked["ApiKeyAdminSchedule"]:
        own.append(asked["ApiKeyAdminSecretArn"])
    return [it for it in own if it]


def is_bound(stack: Stack, kind: str) -> bool:
    """Whether a function serves the stack's secrets alone."""
    served = stack.parameters["ServedSecrets"]
    return served == "stack" or (served == "auto" and rotated(stack, kind) != [])


def maps_tokens(asked: dict[str, str]) -> bool:
    """Whether anything says that there are tokens for the role to rotate."""
    return bool(asked["ServiceAccessTokenSecretArn"]) or asked["ServedSecrets"] == "account"


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
    search = dict.fromkeys(["Function", "LogGroup", "Role"], True)
    search |= {f"Function{job}{it}": True for job in ("Check", "Orphans") for it in ("", "Permission")}
    search |= dict.fromkeys(["Errors", "Overdue", "FailedChecks", "Orphans"], alarms)
    examines = asked["DoctorSchedule"] and any(rotated(stack, kind) for kind in KINDS)
    shared |= {f"Doctor{name}": there and examines for name, there in search.items()}
    keyless = asked["KeylessOrgUuid"]
    shared |= {f"Trust{name}": keyless for name in ("Function", "LogGroup", "Role")}
    shared |= {"DoctorMapping": keyless and examines}
    shared |= {f"AdminKeySecond{it}": asked["ApiKeyAdminSecretArn"] for it in ("Permission", "Rotation")}
    wanted = {name for name, there in shared.items() if there}
    for kind in KINDS:
        own = {
            "Function": True,
            "LogGroup": True,
            "Role": True,
            "Permission": asked[f"{kind}SecretArn"] or not is_bound(stack, kind),
            "Rotation": asked[f"{kind}SecretArn"],
            "Mapping": keyless and (kind != "ServiceAccessToken" or maps_tokens(asked)),
        } | dict.fromkeys(["Errors", "Throttles", "Duration", "Orphans"], alarms)
        wanted |= {kind + name for name, there in own.items() if there}
    return wanted


@of_every_stack
def misplaced(stack: Stack) -> set[str]:
    """Resources that are there and should not be, or the other way round."""
    return expected(stack) ^ stack.section("Resources").keys()


@of_every_stack
def dangling(stack: Stack) -> set[str]:
    return set(stack.dangling())


@of_every_stack
def misrouted(stack: Stack) -> set[str]:
    """Resources of one function that refer to those of another."""
    faults = set()
    for name, resource in stack.section("Resources").items():
        kind = next((kind for kind in (*KINDS, "Doctor", "Trust") if name.startswith(kind)), None)
        if kind:
            shared = ("NetworkPolicy", "AlarmTopic") + (("TrustFunction",) if name.endswith("Mapping") else ())
            others = {it for it in references(resource) if not it.startswith((kind, *shared))}
            # The roles that it may map: unleashed.
            others -= {f"{it}Role" for it in (*KINDS, "Doctor")} if name == "TrustFunction" else set()
            faults |= {f"{name} -> {other}" for other in others}
    return faults


@of_every_stack
def loose_invocations(stack: Stack) -> set[str]:
    """Permissions, schedules and roles for other secrets than the parameters say."""
    loose = set()
    resources = stack.section("Resources")
    for kind, of in ROTATIONS:
        secret = stack.parameters[f"{of}SecretArn"]
        # A permission of its own is for that secret. Where it is not needed, another lets in the whole account.
        bound = kind != of or (secret and is_bound(stack, kind))
        if permission := resources.get(f"{kind}Permission"):
            source = {k: v for k, v in permission["Properties"].items() if k.startswith("Source")}
            if source != {"SourceAccount": ACCOUNT} | ({"SourceArn": secret} if bound else {}):
                loose.add(f"{kind}Permission: {source}")
        if rotation := resources.get(f"{kind}Rotation"):
            properties = rotation["Properties"]
            rules = {"ScheduleExpression": SCHEDULES[f"{of}Schedule"]}
            if window := stack.parameters["RotationWindow"]:
                rules["Duration"] = window
            if selected(properties["SecretId"]) != secret or properties["RotationRules"] != rules:
                loose.add(f"{kind}Rotation: {rotation}")
    for kind in KINDS:
        policies = {it["PolicyName"]: it["PolicyDocument"]["Statement"] for it in resources[f"{kind}Role"]["Properties"]["Policies"]}
        served = rotated(stack, kind) if is_bound(stack, kind) else [f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:*"]
        # A role that serves no secret reads no admin secret and uses no key, either.
        if policies.keys() != {"logs"} | ({"rotation"} if served else set()):
            loose.add(f"{kind}Role: {policies.keys()}")
        elif served:
            found = policies["rotation"][0]["Resource"]
            if (found if isinstance(found, list) else [found]) != served:
                loose.add(f"{kind}Role: {found}")
    return loose


@of_every_stack
def hasty(stack: Stack) -> set[str]:
    """Rotation schedules that do not wait for what their first check needs."""
    faults = set()
    resources = stack.section("Resources")
    for kind, of in ROTATIONS:
        if not (rotation := resources.get(f"{kind}Rotation")):
            continue
        function = "AdminKey" if kind != of else kind
        wanted = {f"{kind}Permission", f"{function}Function"}
        if stack.parameters["KeylessOrgUuid"]:
            wanted.add(f"{function}Mapping")
        faults |= {f"{kind}Rotation does not wait for {it}" for it in wanted - references(rotation)}
        # "If a resource with a condition isn't created, any resources that depend on that resource aren't created".
        if rotation["DependsOn"] not in resources:
            faults.add(f"{kind}Rotation depends on {rotation['DependsOn']}")
    return faults


@of_every_stack
def misdirected(stack: Stack) -> set[str]:
    """Searches at other times, by others, or of other secrets than the parameters say."""
    faults = set()
    resources = {name: it["Properties"] for name, it in stack.section("Resources").items()}
    if "DoctorFunction" not in resources:
        return faults
    asked = stack.parameters
    api_key = {"secret": asked["ApiKeySecretArn"], "admin_secret": asked["ApiKeyAdminSecretArn"]}
    others = [asked[f"{kind}SecretArn"] for kind in ("ApplicationKey", "ServiceAccessToken", "AdminKey", "ApiKeyAdmin")]
    for job in ("Check", "Orphans"):
        rule = f"DoctorFunction{job}"
        schedule, permission = resources[rule], resources[f"{rule}Permission"]
        [target] = schedule["Targets"]
        found = {
            "when": (schedule["ScheduleExpression"], asked["DoctorSchedule"]),
            "what": (json.loads(target["Input"]), {"command": job.lower(), "secrets": [api_key, *others]}),
            "who": (target["Arn"], {"Fn::GetAtt": ["DoctorFunction", "Arn"]}),
            "by whom": (permission["SourceArn"], {"Fn::GetAtt": [rule, "Arn"]}),
            "of what": (
                resources["DoctorRole"]["Policies"][0]["PolicyDocument"]["Statement"][0]["Resource"],
                [secret for secret in (asked["ApiKeySecretArn"], *others) if secret],
            ),
        }
        faults |= {f"{job} {name}: {it}, not {wanted}" for name, (it, wanted) in found.items() if it != wanted}
    return faults


@of_every_stack
def misleading(stack: Stack) -> set[str]:
    """Outputs that are not those of these parameters, or tell of another function or secret."""
    faults = set()
    asked, resources = stack.parameters, stack.section("Resources")
    there = [it for it in (*KINDS, "Doctor") if f"{it}Function" in resources]
    wanted = {f"{it}FunctionArn": f"${{{it}Function.Arn}}" for it in there}
    wanted |= {f"{it}LogGroupName": f"${{{it}LogGroup}}" for it in there}
    wanted |= {f"{it}RoleArn": f"${{{it}Role.Arn}}" for it in there}
    wanted |= {"TrustRoleArn": "${TrustRole.Arn}"} if asked["KeylessOrgUuid"] else {}
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


def short_lived(text: str) -> set[str]:
    """Log groups that go with the stack or at a change of it, or whose names a stack that is made again finds taken."""
    template = translate(text)
    changed = Stack(template, **SETS["everything"], FunctionNamePrefix="other").section("Resources")
    again = Stack(template, **SETS["everything"])
    again.pseudo["AWS::StackId"] = again.pseudo["AWS::StackId"].replace(STACK, STACK[::-1])
    again = again.section("Resources")
    faults = set()
    for name, it in Stack(template, **SETS["everything"]).section("Resources").items():
        if it["Type"] != "AWS::Logs::LogGroup":
            continue
        group = it["Properties"]["LogGroupName"]
        wanted = {"DeletionPolicy": "RetainExceptOnCreate", "UpdateReplacePolicy": "Retain"}
        faults |= {f"{name}: {key}" for key, value in wanted.items() if it.get(key) != value}
        if changed[name]["Properties"]["LogGroupName"] != group or again[name]["Properties"]["LogGroupName"] == group:
            faults.add(f"{name}: {group}")
        if not group.startswith("/aws/lambda/stack-"):
            faults.add(f"{name}: {group}")
    return faults


def ambiguous(text: str) -> set[str]:
    """Functions whose architecture two commands might take to be two."""
    functions = [it for it in translate(text)["Resources"].values() if it["Type"] == "AWS::Lambda::Function"]
    found = {json.dumps(it["Properties"].get("Architectures")) for it in functions}
    return set() if found in ({'["arm64"]'}, {'["x86_64"]'}) else found


def foreign(text: str) -> list[str]:
    """ARNs and regions of the ordinary partition in the stacks of the others."""
    template = translate(text)
    return [
        f"{partition}: {word}"
        for partition in ("aws-us-gov", "aws-cn")
        for word in ("arn:aws:", "us-east-1")
        if word in json.dumps(Stack(template, partition, **VPC, AlarmEmail="on-call@example.com").concrete())
    ]


@of_every_stack
def mistrusted(stack: Stack) -> set[str]:
    """Mappings of other roles or to others than the parameters say, and functions that do not act by them."""
    faults = set()
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
        proving = asked["KeylessApiKeySecretArn"] if kind in ("ApplicationKey", "ServiceAccessToken") else ""
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
    faults |= unleashed(asked["KeylessServiceAccountId"], resources)
    return faults


def unleashed(account: str, resources: dict) -> set[str]:
    """What the function that maps roles may map, unless that is the mapped roles and the service account alone."""
    if "TrustFunction" not in resources:
        return set()
    given = resources["TrustFunction"]["Properties"]["Environment"]["Variables"]
    mapped = [it["Properties"]["RoleName"]["Ref"] for it in resources.values() if it["Type"] == "Custom::DatadogIdentityMapping"]
    roles = ",".join(f"arn:aws:sts::123456789012:assumed-role/${{{role}}}/*" for role in mapped)
    allowed = {"ALLOWED_SERVICE_ACCOUNT_IDS": account, "ALLOWED_ROLE_PATTERNS": {"Fn::Sub": roles}}
    return {f"{it}: {given.get(it)}" for it, value in allowed.items() if given.get(it) != value} | {
        it for it in given if it.startswith("ALLOWED_") and it not in allowed
    }


CHECKS = [mistrusted, misplaced, dangling, misrouted, loose_invocations, hasty, misdirected, misleading, short_lived, ambiguous, foreign]


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
        "RotationSchedule\n    Condition: HasStackSecret",
        misplaced,
    ),
    "a schedule of another secret": ("!Ref AdminKeySchedule", "!Ref ApiKeySchedule", loose_invocations),
    "another function for a secret": ("LambdaARN: !GetAtt AdminKey", "LambdaARN: !GetAtt ApiKey", misrouted),
    "another function's ARN": (
        "!GetAtt AdminKeyFunction.Arn\n  DoctorFunctionArn",
        "!GetAtt ApiKeyFunction.Arn\n  DoctorFunctionArn",
        misleading,
    ),
    "another role's ARN": ("!GetAtt AdminKeyRole.Arn\n  Doctor", "!GetAtt ApiKeyRole.Arn\n  Doctor", misleading),
    "a window that is left out": (
        "        Duration: !If [HasRotationWindow, !Ref RotationWindow, !Ref AWS::NoValue]\n",
        "",
        loose_invocations,
    ),
    "an ARN of one partition": ("arn:${AWS::Partition}:lambda", "arn:aws:lambda", foreign),
    "a region": ('"region": "${AWS::Region}"', '"region": "us-east-1"', foreign),
    "a topic for nobody": ("Topic\n    Condition: MakesAlarmTopic", "Topic", misplaced),
    "alarms that hang on the dashboard": ("Condition: Examines, Condition: HasAlarms", "Condition: Examines, Condition: HasDashboard", misplaced),
    "a check of one secret": ('"},"${ApplicationKeySecretArn}","${Ser', '"},"","${Ser', misdirected),
    "a check with the wide pair": ('"admin_secret":"${ApiKeyAdminSecretArn}"', '"admin_secret":"${AdminSecretArn}"', misdirected),
    "a search that may not read": (
        "!If [RotatesApiKeyAdmin, !Ref ApiKeyAdminSecretArn, !Ref AWS::NoValue]\n              # Whether a secret's",
        "!Ref AWS::NoValue\n              # Whether a secret's",
        misdirected,
    ),
    "a check at another time": ("Schedule: !Ref DoctorSchedule", "Schedule: rate(1 day)", misdirected),
    "a check that nobody asked for": (
        "AWS::Serverless::Function\n    Condition: Examines",
        "AWS::Serverless::Function",
        misplaced,
    ),
    "a schedule before its mapping": (
        "!If [IsKeyless, !Select [0, [!Ref AdminKeySecretArn, !Ref AdminKeyMapping]], !Ref AdminKeySecretArn]",
        "!Ref AdminKeySecretArn",
        hasty,
    ),
    "a schedule of another mapping": ("!Ref ApiKeyMapping]]", "!Ref DoctorMapping]]", dangling),
    "a schedule that its mapping leaves out": ("DependsOn: ApiKeyPermission", "DependsOn: ApiKeyMapping", hasty),
    "the second of two instead of the first": ("!Select [0, [!Ref ApiKeySecretArn", "!Select [1, [!Ref ApiKeySecretArn", loose_invocations),
    "a second admin secret that is not let in": (
        "      SourceArn: !Ref ApiKeyAdminSecretArn\n",
        "      SourceArn: !Ref AdminKeySecretArn\n",
        loose_invocations,
    ),
    "a second admin secret that is not read": (
        "                      - !If [RotatesApiKeyAdmin, !Ref ApiKeyAdminSecretArn, !Ref AWS::NoValue]\n",
        "",
        loose_invocations,
    ),
    "logs that go with the stack": ("    DeletionPolicy: RetainExceptOnCreate\n", "", short_lived),
    "logs that go at a change": ("    UpdateReplacePolicy: Retain\n", "", short_lived),
    "logs that a change of names leaves": ("/${AWS::StackName}-api-key-${Stack}", "/${FunctionNamePrefix}-api-key-${Stack}", short_lived),
    "logs whose name is taken": ("-api-key-${Stack}", "-api-key", short_lived),
    "an architecture by command": ("Architectures: [arm64]", "Architectures: [!Ref LogLevel]", ambiguous),
    "alarms of no search": (
        "TellsOfExaminations: !And [Condition: Examines,",
        "TellsOfExaminations: !And [Condition: HasAlarms,",
        dangling,
    ),
    "an alarm that is gone": ("  AdminKeyThrottles:", "  AdminKeyThrottling:", misplaced),
    "another function's role": ("Role: !GetAtt AdminKeyRole.Arn", "Role: !GetAtt ApplicationKeyRole.Arn", misrouted),
    "another function's log": ("LogGroup: !Ref AdminKeyLogGroup", "LogGroup: !Ref ApiKeyLogGroup", misrouted),
    "another role is mapped": ("RoleName: !Ref AdminKeyRole", "RoleName: !Ref DoctorRole", mistrusted),
    "any service account to map to": (
        "ALLOWED_SERVICE_ACCOUNT_IDS: !Ref KeylessServiceAccountId",
        'ALLOWED_SERVICE_ACCOUNT_IDS: "*"',
        mistrusted,
    ),
    "another role to be mapped": (
        ",${Roles}/${AdminKeyRole}/*$",
        ",${Roles}/*/*$",
        mistrusted,
    ),
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
    "a mapping of a role that rotates nothing": (
        "Condition: MapsServiceAccessTokens",
        "Condition: IsKeyless",
        misplaced,
    ),
    "a role to be mapped that is not": (
        "                - MapsServiceAccessTokens\n",
        "                - IsKeyless\n",
        mistrusted,
    ),
    "a role that may and serves nothing": (
        "          - ServesServiceAccessTokens\n          - PolicyName",
        "          - HasAdminSecret\n          - PolicyName",
        loose_invocations,
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
