"""The real function binaries against a Secrets Manager by others, moto's, and the sandbox's Datadog.

moto's RotateSecret makes the pending version and then invokes a Lambda function in Docker. Here it is told to invoke
nothing; the steps are delivered by the test.
"""

import io
import json
import urllib.request
import uuid
import zipfile

import boto3
import pytest
from conftest import aws, secrets_manager
from datadog import Datadog
from lambda_runtime import FunctionError

STEPS = ["createSecret", "setSecret", "testSecret", "finishSecret"]
SECRET_FIELDS = {"apiKey", "appKey", "adminApiKey", "adminAppKey"}
ROTATION_TOKEN = "0b6f9d3e-71c2-4a58-8e4d-9f0a1b2c3d4e"


@pytest.fixture(scope="module")
def lambda_arn(moto):
    """A Lambda function that moto knows and does not run: RotateSecret wants one."""
    settings = json.dumps({"lambda": {"use_docker": False}}).encode()
    headers = {"Content-Type": "application/json"}
    urllib.request.urlopen(urllib.request.Request(f"{moto}/moto-api/config", settings, headers)).close()
    role = boto3.client("iam", endpoint_url=moto, **aws()).create_role(RoleName="r", AssumeRolePolicyDocument="{}")
    package = io.BytesIO()
    zipfile.ZipFile(package, "w").close()
    function = boto3.client("lambda", endpoint_url=moto, **aws()).create_function(
        FunctionName="rotation", Role=role["Role"]["Arn"], Code={"ZipFile": package.getvalue()}
    )
    return function["FunctionArn"]


class Scene:
    """The sandbox's three secrets, carried over to moto, and the functions that rotate them there."""

    def __init__(self, sandbox, moto, lambda_arn, start):
        self.client = secrets_manager(moto)
        self.datadog = Datadog(sandbox)
        self.lambda_arn = lambda_arn
        self.secrets = {}
        self.shown = set(sandbox.credentials)
        values = {
            kind: json.loads(secrets_manager(sandbox.secrets_manager).get_secret_value(SecretId=arn)["SecretString"])
            for kind, arn in sandbox.secrets.items()
        }
        admin = self._create("adminKey", values["adminKey"])
        # The two ways for a secret to name its admin: its own tag, and the function's default.
        extras = {"dd_api_key": values["apiKey"]["apiKey"], "note": {"kept": [1, None]}}
        self._create("apiKey", values["apiKey"] | extras, Tags=[{"Key": "adminSecretArn", "Value": admin}])
        self._create("applicationKey", values["applicationKey"])
        environment = {"AWS_ENDPOINT_URL_SECRETS_MANAGER": moto, "DATADOG_API_URL": sandbox.datadog}
        # As chatty as it gets: no level may show a key.
        environment |= {"AWS_LAMBDA_LOG_LEVEL": "TRACE", "RUST_LOG": "trace"}
        default = {"ADMIN_SECRET_ARN": admin}
        self.functions = {
            "adminKey": start("datadog-admin-key", environment),
            "apiKey": start("datadog-api-key", environment),
            "applicationKey": start("datadog-application-key", environment | default),
        }

    def _create(self, kind: str, value: dict, **more) -> str:
        answer = self.client.create_secret(Name=f"datadog/{kind}", SecretString=json.dumps(value), **more)
        self.secrets[kind] = answer["ARN"]
        return answer["ARN"]

    def begin(self, kind: str) -> str:
        """Begins a rotation as RotateSecret does: the token's version is pending and has no value."""
        token = str(uuid.uuid4())
        rules = {"AutomaticallyAfterDays": 30}
        self.client.rotate_secret(
            SecretId=self.secrets[kind],
            ClientRequestToken=token,
            RotationLambdaARN=self.lambda_arn,
            RotationRules=rules,
        )
        assert self.labels(kind)[token] == {"AWSPENDING"}
        return token

    def deliver(self, kind: str, step: str, token: str):
        event = {"Step": step, "SecretId": self.secrets[kind], "ClientRequestToken": token}
        self.functions[kind].invoke(event | {"RotationToken": ROTATION_TOKEN})

    def rotate(self, kind: str) -> str:
        token = self.begin(kind)
        for step in STEPS:
            self.deliver(kind, step, token)
        # The service does so after a success; moto refuses the next rotation otherwise.
        self.client.update_secret_version_stage(
            SecretId=self.secrets[kind], VersionStage="AWSPENDING", RemoveFromVersionId=token
        )
        return token

    def labels(self, kind: str) -> dict[str, set[str]]:
        """Version ids with their labels; versions without any are left out, as AWS does and moto doesn't."""
        versions = self.client.describe_secret(SecretId=self.secrets[kind])["VersionIdsToStages"]
        return {version: set(labels) for version, labels in versions.items() if labels}

    def version(self, kind: str, label: str) -> str:
        (version,) = [version for version, labels in self.labels(kind).items() if label in labels]
        return version

    def value(self, kind: str, label: str = "AWSCURRENT") -> dict:
        # Always by label: without one, moto answers the value of another version after labels have moved.
        answer = self.client.get_secret_value(SecretId=self.secrets[kind], VersionStage=label)
        value = json.loads(answer["SecretString"])
        self.shown.update(text for name, text in value.items() if name in SECRET_FIELDS)
        return value


@pytest.fixture(scope="module")
def scene(sandbox, moto, lambda_arn, start):
    return Scene(sandbox, moto, lambda_arn, start)


def test_api_key_keeps_two_generations(scene):
    datadog = scene.datadog
    values = [scene.value("apiKey")]
    for _ in range(3):
        before = scene.version("apiKey", "AWSCURRENT")
        token = scene.rotate("apiKey")
        assert scene.labels("apiKey") == {token: {"AWSCURRENT"}, before: {"AWSPREVIOUS"}}
        values.append(scene.value("apiKey"))
        assert datadog.api_key_works(values[-1]["apiKey"])
        live = [datadog.api_key_lives(value["apiKeyId"]) for value in values]
        assert live == [False] * (len(values) - 2) + [True, True]
    for value in values:
        assert value["dd_api_key"] == value["apiKey"]
        assert value["note"] == {"kept": [1, None]}


def test_application_key_is_replaced(scene):
    datadog = scene.datadog
    old = scene.value("applicationKey")
    before = scene.version("applicationKey", "AWSCURRENT")
    account = old["serviceAccountId"]
    scopes = datadog.scopes(account, old["appKeyId"])
    token = scene.rotate("applicationKey")
    assert scene.labels("applicationKey") == {token: {"AWSCURRENT"}, before: {"AWSPREVIOUS"}}
    new = scene.value("applicationKey")
    assert new["serviceAccountId"] == account
    assert datadog.pair_works(datadog.credentials.api_key, new["appKey"])
    assert datadog.scopes(account, new["appKeyId"]) == scopes
    assert not datadog.application_key_lives(account, old["appKeyId"])


def test_admin_pair_replaces_itself_and_goes_on_working(scene):
    datadog = scene.datadog
    old = scene.value("adminKey")
    before = scene.version("adminKey", "AWSCURRENT")
    account = old["serviceAccountId"]
    token = scene.rotate("adminKey")
    assert scene.labels("adminKey") == {token: {"AWSCURRENT"}, before: {"AWSPREVIOUS"}}
    new = scene.value("adminKey")
    assert {name: new[name] for name in ("site", "serviceAccountId")} == {
        name: old[name] for name in ("site", "serviceAccountId")
    }
    assert datadog.pair_works(new["adminApiKey"], new["adminAppKey"])
    assert not datadog.api_key_lives(old["adminApiKeyId"])
    assert not datadog.application_key_lives(account, old["adminAppKeyId"])
    scene.rotate("apiKey")
    assert datadog.api_key_works(scene.value("apiKey")["apiKey"])


def test_a_step_delivered_twice_makes_one_key(scene):
    token = scene.begin("applicationKey")
    scene.deliver("applicationKey", "createSecret", token)
    first = scene.value("applicationKey", "AWSPENDING")
    for step in STEPS:
        scene.deliver("applicationKey", step, token)
    assert scene.value("applicationKey") == first
    scene.deliver("applicationKey", "finishSecret", token)
    assert scene.value("applicationKey") == first
    assert scene.datadog.pair_works(scene.datadog.credentials.api_key, first["appKey"])
    scene.client.update_secret_version_stage(
        SecretId=scene.secrets["applicationKey"], VersionStage="AWSPENDING", RemoveFromVersionId=token
    )


def test_an_unknown_version_is_refused_and_nothing_changes(scene):
    labels, value = scene.labels("apiKey"), scene.value("apiKey")
    with pytest.raises(FunctionError) as error:
        scene.deliver("apiKey", "createSecret", str(uuid.uuid4()))
    assert error.value.type == "NoStagingLabel"
    assert (scene.labels("apiKey"), scene.value("apiKey")) == (labels, value)


def test_no_output_shows_a_secret(scene):
    for kind in scene.functions:
        scene.rotate(kind)
        scene.value(kind)
    output = "".join(function.output() for function in scene.functions.values())
    assert output, "the functions print something at the level TRACE"
    for secret in scene.shown | {ROTATION_TOKEN}:
        assert secret not in output
