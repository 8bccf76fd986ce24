//! One way to be left without an answer, tried by the clients of both services.

use std::io::Write;
use std::ops::RangeInclusive;
use std::time::{Duration, Instant, SystemTime};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_secretsmanager::config::{Credentials, SharedCredentialsProvider};
use datadog_rotation::datadog::{Authority, Datadog, Limits};
use datadog_rotation::deadline::Deadline;
use datadog_rotation::error::Problem;
use datadog_rotation::http::Http;
use datadog_rotation::keys::ApiKey;
use datadog_rotation::secrets::Secrets;
use datadog_rotation::settings::NetworkSettings;
use harness::peer::{Authority as Issuer, Peer};
use tempfile::NamedTempFile;

const KEY: &str = "0123456789abcdef0123456789abcdef";
const ARN: &str = "arn:aws:secretsmanager:us-east-1:123456789012:secret:datadog/api-AbCdEf";

/// An answer that the clients of both services take.
pub(crate) const VALID: &str = "HTTP/1.1 200 OK\r\ncontent-length: 102\r\n\r\n\
    {\"ARN\":\"arn:aws:secretsmanager:us-east-1:123456789012:secret:datadog/api-AbCdEf\",\"Name\":\"datadog/api\"}";

/// What is to come of a call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expected {
    pub(crate) error_type: &'static str,
    pub(crate) words: &'static str,
    pub(crate) advice: &'static str,
    /// Whether somebody has decided, so that another try would be in vain.
    pub(crate) is_final: bool,
}

/// The two services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Service {
    Datadog,
    SecretsManager,
}

impl Service {
    pub(crate) const BOTH: [Self; 2] = [Self::Datadog, Self::SecretsManager];
}

/// How a call failed.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) problem: Problem,
    pub(crate) time: Duration,
}

/// One call of the service at `url` with `left` of an invocation's time.
pub(crate) async fn call(
    service: Service,
    url: &str,
    settings: &NetworkSettings,
    left: Duration,
) -> Result<(), Failure> {
    let http = Http::over_network(settings).unwrap();
    // A second is kept back at the end.
    let deadline = Deadline::new(SystemTime::now(), left + Duration::from_secs(1));
    let began = Instant::now();
    let result = match service {
        Service::Datadog => {
            let datadog = Datadog::new(http, url.to_owned(), Limits::default());
            let authority = Authority::ApiKey(ApiKey::parse(KEY).unwrap());
            let call = datadog_rotation::datadog::Call::validate();
            let answer = datadog.send(&authority, &call, &deadline).await;
            answer.map(drop).map_err(Problem::from)
        }
        Service::SecretsManager => {
            let secrets = Secrets::new(&sdk_config(url), &http);
            let answer = secrets.describe(ARN, &deadline).await;
            answer.map(drop).map_err(Problem::from)
        }
    };
    let time = began.elapsed();
    result.map_err(|problem| Failure { problem, time })
}

fn sdk_config(url: &str) -> SdkConfig {
    let credentials = Credentials::new("AKIAIOSFODNN7EXAMPLE", "secret", None, None, "tests");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(url)
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .sleep_impl(aws_sdk_secretsmanager::config::SharedAsyncSleep::new(
            aws_smithy_async::rt::sleep::TokioSleep::new(),
        ))
        .build()
}

/// Asserts what comes of a call of either service, and how often `peer` was tried for it. What is not
/// final is tried again as long as there is time.
pub(crate) async fn check(
    url: &str,
    settings: &NetworkSettings,
    peer: Option<&Peer>,
    expected: Expected,
    tries: RangeInclusive<usize>,
) {
    for service in Service::BOTH {
        let before = peer.map_or(0, Peer::tries);
        // The SDK tells of a last attempt, or of none: it must come to all four.
        let left = Duration::from_secs(match service {
            Service::Datadog => 6,
            Service::SecretsManager => 30,
        });
        let failure = call(service, url, settings, left).await.unwrap_err();
        assert_failure(service, &failure, expected);
        let taken = peer.map_or(0, Peer::tries) - before;
        assert!(
            peer.is_none() || tries.contains(&taken),
            "{service:?}: tried {taken} times: {failure:?}"
        );
        let most = if expected.is_final {
            Duration::from_secs(5)
        } else {
            left + Duration::from_secs(1)
        };
        assert!(failure.time < most, "{failure:?}");
    }
}

pub(crate) fn assert_failure(service: Service, failure: &Failure, expected: Expected) {
    let text = failure.problem.to_string();
    assert!(text.contains(expected.words), "{service:?}: {text}");
    assert!(!text.contains("hush"), "{text}");
    let own = match (service, expected.error_type) {
        (Service::Datadog, "Unreachable") => "DatadogUnreachable",
        (Service::SecretsManager, "Unreachable") => "SecretsManagerUnreachable",
        (_, shared) => shared,
    };
    assert_eq!(failure.problem.error_type(), own, "{text}");
    let advice = failure.problem.advice();
    assert!(advice.contains(expected.advice), "{text}: {advice}");
    let is_transient = match &failure.problem {
        Problem::Datadog(error) => error.problem.is_transient(),
        Problem::Secrets(error) => error.is_transient(),
        _ => false,
    };
    assert!(!(expected.is_final && is_transient), "{text}");
}

/// A PEM bundle on disk that trusts these issuers alone.
pub(crate) fn bundle(issuers: &[&Issuer]) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    for issuer in issuers {
        file.write_all(issuer.pem.as_bytes()).unwrap();
    }
    file
}

pub(crate) fn trusting(file: &NamedTempFile) -> NetworkSettings {
    NetworkSettings {
        cert_file: Some(file.path().to_owned()),
        ..NetworkSettings::default()
    }
}
