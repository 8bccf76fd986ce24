//! What is answered to a call at Datadog: any status, any body, any of the ways to get none.

#![no_main]

// The same judgement as the properties tests, which are no library: one file of theirs.
#[path = "../../tests/properties/oracle/answer.rs"]
mod answer;
#[path = "../../tests/properties/oracle/exchange.rs"]
mod exchange;

use std::time::Duration;

use bytes::Bytes;
use datadog_rotation::http::{ConnectCause, Peer, TransportError};
use exchange::{Answer, Question};
use http::{HeaderValue, StatusCode};

/// Between two answers.
const RULE: &str = "\n---\n";

fn faults() -> [TransportError; 6] {
    [
        exchange::unconnected(ConnectCause::Refused(Peer::Host)),
        exchange::SILENCE,
        TransportError::Cut,
        TransportError::TooLarge,
        TransportError::NotSent,
        exchange::unconnected(ConnectCause::ProxyPassword),
    ]
}

libfuzzer_sys::fuzz_target!(|text: &[u8]| {
    if let [question, minutes, rest @ ..] = text {
        let known = Question::ALL;
        let question = known[usize::from(question.wrapping_sub(b'a')) % known.len()];
        let left = Duration::from_mins(u64::from(minutes.wrapping_sub(b'a')) % 16);
        let answers: Vec<_> = split(rest).into_iter().filter_map(answer).collect();
        answer::check(question, &answers, left);
    }
});

/// The parts of an input, which is two letters (a question, and the minutes that are left) and the
/// answers. Every part ends where the next rule begins.
fn split(mut text: &[u8]) -> Vec<&[u8]> {
    let mut parts = Vec::new();
    let rule = RULE.as_bytes();
    while let Some(at) = text.windows(rule.len()).position(|it| it == rule) {
        parts.push(&text[..at]);
        text = &text[at + rule.len()..];
    }
    parts.push(text);
    parts
}

/// Three digits, the rest of their line (`X-RateLimit-Reset`, if it is not empty), and a body. Below
/// 100 there is no such status: then the connection is what fails.
fn answer(text: &[u8]) -> Option<Answer> {
    let text = text.strip_prefix(b"\n").unwrap_or(text);
    let (status, rest) = text.split_at_checked(3)?;
    let status: u16 = std::str::from_utf8(status).ok()?.parse().ok()?;
    let Ok(status) = StatusCode::from_u16(status) else {
        let faults = faults();
        return Some(Answer::Fault(faults[usize::from(status) % faults.len()].clone()));
    };
    let end = rest
        .iter()
        .position(|&it| it == b'\n')
        .unwrap_or(rest.len());
    let (reset, body) = rest.split_at(end);
    let reset = HeaderValue::from_bytes(reset.trim_ascii()).ok();
    Some(Answer::Reply {
        status,
        reset: reset.filter(|it| !it.is_empty()),
        body: Bytes::copy_from_slice(body.strip_prefix(b"\n").unwrap_or(body)),
    })
}
