//! The crash sweep: one rotation, with faults at chosen calls, and the next one undisturbed.
//!
//! Deterministic: the same case and faults tell the same story, to the call.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use datadog_rotation::Kind;
use http::StatusCode;
use sandbox::gate::{Call, Fate};
use sandbox::promise::Breach;
use sandbox::rotation::{Attempts, drive};
use sandbox::scene::{ADMIN_SCOPES, SceneOptions};
use serde_json::json;

use crate::bench::{Bench, DOCUMENTED_SCOPES};

/// What is swept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Case {
    pub subject: Subject,
    /// Whether the admin has `api_keys_read`.
    pub reads: bool,
    /// How many rotations came before.
    pub later: u8,
    /// Whether the service tries the disturbed rotation again at once, or gives it up.
    pub redelivered: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    ApiKey,
    ApplicationKey,
    AdminKey,
    /// An admin pair that another admin rotates.
    AssistedAdminKey,
}

impl Subject {
    pub const ALL: [Self; 4] = [
        Self::ApiKey,
        Self::ApplicationKey,
        Self::AdminKey,
        Self::AssistedAdminKey,
    ];

    #[must_use]
    pub fn kind(self) -> Kind {
        match self {
            Self::ApiKey => Kind::ApiKey,
            Self::ApplicationKey => Kind::ApplicationKey,
            Self::AdminKey | Self::AssistedAdminKey => Kind::AdminKey,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    FailBefore,
    FailAfter,
    CutBefore,
    CutAfter,
    SilenceBefore,
    SilenceAfter,
    Throttle,
    KillBefore,
    KillAfter,
    Html,
    Truncated,
}

impl Fault {
    pub const ALL: [Self; 11] = [
        Self::FailBefore,
        Self::FailAfter,
        Self::CutBefore,
        Self::CutAfter,
        Self::SilenceBefore,
        Self::SilenceAfter,
        Self::Throttle,
        Self::KillBefore,
        Self::KillAfter,
        Self::Html,
        Self::Truncated,
    ];

    fn fate(self) -> Fate {
        match self {
            Self::FailBefore => Fate::FailBefore,
            Self::FailAfter => Fate::FailAfter,
            Self::CutBefore => Fate::CutBefore,
            Self::CutAfter => Fate::CutAfter,
            Self::SilenceBefore => Fate::SilenceBefore,
            Self::SilenceAfter => Fate::SilenceAfter,
            Self::Throttle => Fate::Throttle,
            Self::KillBefore => Fate::KillBefore,
            Self::KillAfter => Fate::KillAfter,
            Self::Html => Fate::Html(StatusCode::OK),
            Self::Truncated => Fate::Truncated,
        }
    }
}

/// Faults by the number of the call that they meet, the disturbed rotation's first being 0.
pub type Faults = BTreeMap<u64, Fault>;

/// How a run ended that kept every promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Healing {
    /// The disturbed rotation succeeded in the end.
    Same,
    /// It failed, and the next one put everything right.
    Next,
}

/// A run that kept its promises.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    pub healing: Healing,
    /// The calls of the disturbed rotation.
    pub calls: u64,
    /// API keys that are left alive and can't be found without `api_keys_read`.
    pub leaks: usize,
}

/// A run that broke one, with the story of its calls.
pub struct Broken {
    pub case: Case,
    pub faults: Faults,
    pub what: String,
    pub story: String,
}

impl fmt::Debug for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:?} with {:?}: {}", self.case, self.faults, self.what)?;
        f.write_str(&self.story)
    }
}

/// Runs one case in a runtime of its own, with virtual time.
pub fn run(case: Case, faults: &Faults) -> Result<Run, Box<Broken>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    runtime.block_on(disturb(case, faults))
}

async fn disturb(case: Case, faults: &Faults) -> Result<Run, Box<Broken>> {
    let bench = stage(case).await;
    let kind = case.subject.kind();
    bench.gate.forget_calls();
    let script = faults.clone();
    let mut number = 0;
    bench.gate.follow(move |_: &Call| {
        number += 1;
        script
            .get(&(number - 1))
            .map_or(Fate::Pass, |fault| fault.fate())
    });
    let attempts = Attempts {
        count: if case.redelivered { 3 } else { 1 },
        ..bench.attempts
    };
    let job = bench.begin(kind);
    let disturbed = drive(&bench.gate, &job, attempts, &bench.function(kind), &()).await;
    let calls = bench.gate.calls();
    let lossy = faults
        .keys()
        .filter(|n| calls.get(index(**n)).is_some_and(may_leak))
        .count();

    let leaks = verdict(&bench, case, faults, lossy).await?;
    Ok(Run {
        healing: if disturbed.is_ok() {
            Healing::Same
        } else {
            Healing::Next
        },
        calls: u64::try_from(calls.len()).unwrap_or_default(),
        leaks,
    })
}

/// The next rotation, undisturbed and 16 minutes later, and whether every promise held: P1 and P2
/// after every call so far, P3 now. Without `api_keys_read`, up to `lossy` API keys may be left;
/// answers how many are.
pub(crate) async fn verdict(
    bench: &Bench,
    case: Case,
    faults: &Faults,
    lossy: usize,
) -> Result<usize, Box<Broken>> {
    let broken = |what: String| {
        let (faults, story) = (faults.clone(), bench.story());
        Err(Box::new(Broken {
            case,
            faults,
            what,
            story,
        }))
    };
    bench.gate.follow(|_: &Call| Fate::Pass);
    bench.wait(Duration::from_mins(16)).await;
    if let Err(error) = bench.rotate(case.subject.kind()).await {
        return broken(format!("the next rotation failed: {}", error.message));
    }
    if let Some(breach) = bench.ledger.breaches().first() {
        return broken(breach.to_string());
    }
    let unsettled = bench
        .gate
        .with_world(|world| bench.ledger.strays_and_losses(world));
    let leaks = leaks(&unsettled);
    if leaks < unsettled.len() || (leaks > 0 && (case.reads || leaks > lossy)) {
        return broken(format!("{unsettled:?}"));
    }
    Ok(leaks)
}

/// A world with as many rotations behind it as the case asks for.
pub(crate) async fn stage(case: Case) -> Bench {
    let admin_scopes = if case.reads {
        &ADMIN_SCOPES[..]
    } else {
        &DOCUMENTED_SCOPES
    };
    let bench = Bench::new(SceneOptions {
        admin_scopes,
        ..SceneOptions::default()
    });
    if case.subject == Subject::AssistedAdminKey {
        assist(&bench, admin_scopes);
    }
    for _ in 0..case.later {
        bench
            .rotate(case.subject.kind())
            .await
            .expect("an undisturbed rotation");
        bench.wait(Duration::from_mins(20)).await;
    }
    bench
}

/// Names another admin secret for the admin secret.
fn assist(bench: &Bench, scopes: &[&str]) {
    let value = bench.gate.with_world(|world| {
        let now = world.now();
        let account = bench.scene.service_account.clone();
        let api = world.datadog.create_api_key(now, "assistant");
        let application =
            world
                .datadog
                .create_application_key(now, &account, "assistant", Some(scopes));
        json!({
            "adminApiKey": api.value, "adminApiKeyId": api.id, "adminAppKey": application.value,
            "adminAppKeyId": application.id, "serviceAccountId": account, "site": "datadoghq.com",
        })
    });
    let assistant = bench.manage(
        "CreateSecret",
        &json!({
            "Name": "datadog/assistant",
            "ClientRequestToken": sandbox::scene::token("assistant"),
            "SecretString": value.to_string(),
        }),
    );
    let tags = json!([{ "Key": "adminSecretArn", "Value": assistant["ARN"] }]);
    let secret = bench.secret(Kind::AdminKey);
    bench.manage("TagResource", &json!({ "SecretId": secret, "Tags": tags }));
}

fn index(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// The calls from a mint's effect to the store: a fault there may cost an API key that can't be
/// listed, as the documentation says.
fn may_leak(record: &sandbox::gate::CallRecord) -> bool {
    let operation = record.call.operation.as_str();
    [
        "POST /api/v2/api_keys",
        "DescribeSecret",
        "PutSecretValue",
        "DELETE /api/v2/api_keys/{id}",
    ]
    .contains(&operation)
}

/// Keys alive that nothing needs; whatever else is wrong is no leak.
fn leaks(unsettled: &[Breach]) -> usize {
    unsettled
        .iter()
        .filter(|breach| breach.text.contains("in no version that needs it"))
        .count()
}
