//! One question put to the real client, and the script of what it is answered.

use std::fmt::Debug;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use datadog_rotation::datadog::{Authority, Call, Created, Datadog, DatadogError, Scopes};
use datadog_rotation::deadline::Deadline;
use datadog_rotation::http::{ConnectCause, ConnectError, Sending, Transport, TransportError};
use datadog_rotation::identity::{Credentials, Identity};
use datadog_rotation::keys::{ApiKey, AppKey, KeyId, OrganisationId, ServiceAccountId};
use http::{HeaderValue, Request, Response, StatusCode};
use tokio::time::Instant;

/// Of the key that is asked for.
pub(crate) const ID: &str = "11111111-1111-4111-8111-111111111111";

/// The calls that the client makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Question {
    CreateApiKey,
    CreateAppKey,
    ApiKey,
    AppKey,
    AnyAppKey,
    ApiKeys,
    AppKeys,
    DeleteApiKey,
    DeleteAppKey,
    Validate,
    ValidateWithId,
    ValidatePair,
    Exchange,
    CurrentUser,
}

impl Question {
    pub(crate) const ALL: [Self; 14] = [
        Self::CreateApiKey,
        Self::CreateAppKey,
        Self::ApiKey,
        Self::AppKey,
        Self::AnyAppKey,
        Self::ApiKeys,
        Self::AppKeys,
        Self::DeleteApiKey,
        Self::DeleteAppKey,
        Self::Validate,
        Self::ValidateWithId,
        Self::ValidatePair,
        Self::Exchange,
        Self::CurrentUser,
    ];
}

/// What keys are asked for by, and made under.
pub(crate) const NAME: &str = "aws-sm-api-key-datadog/api-20261121-aqylqh";

/// However long anybody waits.
pub(crate) const SILENCE: TransportError = TransportError::TimedOut {
    after: Duration::MAX,
};

/// A connection that is not opened, for now or for good.
pub(crate) fn unconnected(cause: ConnectCause) -> TransportError {
    let host = "api.datadoghq.com".into();
    let proxy = None;
    ConnectError { host, proxy, cause }.into()
}

#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Reply {
        status: StatusCode,
        reset: Option<HeaderValue>,
        body: Bytes,
    },
    Fault(TransportError),
}

impl Answer {
    /// Without a limit to the rate.
    pub(crate) fn reply(status: u16, body: impl Into<Bytes>) -> Self {
        Self::Reply {
            status: StatusCode::from_u16(status).expect("three digits"),
            reset: None,
            body: body.into(),
        }
    }

    #[must_use]
    pub(crate) fn status(&self) -> u16 {
        match self {
            Self::Reply { status, .. } => status.as_u16(),
            Self::Fault(_) => 0,
        }
    }

    #[must_use]
    pub(crate) fn body(&self) -> &[u8] {
        match self {
            Self::Reply { body, .. } => body,
            Self::Fault(_) => &[],
        }
    }
}

/// What a success has told.
#[derive(Debug)]
pub(crate) enum Told {
    Created {
        text: String,
        shown: String,
    },
    /// A key whose value can't be read.
    Unreadable(KeyId),
    Key(KeyId),
    Keys(usize),
    Id(Option<KeyId>),
    Works(bool),
    User(String),
    Gone,
}

/// A request: when it came, and what it was answered.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) at: Instant,
    pub(crate) answer: Answer,
}

#[derive(Debug)]
pub(crate) struct Script {
    pub(crate) answers: Vec<Answer>,
    pub(crate) sent: Arc<Mutex<Vec<Sent>>>,
    /// A client that asks more often may not end at all.
    pub(crate) most: usize,
}

impl Transport for Script {
    fn send(&self, _: Request<Bytes>, timeout: Duration) -> Sending<'_> {
        Box::pin(async move {
            let answer = self.next();
            match answer {
                Answer::Reply {
                    status,
                    reset,
                    body,
                } => {
                    let mut reply = Response::new(body);
                    *reply.status_mut() = status;
                    let headers = reply.headers_mut();
                    reset.map(|reset| headers.insert("x-ratelimit-reset", reset));
                    Ok(reply)
                }
                Answer::Fault(fault) => {
                    if matches!(fault, TransportError::TimedOut { .. }) {
                        tokio::time::sleep(timeout).await;
                    }
                    Err(match fault {
                        TransportError::TimedOut { .. } => {
                            TransportError::TimedOut { after: timeout }
                        }
                        fault => fault,
                    })
                }
            }
        })
    }
}

impl Script {
    fn next(&self) -> Answer {
        let mut sent = self.sent.lock().expect("one thread");
        assert!(sent.len() < self.most, "sent {} times", self.most + 1);
        let last = self.answers.last();
        let answer = self.answers.get(sent.len()).or(last).cloned();
        let answer = answer.unwrap_or(Answer::Fault(SILENCE));
        sent.push(Sent {
            at: Instant::now(),
            answer: answer.clone(),
        });
        answer
    }
}

pub(crate) async fn ask(
    question: Question,
    datadog: &Datadog,
    deadline: &Deadline,
) -> Result<Told, DatadogError> {
    let api = ApiKey::parse(&"0".repeat(32)).expect("an API key");
    let application = AppKey::parse(&"0".repeat(40)).expect("an application key");
    let pair = &Authority::Pair(api.clone(), application);
    let id = &KeyId::parse(ID).expect("a UUID");
    let owner = ServiceAccountId::parse("33333333-3333-4333-8333-333333333333");
    let owner = &owner.expect("a UUID");
    let name = NAME;
    let unscoped = &Scopes::from(None);
    let organisation = &OrganisationId::parse(ID).expect("a UUID");
    Ok(match question {
        Question::CreateApiKey => created(
            &datadog
                .create_api_key(pair, name, (None, false), deadline)
                .await?,
            ApiKey::expose,
        ),
        Question::CreateAppKey => created(
            &datadog
                .create_app_key(pair, owner, name, unscoped, deadline)
                .await?,
            AppKey::expose,
        ),
        Question::ApiKey => Told::Key(datadog.api_key(pair, id, deadline).await?.id),
        Question::AppKey => Told::Key(datadog.app_key(pair, owner, id, deadline).await?.id),
        Question::AnyAppKey => Told::Key(datadog.any_app_key(pair, id, deadline).await?.id),
        Question::ApiKeys => keys(&datadog.api_keys(pair, name, deadline).await?),
        Question::AppKeys => keys(&datadog.app_keys(pair, owner, name, deadline).await?),
        Question::DeleteApiKey => {
            let call = Call::delete_api_key(id);
            datadog
                .send(pair, &call, deadline)
                .await
                .map(|_| Told::Gone)?
        }
        Question::DeleteAppKey => {
            let call = Call::delete_app_key(owner, id);
            datadog
                .send(pair, &call, deadline)
                .await
                .map(|_| Told::Gone)?
        }
        Question::Validate => Told::Works(datadog.validate(&api, deadline).await?),
        Question::ValidateWithId => {
            let validated = datadog.validated(&api, deadline).await?;
            Told::Id(validated.map(|it| it.id))
        }
        Question::ValidatePair => Told::Works(datadog.validate_pair(pair, deadline).await?),
        Question::Exchange => {
            let credentials = Credentials::new("AKIA", "secret", None, None, "test");
            let identity = Identity::of(credentials, Some("us-east-1"));
            let token = datadog.exchange(&identity, organisation, deadline).await?;
            Told::Created {
                text: token.expose().to_owned(),
                shown: format!("{token:?}"),
            }
        }
        Question::CurrentUser => {
            let user = datadog.current_user(pair, deadline).await?;
            Told::User(user.id.to_string())
        }
    })
}

fn created<K: Debug, D: Debug>(created: &Created<K, D>, text: impl Fn(&K) -> &str) -> Told {
    match &created.key {
        Some(key) => Told::Created {
            text: text(key).to_owned(),
            shown: format!("{created:?}"),
        },
        None => Told::Unreadable(created.id.clone()),
    }
}

fn keys<K>(keys: &[K]) -> Told {
    Told::Keys(keys.len())
}
