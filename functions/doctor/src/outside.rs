//! What a run of the doctor finds outside of itself.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use aws_config::environment::EnvironmentVariableRegionProvider;
use aws_config::meta::region::ProvideRegion;
use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use datadog_rotation::clients::Clients;
use datadog_rotation::clock_skew::ClockSkew;
use datadog_rotation::datadog::Limits;
use datadog_rotation::deadline::Deadline;
use datadog_rotation::functions::Functions;
use datadog_rotation::http::Http;
use datadog_rotation::identity::Identity;
use datadog_rotation::inspect::checkup::{Checkup, say_shared_keys};
use datadog_rotation::inspect::inspector::Inspector;
use datadog_rotation::secrets::{SecretArn, Secrets, region_of};
use datadog_rotation::settings::{Settings, StartError, TerminalSettings};
use datadog_rotation::start;

use crate::arguments::Task;
use crate::look::Look;
use crate::progress::Progress;
use crate::reach::Reach;

/// As long as the template lets a rotation function run: a secret that takes longer is ill.
const TIME_FOR_ONE: Duration = Duration::from_mins(5);

/// Longer than any run at a terminal: only each secret's own time is short.
const NO_END: Duration = Duration::from_hours(24);

/// What a run finds outside of itself.
#[derive(Debug)]
pub struct Outside {
    pub(crate) inspector: Inspector,
    /// By secret: the admin secret to act with if the secret names none, instead of the inspector's.
    admin_secrets: BTreeMap<String, String>,
    pub(crate) skew: ClockSkew,
    pub(crate) watch: Deadline,
    pub(crate) reach: Reach,
    pub(crate) look: Look,
}

impl Outside {
    /// `watch` has all the time that there is, and goes by this machine's time of day.
    #[must_use]
    pub fn new(
        task: &Task,
        settings: Settings,
        http: &Http,
        config: &SdkConfig,
        watch: Deadline,
    ) -> Self {
        let skew = ClockSkew::default();
        let reach = Reach::new(settings.secrets_manager_url.as_deref());
        // Without a watch: whoever can't reach Lambda misses one check of many.
        let functions = Functions::new(&settings, http, config);
        let http = reach.watch(skew.listen(http.clone(), watch));
        let admin_secret_arn = task.admin_secret.clone().or(settings.admin_secret_arn);
        let settings = Settings {
            admin_secret_arn,
            ..settings
        };
        Self {
            inspector: Inspector {
                kind: task.kind,
                functions,
                clients: Clients {
                    secrets: Secrets::new(config, &http),
                    http,
                    skew: skew.clone(),
                    limits: Limits::default(),
                    settings,
                    identity: Identity::new(config),
                    topic: None,
                },
            },
            admin_secrets: BTreeMap::new(),
            skew,
            watch,
            reach,
            look: Look::PLAIN,
        }
    }

    /// Acts with these admin secrets for the secrets that name none, by secret.
    #[must_use]
    pub(crate) fn with_admin_secrets(self, admin_secrets: BTreeMap<String, String>) -> Self {
        Self {
            admin_secrets,
            ..self
        }
    }

    /// Looks at this secret with the admin secret that it is to be looked at with.
    pub(crate) fn inspector_of(&self, secret: &str) -> Cow<'_, Inspector> {
        let Some(admin_secret) = self.admin_secrets.get(secret) else {
            return Cow::Borrowed(&self.inspector);
        };
        let mut inspector = self.inspector.clone();
        inspector.clients.settings.admin_secret_arn = Some(admin_secret.clone());
        Cow::Owned(inspector)
    }

    /// Returns what a rotation of each secret would fail on.
    pub(crate) async fn checkups(
        &self,
        secrets: &[String],
        progress: &mut Progress<'_>,
    ) -> Vec<Checkup> {
        let mut checkups = Vec::new();
        for secret in secrets {
            progress.next(secret);
            self.reach.forget_questions();
            let (inspector, deadline) = (self.inspector_of(secret), for_one(&self.watch));
            let checkup = inspector.checkup(secret, &deadline, self.reach.lost());
            checkups.push(checkup.await);
        }
        say_shared_keys(&mut checkups);
        checkups
    }

    /// Returns the ARNs of these secrets. A name that can't be looked up stays a name: what follows says
    /// why.
    pub(crate) async fn arns(&self, secrets: &[String]) -> Vec<String> {
        let mut arns = Vec::new();
        for secret in secrets {
            arns.push(match SecretArn::parse(secret) {
                Some(arn) => arn.to_string(),
                None => self.arn(secret).await,
            });
        }
        crate::arguments::once_each(arns)
    }

    async fn arn(&self, name: &str) -> String {
        self.reach.forget_questions();
        let deadline = for_one(&self.watch);
        let found = tokio::select! {
            found = self.inspector.clients.secrets.describe(name, &deadline) => found.ok(),
            _ = self.reach.lost() => None,
        };
        found.map_or_else(|| name.to_owned(), |it| it.arn.to_string())
    }

    /// Returns the real network, and this process's environment and streams.
    pub(crate) async fn network(task: &Task) -> Result<Self, StartError> {
        let http = start::network()?;
        let (settings, watch) = (
            Settings::from_env(),
            Deadline::new(SystemTime::now(), NO_END),
        );
        let loader = aws_config::defaults(BehaviorVersion::latest())
            // Else a malformed AWS_MAX_ATTEMPTS or AWS_RETRY_MODE is a panic.
            .retry_config(RetryConfig::standard())
            .http_client(http.clone());
        let has_names = task.secrets.iter().any(|it| SecretArn::parse(it).is_none());
        let loader = if has_names {
            // A name has no region of its own: the SDK looks for one.
            loader
        } else {
            // Each secret's ARN tells its region: looking for a default one could take seconds.
            let arn = task.secrets.first().or(task.admin_secret.as_ref());
            let arn = arn.or(settings.admin_secret_arn.as_ref());
            let region = arn.and_then(|arn| region_of(arn));
            loader.region(match region {
                Some(region) => Some(Region::new(region.to_owned())),
                None => EnvironmentVariableRegionProvider::new().region().await,
            })
        };
        let config = loader.load().await;
        let look = Look::of_streams(TerminalSettings::from_env());
        Ok(Self {
            look,
            ..Self::new(task, settings, &http, &config, watch)
        })
    }
}

/// Returns the time that one secret gets.
pub(crate) fn for_one(watch: &Deadline) -> Deadline {
    Deadline::new(watch.now(), watch.left().min(TIME_FOR_ONE))
}
