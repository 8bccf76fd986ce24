"""Runs one function binary as Lambda does: a Runtime API of three routes, and the process that polls it."""

import json
import queue
import subprocess
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

TIMEOUT_SECONDS = 60
ARN = "arn:aws:lambda:us-east-1:123456789012:function:"


class FunctionError(Exception):
    """The function answered an invocation with an error."""

    def __init__(self, error: dict):
        super().__init__(f"{error.get('errorType')}: {error.get('errorMessage')}")
        self.type = error.get("errorType")
        self.message = error.get("errorMessage")


class Function:
    """A function binary that is invoked one event at a time."""

    def __init__(self, binary: Path, environment: dict[str, str], log: Path):
        self.name = binary.name
        self.arn = ARN + binary.name
        self.log = log
        self.events = queue.Queue()
        self.answers = queue.Queue()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), runtime_api(self))
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [binary], env=self._environment() | environment, stdout=output, stderr=subprocess.STDOUT
            )

    def invoke(self, event: dict):
        """The function's answer. Raises FunctionError when it is an error."""
        self.events.put(event)
        failed, answer = self._wait()
        if failed:
            raise FunctionError(answer)
        return answer

    def output(self) -> str:
        """Everything that the process has printed so far."""
        return self.log.read_text()

    def close(self):
        self._process.kill()
        self._process.wait()
        self.events.put(None)
        self._server.shutdown()
        self._server.server_close()

    def _wait(self):
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while time.monotonic() < deadline:
            try:
                return self.answers.get(timeout=0.1)
            except queue.Empty:
                if self._process.poll() is not None:
                    raise RuntimeError(f"{self.name} ended with {self._process.returncode}: {self.output()}") from None
        raise TimeoutError(f"{self.name} gave no answer in {TIMEOUT_SECONDS} s: {self.output()}")

    def _environment(self) -> dict[str, str]:
        host, port = self._server.server_address
        return {
            "AWS_LAMBDA_RUNTIME_API": f"{host}:{port}",
            "AWS_LAMBDA_FUNCTION_NAME": self.name,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "AWS_SESSION_TOKEN": "session",
        }


def runtime_api(function: Function) -> type[BaseHTTPRequestHandler]:
    """The routes that the function's process polls and answers."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            assert self.path == "/2018-06-01/runtime/invocation/next", self.path
            event = function.events.get()
            if event is None:  # the process is dead
                self.close_connection = True
                return
            self.send_response(200)
            body = json.dumps(event).encode()
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Lambda-Runtime-Aws-Request-Id", str(uuid.uuid4()))
            self.send_header("Lambda-Runtime-Deadline-Ms", str(int((time.time() + TIMEOUT_SECONDS) * 1000)))
            self.send_header("Lambda-Runtime-Invoked-Function-Arn", function.arn)
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            function.answers.put((self.path.endswith("/error"), json.loads(body)))
            self.send_response(202)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    return Handler
