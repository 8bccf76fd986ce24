"""What lives at the sandbox's Datadog."""

import json
import urllib.error
import urllib.request


class Datadog:
    """Whether keys live at the sandbox's Datadog, as its administrator sees it."""

    def __init__(self, sandbox):
        self.url = sandbox.datadog
        self.credentials = sandbox.credentials

    def api_key_lives(self, key_id: str) -> bool:
        status, answer = self._get(f"/api/v2/api_keys/{key_id}", *self.credentials)
        return status == 200 and answer["data"]["attributes"].get("status") != "revoked"

    def application_key_lives(self, service_account: str, key_id: str) -> bool:
        path = f"/api/v2/service_accounts/{service_account}/application_keys/{key_id}"
        return self._get(path, *self.credentials)[0] == 200

    def scopes(self, service_account: str, key_id: str):
        path = f"/api/v2/service_accounts/{service_account}/application_keys/{key_id}"
        return self._get(path, *self.credentials)[1]["data"]["attributes"].get("scopes")

    def api_key_works(self, api_key: str) -> bool:
        return self._get("/api/v1/validate", api_key)[0] == 200

    def pair_works(self, api_key: str, app_key: str) -> bool:
        return self._get("/api/v2/validate_keys", api_key, app_key)[0] == 200

    def token_works(self, token: str) -> bool:
        return self._ask("/api/v2/current_user", {"Authorization": f"Bearer {token}"})[0] == 200

    def _get(self, path: str, api_key: str, app_key: str | None = None):
        return self._ask(path, {"DD-API-KEY": api_key} | ({"DD-APPLICATION-KEY": app_key} if app_key else {}))

    def _ask(self, path: str, headers: dict[str, str]):
        try:
            with urllib.request.urlopen(urllib.request.Request(self.url + path, headers=headers)) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, None
