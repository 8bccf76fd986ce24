"""A world for each test, its verdict with the test, and its story where the test fails."""

import re
import time
from pathlib import Path

import pytest
from datadog import ALL
from functions import Function
from world import World


def pytest_addoption(parser):
    parser.addoption("--walk-seconds", type=float, default=60, help="how long the random walks go on")
    parser.addoption("--walk-seed", type=int, default=None, help="one walk with this seed, to repeat a failure")
    parser.addoption("--walk-from", type=int, default=0, help="the first seed of the walks")
    parser.addoption("--long", action="store_true", help="the cases that take a quarter of an hour too")


def pytest_configure(config):
    config.addinivalue_line("markers", "quarter_of_an_hour: runs with --long alone")


def pytest_collection_modifyitems(config, items):
    known = [line.split(" # ") for line in (Path(__file__).parent / "known-failures.txt").read_text().splitlines() if line and line[0] != "#"]
    for item in items:
        for name, reason in known:
            if name.strip() in (item.name, item.originalname):
                item.add_marker(pytest.mark.xfail(strict=True, reason=reason))
    if not config.getoption("--long"):
        chosen = [item for item in items if not item.get_closest_marker("quarter_of_an_hour")]
        config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
        items[:] = chosen


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem):
    result = yield
    for town in pyfuncitem.funcargs["towns"].made:
        town.world.verdict()
    return result


FUNCTIONS = {"api": "datadog-api-key", "app": "datadog-application-key", "token": "datadog-service-access-token"}


class Town:
    """A world with an admin secret and a secret of each type, and the functions that rotate them."""

    def __init__(self, seed=0, scopes=ALL, **environment):
        self.world = World(seed)
        self.datadog, self.secrets, self.on = self.world.datadog, self.world.secrets, self.world.on
        self.environment, self.made = environment, {}
        self.admin = self.add_admin("admin", scopes)

    def add_admin(self, name, scopes=ALL, **more):
        app, api = self.datadog.make("app", f"{name} app", scopes=sorted(scopes)), self.datadog.make("api", f"{name} api")
        value = {"adminApiKey": api.text, "adminApiKeyId": api.id, "adminAppKey": app.text, "adminAppKeyId": app.id,
                 "serviceAccountId": self.datadog.account, "site": "datadoghq.com"}
        return self.secrets.add(name, "admin", value, "datadog-admin-key", **more)

    def add(self, kind, name=None, fields=None, **more):
        """A secret with a key made by hand. `more` are attributes of the key, and tags."""
        tags = {k: more.pop(k) for k in list(more) if k in ("adminSecretArn", "graceRotations", "leakedVersion")}
        if kind == "admin":
            return self.admin if name is None else self.add_admin(name, **tags)
        key = self.datadog.make(kind, f"first {kind}", **({} if kind == "api" else {"scopes": ["dashboards_read", "monitors_read"]}) | more)
        return self.secrets.add(name or kind, kind, self.value(key) | (fields or {}), FUNCTIONS[kind], **tags)

    def value(self, key):
        if key.kind == "api":
            return {"apiKey": key.text, "apiKeyId": key.id}
        if key.kind == "token":
            return {"serviceAccessToken": key.text, "serviceAccessTokenId": key.id, "serviceAccountId": key.owner}
        return {"appKey": key.text, "appKeyId": key.id, "serviceAccountId": self.datadog.account}

    def another(self, secret, **environment):
        """One more execution environment of the secret's function."""
        admin = {"ADMIN_SECRET_ARN": self.admin.arn} if secret.kind != "admin" else {}
        return Function(self.world, secret.function, **(admin | self.environment | environment))

    def function(self, secret, **environment):
        """The process that rotates the secret; a new one if it gets variables."""
        if environment or secret.function not in self.made:
            self.made[secret.function] = self.another(secret, **environment)
        return self.made[secret.function]

    def rotate(self, secret, **more):
        return self.function(secret).rotate(secret, **more)

    def succeed(self, secret, times=1):
        for _ in range(times):
            done = self.rotate(secret)
            assert done[-1].ok, done[-1]
        return done

    def step(self, secret, step, token=None, seconds=90):
        return self.function(secret).step(step, secret, token or self.secrets.begin(secret), seconds)

    def keys(self, secret, stage="AWSCURRENT"):
        return self.world.promises.named(secret, stage)

    def key(self, secret, stage="AWSCURRENT"):
        return self.keys(secret, stage)[0]

    def later(self, minutes=16):
        self.world.age(60 * minutes)

    def heal(self, *secrets):
        """Nothing disturbs any more; 16 minutes later the next rotation leaves nothing over."""
        self.world.rules.clear()
        for secret in secrets:
            for _ in range(3):  # a pending key that is dead ends one rotation, so that the next can begin
                self.later()
                done = self.rotate(secret)
                if done[-1].ok or done[-1].type not in ("PendingKeyDead", "NoStagingLabel"):
                    break
            assert done[-1].ok, done[-1]
            self.world.promises.at_rest(secret)

    def sent(self, pattern, since=0.0):
        return [call for call in self.world.calls if re.search(pattern, call.line) and call.time >= since]


@pytest.fixture(autouse=True)
def towns():
    """Makes worlds; closes them, and prints their stories for pytest to show of a test that fails."""
    def make(*options, **more):
        make.made.append(Town(*options, **more))
        return make.made[-1]

    make.made, start = [], time.time()
    yield make
    for town in make.made:
        town.world.close()
    for town in make.made[-1:]:
        print(town.world.story(), f"\n{time.time() - start:.1f} s")


@pytest.fixture
def town(towns):
    return towns()
