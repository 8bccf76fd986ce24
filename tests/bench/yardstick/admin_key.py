"""Rotates DatadogAdminKey secrets: the replaced pair goes."""

import sys

from datadog import Keys, name
from rotation import promote, rotate, value


def handler(event, context):
    rotate(event, sys.modules[__name__])


def create(metadata, current):
    Keys(current["adminApiKey"], site=current["site"]).validate_api_key()
    datadog = Keys.of(current)
    account = current["serviceAccountId"]
    scopes = datadog.application_key(account, current["adminAppKeyId"])["attributes"].get("scopes")
    api_key = datadog.create_api_key(name("api-key", metadata))
    app_key = datadog.create_application_key(account, name("app-key", metadata), scopes)
    return current | {
        "adminApiKey": api_key["attributes"]["key"],
        "adminApiKeyId": api_key["id"],
        "adminAppKey": app_key["attributes"]["key"],
        "adminAppKeyId": app_key["id"],
    }


def test(metadata, pending):
    Keys.of(pending).validate_pair()


def finish(metadata, token):
    arn = metadata["ARN"]
    replaced = value(arn, VersionStage="AWSCURRENT")
    new = value(arn, VersionId=token, VersionStage="AWSPENDING")
    promote(arn, token)
    datadog = Keys.of(new)
    datadog.delete_application_key(replaced["serviceAccountId"], replaced["adminAppKeyId"])
    datadog.delete_api_key(replaced["adminApiKeyId"])
