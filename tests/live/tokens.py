"""What the protocol assumes of service access tokens, asked of Datadog itself: docs/review/protocol.md has the numbers."""

import time
from datetime import UTC, datetime, timedelta

from datadog import Organisation
from evidence import Page

SCOPES = ["dashboards_read"]
SECONDS = 60  # for what one edge knows and another does not yet


class TokenQuestions:
    """Asks with a token that ends by itself in two days, should nobody delete it."""

    def __init__(self, organisation: Organisation, page: Page):
        self.organisation, self.page = organisation, page
        self.path = organisation.owned("access_tokens")
        self.ends = (datetime.now(UTC) + timedelta(days=2)).replace(microsecond=0)

    def ask(self, admin: dict):
        created = self.create(admin)
        if not created:
            return
        attributes = created["attributes"]
        self.ask_shape(attributes)
        self.ask_ways(attributes["key"])
        self.ask_account(attributes["key"])
        self.ask_reads(created["id"], attributes["key"])
        self.ask_token_to_create(attributes["key"])
        self.ask_deletion(created["id"], attributes["key"])

    def row(self, number: int, assumption: str, verdict: bool | None, asked: str, answered: str):
        self.page.row(f"Token, protocol {number}: {assumption}", verdict, asked, answered)

    def create(self, admin: dict) -> dict | None:
        """By the admin secret's pair, which has no such scope itself."""
        keys = {"DD-API-KEY": admin["adminApiKey"], "DD-APPLICATION-KEY": admin["adminAppKey"]}
        status, document = self.organisation.call("POST", self.path, self.wish("token"), keys)
        made = document.get("data")
        if made:
            self.page.hide([made["attributes"]["key"]], "KEY")
        asked = f"POST of a token with {', '.join(SCOPES)}, by the pair of the admin secret"
        self.row(19, "an admin pair creates tokens with scopes that it lacks", status == 201, asked, f"HTTP status {status}")
        return made

    def wish(self, name: str) -> dict:
        attributes = {"name": f"{self.organisation.run} {name}", "scopes": SCOPES, "expires_at": self.ends.isoformat()}
        return {"data": {"type": "service_access_tokens", "attributes": attributes}}

    def ask_shape(self, attributes: dict):
        name = attributes["name"]
        self.row(12, "its name comes back as it was sent", name == f"{self.organisation.run} token", "the answer to POST", name)
        told = attributes.get("expires_at")
        same = bool(told) and datetime.fromisoformat(told) == self.ends
        self.row(18, "its end comes back as it was sent", same, f"expires_at {self.ends.isoformat()}", str(told))

    def ask_ways(self, token: str):
        """A new token may be refused for some seconds, so each way is tried for a while."""
        statuses = {}
        for way, keys in self.organisation.ways_of(token).items():
            self.until(lambda keys=keys, way=way: statuses.update({way: self.status(keys)}) or statuses[way] == 200)
        works = 200 in statuses.values()
        told = "; ".join(f"{way}: HTTP status {status}" for way, status in statuses.items())
        self.row(16, "it is accepted alone, or beside an API key", works, "GET current_user in both ways", told)

    def ask_account(self, token: str):
        owners = set()
        for keys in self.organisation.ways_of(token).values():
            status, document = self.organisation.call("GET", "v2/current_user", keys=keys)
            if status == 200:
                owners.add(document["data"]["id"])
        named = owners == {self.organisation.service_account}
        told = ", ".join(sorted(owners)) or "nobody"
        self.row(17, "current_user is open to any scope, and names the service account", named, f"GET current_user by a token with {SCOPES[0]}", told)

    def ask_reads(self, token_id: str, token: str):
        found = self.until(lambda: self.read(token_id)[0] == 200)
        status, document = self.read(token_id)
        hidden = found and token not in str(document)
        self.row(14, "it is found by its ID, and its value is not shown again", hidden, "GET of the token", f"HTTP status {status}")
        listed = self.until(lambda: token_id in self.organisation.tokens())
        self.row(15, "the list has it", listed, "list of tokens", "listed" if listed else f"not within {SECONDS} s")

    def ask_token_to_create(self, token: str):
        """Why a token is no admin. Its creation is refused, or a token more is deleted with the run."""
        statuses = []
        for keys in self.organisation.ways_of(token).values():
            status, document = self.organisation.call("POST", self.path, self.wish("by a token"), keys)
            statuses.append(status)
            if made := document.get("data"):
                self.page.hide([made["attributes"]["key"]], "KEY")
        told = ", ".join(f"HTTP status {it}" for it in statuses)
        self.row(19, "a token without service_account_write creates no token", 201 not in statuses, "POST of a token, by the token", told)

    def ask_deletion(self, token_id: str, token: str):
        first, second = (self.organisation.call("DELETE", f"{self.path}/{token_id}")[0] for _ in range(2))
        idempotent = first == 204 and second in (204, 404)
        self.row(13, "deleting it twice is deleting it", idempotent, "DELETE, DELETE", f"HTTP statuses {first}, {second}")
        refused = self.until(lambda: not self.organisation.accepts_token(token))
        self.row(13, "a deleted token is refused", refused, "GET current_user in both ways", "refused" if refused else f"accepted for {SECONDS} s")
        gone = self.until(lambda: self.read(token_id)[0] == 404)
        told = "not found" if gone else f"HTTP status {self.read(token_id)[0]} for {SECONDS} s"
        self.row(18, "a deleted token is not found by its ID", gone, "GET of the token", told)

    def read(self, token_id: str) -> tuple[int, dict]:
        return self.organisation.call("GET", f"{self.path}/{token_id}")

    def status(self, keys: dict[str, str]) -> int:
        return self.organisation.call("GET", "v2/current_user", keys=keys)[0]

    def until(self, is_so) -> bool:
        deadline = time.monotonic() + SECONDS
        while not is_so():
            if time.monotonic() > deadline:
                return False
            time.sleep(1)
        return True
