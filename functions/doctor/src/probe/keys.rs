//! What Datadog does with an API key and an application key.

use std::cell::Cell;

use datadog_rotation::credential::{ApiPart, AppPart, Credential};
use datadog_rotation::datadog::{Call, Created, Scopes};
use datadog_rotation::error::Problem;
use datadog_rotation::keys::{ApiKey, AppKey, KeyId};
use tokio::time::Instant;

use super::Probe;
use super::poll::{LONGEST, Watched, until};
use super::question::{Answer, Question};
use super::throwaway::Class;

/// Harmless, and held by every role from the start.
const SCOPE: &str = "dashboards_read";

/// Without it an API key that was made would stay.
const DELETION: [&str; 1] = ["api_keys_delete"];

const NO_APPLICATION_KEYS: &str = "Application keys can't be rotated by this identity: name an \
    admin secret with keys for them, or let one stand in (fallbackAdminSecretArn, \
    DATADOG_FALLBACK_ADMIN_SECRET_ARN); see docs/use/keyless.md.";

const NOT_BY_A_TOKEN: &str = "Application keys can't be rotated by a service access token: name an \
    admin secret with a key pair for them; see docs/reference/permissions.md.";

pub(super) const OTHER_SCOPES: &str = "Rotations compare the scopes of a new key with those of the \
    old one, and would end in NewKeyDiffers.";

const NEVER_WORKED: &str = "not asked: it was never seen to work";

/// A throwaway key that was made.
pub(super) struct Made<K> {
    pub(super) at: usize,
    pub(super) id: KeyId,
    pub(super) key: K,
    pub(super) since: Instant,
}

/// The questions about the end of a key.
pub(super) struct Ending {
    pub(super) deleted: Question,
    pub(super) refused: Question,
    pub(super) again: Question,
}

impl Probe<'_, '_> {
    pub(super) async fn ask_about_keys(&self) {
        let api = self.make_api_key().await;
        let application = self.make_application_key().await;
        let pair = api.as_ref().zip(application.as_ref());
        let pair = pair.map(|(api, application)| self.pair(api, application));
        let (api_works, pair_works, ()) = tokio::join!(
            self.watch_api_key(api.as_ref()),
            self.watch_pair(application.as_ref(), pair.as_ref()),
            self.ask_scopes(application.as_ref()),
        );
        if let Some(it) = &application {
            let ending = Ending {
                deleted: Question::ApplicationKeyDeleted,
                refused: Question::ApplicationKeyRefused,
                again: Question::ApplicationKeyDeletedAgain,
            };
            let works = pair.as_ref().filter(|_| pair_works);
            let class = Class::ApplicationKey;
            self.end(it, class, &ending, &Call::validate_pair(), works)
                .await;
        }
        if let Some(it) = &api {
            let ending = Ending {
                deleted: Question::ApiKeyDeleted,
                refused: Question::ApiKeyRefused,
                again: Question::ApiKeyDeletedAgain,
            };
            let alone = Credential::Api(api_part(it));
            let works = Some(&alone).filter(|_| api_works);
            self.end(it, Class::ApiKey, &ending, &Call::validate(), works)
                .await;
        }
    }

    async fn make_api_key(&self) -> Option<Made<ApiKey>> {
        let question = Question::ApiKeyCreated;
        if let Err(
            problem @ (Problem::MissingScopes { .. }
            | Problem::MissingPermissions { .. }
            | Problem::AdminToken { .. }),
        ) = self.admin.must_have(&DELETION).await
        {
            self.deny(
                Question::ApiKeyDeleted,
                format!("not tried: {problem}"),
                problem.advice(),
            );
            let seen = "not tried: it could not be deleted";
            self.say(question, Answer::Unknown, seen);
            return None;
        }
        let (name, mark) = (self.name(), self.wire.mark());
        let at = self.notebook.begin(Class::ApiKey, name.as_str());
        #[expect(clippy::disallowed_methods, reason = "a key of the probe's own")]
        let made = self.admin.create_api_key(name.as_str(), None, false);
        let made = made.await;
        let call = Call::create_api_key(name.as_str(), None, false);
        let seen = self.wire.seen(&call, mark);
        self.note(made, at, question, seen, |problem| {
            problem.advice().into_owned()
        })
    }

    async fn make_application_key(&self) -> Option<Made<AppKey>> {
        let (name, mark) = (self.name(), self.wire.mark());
        let at = self.notebook.begin(Class::ApplicationKey, name.as_str());
        let call = Call::create_app_key(&self.account, name.as_str(), &scopes());
        let scopes = scopes();
        #[expect(clippy::disallowed_methods, reason = "a key of the probe's own")]
        let made = self
            .admin
            .create_app_key(&self.account, name.as_str(), &scopes);
        let made = made.await;
        let seen = self.wire.seen(&call, mark);
        let is_keyless = self.admin.is_keyless();
        let is_access_token = self.admin.is_access_token();
        let follows = |problem: &Problem| match problem {
            Problem::MissingPermissions { .. } => problem.advice().into_owned(),
            _ if is_keyless && problem.is_forbidden() => NO_APPLICATION_KEYS.to_owned(),
            _ if is_access_token && problem.is_forbidden() => NOT_BY_A_TOKEN.to_owned(),
            _ => problem.advice().into_owned(),
        };
        self.note(made, at, Question::ApplicationKeyCreated, seen, follows)
    }

    pub(super) fn note<K, D>(
        &self,
        made: Result<Created<K, D>, Problem>,
        at: usize,
        question: Question,
        seen: String,
        follows: impl FnOnce(&Problem) -> String,
    ) -> Option<Made<K>> {
        match made {
            Ok(Created { id, key, .. }) => {
                self.notebook.ledger.made(at, id.as_str());
                let since = Instant::now();
                let made = key.map(|key| Made { at, id, key, since });
                if made.is_some() {
                    self.say(question, Answer::Yes, seen);
                } else {
                    let seen = format!("{seen}: its value can't be read");
                    self.deny(question, seen, "Look for a newer release.");
                }
                made
            }
            Err(problem) => {
                self.note_failure(at, &problem);
                if super::is_refusal(&problem) {
                    self.deny(question, seen, follows(&problem));
                } else {
                    self.say(question, Answer::Unknown, problem.to_string());
                }
                None
            }
        }
    }

    fn pair(&self, api: &Made<ApiKey>, application: &Made<AppKey>) -> Credential {
        let application = AppPart {
            key: application.key.clone(),
            id: application.id.clone(),
            service_account: self.account.clone(),
        };
        Credential::Pair(api_part(api), application)
    }

    /// Returns whether it was seen to work.
    async fn watch_api_key(&self, api: Option<&Made<ApiKey>>) -> bool {
        let Some(api) = api else {
            return false;
        };
        let alone = Credential::Api(api_part(api));
        let valid = async {
            let mark = self.wire.mark();
            let watched = until(api.since, async || self.admin.validate(&alone).await).await;
            let seen = self.wire.seen(&Call::validate(), mark);
            self.tell(Question::ApiKeyValid, watched, seen)
        };
        tokio::join!(valid, self.watch_list(api)).0
    }

    async fn watch_list(&self, api: &Made<ApiKey>) {
        let (question, unreadable) = (Question::ApiKeyListed, Cell::new(false));
        // By the prefix, as what is left would be looked for.
        let (name, mark) = (super::name::PREFIX, self.wire.mark());
        let look = async || {
            let Some(keys) = self.admin.api_keys(name).await? else {
                unreadable.set(true);
                return Ok(true);
            };
            Ok(keys.iter().any(|it| it.id == api.id))
        };
        let watched = until(api.since, look).await;
        if unreadable.get() {
            let seen = "not allowed without api_keys_read";
            return self.say(question, Answer::Unknown, seen);
        }
        let seen = self.wire.seen(&Call::list_api_keys(name, 0), mark);
        let _listed = self.tell(question, watched, seen);
    }

    async fn watch_pair(&self, of: Option<&Made<AppKey>>, pair: Option<&Credential>) -> bool {
        let (Some(application), question) = (of, Question::ApplicationKeyAccepted) else {
            return false;
        };
        let Some(pair) = pair else {
            let seen = "not asked: it takes an API key beside it, and there is none";
            self.say(question, Answer::Unknown, seen);
            return false;
        };
        let mark = self.wire.mark();
        let look = async || self.admin.validate(pair).await;
        let watched = until(application.since, look).await;
        self.tell(
            question,
            watched,
            self.wire.seen(&Call::validate_pair(), mark),
        )
    }

    async fn ask_scopes(&self, application: Option<&Made<AppKey>>) {
        let Some(application) = application else {
            return;
        };
        let (mark, told, question) = (
            self.wire.mark(),
            Cell::new(None),
            Question::ApplicationKeyScopes,
        );
        let look = async || {
            let found = self.admin.app_key(&self.account, &application.id).await?;
            told.set(found.map(|it| it.scopes == Some(scopes())));
            Ok(told.get().is_some())
        };
        let watched = until(application.since, look).await;
        let call = Call::get_app_key(&self.account, &application.id);
        let seen = self.wire.seen(&call, mark);
        match (told.get(), watched) {
            (Some(true), _) => self.say(question, Answer::Yes, seen),
            (Some(false), _) => {
                self.deny(question, format!("{seen}: other scopes"), OTHER_SCOPES);
            }
            (None, watched) => drop(self.tell(question, watched, seen)),
        }
    }

    /// Deletes a key and asks what then becomes of it. `works` is what it was seen to work as.
    pub(super) async fn end<K>(
        &self,
        made: &Made<K>,
        class: Class,
        ending: &Ending,
        control: &Call,
        works: Option<&Credential>,
    ) {
        let id = made.id.as_str();
        if !self.ask_to_delete(ending.deleted, class, made.at, id).await {
            return;
        }
        let (since, mark) = (Instant::now(), self.wire.mark());
        match works {
            Some(works) => {
                let look = async || self.admin.validate(works).await.map(|it| !it);
                let watched = until(since, look).await;
                let _refused = self.tell(ending.refused, watched, self.wire.seen(control, mark));
            }
            None => self.say(ending.refused, Answer::Unknown, NEVER_WORKED),
        }
        self.ask_to_delete_again(ending.again, class, id).await;
    }

    /// Returns whether it has become so.
    pub(super) fn tell(&self, question: Question, watched: Watched, seen: String) -> bool {
        match watched {
            Watched::After(time) => {
                self.say(question, Answer::After(time), seen);
                return true;
            }
            Watched::Never => {
                let seen = format!("not within {} s: {seen}", LONGEST.as_secs());
                self.say(question, Answer::Unknown, seen);
            }
            Watched::Failed(problem) => self.fail(question, seen, &problem),
        }
        false
    }
}

pub(super) fn scopes() -> Scopes {
    Scopes::from(Some(vec![SCOPE.to_owned()]))
}

fn api_part(api: &Made<ApiKey>) -> ApiPart {
    ApiPart {
        key: api.key.clone(),
        id: api.id.clone(),
    }
}
