"""The real binaries, as processes under a Lambda Runtime API of our own."""

import json
import os
import queue
import re
import subprocess
import threading
import time
import uuid

from secrets_manager import ACCOUNT, REGION
from world import Answer, Listener

STEPS = ["createSecret", "setSecret", "testSecret", "finishSecret"]
BINARIES = os.environ.get("BINARIES", os.path.join(os.path.dirname(__file__), "../../target/debug"))
SECRET_KEY, SESSION = "wJalrXUtnFEMI-K7MDENG-not-a-key", "FwoGZXIvYXdzEJr-not-a-session"


class Invocation:
    def __init__(self, event, seconds):
        self.event, self.id, self.deadline = event, str(uuid.uuid4()), time.time() + seconds
        self.done, self.report, self.lines = threading.Event(), None, []
        self.replaced = set()  # ids of the keys whose value it has replaced as AWSCURRENT
        self.began = time.time()

    @property
    def ok(self):
        return self.report is not None and self.report[0] == "response"

    @property
    def type(self):
        """The error's type, or what became of the process."""
        if self.report is None:
            return "killed"
        return "" if self.ok else self.report[1].get("errorType", "")

    @property
    def text(self):
        return "" if self.report is None or self.ok else str(self.report[1].get("errorMessage", ""))

    @property
    def output(self):
        return "\n".join(self.lines)

    def __repr__(self):
        return f"{self.event.get('Step')}: {'ok' if self.ok else f'{self.type}: {self.text}'}"


class Function:
    """One execution environment of a function: its process, and the ports that only this process knows."""

    def __init__(self, world, binary, name=None, tls=None, **environment):
        self.world, self.binary, self.name, self.invocation, self.process, self.runtime = world, binary, name or binary.removeprefix("datadog-"), None, None, None
        self.lines, self.told, self.reports, self.idle, self.ending = [], [], {}, threading.Event(), threading.Lock()
        self.aws = Listener(lambda *request: world.serve(self, "aws", *request))
        self.datadog = Listener(lambda *request: world.serve(self, "datadog", *request), tls)
        self.environment = {
            "AWS_ENDPOINT_URL_SECRETS_MANAGER": self.aws.url, "DATADOG_API_URL": self.datadog.url, "RUST_LOG": "trace",
            "AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION, "AWS_ACCESS_KEY_ID": self.binary,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY, "AWS_SESSION_TOKEN": SESSION, "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_LAMBDA_FUNCTION_NAME": binary, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128", "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand", "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{binary}",
            "AWS_LAMBDA_LOG_STREAM_NAME": "one", "AWS_LAMBDA_LOG_FORMAT": "JSON", "_HANDLER": "bootstrap", **environment}
        world.functions.append(self)

    def start(self):
        self.queue, self.idle = queue.Queue(), threading.Event()
        events, idle = self.queue, self.idle
        self.runtime = Listener(lambda *request: self.run(events, idle, *request))
        environment = {k: v for k, v in self.environment.items() if v is not None}
        environment["AWS_LAMBDA_RUNTIME_API"] = self.runtime.url.removeprefix("http://")
        self.process = subprocess.Popen([os.path.join(BINARIES, self.binary)], env=environment, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
        process = self.process
        self.reader = threading.Thread(target=lambda: self.lines.extend(line.rstrip("\n") for line in process.stdout), daemon=True)
        self.reader.start()

    def run(self, events, idle, method, path, headers, body):
        """Lambda's Runtime API, as far as a custom runtime uses it."""
        _, _, call = path.partition("/2018-06-01/runtime/")
        if (method, call) == ("GET", "invocation/next"):
            idle.set()
            invocation = events.get()
            idle.clear()
            return invocation and Answer(200, invocation.event, {
                "Lambda-Runtime-Aws-Request-Id": invocation.id, "Lambda-Runtime-Deadline-Ms": str(int(invocation.deadline * 1000)),
                "Lambda-Runtime-Invoked-Function-Arn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{self.binary}",
                "Lambda-Runtime-Trace-Id": "Root=1-5759e988-bd862e3fe1be46a994272793"})
        report = json.loads(body or b"null")
        self.told.append(report)
        if call == "init/error":
            self.reports["init"] = report
            return Answer(202, {"status": "OK"})
        found = re.fullmatch(r"invocation/([^/]+)/(response|error)", call)
        if not found or not self.invocation or found[1] != self.invocation.id:
            self.world.breaks("Runtime API", f"{method} {path} names no invocation that is under way")
            return Answer(400, {"errorType": "InvalidRequestID", "errorMessage": "Invalid request ID"})
        if self.invocation.report:
            self.world.breaks("Runtime API", f"{method} {path} is a second report")
            return Answer(403, {"errorType": "InvalidStateTransition", "errorMessage": "State transition is not allowed"})
        self.invocation.report = (found[2], report)
        self.invocation.done.set()
        return Answer(202, {"status": "OK"})

    def invoke(self, event, seconds=90):
        if not self.process or self.process.poll() is not None:
            self.kill()
            self.start()
        invocation, start = Invocation(event, seconds), len(self.lines)
        self.world.promises.begins(self, invocation)
        self.invocation = invocation
        self.queue.put(invocation)
        while not invocation.done.wait(0.02) and self.process.poll() is None:
            if time.time() > invocation.deadline + 0.5:
                self.world.breaks("time", f"{event.get('Step')} is still at work at its deadline")
                self.kill()
        invocation.seconds = time.time() - invocation.began
        if self.process.poll() is None:
            self.idle.wait(2)   # what it prints, it has printed when it asks for more
            time.sleep(0.02)
        else:
            self.reader.join(2)
        invocation.lines = self.lines[start:]
        self.world.promises.ended(self, invocation)
        self.invocation = None
        return invocation

    def step(self, step, secret, token, seconds=90):
        return self.invoke({"Step": step, "SecretId": secret.arn, "ClientRequestToken": token, "RotationToken": secret.rotation_token}, seconds)

    def rotate(self, secret, steps=STEPS, seconds=90):
        """As Secrets Manager does: the steps in order, until one fails."""
        token, done = self.world.secrets.begin(secret), []
        for step in steps:
            done.append(self.step(step, secret, token, seconds))
            if not done[-1].ok:
                break
        return done

    def kill(self):
        with self.ending:
            if self.process and self.runtime:
                self.process.kill()
                self.process.wait()
                self.queue.put(None)
                self.runtime.shutdown()
                self.runtime.server_close()
                self.runtime = None

    def close(self):
        self.kill()
        for listener in (self.aws, self.datadog):
            listener.shutdown()
            listener.server_close()
