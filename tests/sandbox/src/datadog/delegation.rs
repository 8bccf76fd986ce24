//! `/api/v2/delegated-token`, the mappings behind it, and the tokens that it hands out.
//!
//! No exchange with the real endpoint is public. Request and answer are those of Datadog's own
//! clients and their tests; refusals are synthetic but for their shape. This stand-in is as strict
//! as a request can be taken to be, so that the client under test is held to all of it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::access::Caller;
use super::reply::{Refusal, Reply};
use super::settings::Expires;
use super::{Datadog, access};
use crate::sts::SignedRequest;

const BODY: &[u8] = b"Action=GetCallerIdentity&Version=2011-06-15";

/// A token that was handed out.
#[derive(Debug, Clone)]
pub struct Token {
    pub value: String,
    pub user: String,
    pub expires_at: OffsetDateTime,
    pub revoked_at: Option<OffsetDateTime>,
}

/// The parts of a proof.
struct Proof {
    request: SignedRequest,
    /// Of the headers that the signature covers.
    signed: Vec<String>,
}

impl Datadog {
    /// Whether each token that was ever handed out still works.
    pub fn tokens_work(&self, now: OffsetDateTime) -> impl Iterator<Item = bool> {
        let works = move |it: &Token| it.revoked_at.is_none() && it.expires_at > now;
        self.tokens.iter().map(works)
    }

    pub(super) fn exchange(
        &mut self,
        now: OffsetDateTime,
        request: &Request<Bytes>,
    ) -> Result<Reply, Refusal> {
        let headers = request.headers();
        if access::has_key(headers) {
            return Err(Refusal::two_credentials());
        }
        if !request.body().is_empty() || headers.get("content-type").is_none() {
            return Err(Refusal::bad_request(
                "An empty body of a content type is expected",
            ));
        }
        let proof = authorization(headers, "Delegated ").ok_or_else(Refusal::unauthorized)?;
        self.proofs.insert(proof.to_owned());
        let proof = Proof::parse(proof).ok_or_else(|| unproven("Malformed proof"))?;
        if !proof.is_for(&self.organisation) {
            return Err(unproven("The proof is for another organization"));
        }
        self.sts.catch_up();
        let caller = self.sts.caller_identity(now, &proof.request);
        let caller = caller.map_err(|refused| unproven(refused.0))?;
        let mapping = self.mappings.iter().find(|it| it.fits(caller));
        let user = mapping.and_then(|it| it.user.clone()).ok_or_else(|| {
            let text = format!("Authenticated as {caller} but no identity mapping was found.");
            Refusal::new(self.settings.unmapped_identity, text)
        })?;
        if !self.is_active(&user) {
            return Err(Refusal::forbidden());
        }
        Ok(self.hand_out(now, user))
    }

    fn hand_out(&mut self, now: OffsetDateTime, user: String) -> Reply {
        let life = self.settings.token_life;
        let token = Token {
            value: self.generator.token(),
            user,
            expires_at: now + life,
            revoked_at: None,
        };
        let mut attributes = json!({ "access_token": token.value });
        let ends = token.expires_at.unix_timestamp();
        match self.settings.token_expires {
            Expires::Text => attributes["expires"] = ends.to_string().into(),
            Expires::Number => attributes["expires"] = ends.into(),
            Expires::Date => {
                attributes["expires"] =
                    token.expires_at.format(&Rfc3339).unwrap_or_default().into();
            }
            Expires::Untold => {}
        }
        self.tokens.push(token);
        let id = self.generator.id();
        Reply::ok(&json!({
            "data": { "type": "delegated_token", "id": id, "attributes": attributes },
        }))
    }

    /// The user of the request's token, who may do what the user's roles grant.
    pub(super) fn bearer(
        &self,
        now: OffsetDateTime,
        headers: &HeaderMap,
    ) -> Result<Option<Caller>, Refusal> {
        let Some(value) = authorization(headers, "Bearer ") else {
            return Ok(None);
        };
        if access::has_key(headers) {
            return Err(Refusal::two_credentials());
        }
        let token = self.tokens.iter().find(|it| it.value == value);
        let token = token.filter(|it| it.expires_at > now);
        let token = token.ok_or_else(Refusal::unauthorized)?;
        if token.revoked_at.is_some() {
            return Err(Refusal::new(self.settings.revoked_token, "Forbidden"));
        }
        if !self.is_active(&token.user) {
            return Err(Refusal::forbidden());
        }
        Ok(Some(Caller {
            user: token.user.clone(),
            granted: self.permissions_of(&token.user),
            by_token: true,
            access_token: None,
        }))
    }

    /// Has every token end now, as if its time had come.
    pub fn expire_tokens(&mut self, now: OffsetDateTime) {
        for token in &mut self.tokens {
            token.expires_at = token.expires_at.min(now);
        }
    }

    /// Revokes every token.
    pub fn revoke_tokens(&mut self, now: OffsetDateTime) {
        for token in &mut self.tokens {
            token.revoked_at.get_or_insert(now);
        }
    }

    /// Every token that was ever handed out.
    #[must_use]
    pub fn tokens(&self) -> &[Token] {
        &self.tokens
    }
}

impl Proof {
    /// `base64(body)|base64(headers)|POST|base64(url)`
    fn parse(text: &str) -> Option<Self> {
        let parts: Vec<_> = text.split('|').collect();
        let [body, headers, "POST", url] = parts[..] else {
            return None;
        };
        let decode = |part| STANDARD.decode(part).ok();
        let body = decode(body).filter(|it| it == BODY)?;
        let url = String::from_utf8(decode(url)?).ok()?;
        let host = url.strip_prefix("https://").filter(|it| is_sts(it))?;
        let document: Map<String, Value> = serde_json::from_slice(&decode(headers)?).ok()?;
        let mut headers = Vec::new();
        for (name, values) in &document {
            let [value] = values.as_array()?.as_slice() else {
                return None;
            };
            headers.push((name.to_ascii_lowercase(), value.as_str()?.to_owned()));
        }
        // What an HTTP client adds by itself, and some clients therefore leave out.
        let length = body.len().to_string();
        for (name, value) in [("host", host), ("content-length", &length)] {
            if !headers.iter().any(|(own, _)| own == name) {
                headers.push((name.to_owned(), value.to_owned()));
            }
        }
        let request = SignedRequest {
            method: "POST".to_owned(),
            path: "/".to_owned(),
            host: host.to_owned(),
            headers,
            body,
        };
        let (_, authorization) = request.headers.iter().find(|it| it.0 == "authorization")?;
        let (_, signed) = authorization.split_once("SignedHeaders=")?;
        let signed = signed.split_once(',')?.0.split(';');
        Some(Self {
            signed: signed.map(str::to_owned).collect(),
            request,
        })
    }

    /// A header that nobody has signed binds nothing.
    fn is_for(&self, organisation: &str) -> bool {
        let mut headers = self.request.headers.iter();
        headers.any(|(name, value)| name == "x-ddog-org-id" && value == organisation)
            && self.signed.iter().any(|it| it == "x-ddog-org-id")
    }
}

/// Only these hosts may be asked who somebody is.
fn is_sts(host: &str) -> bool {
    let region = host
        .strip_prefix("sts.")
        .and_then(|it| it.strip_suffix(".amazonaws.com"));
    host == "sts.amazonaws.com"
        || region.is_some_and(|it| {
            !it.is_empty()
                && it
                    .bytes()
                    .all(|byte| byte == b'-' || byte.is_ascii_alphanumeric())
        })
}

fn authorization<'a>(headers: &'a HeaderMap, scheme: &str) -> Option<&'a str> {
    headers
        .get("authorization")?
        .to_str()
        .ok()?
        .strip_prefix(scheme)
}

fn unproven(text: &'static str) -> Refusal {
    Refusal::new(StatusCode::UNAUTHORIZED, text)
}
