//! A fresh organisation like the recorded one, in which a cassette's calls are made.

use bytes::Bytes;
use http::{Request, Response};
use sandbox::datadog::{Datadog, Minted};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::likeness::Ids;

/// The key with which the recordings were made, itself to be seen in the recorded lists.
const CALLERS_KEY: &str = "datadog-api-client-rust DD_CLIENT_APP_KEY";

#[derive(Debug)]
pub(crate) struct Story {
    pub(crate) ids: Ids,
    datadog: Datadog,
    caller: String,
    credentials: Option<(Minted, Minted)>,
}

impl Story {
    /// The recorded organisation: keys shown again by GET, 200 API keys allowed, and the calls made
    /// by a service account with the managed administrator role.
    pub(crate) fn begin(now: OffsetDateTime) -> Self {
        let mut datadog = Datadog::new();
        datadog.settings.api_key_quota = 200;
        datadog.settings.get_shows_api_key_value = true;
        datadog.settings.one_time_read = false;
        let administrator = datadog.create_administrator(now, "Administrator");
        // Older than every key that is to be used before the recording.
        let api_key = datadog.create_api_key(OffsetDateTime::UNIX_EPOCH, "Key of the recording");
        let application_key =
            datadog.create_application_key(now, &administrator, "Key of the administrator", None);
        let first = Self {
            ids: Ids::default(),
            datadog,
            caller: administrator,
            credentials: Some((api_key.clone(), application_key.clone())),
        };
        first.with_recorded_caller(now, api_key, &application_key)
    }

    fn with_recorded_caller(
        mut self,
        now: OffsetDateTime,
        api_key: Minted,
        administrators: &Minted,
    ) -> Self {
        let administrator = self.read(now, "GET", "/api/v2/current_user", "");
        let account = json!({"data": {
            "type": "users",
            "attributes": {"name": "CI Account", "email": "ci@example.com", "service_account": true},
            "relationships": {"roles": administrator["data"]["relationships"]["roles"]},
        }});
        let account = self.read(
            now,
            "POST",
            "/api/v2/service_accounts",
            &account.to_string(),
        );
        self.caller = id_of(&account);
        let application_key =
            self.datadog
                .create_application_key(now, &self.caller, CALLERS_KEY, None);
        self.credentials = Some((api_key, application_key));
        self.datadog.revoke(now, &administrators.id);
        self
    }

    /// Prepares what the recorded answer presupposes.
    pub(crate) fn set_scene(&mut self, cassette: &str, recorded: Option<&Value>) {
        match (cassette, recorded) {
            ("v1/authentication/Validate-API-key-returns-Forbidden-response", _) => {
                self.credentials = None;
            }
            (
                "v2/key_management/Get-all-application-keys-owned-by-current-user-returns-OK-response"
                | "v2/key_management/Get-all-application-keys-returns-OK-response",
                Some(recorded),
            ) if recorded["data"].is_array() => self.create_listed_keys(recorded),
            _ => {}
        }
    }

    /// The keys in the recorded list, and as many behind the last page as were counted.
    fn create_listed_keys(&mut self, recorded: &Value) {
        let listed = recorded["data"].as_array().unwrap();
        for key in listed
            .iter()
            .filter(|key| key["attributes"]["name"] != CALLERS_KEY)
        {
            self.create_listed_key(key);
        }
        let held = self
            .datadog
            .keys()
            .iter()
            .filter(|key| key.is_application_key() && key.is_live())
            .count();
        let counted = recorded["meta"]["page"]["total_filtered_count"]
            .as_u64()
            .unwrap();
        for number in held..usize::try_from(counted).unwrap() {
            let name = format!("zz {number}");
            self.datadog.create_application_key(
                OffsetDateTime::UNIX_EPOCH,
                &self.caller,
                &name,
                None,
            );
        }
    }

    fn create_listed_key(&mut self, key: &Value) {
        let attributes = &key["attributes"];
        let created_at = time(&attributes["created_at"]).unwrap();
        let owner = self.owner(created_at, &key["relationships"]["owned_by"]["data"]["id"]);
        let scopes: Option<Vec<_>> = attributes["scopes"]
            .as_array()
            .map(|scopes| scopes.iter().map(|scope| scope.as_str().unwrap()).collect());
        let name = attributes["name"].as_str().unwrap();
        let minted =
            self.datadog
                .create_application_key(created_at, &owner, name, scopes.as_deref());
        if let Some(used) = time(&attributes["last_used_at"]) {
            let own = self.credentials.clone().unwrap();
            self.credentials = Some((own.0.clone(), minted));
            self.read(used, "GET", "/api/v2/validate_keys", "");
            self.credentials = Some(own);
        }
    }

    /// Our user for the recorded one; the caller where the list does not name owners.
    fn owner(&mut self, now: OffsetDateTime, recorded: &Value) -> String {
        let Some(recorded) = recorded.as_str() else {
            return self.caller.clone();
        };
        let known = self.ids.translate(recorded);
        if known != recorded {
            return known;
        }
        let owner = self.datadog.create_administrator(now, recorded);
        self.ids.pair(recorded, &owner);
        owner
    }

    /// Makes a recorded call with our ids in it.
    pub(crate) fn call(
        &mut self,
        now: OffsetDateTime,
        method: &str,
        url: &str,
        body: &str,
    ) -> Response<Bytes> {
        let (url, body) = (self.ids.translate(url), self.ids.translate(body));
        let mut request = Request::builder().method(method).uri(url);
        if let Some((api_key, application_key)) = &self.credentials {
            request = request
                .header("DD-API-KEY", &api_key.value)
                .header("DD-APPLICATION-KEY", &application_key.value);
        }
        self.datadog.call(now, &request.body(body.into()).unwrap())
    }

    fn read(&mut self, now: OffsetDateTime, method: &str, path: &str, body: &str) -> Value {
        let answer = self.call(now, method, path, body);
        assert!(
            answer.status().is_success(),
            "{method} {path}: {}",
            text(answer.body())
        );
        serde_json::from_slice(answer.body()).unwrap()
    }
}

pub(crate) fn text(body: &Bytes) -> String {
    String::from_utf8_lossy(body).into_owned()
}

fn id_of(document: &Value) -> String {
    document["data"]["id"].as_str().unwrap().to_owned()
}

fn time(value: &Value) -> Option<OffsetDateTime> {
    value
        .as_str()
        .map(|text| OffsetDateTime::parse(text, &Rfc3339).unwrap())
}
