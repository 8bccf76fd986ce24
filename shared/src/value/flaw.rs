//! What is wrong with a text that has not the shape it should have. Never the text itself.

use std::fmt;

use crate::keys::{ApiKey, AppKey, KeyId};

/// What can be told of a text that may be a key, without quoting it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    Empty,
    ByteOrderMark,
    LineBreak,
    Blanks,
    Quotes,
    /// A character that no key and no id has, and that may not be seen.
    NotAscii,
    IsApiKey,
    IsAppKey,
    /// Of a class that Datadog has, and that does not belong here: `ddsat_` or `ddpat_`.
    IsToken,
    IsUuid,
    /// Nothing but its length can be told.
    Length(usize),
}

impl Flaw {
    /// Told in this order: what is around a text before what it is.
    pub(crate) fn of(text: &str) -> Self {
        let inner = text.trim_matches(|it: char| it.is_whitespace() || is_quote(it) || it == BOM);
        if inner.is_empty() {
            Self::Empty
        } else if text.contains(BOM) {
            Self::ByteOrderMark
        } else if text.contains(['\n', '\r']) {
            Self::LineBreak
        } else if text.contains(|it: char| it.is_ascii_whitespace()) {
            Self::Blanks
        } else if inner != text && text.contains(is_quote) {
            Self::Quotes
        } else if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            Self::NotAscii
        } else if ApiKey::parse(text).is_some() {
            Self::IsApiKey
        } else if AppKey::parse(text).is_some() {
            Self::IsAppKey
        } else if ["ddsat_", "ddpat_"].iter().any(|it| text.starts_with(it)) {
            Self::IsToken
        } else if KeyId::parse(text).is_some() {
            Self::IsUuid
        } else {
            Self::Length(text.len())
        }
    }
}

const BOM: char = '\u{feff}';

fn is_quote(it: char) -> bool {
    matches!(it, '"' | '\'' | '`' | '“' | '”' | '‘' | '’')
}

/// To go behind "that".
impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "is empty",
            Self::ByteOrderMark => "has a byte order mark in it",
            Self::LineBreak => "has a line break in it",
            Self::Blanks => "has blanks in it",
            Self::Quotes => "has quotation marks around it",
            Self::NotAscii => "has a character in it that is not ASCII, or not visible",
            Self::IsApiKey => "looks like an API key",
            Self::IsAppKey => "looks like an application key",
            Self::IsToken => "looks like an access token",
            Self::IsUuid => "looks like an id",
            Self::Length(length) => return write!(f, "has {length} characters"),
        })
    }
}

/// What a member is that should be a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    Null,
    Boolean,
    Number,
    Array,
    Object,
    /// With an escape that stands for no character: half a surrogate pair.
    BrokenString,
}

impl Type {
    /// Of the text of a JSON value, which tells its type by its first character.
    pub(super) fn of(json: &str) -> Self {
        match json.bytes().next() {
            Some(b'n') => Self::Null,
            Some(b't' | b'f') => Self::Boolean,
            Some(b'[') => Self::Array,
            Some(b'{') => Self::Object,
            Some(b'"') => Self::BrokenString,
            _ => Self::Number,
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Null => "null",
            Self::Boolean => "true or false",
            Self::Number => "a number",
            Self::Array => "an array",
            Self::Object => "an object",
            Self::BrokenString => "no valid text",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "0123456789abcdef0123456789abcdef";

    #[test]
    fn what_is_around_a_key_is_told_and_the_key_is_not() {
        for (text, flaw) in [
            (String::new(), Flaw::Empty),
            ("\"\"".to_owned(), Flaw::Empty),
            (" \n".to_owned(), Flaw::Empty),
            (format!("\u{feff}{KEY}"), Flaw::ByteOrderMark),
            (format!("{KEY}\n"), Flaw::LineBreak),
            (format!("{KEY}\r\n"), Flaw::LineBreak),
            (format!(" {KEY}"), Flaw::Blanks),
            (format!("{}\t{}", &KEY[..16], &KEY[16..]), Flaw::Blanks),
            (format!("\"{KEY}\""), Flaw::Quotes),
            (format!("“{KEY}”"), Flaw::Quotes),
            (format!("{KEY}\u{200b}"), Flaw::NotAscii),
            (format!("{KEY}\u{a0}"), Flaw::NotAscii),
            (KEY.to_owned(), Flaw::IsApiKey),
            (format!("ddapp_{KEY}ab"), Flaw::IsAppKey),
            (format!("ddsat_{KEY}"), Flaw::IsToken),
            (
                "11111111-1111-4111-8111-111111111111".to_owned(),
                Flaw::IsUuid,
            ),
            (KEY[1..].to_owned(), Flaw::Length(31)),
        ] {
            let told = Flaw::of(&text);
            assert_eq!(told, flaw);
            assert!(!told.to_string().contains(&KEY[..8]), "{told}");
        }
    }

    #[test]
    fn types_are_told_by_their_first_character() {
        for (json, told) in [
            ("null", Type::Null),
            ("true", Type::Boolean),
            ("-7", Type::Number),
            ("[]", Type::Array),
            ("{}", Type::Object),
            (r#""\ud800""#, Type::BrokenString),
        ] {
            assert_eq!(Type::of(json), told);
        }
    }
}
