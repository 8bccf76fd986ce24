//! What holds whatever is answered to a call at Datadog, in virtual time.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use datadog_rotation::datadog::{Datadog, DatadogError, DatadogProblem, Limits};
use datadog_rotation::deadline::Deadline;
use datadog_rotation::http::{ConnectCause, Http, TransportError};
use serde_json::Value;
use tokio::time::Instant;

use super::exchange::{Answer, ID, NAME, Question, Script, Sent, Told, ask};

/// A call is tried twenty times at most: pauses of 0.5 s, 1 s, 2 s, 4 s and then of 8 s make a
/// minute, and after a 429 it comes back eight times.
const TRIES: usize = 20;

/// A list has so many pages at most.
const PAGES: usize = 20;

const SECOND: Duration = Duration::from_secs(1);

/// What is created must be stored, or undone.
const TIME_TO_STORE: Duration = Duration::from_secs(40);

/// To these a refusal is an answer.
const VALIDATIONS: [Question; 3] = [
    Question::Validate,
    Question::ValidateWithId,
    Question::ValidatePair,
];

/// Of the requests that are made here, all that an error may repeat.
const SENT: [&str; 3] = ["api_keys", "application_keys", NAME];

/// The client asks for no more keys at once.
const PAGE: usize = 100;

/// All that a refused or senseless answer may make an error say, numbers aside.
const WORDS: [&str; 27] = [
    "refused ()",
    "there is no such thing ()",
    "the name is taken ()",
    "there are as many keys of this class as there may be ()",
    "refused as wrong ()",
    "too many requests ()",
    "the service failed ()",
    "no connection to api.datadoghq.com could be opened: the connection is refused",
    "the proxy none wants a user name and password, or refuses those of HTTPS_PROXY ()",
    "no answer came within  s",
    "no answer came within the  s that were left",
    "the connection ended before the answer did",
    "the answer was larger than  MiB",
    "the request could not be put together",
    "it was not sent: too little time is left to create a key and store it, or undo it",
    "the answer () is not Datadog's",
    "the answer () is a proxy's, which wants a user name and password",
    "the answer () has a status that the call does not expect",
    "the answer () holds more keys than it was asked for",
    "the answer () is about another key",
    "the answer () is not JSON",
    "the answer () lacks a member that it should have",
    "the answer () does not say that the keys work",
    "the answer () holds an id that is no UUID",
    "the answer () holds no token",
    "the answer () names no user by a UUID",
    "the answer () names no organisation by a UUID",
];

fn most_sends(question: Question) -> usize {
    match question {
        Question::ApiKeys | Question::AppKeys => PAGES * TRIES,
        _ => TRIES,
    }
}

fn creates(question: Question) -> bool {
    matches!(question, Question::CreateApiKey | Question::CreateAppKey)
}

/// Asks the question with `length` of an invocation left. The answers are given in turn, the last
/// of them again and again.
///
/// What came of it is for the caller to look at once more: as it would be printed, and the error.
pub(crate) fn check(
    question: Question,
    answers: &[Answer],
    length: Duration,
) -> (String, Option<DatadogProblem>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without sockets");
    let sent = Arc::default();
    let script = Script {
        answers: answers.to_vec(),
        sent: Arc::clone(&sent),
        most: most_sends(question),
    };
    let (end, result) = runtime.block_on(async {
        let end = Instant::now() + length;
        let deadline = Deadline::new(SystemTime::UNIX_EPOCH, length);
        let base = "https://api.datadoghq.com".to_owned();
        let datadog = Datadog::new(Http::new(script), base, Limits::default());
        let asking = ask(question, &datadog, &deadline);
        let result = tokio::time::timeout(length * 2 + SECOND, asking).await;
        assert!(Instant::now() <= end, "outlived the invocation");
        (end, result.expect("an end"))
    });
    let sent = sent.lock().expect("one thread");
    check_sending(question, &sent, end);
    match &result {
        Ok(told) => check_told(told, &sent),
        Err(error) => check_error(question, error, sent.last()),
    }
    let shown = match &result {
        Ok(told) => format!("{told:?}"),
        Err(error) => format!("{error} {error:?}"),
    };
    (shown, result.err().map(|error| error.problem))
}

/// A creation is sent again only if it certainly had no effect, and is never sent late; and whoever was
/// told when to come again comes no sooner.
fn check_sending(question: Question, sent: &[Sent], end: Instant) {
    for pair in sent.windows(2) {
        let answer = &pair[0].answer;
        let is_throttled = answer.status() == 429;
        let is_unsent = matches!(answer, Answer::Fault(TransportError::NotConnected(_)));
        assert!(!is_final(answer), "sent again after {answer:?}");
        let may_be_sent_again = is_throttled || is_unsent || !creates(question);
        assert!(may_be_sent_again, "sent again after {answer:?}");
        let pause = pair[1].at - pair[0].at;
        assert!(!is_throttled || pause >= reset(answer), "only {pause:?}");
    }
    let is_late = |it: &Sent| it.at + TIME_TO_STORE > end;
    assert!(!creates(question) || !sent.iter().any(is_late), "late");
}

/// Somebody has decided, and decides the same in a moment.
fn is_final(answer: &Answer) -> bool {
    match answer {
        Answer::Fault(TransportError::NotConnected(error)) => {
            error.cause == ConnectCause::ProxyPassword
        }
        _ => false,
    }
}

/// The pause that an answer asks for, as far as anybody would wait.
fn reset(answer: &Answer) -> Duration {
    let Answer::Reply { reset, .. } = answer else {
        return Duration::ZERO;
    };
    let text = reset.as_ref().and_then(|it| it.to_str().ok());
    let seconds = text.and_then(|it| it.trim().parse().ok()).unwrap_or(0);
    Duration::from_secs(seconds).min(Duration::from_hours(1))
}

fn check_told(told: &Told, sent: &[Sent]) {
    let last = &sent.last().expect("a success was answered").answer;
    let (status, body) = (last.status(), last.body());
    match told {
        Told::Created { text, shown } => {
            assert!(!shown.contains(text), "{shown}");
            assert!(holds(body, text));
        }
        Told::Key(id) => assert_eq!(id.as_str(), ID),
        Told::Keys(count) => {
            let answers = sent.iter().map(|it| it.answer.status());
            let pages = answers.filter(|it| (200..300).contains(it)).count();
            assert!(pages <= PAGES && *count <= pages * PAGE, "{count} keys");
        }
        Told::Id(Some(id)) | Told::Unreadable(id) => {
            assert!(holds(&body.to_ascii_lowercase(), id.as_str()));
        }
        Told::User(id) => assert!(holds(&body.to_ascii_lowercase(), id)),
        Told::Gone => assert_eq!(status, 204, "{last:?}"),
        Told::Works(true) => {
            let document: Value = serde_json::from_slice(body).unwrap_or_default();
            let says_so = document["status"] == "ok" || document["valid"] == true;
            assert!([200, 201].contains(&status) && says_so, "{last:?}");
        }
        Told::Works(false) if status < 400 => {
            let document: Value = serde_json::from_slice(body).unwrap_or_default();
            assert_eq!(document["valid"], false, "{last:?}");
        }
        Told::Works(false) | Told::Id(None) => assert!([401, 403].contains(&status), "{last:?}"),
    }
}

fn holds(body: &[u8], text: &str) -> bool {
    body.windows(text.len()).any(|it| it == text.as_bytes())
}

fn check_error(question: Question, error: &DatadogError, last: Option<&Sent>) {
    let text = error.problem.to_string();
    let mut told = text.as_str();
    if let DatadogProblem::OutOfTime { before, .. } = &error.problem {
        told = told.split("; before that: ").next().unwrap_or_default();
        // One attempt after another: what was before it is no less known than it.
        assert!(before.as_ref().is_none_or(|it| it.is_transient()), "{text}");
    }
    let words: String = told.chars().filter(|it| !it.is_ascii_digit()).collect();
    let words = words
        .replace("within . s", "within  s")
        .replace("the . s", "the  s");
    let words = words
        .split("; Datadog's text mentions ")
        .next()
        .unwrap_or_default();
    assert!(WORDS.contains(&words), "{text}");
    let last = last.map(|it| &it.answer);
    if error.problem != DatadogProblem::NoTime {
        let last = last.expect("an answer");
        let is_no = |it: &_| matches!(it, 401 | 403) && VALIDATIONS.contains(&question);
        assert!(!is_no(&last.status()), "a refusal is what was asked for");
        assert!(is_of(&error.problem, last), "{text}: {last:?}");
    }
}

/// Whether this is what the answer means.
fn is_of(problem: &DatadogProblem, answer: &Answer) -> bool {
    use DatadogProblem as It;
    let told = answer.status();
    match problem {
        It::Refused { status } => matches!(told, 401 | 403) && told == *status,
        It::NotFound => told == 404 && is_datadogs(answer.body()),
        It::NameTaken { status } => matches!(told, 400 | 409 | 422) && told == *status,
        It::Quota => matches!(told, 400 | 422),
        It::Rejected { status, mentions } => {
            (400..500).contains(&told)
                && !matches!(told, 401 | 403 | 404 | 407 | 409 | 429)
                && told == *status
                && mentions.iter().all(|it| SENT.contains(&it.as_str()))
        }
        It::RateLimited { .. } => told == 429,
        It::Unavailable { status } => told >= 500 && told == *status,
        It::Unexpected { status, .. } => {
            let is_strange = told == 407 || (told == 404 && !is_datadogs(answer.body()));
            (told < 400 || is_strange) && told == *status
        }
        It::NotConnected(_) | It::Cut | It::TooLarge | It::NotSent => {
            matches!(answer, Answer::Fault(fault) if DatadogProblem::from(fault.clone()) == *problem)
        }
        It::TimedOut { .. } | It::OutOfTime { .. } => {
            matches!(answer, Answer::Fault(TransportError::TimedOut { .. }))
        }
        It::NoTime | It::NotSigned(_) | It::Trust(_) => false,
    }
}

/// Datadog's own error documents list their errors.
fn is_datadogs(body: &[u8]) -> bool {
    let document: Value = serde_json::from_slice(body).unwrap_or_default();
    let errors = document["errors"].as_array();
    errors.is_some_and(|it| !it.is_empty())
}
