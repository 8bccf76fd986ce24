//! Which words of a request a refusal is about.
//!
//! Datadog says in a text of its own why it refuses a request. That text is not shown: nobody promises
//! that it never holds a key, and something on the way may have written it. But of the words that the
//! request itself was made of, those that the text repeats can be told. They are names of members, names
//! of scopes and names of things. No request has a key in its body, so no such word is one.

use serde_json::Value;

/// Shorter words are in every text.
const SHORTEST: usize = 3;

/// Longer ones are no names.
const LONGEST: usize = 100;

/// More do not help.
const MOST: usize = 8;

/// Every request has them.
const COMMON: [&str; 4] = ["data", "type", "attributes", "name"];

/// Returns the words of the request `sent` that a text of `answer` repeats, in their order in the request.
pub(super) fn mentions(sent: &[u8], answer: &[u8]) -> Vec<String> {
    let sent: Value = serde_json::from_slice(sent).unwrap_or_default();
    let answer: Value = serde_json::from_slice(answer).unwrap_or_default();
    let answer = answer["errors"].to_string().to_ascii_lowercase();
    let mut words = Vec::new();
    collect(&sent, &mut words);
    words.retain(|word| is_name(word) && holds(&answer, &word.to_ascii_lowercase()));
    let mut told: Vec<String> = Vec::new();
    for word in words {
        if told.len() < MOST && told.iter().all(|it| it != word) {
            told.push(word.to_owned());
        }
    }
    told
}

/// Names of members and texts, wherever they are.
fn collect<'a>(value: &'a Value, words: &mut Vec<&'a str>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                words.push(name);
                collect(value, words);
            }
        }
        Value::Array(items) => items.iter().for_each(|it| collect(it, words)),
        Value::String(text) => words.push(text),
        _ => {}
    }
}

fn is_name(word: &str) -> bool {
    (SHORTEST..=LONGEST).contains(&word.len())
        && word.bytes().all(|byte| byte.is_ascii_graphic())
        && !COMMON.contains(&word)
}

/// Returns whether a text has this word, and not only as a part of another.
fn holds(text: &str, word: &str) -> bool {
    let is_part = |it: Option<char>| it.is_some_and(|it| it.is_ascii_alphanumeric() || it == '_');
    text.match_indices(word).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        !is_part(before) && !is_part(text[at + word.len()..].chars().next())
    })
}

#[cfg(test)]
mod tests {
    use super::mentions;

    const SENT: &[u8] = br#"{"data":{"type":"application_keys","attributes":
        {"name":"aws-sm-app-key-x","scopes":["api_keys_read","api_keys","metrics_read"]}}}"#;

    fn told(answer: &str) -> Vec<String> {
        mentions(SENT, answer.as_bytes())
    }

    #[test]
    fn words_of_the_request_are_told_and_no_others() {
        let answer =
            r#"{"errors":["Invalid scopes: API_KEYS_READ is not one of 0123456789abcdef"]}"#;
        assert_eq!(told(answer), ["scopes", "api_keys_read"]);
        let answer = r#"{"errors":[{"title":"Bad Request","detail":"metrics_read, in 'scopes'"}]}"#;
        assert_eq!(told(answer), ["scopes", "metrics_read"]);
    }

    #[test]
    fn common_words_and_other_members_tell_nothing() {
        assert!(told(r#"{"errors":["the type of data, and its name"]}"#).is_empty());
        assert!(told(r#"{"scopes":["scopes"]}"#).is_empty());
        assert!(told("scopes").is_empty());
        assert!(mentions(b"", br#"{"errors":["scopes"]}"#).is_empty());
    }

    #[test]
    fn each_word_is_told_once_and_no_more_than_help() {
        let scopes: Vec<_> = (10..30).map(|it| format!("scope_{it}")).collect();
        let sent = serde_json::json!({ "scopes": scopes, "more": scopes }).to_string();
        let answer = serde_json::json!({ "errors": scopes }).to_string();
        let told = mentions(sent.as_bytes(), answer.as_bytes());
        assert_eq!(told, scopes[..super::MOST]);
        let few = serde_json::json!({ "a": ["scope_1", "scope_1"] }).to_string();
        assert_eq!(
            mentions(few.as_bytes(), br#"{"errors":["scope_1"]}"#),
            ["scope_1"]
        );
    }

    #[test]
    fn what_is_too_short_too_long_or_not_in_ascii_is_no_name() {
        let long = "x".repeat(101);
        for word in ["ab", "caf\u{e9}s", "two words", &long] {
            let sent = serde_json::json!([word]).to_string();
            let answer = serde_json::json!({ "errors": [word] }).to_string();
            let told = mentions(sent.as_bytes(), answer.as_bytes());
            assert!(told.is_empty(), "{word}");
        }
    }
}
