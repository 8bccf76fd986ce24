//! The query of a list: which keys, in which order, which page.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::str::FromStr;

use http::Uri;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::key::{Class, Key};
use super::reply::Refusal;

const MOST_PER_PAGE: usize = 100;

/// `page[size]`, `page[number]`, `sort`, `filter`, `filter[…]` and `include`, all optional.
#[derive(Debug)]
pub(super) struct Query {
    parameters: BTreeMap<String, String>,
}

/// The keys of one page, and how many there are on all.
#[derive(Debug)]
pub(super) struct Page<'a> {
    pub(super) keys: Vec<&'a Key>,
    pub(super) total: usize,
}

impl Query {
    pub(super) fn of(uri: &Uri) -> Self {
        let query = uri.query().unwrap_or_default().as_bytes();
        Self {
            parameters: form_urlencoded::parse(query).into_owned().collect(),
        }
    }

    /// The page asked for of those among `keys` that pass every filter. A malformed or unknown
    /// value is refused with 400 (synthetic).
    pub(super) fn page<'a>(
        &self,
        keys: impl Iterator<Item = &'a Key>,
        default_size: usize,
        most: usize,
    ) -> Result<Page<'a>, Refusal> {
        let filter = self.filter()?;
        let mut keys: Vec<_> = keys.filter(|key| filter.admits(key)).collect();
        self.sort(&mut keys)?;
        let total = keys.len();
        let size = self.parsed("page[size]")?.unwrap_or(default_size);
        if size == 0 || size > MOST_PER_PAGE {
            return Err(refused("page[size]"));
        }
        let size = size.min(most);
        let number: usize = self.parsed("page[number]")?.unwrap_or(0);
        keys = keys
            .into_iter()
            .skip(number.saturating_mul(size))
            .take(size)
            .collect();
        Ok(Page { keys, total })
    }

    /// Whether `include` names this relationship.
    pub(super) fn includes(&self, relationship: &str) -> bool {
        self.get("include")
            .is_some_and(|paths| paths.split(',').any(|path| path.trim() == relationship))
    }

    fn filter(&self) -> Result<Filter<'_>, Refusal> {
        Ok(Filter {
            name: self.get("filter").unwrap_or_default().to_lowercase(),
            created_from: self.date("filter[created_at][start]")?,
            created_until: self.date("filter[created_at][end]")?,
            modified_from: self.date("filter[modified_at][start]")?,
            modified_until: self.date("filter[modified_at][end]")?,
            owner: self.get("filter[owned_by]"),
            category: self.get("filter[category]"),
            remote_config: self.parsed("filter[remote_config_read_enabled]")?,
        })
    }

    fn sort(&self, keys: &mut [&Key]) -> Result<(), Refusal> {
        let sort = self.get("sort").unwrap_or("name");
        let (field, descending) = sort
            .strip_prefix('-')
            .map_or((sort, false), |field| (field, true));
        let compare: fn(&Key, &Key) -> Ordering = match field {
            "name" => |one, other| collation(one).cmp(&collation(other)),
            "created_at" => |one, other| one.created_at.cmp(&other.created_at),
            "modified_at" => |one, other| one.modified_at.cmp(&other.modified_at),
            "last4" => |one, other| one.last4().cmp(other.last4()),
            _ => return Err(refused("sort")),
        };
        keys.sort_by(|one, other| {
            let order = compare(one, other);
            if descending { order.reverse() } else { order }
        });
        Ok(())
    }

    fn get(&self, parameter: &str) -> Option<&str> {
        self.parameters.get(parameter).map(String::as_str)
    }

    fn parsed<T: FromStr>(&self, parameter: &str) -> Result<Option<T>, Refusal> {
        let value = self.get(parameter).map(str::parse).transpose();
        value.map_err(|_| refused(parameter))
    }

    fn date(&self, parameter: &str) -> Result<Option<OffsetDateTime>, Refusal> {
        let date = self
            .get(parameter)
            .map(|date| OffsetDateTime::parse(date, &Rfc3339))
            .transpose();
        date.map_err(|_| refused(parameter))
    }
}

fn refused(parameter: &str) -> Refusal {
    Refusal::bad_request(format!("Invalid query parameter {parameter}"))
}

/// Letters and digits count, without regard to case: the order of the recorded lists.
fn collation(key: &Key) -> String {
    let counted = key.name.chars().filter(|symbol| symbol.is_alphanumeric());
    counted.flat_map(char::to_lowercase).collect()
}

#[derive(Debug)]
struct Filter<'a> {
    /// Part of the name, in lower case: `filter` is no exact match (reported).
    name: String,
    created_from: Option<OffsetDateTime>,
    created_until: Option<OffsetDateTime>,
    modified_from: Option<OffsetDateTime>,
    modified_until: Option<OffsetDateTime>,
    owner: Option<&'a str>,
    category: Option<&'a str>,
    remote_config: Option<bool>,
}

impl Filter<'_> {
    fn admits(&self, key: &Key) -> bool {
        key.name.to_lowercase().contains(&self.name)
            && self.created_from.is_none_or(|date| key.created_at >= date)
            && self.created_until.is_none_or(|date| key.created_at <= date)
            && self
                .modified_from
                .is_none_or(|date| key.modified_at >= date)
            && self
                .modified_until
                .is_none_or(|date| key.modified_at <= date)
            && self.admits_class(key)
    }

    /// Each class of keys ignores the filters that are documented for the other.
    fn admits_class(&self, key: &Key) -> bool {
        match &key.class {
            Class::Api {
                category,
                remote_config_read_enabled,
                ..
            } => {
                self.category.is_none_or(|wanted| wanted == category)
                    && self
                        .remote_config
                        .is_none_or(|wanted| wanted == *remote_config_read_enabled)
            }
            Class::Application { .. } | Class::AccessToken { .. } => {
                self.owner.is_none_or(|wanted| wanted == key.owner)
            }
        }
    }
}
