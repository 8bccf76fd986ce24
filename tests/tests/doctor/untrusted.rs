//! Texts from outside of the doctor can't steer the terminal that they are printed on.

use std::time::Duration;

use bytes::Bytes;
use datadog_rotation::Kind;
use datadog_rotation::http::{Sending, Transport};
use harness::bench::Bench;
use harness::doctor::CALLER;
use harness::transport::InProcess;
use http::StatusCode;
use sandbox::gate::{Call, Fate};
use sandbox::scene::SceneOptions;
use serde_json::{Value, json};

use crate::open_world::{OpenWorld, text};

/// An escape sequence, a C1 control, and what turns the direction of a text.
const TRICKS: &str = "\u{1b}[2Jx\u{9b}31m\u{202e}cba\u{2066}\u{200f}";

fn assert_harmless(text: &str) {
    let is_harmful = |it: char| {
        (it.is_control() && it != '\n')
            || matches!(it, '\u{200e}' | '\u{200f}' | '\u{61c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let harmful: Vec<_> = text.chars().filter(|it| is_harmful(*it)).collect();
    assert!(harmful.is_empty(), "{harmful:?} in {text:?}");
}

/// Answers of Secrets Manager with such texts in them.
#[derive(Clone, Debug)]
struct Tricky(InProcess);

impl Transport for Tricky {
    fn send(&self, request: http::Request<Bytes>, timeout: Duration) -> Sending<'_> {
        let is_description = request
            .headers()
            .get("x-amz-target")
            .is_some_and(|it| it == "secretsmanager.DescribeSecret");
        Box::pin(async move {
            let answer = self.0.send(request, timeout).await?;
            let (parts, body) = answer.into_parts();
            let body = match serde_json::from_slice::<Value>(&body) {
                Ok(mut told) if is_description && parts.status.is_success() => {
                    for field in ["Name", "RotationLambdaARN"] {
                        if let Some(text) = told[field].as_str() {
                            told[field] = json!(format!("{text}{TRICKS}"));
                        }
                    }
                    Bytes::from(told.to_string())
                }
                Ok(mut told) if !parts.status.is_success() => {
                    told["__type"] = json!(format!("{TRICKS}Exception"));
                    told["message"] = json!(TRICKS);
                    told["Message"] = json!(TRICKS);
                    Bytes::from(told.to_string())
                }
                _ => body,
            };
            Ok(http::Response::from_parts(parts, body))
        })
    }
}

#[tokio::test(start_paused = true)]
async fn no_text_from_outside_steers_the_terminal() {
    let bench = Bench::new(SceneOptions::default());
    let (api, nobody) = (bench.secret(Kind::ApiKey), "nobody");
    for arguments in [
        vec!["check", api, nobody],
        vec!["orphans", api, nobody],
        vec!["leaked", api],
        vec!["leaked", nobody],
    ] {
        for is_json in [false, true] {
            let json = if is_json { &["--json"][..] } else { &[] };
            let arguments = [&arguments[..], json].concat();
            bench.gate.follow(|call: &Call| {
                if call.operation == "TagResource" {
                    Fate::Refuse(StatusCode::FORBIDDEN)
                } else {
                    Fate::Pass
                }
            });
            let now = bench.gate.with_world(|world| world.now()).into();
            let way = Tricky(bench.way(CALLER));
            let told = bench.doctor_at(now, way, &arguments).await;
            assert_harmless(&told.output);
            assert_harmless(&told.notes);
            if is_json {
                let _document = told.json();
            }
        }
    }
}

#[tokio::test]
async fn what_is_wrong_with_the_command_line_is_told_harmlessly() {
    let site = OpenWorld::open(SceneOptions::default()).await;
    for arguments in [
        &["check", TRICKS][..],
        &["check", "x", "--type", TRICKS],
        &[TRICKS],
    ] {
        let usage = site.doctor(arguments).await;
        assert_eq!(usage.status.code(), Some(2), "{arguments:?}");
        assert_harmless(&text(&usage.stderr));
    }
}
