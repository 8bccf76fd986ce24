"""The Terraform and the CDK example deploy what template.yaml does: the same functions with the same permissions."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from check import TEXT, cfn_lint, translate
from deployed import KINDS, Secret, Wish, by_cdk, by_template, by_terraform
from hcl import EXAMPLE, SOURCES, Configuration, unknown
from parameters import ADMIN, API, APPLICATION, ASSISTANT, KEY
from provider import recorded

CDK = EXAMPLE.parent / "cdk"
SECOND_KEY = KEY.replace("11111111", "99999999")
SECRETS = (
    Secret("api-key", API, "rate(30 days)", "3h"),
    Secret("application-key", APPLICATION, "cron(0 3 1 * ? *)", "3h"),
    Secret("admin-key", ADMIN, "rate(7 days)", "3h"),
)
WISHES = {
    "nothing": Wish(),
    "an admin": Wish(admin=ADMIN),
    "a secret": Wish(admin=ADMIN, secrets=SECRETS[:1]),
    "a key for secrets": Wish(admin=ADMIN, kms_key=KEY),
    "a key for admins": Wish(admin=ADMIN, admin_kms_key=KEY),
    "everything": Wish(
        prefix="other",
        architecture="x86_64",
        admin=ADMIN,
        assistant=ASSISTANT,
        kms_key=KEY,
        admin_kms_key=SECOND_KEY,
        secrets=SECRETS,
        immediately=True,
        log_level="DEBUG",
        retention=30,
    ),
}


DEPLOYED = {name: by_template(translate(TEXT), wish) for name, wish in WISHES.items()}

# What to break in the Terraform example, with what. Each must show in what is deployed.
BROKEN_TERRAFORM = {
    "another action": ('"secretsmanager:PutSecretValue"', '"secretsmanager:*"'),
    "a missing action": ('      "secretsmanager:ListSecretVersionIds",\n', ""),
    "every secret": ("secretsmanager:resource/AllowRotationLambdaArn", "secretsmanager:Name"),
    "another function's secrets": ('_prefix}-${each.key}"]', '_prefix}-api-key"]'),
    "every version of the admin secret": ('["AWSCURRENT"]', '["AWSPREVIOUS"]'),
    "a key for more than secrets": ('["secretsmanager.*"]', '["*"]'),
    "no admin secret": ("each.value.reads[*]", "each.value.read_kms_key[*]"),
    "every log group": ('"${aws_cloudwatch_log_group.rotation[each.key].arn}:*"', '"*"'),
    "another service's role": ("lambda.amazonaws.com", "ec2.amazonaws.com"),
    "any account": ("  source_account = data.aws_caller_identity.current.account_id\n", '  source_account = "*"\n'),
    "an admin for admins": ("default_admin = null", "default_admin = var.admin_secret_arn"),
    "no wait": ("aws_lambda_permission.rotation, ", ""),
    "a log that goes with the function": ("skip_destroy      = true", "skip_destroy      = false"),
    "another function": ("rotation[each.value.function].arn", "rotation[var.of].arn"),
    "a timeout": ("timeout          = 300", "timeout          = 900"),
    "another architecture than the zips'": ("[local.architecture]", '["arm64"]'),
}
# The same in what the CDK example compiles to.
BROKEN_CDK = {
    "another action": ('"secretsmanager:PutSecretValue"', '"secretsmanager:*"'),
    "every secret": ("secretsmanager:resource/AllowRotationLambdaArn", "secretsmanager:Name"),
    "every version of the admin secret": ("AWSCURRENT", "AWSPREVIOUS"),
    "a key for more than secrets": ('"secretsmanager.*"', '"*"'),
    "a key for every role": ("readKmsKey: props.adminSecretKmsKeyArn", "readKmsKey: props.kmsKeyArn"),
    "every log group": ("[logGroup.logGroupArn]", '["*"]'),
    "another service's role": ("lambda.amazonaws.com", "ec2.amazonaws.com"),
    "any account": ("sourceAccount: this.account,", ""),
    "no wait": ("schedule.addResourceDependency(permission);", ""),
    "a log that goes with the stack": ("RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE", "RemovalPolicy.DESTROY"),
    "another architecture than the zips'": ("Architecture.X86_64", "Architecture.ARM_64"),
    "managed policies": (
        "assumedBy:",
        'managedPolicies: [{ managedPolicyArn: "arn:aws:iam::aws:policy/ReadOnlyAccess" }], assumedBy:',
    ),
}


@pytest.fixture(scope="session")
def schema():
    return recorded()


@pytest.mark.parametrize("name", WISHES)
def test_terraform_deploys_what_the_template_does(schema, name):
    assert by_terraform(SOURCES, schema, WISHES[name]) == DEPLOYED[name]


@pytest.mark.parametrize("defect", BROKEN_TERRAFORM)
def test_a_broken_terraform_example_is_caught(schema, defect):
    broken = with_defect(SOURCES, *BROKEN_TERRAFORM[defect])
    try:
        found = by_terraform(broken, schema, WISHES["everything"])
    except (KeyError, NotImplementedError):
        return
    assert found != DEPLOYED["everything"]


def test_terraform_says_what_the_provider_understands(schema):
    assert unknown(SOURCES, schema) == []


@pytest.mark.parametrize(
    ("right", "wrong", "fault"),
    [
        ("retention_in_days", "retention_days", "aws_cloudwatch_log_group: no such argument: retention_days"),
        ("secret_id ", "secret ", "aws_secretsmanager_secret_rotation: missing: secret_id"),
        ("rotation_rules {", "rules {", "aws_secretsmanager_secret_rotation: no such argument: rules"),
        ("log_format ", "format ", "aws_lambda_function.logging_config: missing: log_format"),
        ("test     = ", "operator = ", "aws_iam_policy_document.statement.condition: missing: test"),
        ("current.region}", "current.regions}", "aws_region.regions: no such attribute"),
        ('"aws_iam_role" "', '"aws_iam_rolle" "', "aws_iam_rolle: not recorded"),
    ],
)
def test_what_the_provider_does_not_understand_is_caught(schema, right, wrong, fault):
    assert fault in unknown(with_defect(SOURCES, right, wrong), schema)


def shared_by_two_regions(sources: dict[str, str], schema: dict) -> set[str]:
    """Names of what has no region, and a name of the example's choice, in one account."""
    names = []
    for region in ("us-east-1", "eu-west-1"):
        configuration = Configuration(sources, schema, region, packages="packages/arm64")
        names.append({it.arguments["name"] for it in configuration.instances("aws_iam_role").values()})
    one, other = names
    assert len(one) == len(other) == len(KINDS)
    return one & other


def test_terraform_deploys_to_a_second_region_of_an_account(schema):
    assert shared_by_two_regions(SOURCES, schema) == set()
    # What else there is, is of one region.
    assert set(schema["resources"]) == {
        "aws_cloudwatch_log_group",
        "aws_iam_role",
        "aws_iam_role_policy",
        "aws_lambda_function",
        "aws_lambda_permission",
        "aws_secretsmanager_secret_rotation",
    }
    assert shared_by_two_regions(with_defect(SOURCES, "-${data.aws_region.current.region}", ""), schema)


def test_the_template_and_the_cdk_deploy_to_a_second_region_of_an_account(synthesized):
    """CloudFormation names what has no region, but for the dashboard, whose name has it."""
    for template in (translate(TEXT), synthesized["everything"]):
        for name, it in template["Resources"].items():
            if it["Type"].startswith("AWS::IAM::"):
                assert not {"RoleName", "ManagedPolicyName"} & it["Properties"].keys(), name
            if it["Type"] == "AWS::CloudWatch::Dashboard":
                assert "${AWS::Region}" in it["Properties"]["DashboardName"]["Fn::Sub"]


def test_every_warning_about_terraform_is_argued():
    command = [Path(sys.executable).with_name("checkov"), "--framework", "terraform", "--skip-download"]
    process = subprocess.run(
        [*command, "--output", "json", "--directory", EXAMPLE], stdout=subprocess.PIPE, check=False
    )
    report = json.loads(process.stdout)
    assert report["summary"]["passed"] and not report["summary"]["parsing_errors"]
    assert report["results"]["failed_checks"] == []
    skipped = report["results"]["skipped_checks"]
    assert {it["check_id"] for it in skipped} == set(re.findall(r"checkov:skip=(CKV_\w+): \S", SOURCES["main.tf"]))


def test_terraforms_own_formatting():
    # In no package registry, so not everywhere.
    if not (terraform := shutil.which("terraform") or shutil.which("tofu")):
        pytest.skip("neither terraform nor tofu is on the PATH")
    assert subprocess.run([terraform, "fmt", "-check", "-diff", EXAMPLE]).returncode == 0


def test_every_variable_of_terraform_has_a_description():
    declared = re.findall(r'^variable "(\w+)" \{\n  description = "[^"]+"\n', SOURCES["variables.tf"], re.MULTILINE)
    assert declared == re.findall(r'^variable "(\w+)"', "\n".join(SOURCES.values()), re.MULTILINE)


# What the examples call the template's parameters, where that is not the same word. What is rotated is one map in them.
RENAMED = {"RotateImmediatelyOnUpdate": "RotateImmediately", "RotationWindow": "Secrets"}
RENAMED_BY_CDK = {"LogRetentionInDays": "LogRetention"}


def lacking(cdk: bool) -> set[str]:
    """The template's parameters that README.md says an example lacks."""
    [table] = re.findall(r"\n\| missing.*?\n\n", (EXAMPLE.parent / "README.md").read_text(), re.DOTALL)
    cells = "\n".join(row.split("|")[1] for row in table.strip().splitlines()[2:])
    if not cdk:
        cells = re.sub(r"and in the CDK `\w+`", "", cells)
    named = re.findall(r"`(\w+)(…?)`", cells)
    return {it for it in translate(TEXT)["Parameters"] for name, more in named if it == name or (more and it.startswith(name))}


def offered(cdk: bool) -> set[str]:
    """The template's parameters that an example has, in its own words."""
    if cdk:
        words = set(re.findall(r"^  readonly (\w+)\??:", (CDK / "rotation.ts").read_text(), re.MULTILINE))
        kinds = re.findall(r'^  "([\w-]+)": "', (CDK / "rotation.ts").read_text(), re.MULTILINE)
        renamed = RENAMED | RENAMED_BY_CDK
    else:
        words = {camel(it) for it in re.findall(r'^variable "(\w+)"', SOURCES["variables.tf"], re.MULTILINE)}
        kinds = re.findall(r"^    ([\w-]+) = \{$", SOURCES["main.tf"], re.MULTILINE)
        renamed = RENAMED
    words = {it[0].upper() + it[1:] for it in words}
    own = {f"{camel(kind)}{it}" for kind in kinds for it in ("SecretArn", "Schedule")}
    return {it for it in translate(TEXT)["Parameters"] if renamed.get(it, it) in words or it in own}


def camel(text: str) -> str:
    return "".join(it.capitalize() for it in re.split("[-_]", text))


@pytest.mark.parametrize("cdk", [False, True], ids=["terraform", "cdk"])
def test_the_page_says_what_the_examples_lack(cdk):
    assert lacking(cdk) == translate(TEXT)["Parameters"].keys() - offered(cdk)
    assert {"AdminSecretArn", "ApiKeySecretArn", "RotationWindow"} <= offered(cdk)


@pytest.fixture(scope="session")
def compiled():
    """What the CDK example's sources compile to, types checked."""
    subprocess.run([CDK / "node_modules/.bin/tsc"], cwd=CDK, check=True)
    return CDK / "out" / "rotation.js"


@pytest.fixture(scope="session")
def synthesized(compiled, tmp_path_factory):
    """The CDK example's templates: of each wish, and of each defect."""
    packages = tmp_path_factory.mktemp("packages")
    for architecture in ("arm64", "x86_64"):
        (packages / architecture).mkdir()
        for function in KINDS:
            # What is in them does not matter here.
            (packages / architecture / f"datadog-{function}.zip").write_bytes(function.encode())
    broken = {}
    for number, (defect, (right, wrong)) in enumerate(BROKEN_CDK.items()):
        broken[defect] = compiled.with_name(f"broken-{number}.js")
        broken[defect].write_text(with_defect({"rotation.js": compiled.read_text()}, right, wrong)["rotation.js"])
    requests = [{"module": str(compiled), "props": props(wish, packages)} for wish in WISHES.values()]
    requests += [{"module": str(it), "props": props(WISHES["everything"], packages)} for it in broken.values()]
    requests.append({"module": str(compiled), "props": {"packages": str(packages)}})
    command = ["node", Path(__file__).with_name("synth.mjs")]
    answer = subprocess.run(command, input=json.dumps(requests), check=True, stdout=subprocess.PIPE, text=True).stdout
    for path in broken.values():
        path.unlink()
    return dict(zip([*WISHES, *broken, "a folder of no architecture"], json.loads(answer), strict=True))


def props(wish: Wish, packages: Path) -> dict:
    every = {
        "packages": str(packages / wish.architecture),
        "functionNamePrefix": wish.prefix,
        "adminSecretArn": wish.admin,
        "assistingAdminSecretArn": wish.assistant,
        "kmsKeyArn": wish.kms_key,
        "adminSecretKmsKeyArn": wish.admin_kms_key,
        "secrets": {str(number): it._asdict() for number, it in enumerate(wish.secrets)},
        "rotateImmediately": wish.immediately,
        "logLevel": wish.log_level,
        "logRetention": wish.retention,
    }
    return {name: it for name, it in every.items() if it is not None}


@pytest.mark.parametrize("name", WISHES)
def test_the_cdk_deploys_what_the_template_does(synthesized, name):
    assert by_cdk(synthesized[name]) == DEPLOYED[name]


@pytest.mark.parametrize("defect", BROKEN_CDK)
def test_a_broken_cdk_example_is_caught(synthesized, defect):
    assert by_cdk(synthesized[defect]) != DEPLOYED["everything"]


def test_zips_of_no_told_architecture_are_refused(synthesized):
    """An architecture is chosen once, for the zips: a function of another fails only when it first runs."""
    assert "ends in arm64 or x86_64" in synthesized["a folder of no architecture"]["error"]
    [validated] = re.findall(r'can\((regex\(".+", var\.packages\))\)', SOURCES["variables.tf"])
    assert f"architecture = {validated}\n" in SOURCES["main.tf"]


def test_the_cdks_template_passes_the_linter(synthesized):
    # W3005: the CDK writes dependencies that references imply.
    assert [str(it) for it in cfn_lint(synthesized["everything"], ["us-east-1"]) if it.rule != "W3005"] == []


def test_the_cdk_example_itself_is_synthesized(synthesized, tmp_path):
    """Word for word as its reader would, but for the zips."""
    folder = tmp_path / "examples" / "cdk"
    folder.mkdir(parents=True)
    for name in ("app.ts", "rotation.ts", "cdk.json", "tsconfig.json", "package.json"):
        shutil.copy(CDK / name, folder)
    (folder / "node_modules").symlink_to(CDK / "node_modules")
    packages = tmp_path / "target" / "package" / "arm64"
    packages.mkdir(parents=True)
    for function in KINDS:
        (packages / f"datadog-{function}.zip").write_bytes(function.encode())
    subprocess.run(["npx", "cdk", "synth", "--quiet", "--no-notices"], cwd=folder, check=True)
    template = json.loads((folder / "cdk.out" / "DatadogRotation.template.json").read_text())
    functions = [it for it in template["Resources"].values() if it["Type"] == "AWS::Lambda::Function"]
    assert {it["Properties"]["FunctionName"] for it in functions} == DEPLOYED["nothing"].keys()


def with_defect(sources: dict[str, str], right: str, wrong: str) -> dict[str, str]:
    assert any(right in text for text in sources.values()), "the example no longer holds what this test breaks"
    return {name: text.replace(right, wrong, 1) for name, text in sources.items()}
