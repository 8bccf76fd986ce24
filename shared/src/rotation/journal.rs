//! What has happened so far in this invocation. The state in an error's text and the outcome in the
//! log are computed from it, so that neither can claim what did not happen.

use crate::error::{Problem, State};
use crate::keys::KeyRef;

/// What is counted of a step.
#[derive(Debug, Default)]
pub(crate) struct StepCounts {
    /// The keys that it has deleted at Datadog.
    pub keys: Vec<KeyRef>,
    /// How many orphaned keys it has found.
    pub orphans: usize,
    /// How many messages of promotions the topic is not known to have got; `None`: none was due.
    pub messages_not_sent: Option<usize>,
}

/// One thing that happened.
#[derive(Clone, Debug)]
pub(super) enum Entry {
    /// A key may exist under this name: the answer to its creation was lost.
    CreationUnknown { name: String },
    /// This key exists, and no version holds it yet.
    Created(KeyRef),
    /// The keys that this invocation created and did not store were to be deleted again.
    CreationUndone,
    /// The answer to `PutSecretValue` was lost.
    StoreUnknown { keys: Vec<KeyRef> },
    /// The token's version holds a value.
    Stored,
    /// `UpdateSecretVersionStage` was sent; whether it moved AWSCURRENT is not known.
    PromotionUnknown,
    /// AWSCURRENT was certainly not moved.
    NotPromoted,
    /// The token's version is AWSCURRENT.
    Promoted,
    /// The token's version became AWSCURRENT while this invocation gave it up.
    PromotedByAnother,
    /// Datadog confirmed the deletion.
    Deleted(KeyRef),
    /// A key that was to be deleted was gone already.
    Gone(KeyRef),
    /// A key was left alone: something that must work names it, or the secret never held it.
    Protected,
    /// A key was left alive, for nothing shows whether the secret held it.
    Unproven,
    /// Datadog refuses to delete an orphaned key.
    Undeletable,
    /// So many orphaned keys were found.
    OrphansFound(usize),
    /// The topic has got the message of the promotion.
    MessageSent,
    /// The topic is not known to have got it.
    MessageNotSent,
    /// AWSPENDING was taken off a version whose key is dead, or ends too soon. These of its keys were not deleted.
    Abandoned { left: Vec<KeyRef> },
    /// What the step came to, where no effect tells it.
    Outcome(&'static str),
}

/// The journal of one invocation, in the order of its entries.
#[derive(Debug, Default)]
pub(super) struct Journal(Vec<Entry>);

impl Journal {
    pub(super) fn note(&mut self, entry: Entry) {
        self.0.push(entry);
    }

    pub(super) fn outcome_is(&mut self, outcome: &'static str) {
        self.note(Entry::Outcome(outcome));
    }

    pub(super) fn counts(&self) -> StepCounts {
        let mut counts = StepCounts::default();
        for entry in &self.0 {
            match entry {
                Entry::Deleted(key) => counts.keys.push(key.clone()),
                Entry::OrphansFound(count) => counts.orphans += count,
                Entry::MessageSent | Entry::MessageNotSent => {
                    let lost = usize::from(matches!(entry, Entry::MessageNotSent));
                    *counts.messages_not_sent.get_or_insert(0) += lost;
                }
                _ => {}
            }
        }
        counts
    }

    /// Returns the state of the world after the last entry.
    pub(super) fn state(&self) -> State {
        let state = self
            .0
            .iter()
            .fold(State::Untouched, |state, entry| match entry {
                Entry::StoreUnknown { keys } => State::StoreUnknown { keys: keys.clone() },
                Entry::Stored | Entry::NotPromoted => State::Pending,
                Entry::PromotionUnknown => State::PromotionUnknown,
                Entry::Promoted => State::Promoted,
                Entry::PromotedByAnother => State::PromotedByAnother,
                Entry::Abandoned { left } => State::Abandoned { left: left.clone() },
                Entry::Deleted(_) if state == State::Untouched => State::OnlyDeleted,
                Entry::CreationUnknown { .. }
                | Entry::Created(_)
                | Entry::CreationUndone
                | Entry::Deleted(_)
                | Entry::Gone(_)
                | Entry::Protected
                | Entry::Unproven
                | Entry::Undeletable
                | Entry::OrphansFound(_)
                | Entry::MessageSent
                | Entry::MessageNotSent
                | Entry::Outcome(_) => state,
            });
        match state {
            State::Untouched | State::OnlyDeleted => self.unstored().unwrap_or(state),
            later => later,
        }
    }

    /// Returns the state of the world that a step leaves with this problem. Whether a stored value is AWSPENDING still,
    /// is not known where somebody has moved a label.
    pub(super) fn state_after(&self, problem: &Problem) -> State {
        match (self.state(), problem) {
            (State::Pending, Problem::LabelsMoved) => State::NotPromoted,
            (state, _) => state,
        }
    }

    /// Returns the state of the keys that were created, if any were and none was sent to be stored.
    fn unstored(&self) -> Option<State> {
        let (mut keys, mut lost, mut is_any) = (Vec::new(), None, false);
        for entry in &self.0 {
            match entry {
                Entry::CreationUnknown { name } => lost = Some(name.clone()),
                Entry::Created(key) => {
                    keys.push(key.clone());
                    is_any = true;
                }
                Entry::Deleted(key) | Entry::Gone(key) => keys.retain(|it| it != key),
                _ => {}
            }
        }
        match (keys.is_empty(), lost) {
            (false, lost) => Some(State::Unstored { keys, lost }),
            (true, Some(name)) => Some(State::CreationUnknown { name }),
            (true, None) => is_any.then_some(State::Undone),
        }
    }

    /// Returns what the step came to, in the order in which it happened.
    pub(super) fn outcome(&self) -> String {
        let mut words: Vec<String> = Vec::new();
        let (mut deleted, mut gone, mut protected, mut undeletable) = (0, 0, 0, 0);
        let mut unproven = 0;
        for entry in &self.0 {
            match entry {
                Entry::Outcome(outcome) => words.push((*outcome).to_owned()),
                Entry::CreationUndone if self.unstored().is_none_or(|it| it == State::Undone) => {
                    words.push("keys just created were deleted again".into());
                }
                Entry::Promoted => words.push("promoted to AWSCURRENT".into()),
                Entry::MessageSent => words.push("message sent".into()),
                Entry::MessageNotSent => words.push("message not sent".into()),
                Entry::Deleted(_) => deleted += 1,
                Entry::Gone(_) => gone += 1,
                Entry::Protected => protected += 1,
                Entry::Unproven => unproven += 1,
                Entry::Undeletable => undeletable += 1,
                _ => {}
            }
        }
        for (count, what) in [
            (deleted, "deleted"),
            (gone, "not found any more"),
            (protected, "left alone"),
            (unproven, "left alive for lack of proof"),
            (undeletable, "that can't be deleted"),
        ] {
            if count > 0 {
                words.push(format!("keys {what}: {count}"));
            }
        }
        words.dedup();
        words.join("; ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::{KeyClass, KeyId};

    fn key() -> KeyRef {
        let id = KeyId::parse("11111111-1111-4111-8111-111111111111").unwrap();
        KeyRef {
            class: KeyClass::Api,
            id,
        }
    }

    fn journal(entries: impl IntoIterator<Item = Entry>) -> Journal {
        Journal(entries.into_iter().collect())
    }

    #[test]
    fn an_outcome_claims_no_deletion_that_did_not_happen() {
        let nothing = journal([Entry::Promoted]);
        assert_eq!(nothing.outcome(), "promoted to AWSCURRENT");
        let gone = journal([Entry::Promoted, Entry::Gone(key())]);
        assert_eq!(
            gone.outcome(),
            "promoted to AWSCURRENT; keys not found any more: 1"
        );
        let deleted = journal([Entry::Promoted, Entry::Deleted(key())]);
        assert_eq!(deleted.outcome(), "promoted to AWSCURRENT; keys deleted: 1");
    }

    #[test]
    fn a_state_names_each_created_key_that_is_left() {
        let name = "aws-sm-admin-api-key-x".to_owned();
        let [app, api] =
            [KeyClass::Application, KeyClass::Api].map(|class| KeyRef { class, ..key() });
        let created = |key: &KeyRef| Entry::Created(key.clone());
        let deleted = |key: &KeyRef| Entry::Deleted(key.clone());
        let lost = || Entry::CreationUnknown { name: name.clone() };
        let unstored = |keys: &[&KeyRef], lost: Option<&String>| State::Unstored {
            keys: keys.iter().map(|key| (*key).clone()).collect(),
            lost: lost.cloned(),
        };
        for (entries, left) in [
            (vec![created(&app)], unstored(&[&app], None)),
            (
                vec![created(&app), created(&api)],
                unstored(&[&app, &api], None),
            ),
            (
                vec![created(&app), created(&api), deleted(&api)],
                unstored(&[&app], None),
            ),
            (
                vec![
                    created(&app),
                    created(&api),
                    deleted(&api),
                    Entry::Gone(app.clone()),
                ],
                State::Undone,
            ),
            (vec![created(&app), lost()], unstored(&[&app], Some(&name))),
            (
                vec![created(&app), lost(), deleted(&app)],
                State::CreationUnknown { name: name.clone() },
            ),
            (vec![deleted(&app)], State::OnlyDeleted),
        ] {
            let journal = journal(entries);
            assert_eq!(journal.state(), left, "{journal:?}");
        }
    }

    #[test]
    fn an_outcome_claims_an_undoing_only_of_all_keys() {
        let created = || Entry::Created(key());
        let left = journal([created(), Entry::Protected, Entry::CreationUndone]);
        assert_eq!(left.outcome(), "keys left alone: 1");
        let undone = journal([created(), Entry::Deleted(key()), Entry::CreationUndone]);
        assert_eq!(
            undone.outcome(),
            "keys just created were deleted again; keys deleted: 1"
        );
    }

    #[test]
    fn a_message_is_counted_where_one_was_due() {
        assert_eq!(journal([Entry::Promoted]).counts().messages_not_sent, None);
        let sent = journal([Entry::Promoted, Entry::MessageSent]);
        assert_eq!(sent.counts().messages_not_sent, Some(0));
        assert_eq!(sent.outcome(), "promoted to AWSCURRENT; message sent");
        let lost = journal([Entry::Promoted, Entry::MessageNotSent]);
        assert_eq!(lost.counts().messages_not_sent, Some(1));
        assert_eq!(lost.state(), State::Promoted);
    }

    #[test]
    fn what_is_noted_is_told() {
        let mut journal = Journal::default();
        journal.note(Entry::Stored);
        journal.outcome_is("the new keys work");
        assert_eq!(journal.state(), State::Pending);
        assert_eq!(journal.outcome(), "the new keys work");
    }
}
