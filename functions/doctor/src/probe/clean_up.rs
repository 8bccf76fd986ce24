//! Deleting what this probe has made, and what earlier ones have left.

use std::time::{Duration, SystemTime};

use datadog_rotation::datadog::Call;
use datadog_rotation::error::Problem;
use datadog_rotation::inspect::delete_key;
use datadog_rotation::keys::{KeyClass, KeyId, KeyRef, TrustId};
use tokio::time::{Instant, sleep};

use super::Probe;
use super::name::{Name, PREFIX};
use super::poll::LONGEST;
use super::question::{Answer, Question};
use super::throwaway::{Class, Fate};

/// How long something is looked for whose POST was not answered. Deleting it takes a moment more.
const LONGEST_SEARCH: Duration = Duration::from_secs(10);

const UNLISTED: &str =
    "API keys can't be listed without api_keys_read, so that it can't be looked for";

const PAUSE: Duration = Duration::from_millis(500);

/// What is noted is read back as an id.
const NO_ID: &str = "its id is not known";

/// A thing that bears a name of probes.
struct Listed {
    name: String,
    id: String,
    /// Whether this account has made it, or it is not told who has.
    is_own: bool,
    created: Option<SystemTime>,
}

impl Probe<'_, '_> {
    /// Deletes all that is noted, classes beside each other: one that gets no answer takes no time
    /// from the rest.
    pub(super) async fn clean_up(&self) {
        let [first, second, third, fourth, fifth] = Class::ALL.map(|class| self.clean(class));
        tokio::join!(first, second, third, fourth, fifth);
    }

    async fn clean(&self, class: Class) {
        self.delete_all(class).await;
        if !self.notebook.ledger.of(class, Fate::Unknown).is_empty() {
            self.search(class).await;
            self.delete_all(class).await;
        }
    }

    async fn delete_all(&self, class: Class) {
        let ledger = &self.notebook.ledger;
        let mut things = ledger.of(class, Fate::Made);
        things.extend(ledger.of(class, Fate::NotFound));
        for (at, thing) in things {
            // Told only if nothing more can be.
            ledger.trouble(at, "its deletion was not answered in time".to_owned());
            let lag = thing.lag().min(LONGEST);
            match self.delete(class, thing.id.as_deref(), lag).await {
                Ok(false) if !thing.lag().is_zero() => ledger.not_found(at),
                Ok(_) => ledger.deleted(at),
                Err(Some(problem)) => ledger.trouble(at, problem.to_string()),
                Err(None) => ledger.trouble(at, NO_ID.to_owned()),
            }
        }
    }

    /// Looks for things whose POST was not answered.
    async fn search(&self, class: Class) {
        let (ledger, begun) = (&self.notebook.ledger, Instant::now());
        loop {
            let lost = ledger.of(class, Fate::Unknown);
            if lost.is_empty() {
                return;
            }
            let (trouble, is_vain) = match self.list(class).await {
                Ok(Some(listed)) => {
                    for (at, thing) in lost {
                        let mut new = listed.iter().filter(|it| it.name == thing.name);
                        if let Some(it) = new.find(|it| !ledger.knows(class, &it.id)) {
                            ledger.made(at, &it.id);
                        }
                    }
                    ("no list shows it".to_owned(), false)
                }
                Ok(None) => (UNLISTED.to_owned(), true),
                Err(problem) => (problem.to_string(), false),
            };
            let left = ledger.of(class, Fate::Unknown);
            for (at, _) in &left {
                ledger.trouble(*at, trouble.clone());
            }
            if left.is_empty() || is_vain || begun.elapsed() + PAUSE > LONGEST_SEARCH {
                return;
            }
            sleep(PAUSE).await;
        }
    }

    /// Finds what earlier probes have left, and deletes it.
    pub(super) async fn clear_up_after_others(&self) {
        for class in Class::ALL {
            if matches!(class, Class::Mapping(_)) && self.aws_account.is_none() {
                continue;
            }
            let Ok(Some(listed)) = self.list(class).await else {
                self.notebook.unlisted.borrow_mut().push(class);
                continue;
            };
            self.note_left(class, listed);
            self.delete_all(class).await;
        }
    }

    fn note_left(&self, class: Class, listed: Vec<Listed>) {
        let now = self.skew.corrected(self.watch.now());
        for it in listed {
            let name = match class {
                Class::Mapping(_) => Name::of_pattern(&it.name),
                Class::ApiKey | Class::ApplicationKey | Class::AccessToken => Name::parse(&it.name),
            };
            let Some(name) = name.filter(|_| it.is_own) else {
                continue;
            };
            if name.is_over(it.created, now) {
                let _at = self.notebook.ledger.found(class, &it.name, &it.id, true);
            } else {
                self.notebook.young.borrow_mut().push(it.name);
            }
        }
    }

    /// Everything of this class that may be a probe's; `None` if it can't be listed.
    async fn list(&self, class: Class) -> Result<Option<Vec<Listed>>, Problem> {
        Ok(match class {
            Class::ApiKey => {
                let keys = self.admin.api_keys(PREFIX).await?;
                keys.map(|keys| {
                    let listed = keys.into_iter().map(|it| Listed {
                        is_own: it
                            .created_by
                            .is_none_or(|by| by.eq_ignore_ascii_case(self.account.as_str())),
                        name: it.name,
                        id: it.id.to_string(),
                        created: it.created,
                    });
                    listed.collect()
                })
            }
            Class::ApplicationKey | Class::AccessToken => {
                let keys = match class {
                    Class::AccessToken => self.admin.access_tokens(&self.account, PREFIX).await?,
                    _ => self.admin.app_keys(&self.account, PREFIX).await?,
                };
                let listed = keys.into_iter().map(|it| Listed {
                    name: it.name,
                    id: it.id.to_string(),
                    is_own: true,
                    created: it.created,
                });
                Some(listed.collect())
            }
            Class::Mapping(kind) => {
                let mappings = self.admin.mappings(kind).await?;
                let account = self.account.as_str();
                let listed = mappings.into_iter().map(|it| Listed {
                    is_own: it.is_for(Some(account)) || it.is_for(None),
                    name: it.pattern,
                    id: it.id.to_string(),
                    created: None,
                });
                Some(listed.collect())
            }
        })
    }

    /// `false`: it was not found, a key not even when it was asked for again for so long as `lag`. The
    /// error is empty if there is nothing to go by.
    async fn delete(
        &self,
        class: Class,
        id: Option<&str>,
        lag: Duration,
    ) -> Result<bool, Option<Problem>> {
        let id = id.ok_or(None)?;
        let key_of = |class| {
            let id = KeyId::parse(id).ok_or(None)?;
            Ok::<_, Option<Problem>>(KeyRef { class, id })
        };
        let deleted = match class {
            Class::ApiKey => {
                let key = key_of(KeyClass::Api)?;
                delete_key(self.admin, &key, lag).await
            }
            Class::ApplicationKey => {
                let key = key_of(KeyClass::Application)?;
                delete_key(self.admin, &key, lag).await
            }
            Class::AccessToken => {
                let key = key_of(KeyClass::AccessToken)?;
                delete_key(self.admin, &key, lag).await
            }
            Class::Mapping(kind) => {
                let id = TrustId::parse(id).ok_or(None)?;
                self.admin.delete_mapping(kind, &id).await
            }
        };
        deleted.map_err(Some)
    }

    fn deletion(&self, class: Class, id: &str) -> Option<Call> {
        Some(match class {
            Class::ApiKey => Call::delete_api_key(&KeyId::parse(id)?),
            Class::ApplicationKey => Call::delete_app_key(&self.account, &KeyId::parse(id)?),
            Class::AccessToken => Call::delete_access_token(&self.account, &KeyId::parse(id)?),
            Class::Mapping(kind) => Call::delete_mapping(kind, &TrustId::parse(id)?),
        })
    }

    /// Returns whether it has been deleted.
    pub(super) async fn ask_to_delete(
        &self,
        question: Question,
        class: Class,
        at: usize,
        id: &str,
    ) -> bool {
        let (ledger, mark) = (&self.notebook.ledger, self.wire.mark());
        let lag = ledger.lag(at).min(LONGEST);
        let deleted = self.delete(class, Some(id), lag).await;
        let call = self.deletion(class, id);
        let seen = call.map(|it| self.wire.seen(&it, mark)).unwrap_or_default();
        match deleted {
            Ok(false) if !ledger.lag(at).is_zero() => {
                ledger.not_found(at);
                let seen = format!("{seen}: it is not found yet, or not any more");
                self.say(question, Answer::Unknown, seen);
            }
            // A first attempt that was not answered may be what has deleted it.
            Ok(is_new) if is_new || seen.contains(", ") => {
                ledger.deleted(at);
                self.say(question, Answer::Yes, seen);
                return true;
            }
            Ok(_) => self.say(
                question,
                Answer::Unknown,
                format!("{seen}: it is not found"),
            ),
            Err(Some(problem)) => self.fail(question, seen, &problem),
            Err(None) => self.say(question, Answer::Unknown, NO_ID),
        }
        false
    }

    pub(super) async fn ask_to_delete_again(&self, question: Question, class: Class, id: &str) {
        let mark = self.wire.mark();
        let deleted = self.delete(class, Some(id), Duration::ZERO).await;
        let Some(call) = self.deletion(class, id) else {
            return;
        };
        let seen = self.wire.seen(&call, mark);
        match (self.wire.last(&call, mark), deleted) {
            (Some(404), Ok(_)) => self.say(question, Answer::Yes, seen),
            (Some(204), _) => {
                let follows = "204 is taken for done, too: nothing needs to be changed.";
                self.deny(question, seen, follows);
            }
            (Some(400..500), _) => {
                let follows = "Rotations take 404 alone for gone: where the answer to a deletion \
                               is lost, one looks the key up, or fails. Tell the maintainers.";
                self.deny(question, seen, follows);
            }
            (_, Err(Some(problem))) => self.say(question, Answer::Unknown, problem.to_string()),
            _ => self.say(question, Answer::Unknown, seen),
        }
    }

    /// After a POST that failed: either Datadog has said that nothing was made, or that is to be
    /// found out.
    pub(super) fn note_failure(&self, at: usize, problem: &Problem) {
        match problem {
            Problem::Datadog(error) if error.call.creates() && !error.problem.is_definite() => {
                let trouble = "its creation was not answered".to_owned();
                self.notebook.ledger.trouble(at, trouble);
            }
            _ => self.notebook.ledger.refused(at),
        }
    }
}
