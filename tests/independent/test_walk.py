"""Random walks: rotations of every type under drawn faults and kills; then nothing disturbs, and every promise must hold.

A failure names its seed. `tests/independent/run -k walk --walk-seed SEED` walks that way again, as far as the order of calls
made at once allows.
"""

import random
import threading
import time

import pytest
from datadog import ALL, NEEDED, Edge
from functions import STEPS
from world import FORBIDDEN, FORBIDDEN_PAGE, aws_error, cut_after, cut_before, done_but, done_but_slow, edit, first, half, kill_after, kill_before, refuse, slow

GONE = {"errors": ["API key not found"]}


def drop(name):
    def change(body):
        for item in body["data"] if isinstance(body.get("data"), list) else [body.get("data", {})]:
            item.get("attributes", {}).pop(name, None)
    return edit(change, f"without {name}")


def retype(name, value):
    def change(body):
        for item in body["data"] if isinstance(body.get("data"), list) else [body.get("data", {})]:
            if name in item.get("attributes", {}):
                item["attributes"][name] = value
    return edit(change, f"{name} is {value!r}")


def empty(body):
    if isinstance(body.get("data"), list):
        body["data"], body["meta"] = [], {"page": {"total_filtered_count": 0}}


# What may happen to any call, then to calls of one service. None of these may break a promise.
ANY = [cut_before, cut_after, half, slow(1), slow(3.5), done_but_slow(4), kill_before, kill_after]
DATADOG = [refuse(500), refuse(503), refuse(502, FORBIDDEN_PAGE), done_but(500), done_but(504, FORBIDDEN_PAGE), done_but(200, FORBIDDEN_PAGE),
           refuse(429, {"errors": ["slow down"]}, {"X-RateLimit-Reset": "1"}), refuse(401, FORBIDDEN), refuse(401, FORBIDDEN_PAGE),
           refuse(403, FORBIDDEN), refuse(403, FORBIDDEN_PAGE), done_but(401, FORBIDDEN), done_but(403, FORBIDDEN), refuse(404, GONE),
           refuse(404, FORBIDDEN_PAGE), done_but(404, GONE), refuse(409, {"errors": ["Conflict"]}), done_but(409, {"errors": ["Conflict"]}),
           refuse(400, {"errors": ["Bad Request"]}), refuse(301, "", {"Location": "http://127.0.0.1:9/"}), refuse(200, {"status": "error", "errors": ["no"]}),
           refuse(200, {}), refuse(200, {"data": []}), edit(empty, "an empty list"), drop("scopes"), drop("name"), drop("last4"), drop("created_at"),
           drop("category"), drop("key"), drop("expires_at"), drop("public_portion"), retype("created_at", 1795837052), retype("scopes", "all"), retype("status", "paused"), retype("name", None),
           retype("key", 7), edit(lambda body: {"data": None}, "no data"), edit(lambda body: [], "a list")]
AWS = [aws_error("ThrottlingException", "Rate exceeded"), aws_error("InternalServiceError", "oops", 500), refuse(503, FORBIDDEN_PAGE),
       aws_error("ResourceNotFoundException", "Secrets Manager can't find the specified secret value for VersionId: it"),
       aws_error("AccessDeniedException", "explicit deny"),
       aws_error("InvalidRequestException", "You can't do that now."), aws_error("ResourceExistsException", "exists"),
       done_but(500, {"__type": "InternalServiceError"}), done_but(503, FORBIDDEN_PAGE),
       aws_error("LimitExceededException", "too many versions"), aws_error("EncryptionFailure", "KMS"), edit(lambda body: {}, "nothing in it"),
       refuse(200, FORBIDDEN_PAGE)]


def settle_in(town, draw):
    """A secret of some type that has been rotated some times, in an organisation of some habits."""
    kind = draw.choice(["api", "app", "admin", "assisted", "token"])
    secret = town.add("admin", "assisted", adminSecretArn=town.admin.arn) if kind == "assisted" else town.add(kind)
    if kind == "api":
        town.key(secret).category, town.key(secret).remote_config = draw.choice(["default", "special"]), draw.choice([True, False])
    for _ in range(draw.choice([0, 1, 2])):
        town.succeed(secret)
        town.later()
    town.secrets.lag = draw.choice([0, 0, 1])
    town.datadog.dead_answer = draw.choice([(404, GONE), (204, ""), (403, FORBIDDEN)])
    town.datadog.token_in = draw.choice([{"bearer"}, {"header"}, {"bearer", "header"}])
    town.datadog.unique_tokens, town.datadog.reveals_dead_tokens, town.datadog.lists_ended_tokens = (draw.choice([True, False]) for _ in range(3))
    town.datadog.unique, town.datadog.reveals_dead = draw.choice([True, False]), draw.choice([True, False])
    lags = [0, 0, 0, 1, 2]
    town.datadog.edges = [Edge(*(draw.choice(lags) for _ in range(3))) for _ in range(draw.choice([1, 1, 2, 3]))]
    return secret


def overlaps(town, secret, ours, under_way):
    """What others may do while a call of ours is on its way. It goes on if nobody waits for the call any more."""
    def the_same_step():
        town.another(secret).step(ours.invocation.event["Step"], secret, ours.invocation.event["ClientRequestToken"], seconds=60)

    def the_rest():
        for step in STEPS[STEPS.index(ours.invocation.event["Step"]):]:
            town.another(secret).step(step, secret, ours.invocation.event["ClientRequestToken"], seconds=60)

    def the_admin():
        town.another(town.admin).rotate(town.admin, seconds=60)

    def happening(act, name):
        def told():
            ended = threading.Event()
            under_way.append(ended)
            try:
                act()
            finally:
                ended.set()
        return first(told, name)

    found = [happening(the_same_step, "after another environment did the same step"), happening(the_rest, "after another environment did the rest")]
    if secret is not town.admin:
        found.append(happening(the_admin, "after the admin rotated"))
    return found


def walk(towns, seed):
    """One world: a few disturbed rotations of a secret, then healing. How many faults were drawn, and how many met a call."""
    draw = random.Random(seed)
    reads = draw.random() < 0.75
    town = towns(seed, ALL if reads else NEEDED)
    secret = settle_in(town, draw)
    ours, rules, under_way = town.function(secret), [], []
    for _ in range(draw.choice([1, 2])):
        town.world.rules.clear()
        others = overlaps(town, secret, ours, under_way)
        for _ in range(draw.choice([1, 1, 2])):
            service, lies = draw.choice([("^(GET|POST|DELETE) ", ANY + DATADOG), ("^[A-Z][a-z]", ANY + AWS)])
            chosen = draw.choice(lies + others)
            times = 1 if chosen in others else draw.choice([1, 1, 1, 2, 5])
            rules.append(town.on(service, chosen, skip=draw.randrange(14), times=times, function=ours))
        town.rotate(secret, seconds=200 if any(rule.action in others for rule in town.world.rules) else 75)
        town.later(draw.choice([0, 1, 20]))
    town.secrets.lag = 0
    town.world.rules.clear()
    for other in under_way:
        assert other.wait(4 * 70), "another environment does not end"
    time.sleep(2)  # until every edge knows of everything
    if reads or secret.kind in ("app", "token"):  # API keys that can't be listed can't be found
        town.heal(secret)
    town.world.verdict()
    town.world.close()
    return len(rules), sum(1 for rule in rules if rule.met)


@pytest.mark.parametrize("walker", range(4))
def test_random_walk(towns, walker, request, record_property):
    seed, end = request.config.getoption("--walk-seed"), time.time() + request.config.getoption("--walk-seconds")
    if seed is not None:
        walk(towns, seed)
        return
    seeds, drawn, met = request.config.getoption("--walk-from") + walker * 1_000_000, 0, 0
    walks = 0
    while time.time() < end:
        try:
            faults = walk(towns, seeds + walks)
        except BaseException as error:
            raise AssertionError(f"seed {seeds + walks}: {error}") from error
        walks, drawn, met = walks + 1, drawn + faults[0], met + faults[1]
        towns.made.clear()
    record_property("walks", f"{walks} walks, {met} of {drawn} drawn faults met a call")
    assert met > drawn / 3, f"{met} of {drawn} drawn faults met a call"
