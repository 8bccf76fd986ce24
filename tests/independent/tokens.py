"""Datadog: service access tokens. What nobody has published is a switch, and tests try both of its values.

From Datadog's documentation, recorded exchanges of its own clients' tests, and the source of its command line client.
"""

import re
import secrets
import string
import time
from datetime import UTC, datetime

from world import Answer

DAY = 86400
LETTERS = string.ascii_letters + string.digits


class Tokens:
    """The part of Datadog that makes, shows and takes them; `keys` are Datadog's."""

    ROUTES = [
        ("POST", r"/api/v2/service_accounts/([^/]+)/access_tokens", "org_app_keys_write", "create_token"),
        ("GET", r"/api/v2/service_accounts/([^/]+)/access_tokens", "org_app_keys_read", "list_token"),
        ("GET", r"/api/v2/service_accounts/([^/]+)/access_tokens/([^/]+)", "org_app_keys_read", "get_token"),
        ("DELETE", r"/api/v2/service_accounts/([^/]+)/access_tokens/([^/]+)", "org_app_keys_write", "delete_token"),
    ]

    def __init__(self):
        self.token_in = {"bearer", "header"}  # where a token is taken: alone as a bearer, or as DD-APPLICATION-KEY with an API key
        self.reveals_dead_tokens = False      # a revoked or ended token: still shown by its id, as if it were live, or 404
        self.lists_ended_tokens = False       # whether lists show what has ended by itself
        self.token_quota = (10**6, None)      # how many there may be, and what the next one is answered
        self.unique_tokens = False

    @staticmethod
    def token_text():
        return "ddsat_" + "_".join("".join(secrets.choice(LETTERS) for _ in range(length)) for length in (22, 36))

    def token_of(self, call, api, lag):
        """The token that a call is made with, and whether it is taken; (None, False) if there is none."""
        bearer = re.fullmatch(r"Bearer (ddsat_.+)", call.headers.get("Authorization", ""))
        token = self.by_text(bearer[1] if bearer else call.headers.get("DD-APPLICATION-KEY"))
        if not token or token.kind != "token":
            return None, False
        taken = "bearer" in self.token_in if bearer else "header" in self.token_in and api and api.kind == "api" and api.known(lag)
        return token, bool(taken and token.known(lag))

    def show_token(self, key, text=False):
        def date(seconds, digits="000"):
            return datetime.fromtimestamp(seconds, UTC).strftime(f"%Y-%m-%dT%H:%M:%S.%f{digits}Z")

        attributes = {"name": key.name, "scopes": key.scopes, "public_portion": key.text.rpartition("_")[0],
                      "created_at": date(key.created, "584" if text else ""), "expires_at": date(key.expires, "") if key.expires else None}
        attributes |= {"key": key.text} if text else {"last_used_at": None}
        return {"type": "service_access_tokens", "id": key.id, "attributes": attributes,
                "relationships": {"owned_by": {"data": {"type": "service_account", "id": key.owner}}}}

    def create_token(self, call, edge, caller, account):
        asked = call.body["data"]["attributes"]
        scopes, end = asked.get("scopes"), asked.get("expires_at")
        if account not in self.roles:
            return Answer(404, {"errors": ["user not found"]})
        if not scopes or set(scopes) - self.SCOPES or set(asked) - {"name", "scopes", "expires_at"}:
            return Answer(400, {"errors": ["Invalid scopes or attributes"]})
        expires = datetime.fromisoformat(end).timestamp() if end else None
        if expires and not DAY - 60 <= expires - time.time() <= 365 * DAY + 60:
            return Answer(400, {"errors": ["Invalid expiry"]})
        if call.token and (set(scopes) - set(call.token.scopes) or call.token.expires and (not expires or expires > call.token.expires)):
            return Answer(403, {"errors": ["Forbidden"]})  # what a token makes may no more, and lives no longer
        if len(self.live("token")) >= self.token_quota[0]:
            return self.token_quota[1]
        return self.create(call, "token", owner=account, scopes=scopes, expires=expires)

    def list_token(self, call, edge, caller, account):
        return self.listed(call, edge, "token", {}, account)

    def token_by_id(self, account, id, edge):
        key = self.by_id(id)
        return key if key and key.kind == "token" and key.owner == account and key.there(edge.by_id) else None

    def get_token(self, call, edge, caller, account, id):
        key = self.token_by_id(account, id, edge)
        if not key or not (key.known(edge.by_id) or self.reveals_dead_tokens):
            return Answer(404, {"errors": ["Not found"]})
        return Answer(200, {"data": self.show_token(key)})

    def delete_token(self, call, edge, caller, account, id):
        key = self.token_by_id(account, id, edge)
        if not key:
            return Answer(404, {"errors": ["Not found"]})
        if key.gone is None:  # a second DELETE is answered like the first
            key.gone, key.gone_by, call.effect = time.time(), call.function.binary, f"deleted {key}"
        return Answer(204)
