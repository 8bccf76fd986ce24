//! Lists of keys, which Datadog answers in pages.

use std::collections::HashSet;
use std::ops::Deref;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::Value;

use super::resource::{Defect, Resource, parse};
use super::{Authority, Call, Datadog, DatadogError};
use crate::deadline::Deadline;
use crate::keys::KeyId;

/// The largest page that Datadog gives.
const PAGE: usize = 100;

/// More pages than any organisation's keys fill: a list that never ends is not followed for ever.
const MOST_PAGES: usize = 20;

/// A list of keys, as far as it was read.
#[derive(Clone, Debug)]
pub struct KeyList<T> {
    keys: Vec<T>,
    /// Whether it goes on behind them.
    pub is_cut: bool,
}

impl<T> Default for KeyList<T> {
    fn default() -> Self {
        Self {
            keys: Vec::new(),
            is_cut: false,
        }
    }
}

impl<T> Deref for KeyList<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.keys
    }
}

impl<T> Extend<T> for KeyList<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, keys: I) {
        self.keys.extend(keys);
    }
}

impl<T> IntoIterator for KeyList<T> {
    type Item = T;
    type IntoIter = std::vec::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        self.keys.into_iter()
    }
}

/// One page of a list.
pub(super) struct Page<T> {
    keys: Vec<T>,
    /// How many the whole list has, if it is told.
    total: Option<u64>,
}

#[derive(Deserialize)]
struct Many {
    data: Vec<Resource>,
    #[serde(default)]
    meta: Value,
}

/// Returns the path of one page. `filter` finds a part of the name: it saves pages, the exact comparison
/// is ours.
pub(super) fn list_path(path: &str, name: &str, page: usize) -> String {
    let name = utf8_percent_encode(name, NON_ALPHANUMERIC);
    format!("{path}?page%5Bsize%5D={PAGE}&page%5Bnumber%5D={page}&filter={name}")
}

/// Reads one page. Twenty bodies of the largest size hold more of the smallest keys than a function has
/// memory for, so that a page larger than asked for is refused.
pub(super) fn page<T>(
    body: &[u8],
    read: impl Fn(Resource) -> Result<T, Defect>,
) -> Result<Page<T>, Defect> {
    let Many { data, meta } = parse(body)?;
    if data.len() > PAGE {
        return Err("holds more keys than it was asked for");
    }
    let total = meta.pointer("/page/total_filtered_count");
    let total = total.and_then(Value::as_u64);
    let keys = data.into_iter().map(read).collect::<Result<_, _>>()?;
    Ok(Page { keys, total })
}

impl Datadog {
    /// Follows a list page by page. A page may be shorter than asked for: the list ends where it has
    /// as many keys as Datadog says it has, and without that word at an empty page.
    pub(super) async fn whole_list<T>(
        &self,
        authority: &Authority,
        call: impl Fn(usize) -> Call,
        read: impl Fn(&[u8]) -> Result<Page<T>, Defect>,
        id: impl Fn(&T) -> &KeyId,
        deadline: &Deadline,
    ) -> Result<KeyList<T>, DatadogError> {
        let (mut keys, mut seen) = (KeyList::default(), HashSet::new());
        for page in 0..MOST_PAGES {
            let found = self.ask(authority, call(page), deadline, &read).await?;
            let is_empty = found.keys.is_empty();
            let before = keys.len();
            let new = found.keys.into_iter();
            keys.extend(new.filter(|it| seen.insert(id(it).clone())));
            let is_whole = found.total.is_some_and(|total| keys.len() as u64 >= total);
            if is_empty || is_whole {
                return Ok(keys);
            }
            // The same page again: the next one will be no other.
            if keys.len() == before {
                break;
            }
        }
        tracing::warn!(
            call = %call(0),
            read = keys.len(),
            "the list is longer than what could be read of it: the rest is not looked at"
        );
        keys.is_cut = true;
        Ok(keys)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(count: usize) -> Result<usize, Defect> {
        let data = vec![r#"{"id":"x"}"#; count].join(",");
        let body = format!(r#"{{"data":[{data}]}}"#);
        page(body.as_bytes(), Ok).map(|it| it.keys.len())
    }

    #[test]
    fn a_page_has_no_more_keys_than_it_was_asked_for() {
        assert_eq!(keys(PAGE), Ok(PAGE));
        assert!(keys(PAGE + 1).is_err());
    }
}
