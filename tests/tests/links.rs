//! Every relative link and every command of the pages leads somewhere, and so does every page that code or template names.

#![expect(
    clippy::expect_used,
    reason = "a panic is how a test says that something is wrong"
)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, iter};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// Folders of what is built or downloaded.
const MADE: [&str; 5] = ["target", "node_modules", ".git", "venv", "cdk/out"];

/// The files below a folder, or the file itself.
fn files(path: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(path) else {
        return vec![path.to_owned()];
    };
    let paths = entries.map(|it| it.expect("an entry").path());
    let is_made = |path: &PathBuf| MADE.iter().any(|it| path.ends_with(it));
    paths
        .filter(|path| !is_made(path))
        .flat_map(|path| files(&path))
        .collect()
}

fn is_page(path: &Path) -> bool {
    path.extension().is_some_and(|it| it == "md")
}

fn pages() -> Vec<PathBuf> {
    let top = [
        "README.md",
        "CHANGELOG.md",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        ".github",
        "docs",
        "examples",
        "tests",
        ".github",
    ];
    let all = top.iter().flat_map(|it| files(&Path::new(ROOT).join(it)));
    all.filter(|path| is_page(path)).collect()
}

/// The page without its blocks of code.
fn prose(page: &str) -> String {
    let mut is_code = false;
    let mut prose = String::new();
    for line in page.lines() {
        if line.trim_start().starts_with("```") {
            is_code = !is_code;
        } else if !is_code {
            prose += line;
            prose.push('\n');
        }
    }
    prose
}

/// The targets of `[text](target)` and of `[name]: target`.
fn targets(prose: &str) -> Vec<&str> {
    let inline = prose
        .split("](")
        .skip(1)
        .filter_map(|it| it.split(')').next());
    let named = prose
        .lines()
        .filter_map(|it| it.strip_prefix('[')?.split_once("]: "));
    inline.chain(named.map(|(_, target)| target)).collect()
}

/// The names by which GitHub links a page's headings.
fn anchors(page: &str) -> BTreeSet<String> {
    let mut anchors = BTreeSet::new();
    for heading in prose(page).lines().filter(|it| it.starts_with('#')) {
        let heading = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = heading
            .chars()
            .filter(|it| it.is_alphanumeric() || " -_".contains(*it));
        let anchor = kept.collect::<String>().replace(' ', "-");
        let mut numbered = (1..).map(|number| format!("{anchor}-{number}"));
        let name = iter::once(anchor.clone())
            .chain(&mut numbered)
            .find(|it| !anchors.contains(it));
        anchors.extend(name);
    }
    anchors
}

#[test]
fn every_relative_link_leads_to_a_file_and_a_heading() {
    let mut broken = Vec::new();
    let mut followed = 0;
    for path in pages() {
        let page = fs::read_to_string(&path).expect("a page");
        for target in targets(&prose(&page)) {
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            followed += 1;
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let goal = if file.is_empty() {
                path.clone()
            } else {
                path.parent().expect("a folder").join(file)
            };
            let is_there = goal.exists()
                && (anchor.is_empty()
                    || fs::read_to_string(&goal).is_ok_and(|it| anchors(&it).contains(anchor)));
            if !is_there {
                broken.push(format!("{}: {target}", path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
    assert!(followed > 150, "{followed} links");
}

/// The paths below `docs/` that a text names; addresses have other `docs/`.
fn named(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices("docs/").filter_map(|(at, _)| {
        let before = text[..at].strip_suffix("../").unwrap_or(&text[..at]);
        if before.ends_with(|it: char| it.is_alphanumeric() || "/.-_".contains(it)) {
            return None;
        }
        let is_path = |it: char| it.is_ascii_alphanumeric() || "/.-_".contains(it);
        let path = text[at..].split(|it| !is_path(it)).next()?;
        Some(path.trim_end_matches('.')).filter(|it| is_page(Path::new(it)))
    })
}

#[test]
fn every_page_that_code_or_template_names_is_there() {
    let places = [
        "shared",
        "functions",
        "template.yaml",
        "examples",
        "tests/package",
        "tests/harness",
        "tests/tests",
        ".ci",
        "Cargo.toml",
    ];
    let mut missing = Vec::new();
    let mut found = 0;
    for path in places
        .iter()
        .flat_map(|it| files(&Path::new(ROOT).join(it)))
    {
        let Ok(text) = fs::read_to_string(&path) else {
            continue; // no text
        };
        for page in named(&text) {
            found += 1;
            if !Path::new(ROOT).join(page).exists() {
                missing.push(format!("{}: {page}", path.display()));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
    assert!(found > 20, "{found} names of pages");
}

/// Words that nobody reads here, for each thing has one word: create, delete, replaced, orphaned, invocation.
const OTHER_WORDS: [&str; 16] = [
    "deliveries",
    "delivery",
    "displace",
    "displaced",
    "displaces",
    "displacing",
    "mint",
    "minted",
    "minting",
    "mints",
    "retire",
    "retired",
    "retires",
    "retiring",
    "stray",
    "strays",
];

/// The same of several words: orphaned keys, stack-managed secrets, delete a key.
const OTHER_PHRASES: [&str; 5] = [
    "left over",
    "first secrets",
    "ends a leaked key",
    "end a leaked key",
    "ends leaked ones",
];

/// The prose without what is in `code` or quoted from an error.
fn own_prose(page: &str) -> String {
    let prose = prose(page);
    let without_code = prose.split('`').step_by(2).collect::<String>();
    without_code.split('"').step_by(2).collect()
}

fn words(text: &str) -> BTreeSet<String> {
    let words = text.split(|it: char| !it.is_alphanumeric());
    words.map(str::to_lowercase).collect()
}

/// What a file of Rust says to people: its comments and its strings, without what is in `code`.
fn said(source: &str) -> String {
    let mut said = String::new();
    let mut rest = source;
    while let Some(at) = rest.find(['/', '"', '\'']) {
        rest = &rest[at..];
        let (text, end) = if let Some(comment) = rest.strip_prefix("//") {
            let end = comment.find('\n').unwrap_or(comment.len());
            (&comment[..end], end + 2)
        } else if let Some(string) = rest.strip_prefix('"') {
            let mut is_escaped = false;
            let end = string.find(|it| {
                let is_end = it == '"' && !is_escaped;
                is_escaped = it == '\\' && !is_escaped;
                is_end
            });
            let end = end.unwrap_or(string.len());
            (&string[..end], (end + 2).min(rest.len()))
        } else if rest.starts_with("'\"'") {
            ("", 3)
        } else {
            ("", 1)
        };
        said += &text.split('`').step_by(2).collect::<String>();
        said.push('\n');
        rest = &rest[end..];
    }
    said
}

#[test]
fn what_a_source_says_is_in_its_comments_and_strings() {
    let source =
        r#"let minted = '"'; // one `minted` "two\nlet it: &'a str = f("three \"four"); // five"#;
    let words = words(&said(&source.replace("\\n", "\n")));
    let expected = ["one", "two", "three", "four", "five"].map(str::to_owned);
    let without_blanks: BTreeSet<_> = words.into_iter().filter(|it| !it.is_empty()).collect();
    assert_eq!(without_blanks, BTreeSet::from(expected));
}

#[test]
fn every_page_template_and_source_uses_the_one_word_for_a_thing() {
    let mut found = Vec::new();
    let texts = [
        "README.md",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        ".github",
        "docs",
        "examples",
        "template.yaml",
        "samconfig.toml",
        "shared/src",
        "functions",
        "tests/sandbox/src",
        "tests/live",
        "tests/package",
        "tests/README.md",
    ];
    let texts = texts.iter().flat_map(|it| files(&Path::new(ROOT).join(it)));
    let is_text = |it: &Path| is_page(it) || it.extension().is_some_and(|it| it != "json");
    let mut read = 0;
    for path in texts.filter(|it| is_text(it)) {
        let Ok(text) = fs::read_to_string(&path) else {
            continue; // no text
        };
        read += 1;
        let said = if is_page(&path) {
            own_prose(&text)
        } else if path.extension().is_some_and(|it| it == "rs") {
            said(&text)
        } else {
            text
        };
        let (words, phrases) = (words(&said), one_line(&said).to_lowercase());
        let others = OTHER_WORDS.iter().filter(|it| words.contains(**it));
        for other in others.chain(OTHER_PHRASES.iter().filter(|it| phrases.contains(**it))) {
            found.push(format!("{}: {other}", path.display()));
        }
    }
    assert!(found.is_empty(), "{found:#?}");
    assert!(read > 200, "{read} texts");
}

/// What the tables of the runbooks quote from errors is what the errors say.
#[test]
fn every_text_that_the_runbooks_quote_is_in_the_code() {
    let sources = files(&Path::new(ROOT).join("shared/src"));
    let sources = sources.iter().filter_map(|it| fs::read_to_string(it).ok());
    let code = one_line(&sources.collect::<String>().replace("\\\n", " "));
    let page = fs::read_to_string(Path::new(ROOT).join("docs/operate/runbooks.md"));
    let page = page.expect("the runbooks");
    let tables = page.split("| the error says |").skip(1);
    let rows = tables.flat_map(|it| it.lines().skip(2).take_while(|it| it.starts_with('|')));
    let first_cells = rows.filter_map(|it| it.split('|').nth(1));
    let quoted: Vec<_> = first_cells
        .flat_map(|it| it.split('"').skip(1).step_by(2))
        .flat_map(|it| it.split('…').map(str::trim))
        .collect();
    let missing: Vec<_> = quoted.iter().filter(|it| !code.contains(**it)).collect();
    assert!(missing.is_empty(), "{missing:#?}");
    assert!(quoted.len() > 15, "{quoted:?}");
}

/// The text with one blank in place of every row of blanks and ends of lines.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The blocks of commands of a page.
fn commands(page: &str) -> impl Iterator<Item = &str> {
    let blocks = page.split("```sh\n").skip(1);
    blocks.filter_map(|it| it.split("```").next())
}

/// Whether the file that a command of this project is in, or the crate or test that it is about, is there.
fn is_there(before: &str, word: &str) -> bool {
    let root = Path::new(ROOT);
    let is_named = |manifest: PathBuf| {
        let name = format!("name = \"{word}\"");
        fs::read_to_string(manifest).is_ok_and(|it| it.lines().any(|it| it == name))
    };
    match before {
        "-p" => {
            let manifests = ["shared", "functions", "tests"].iter();
            let mut manifests = manifests.flat_map(|it| files(&root.join(it)));
            manifests.any(|it| it.ends_with("Cargo.toml") && is_named(it))
        }
        "--test" => ["tests/tests", "tests/explore/tests", "tests/sandbox/tests"]
            .iter()
            .flat_map(|it| [format!("{it}/{word}.rs"), format!("{it}/{word}/main.rs")])
            .any(|it| root.join(it).exists()),
        _ if word.starts_with("tests/") || word.starts_with(".ci/") => root.join(word).exists(),
        _ => true,
    }
}

#[test]
fn every_block_of_commands_is_of_the_shell_and_names_what_is_there() {
    let mut wrong = Vec::new();
    let mut checked = 0;
    for path in pages() {
        let page = fs::read_to_string(&path).expect("a page");
        for block in commands(&page) {
            checked += 1;
            let parsed = Command::new("bash").args(["-n", "-c", block]).output();
            let parsed = parsed.expect("bash");
            if !parsed.status.success() {
                let said = String::from_utf8_lossy(&parsed.stderr).into_owned();
                wrong.push(format!("{}: {said}", path.display()));
            }
            let mut before = "";
            for word in block.split_whitespace() {
                if !is_there(before, word) {
                    wrong.push(format!("{}: {before} {word}", path.display()));
                }
                before = word;
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(checked > 50, "{checked} blocks");
}
