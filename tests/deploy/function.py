"""What the sandbox takes for a function's executable: hands each event on to the function in the cloud.

Copied to a file of the function's name, with the addresses below filled in.
"""

import json
import os
import time
import urllib.error
import urllib.request
from pathlib import Path

NAME = Path(__file__).name
HOLD = Path("{hold}")
INVOCATIONS = "http://127.0.0.1:{port}"
# Until this is there nothing is deployed, and the sandbox's own secrets are only attached.
DEPLOYED = Path("{deployed}")
RUNTIME = f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}/2018-06-01/runtime/invocation"


def post(url: str, body: bytes) -> tuple[bool, bytes]:
    """Whether it is an answer, and what it is."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body)) as answer:
            return True, answer.read()
    except urllib.error.HTTPError as error:
        return False, error.read()


while True:
    with urllib.request.urlopen(f"{RUNTIME}/next") as invocation:
        request, event = invocation.headers["Lambda-Runtime-Aws-Request-Id"], invocation.read()
    # While the folder has a file of its name, a step is not begun.
    while (HOLD / json.loads(event)["Step"]).exists():
        time.sleep(0.05)
    succeeded, body = post(f"{INVOCATIONS}/{NAME}", event) if DEPLOYED.exists() else (True, b"null")
    post(f"{RUNTIME}/{request}/{'response' if succeeded else 'error'}", body)
