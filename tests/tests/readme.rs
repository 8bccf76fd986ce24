//! What README and reference say of the code is what the code does, and every error has its runbook.

use std::collections::BTreeSet;
use std::fmt::Write;

use datadog_rotation::credential::Kind;
use datadog_rotation::secrets::{ADMIN_TAG, GRACE_TAG, LEAKED_TAG, MAY_LOSE_TAG};
use datadog_rotation::site::Site;
use harness::figures;

const README: &str = include_str!("../../README.md");
const ERRORS: &str = include_str!("../../docs/reference/errors.md");
const PERMISSIONS: &str = include_str!("../../docs/reference/permissions.md");
const SECRETS: &str = include_str!("../../docs/reference/secrets.md");
const TEMPLATE: &str = include_str!("../../template.yaml");
const RUNBOOKS: &str = include_str!("../../docs/operate/runbooks.md");
const PROBLEMS: &str = include_str!("../../shared/src/error/error_type.rs");

/// The first cell of every row that begins with a word in `code`, linked or not.
fn first_cells(page: &'static str) -> BTreeSet<&'static str> {
    let cells = page.lines().filter_map(|line| {
        let cell = line.strip_prefix("| ")?.trim_start_matches('[');
        cell.strip_prefix('`')?.split('`').next()
    });
    cells.collect()
}

/// The error types of the code.
fn error_types() -> BTreeSet<&'static str> {
    let is_word = |text: &&str| {
        text.starts_with(|it: char| it.is_ascii_uppercase())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
            && text.bytes().any(|byte| byte.is_ascii_lowercase())
    };
    let types: BTreeSet<&str> = PROBLEMS
        .split('"')
        .skip(1)
        .step_by(2)
        .filter(is_word)
        .collect();
    assert!(types.len() > 30, "{types:?}");
    types
}

#[test]
fn every_error_type_is_listed_and_no_other() {
    assert_eq!(first_cells(ERRORS), error_types());
}

/// Situations have headings of several words.
#[test]
fn every_error_type_has_one_place_in_the_runbooks_and_no_other_word_has() {
    let headings = RUNBOOKS.lines().filter_map(|it| it.strip_prefix("## "));
    let mut words: Vec<_> = headings.filter(|it| !it.contains(' ')).collect();
    let rest = RUNBOOKS.split_once("## The error says all\n");
    let list = rest.and_then(|it| it.1.split("\n## ").next());
    words.extend(list.expect("a list").split('`').skip(1).step_by(2));
    words.sort_unstable();
    assert_eq!(words, Vec::from_iter(error_types()));
}

#[test]
fn every_site_is_listed() {
    for site in Site::ALL {
        assert!(PERMISSIONS.contains(&format!("`{site}`")), "{site}");
    }
}

#[test]
fn every_scope_and_type_is_named() {
    for kind in Kind::ALL {
        for page in [README, SECRETS] {
            assert!(
                page.contains(&format!("| `{}` | `", kind.name())),
                "{kind:?}"
            );
        }
        for scope in kind.required_scopes() {
            assert!(PERMISSIONS.contains(&format!("`{scope}`")), "{scope}");
        }
    }
}

#[test]
fn every_tag_that_is_read_is_explained() {
    for tag in [ADMIN_TAG, MAY_LOSE_TAG] {
        assert!(README.contains(&format!("`{tag}`")), "{tag}");
        assert!(SECRETS.contains(&format!("| `{tag}` (or tag) |")), "{tag}");
    }
    for tag in [GRACE_TAG, LEAKED_TAG] {
        assert!(SECRETS.contains(&format!("| `{tag}` | ")), "{tag}");
    }
}

#[test]
fn every_parameter_of_the_template_is_listed_as_it_is() {
    let section = TEMPLATE
        .split_once("\nParameters:\n")
        .expect("parameters")
        .1;
    let section = section.split_once("\nRules:\n").expect("rules").0;
    let lines = section
        .lines()
        .take_while(|it| it.is_empty() || it.starts_with("  "));
    let mut rows = String::new();
    let mut lines = lines.filter(|it| !it.is_empty()).peekable();
    while let Some(line) = lines.next() {
        let name = line.trim().trim_end_matches(':');
        let (mut default, mut description) = (String::new(), String::new());
        let mut is_description = false;
        while let Some(line) = lines.next_if(|it| it.starts_with("    ")) {
            if let Some(text) = line.strip_prefix("      ").filter(|_| is_description) {
                description = format!("{description} {}", text.trim());
                continue;
            }
            is_description = false;
            match line.trim().split_once(": ") {
                Some(("Default", text)) => text.trim_matches('"').clone_into(&mut default),
                Some(("Description", text)) => {
                    is_description = true;
                    text.trim_start_matches(">-").clone_into(&mut description);
                }
                _ => {}
            }
        }
        assert!(!description.is_empty(), "{name}");
        let default = if default.is_empty() {
            "–".to_owned()
        } else {
            format!("`{default}`")
        };
        let description = description.trim();
        writeln!(rows, "| `{name}` | {default} | {description} |").expect("a string");
    }
    assert!(rows.lines().count() > 30, "{rows}");
    let table = figures::table(&["parameter", "default", "meaning"], &rows);
    figures::compare("reference/parameters", "parameters", &table);
}

/// README sends its readers on. What it does not hold, it need not keep true.
#[test]
fn the_readme_is_short() {
    let lines = README.lines().count();
    assert!(lines <= 150, "{lines} lines");
}

#[test]
fn the_two_commands_are_those_that_are_run() {
    let ci = include_str!("../../.ci/run");
    assert!(README.contains("\ntests/run\n") && ci.contains("\nstep tests/run\n"));
    assert!(README.contains("\ncargo run -p sandbox\n"));
}

/// The tests that a page cites, as `file: name`; files of two folders go without their paths.
fn cited(page: &str) -> Vec<(&str, &str)> {
    let spans = page.split('`').skip(1).step_by(2);
    let citations = spans.filter_map(|it| it.split_once(": "));
    citations
        .filter(|(file, _)| matches!(file.rsplit_once('.'), Some((_, "rs" | "py"))))
        .collect()
}

#[test]
fn every_test_that_the_documents_cite_exists() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let pages = [
        include_str!("../../docs/review/breaks.md"),
        include_str!("../../docs/review/hazards.md"),
        include_str!("../../docs/review/threat-model.md"),
    ];
    let mut missing = Vec::new();
    let mut found = 0;
    for (file, name) in pages.into_iter().flat_map(cited) {
        let mut places = ["", "tests/tests/", "shared/src/"].iter();
        let text = places.find_map(|it| std::fs::read_to_string(format!("{root}/{it}{file}")).ok());
        let is_there = text.is_some_and(|text| {
            ["fn ", "def "]
                .iter()
                .any(|it| text.contains(&format!("{it}{name}(")))
        });
        found += usize::from(is_there);
        if !is_there {
            missing.push(format!("{file}: {name}"));
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
    assert!(found > 100, "{found} citations");
}
