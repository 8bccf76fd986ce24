//! Services that give this machine no answer: told within ten seconds, and never as a rotation that
//! would fail.

use std::time::Duration;

use bytes::Bytes;
use datadog_rotation::Kind;
use datadog_rotation::http::{Sending, Transport, TransportError};
use harness::bench::Bench;
use harness::doctor::{CALLER, line, of_status};
use harness::transport::InProcess;
use sandbox::scene::SceneOptions;
use tokio::time::{Instant, sleep};

/// A way on which requests to some hosts are never answered.
#[derive(Debug)]
struct Silent {
    way: InProcess,
    is_silent: fn(&str) -> bool,
}

impl Transport for Silent {
    fn send(&self, request: http::Request<Bytes>, timeout: Duration) -> Sending<'_> {
        if !(self.is_silent)(request.uri().host().unwrap()) {
            return self.way.send(request, timeout);
        }
        Box::pin(async move {
            sleep(timeout).await;
            Err(TransportError::TimedOut { after: timeout })
        })
    }
}

fn is_aws(host: &str) -> bool {
    host.starts_with("secretsmanager")
}

fn is_datadog(host: &str) -> bool {
    host.starts_with("api.")
}

fn silent(bench: &Bench, is_silent: fn(&str) -> bool) -> Silent {
    let way = bench.way(CALLER);
    Silent { way, is_silent }
}

#[tokio::test(start_paused = true)]
async fn who_can_not_reach_a_service_hears_it_within_ten_seconds() {
    for (is_silent, check, error_type) in [
        (
            is_aws as fn(&str) -> bool,
            "secret",
            "SecretsManagerUnreachable",
        ),
        (is_datadog, "admin_keys", "DatadogUnreachable"),
    ] {
        let bench = Bench::new(SceneOptions::default());
        let now = bench.gate.with_world(|world| world.now()).into();
        let arguments = [&["check", "--json"], &bench.secrets()[..]].concat();
        let began = Instant::now();
        let told = bench
            .doctor_at(now, silent(&bench, is_silent), &arguments)
            .await;
        assert!(
            began.elapsed() < Duration::from_secs(10),
            "{:?}",
            began.elapsed()
        );
        assert!(!told.fine);
        let document = told.json();
        for secret in document["secrets"].as_array().unwrap() {
            assert_eq!(of_status(secret, "failed"), [""; 0], "{secret:#}");
            assert_eq!(secret["ok"], false);
            let unknown = secret["checks"].as_array().unwrap().iter();
            let causes: Vec<_> = unknown.filter(|it| it["error_type"].is_string()).collect();
            assert_eq!(causes.len(), 1, "{secret:#}");
            assert_eq!(causes[0]["error_type"], error_type);
            let text = causes[0]["text"].as_str().unwrap();
            assert!(text.contains("can't be reached from here"), "{text}");
        }
        let first = &document["secrets"][0];
        assert_eq!(line(first, check)["error_type"], error_type, "{first:#}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_search_a_probe_and_a_look_at_trust_hear_it_too() {
    let bench = Bench::new(SceneOptions::default());
    let now = bench.gate.with_world(|world| world.now()).into();
    let admin = bench.secret(Kind::AdminKey);
    for (command, is_silent) in [
        (
            &["orphans", "datadog/api-key"][..],
            is_aws as fn(&str) -> bool,
        ),
        (&["orphans", bench.secret(Kind::ApplicationKey)], is_datadog),
        (&["probe", "--admin-secret", admin], is_aws),
        (&["probe", "--admin-secret", admin], is_datadog),
        (&["trust", "--admin-secret", admin], is_aws),
        (&["trust", "--admin-secret", admin], is_datadog),
    ] {
        let began = Instant::now();
        let told = bench
            .doctor_at(now, silent(&bench, is_silent), command)
            .await;
        let length = began.elapsed();
        assert!(length < Duration::from_secs(10), "{command:?}: {length:?}");
        assert!(!told.fine, "{command:?}");
        let words: Vec<_> = told.output.split_whitespace().collect();
        let words = words.join(" ");
        assert!(words.contains("can't be reached from here"), "{words}");
    }
}
