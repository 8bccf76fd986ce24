"""Rotates DatadogApplicationKey secrets: the replaced key goes."""

import sys

from datadog import Keys, name
from rotation import admin, promote, rotate, value


def handler(event, context):
    rotate(event, sys.modules[__name__])


def create(metadata, current):
    keys = admin(metadata)
    account = current["serviceAccountId"]
    if keys["serviceAccountId"] != account:
        raise ValueError("The admin key's serviceAccountId must match the application key's.")
    datadog = Keys.of(keys)
    # Fails unless the account owns the current key.
    scopes = datadog.application_key(account, current["appKeyId"])["attributes"].get("scopes")
    key = datadog.create_application_key(account, name("app-key", metadata), scopes)
    return current | {"appKey": key["attributes"]["key"], "appKeyId": key["id"]}


def test(metadata, pending):
    keys = admin(metadata)
    Keys(keys["adminApiKey"], pending["appKey"], keys["site"]).validate_pair()


def finish(metadata, token):
    replaced = value(metadata["ARN"], VersionStage="AWSCURRENT")
    promote(metadata["ARN"], token)
    Keys.of(admin(metadata)).delete_application_key(replaced["serviceAccountId"], replaced["appKeyId"])
