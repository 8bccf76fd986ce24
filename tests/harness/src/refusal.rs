//! A step that must be refused: with which words, and without having changed anything.

use datadog_rotation::Kind;
use datadog_rotation::error::RotationError;
use sandbox::rotation::{Step, event};
use sandbox::secrets_manager::RotationJob;
use serde_json::Value;

use crate::bench::Bench;

impl Bench {
    /// Begins a rotation and delivers its first step; then the service gives the rotation up.
    pub async fn create(&self, kind: Kind) -> Result<(), RotationError> {
        let job = self.begin(kind);
        let result = self.deliver(kind, &job, Step::CreateSecret).await;
        self.give_up(&job);
        result
    }

    /// Delivers one step; not for steps that the gate kills.
    pub async fn deliver(
        &self,
        kind: Kind,
        job: &RotationJob,
        step: Step,
    ) -> Result<(), RotationError> {
        let delivered = self.function(kind).deliver(&event(job, step)).await;
        delivered.expect("nobody was to kill it")
    }

    /// Delivers an event of the test's own making.
    pub async fn send(&self, kind: Kind, event: &Value) -> Result<(), RotationError> {
        self.function(kind)
            .deliver(event)
            .await
            .expect("nobody was to kill it")
    }

    /// Asserts type and words of a refusal, that nothing was called that changed anything, and
    /// that it quotes no secret.
    #[track_caller]
    pub fn assert_refused(
        &self,
        result: Result<(), RotationError>,
        error_type: &str,
        words: &[&str],
    ) {
        let error = self.assert_failed(result, error_type, words);
        assert!(
            self.changes().is_empty(),
            "{error_type}: changed\n{}",
            self.story()
        );
        assert!(error.contains("Nothing was changed."), "{error}");
    }

    /// The same for a failure that comes after effects.
    #[track_caller]
    pub fn assert_failed(
        &self,
        result: Result<(), RotationError>,
        error_type: &str,
        words: &[&str],
    ) -> String {
        let error = result.expect_err(error_type);
        assert_eq!(error.error_type(), error_type, "{error}");
        let text = error.to_string();
        for word in words {
            assert!(text.contains(word), "no {word:?} in: {text}");
        }
        self.assert_silent(&format!("{text}\n{error:?}"));
        text
    }

    /// No key text, secret value or rotation token that ever existed is in this output.
    #[track_caller]
    pub fn assert_silent(&self, output: &str) {
        self.gate.with_world(|world| {
            let secrets = world
                .datadog
                .every_value()
                .chain(world.secrets_manager.every_value());
            for secret in secrets {
                assert!(!output.contains(secret), "a secret in: {output}");
            }
        });
    }
}
