//! Datadog's API (v2), as far as rotation and trust need it.
//!
//! Each resource has one file, which holds everything about its endpoints: the request, the permission,
//! the reading of the answer, the vendor's page. `call` is what the files have in common, `error` what
//! Datadog answers instead of what it was asked for.

pub mod access_tokens;
pub mod api_keys;
pub mod application_keys;
mod attributes;
pub mod call;
mod current_user;
pub mod error;
mod limits;
mod list;
mod owned_keys;
mod quota;
mod refusal;
mod resource;
mod scopes;
pub mod token;
pub mod trust;
mod validation;

use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use http::{Method, StatusCode};

use crate::deadline::{Backoff, Deadline, JitteredBackoff};
use crate::http::Http;
use crate::identity::Identity;
use crate::keys::{AccessToken, ApiKey, AppKey, OrganisationId};
use crate::log::DETAIL;

pub use api_keys::{ApiKeyDetails, Status};
pub use attributes::Attributes;
pub use call::Call;
pub use current_user::CurrentUser;
pub use error::{DatadogError, DatadogProblem};
pub use limits::Limits;
pub use list::KeyList;
pub use owned_keys::OwnedKeyDetails;
pub use quota::KeyQuota;
pub use resource::Created;
pub use scopes::Scopes;
pub use token::{Expiry, ExpiryForm, Token};
pub use validation::Validated;

/// One try of one call.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);

/// Over which time calls that were refused as too many come back: as long as the template's five
/// minutes allow, for nobody knows how many they are.
const RATE_LIMITED_FOR: Duration = Duration::from_mins(4);

/// Whom a request speaks for: one credential, and no other beside it.
#[derive(Clone, Debug)]
pub enum Authority {
    /// An API key alone, which can do nothing here but be validated.
    ApiKey(ApiKey),
    /// An API key with an application key, whose scopes and owner decide what it may do.
    Pair(ApiKey, AppKey),
    /// The user that the token was handed out for.
    Bearer(Token),
    /// The owner of a service access token, which is alone in the request or beside an API key.
    AccessToken(AccessToken, Option<ApiKey>),
    /// The function itself, which can do nothing here but get a token of this organisation.
    Identity(Identity, OrganisationId),
}

/// The API of one site.
#[derive(Clone, Debug)]
pub struct Datadog {
    http: Http,
    base: String,
    limits: Limits,
}

impl Datadog {
    /// `base` is the API's URL without a trailing slash.
    #[must_use]
    pub fn new(http: Http, base: String, limits: Limits) -> Self {
        Self { http, base, limits }
    }

    /// Sends the call and answers the status and JSON body of a success (empty for 204).
    ///
    /// A call without effect, or whose effect may be repeated, is sent again after 429, 5xx, a
    /// cut connection and a time-out. A creation is sent again only where it certainly had no
    /// effect: after 429 and where no connection was opened. Where a limit is half used up, a call
    /// that may wait does so for the next window, if half of the invocation's time is left after it.
    pub async fn send(
        &self,
        authority: &Authority,
        call: &Call,
        deadline: &Deadline,
    ) -> Result<(StatusCode, Bytes), DatadogError> {
        let mut sending = self.sending(authority, call, deadline);
        loop {
            sending.turn().await?;
            if let Some(answer) = sending.attempt().await? {
                return Ok(answer);
            }
        }
    }

    /// Returns the same, an attempt at a time: for a call that may lose its reason while it waits.
    pub(crate) fn sending<'a>(
        &'a self,
        authority: &'a Authority,
        call: &'a Call,
        deadline: &'a Deadline,
    ) -> Sending<'a> {
        Sending::new(self, authority, call, deadline)
    }

    /// Sends the call and reads the body of a success.
    async fn ask<T>(
        &self,
        authority: &Authority,
        call: Call,
        deadline: &Deadline,
        read: impl Fn(&[u8]) -> Result<T, resource::Defect>,
    ) -> Result<T, DatadogError> {
        // Boxed: a step makes several calls side by side, and holds a future for each.
        let (status, body) = Box::pin(self.send(authority, &call, deadline)).await?;
        read(&body).map_err(|defect| {
            let status = status.as_u16();
            let problem = DatadogProblem::Unexpected { status, defect };
            DatadogError { call, problem }
        })
    }

    async fn try_once(
        &self,
        authority: &Authority,
        call: &Call,
        deadline: &Deadline,
    ) -> Result<(StatusCode, Bytes), DatadogProblem> {
        let request = self.request(authority, call, deadline).await?;
        let timeout = ATTEMPT_TIMEOUT.min(deadline.left());
        let answer = self.http.send(request, timeout).await?;
        let (parts, body) = answer.into_parts();
        self.limits.hear(call.family(), &parts.headers);
        let status = parts.status.as_u16();
        tracing::info!(target: DETAIL, call = %call, status, "datadog answered");
        if call.succeeds_with(parts.status) {
            Ok((parts.status, body))
        } else {
            Err(DatadogProblem::of_answer(
                call,
                parts.status,
                &parts.headers,
                &body,
            ))
        }
    }

    async fn request(
        &self,
        authority: &Authority,
        call: &Call,
        deadline: &Deadline,
    ) -> Result<http::Request<Bytes>, DatadogProblem> {
        let mut request = http::Request::builder()
            .method(call.method())
            .uri(format!("{}{}", self.base, call.path()))
            .header(ACCEPT, "application/json");
        if [Method::POST, Method::PATCH].contains(call.method()) {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        let request = match authority {
            Authority::ApiKey(api) => request.header("DD-API-KEY", hidden(api.expose())?),
            Authority::Pair(api, application) => request
                .header("DD-API-KEY", hidden(api.expose())?)
                .header("DD-APPLICATION-KEY", hidden(application.expose())?),
            Authority::Bearer(token) => {
                let token = format!("Bearer {}", token.expose());
                request.header(AUTHORIZATION, hidden(&token)?)
            }
            Authority::AccessToken(token, None) => {
                let token = format!("Bearer {}", token.expose());
                request.header(AUTHORIZATION, hidden(&token)?)
            }
            Authority::AccessToken(token, Some(api)) => request
                .header("DD-API-KEY", hidden(api.expose())?)
                .header("DD-APPLICATION-KEY", hidden(token.expose())?),
            Authority::Identity(identity, organisation) => {
                // Signed here, so that a second attempt carries a proof of its own.
                let proof = identity.proof(organisation, deadline.now()).await?;
                let proof = format!("Delegated {}", proof.expose());
                request.header(AUTHORIZATION, hidden(&proof)?)
            }
        };
        request
            .body(call.body().clone())
            .map_err(|_| DatadogProblem::NotSent)
    }
}

/// A call under way: its attempts, and the waits between them.
pub(crate) struct Sending<'a> {
    datadog: &'a Datadog,
    authority: &'a Authority,
    call: &'a Call,
    deadline: &'a Deadline,
    backoff: Backoff,
    jittered: JitteredBackoff,
    /// Why the attempt before failed.
    before: Option<DatadogProblem>,
}

impl<'a> Sending<'a> {
    fn new(
        datadog: &'a Datadog,
        authority: &'a Authority,
        call: &'a Call,
        deadline: &'a Deadline,
    ) -> Self {
        Self {
            datadog,
            authority,
            call,
            deadline,
            backoff: Backoff::new(
                Duration::from_millis(500),
                Duration::from_secs(8),
                call.patience(),
            ),
            jittered: JitteredBackoff::new(RATE_LIMITED_FOR),
            before: None,
        }
    }

    /// Waits until the call may be sent.
    pub(crate) async fn turn(&mut self) -> Result<(), DatadogError> {
        let (call, deadline) = (self.call, self.deadline);
        if let Some(reset) = self.datadog.limits.reset(call.family())
            && call.may_wait()
        {
            self.jittered
                .pause(reset, deadline, deadline.length() / 2)
                .await;
        }
        if call.creates() && deadline.left() < call::TIME_TO_CREATE {
            return Err(self.failed(DatadogProblem::NoTime));
        }
        Ok(())
    }

    /// Sends the call once. Returns `None` if that failed, and it may be sent again after the wait that is
    /// over by then.
    pub(crate) async fn attempt(&mut self) -> Result<Option<(StatusCode, Bytes)>, DatadogError> {
        let (call, deadline) = (self.call, self.deadline);
        // Boxed: it would be part of the future of every caller.
        let attempt = Box::pin(self.datadog.try_once(self.authority, call, deadline));
        let problem = match attempt.await {
            Ok(answer) => return Ok(Some(answer)),
            Err(problem) => problem.after(self.before.take()),
        };
        let again = problem.is_transient() && (!call.creates() || problem.is_definite());
        let waited = again
            && match problem {
                DatadogProblem::RateLimited { reset } => {
                    let reset = reset.unwrap_or_default();
                    self.jittered
                        .pause(reset, deadline, call.time_needed())
                        .await
                }
                _ => self.backoff.pause_for(deadline, call.time_needed()).await,
            };
        if !waited {
            return Err(self.failed(problem));
        }
        self.before = Some(problem);
        Ok(None)
    }

    fn failed(&self, problem: DatadogProblem) -> DatadogError {
        let call = self.call.clone();
        DatadogError { call, problem }
    }
}

/// Returns a header value that the HTTP stack below does not print.
fn hidden(text: &str) -> Result<HeaderValue, DatadogProblem> {
    let mut value = HeaderValue::from_str(text).map_err(|_| DatadogProblem::NotSent)?;
    value.set_sensitive(true);
    Ok(value)
}
