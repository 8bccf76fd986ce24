"""A function's process, and the Runtime API that it polls. Times are in seconds, by this process's clock."""

import json
import os
import selectors
import signal
import socket
import tempfile
import time
import uuid
from pathlib import Path
from typing import NamedTuple

from share import Group

TIMEOUT = 120
ARN = "arn:aws:lambda:us-east-1:123456789012:function:measured"


class Invocation(NamedTuple):
    # From the event to the answer.
    seconds: float
    # What the process computed for it, the next request for work included.
    cpu_seconds: float


class Process:
    """Started when it is made; ready when it has asked for work."""

    def __init__(self, command: list[str], environment: dict[str, str], megabytes: int | None = None):
        """With the share of a processor that this much memory has at Lambda, or all of one."""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._folder = tempfile.TemporaryDirectory()
        self._output = Path(self._folder.name, "output")
        host, port = self._listener.getsockname()
        variables = lambdas_own() | {"AWS_LAMBDA_RUNTIME_API": f"{host}:{port}"} | environment
        actions = [
            (os.POSIX_SPAWN_OPEN, 1, self._output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ]
        self._group = megabytes and Group(megabytes)
        if self._group:
            begun, overhead = self._launch(command, variables, actions)
        else:
            begun, overhead = time.perf_counter(), 0
            self.pid = os.posix_spawn(command[0], command, variables, file_actions=actions)
        self._end = os.pidfd_open(self.pid)
        self._selector.register(self._end, selectors.EVENT_READ)
        asked = self._wait_for_next()
        self.start_seconds = asked - begun
        self.start_cpu_seconds = self.cpu_seconds() - overhead

    def _launch(self, command: list[str], variables: dict[str, str], actions: list) -> tuple[float, float]:
        """When the command began, and the CPU time that its process had used before."""
        command = self._group.launching(command)
        hears, tells = os.pipe()
        actions = [*actions, (os.POSIX_SPAWN_DUP2, hears, 0)]
        self.pid = os.posix_spawn(command[0], command, variables, file_actions=actions)
        os.close(hears)
        self._group.wait_for(self.pid)
        overhead, begun = self.cpu_seconds(), time.perf_counter()
        os.write(tells, b"\n")
        os.close(tells)
        return begun, overhead

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def invoke(self, event: dict) -> Invocation:
        cpu, begun = self.cpu_seconds(), time.perf_counter()
        deadline = str(int((time.time() + TIMEOUT) * 1000))
        self._answer(
            200,
            json.dumps(event).encode(),
            {
                "Content-Type": "application/json",
                "Lambda-Runtime-Aws-Request-Id": str(uuid.uuid4()),
                "Lambda-Runtime-Deadline-Ms": deadline,
                "Lambda-Runtime-Invoked-Function-Arn": ARN,
            },
        )
        answered, method, path, body = self._request()
        assert method == "POST", (method, path)
        if not path.endswith("/response"):
            raise RuntimeError(f"{event['Step']} failed: {body.decode(errors='replace')}\n{self.output()}")
        self._answer(202, b"{}")
        self._wait_for_next()
        return Invocation(answered - begun, self.cpu_seconds() - cpu)

    def cpu_seconds(self) -> float:
        """User and system time of all threads since the start."""
        # The process's CPU clock, as clock_getcpuclockid(3) numbers it.
        return time.clock_gettime((~self.pid << 3) | 2)

    def peak_kib(self) -> int:
        """The most memory that was resident at once."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        [line] = [it for it in status.splitlines() if it.startswith("VmHWM:")]
        return int(line.split()[1])

    def output(self) -> str:
        return self._output.read_text(errors="replace")

    def close(self, with_signal: int = signal.SIGKILL):
        os.kill(self.pid, with_signal)
        os.waitpid(self.pid, 0)
        for key in list(self._selector.get_map().values()):
            self._selector.unregister(key.fileobj)
            if key.fileobj is not self._end:
                key.fileobj.close()
        os.close(self._end)
        if self._group:
            self._group.close()
        self._selector.close()

    def _wait_for_next(self) -> float:
        arrived, method, path, _ = self._request()
        assert (method, path) == ("GET", "/2018-06-01/runtime/invocation/next"), (method, path, self.output())
        return arrived

    def _request(self) -> tuple[float, str, str, bytes]:
        """When it arrived, its method, path and body. The next answer goes to it."""
        while True:
            ready = self._selector.select(TIMEOUT)
            arrived = time.perf_counter()
            if not ready:
                raise TimeoutError(f"nothing heard for {TIMEOUT} s: {self.output()}")
            for key, _ in ready:
                if key.fileobj is self._listener:
                    connection, _ = self._listener.accept()
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    self._selector.register(connection, selectors.EVENT_READ)
                elif key.fileobj is self._end:
                    raise RuntimeError(f"the process has ended: {self.output()}")
                elif request := read(key.fileobj):
                    self._connection = key.fileobj
                    return arrived, *request
                else:
                    self._selector.unregister(key.fileobj)
                    key.fileobj.close()

    def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None):
        lines = [f"HTTP/1.1 {status} OK", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {text}" for name, text in (headers or {}).items()]
        self._connection.sendall("\r\n".join([*lines, "", ""]).encode() + body)


def read(connection: socket.socket) -> tuple[str, str, bytes] | None:
    """A request's method, path and body; nothing if the connection was closed."""
    received = b""

    def more():
        nonlocal received
        piece = connection.recv(65536)
        received += piece
        return piece

    while b"\r\n\r\n" not in received:
        if not more():
            return None
    head, _, received = received.partition(b"\r\n\r\n")
    line, *headers = head.decode().split("\r\n")
    headers = {name.lower(): text.strip() for name, _, text in (it.partition(":") for it in headers)}
    if headers.get("transfer-encoding", "").lower() == "chunked":
        while not received.endswith(b"0\r\n\r\n"):
            more()
        received = unchunked(received)
    else:
        while len(received) < int(headers.get("content-length", 0)):
            more()
    method, path, _ = line.split()
    return method, path, received


def unchunked(text: bytes) -> bytes:
    body = b""
    while text:
        size, _, text = text.partition(b"\r\n")
        body, text = body + text[: int(size, 16)], text[int(size, 16) + 2 :]
    return body


def lambdas_own() -> dict[str, str]:
    """The variables that Lambda sets for every function."""
    return {
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "AWS_SESSION_TOKEN": "session",
        "AWS_LAMBDA_FUNCTION_NAME": "measured",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
        "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/measured",
        "AWS_LAMBDA_LOG_STREAM_NAME": "measured",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
    }
