"""What the roles and the policies of resources allow and deny, by an IAM simulator of others."""

import json
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest
from check import TEXT, broken, translate
from parameters import (
    ADMIN,
    API,
    APPLICATION,
    ASSISTANT,
    BOOTSTRAP,
    KEY,
    KEYLESS_AND_ALL,
    NARROW,
    PROMOTIONS,
    PROVING,
    REPLICA_KEY,
    SECRET,
    TOKEN,
    TOPIC,
    VPC,
)
from stack import ACCOUNT, Stack

SIMULATOR = Path(__file__).with_name("simulate") / "simulate.mjs"
FUNCTIONS = {
    "ApiKey": "api-key",
    "ApplicationKey": "application-key",
    "AdminKey": "admin-key",
    "ServiceAccessToken": "service-access-token",
}
ROTATED = {
    "ApiKey": [API],
    "ApplicationKey": [APPLICATION],
    "AdminKey": [ADMIN, NARROW],
    "ServiceAccessToken": [TOKEN],
}
READ = {
    "ApiKey": [NARROW],
    "ApplicationKey": [ADMIN, PROVING],
    "AdminKey": [ASSISTANT],
    "ServiceAccessToken": [ADMIN, PROVING],
}
FOREIGN = SECRET.format("database")
ROTATION = ["DescribeSecret", "GetSecretValue", "ListSecretVersionIds", "PutSecretValue", "UpdateSecretVersionStage"]
# What no role may do to any secret.
NEVER = ["CancelRotateSecret", "DeleteSecret", "PutResourcePolicy", "RotateSecret", "TagResource", "UpdateSecret"]
BY_SECRETS_MANAGER = {"kms:ViaService": "secretsmanager.us-east-1.amazonaws.com"}
CURRENT, PREVIOUS = ({"secretsmanager:VersionStage": it} for it in ("AWSCURRENT", "AWSPREVIOUS"))


class Question(NamedTuple):
    kind: str
    action: str
    resource: str
    keys: dict[str, str]
    allowed: bool

    def __str__(self):
        return f"{self.kind}: {self.action} on {self.resource} with {self.keys}, allowed: {self.allowed}"


def attached_to(kind: str) -> dict[str, str]:
    function = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:datadog-rotation-{FUNCTIONS[kind]}"
    return {"secretsmanager:resource/AllowRotationLambdaArn": function}


def questions() -> list[Question]:
    return [*of_rotations(), *of_reading(), *of_functions(), *of_keys(), *of_messages(), *of_logs(), *of_the_network(), *of_everything_else()]


def of_rotations():
    for kind in FUNCTIONS:
        every = {secret for secrets in ROTATED.values() for secret in secrets}
        for action in ROTATION:
            for secret in ROTATED[kind]:
                yield Question(kind, f"secretsmanager:{action}", secret, attached_to(kind), True)
                # Attached to nothing, or to another function.
                other = next(it for it in FUNCTIONS if it != kind)
                for keys in ({}, attached_to(other)):
                    yield Question(kind, f"secretsmanager:{action}", secret, keys, False)
            for secret in every - {*ROTATED[kind]} | {FOREIGN}:
                yield Question(kind, f"secretsmanager:{action}", secret, attached_to(kind), False)
        for action in NEVER:
            yield Question(kind, f"secretsmanager:{action}", ROTATED[kind][0], attached_to(kind), False)


def of_functions_without_a_secret(served: str):
    """Where the stack names an API key alone, and all that the other roles might read."""
    unnamed = [it for it in FUNCTIONS if it != "ApiKey"]
    by_hand = served != "stack"
    for kind in unnamed:
        for action in ROTATION:
            # A secret that somebody has attached by hand.
            yield Question(kind, f"secretsmanager:{action}", FOREIGN, attached_to(kind), by_hand)
            for keys in ({}, attached_to("ApiKey"), CURRENT):
                yield Question(kind, f"secretsmanager:{action}", FOREIGN, keys, False)
            yield Question(kind, f"secretsmanager:{action}", FOREIGN.replace("us-east-1", "eu-west-1"), attached_to(kind), False)
            yield Question(kind, f"secretsmanager:{action}", FOREIGN.replace(ACCOUNT, "210987654321"), attached_to(kind), False)
        for action in NEVER:
            yield Question(kind, f"secretsmanager:{action}", FOREIGN, attached_to(kind), False)
        read = ASSISTANT if kind == "AdminKey" else ADMIN
        yield Question(kind, "secretsmanager:GetSecretValue", read, CURRENT, by_hand)
        yield Question(kind, "kms:Decrypt", KEY, BY_SECRETS_MANAGER, by_hand)
        yield Question(kind, "logs:PutLogEvents", log_stream(kind), {}, True)
    yield Question("ApiKey", "secretsmanager:GetSecretValue", API, attached_to("ApiKey"), True)
    yield Question("ApiKey", "secretsmanager:GetSecretValue", FOREIGN, attached_to("ApiKey"), False)


def of_reading():
    for kind, read in (READ | {"Trust": [BOOTSTRAP]}).items():
        for secret in read:
            yield Question(kind, "secretsmanager:GetSecretValue", secret, CURRENT, True)
            yield Question(kind, "secretsmanager:GetSecretValue", secret, PREVIOUS, False)
            yield Question(kind, "secretsmanager:GetSecretValue", secret, {}, False)
            for action in ("DescribeSecret", "PutSecretValue", "UpdateSecretVersionStage"):
                yield Question(kind, f"secretsmanager:{action}", secret, CURRENT, False)
    # The function for API keys does not read the pair that may do everything.
    yield Question("ApiKey", "secretsmanager:GetSecretValue", ADMIN, CURRENT, False)
    for kind in FUNCTIONS:
        yield Question(kind, "secretsmanager:GetSecretValue", BOOTSTRAP, CURRENT, False)
    for secret in (API, APPLICATION, ADMIN, TOKEN, NARROW):
        yield Question("Trust", "secretsmanager:GetSecretValue", secret, CURRENT, secret == BOOTSTRAP)
        for action in ("DescribeSecret", "GetSecretValue", "ListSecretVersionIds"):
            yield Question("Doctor", f"secretsmanager:{action}", secret, {}, True)
        for action in ("PutSecretValue", "UpdateSecretVersionStage", *NEVER):
            yield Question("Doctor", f"secretsmanager:{action}", secret, {}, False)
    yield Question("Doctor", "secretsmanager:GetSecretValue", FOREIGN, CURRENT, False)


def of_functions():
    for kind in (*FUNCTIONS, "Doctor", "Trust"):
        for rotates in FUNCTIONS:
            function = attached_to(rotates).popitem()[1]
            for action in ("GetFunctionConfiguration", "GetPolicy"):
                yield Question(kind, f"lambda:{action}", function, {}, kind == "Doctor")
            for action in ("AddPermission", "GetFunction", "InvokeFunction", "UpdateFunctionConfiguration"):
                yield Question(kind, f"lambda:{action}", function, {}, False)
        for other in ("datadog-rotation-trust", "datadog-rotation-api-key-of-others", "other"):
            function = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:{other}"
            yield Question(kind, "lambda:GetFunctionConfiguration", function, {}, False)


def of_keys():
    for kind in (*FUNCTIONS, "Doctor", "Trust"):
        rotates = kind in FUNCTIONS
        for action, key, allowed in [
            ("Decrypt", KEY, True),
            ("GenerateDataKey", KEY, rotates),
            ("Encrypt", REPLICA_KEY, rotates),
            ("Decrypt", REPLICA_KEY, False),
            ("ScheduleKeyDeletion", KEY, False),
            ("CreateGrant", KEY, False),
        ]:
            yield Question(kind, f"kms:{action}", key, BY_SECRETS_MANAGER, allowed)
            # Not by itself, nor through another service.
            for keys in ({}, {"kms:ViaService": "s3.us-east-1.amazonaws.com"}):
                yield Question(kind, f"kms:{action}", key, keys, False)


def of_messages():
    for kind in (*FUNCTIONS, "Doctor", "Trust"):
        yield Question(kind, "sns:Publish", PROMOTIONS, {}, kind in FUNCTIONS)
        yield Question(kind, "sns:Publish", TOPIC, {}, False)
        for action in ("Subscribe", "SetTopicAttributes", "DeleteTopic"):
            yield Question(kind, f"sns:{action}", PROMOTIONS, {}, False)


def of_logs():
    for kind in (*FUNCTIONS, "Doctor", "Trust"):
        for other in (*FUNCTIONS, "Doctor", "Trust"):
            for action in ("CreateLogStream", "PutLogEvents"):
                yield Question(kind, f"logs:{action}", log_stream(other), {}, kind == other)
        yield Question(kind, "logs:DeleteLogGroup", log_stream(kind).split(":log-stream")[0] + ":*", {}, False)


def of_the_network():
    interface = f"arn:aws:ec2:us-east-1:{ACCOUNT}:network-interface/*"
    for kind, name in (FUNCTIONS | {"Doctor": "doctor", "Trust": "trust"}).items():
        code = {"lambda:SourceFunctionArn": f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:datadog-rotation-{name}"}
        yield Question(kind, "ec2:DescribeNetworkInterfaces", "*", {}, True)
        yield Question(kind, "ec2:DescribeNetworkInterfaces", "*", code, False)
        yield Question(kind, "ec2:DeleteNetworkInterface", interface.replace("*", "eni-0a"), code, False)


def of_everything_else():
    role = f"arn:aws:iam::{ACCOUNT}:role/other"
    for kind in (*FUNCTIONS, "Doctor", "Trust"):
        yield Question(kind, "sts:AssumeRole", role, {}, False)
        yield Question(kind, "iam:PassRole", role, {}, False)
        yield Question(kind, "lambda:InvokeFunction", attached_to("ApiKey").popitem()[1], {}, False)
        yield Question(kind, "s3:GetObject", "arn:aws:s3:::bucket/object", {}, False)


def log_group(kind: str) -> str:
    return f"/aws/lambda/stack-{kind.lower()}"


def log_stream(kind: str) -> str:
    return f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:{log_group(kind)}:log-stream:2026"


def policies(resources: dict, kind: str) -> list[dict]:
    """What a role may do, with references by what they come to."""
    role = resources[f"{kind}Role"]["Properties"]
    documents = [it["PolicyDocument"] for it in role["Policies"]]
    for reference in role["ManagedPolicyArns"]:
        documents.append(resources[reference["Ref"]]["Properties"]["PolicyDocument"])
    text = json.dumps(documents)
    for name in (*FUNCTIONS, "Doctor", "Trust"):
        group = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:{log_group(name)}:*"
        text = text.replace(json.dumps({"Fn::GetAtt": [f"{name}LogGroup", "Arn"]}), json.dumps(group))
    assert '"Ref"' not in text and "Fn::" not in text
    return [{"name": str(number), "policy": it} for number, it in enumerate(json.loads(text))]


def simulation(principal: str, action: str, resource: str, keys: dict[str, str], **policies) -> dict:
    request = {
        "principal": principal,
        "action": action,
        "resource": {"resource": resource, "accountId": ACCOUNT},
        "contextVariables": keys,
    }
    every = [{"name": "all", "policy": {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}}]
    organisation = [{"orgIdentifier": "o-1", "policies": every}]
    # What an account elsewhere allows to these roles, as to any.
    return {
        "request": request,
        "identityPolicies": [],
        "serviceControlPolicies": organisation,
        "resourceControlPolicies": [],
    } | policies


def simulated(simulations: list[dict]) -> list[dict]:
    command = ["node", SIMULATOR]
    run = subprocess.run(command, input=json.dumps(simulations), stdout=subprocess.PIPE, check=True, text=True)
    return json.loads(run.stdout)


def wrong_answers(text: str, given: dict[str, str] = KEYLESS_AND_ALL, asked: list[Question] | None = None) -> list[str]:
    resources = Stack(translate(text), **given).section("Resources")
    asked = asked or questions()
    simulations = []
    for it in asked:
        account = it.resource.split(":")[4] if it.resource.count(":") > 4 else ""
        one = simulation(
            f"arn:aws:iam::{ACCOUNT}:role/{it.kind}", it.action, it.resource, it.keys, identityPolicies=policies(resources, it.kind)
        )
        if it.action.startswith("kms:"):
            # As keys of people have it: the account's own policies decide.
            one["resourcePolicy"] = key_policy()
            one["request"]["resource"]["accountId"] = account
        simulations.append(one)
    faults = []
    for it, answer in zip(asked, simulated(simulations), strict=True):
        if answer["errors"] or (answer["result"] == "Allowed") is not it.allowed:
            faults.append(f"{it}: {answer}")
        if it.allowed and answer["ignored"]:
            faults.append(f"{it}: no such keys: {answer['ignored']}")
    return faults


def key_policy() -> dict:
    statement = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "kms:*", "Resource": "*"}
    return {"Version": "2012-10-17", "Statement": [statement]}


@pytest.fixture(scope="module")
def answers():
    return wrong_answers(TEXT)


def test_each_role_may_do_what_it_needs_and_nothing_else(answers):
    assert answers == []


def test_both_are_asked():
    asked = [it.allowed for it in questions()]
    assert asked.count(True) > 60 and asked.count(False) > 300


ONE_SECRET = VPC | {
    "AdminSecretArn": ADMIN,
    "AssistingAdminSecretArn": ASSISTANT,
    "ApiKeySecretArn": API,
    "KmsKeyArn": KEY,
    "AdminSecretKmsKeyArn": KEY,
}


@pytest.mark.parametrize("served", ["auto", "stack"])
def test_a_role_whose_secret_the_stack_does_not_name(served):
    """By default it serves what is attached to its own function by hand. With ServedSecrets=stack it may write its log."""
    asked = list(of_functions_without_a_secret(served))
    assert wrong_answers(TEXT, ONE_SECRET | {"ServedSecrets": served}, asked) == []


@pytest.mark.parametrize(
    ("served", "right", "wrong"),
    [
        ("auto", "secretsmanager:resource/AllowRotationLambdaArn: !Sub arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:${FunctionNamePrefix}-app", "secretsmanager:Name: !Sub ${FunctionNamePrefix}-app"),
        ("auto", "- BoundToServiceAccessTokenSecret\n", "- HasKmsKey\n"),
        ("stack", "- ServesApplicationKeys\n          - PolicyName", "- HasAdminSecret\n          - PolicyName"),
        ("stack", "- RoleServesAdminKeys\n          - PolicyName", "- HasAdminSecret\n          - PolicyName"),
    ],
)
def test_a_role_that_may_too_much_or_too_little_without_a_secret_is_caught(served, right, wrong):
    asked = list(of_functions_without_a_secret(served))
    assert wrong_answers(broken(right, wrong), ONE_SECRET | {"ServedSecrets": served}, asked)


def test_the_topic_takes_messages_of_the_two_services():
    stack = Stack(translate(TEXT), **KEYLESS_AND_ALL)
    policy = stack.section("Resources")["AlarmTopicPolicy"]["Properties"]["PolicyDocument"]
    topic = f"arn:aws:sns:us-east-1:{ACCOUNT}:alarms"
    policy = json.loads(json.dumps(policy).replace(json.dumps({"Ref": "AlarmTopic"}), json.dumps(topic)))
    own, other = {"aws:SourceAccount": ACCOUNT}, {"aws:SourceAccount": "210987654321"}
    asked = [
        ("events.amazonaws.com", own, True),
        ("cloudwatch.amazonaws.com", own, True),
        ("cloudwatch.amazonaws.com", other, False),
        ("cloudwatch.amazonaws.com", {}, False),
        ("s3.amazonaws.com", own, False),
        ("lambda.amazonaws.com", own, False),
    ]
    told = simulated([simulation(who, "sns:Publish", topic, keys, resourcePolicy=policy) for who, keys, _ in asked])
    assert [it["result"] == "Allowed" for it in told] == [allowed for *_, allowed in asked], told


def test_a_function_lets_in_its_secret_alone():
    stack = Stack(translate(TEXT), **KEYLESS_AND_ALL)
    function = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:datadog-rotation-api-key"
    permission = stack.section("Resources")["ApiKeyPermission"]["Properties"]
    # As Lambda writes it.
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": permission["Principal"]},
        "Action": permission["Action"],
        "Resource": function,
        "Condition": {
            "StringEquals": {"AWS:SourceAccount": permission["SourceAccount"]},
            "ArnLike": {"AWS:SourceArn": permission["SourceArn"]},
        },
    }
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    own = {"aws:SourceAccount": ACCOUNT, "aws:SourceArn": API}
    asked = [
        ("secretsmanager.amazonaws.com", own, True),
        ("secretsmanager.amazonaws.com", own | {"aws:SourceArn": FOREIGN}, False),
        ("secretsmanager.amazonaws.com", own | {"aws:SourceAccount": "210987654321"}, False),
        ("events.amazonaws.com", own, False),
    ]
    told = simulated(
        [simulation(who, "lambda:InvokeFunction", function, keys, resourcePolicy=policy) for who, keys, _ in asked]
    )
    assert [it["result"] == "Allowed" for it in told] == [allowed for *_, allowed in asked], told


# What to break, with what.
BROKEN = {
    "every secret": ("secretsmanager:resource/AllowRotationLambdaArn: !Sub", "secretsmanager:Name: !Sub"),
    "every version of the admin secret": ("VersionStage: AWSCURRENT", "VersionStage: AWSPREVIOUS"),
    "a key for more than secrets": ("{StringLike: {kms:ViaService: secretsmanager.*}}", "{}"),
    "writing the admin secret": ("Action: secretsmanager:GetSecretValue", "Action: secretsmanager:*"),
    "a condition that no request has": ("kms:ViaService: secretsmanager.*", "kms:ViaServices: secretsmanager.*"),
    "the network for code": ("Effect: Deny", "Effect: Allow"),
    "a missing action": ("                    - secretsmanager:UpdateSecretVersionStage\n", ""),
    "any topic": ("Resource: !Ref PromotionTopicArn", 'Resource: "*"'),
    "another function's log": ("Resource: !GetAtt DoctorLogGroup.Arn", "Resource: !GetAtt TrustLogGroup.Arn"),
}


@pytest.mark.parametrize("defect", BROKEN)
def test_a_broken_template_is_caught(defect):
    assert wrong_answers(broken(*BROKEN[defect]))
