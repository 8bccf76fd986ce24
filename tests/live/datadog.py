"""The Datadog organisation, by an administrator's keys."""

import json
import os
import urllib.error
import urllib.parse
import urllib.request
from datetime import datetime
from email.utils import parsedate_to_datetime

MAPPINGS = "cloud_auth/aws/persona_mapping"


class Organisation:
    def __init__(self, run: str, api_key: str, app_key: str, site: str, service_account: str, keyless: bool = False):
        self.run, self.site, self.service_account, self.keyless = run, site, service_account, keyless
        self.url = os.environ.get("DATADOG_API_URL") or f"https://api.{site}"
        self.api_key, self.app_key = api_key, app_key

    def secrets(self) -> list[str]:
        return [self.api_key, self.app_key]

    def call(self, method: str, path: str, body: dict | None = None, keys: dict[str, str] | None = None) -> tuple[int, dict]:
        """The status and the document."""
        headers = keys or {"DD-API-KEY": self.api_key, "DD-APPLICATION-KEY": self.app_key}
        headers = headers | {"Content-Type": "application/json"}
        content = json.dumps(body).encode() if body else None
        request = urllib.request.Request(f"{self.url}/api/{path}", content, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            error.read()
            return error.code, {}

    def wanted(self, method: str, path: str, body: dict | None = None) -> dict:
        status, document = self.call(method, path, body)
        if status >= 300:
            raise RuntimeError(f"{method} {path.split('?')[0]}: HTTP status {status}")
        return document

    def time(self) -> datetime | None:
        """Datadog's, by its answer to an API key's validation."""
        request = urllib.request.Request(f"{self.url}/api/v1/validate", headers={"DD-API-KEY": self.api_key})
        with urllib.request.urlopen(request, timeout=30) as answer:
            date = answer.headers["Date"]
        return parsedate_to_datetime(date) if date else None

    def uuid(self) -> str:
        return self.wanted("GET", "v2/current_user")["data"]["relationships"]["org"]["data"]["id"]

    def create(self, path: str, kind: str, name: str, **attributes) -> dict[str, str]:
        attributes = {"name": f"{self.run} {name}", **attributes}
        made = self.wanted("POST", path, {"data": {"type": kind, "attributes": attributes}})["data"]
        return {"key": made["attributes"]["key"], "id": made["id"]}

    def create_api_key(self, name: str) -> dict[str, str]:
        return self.create("v2/api_keys", "api_keys", name)

    def create_application_key(self, name: str, scopes: list[str] | None) -> dict[str, str]:
        """Without scopes it may do all that its owner may."""
        return self.create(self.owned(), "application_keys", name, **({"scopes": scopes} if scopes else {}))

    def create_token(self, name: str, scopes: list[str], **attributes) -> dict[str, str]:
        return self.create(self.owned("access_tokens"), "service_access_tokens", name, scopes=scopes, **attributes)

    def owned(self, what: str = "application_keys") -> str:
        return f"v2/service_accounts/{self.service_account}/{what}"

    def listed(self, path: str) -> dict[str, str]:
        """ID and name of each key."""
        found, page = {}, 0
        while True:
            data = self.wanted("GET", f"{path}?page[size]=100&page[number]={page}&filter={urllib.parse.quote(self.filter(path))}")["data"]
            found |= {it["id"]: it["attributes"]["name"] for it in data}
            page += 1
            if len(data) < 100:
                return found

    def filter(self, path: str) -> str:
        # The service account is the run's own: all its keys and tokens count. Of API keys those with the run's name.
        return "" if path.startswith(self.owned("")) else self.run

    def api_keys(self) -> dict[str, str]:
        """Those of the run: a filter may find more."""
        return {key: name for key, name in self.listed("v2/api_keys").items() if self.run in name}

    def application_keys(self) -> dict[str, str]:
        return self.listed(self.owned())

    def tokens(self) -> dict[str, str]:
        return self.listed(self.owned("access_tokens"))

    def mappings(self) -> dict[str, str]:
        """ID of each mapping of a role with the run's name, and the role."""
        if not self.keyless:
            return {}
        patterns = {it["id"]: it["attributes"]["arn_pattern"] for it in self.wanted("GET", f"v2/{MAPPINGS}")["data"]}
        return {key: it.split("/")[1] for key, it in patterns.items() if f":assumed-role/{self.run}-" in it}

    def accepts_api_key(self, key: str) -> bool:
        return self.call("GET", "v1/validate", keys={"DD-API-KEY": key})[0] == 200

    def accepts_pair(self, api_key: str, app_key: str) -> bool:
        return self.call("GET", "v2/validate_keys", keys={"DD-API-KEY": api_key, "DD-APPLICATION-KEY": app_key})[0] == 200

    def accepts_token(self, token: str) -> bool:
        return any(self.call("GET", "v2/current_user", keys=keys)[0] == 200 for keys in self.ways_of(token).values())

    def ways_of(self, token: str) -> dict[str, dict[str, str]]:
        """Both ways in which a token may be sent, by what a page calls them."""
        alone = {"Authorization": f"Bearer {token}"}
        return {"alone": alone, "beside an API key": {"DD-API-KEY": self.api_key, "DD-APPLICATION-KEY": token}}

    def there(self) -> list[str]:
        application_keys = {it for it in self.application_keys().values() if self.run in it}
        tokens = {it for it in self.tokens().values() if self.run in it}
        found = [f"API key {it}" for it in self.api_keys().values()] + [f"application key {it}" for it in application_keys]
        found += [f"service access token {it}" for it in tokens]
        return found + [f"mapping of {it}" for it in self.mappings().values()]

    def deletions(self):
        return [self.delete_mappings, self.delete_tokens, self.delete_application_keys, self.delete_api_keys]

    def delete_mappings(self):
        for mapping in self.mappings():
            self.call("DELETE", f"v2/{MAPPINGS}/{mapping}")

    def delete_tokens(self):
        for token, name in self.tokens().items():
            if self.run in name:
                self.call("DELETE", f"{self.owned('access_tokens')}/{token}")

    def delete_application_keys(self):
        for key, name in self.application_keys().items():
            if self.run in name:
                self.call("DELETE", f"{self.owned()}/{key}")

    def delete_api_keys(self):
        for key in self.api_keys():
            self.call("DELETE", f"v2/api_keys/{key}")
