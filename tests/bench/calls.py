"""Calls of a rotation, counted on the way to the sandbox."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import urllib3
from contender import KINDS, Built, Contender
from process import Process
from sandbox import Sandbox


class Counter:
    """A proxy to one service."""

    def __init__(self, upstream: str):
        self.count = 0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler(self, upstream))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        host, port = self._server.server_address
        self.url = f"http://{host}:{port}"

    def close(self):
        self._server.shutdown()
        self._server.server_close()


def handler(counter: Counter, upstream: str) -> type[BaseHTTPRequestHandler]:
    pool = urllib3.PoolManager()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def forward(self):
            counter.count += 1
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name: text for name, text in self.headers.items() if name.lower() != "host"}
            answer = pool.request(self.command, upstream + self.path, body=body, headers=headers, retries=False)
            self.send_response(answer.status)
            for name, text in answer.headers.items():
                if name.lower() not in ("content-length", "transfer-encoding"):
                    self.send_header(name, text)
            if answer.status != 204:
                self.send_header("Content-Length", str(len(answer.data)))
            self.end_headers()
            self.wfile.write(answer.data)

        do_GET = do_POST = do_DELETE = forward

        def log_message(self, *_):
            pass

    return Handler


def count(built: Built, contender: Contender) -> dict[str, int]:
    """Calls of a later rotation, by kind."""
    counted = {}
    for kind in KINDS:
        with Sandbox(built) as sandbox:
            counters = {name: Counter(url) for name, url in sandbox.endpoints.items()}
            endpoints = {name: it.url for name, it in counters.items()}
            with Process(contender.commands[kind], endpoints | sandbox.settings | contender.environment) as process:
                sandbox.rotate(kind, process.invoke)
                before = sum(it.count for it in counters.values())
                sandbox.rotate(kind, process.invoke)
            counted[kind] = sum(it.count for it in counters.values()) - before
            for it in counters.values():
                it.close()
    return counted
