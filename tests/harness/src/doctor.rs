//! The doctor in this process, on a bench's world and in its time.

use std::ffi::OsString;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use datadog_doctor::arguments::{Asked, parse};
use datadog_doctor::outside::Outside;
use datadog_doctor::program::run;
use datadog_rotation::Kind;
use datadog_rotation::deadline::Deadline;
use datadog_rotation::http::{Http, Transport};
use sandbox::stack::REGION;
use serde_json::Value;
use tokio::sync::Notify;

use crate::bench::Bench;
use crate::function::config;
use crate::transport::InProcess;

/// How the gate knows it.
pub const CALLER: &str = "datadog-doctor";

/// What one run has come to.
#[derive(Debug)]
pub struct Told {
    /// Whether its exit code would be 0.
    pub fine: bool,
    pub output: String,
    /// What a probe says while it is at work.
    pub notes: String,
}

impl Told {
    /// The output as JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.output).expect("JSON")
    }
}

impl Bench {
    /// Runs `datadog-doctor` with these arguments.
    pub async fn doctor(&self, arguments: &[&str]) -> Told {
        let now = self.gate.with_world(|world| world.now()).into();
        self.doctor_at(now, self.way(CALLER), arguments).await
    }

    /// The same at a desk whose clock shows `now`, and with calls that go another way.
    pub async fn doctor_at(
        &self,
        now: SystemTime,
        way: impl Transport + 'static,
        arguments: &[&str],
    ) -> Told {
        let (stop, mut notes) = (Notify::new(), Vec::new());
        self.doctor_until(&stop, &mut notes, now, way, arguments)
            .await
    }

    /// The same; it is told to stop when `stop` is notified, and `notes` outlive it.
    pub async fn doctor_until(
        &self,
        stop: &Notify,
        notes: &mut Vec<u8>,
        now: SystemTime,
        way: impl Transport + 'static,
        arguments: &[&str],
    ) -> Told {
        let arguments = arguments.iter().map(OsString::from);
        let Asked::Task(task) = parse(arguments, 100).expect("right usage") else {
            panic!("nothing is to be done");
        };
        let (settings, http) = (self.settings.clone(), Http::new(way));
        let watch = Deadline::new(now, Duration::from_hours(24));
        let config = config(REGION, &self.gate, CALLER);
        let outside = Outside::new(&task, settings, &http, &config, watch);
        let mut output = Vec::new();
        let fine = run(&task, &outside, &mut output, notes, stop)
            .await
            .expect("no end of memory");
        let output = String::from_utf8(output).expect("text");
        let notes = String::from_utf8(notes.clone()).expect("text");
        self.assert_silent(&format!("{output}{notes}{outside:?}"));
        Told {
            fine,
            output,
            notes,
        }
    }

    /// Runs `datadog-doctor check`, and asserts that it made no call of a kind that changes anything.
    pub async fn check(&self, arguments: &[&str]) -> Told {
        self.gate.forget_calls();
        let told = self.doctor(&[&["check"], arguments].concat()).await;
        let calls = self.gate.calls();
        assert!(!calls.is_empty());
        for record in calls {
            assert!(!record.call.changes(), "{record}");
        }
        told
    }

    /// What a check says of one secret, as JSON.
    pub async fn checkup(&self, secret: &str) -> Value {
        let told = self.check(&[secret, "--json"]).await;
        let document = told.json();
        assert_eq!(document["ok"], told.fine);
        document["secrets"][0].clone()
    }

    /// A caller's way to the gate.
    #[must_use]
    pub fn way(&self, caller: &str) -> InProcess {
        InProcess {
            gate: self.gate.clone(),
            caller: caller.to_owned(),
            killed: Arc::new(Notify::new()),
        }
    }

    /// The ARNs of the secrets, one of each type.
    #[must_use]
    pub fn secrets(&self) -> [&str; 4] {
        Kind::ALL.map(|kind| self.secret(kind))
    }
}

/// A checkup's line of this check.
#[must_use]
pub fn line<'a>(checkup: &'a Value, check: &str) -> &'a Value {
    let mut lines = checkup["checks"].as_array().into_iter().flatten();
    lines
        .find(|it| it["check"] == check)
        .expect("a line of this check")
}

/// The checks of a checkup that have this status.
#[must_use]
pub fn of_status<'a>(checkup: &'a Value, status: &str) -> Vec<&'a str> {
    let lines = checkup["checks"].as_array().into_iter().flatten();
    let lines = lines.filter(|it| it["status"] == status);
    lines.filter_map(|it| it["check"].as_str()).collect()
}
