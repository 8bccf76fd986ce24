//! Rotation as Secrets Manager drives it: four invocations in order, and the whole of them again
//! with the same token when one fails.

#[cfg(test)]
mod tests;

use std::fmt;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::gate::Gate;
use crate::lambda::FunctionError;
use crate::secrets_manager::RotationJob;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    CreateSecret,
    SetSecret,
    TestSecret,
    FinishSecret,
}

impl Step {
    pub const ALL: [Self; 4] = [
        Self::CreateSecret,
        Self::SetSecret,
        Self::TestSecret,
        Self::FinishSecret,
    ];

    /// The word in the event.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::CreateSecret => "createSecret",
            Self::SetSecret => "setSecret",
            Self::TestSecret => "testSecret",
            Self::FinishSecret => "finishSecret",
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// How often a rotation is tried, and how long Secrets Manager waits in between. Its own figures
/// are not published.
#[derive(Clone, Copy, Debug)]
pub struct Attempts {
    pub count: u32,
    pub apart: Duration,
}

impl Default for Attempts {
    fn default() -> Self {
        Self {
            count: 3,
            apart: Duration::from_secs(1),
        }
    }
}

/// What is going on, told as it happens.
#[derive(Debug)]
pub enum Progress<'a> {
    /// The first attempt is 1.
    Started {
        attempt: u32,
    },
    StepStarted {
        step: Step,
    },
    StepEnded {
        step: Step,
        took: Duration,
        result: Result<(), &'a FunctionError>,
    },
    Ended {
        result: Result<(), &'a FunctionError>,
    },
}

/// Sees the progress of every rotation, of several at once if several run.
pub trait Observer {
    fn observe(&self, job: &RotationJob, progress: &Progress<'_>);
}

/// Nobody looks.
impl Observer for () {
    fn observe(&self, _: &RotationJob, _: &Progress<'_>) {}
}

/// The function at the end of the rotation: the real one, or a test's own.
pub trait Invoke {
    fn invoke(&self, event: Value) -> impl Future<Output = Result<Value, FunctionError>> + Send;
}

/// The event of one step, in the shape that Secrets Manager sends.
#[must_use]
pub fn event(job: &RotationJob, step: Step) -> Value {
    json!({
        "Step": step.name(),
        "SecretId": job.arn,
        "ClientRequestToken": job.token,
        "RotationToken": job.rotation_token,
    })
}

/// Carries out one rotation and reports its end to Secrets Manager. One that is no longer wanted,
/// because its secret was written by hand or deleted meanwhile, is not tried again.
///
/// # Errors
/// The last attempt's error.
pub async fn drive(
    gate: &Gate,
    job: &RotationJob,
    attempts: Attempts,
    function: &impl Invoke,
    observer: &impl Observer,
) -> Result<(), FunctionError> {
    let mut attempt = 1;
    let result = loop {
        observer.observe(job, &Progress::Started { attempt });
        let result = run_steps(job, function, observer).await;
        if result.is_ok() || attempt >= attempts.count || !is_wanted(gate, job) {
            break result;
        }
        attempt += 1;
        tokio::time::sleep(attempts.apart).await;
    };
    gate.with_world(|world| {
        let now = world.now();
        let succeeded = result.is_ok();
        world.secrets_manager.rotation_ended(now, job, succeeded);
    });
    let result_seen = result.as_ref().map(|&()| ());
    observer.observe(
        job,
        &Progress::Ended {
            result: result_seen,
        },
    );
    result
}

fn is_wanted(gate: &Gate, job: &RotationJob) -> bool {
    gate.with_world(|world| world.secrets_manager.is_wanted(job))
}

/// RotateImmediately=false invokes testSecret alone.
fn steps(job: &RotationJob) -> &'static [Step] {
    if job.test_only {
        &[Step::TestSecret]
    } else {
        &Step::ALL
    }
}

async fn run_steps(
    job: &RotationJob,
    function: &impl Invoke,
    observer: &impl Observer,
) -> Result<(), FunctionError> {
    for &step in steps(job) {
        observer.observe(job, &Progress::StepStarted { step });
        let begun = Instant::now();
        let result = function.invoke(event(job, step)).await.map(drop);
        observer.observe(
            job,
            &Progress::StepEnded {
                step,
                took: begun.elapsed(),
                result: result.as_ref().map(|&()| ()),
            },
        );
        result?;
    }
    Ok(())
}
