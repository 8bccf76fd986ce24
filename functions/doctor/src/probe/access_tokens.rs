//! What Datadog does with a service access token.

use std::cell::Cell;
use std::time::{Duration, SystemTime};

use datadog_rotation::admin::TokenHeader;
use datadog_rotation::credential::{Credential, TokenPart};
use datadog_rotation::datadog::Call;
use datadog_rotation::keys::AccessToken;

use super::Probe;
use super::keys::{Ending, Made, OTHER_SCOPES, scopes};
use super::poll::until;
use super::question::{Answer, Question};
use super::throwaway::Class;

/// A token that stays ends by itself then. Datadog may want it to live for a day at least.
const LIFE: Duration = Duration::from_hours(48);

/// What the answer tells of when it ends may be rounded.
const ROUNDED: Duration = Duration::from_mins(1);

impl Probe<'_, '_> {
    pub(super) async fn ask_about_access_tokens(&self) {
        let expires = self.skew.corrected(self.watch.now()) + LIFE;
        let Some(made) = self.make_access_token(expires).await else {
            return;
        };
        let token = Credential::Token(TokenPart {
            key: made.key.clone(),
            id: made.id.clone(),
            service_account: self.account.clone(),
        });
        let (works, ()) = tokio::join!(
            self.watch_access_token(&made, &token),
            self.ask_rights(&made, expires)
        );
        let ending = Ending {
            deleted: Question::ServiceAccessTokenDeleted,
            refused: Question::ServiceAccessTokenRefused,
            again: Question::ServiceAccessTokenDeletedAgain,
        };
        let works = Some(&token).filter(|_| works);
        self.end(
            &made,
            Class::AccessToken,
            &ending,
            &Call::current_user(),
            works,
        )
        .await;
    }

    async fn make_access_token(&self, expires: SystemTime) -> Option<Made<AccessToken>> {
        let (name, mark) = (self.name(), self.wire.mark());
        let at = self.notebook.begin(Class::AccessToken, name.as_str());
        let (name, scopes, expires) = (name.as_str(), scopes(), Some(expires));
        let call = Call::create_access_token(&self.account, name, &scopes, expires);
        #[expect(clippy::disallowed_methods, reason = "a token of the probe's own")]
        let made = self
            .admin
            .create_access_token(&self.account, name, &scopes, expires);
        let made = made.await;
        let (question, seen) = (
            Question::ServiceAccessTokenCreated,
            self.wire.seen(&call, mark),
        );
        self.note(made, at, question, seen, |problem| {
            problem.advice().into_owned()
        })
    }

    /// Returns whether it was seen to work, in whichever header.
    async fn watch_access_token(&self, made: &Made<AccessToken>, token: &Credential) -> bool {
        let mark = self.wire.mark();
        let watched = until(made.since, async || self.admin.validate(token).await).await;
        let seen = self.wire.seen(&Call::current_user(), mark);
        let header = match self.admin.token_header() {
            Some(TokenHeader::Bearer) => "in Authorization: Bearer",
            Some(TokenHeader::ApplicationKey) => "in DD-APPLICATION-KEY, beside an API key",
            None => "in no header",
        };
        let question = Question::ServiceAccessTokenAccepted;
        self.tell(question, watched, format!("{seen}: {header}"))
    }

    /// Asks whether its scopes and its end are as asked for.
    async fn ask_rights(&self, made: &Made<AccessToken>, expires: SystemTime) {
        let (mark, told) = (self.wire.mark(), Cell::new(None));
        let question = Question::ServiceAccessTokenRights;
        let look = async || {
            let found = self.admin.access_token(&self.account, &made.id).await?;
            told.set(found.map(|it| (it.scopes == Some(scopes()), ends(it.expires, expires))));
            Ok(told.get().is_some())
        };
        let watched = until(made.since, look).await;
        let call = Call::get_access_token(&self.account, &made.id);
        let seen = self.wire.seen(&call, mark);
        match told.get() {
            Some((true, true)) => self.say(question, Answer::Yes, seen),
            Some((false, _)) => {
                self.deny(question, format!("{seen}: other scopes"), OTHER_SCOPES);
            }
            Some((true, false)) => {
                let follows = "Do without daysToExpiry: a token's end can't be relied on.";
                self.deny(
                    question,
                    format!("{seen}: it ends at another time"),
                    follows,
                );
            }
            None => drop(self.tell(question, watched, seen)),
        }
    }
}

/// Returns whether a token ends when it was to.
fn ends(told: Option<SystemTime>, asked: SystemTime) -> bool {
    told.is_some_and(|told| {
        let apart = told.duration_since(asked);
        apart.unwrap_or_else(|it| it.duration()) <= ROUNDED
    })
}
