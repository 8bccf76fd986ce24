"""Datadog: an organisation with API keys, application keys and service accounts, behind edges that learn at their own pace.

From Datadog's API reference and OpenAPI document, recorded exchanges of its own clients' tests, and public threads.
"""

import base64
import json
import re
import secrets
import string
import time
import uuid
from collections import namedtuple
from datetime import UTC, datetime
from urllib.parse import parse_qs

from tokens import Tokens
from world import FORBIDDEN, Answer

NEEDED = {"api_keys_write", "api_keys_delete", "org_app_keys_read", "org_app_keys_write", "service_account_write"}
ALL = NEEDED | {"api_keys_read"}
OTHERS = {"dashboards_read", "monitors_read", "metrics_read"}
DAY = 86400

# How many seconds after a key is made or deleted an edge knows of it: to authenticate, by its id, and in lists.
Edge = namedtuple("Edge", "auth by_id lists", defaults=(0, 0, 0))


class Key:
    def __init__(self, kind, name, text, owner=None, scopes=None, category="default", remote_config=True, enroll=False, expires=None):
        self.kind, self.name, self.text, self.owner, self.scopes = kind, name, text, owner, scopes
        self.id, self.created, self.gone, self.status = str(uuid.uuid4()), time.time(), None, None
        self.category, self.remote_config, self.enroll = category, remote_config, enroll
        self.expires = expires   # when a token ends by itself
        self.gone_by = None      # the function whose call deleted it, or "a person"
        self.made_for = None     # the ARN of the secret whose rotation made it, and the version that it was made for
        self.made_under = None
        self.invocation, self.told = None, False

    @property
    def live(self):
        return self.gone is None and not self.ended

    @property
    def ended(self):
        return self.expires is not None and self.expires <= time.time()

    def known(self, lag):
        """Whether who is so far behind takes it for live."""
        now = time.time()
        return self.created + lag <= now and not self.ended and (self.gone is None or now < self.gone + lag)

    def there(self, lag):
        """Whether who is so far behind has heard of it at all."""
        return self.created + lag <= time.time()

    def __repr__(self):
        return f"{self.kind} key {self.id} ({self.name})"


class Datadog(Tokens):
    SCOPES = ALL | OTHERS

    def __init__(self, world):
        super().__init__()
        self.world, self.keys, self.edges = world, [], [Edge()]
        self.in_turn = None            # itertools.count(): each call meets the next edge, not just any
        self.org = str(uuid.uuid4())
        self.account, self.other = str(uuid.uuid4()), str(uuid.uuid4())
        self.roles = {self.account: ALL | OTHERS, self.other: ALL | OTHERS}
        self.tokens = {}               # delegated tokens, and the account that each is of
        self.token_refused = None      # calls, as a pattern, that a delegated token may not make
        self.dead_answer = (404, {"errors": ["API key not found"]})  # DELETE of an API key that is revoked
        self.reveals_dead = True       # GET of a revoked API key: 200 with its status, or 404
        self.quota, self.page, self.takes_enroll, self.unique, self.validates_v2 = 200, 100, True, True, True
        self.text = {"api": lambda: secrets.token_hex(16),
                     "app": lambda: "ddapp_" + "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(34)),
                     "token": self.token_text}
        self.rename = lambda name: name  # what becomes of the name of a new key

    def make(self, kind, name="by hand", age=30 * DAY, **more):
        """A person makes a key."""
        owner = None if kind == "api" else more.pop("owner", self.account)
        key = Key(kind, name, self.text[kind](), owner, **more)
        key.created -= age
        self.keys.append(key)
        return key

    def revoke(self, key):
        """A person deletes a key."""
        key.gone, key.gone_by = time.time(), "a person"

    def by_id(self, id):
        return next((key for key in self.keys if key.id == id), None)

    def by_text(self, text):
        return next((key for key in self.keys if text and key.text == text), None)

    def is_text_of(self, kind, text, id):
        key = self.by_id(id)
        return bool(key) and key.kind == kind and key.text == text

    def live(self, kind=None):
        return [key for key in self.keys if key.live and kind in (None, key.kind)]

    # Who calls.

    def authenticate(self, call, edge):
        """(account, permissions) of the caller, or None; without an edge only notes whose keys the call carries."""
        lag = edge.auth if edge else 0
        call.token = None
        bearer = re.fullmatch(r"Bearer (.+)", call.headers.get("Authorization", ""))
        if bearer and not bearer[1].startswith("ddsat_"):
            account = self.tokens.get(bearer[1])
            call.who = "a token" if account else "an unknown token"
            return (account, self.roles[account]) if account else None
        api, app = (self.by_text(call.headers.get(name)) for name in ("DD-API-KEY", "DD-APPLICATION-KEY"))
        call.keys = {key.id for key in (api, app) if key}
        call.who = " + ".join(f"{key.kind} {key.id[:8]}" if key else "?" for key in (api, app))
        token, taken = self.token_of(call, api, lag)
        if token:
            call.keys.add(token.id)
            call.who, call.token = f"token {token.id[:8]}", token
            return (token.owner, self.roles.get(token.owner, set()) & set(token.scopes)) if taken else None
        if not (api and app and api.kind == "api" and app.kind == "app" and api.known(lag) and app.known(lag)):
            return None
        role = self.roles.get(app.owner, set())
        return app.owner, role & set(app.scopes) if app.scopes else role

    ROUTES = [
        *Tokens.ROUTES,
        ("POST", r"/api/v2/api_keys", "api_keys_write", "create_api"),
        ("GET", r"/api/v2/api_keys", "api_keys_read", "list_api"),
        ("GET", r"/api/v2/api_keys/([^/]+)", "api_keys_read", "get_api"),
        ("DELETE", r"/api/v2/api_keys/([^/]+)", "api_keys_delete", "delete_api"),
        ("POST", r"/api/v2/service_accounts/([^/]+)/application_keys", "service_account_write", "create_app"),
        ("GET", r"/api/v2/service_accounts/([^/]+)/application_keys", "service_account_write", "list_app"),
        ("GET", r"/api/v2/service_accounts/([^/]+)/application_keys/([^/]+)", "service_account_write", "get_app"),
        ("DELETE", r"/api/v2/service_accounts/([^/]+)/application_keys/([^/]+)", "service_account_write", "delete_app"),
        ("GET", r"/api/v2/application_keys/([^/]+)", "org_app_keys_read", "get_org_app"),
        ("GET", r"/api/v2/current_user", None, "current_user"),
        ("GET", r"/api/v2/validate_keys", None, "validate_keys"),
    ]

    def answer(self, call):
        edge = self.edges[next(self.in_turn) % len(self.edges)] if self.in_turn else self.world.random.choice(self.edges)
        if call.path == "/api/v2/delegated-token":
            return self.delegated_token(call)
        if call.path in ("/api/v1/validate", "/api/v2/validate"):
            return self.validate(call, edge)
        caller = self.authenticate(call, edge)
        for method, path, permission, name in self.ROUTES:
            found = re.fullmatch(path, call.path)
            if found and method == call.method:
                if not caller:
                    return Answer(403, FORBIDDEN)
                refused = call.who == "a token" and self.token_refused and re.search(self.token_refused, call.line)
                refused = refused or call.token and name == "create_app"  # a token may not make application keys
                refused = refused or "access_tokens" in path and "service_account_write" not in caller[1]
                if refused or permission and permission not in caller[1]:
                    return Answer(403, {"errors": ["Forbidden"]})
                return getattr(self, name)(call, edge, caller, *found.groups())
        self.world.breaks("unknown call", call.line)
        return Answer(404, {"errors": ["Not found"]})

    def delegated_token(self, call):
        """The proof's signature is not checked here; its organisation is."""
        proof = call.headers.get("Authorization", "").removeprefix("Delegated ").split("|")
        try:
            signed = {k.lower(): v for k, v in json.loads(base64.b64decode(proof[1])).items()}
        except (ValueError, IndexError):
            return Answer(401, {"errors": [{"status": "401", "title": "Unauthorized"}]})
        if signed.get("x-ddog-org-id") != [self.org] or call.keys:
            return Answer(401, {"errors": [{"status": "401", "title": "Unauthorized", "detail": "no such organisation"}]})
        token = f"eyJ{secrets.token_urlsafe(60)}"
        self.tokens[token], call.who = self.account, "a proof"
        attributes = {"access_token": token, "expires": str(int(time.time()) + 900)}
        return Answer(200, {"data": {"type": "delegated_token", "id": str(uuid.uuid4()), "attributes": attributes}})

    def validate(self, call, edge):
        text = call.headers.get("DD-API-KEY")
        key = self.by_text(text)
        call.who = f"api {key.id[:8]}" if key else "?"
        if not text:
            return Answer(403, {"errors": ["API key required"]})
        if not (key and key.kind == "api" and key.known(edge.auth)):
            return Answer(403, FORBIDDEN)
        if call.path == "/api/v1/validate":
            return Answer(200, {"valid": True})
        if not self.validates_v2:  # it is a preview, and need not be there
            return Answer(404, {"errors": ["Not found"]})
        return Answer(200, {"data": {"type": "validate_v2", "id": self.org, "attributes": {"api_key_id": key.id, "api_key_scopes": [], "valid": True}}})

    def validate_keys(self, call, edge, caller):
        return Answer(200, {"status": "ok"})

    def current_user(self, call, edge, caller):
        permissions = {name: str(uuid.uuid5(uuid.NAMESPACE_DNS, name)) for name in sorted(self.roles[caller[0]])}
        role = {"type": "roles", "id": str(uuid.uuid4()), "attributes": {"name": "rotation"},
                "relationships": {"permissions": {"data": [{"type": "permissions", "id": id} for id in permissions.values()]}}}
        org = {"type": "orgs", "id": self.org, "attributes": {"name": "an organisation", "public_id": "abc123", "disabled": False}}
        return Answer(200, {
            "data": {"type": "users", "id": caller[0],
                     "attributes": {"uuid": caller[0], "name": None, "handle": caller[0], "service_account": True, "disabled": False,
                                    "status": "Active", "verified": True, "last_login_time": None, "created_at": "2024-01-01T00:00:00.000001+00:00"},
                     "relationships": {"roles": {"data": [{"type": "roles", "id": role["id"]}]}, "org": {"data": {"type": "orgs", "id": self.org}},
                                       "team_roles": {"data": []}}},
            "included": [org, role, *({"type": "permissions", "id": id, "attributes": {
                "name": name, "display_name": name, "description": "", "created": "2019-09-10T14:39:51.955175+00:00",
                "group_name": "API and Application Keys", "display_type": "other", "restricted": False}} for name, id in permissions.items())]})

    # Keys.

    @staticmethod
    def date(seconds):
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f+00:00")

    def show(self, key, text=False, owner=False):
        if key.kind == "token":
            return self.show_token(key, text)
        attributes = {"name": key.name, "created_at": self.date(key.created), "last4": key.text[-4:], **({"key": key.text} if text else {})}
        relations = {"leak_information": {"data": None}}
        if key.kind == "api":
            person = {"data": {"type": "users", "id": self.account}}
            relations |= {"created_by": person, "modified_by": person}
            attributes |= {"modified_at": self.date(key.created), "remote_config_read_enabled": key.remote_config, "category": key.category,
                           "private_action_runner_enroll_enabled": key.enroll, "date_last_used": None, "used_in_last_24_hours": False}
            if key.status or not key.live:
                attributes["status"] = "revoked" if not key.live else key.status
        else:
            attributes |= {"scopes": key.scopes, "last_used_at": None}
            if owner:
                relations["owned_by"] = {"data": {"type": "users", "id": key.owner}}
        return {"type": "api_keys" if key.kind == "api" else "application_keys", "id": key.id, "attributes": attributes, "relationships": relations}

    def create(self, call, kind, **more):
        asked, noun = call.body["data"]["attributes"], "API" if kind == "api" else "application"
        if call.body["data"].get("type") != {"api": "api_keys", "app": "application_keys", "token": "service_access_tokens"}[kind] or not asked.get("name"):
            return Answer(400, {"errors": ["Bad Request"]})
        if kind == "api" and len(self.live("api")) >= self.quota:
            return Answer(400, {"errors": [f"You have exceeded the maximum number of permitted {noun} keys"]})
        if (self.unique_tokens if kind == "token" else self.unique) and any(key.name == asked["name"] for key in self.live(kind)):
            return Answer(409, {"errors": ["Name conflict"]})
        key = Key(kind, self.rename(asked["name"]), self.text[kind](), **more)
        if call.invocation:
            key.invocation, key.made_for, key.made_under = call.invocation, *map(call.invocation.event.get, ("SecretId", "ClientRequestToken"))
        self.keys.append(key)
        call.made, call.effect = key, f"made {key}"
        answer = self.show(key, text=True, owner=True)
        if kind == "api":  # as recorded, a new key has no date of its last use
            answer["attributes"] = {k: v for k, v in answer["attributes"].items() if "used" not in k}
        return Answer(201, {"data": answer})

    def create_api(self, call, edge, caller):
        asked = call.body["data"]["attributes"]
        known = {"name", "category", "remote_config_read_enabled"} | ({"private_action_runner_enroll_enabled"} if self.takes_enroll else set())
        if set(asked) - known:
            return Answer(400, {"errors": ["Invalid attribute"]})
        return self.create(call, "api", category=asked.get("category", "default"), remote_config=asked.get("remote_config_read_enabled", True),
                           enroll=asked.get("private_action_runner_enroll_enabled", False))

    def create_app(self, call, edge, caller, account):
        scopes = call.body["data"]["attributes"].get("scopes")
        if account not in self.roles:
            return Answer(404, {"errors": ["user not found"]})
        if scopes and set(scopes) - ALL - OTHERS:
            return Answer(400, {"errors": ["Invalid scopes"]})
        return self.create(call, "app", owner=account, scopes=scopes)

    def listed(self, call, edge, kind, meta, owner=None):
        asked = {name: values[0] for name, values in parse_qs(call.query).items()}
        size = min(int(asked.get("page[size]", 10)), 100, self.page)
        start = int(asked.get("page[number]", 0)) * size
        found = [key for key in self.keys if key.kind == kind and key.owner == owner
                 and (key.known(edge.lists) or self.lists_ended_tokens and key.ended and key.gone is None)
                 and asked.get("filter", "").lower() in key.name.lower()]
        found.sort(key=lambda key: key.created if asked.get("sort", "").endswith("created_at") else key.name.lower(),
                   reverse=asked.get("sort", "").startswith("-"))
        return Answer(200, {"data": [self.show(key) for key in found[start:start + size]],
                            "meta": {"page": {"total_filtered_count": len(found)}, **meta}})

    def list_api(self, call, edge, caller):
        return self.listed(call, edge, "api", {"max_allowed": self.quota})

    def list_app(self, call, edge, caller, account):
        return self.listed(call, edge, "app", {"max_allowed_per_user": 1000}, account)

    def get_api(self, call, edge, caller, id):
        key = self.by_id(id)
        if not (key and key.kind == "api" and key.there(edge.by_id) and (key.known(edge.by_id) or self.reveals_dead)):
            return Answer(404, {"errors": ["API key not found"]})
        return Answer(200, {"data": self.show(key)})

    def get_app(self, call, edge, caller, account, id, owner=False):
        key = self.by_id(id)
        if not (key and key.kind == "app" and account in (None, key.owner) and key.known(edge.by_id)):
            return Answer(404, {"errors": ["Application key not found"]})
        return Answer(200, {"data": self.show(key, owner=owner)})

    def get_org_app(self, call, edge, caller, id):
        return self.get_app(call, edge, caller, None, id, owner=True)

    def delete(self, call, edge, key, dead):
        if not (key and key.there(edge.by_id)) or key.kind == "app" and not key.live:
            return Answer(404, {"errors": [f"{'API' if dead else 'Application'} key not found"]})
        if not key.live:
            return Answer(*dead)
        key.gone, key.gone_by, call.effect = time.time(), call.function.binary, f"deleted {key}"
        return Answer(204)

    def delete_api(self, call, edge, caller, id):
        key = self.by_id(id)
        return self.delete(call, edge, key if key and key.kind == "api" else None, self.dead_answer)

    def delete_app(self, call, edge, caller, account, id):
        key = self.by_id(id)
        return self.delete(call, edge, key if key and key.owner == account else None, None)
