"""What is deployed, in one form, whichever way: template.yaml, the Terraform example and the CDK example."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from hcl import GIVEN as CHOSEN
from hcl import Configuration
from stack import ACCOUNT, PLACES, Stack

KINDS = {"api-key": "ApiKey", "application-key": "ApplicationKey", "service-access-token": "ServiceAccessToken", "admin-key": "AdminKey"}
REGION, _ = PLACES["aws"]


class Secret(NamedTuple):
    function: str
    arn: str
    schedule: str
    window: str | None = None


class Wish(NamedTuple):
    """The choices that all three offer."""

    prefix: str = "datadog-rotation"
    architecture: str = "arm64"
    admin: str | None = None
    assistant: str | None = None
    kms_key: str | None = None
    admin_kms_key: str | None = None
    secrets: tuple[Secret, ...] = ()
    immediately: bool = False
    log_level: str = "INFO"
    retention: int = 365


class Statement(NamedTuple):
    effect: str
    actions: frozenset[str]
    resources: frozenset[str]
    conditions: frozenset[tuple[str, str, frozenset[str]]]
    principals: frozenset[tuple[str, str]] = frozenset()


class Function(NamedTuple):
    """A rotation function with all that it needs."""

    properties: dict[str, Any]
    retention: int
    # Whether its log outlives the stack.
    keeps_log: bool
    trust: frozenset[Statement]
    policies: frozenset[Statement]
    managed_policies: tuple[str, ...]
    permissions: list[dict[str, str]]
    # Secret, schedule, window, whether at once, and whether it waits until the function may be invoked.
    rotations: frozenset[tuple[str, str, str | None, bool, bool]]


class Joining(Stack):
    """A stack that the CDK wrote."""

    def function(self, function: str, operand: Any) -> Any:
        if function != "Fn::Join":
            return super().function(function, operand)
        separator, parts = operand
        return separator.join(self.resolved(parts))


def by_template(translated: dict, wish: Wish) -> dict[str, Function]:
    given = {
        "FunctionNamePrefix": wish.prefix,
        "AdminSecretArn": wish.admin,
        "AssistingAdminSecretArn": wish.assistant,
        # The examples' functions serve the account, and there is no doctor.
        "ServedSecrets": "account",
        "DoctorSchedule": "",
        "KmsKeyArn": wish.kms_key,
        "AdminSecretKmsKeyArn": wish.admin_kms_key,
        "RotateImmediatelyOnUpdate": str(wish.immediately).lower(),
        "LogLevel": wish.log_level,
        "LogRetentionInDays": str(wish.retention),
    }
    for secret in wish.secrets:
        given[f"{KINDS[secret.function]}SecretArn"] = secret.arn
        given[f"{KINDS[secret.function]}Schedule"] = secret.schedule
        given["RotationWindow"] = secret.window
    stack = Stack(translated, **{name: it for name, it in given.items() if it is not None})
    assert not stack.refusals()
    # The template's architecture is no parameter.
    return {
        name: it._replace(properties=it.properties | {"architectures": [wish.architecture]})
        for name, it in of_cloudformation(stack).items()
    }


def by_cdk(template: dict) -> dict[str, Function]:
    sections = {"Resources": template["Resources"], "Outputs": template["Outputs"], "Parameters": {}}
    return of_cloudformation(Joining(sections))


def of_cloudformation(stack: Stack) -> dict[str, Function]:
    resources = stack.section("Resources")

    def of_type(name: str) -> list[dict]:
        return [it["Properties"] | waiting(it) for it in resources.values() if it["Type"] == name]

    def waiting(resource: dict) -> dict:
        """What it depends on, by type."""
        return {"waits": {resources[it]["Type"] for it in listed(resource.get("DependsOn", []))}}

    def referred(reference: Any) -> dict:
        match reference:
            case {"Ref": name} | {"Fn::GetAtt": [name, _]}:
                return resources[name]["Properties"]
        raise NotImplementedError(reference)

    def invoked(reference: Any) -> str:
        return referred(reference)["FunctionName"]

    # Whose log each group is.
    logged = {it["LoggingConfig"]["LogGroup"]["Ref"]: it["FunctionName"] for it in of_type("AWS::Lambda::Function")}

    def plain(reference: Any) -> Any:
        """The ARN of a log group, which CloudFormation knows with what a policy needs behind it."""
        match reference:
            case {"Fn::GetAtt": [name, "Arn"]} if resources[name]["Type"] == "AWS::Logs::LogGroup":
                return f"the log of {logged[name]}"
        return reference

    found = {}
    for properties in of_type("AWS::Lambda::Function"):
        role, log = referred(properties["Role"]), referred(properties["LoggingConfig"]["LogGroup"])
        group = resources[properties["LoggingConfig"]["LogGroup"]["Ref"]]
        name = properties["FunctionName"]
        found[name] = Function(
            properties={
                "architectures": properties["Architectures"],
                "description": properties["Description"],
                "runtime": properties["Runtime"],
                "handler": properties["Handler"],
                "timeout": properties["Timeout"],
                "memory": properties["MemorySize"],
                "environment": properties.get("Environment", {}).get("Variables", {}),
                "log format": properties["LoggingConfig"]["LogFormat"],
                "log level": properties["LoggingConfig"]["ApplicationLogLevel"],
            },
            retention=int(log["RetentionInDays"]),
            keeps_log=group["DeletionPolicy"].startswith("Retain") and group["UpdateReplacePolicy"] == "Retain",
            trust=frozenset(statements(role["AssumeRolePolicyDocument"]["Statement"], plain)),
            policies=frozenset(
                it for policy in role["Policies"] for it in statements(policy["PolicyDocument"]["Statement"], plain)
            ),
            managed_policies=tuple(role.get("ManagedPolicyArns", [])),
            permissions=[
                {
                    "action": it["Action"],
                    "principal": it["Principal"],
                    **{source: text for source, text in it.items() if source.startswith("Source")},
                }
                for it in of_type("AWS::Lambda::Permission")
                if invoked(it["FunctionName"]) == name
            ],
            rotations=frozenset(
                (
                    it["SecretId"],
                    it["RotationRules"]["ScheduleExpression"],
                    it["RotationRules"].get("Duration"),
                    str(it["RotateImmediatelyOnUpdate"]).lower() == "true",
                    "AWS::Lambda::Permission" in it["waits"],
                )
                for it in of_type("AWS::SecretsManager::RotationSchedule")
                if invoked(it["RotationLambdaARN"]) == name
            ),
        )
    return found


def statements(written: list[dict], plain) -> Iterable[Statement]:
    for it in written:
        assert it.keys() <= {"Sid", "Effect", "Action", "Resource", "Condition", "Principal"}, it
        yield Statement(
            it["Effect"],
            frozenset(listed(it["Action"])),
            frozenset(plain(resource) for resource in listed(it.get("Resource", []))),
            frozenset(
                (test, variable, frozenset(listed(values)))
                for test, variables in it.get("Condition", {}).items()
                for variable, values in variables.items()
            ),
            frozenset((kind, name) for kind, names in it.get("Principal", {}).items() for name in listed(names)),
        )


def listed(it: Any) -> list:
    return it if isinstance(it, list) else [it]


def by_terraform(sources: dict[str, str], schema: dict, wish: Wish) -> dict[str, Function]:
    configuration = Configuration(
        sources,
        schema,
        packages=f"packages/{wish.architecture}",
        function_name_prefix=wish.prefix,
        admin_secret_arn=wish.admin,
        assisting_admin_secret_arn=wish.assistant,
        kms_key_arn=wish.kms_key,
        admin_secret_kms_key_arn=wish.admin_kms_key,
        secrets={str(number): it._asdict() for number, it in enumerate(wish.secrets)},
        rotate_immediately=wish.immediately,
        log_level=wish.log_level,
        log_retention_in_days=wish.retention,
    )
    resources = {kind: configuration.instances(kind) for kind in schema["resources"]}

    def arguments(kind: str, key: str) -> dict:
        return resources[kind][key].arguments

    found = {}
    for key in KINDS:
        function, role = arguments("aws_lambda_function", key), arguments("aws_iam_role", key)
        policy, log = arguments("aws_iam_role_policy", key), arguments("aws_cloudwatch_log_group", key)
        permission = arguments("aws_lambda_permission", key)
        [logging] = function["logging_config"]
        assert function["role"].endswith(f"/{role['name']}") and policy["role"] == role["name"]
        assert function["filename"] == f"packages/{wish.architecture}/datadog-{key}.zip"
        assert log["name_prefix"] == f"/aws/lambda/{function['function_name']}-"
        assert logging["log_group"] == own_log(log)
        assert permission["function_name"] == function["function_name"]
        own = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function['function_name']}"
        found[function["function_name"]] = Function(
            properties={
                "architectures": function["architectures"],
                "description": function["description"],
                "runtime": function["runtime"],
                "handler": function["handler"],
                "timeout": function["timeout"],
                "memory": function["memory_size"],
                "environment": {
                    name: it for block in function.get("environment", []) for name, it in block["variables"].items()
                },
                "log format": logging["log_format"],
                "log level": logging["application_log_level"],
            },
            retention=log["retention_in_days"],
            keeps_log=log["skip_destroy"],
            trust=frozenset(map(terraformed, role["assume_role_policy"]["statement"])),
            policies=frozenset(
                terraformed(
                    it,
                    {f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{own_log(log)}:*": f"the log of {function['function_name']}"},
                )
                for it in policy["policy"]["statement"]
            ),
            managed_policies=tuple(role.get("managed_policy_arns", [])),
            permissions=[
                {
                    "action": permission["action"],
                    "principal": permission["principal"],
                    "SourceAccount": permission["source_account"],
                    **({"SourceArn": permission["source_arn"]} if "source_arn" in permission else {}),
                }
            ],
            rotations=frozenset(
                (
                    it["secret_id"],
                    it["rotation_rules"][0]["schedule_expression"],
                    it["rotation_rules"][0].get("duration"),
                    it["rotate_immediately"],
                    configuration.waits("aws_secretsmanager_secret_rotation", "aws_lambda_permission"),
                )
                for it in (each.arguments for each in resources["aws_secretsmanager_secret_rotation"].values())
                if it["rotation_lambda_arn"] == own
            ),
        )
    return found


def own_log(log: dict) -> str:
    return CHOSEN["aws_cloudwatch_log_group", "name"].format(**log)


def terraformed(block: dict, plain: dict[str, str] | None = None) -> Statement:
    """A statement, with resources by the names that `plain` has for them."""
    plain = plain or {}
    assert block.keys() <= {"sid", "effect", "actions", "resources", "condition", "principals"}, block
    return Statement(
        block.get("effect", "Allow"),
        frozenset(block["actions"]),
        frozenset(plain.get(it, it) for it in block.get("resources", [])),
        frozenset((it["test"], it["variable"], frozenset(it["values"])) for it in block.get("condition", [])),
        frozenset((it["type"], name) for it in block.get("principals", []) for name in it["identifiers"]),
    )
