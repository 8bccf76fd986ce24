"""MiniStack, as an AWS account with IAM enforced, in which Secrets Manager is the sandbox's.

MiniStack's own Secrets Manager calls no function and keeps no rule of labels, and its CloudFormation has no
AWS::SecretsManager::RotationSchedule. So these are added here, and nothing else is changed:

- calls of Secrets Manager are authorized by MiniStack's IAM, with the condition keys that Secrets Manager has, and then
  answered by the sandbox, which is held to recorded answers of AWS;
- a function is invoked for Secrets Manager as AWS does it: if the function's own policy lets it;
- AWS::SecretsManager::RotationSchedule calls RotateSecret, and CancelRotateSecret when it goes;
- the credentials that a function gets from its role are told to the sandbox, whose Datadog is asked to believe them.

The sandbox's Secrets Manager knows its own four functions alone: their names stand for those of the stack, whose prefix
is that of the function which was last attached. One stack at a time.

Environment: SANDBOX (the address of the sandbox's Secrets Manager), INVOCATIONS (the port on which its functions are
invoked), SESSIONS (the file for the credentials of roles), HOLD (a folder: while it has a file named like an operation of Secrets Manager, calls of that operation wait), and
MiniStack's own.
"""

import asyncio
import json
import os
import re
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from ministack import app
from ministack.core import iam_actions, lambda_runtime
from ministack.core.iam_evaluator import EvalContext, evaluate_resource_policy
from ministack.core.responses import set_request_account_id, set_request_region
from ministack.services import lambda_svc, secretsmanager
from ministack.services.cloudformation import provisioners

SANDBOX = os.environ["SANDBOX"]
ACCOUNT = os.environ["MINISTACK_ACCOUNT_ID"]
REGION = os.environ["MINISTACK_REGION"]
HOLD = Path(os.environ["HOLD"])
SESSIONS = Path(os.environ["SESSIONS"])
FUNCTION = re.compile(rb"(?<=:function:)([\w-]+?)-(api-key|application-key|admin-key|service-access-token)\b")
PRINCIPAL = "secretsmanager.amazonaws.com"
# What AWS says to RotateSecret of a function that does not let it in.
NOT_INVOCABLE = (
    "Secrets Manager cannot invoke the specified Lambda function. Ensure that the function policy grants access to the "
    "principal secretsmanager.amazonaws.com."
)


prefix = b"datadog-rotation"


class Refused(Exception):
    """An answer of Secrets Manager that is an error."""


def ask(operation: str, body: bytes) -> tuple[int, bytes]:
    """The sandbox's answer."""
    global prefix
    if operation == "RotateSecret" and (named := FUNCTION.search(body)):
        prefix = named[1]
    headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": f"secretsmanager.{operation}"}
    request = urllib.request.Request(SANDBOX, FUNCTION.sub(rb"datadog-\2", body), headers)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.read().replace(b":function:datadog-", b":function:" + prefix + b"-")
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def call(operation: str, **members) -> dict:
    status, body = ask(operation, json.dumps(members).encode())
    if status != 200:
        raise Refused(body.decode())
    return json.loads(body)


def describe(secret: str) -> dict | None:
    try:
        return call("DescribeSecret", SecretId=secret)
    except Refused:
        return None


def may_invoke(function: str, secret: str) -> bool:
    """Whether the function's own policy lets Secrets Manager invoke it for this secret."""
    found = lambda_svc.function_policy_for_arn(function)
    if not found or not found[0].get("Statement"):
        return False
    context = EvalContext(
        principal_arn=PRINCIPAL,
        principal_type="Service",
        principal_account="",
        action="lambda:InvokeFunction",
        resource_arn=function,
        region=REGION,
        service_context={"aws:sourcearn": secret, "aws:sourceaccount": ACCOUNT},
    )
    return evaluate_resource_policy(found[0], context, service=PRINCIPAL).decision == "Allow"


def refusal(message: str) -> tuple[int, bytes]:
    return 400, json.dumps({"__type": "AccessDeniedException", "Message": message}).encode()


def answer(operation: str, body: bytes) -> tuple[int, bytes]:
    """What Secrets Manager answers once IAM has let the call in."""
    while (HOLD / operation).exists():
        time.sleep(0.05)
    if operation == "RotateSecret":
        members = json.loads(body)
        secret = describe(members["SecretId"])
        function = members.get("RotationLambdaARN") or (secret or {}).get("RotationLambdaARN")
        if secret and function and not may_invoke(function, secret["ARN"]):
            return refusal(NOT_INVOCABLE)
    return ask(operation, body)


async def handle_request(method, path, headers, body, query_params):
    operation = headers.get("x-amz-target", "").split(".")[-1]
    status, content = await asyncio.to_thread(answer, operation, body)
    return status, {"Content-Type": "application/x-amz-json-1.1"}, content


def resolve(secret_id: str) -> tuple[str | None, dict | None]:
    """As MiniStack asks for the ARN that policies are held to."""
    secret = describe(secret_id)
    return (secret["Name"], secret) if secret else (None, None)


def condition_keys(service, action, body, params, others=iam_actions.request_tag_context) -> dict:
    """MiniStack's, with those of Secrets Manager: of the secret, and of the request."""
    keys = others(service, action, body, params)
    if service != "secretsmanager":
        return keys
    members = json.loads(body or b"{}")
    if "VersionStage" in members:
        keys["secretsmanager:VersionStage"] = members["VersionStage"]
    function = (describe(members["SecretId"]) or {}).get("RotationLambdaARN") if "SecretId" in members else None
    if function:
        keys["secretsmanager:resource/AllowRotationLambdaArn"] = function
    return keys


def rotate(physical_id: str | None, properties: dict) -> tuple[str, dict]:
    secret = describe(properties["SecretId"])
    function = properties["RotationLambdaARN"]
    if not may_invoke(function, secret["ARN"]):
        raise ValueError(NOT_INVOCABLE)
    rules = {name: it for name, it in properties["RotationRules"].items() if it}
    call(
        "RotateSecret",
        SecretId=secret["ARN"],
        ClientRequestToken=secretsmanager.new_uuid(),
        RotationLambdaARN=function,
        RotationRules=rules,
        RotateImmediately=str(properties.get("RotateImmediatelyOnUpdate", "true")).lower() == "true",
    )
    return secret["ARN"], {}


def cancel(physical_id: str, properties: dict):
    if describe(physical_id):
        call("CancelRotateSecret", SecretId=physical_id)


def told_credentials(config: dict, others=lambda_runtime.execution_credentials) -> dict[str, str]:
    """MiniStack's, once the sandbox can know them."""
    credentials = others(config)
    role = config["Role"].rsplit("/", 1)[-1]
    session = {
        "access_key_id": credentials["AWS_ACCESS_KEY_ID"],
        "secret_access_key": credentials["AWS_SECRET_ACCESS_KEY"],
        "session_token": credentials["AWS_SESSION_TOKEN"],
        "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/{config['FunctionName'][:64]}",
    }
    with SESSIONS.open("a") as file:
        file.write(json.dumps(session) + "\n")
    return credentials


class Invocations(BaseHTTPRequestHandler):
    """POST an event to /NAME, as the sandbox's functions do: invokes the function for Secrets Manager."""

    def do_POST(self):
        event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        set_request_account_id(ACCOUNT)
        set_request_region(REGION)
        name = f"{prefix.decode()}-{self.path.strip('/').removeprefix('datadog-')}"
        function = lambda_svc._functions.get(name)
        arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"
        if function is None or not may_invoke(arn, event["SecretId"]):
            body = {"errorType": "AccessDenied", "errorMessage": f"{name} is not there, or does not let the service in"}
            result = {"body": body, "error": True}
        else:
            result = lambda_svc._execute_function(function, event)
        content = json.dumps(result.get("body")).encode()
        # As the Runtime API tells an answer from an error.
        self.send_response(500 if result.get("error") else 200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *arguments):
        pass


def main():
    secretsmanager.handle_request = handle_request
    secretsmanager._resolve = resolve
    iam_actions.request_tag_context = condition_keys
    lambda_runtime.execution_credentials = lambda_svc.execution_credentials = told_credentials
    provisioners._RESOURCE_HANDLERS["AWS::SecretsManager::RotationSchedule"] = {
        "create": lambda logical_id, properties, stack: rotate(None, properties),
        "update": lambda physical_id, old, new, stack: rotate(physical_id, new),
        "delete": cancel,
    }
    server = ThreadingHTTPServer(("127.0.0.1", int(os.environ["INVOCATIONS"])), Invocations)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    app.main()


if __name__ == "__main__":
    main()
