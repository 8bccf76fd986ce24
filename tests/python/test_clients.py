"""boto3, the AWS CLI and Datadog's own client against `sandbox serve`: no error of theirs."""

import json
import os
import subprocess
import sys
import time
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from conftest import REGION, aws, secrets_manager
from datadog_api_client import ApiClient, Configuration
from datadog_api_client.exceptions import ForbiddenException, NotFoundException
from datadog_api_client.v1.api.authentication_api import AuthenticationApi
from datadog_api_client.v1.api.key_management_api import KeyManagementApi as KeyManagementApiV1
from datadog_api_client.v1.model.api_key import ApiKey
from datadog_api_client.v2.api.key_management_api import KeyManagementApi
from datadog_api_client.v2.api.service_accounts_api import ServiceAccountsApi
from datadog_api_client.v2.model.api_key_create_attributes import APIKeyCreateAttributes
from datadog_api_client.v2.model.api_key_create_data import APIKeyCreateData
from datadog_api_client.v2.model.api_key_create_request import APIKeyCreateRequest
from datadog_api_client.v2.model.api_keys_type import APIKeysType
from datadog_api_client.v2.model.application_key_create_attributes import ApplicationKeyCreateAttributes
from datadog_api_client.v2.model.application_key_create_data import ApplicationKeyCreateData
from datadog_api_client.v2.model.application_key_create_request import ApplicationKeyCreateRequest
from datadog_api_client.v2.model.application_keys_type import ApplicationKeysType
from datadog_api_client.v2.model.service_access_tokens_type import ServiceAccessTokensType
from datadog_api_client.v2.model.service_account_access_token_create_attributes import (
    ServiceAccountAccessTokenCreateAttributes,
)
from datadog_api_client.v2.model.service_account_access_token_create_data import ServiceAccountAccessTokenCreateData
from datadog_api_client.v2.model.service_account_access_token_create_request import (
    ServiceAccountAccessTokenCreateRequest,
)

ROTATION_SECONDS = 120


@pytest.fixture(scope="module")
def client(sandbox):
    return secrets_manager(sandbox.secrets_manager)


@pytest.fixture(scope="module")
def datadog(sandbox):
    configuration = Configuration(host=sandbox.datadog)
    configuration.api_key = {
        "apiKeyAuth": sandbox.credentials.api_key,
        "appKeyAuth": sandbox.credentials.app_key,
    }
    with ApiClient(configuration) as api_client:
        yield api_client


def labels(client, secret: str) -> dict[str, set[str]]:
    return {
        version: set(labels)
        for version, labels in client.describe_secret(SecretId=secret)["VersionIdsToStages"].items()
    }


def wait_for_rotation(client, secret: str, version: str):
    """Until the version is current, and pending no more or together with it: the two lawful ends."""
    deadline = time.monotonic() + ROTATION_SECONDS
    while "AWSCURRENT" not in labels(client, secret).get(version, ()):
        assert time.monotonic() < deadline, f"no rotation within {ROTATION_SECONDS} s: {labels(client, secret)}"
        time.sleep(0.2)


def value(client, secret: str) -> dict:
    return json.loads(client.get_secret_value(SecretId=secret)["SecretString"])


@pytest.mark.parametrize("kind", ["apiKey", "applicationKey", "adminKey", "serviceAccessToken"])
def test_boto3_rotates_each_secret(sandbox, client, kind):
    secret = sandbox.secrets[kind]
    before, old = labels(client, secret), value(client, secret)
    version = client.rotate_secret(SecretId=secret)["VersionId"]
    assert version not in before
    wait_for_rotation(client, secret, version)
    new = value(client, secret)
    assert new.keys() == old.keys()
    keys = [name for name in new if name.lower().endswith(("key", "token"))]
    assert keys
    assert all(new[name] != old[name] for name in keys)
    versions = client.list_secret_version_ids(SecretId=secret, IncludeDeprecated=True)["Versions"]
    assert {version} | before.keys() <= {listed["VersionId"] for listed in versions}


def test_boto3_creates_a_secret_that_rotates(sandbox, client, datadog):
    key = KeyManagementApi(datadog).create_api_key(api_key_request(f"made-by-hand-{uuid.uuid4()}")).data
    function = client.describe_secret(SecretId=sandbox.secrets["apiKey"])["RotationLambdaARN"]
    secret = client.create_secret(
        Name=f"datadog/{uuid.uuid4()}",
        SecretString=json.dumps({"apiKey": key.attributes.key, "apiKeyId": key.id, "team": "observability"}),
        Tags=[{"Key": "adminSecretArn", "Value": sandbox.secrets["adminKey"]}],
    )["ARN"]
    version = client.rotate_secret(
        SecretId=secret, RotationLambdaARN=function, RotationRules={"AutomaticallyAfterDays": 30}
    )["VersionId"]
    wait_for_rotation(client, secret, version)
    assert value(client, secret)["team"] == "observability"
    assert value(client, secret)["apiKeyId"] != key.id
    described = client.describe_secret(SecretId=secret)
    assert described["RotationEnabled"]
    assert described["RotationRules"]["AutomaticallyAfterDays"] == 30


def test_boto3_names_the_errors(client):
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.describe_secret(SecretId="datadog/no-such-secret")
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.get_secret_value(SecretId="datadog/no-such-secret")


def test_the_aws_cli_rotates_a_secret(sandbox, client):
    secret = sandbox.secrets["apiKey"]

    def cli(operation: str, *arguments: str) -> dict:
        credentials = {name.upper(): text for name, text in aws().items() if name != "region_name"}
        command = [Path(sys.executable).with_name("aws"), "--endpoint-url", sandbox.secrets_manager, "--output", "json"]
        answer = subprocess.run(
            [*command, "--region", REGION, "secretsmanager", operation, "--secret-id", secret, *arguments],
            env=os.environ | credentials,
            capture_output=True,
            text=True,
        )
        assert answer.returncode == 0, answer.stderr
        return json.loads(answer.stdout)

    version = cli("rotate-secret")["VersionId"]
    wait_for_rotation(client, secret, version)
    assert "AWSCURRENT" in cli("describe-secret")["VersionIdsToStages"][version]
    listed = cli("list-secret-version-ids", "--include-deprecated")["Versions"]
    assert version in {listed_version["VersionId"] for listed_version in listed}


def api_key_request(name: str) -> APIKeyCreateRequest:
    attributes = APIKeyCreateAttributes(name=name)
    return APIKeyCreateRequest(data=APIKeyCreateData(type=APIKeysType.API_KEYS, attributes=attributes))


def application_key_request(name: str, scopes: list[str]) -> ApplicationKeyCreateRequest:
    attributes = ApplicationKeyCreateAttributes(name=name, scopes=scopes)
    return ApplicationKeyCreateRequest(
        data=ApplicationKeyCreateData(type=ApplicationKeysType.APPLICATION_KEYS, attributes=attributes)
    )


def token_request(name: str, scopes: list[str], **attributes) -> ServiceAccountAccessTokenCreateRequest:
    attributes = ServiceAccountAccessTokenCreateAttributes(name=name, scopes=scopes, **attributes)
    return ServiceAccountAccessTokenCreateRequest(
        data=ServiceAccountAccessTokenCreateData(
            type=ServiceAccessTokensType.SERVICE_ACCESS_TOKENS, attributes=attributes
        )
    )


def test_datadogs_client_validates_its_key(datadog):
    assert AuthenticationApi(datadog).validate().valid


def test_datadogs_client_handles_api_keys(datadog):
    api = KeyManagementApi(datadog)
    name = f"client-{uuid.uuid4()}"
    created = api.create_api_key(api_key_request(name)).data
    assert len(created.attributes.key) == 32
    assert [key.id for key in api.list_api_keys(filter=name).data] == [created.id]
    assert api.get_api_key(created.id).data.attributes.name == name
    api.delete_api_key(created.id)
    assert api.list_api_keys(filter=name).data == []
    # A deleted API key is revoked, not gone.
    assert api.get_api_key(created.id).data.attributes["status"] == "revoked"


def test_datadogs_client_handles_keys_of_version_1(datadog):
    api = KeyManagementApiV1(datadog)
    key = api.create_api_key(ApiKey(name=f"client-{uuid.uuid4()}")).api_key
    assert key.key in [it.key for it in api.list_api_keys().api_keys]
    assert api.get_api_key(key.key).api_key == key
    assert api.update_api_key(key.key, ApiKey(name=f"{key.name}-2")).api_key.name == f"{key.name}-2"
    assert api.delete_api_key(key.key).api_key.key == key.key
    with pytest.raises(NotFoundException):
        api.get_api_key(key.key)
    # An application key's text is shown once here, and its list would show it.
    with pytest.raises(ForbiddenException):
        api.list_application_keys()


def test_datadogs_client_handles_application_keys(sandbox, client, datadog):
    account = value(client, sandbox.secrets["applicationKey"])["serviceAccountId"]
    api = ServiceAccountsApi(datadog)
    name, scopes = f"client-{uuid.uuid4()}", ["dashboards_read", "monitors_read"]
    created = api.create_service_account_application_key(account, application_key_request(name, scopes)).data
    assert created.attributes.scopes == scopes
    assert created.id in [key.id for key in api.list_service_account_application_keys(account, page_size=100).data]
    assert api.get_service_account_application_key(account, created.id).data.attributes.name == name
    assert created.id in [key.id for key in KeyManagementApi(datadog).list_application_keys(page_size=100).data]
    api.delete_service_account_application_key(account, created.id)
    with pytest.raises(NotFoundException):
        api.get_service_account_application_key(account, created.id)


def test_datadogs_client_handles_service_access_tokens(sandbox, client, datadog):
    account = value(client, sandbox.secrets["serviceAccessToken"])["serviceAccountId"]
    api = ServiceAccountsApi(datadog)
    name, scopes = f"client-{uuid.uuid4()}", ["dashboards_read", "monitors_read"]
    end = datetime.now(UTC).replace(microsecond=0) + timedelta(days=90)
    endless, ending = (
        api.create_service_account_access_token(account, token_request(name, scopes, **more)).data
        for more in ({}, {"expires_at": end})
    )
    assert endless.attributes.key.startswith(f"{endless.attributes.public_portion}_")
    assert (endless.attributes.scopes, endless.attributes.expires_at) == (scopes, None)
    assert endless.relationships.owned_by.data.id == account
    assert ending.attributes.expires_at == end
    both = {endless.id, ending.id}
    pages = [api.list_service_account_access_tokens(account, page_size=1, page_number=n, filter=name) for n in (0, 1)]
    assert {token.id for page in pages for token in page.data} == both
    assert {page.meta.page.total_filtered_count for page in pages} == {2}
    got = api.get_service_account_access_token(account, endless.id).data.attributes
    assert (got.name, got.scopes, got.public_portion) == (name, scopes, endless.attributes.public_portion)
    assert "key" not in got
    for _ in range(2):  # a second DELETE is answered as the first
        api.revoke_service_account_access_token(account, endless.id)
    assert [token.id for token in api.list_service_account_access_tokens(account, filter=name).data] == [ending.id]
    with pytest.raises(NotFoundException):
        api.get_service_account_access_token(account, endless.id)
