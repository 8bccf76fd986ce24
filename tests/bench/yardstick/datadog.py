"""Datadog's API, as far as a rotation needs it."""

import json
import os
import uuid
from datetime import UTC, datetime

import urllib3

http = urllib3.PoolManager(timeout=10)


class Keys:
    """The keys that authorize calls, and the site that they go to."""

    def __init__(self, api_key, app_key=None, site="datadoghq.com"):
        self.url = os.environ.get("DATADOG_API_URL") or f"https://api.{site}"
        self.headers = {"DD-API-KEY": api_key}
        if app_key:
            self.headers["DD-APPLICATION-KEY"] = app_key

    @classmethod
    def of(cls, admin):
        """Those of an admin secret."""
        return cls(admin["adminApiKey"], admin["adminAppKey"], admin["site"])

    def create_api_key(self, name):
        data = {"type": "api_keys", "attributes": {"name": name}}
        return self._call("POST", "/api/v2/api_keys", {"data": data})["data"]

    def delete_api_key(self, key_id):
        self._call("DELETE", f"/api/v2/api_keys/{key_id}")

    def create_application_key(self, account, name, scopes):
        attributes = {"name": name} | ({"scopes": scopes} if scopes else {})
        data = {"type": "application_keys", "attributes": attributes}
        return self._call("POST", f"/api/v2/service_accounts/{account}/application_keys", {"data": data})["data"]

    def application_key(self, account, key_id):
        return self._call("GET", f"/api/v2/service_accounts/{account}/application_keys/{key_id}")["data"]

    def delete_application_key(self, account, key_id):
        self._call("DELETE", f"/api/v2/service_accounts/{account}/application_keys/{key_id}")

    def create_access_token(self, account, name, scopes):
        data = {"type": "service_access_tokens", "attributes": {"name": name, "scopes": scopes}}
        return self._call("POST", f"/api/v2/service_accounts/{account}/access_tokens", {"data": data})["data"]

    def access_token(self, account, token_id):
        return self._call("GET", f"/api/v2/service_accounts/{account}/access_tokens/{token_id}")["data"]

    def delete_access_token(self, account, token_id):
        self._call("DELETE", f"/api/v2/service_accounts/{account}/access_tokens/{token_id}")

    def validate_api_key(self):
        self._call("GET", "/api/v1/validate")

    def validate_pair(self):
        self._call("GET", "/api/v2/validate_keys")

    def _call(self, method, path, body=None):
        answer = http.request(method, self.url + path, headers=self.headers, json=body)
        if answer.status >= 300:
            raise RuntimeError(f"Datadog answered {answer.status} to {method} {path}")
        return json.loads(answer.data) if answer.data else None


class Bearer(Keys):
    """A token, and the site that it goes to."""

    def __init__(self, token, site):
        super().__init__("", site=site)
        self.headers = {"Authorization": f"Bearer {token}"}

    def validate_token(self):
        self._call("GET", "/api/v2/current_user")


def name(kind, metadata):
    """For a new key, as AWS's managed rotation names its own."""
    return f"aws-sm-{kind}-{metadata['Name']}-{datetime.now(UTC):%Y%m%d}-{uuid.uuid4().hex[:6]}"
