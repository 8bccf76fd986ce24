//! How things look, with colour or without, in Unicode or in ASCII: every state has a glyph of its own.

use std::env;
use std::sync::LazyLock;
use std::time::Duration;

use console::{StyledObject, measure_text_width, style};
use sandbox::ledger::Standing;

/// Columns of everything that is written. No terminal is narrower.
pub(crate) const WIDTH: usize = 80;

/// The characters that not every terminal can show.
#[derive(Debug)]
pub(crate) struct Glyphs {
    pub(crate) yes: &'static str,
    pub(crate) no: &'static str,
    pub(crate) rule: &'static str,
    pub(crate) column: &'static str,
    pub(crate) cut: &'static str,
    pub(crate) none: &'static str,
    pub(crate) spinner: &'static str,
    created: &'static str,
    pending: &'static str,
    current: &'static str,
    previous: &'static str,
    revoked: &'static str,
}

const UNICODE: Glyphs = Glyphs {
    yes: "✔",
    no: "✘",
    rule: "─",
    column: "│",
    cut: "…",
    none: "–",
    spinner: "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏ ",
    created: "·",
    pending: "░",
    current: "█",
    previous: "▒",
    revoked: "╳",
};

const ASCII: Glyphs = Glyphs {
    yes: "+",
    no: "x",
    rule: "-",
    column: "|",
    cut: "~",
    none: "-",
    spinner: "-\\|/ ",
    created: ".",
    pending: ":",
    current: "#",
    previous: "=",
    revoked: "x",
};

/// Those of the locale.
pub(crate) fn glyphs() -> &'static Glyphs {
    static ASKED: LazyLock<&Glyphs> = LazyLock::new(|| {
        let set = ["LC_ALL", "LC_CTYPE", "LANG"].map(env::var_os);
        let locale = set.into_iter().flatten().find(|it| !it.is_empty());
        glyphs_of(locale.and_then(|it| it.into_string().ok()).as_deref())
    });
    &ASKED
}

/// ASCII for a locale whose character set is another than UTF-8, as that of `C` is. No locale asks for nothing.
fn glyphs_of(locale: Option<&str>) -> &'static Glyphs {
    let is_utf8 = |locale: &str| {
        let set = locale.split('@').next().and_then(|it| it.split_once('.'));
        set.is_some_and(|(_, set)| {
            set.eq_ignore_ascii_case("UTF-8") || set.eq_ignore_ascii_case("UTF8")
        })
    };
    if locale.is_none_or(is_utf8) {
        &UNICODE
    } else {
        &ASCII
    }
}

pub(crate) fn yes_or_no(good: bool) -> StyledObject<&'static str> {
    if good {
        style(glyphs().yes).green()
    } else {
        style(glyphs().no).red().bold()
    }
}

/// A stretch of a key's bar.
pub(crate) fn stretch(standing: Standing, width: usize) -> StyledObject<String> {
    let glyphs = glyphs();
    match standing {
        Standing::Minted => style(glyphs.created.repeat(width)).red(),
        Standing::Pending => style(glyphs.pending.repeat(width)).cyan(),
        Standing::Current => style(glyphs.current.repeat(width)).green(),
        Standing::Previous => style(glyphs.previous.repeat(width)).yellow(),
        Standing::Revoked => style(format!("{:<width$}", glyphs.revoked)).red(),
    }
}

/// `142 ms`, `1.4 s`
pub(crate) fn duration(duration: Duration) -> String {
    if duration < Duration::from_secs(1) {
        format!("{} ms", duration.as_millis())
    } else {
        format!("{:.1} s", duration.as_secs_f64())
    }
}

/// The first group of a UUID, enough to tell the ids of one story apart.
pub(crate) fn short(id: &str) -> &str {
    id.split('-').next().unwrap_or(id)
}

/// A section's heading with a rule to the right margin.
pub(crate) fn heading(text: &str) -> String {
    let rule = glyphs()
        .rule
        .repeat(WIDTH.saturating_sub(text.chars().count() + 1));
    format!("\n{} {}", style(text).bold(), style(rule).dim())
}

pub(crate) fn note(text: &str) -> String {
    format!("  {}", style(text).dim())
}

/// Breaks a text at blanks into lines of at most `width` columns. A longer word has a line of its own.
pub(crate) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if measure_text_width(line) + 1 + measure_text_width(word) <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_locale_of_another_character_set_asks_for_ascii() {
        for locale in ["C", "POSIX", "en_US", "en_US.ISO-8859-1", "de_DE@euro"] {
            assert_eq!(glyphs_of(Some(locale)).yes, "+", "{locale}");
        }
        for locale in ["C.UTF-8", "en_US.UTF-8", "de_DE.utf8", "de_DE.UTF-8@euro"] {
            assert_eq!(glyphs_of(Some(locale)).yes, "✔", "{locale}");
        }
        assert_eq!(glyphs_of(None).yes, "✔");
    }

    #[test]
    fn ascii_is_ascii_and_tells_the_states_apart() {
        let Glyphs {
            yes,
            no,
            rule,
            column,
            cut,
            none,
            spinner,
            created,
            pending,
            current,
            previous,
            revoked,
        } = ASCII;
        for glyph in [yes, no, rule, column, cut, none, spinner] {
            assert!(glyph.is_ascii(), "{glyph}");
        }
        let mut states = vec![created, pending, current, previous, revoked];
        assert!(states.iter().all(|it| it.is_ascii() && it.len() == 1));
        states.sort_unstable();
        states.dedup();
        assert_eq!(states.len(), 5);
    }

    #[test]
    fn lines_break_at_blanks() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("unbreakable it is", 5), ["unbreakable", "it is"]);
        assert!(wrapped("", 5).is_empty());
    }
}
