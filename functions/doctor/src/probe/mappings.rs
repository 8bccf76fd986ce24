//! What Datadog does with mappings of a role that does not exist.

use datadog_rotation::datadog::Call;
use datadog_rotation::datadog::trust::MappingKind;
use datadog_rotation::error::Problem;
use datadog_rotation::keys::TrustId;
use tokio::time::Instant;

use super::poll::until;
use super::question::{Answer, Question};
use super::throwaway::Class;
use super::{Probe, is_refusal};

const IDENTITY: MappingKind = MappingKind::Identity;
const INTAKE: MappingKind = MappingKind::Intake;

const NOT_MADE: &str = "Who makes mappings needs workload_identity_federation_write (or \
    cloud_auth_config_write) and all that the service account may, and the AWS account is to be \
    integrated before; see docs/use/trust.md.";

impl Probe<'_, '_> {
    pub(super) async fn ask_about_mappings(&self) {
        let Some(aws_account) = self.aws_account else {
            return;
        };
        let pattern = self.name().pattern(aws_account);
        let Some((at, id)) = self.make_mapping(&pattern).await else {
            return;
        };
        self.watch_mapping(&id).await;
        self.make_again(&pattern, &id).await;
        self.make_intake(&pattern).await;
        let class = Class::Mapping(IDENTITY);
        let (deleted, again) = (Question::MappingDeleted, Question::MappingDeletedAgain);
        if self.ask_to_delete(deleted, class, at, id.as_str()).await {
            self.ask_to_delete_again(again, class, id.as_str()).await;
        }
    }

    async fn make_mapping(&self, pattern: &str) -> Option<(usize, TrustId)> {
        let question = Question::IdentityMappingCreated;
        let (at, made, seen) = self.post(IDENTITY, pattern).await;
        match made {
            Ok(id) => {
                self.say(question, Answer::Yes, seen);
                Some((at, id))
            }
            Err(problem) if is_refusal(&problem) => {
                self.deny(question, with_refusal(seen, &problem), NOT_MADE);
                None
            }
            Err(problem) => {
                self.say(question, Answer::Unknown, problem.to_string());
                None
            }
        }
    }

    async fn watch_mapping(&self, id: &TrustId) {
        let (since, mark) = (Instant::now(), self.wire.mark());
        let found = async || Ok(self.admin.mapping(IDENTITY, id).await?.is_some());
        let listed = async || {
            let all = self.admin.mappings(IDENTITY).await?;
            Ok(all.iter().any(|it| it.id == *id))
        };
        let (found, listed) = tokio::join!(until(since, found), until(since, listed));
        let call = Call::get_mapping(IDENTITY, id);
        let seen = self.wire.seen(&call, mark);
        let _found = self.tell(Question::IdentityMappingFound, found, seen);
        let call = Call::list_mappings(IDENTITY);
        let seen = self.wire.seen(&call, mark);
        let _listed = self.tell(Question::IdentityMappingListed, listed, seen);
    }

    async fn make_again(&self, pattern: &str, first: &TrustId) {
        let question = Question::IdentityMappingCreatedAgain;
        let (_, made, seen) = self.post(IDENTITY, pattern).await;
        match made {
            Ok(id) if id == *first => {
                self.say(
                    question,
                    Answer::Yes,
                    format!("{seen}, with the id of the first"),
                );
            }
            Ok(_) => self.say(
                question,
                Answer::Yes,
                format!("{seen}, with an id of its own"),
            ),
            Err(problem) => self.tell_conflict(question, seen, &problem),
        }
    }

    async fn make_intake(&self, pattern: &str) {
        let question = Question::IntakeMappingCreated;
        let (_, made, seen) = self.post(INTAKE, pattern).await;
        match made {
            Ok(_) => self.say(question, Answer::Yes, seen),
            Err(problem) => self.tell_conflict(question, seen, &problem),
        }
    }

    fn tell_conflict(&self, question: Question, seen: String, problem: &Problem) {
        if !is_refusal(problem) {
            return self.say(question, Answer::Unknown, problem.to_string());
        }
        let follows = if seen.ends_with("409") {
            "This is how datadog-trust knows a conflict."
        } else {
            "datadog-trust knows a conflict by 409 alone, and tells any other refusal as it is."
        };
        self.deny(question, with_refusal(seen, problem), follows);
    }

    /// One POST, noted before it goes out.
    async fn post(
        &self,
        kind: MappingKind,
        pattern: &str,
    ) -> (usize, Result<TrustId, Problem>, String) {
        let at = self.notebook.begin(Class::Mapping(kind), pattern);
        let account = (kind == IDENTITY).then(|| self.account.as_str());
        let mark = self.wire.mark();
        let made = self.admin.create_mapping(pattern, account).await;
        match &made {
            Ok(id) => self.notebook.ledger.made(at, id.as_str()),
            Err(problem) => self.note_failure(at, problem),
        }
        let call = Call::create_mapping(pattern, account);
        (at, made, self.wire.seen(&call, mark))
    }
}

/// With Datadog's reason, where it is one that is known.
fn with_refusal(seen: String, problem: &Problem) -> String {
    use datadog_rotation::datadog::DatadogProblem::Trust;
    match problem {
        Problem::Datadog(error) => match &error.problem {
            Trust(refusal) => format!("{seen}: {refusal}"),
            _ => seen,
        },
        _ => seen,
    }
}
