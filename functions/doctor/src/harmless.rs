//! Texts from outside that can't steer the terminal that they are printed on.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Returns the text with controls (C0, DEL and C1) and characters that turn its direction escaped. Whoever
/// may name a secret or answer a request could otherwise move the cursor, or make a text read as another.
pub(crate) fn harmless(text: &str) -> Cow<'_, str> {
    if !text.contains(is_harmful) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::new();
    for it in text.chars() {
        if is_harmful(it) {
            escaped.extend(it.escape_unicode());
        } else {
            escaped.push(it);
        }
    }
    Cow::Owned(escaped)
}

/// Returns the same for texts of several lines.
pub(crate) fn harmless_lines(text: &str) -> String {
    let lines: Vec<_> = text.split('\n').map(harmless).collect();
    lines.join("\n")
}

/// Returns a JSON document that says the same without such characters: they stand in its texts alone, where
/// JSON has escapes for them.
pub(crate) fn harmless_json(document: &str) -> String {
    let mut escaped = String::new();
    for it in document.chars() {
        if is_harmful(it) && it != '\n' {
            let _infallible = write!(escaped, "\\u{:04x}", u32::from(it));
        } else {
            escaped.push(it);
        }
    }
    escaped
}

fn is_harmful(it: char) -> bool {
    let turns = matches!(
        it,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    );
    it.is_control() || turns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_is_escaped_and_nothing_else() {
        assert_eq!(
            harmless("\u{1b}[2J\u{9b}x\u{202e}"),
            r"\u{1b}[2J\u{9b}x\u{202e}"
        );
        for text in ["datadog/app-key", "Grüße, 例え", "a \"quoted\" 'text'"] {
            assert_eq!(harmless(text), text);
        }
        assert_eq!(harmless_lines("a\r\nb"), "a\\u{d}\nb");
    }

    #[test]
    fn json_says_the_same() {
        let text = "\u{1b}\u{9b}\u{202e}\u{2069}é";
        let document = harmless_json(&serde_json::to_string(text).unwrap());
        assert!(document.contains("\\u202e") && !document.contains('\u{9b}'));
        assert_eq!(serde_json::from_str::<String>(&document).unwrap(), text);
    }
}
