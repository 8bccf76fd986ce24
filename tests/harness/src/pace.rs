//! How fast the two services answer, and how long a function may run.
//!
//! A function that is still at work at its deadline would be ended by Lambda: here that is a broken
//! promise, whatever it leaves behind. So is one that is at work later than [`LONGEST`].

use std::time::Duration;

use sandbox::gate::{Call, Fate, Service};
use sandbox::rotation::{Step, event};

use crate::case::Case;
use crate::listen::Listening;
use crate::stage;
use crate::sweep::in_virtual_time;
use crate::verdict::{Broken, Verdict, rights};

/// A function stops by itself so long after it began, whatever Lambda allows: the search for
/// orphaned keys takes older ones for nobody's.
pub const LONGEST: Duration = Duration::from_mins(14);

/// How the calls of a rotation are answered, numbered from its first, 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Each call takes so long.
    Slow {
        secrets_manager: Duration,
        datadog: Duration,
    },
    /// So does this one alone.
    SlowOnce { call: u64, by: Duration },
    /// One service throttles this call and all that follow.
    Throttled { from: u64, service: Service },
    /// Each call of Datadog takes so long, and what it minted can't be stored: that is throttled.
    Unstorable { datadog: Duration },
    /// Likewise, but Secrets Manager does not say any more whether it could be stored.
    Unlabelled { datadog: Duration },
    /// It does not answer them.
    Silent { from: u64, service: Service },
}

impl Pace {
    /// `has_minted`: whether a call before it has made a key.
    fn fate(self, call: &Call, number: u64, has_minted: bool) -> Fate {
        match self {
            Self::Slow {
                secrets_manager,
                datadog,
            } => Fate::Slow(match call.service {
                Service::SecretsManager => secrets_manager,
                Service::Datadog | Service::Sns | Service::Lambda | Service::CloudFormation => {
                    datadog
                }
            }),
            Self::SlowOnce { call, by } if call == number => Fate::Slow(by),
            Self::Throttled { from, service } if from <= number && service == call.service => {
                Fate::Throttle
            }
            Self::Unstorable { datadog } => match call.service {
                Service::SecretsManager if call.operation == "PutSecretValue" => Fate::Throttle,
                Service::SecretsManager => Fate::Pass,
                Service::Datadog | Service::Sns | Service::Lambda | Service::CloudFormation => {
                    Fate::Slow(datadog)
                }
            },
            Self::Unlabelled { datadog } => match call.service {
                Service::SecretsManager if has_minted => Fate::SilenceBefore,
                Service::SecretsManager => Fate::Pass,
                Service::Datadog | Service::Sns | Service::Lambda | Service::CloudFormation => {
                    Fate::Slow(datadog)
                }
            },
            Self::Silent { from, service } if from <= number && service == call.service => {
                Fate::SilenceBefore
            }
            Self::SlowOnce { .. } | Self::Throttled { .. } | Self::Silent { .. } => Fate::Pass,
        }
    }

    /// API keys that may be left where none can be listed: where Secrets Manager is silent it may
    /// have stored the key, and so it is not deleted.
    fn lossy(self) -> usize {
        usize::from(matches!(
            self,
            Self::Silent {
                service: Service::SecretsManager,
                ..
            }
        ))
    }
}

/// How a rotation ended that kept every promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Done,
    /// It ran out of time, or of patience, and said so.
    Failed,
}

/// One rotation at this pace by a function that may run so long, then the next one undisturbed.
pub fn run(case: Case, pace: Pace, timeout: Duration) -> Result<End, Box<Broken>> {
    in_virtual_time(rotate(case, pace, timeout))
}

async fn rotate(case: Case, pace: Pace, timeout: Duration) -> Result<End, Box<Broken>> {
    let listening = Listening::begin();
    let (bench, begun) = stage::set(case).await;
    let kind = case.subject.kind();
    let rights = [rights(&bench, kind)];
    bench.gate.forget_calls();
    let (mut number, mut has_minted) = (0, false);
    bench.gate.follow(move |call: &Call| {
        let fate = pace.fate(call, number, has_minted);
        number += 1;
        has_minted |= call.operation.starts_with("POST ");
        fate
    });
    let job = begun.unwrap_or_else(|| bench.begin(kind));
    let broken = |what| {
        let (run, story) = (
            format!("{case:?} at {pace:?} within {timeout:?}"),
            bench.story(),
        );
        Box::new(Broken { run, what, story })
    };
    let mut function = bench.function(kind);
    function.timeout = timeout;
    let mut end = End::Done;
    for step in Step::ALL {
        let event = event(&job, step);
        match tokio::time::timeout(timeout.min(LONGEST), function.deliver(&event)).await {
            Ok(Some(Ok(()))) => {}
            Ok(Some(Err(_))) => {
                end = End::Failed;
                break;
            }
            Ok(None) => unreachable!("nothing is killed here"),
            Err(_) => return Err(broken(format!("{step} was still at work at its deadline"))),
        }
    }
    bench.give_up(&job);
    let verdict = Verdict {
        bench: &bench,
        kinds: &[kind],
        rights: &rights,
        lossy: pace.lossy(),
        is_dead: case.setting.is_dead(),
    };
    verdict.pass(&listening).await.map_err(broken)?;
    Ok(end)
}
