"""A second, small stand-in for AWS Secrets Manager and Datadog, for reviewers who do not want to trust one world.

Who it is for: anyone who asks whether the functions keep their promises in a world that their authors did not write.
Sources: the public documentation of AWS and Datadog, recorded answers of both services, the project's README, docs,
events and template. Nothing here was written from tests/sandbox or from the functions' code, and nothing may be: two
worlds with two authors disagree where one of them assumes. Keep it so, even where a copy would be shorter.

The parts: this file has the gate, through which every call passes, and its lies. `secrets_manager.py`, `datadog.py` and `tokens.py`
hold the state of the two services, `functions.py` runs the real binaries, `promises.py` checks what README promises
after every call.
"""

import json
import random
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MARK = "body-of-a-refusal-7f3a91"  # in the bodies of lies: no log may quote a body
FORBIDDEN = {"status": "error", "code": 403, "errors": ["Forbidden"], "statuspage": "http://status.datadoghq.com", "note": MARK}
FORBIDDEN_PAGE = f"<html><body><h1>403 Forbidden</h1>\nRequest forbidden by administrative rules. {MARK}\n</body></html>\n"


class Answer:
    """An HTTP answer. A body that is no text is sent as JSON."""

    def __init__(self, status, body="", headers=None, cut=None):
        self.status, self.body, self.headers, self.cut = status, body, headers or {}, cut

    def encode(self):
        if isinstance(self.body, str):
            return self.body.encode(), "text/html; charset=utf-8"
        return json.dumps(self.body).encode(), "application/json"


class Call:
    """One request to one of the services, as it is logged."""

    def __init__(self, function, service, method, target, headers, body):
        self.function, self.service, self.method, self.headers = function, service, method, headers
        self.path, _, self.query = target.partition("?")
        self.body = json.loads(body) if body else {}
        self.invocation = function.invocation
        self.step = self.invocation.event.get("Step", "") if self.invocation else ""
        self.time, self.who, self.effect, self.lie, self.answer, self.keys, self.made = time.time(), "nobody", "", "", None, set(), None
        if service == "aws":  # the story names the operation and what it is about, never a value
            self.operation = headers.get("X-Amz-Target", "").partition(".")[2]
            about = [f"{k}={self.body[k]}" for k in ("VersionId", "ClientRequestToken", "VersionStage", "VersionStages",
                     "MoveToVersionId", "RemoveFromVersionId", "NextToken") if self.body.get(k)]
            self.line = " ".join([self.operation, str(self.body.get("SecretId")).rpartition(":")[2], *about])
        else:
            self.line = f"{method} {target}"

    def story(self, start):
        what = f" [{self.lie}]" if self.lie else ""
        status = self.answer.status if self.answer else "no answer"
        effect = f" => {self.effect}" if self.effect else ""
        return f"{self.time - start:7.2f} {self.function.name:>15} {self.step:<12} {self.line} by {self.who}{what} -> {status}{effect}"


# What the gate can do to a call. A lie gets the call and its effect; it may have the effect happen, and answers what it
# likes. No answer (None) cuts the connection.

def lie(name):
    def named(function):
        function.name = name
        return function
    return named


def refuse(status, body=None, headers=None, name=None):
    """Answers instead of the effect."""
    body = {"errors": [MARK]} if body is None else body
    return lie(name or f"refused with {status}")(lambda call, effect: Answer(status, body, headers))


def done_but(status, body=None):
    """Has the effect, and answers otherwise."""
    body = {"errors": [MARK]} if body is None else body
    return lie(f"done, but answered {status}")(lambda call, effect: (effect(), Answer(status, body))[1])


def aws_error(code, text="", status=400):
    return refuse(status, {"__type": code, "Message": text}, {"x-amzn-errortype": code}, code)


def edit(change, name="edited"):
    """Has the effect, and changes the answer's JSON in place, or replaces it by what `change` returns."""
    def act(call, effect):
        answer = effect()
        if answer.status < 300 and not isinstance(answer.body, str):
            body = json.loads(json.dumps(answer.body))
            changed = change(body)
            answer = Answer(answer.status, body if changed is None else changed, answer.headers)
        return answer
    return lie(name)(act)


def first(happening, name="after something else happened"):
    """Lets something else happen before the effect, such as another rotation's step."""
    return lie(name)(lambda call, effect: (happening(), effect())[1])


def then(happening, name="and then something else happened"):
    return lie(name)(lambda call, effect: (effect(), happening())[0])


def slow(seconds):
    return lie(f"{seconds} s later")(lambda call, effect: (time.sleep(seconds), effect())[1])


def done_but_slow(seconds):
    return lie(f"done, answered {seconds} s later")(lambda call, effect: (effect(), time.sleep(seconds))[0])


def half(call, effect):
    """Has the effect, and cuts the connection in the middle of the answer's body."""
    answer = effect()
    return Answer(answer.status, answer.body, answer.headers, cut=len(answer.encode()[0]) // 2)


half.name = "done, and half an answer"
cut_before = lie("cut before the effect")(lambda call, effect: None)
cut_after = lie("cut after the effect")(lambda call, effect: (effect(), None)[1])
kill_before = lie("process killed before the effect")(lambda call, effect: call.function.kill())
kill_after = lie("process killed after the effect")(lambda call, effect: (effect(), call.function.kill())[1])


class Rule:
    def __init__(self, pattern, action, times, skip, step, function):
        self.pattern, self.action, self.times, self.skip, self.step, self.function = re.compile(pattern), action, times, skip, step, function
        self.met = 0

    def fits(self, call):
        if self.step not in (None, call.step) or self.function not in (None, call.function) or not self.pattern.search(call.line):
            return False
        self.skip -= 1
        if self.skip >= 0 or self.met >= self.times:
            return False
        self.met += 1
        return True


class World:
    """Both services, the gate before them, and the log of what passed it."""

    def __init__(self, seed=0):
        from datadog import Datadog
        from promises import Promises
        from secrets_manager import SecretsManager
        self.lock, self.random, self.start = threading.RLock(), random.Random(seed), time.time()
        self.calls, self.rules, self.broken, self.functions = [], [], [], []
        self.datadog, self.secrets, self.promises = Datadog(self), SecretsManager(self), Promises(self)

    def on(self, pattern, action, times=1, skip=0, step=None, function=None):
        """Has `action` meet the next calls whose line the pattern finds, after the first `skip` of them."""
        self.rules.append(Rule(pattern, action, times, skip, step, function))
        return self.rules[-1]

    def serve(self, function, service, method, target, headers, body):
        call = Call(function, service, method, target, headers, body)
        state = self.secrets if service == "aws" else self.datadog
        with self.lock:
            self.calls.append(call)
            rule = next((rule for rule in self.rules if rule.fits(call)), None)
            if service == "datadog" and method == "DELETE":
                self.datadog.authenticate(call, None)
                self.promises.deleting(call)

        def effect():
            with self.lock:
                answer = state.answer(call)
                self.promises.after(call)
                return answer

        if rule:
            call.lie = rule.action.name
        call.answer = rule.action(call, effect) if rule else effect()
        if call.made and call.answer and call.answer.status == 201 and call.made.id in call.answer.encode()[0].decode():
            call.made.told = True  # whoever asked has been told the id
        return call.answer

    def age(self, seconds):
        """Lets time pass: everything that has a date is that much older."""
        with self.lock:
            for thing in [*self.datadog.keys, *(v for s in self.secrets.secrets for v in s.versions.values())]:
                thing.created -= seconds
                if getattr(thing, "expires", None):
                    thing.expires -= seconds
            for secret in self.secrets.secrets:
                secret.forget()

    def breaks(self, promise, text):
        if f"{promise}: {text}" not in self.broken:
            self.broken.append(f"{promise}: {text}")

    def story(self):
        return "\n".join([call.story(self.start) for call in self.calls] + ["", *(f"BROKEN {b}" for b in self.broken)])

    def verdict(self):
        """Fails if anything was promised and not kept."""
        self.promises.printed()
        assert not self.broken, "\n".join(self.broken)

    def close(self):
        for function in self.functions:
            function.close()


class Listener(ThreadingHTTPServer):
    """A loopback port whose requests `answer` answers."""
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, answer, tls=None):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answer, self.tls = answer, tls
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def finish_request(self, request, address):
        if self.tls:  # in the connection's own thread: a client that breaks the handshake off stops nobody else
            request = self.tls.wrap_socket(request, server_side=True)
        super().finish_request(request, address)

    def handle_error(self, request, address):
        pass  # a process that was killed, or a client that refuses the certificate


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def handle_any(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        answer = self.server.answer(self.command, self.path, self.headers, body)
        if answer is None:
            self.close_connection = True
            return
        body, kind = answer.encode()
        head = {"Content-Type": kind, "Date": self.date_time_string(), **answer.headers}
        if answer.status != 204:
            head["Content-Length"] = str(len(body))
        lines = [f"HTTP/1.1 {answer.status} {self.responses.get(answer.status, ('',))[0]}", *(f"{k}: {v}" for k, v in head.items())]
        self.wfile.write("\r\n".join([*lines, "", ""]).encode() + (body[:answer.cut] if answer.status != 204 else b""))
        self.close_connection |= answer.cut is not None

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_CONNECT = handle_any

    def log_message(self, *_):
        pass
