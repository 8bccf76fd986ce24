//! What a person's environment says of the terminal.

use super::variable;

/// Of a program that prints for people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TerminalSettings {
    /// `NO_COLOR` is there and not empty (<https://no-color.org>).
    pub no_colour: bool,
    /// The locale's characters are UTF-8.
    pub is_utf8: bool,
    /// `TERM` is `dumb`: no colour, and no line that is written over.
    pub is_dumb: bool,
}

impl TerminalSettings {
    #[must_use]
    pub fn from_env() -> Self {
        // In POSIX's order: the first that is set decides.
        let locale = variable("LC_ALL").or_else(|| variable("LC_CTYPE"));
        let locale = locale.or_else(|| variable("LANG"));
        Self {
            // Not `variable`: blanks count.
            no_colour: std::env::var_os("NO_COLOR").is_some_and(|it| !it.is_empty()),
            is_utf8: locale.as_deref().is_some_and(is_utf8),
            is_dumb: variable("TERM").is_some_and(|it| it == "dumb"),
        }
    }
}

fn is_utf8(locale: &str) -> bool {
    let locale = locale.to_ascii_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}

#[cfg(test)]
mod tests {
    use super::is_utf8;

    #[test]
    fn the_locale_tells_its_characters() {
        assert!(is_utf8("de_DE.UTF-8") && is_utf8("C.utf8"));
        assert!(!is_utf8("C") && !is_utf8("en_US.ISO-8859-1"));
    }
}
