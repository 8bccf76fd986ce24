"""Rotates DatadogApiKey secrets: the key of two rotations ago goes."""

import sys

from datadog import Keys, name
from rotation import admin, promote, rotate, secrets_manager, value


def handler(event, context):
    rotate(event, sys.modules[__name__])


def create(metadata, current):
    key = Keys.of(admin(metadata)).create_api_key(name("api-key", metadata))
    return current | {"apiKey": key["attributes"]["key"], "apiKeyId": key["id"]}


def test(metadata, pending):
    Keys(pending["apiKey"]).validate_api_key()


def finish(metadata, token):
    arn = metadata["ARN"]
    try:
        displaced = value(arn, VersionStage="AWSPREVIOUS")
    except secrets_manager.exceptions.ResourceNotFoundException:
        displaced = None
    promote(arn, token)
    if displaced:
        Keys.of(admin(metadata)).delete_api_key(displaced["apiKeyId"])
