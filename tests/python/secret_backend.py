"""What the Datadog Agent runs as its `secret_backend_command`, with the handles of its AWS backend: `secret;field`.

The Agent writes the handles that it found in its configuration to standard input and reads their texts, or an error
for each, from standard output.
"""

import json
import sys

import boto3


def resolved(handle: str) -> dict:
    secret, _, field = handle.partition(";")
    answer = boto3.client("secretsmanager").get_secret_value(SecretId=secret)
    fields = json.loads(answer["SecretString"])
    if field not in fields:
        return {"value": None, "error": f"{secret} has no field {field}"}
    return {"value": fields[field], "error": None}


if __name__ == "__main__":
    request = json.load(sys.stdin)
    print(json.dumps({handle: resolved(handle) for handle in request["secrets"]}))
