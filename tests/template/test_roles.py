"""Each role may do what its function does, and no more."""

import json
import re

import pytest
from check import TEMPLATE, TEXT, broken, translate
from parameters import (
    ADMIN,
    API,
    APPLICATION,
    ASSISTANT,
    BOOTSTRAP,
    EVERYTHING,
    KEY,
    KEYLESS_AND_ALL,
    NARROW,
    NOTHING,
    PROMOTIONS,
    PROVING,
    REPLICA_KEY,
    TOKEN,
    VPC,
)
from stack import ACCOUNT, Stack

FUNCTIONS = {
    "ApiKey": "api-key",
    "ApplicationKey": "application-key",
    "AdminKey": "admin-key",
    "ServiceAccessToken": "service-access-token",
}
ROTATED = {
    "ApiKey": [API],
    "ApplicationKey": [APPLICATION],
    "ServiceAccessToken": [TOKEN],
    "AdminKey": [ADMIN, NARROW],
}
EVERY = f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:*"
# With EVERYTHING: the pair for API keys alone is not that for application keys.
READ = {"ApiKey": NARROW, "ApplicationKey": ADMIN, "AdminKey": ASSISTANT, "ServiceAccessToken": ADMIN}
# They may need an API key beside the new key, or token, to try it.
PROVES = {"ApplicationKey": [ADMIN, PROVING], "ServiceAccessToken": [ADMIN, PROVING]}

# The scheduled search, for all of them.
SEARCH = "Doctor"
# What makes the mappings.
TRUST = "Trust"

# What the tests have recorded of the functions' calls.
CALLS = (TEMPLATE.parent / "docs/figures/permissions.md").read_text()


def used(kind: str, on: str) -> set[str]:
    function = "datadog-doctor" if kind == SEARCH else f"Datadog{kind}"
    [row] = re.findall(rf"^\| {function} \| {on} \| (.+) \|$", CALLS, re.M)
    service = "lambda" if on == "rotation function" else "secretsmanager"
    return {f"{service}:{call}" for call in row.split(", ")}


ROTATION = used("ApiKey", "rotated secret")


# What the scheduled check may look at.
ROTATORS = [f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:datadog-rotation-{it}" for it in FUNCTIONS.values()]


def listed(value) -> list:
    return value if isinstance(value, list) else [value]


def statements(stack: Stack, kind: str) -> list[dict]:
    role = stack.section("Resources")[f"{kind}Role"]["Properties"]
    return [it for policy in role["Policies"] for it in policy["PolicyDocument"]["Statement"]]


def allowed(kind: str, statement: dict) -> bool:
    """Whether this statement is one that the function needs, as narrow as it can be."""
    actions, resource = set(listed(statement["Action"])), statement["Resource"]
    condition = statement.get("Condition", {})
    if resource == {"Fn::GetAtt": [f"{kind}LogGroup", "Arn"]}:
        return actions == {"logs:CreateLogStream", "logs:PutLogEvents"}
    if resource == REPLICA_KEY and kind in FUNCTIONS:
        # What replication in the caller's name needs, beside decryption with the primary's key.
        return actions == {"kms:Encrypt"} and condition == {"StringLike": {"kms:ViaService": "secretsmanager.*"}}
    if resource == PROMOTIONS and kind in FUNCTIONS:
        return actions == {"sns:Publish"} and not condition
    if resource == KEY:
        through = condition == {"StringLike": {"kms:ViaService": "secretsmanager.*"}}
        return through and actions <= {"kms:Decrypt"} | (set() if kind in (SEARCH, TRUST) else {"kms:GenerateDataKey"})
    if kind == SEARCH:
        return allowed_to_search(actions, resource, condition)
    read = ({TRUST: [BOOTSTRAP]} | PROVES).get(kind) or [READ[kind]]
    if resource in read and actions == {"secretsmanager:GetSecretValue"}:
        return condition == {"StringEquals": {"secretsmanager:VersionStage": "AWSCURRENT"}}
    if kind == TRUST:
        return False
    own = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:datadog-rotation-{FUNCTIONS[kind]}"
    return (
        listed(resource) in (ROTATED[kind], [EVERY])
        and actions == ROTATION
        and condition == {"StringEquals": {"secretsmanager:resource/AllowRotationLambdaArn": own}}
    )


def allowed_to_search(actions: set[str], resource, condition: dict) -> bool:
    if "lambda:" in str(actions):
        return set(listed(resource)) <= {*ROTATORS} and actions == used(SEARCH, "rotation function") and not condition
    if resource in (ADMIN, ASSISTANT, NARROW):
        current = condition == {"StringEquals": {"secretsmanager:VersionStage": "AWSCURRENT"}}
        return current and actions == used(SEARCH, "admin secret")
    return resource == sum(ROTATED.values(), []) and actions == used(SEARCH, "given secret") and not condition


def roles(stack: Stack) -> list[str]:
    there = stack.section("Resources").keys()
    return [kind for kind in (*FUNCTIONS, SEARCH, TRUST) if f"{kind}Role" in there]


def overreach(text: str) -> list[str]:
    """Statements that allow more than a function needs."""
    template = translate(text)
    faults = []
    for given in (NOTHING, KEYLESS_AND_ALL):
        stack = Stack(template, **given)
        for kind in roles(stack):
            faults += [f"{kind}: {it}" for it in statements(stack, kind) if not allowed(kind, it)]
            role = stack.section("Resources")[f"{kind}Role"]["Properties"]
            [trust] = role["AssumeRolePolicyDocument"]["Statement"]
            if trust["Principal"] != {"Service": "lambda.amazonaws.com"} or trust["Action"] != "sts:AssumeRole":
                faults.append(f"{kind}: {trust}")
    return faults


def shortfall(text: str) -> set[str]:
    """What a function needs and may not do, where every parameter is given."""
    stack = Stack(translate(text), **KEYLESS_AND_ALL)
    missing = set()
    for kind in FUNCTIONS:
        found = allowed_pairs(stack, kind)
        wanted = {(action, secret) for action in ROTATION for secret in ROTATED[kind]} | {("kms:Encrypt", REPLICA_KEY)}
        wanted |= {("secretsmanager:GetSecretValue", READ[kind]), ("kms:Decrypt", KEY), ("kms:GenerateDataKey", KEY)}
        wanted |= {("logs:PutLogEvents", str({"Fn::GetAtt": [f"{kind}LogGroup", "Arn"]})), ("sns:Publish", PROMOTIONS)}
        missing |= {f"{kind}: {action} on {resource}" for action, resource in wanted - found}
    for kind, secret in {TRUST: BOOTSTRAP, "ApplicationKey": PROVING, "ServiceAccessToken": PROVING}.items():
        if not any(it["Resource"] == secret for it in statements(stack, kind)):
            missing.add(f"{kind}: {secret}")
    return missing | search_shortfall(stack)


def allowed_pairs(stack: Stack, kind: str) -> set[tuple[str, str]]:
    """Each action of a role with each resource of it."""
    return {
        (action, str(resource))
        for it in statements(stack, kind)
        for action in listed(it["Action"])
        for resource in listed(it["Resource"])
    }


def search_shortfall(stack: Stack) -> set[str]:
    found = allowed_pairs(stack, SEARCH)
    wanted = {(action, secret) for action in used(SEARCH, "given secret") for secret in sum(ROTATED.values(), [])}
    wanted |= {("secretsmanager:GetSecretValue", it) for it in (ADMIN, ASSISTANT, NARROW)} | {("kms:Decrypt", KEY)}
    wanted |= {("logs:PutLogEvents", str({"Fn::GetAtt": ["DoctorLogGroup", "Arn"]}))}
    wanted |= {(action, function) for action in used(SEARCH, "rotation function") for function in ROTATORS}
    return {f"{SEARCH}: {action} on {resource}" for action, resource in wanted - found}


def unbounded(text: str) -> list[str]:
    """Roles that ignore the boundary, the path or the network that the parameters name."""
    template = translate(text)
    everything = Stack(template, **KEYLESS_AND_ALL).section("Resources")
    nothing = Stack(template).section("Resources")
    wanted = {
        "PermissionsBoundary": EVERYTHING["PermissionsBoundary"],
        "Path": EVERYTHING["RolePath"],
        "ManagedPolicyArns": [{"Ref": "NetworkPolicy"}],
    }
    faults = [
        f"{kind}: {key}"
        for kind in (*FUNCTIONS, SEARCH, TRUST)
        for key, value in wanted.items()
        if everything[f"{kind}Role"]["Properties"].get(key) != value
        or (kind not in (SEARCH, TRUST) and nothing[f"{kind}Role"]["Properties"].get(key, "/") != "/")
    ]
    return faults + [key for key in nothing if key == "NetworkPolicy"]


def network_for_code(text: str) -> list[str]:
    """What the code itself might do in the VPC."""
    policy = Stack(translate(text), **VPC).section("Resources")["NetworkPolicy"]["Properties"]
    [_, denied] = policy["PolicyDocument"]["Statement"]
    source = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:datadog-rotation-*"
    wanted = {
        "Effect": "Deny",
        "Action": "ec2:*",
        "Resource": "*",
        "Condition": {"ArnLike": {"lambda:SourceFunctionArn": source}},
    }
    return [key for key, value in wanted.items() if denied[key] != value]


def unlike(text: str) -> list[str]:
    """Where the functions that an admin serves differ in more than their names."""
    resources = translate(text)["Resources"]
    api_key = nameless(resources, "ApiKey", "api-key", "API key")
    application_key = nameless(resources, "ApplicationKey", "application-key", "application key")
    # Its new keys are tried together with an API key.
    statements = conditional(application_key)
    statements[:] = [it for it in statements if "VerifyingApiKey" not in str(it)]
    del application_key["NAMEFunction"]["Properties"]["Environment"]["Variables"]["DATADOG_API_KEY_SECRET_ARN"]
    # API keys may have an admin secret of their own; which one is read is checked above.
    for it in (api_key, application_key):
        del it["NAMEFunction"]["Properties"]["Environment"]["Variables"]["ADMIN_SECRET_ARN"]
        statements = conditional(it)
        statements[:] = [it for it in statements if "'AdminSecret'" not in str(it)]
    return [name for name in api_key | application_key if api_key.get(name) != application_key.get(name)]


def conditional(resources: dict) -> list[dict]:
    """What a role may do if its function serves a secret."""
    rotation, _ = resources["NAMERole"]["Properties"]["Policies"]
    return rotation["Fn::If"][1]["PolicyDocument"]["Statement"]


def nameless(resources: dict, kind: str, *names: str) -> dict:
    own = json.dumps({name: value for name, value in resources.items() if name.startswith(kind)})
    for name in (kind, *names):
        own = own.replace(name, "NAME")
    return json.loads(own)


@pytest.mark.parametrize("check", [overreach, shortfall, unbounded, network_for_code, unlike])
def test_roles(check):
    assert not check(TEXT)


def test_each_role_allows_just_what_its_function_calls():
    stack = Stack(translate(TEXT), **EVERYTHING)
    for kind in FUNCTIONS:
        for on, secrets in {"rotated secret": ROTATED[kind], "admin secret": [READ[kind]]}.items():
            allowed = [it["Action"] for it in statements(stack, kind) if listed(it["Resource"]) == secrets]
            assert [set(listed(actions)) for actions in allowed] == [used(kind, on)], (kind, on)
    for on, secret in {"given secret": sum(ROTATED.values(), []), "admin secret": ADMIN}.items():
        allowed = [it["Action"] for it in statements(stack, SEARCH) if it["Resource"] == secret]
        assert [set(listed(actions)) for actions in allowed] == [used(SEARCH, on)], on


# What to break, with what, and the check that must see it.
BROKEN = {
    "every secret": ("secretsmanager:resource/AllowRotationLambdaArn: !Sub", "secretsmanager:Name: !Sub", overreach),
    "a wide pair for API keys": (
        "Resource: !Ref ApiKeyAdminSecretArn\n                    Condition: {StringEquals: {secretsmanager:VersionStage: AWSCURRENT}}\n                  - !If",
        "Resource: !Ref AdminSecretArn\n                    Condition: {StringEquals: {secretsmanager:VersionStage: AWSCURRENT}}\n                  - !If",
        overreach,
    ),
    "replicas' keys that decrypt": ("Action: kms:Encrypt", "Action: kms:*", overreach),
    "no key for replicas": ("Resource: !Ref ReplicaKmsKeyArn", "Resource: !Ref KmsKeyArn", overreach),
    "another function's secrets": (
        ":function:${FunctionNamePrefix}-api-key",
        ":function:${FunctionNamePrefix}-*",
        overreach,
    ),
    "every version of the admin secret": ("VersionStage: AWSCURRENT", "VersionStage: AWSPREVIOUS", overreach),
    "a key for more than secrets": ("{StringLike: {kms:ViaService: secretsmanager.*}}", "{}", overreach),
    "writing the admin secret": ("Action: secretsmanager:GetSecretValue", "Action: secretsmanager:*", overreach),
    "every log group": ("Resource: !GetAtt AdminKeyLogGroup.Arn", 'Resource: "*"', overreach),
    "another service's role": (
        "Principal: {Service: lambda.amazonaws.com}",
        "Principal: {Service: ec2.amazonaws.com}",
        overreach,
    ),
    "a search that stores": (
        "                  - secretsmanager:ListSecretVersionIds\n                Resource:\n",
        "                  - secretsmanager:ListSecretVersionIds\n"
        "                  - secretsmanager:PutSecretValue\n                Resource:\n",
        overreach,
    ),
    "a search of every secret": (
        "                  - !If [HasApiKeySecret, !Ref ApiKeySecretArn, !Ref AWS::NoValue]\n",
        "                  - '*'\n",
        overreach,
    ),
    "a search that encrypts": (
        "Sid: StackSecretsKey\n                  Effect: Allow\n                  Action: kms:Decrypt",
        "Sid: StackSecretsKey\n                  Effect: Allow\n                  Action: kms:*",
        overreach,
    ),
    "a search of every function": (
        "function:${FunctionNamePrefix}-api-key\n                  - !Sub",
        "function:*\n                  - !Sub",
        overreach,
    ),
    "a search that invokes": ("lambda:GetFunctionConfiguration,", "lambda:InvokeFunction,", overreach),
    "a search without functions": ("[lambda:GetFunctionConfiguration, lambda:GetPolicy]", "lambda:GetPolicy", shortfall),
    "a search without versions": (
        "                  - secretsmanager:ListSecretVersionIds\n                Resource:\n",
        "                Resource:\n",
        shortfall,
    ),
    "no versions listed": ("                    - secretsmanager:ListSecretVersionIds\n", "", shortfall),
    "no key for new values": ("Action: [kms:Decrypt, kms:GenerateDataKey]", "Action: [kms:Decrypt]", shortfall),
    "no boundary": (
        "PermissionsBoundary: !If [HasPermissionsBoundary, !Ref PermissionsBoundary, !Ref AWS::NoValue]",
        "Tags: []",
        unbounded,
    ),
    "no path": ("Path: !Ref RolePath\n      PermissionsBoundary", "PermissionsBoundary", unbounded),
    "the network without a VPC": ("ManagedPolicy\n    Condition: InVpc", "ManagedPolicy", unbounded),
    "the network for code": ("Effect: Deny", "Effect: Allow", network_for_code),
    "the network for other code": ("function:${FunctionNamePrefix}-*", "function:other", network_for_code),
    "a bootstrap secret that all may read": (
        "Resource: !Ref KeylessBootstrapSecretArn",
        'Resource: "*"',
        overreach,
    ),
    "no bootstrap secret": ("Resource: !Ref KeylessBootstrapSecretArn", "Resource: !Ref AdminSecretArn", shortfall),
    "one of two functions alone": ("!Ref ApplicationKeySchedule", "!Ref ApiKeySchedule", unlike),
}


@pytest.mark.parametrize("defect", BROKEN)
def test_a_broken_template_is_caught(defect):
    right, wrong, check = BROKEN[defect]
    assert check(broken(right, wrong))
