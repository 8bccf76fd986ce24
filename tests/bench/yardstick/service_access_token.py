"""Rotates DatadogServiceAccessToken secrets: the token of two rotations ago goes."""

import sys

from datadog import Bearer, Keys, name
from rotation import admin, promote, rotate, secrets_manager, value


def handler(event, context):
    rotate(event, sys.modules[__name__])


def create(metadata, current):
    keys = admin(metadata)
    account = current["serviceAccountId"]
    if keys["serviceAccountId"] != account:
        raise ValueError("The admin key's serviceAccountId must match the token's.")
    datadog = Keys.of(keys)
    scopes = datadog.access_token(account, current["serviceAccessTokenId"])["attributes"]["scopes"]
    token = datadog.create_access_token(account, name("service-token", metadata), scopes)
    return current | {"serviceAccessToken": token["attributes"]["key"], "serviceAccessTokenId": token["id"]}


def test(metadata, pending):
    Bearer(pending["serviceAccessToken"], admin(metadata)["site"]).validate_token()


def finish(metadata, token):
    arn = metadata["ARN"]
    try:
        displaced = value(arn, VersionStage="AWSPREVIOUS")
    except secrets_manager.exceptions.ResourceNotFoundException:
        displaced = None
    promote(arn, token)
    if displaced:
        Keys.of(admin(metadata)).delete_access_token(displaced["serviceAccountId"], displaced["serviceAccessTokenId"])
