//! Likeness of two JSON documents, the recorded one and ours: the same but for ids, times, key
//! texts and words that nobody computes with.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Words and pictures: only their JSON type is compared.
const WORDS: &[&str] = &[
    "description",
    "display_name",
    "email",
    "group_name",
    "handle",
    "icon",
];
/// Facts of a permission, which are the same in all organisations and of no use here.
const OF_NO_USE: &[&str] = &["created", "display_type", "restricted"];

/// Which of our ids stands for which recorded one.
#[derive(Debug, Default)]
pub(crate) struct Ids {
    ours: BTreeMap<String, String>,
}

impl Ids {
    /// `recorded` with every recorded id replaced by the one that stands for it.
    pub(crate) fn translate(&self, recorded: &str) -> String {
        let ids = self.ours.iter();
        ids.fold(recorded.to_owned(), |text, (theirs, ours)| {
            text.replace(theirs, ours)
        })
    }

    /// Pairs the two, or tells whether the pairs made before say the same.
    pub(crate) fn pair(&mut self, recorded: &str, ours: &str) -> bool {
        self.ours
            .entry(recorded.to_owned())
            .or_insert_with(|| ours.to_owned())
            == ours
    }
}

/// The places of all fields in a document, `data.attributes.name`; elements of a list share one.
pub(crate) fn places(document: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    collect_places(document, "", &mut found);
    found
}

fn collect_places(value: &Value, place: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let place = join(place, name);
                collect_places(value, &place, found);
                found.insert(place);
            }
        }
        Value::Array(elements) => elements
            .iter()
            .for_each(|element| collect_places(element, place, found)),
        _ => {}
    }
}

/// Compares ours with what was recorded, field by field. Ours may have fields more at the places
/// in `grown` alone.
#[derive(Debug)]
pub(crate) struct Comparison<'a> {
    pub(crate) ids: &'a mut Ids,
    pub(crate) grown: &'a BTreeSet<String>,
    pub(crate) differences: Vec<String>,
}

impl Comparison<'_> {
    pub(crate) fn compare(&mut self, place: &str, recorded: &Value, ours: &Value) {
        match (recorded, ours) {
            (Value::Object(recorded), Value::Object(ours)) => {
                self.compare_objects(place, recorded, ours);
            }
            (Value::Array(recorded), Value::Array(ours)) => {
                if recorded.len() != ours.len() {
                    self.differ(
                        place,
                        &format!("{} elements", recorded.len()),
                        &format!("{}", ours.len()),
                    );
                }
                for (recorded, ours) in recorded.iter().zip(ours) {
                    self.compare(place, recorded, ours);
                }
            }
            (Value::String(recorded), Value::String(ours)) => {
                self.compare_strings(place, recorded, ours);
            }
            (Value::Bool(_), Value::Bool(_)) if OF_NO_USE.contains(&name(place)) => {}
            _ if recorded == ours => {}
            _ => self.differ(place, &recorded.to_string(), &ours.to_string()),
        }
    }

    fn compare_objects(
        &mut self,
        place: &str,
        recorded: &Map<String, Value>,
        ours: &Map<String, Value>,
    ) {
        for (name, value) in recorded {
            let place = join(place, name);
            match ours.get(name) {
                Some(ours) => self.compare(&place, value, ours),
                None => self.differ(&place, "there", "missing"),
            }
        }
        for name in ours.keys().filter(|name| !recorded.contains_key(*name)) {
            let place = join(place, name);
            if !self.grown.contains(&place) {
                self.differ(&place, "missing", "there");
            }
        }
    }

    fn compare_strings(&mut self, place: &str, recorded: &str, ours: &str) {
        let name = name(place);
        let alike = if WORDS.contains(&name) || OF_NO_USE.contains(&name) {
            true
        } else if is_timestamp(recorded) {
            is_timestamp(ours)
        } else if is_utc(recorded) {
            is_utc(ours) && recorded.len().abs_diff(ours.len()) <= DIGITS_TRIMMED
        } else if is_masked(recorded) {
            is_like_mask(recorded, ours)
        } else if is_uuid(recorded) {
            is_uuid(ours) && self.ids.pair(recorded, ours)
        } else {
            self.ids.translate(recorded) == ours
        };
        if !alike {
            self.differ(place, recorded, ours);
        }
    }

    fn differ(&mut self, place: &str, recorded: &str, ours: &str) {
        self.differences
            .push(format!("{place}: recorded {recorded}, ours {ours}"));
    }
}

fn join(place: &str, name: &str) -> String {
    if place.is_empty() {
        name.to_owned()
    } else {
        format!("{place}.{name}")
    }
}

fn name(place: &str) -> &str {
    place.rsplit('.').next().unwrap_or_default()
}

/// `2025-09-08T09:24:42.999350+00:00`, to the number of digits.
fn is_timestamp(text: &str) -> bool {
    text.len() == 32 && text.ends_with("+00:00") && OffsetDateTime::parse(text, &Rfc3339).is_ok()
}

/// `2026-05-28T14:36:47.296135174Z`, of the endpoints of tokens.
fn is_utc(text: &str) -> bool {
    text.ends_with('Z') && OffsetDateTime::parse(text, &Rfc3339).is_ok()
}

/// Zeros at the end of a fraction are left out.
const DIGITS_TRIMMED: usize = 2;

/// A key, or a token whose parts are masked one by one. What begins with `ddsat_` is not masked.
fn is_masked(text: &str) -> bool {
    let hidden = text.strip_prefix("ddsat_").unwrap_or(text);
    let is_hidden = |part: &str| !part.is_empty() && part.chars().all(|it| "xX".contains(it));
    hidden.split('_').all(is_hidden)
}

/// Of the same length, with its underscores at the same places.
fn is_like_mask(mask: &str, ours: &str) -> bool {
    let lengths = |text: &str| text.split('_').map(str::len).collect::<Vec<_>>();
    let prefix = mask.starts_with("ddsat_");
    if !mask.contains('_') {
        return mask.len() == ours.len();
    }
    lengths(mask) == lengths(ours) && (!prefix || ours.starts_with("ddsat_"))
}

pub(crate) fn is_uuid(text: &str) -> bool {
    let groups: Vec<_> = text.split('-').map(str::len).collect();
    groups == [8, 4, 4, 4, 12]
        && text
            .chars()
            .all(|symbol| symbol == '-' || symbol.is_ascii_hexdigit())
}
