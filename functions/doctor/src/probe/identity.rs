//! Whom Datadog takes this program for.

use std::time::SystemTime;

use datadog_rotation::datadog::{Call, Expiry, ExpiryForm, token};
use datadog_rotation::error::Problem;

use super::Probe;
use super::question::{Answer, Question};

impl Probe<'_, '_> {
    /// Returns whether anything more can be asked.
    pub(super) async fn ask_who(&self) -> bool {
        let mark = self.wire.mark();
        let accepted = self.admin.must_work().await;
        if self.admin.is_keyless() {
            self.tell_identity(mark, accepted).await
        } else if self.admin.is_access_token() {
            let (question, call) = (Question::AccessTokenAccepted, Call::current_user());
            self.tell_secret(question, &call, mark, accepted)
        } else {
            let (question, call) = (Question::PairAccepted, Call::validate_pair());
            self.tell_secret(question, &call, mark, accepted)
        }
    }

    /// Tells what Datadog does with what an admin secret holds.
    fn tell_secret(
        &self,
        question: Question,
        call: &Call,
        mark: usize,
        accepted: Result<(), Problem>,
    ) -> bool {
        let seen = self.wire.seen(call, mark);
        match accepted {
            Ok(()) => self.say(question, Answer::Yes, seen),
            Err(problem) => {
                self.fail(question, seen, &problem);
                return false;
            }
        }
        true
    }

    async fn tell_identity(&self, mark: usize, accepted: Result<(), Problem>) -> bool {
        let exchange = self.wire.seen(&Call::exchange(), mark);
        let user = self.wire.seen(&Call::current_user(), mark);
        let (mapped, account) = (Question::IdentityMapped, Question::ServiceAccount);
        match accepted {
            Ok(()) => {
                self.say(mapped, Answer::Yes, exchange);
                self.say(account, Answer::Yes, user);
                self.tell_life(self.admin.token_expiry().await);
                return true;
            }
            Err(problem @ Problem::IdentityMismatch { .. }) => {
                self.say(mapped, Answer::Yes, exchange);
                self.deny(account, format!("{user}: {problem}"), problem.advice());
            }
            Err(problem) if is_of_exchange(&problem) => self.fail(mapped, exchange, &problem),
            Err(problem) => {
                // It was answered with a token, of which Datadog says nothing.
                if self.wire.last(&Call::exchange(), mark) == Some(200) {
                    self.say(mapped, Answer::Yes, exchange);
                }
                self.say(account, Answer::Unknown, problem.to_string());
            }
        }
        false
    }

    fn tell_life(&self, expiry: Option<Expiry>) {
        let question = Question::TokenLife;
        let Some(Expiry { at, form }) = expiry else {
            return;
        };
        let seen = match form {
            ExpiryForm::Text => "told as a string of seconds since 1970",
            ExpiryForm::Number => "told as a number of seconds since 1970",
            ExpiryForm::Date => "told as a date of RFC 3339",
            ExpiryForm::Untold => {
                let seen =
                    "not told, or not so that it can be read; a quarter of an hour is assumed";
                return self.say(question, Answer::Unknown, seen);
            }
        };
        let now: SystemTime = self.skew.corrected(self.watch.now());
        let life = at.duration_since(now).unwrap_or_default();
        self.say(question, Answer::After(life), seen);
    }
}

fn is_of_exchange(problem: &Problem) -> bool {
    let error = match problem {
        Problem::IdentityRefused { error, .. } => error,
        Problem::Datadog(error) => error,
        _ => return false,
    };
    error.call.is(&token::EXCHANGE)
}
