//! Wrong answers of a right shape: what an edge, a proxy or a new release may say.

use bytes::Bytes;
use http::Response;
use serde_json::{Map, Value, json};

use crate::secrets_manager::SecretsManager;

/// A well-formed answer that says something else than the service's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lie {
    /// Every list of the answer is empty. The request is carried out.
    EmptyLists,
    /// Every list lacks its second half, which no later page has. The request is carried out.
    ShortPage,
    /// 200 with `{"status":"error","errors":[…]}`. Nothing is done.
    SaysError,
    /// Secrets Manager's 200 to a change. Nothing is done.
    SaysDone,
    /// Every member of this name is missing. The request is carried out.
    Without(&'static str),
    /// Every member of this name has another JSON type. The request is carried out.
    Retyped(&'static str),
    /// Every member of this name is null. The request is carried out.
    Null(&'static str),
    /// Every `status`, present or not, is a word that nobody knows. The request is carried out.
    UnknownStatus,
    /// Keys come back with IDs that no key has. The request is carried out.
    OtherIds,
    /// A mask stands for the last characters of every value. The request is carried out.
    Masked,
    /// In a list each key has the ID of the next one. The request is carried out.
    NextIds,
    /// `GetSecretValue` answers with ARN and value of another secret of the type.
    AnothersAnswer,
    /// Names of keys come back in upper case. The request is carried out.
    UpperCaseNames,
    /// Names of keys come back cut at 64 characters. The request is carried out.
    CutNames,
}

/// Members of the answers that are lists of what was asked for.
const LISTS: [&str; 3] = ["data", "Versions", "SecretList"];

/// A word that no description of a key's status has.
const UNKNOWN: &str = "suspended";

impl Lie {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::EmptyLists => "empty lists",
            Self::ShortPage => "short page",
            Self::SaysError => "200 that says error",
            Self::SaysDone => "200, and not done",
            Self::Without(_) => "member missing",
            Self::Retyped(_) => "member of another type",
            Self::Null(_) => "member null",
            Self::UnknownStatus => "unknown status",
            Self::OtherIds => "IDs of no key",
            Self::Masked => "ends masked",
            Self::NextIds => "each key with the next one's ID",
            Self::AnothersAnswer => "another secret's ARN and value",
            Self::UpperCaseNames => "upper-case names",
            Self::CutNames => "cut names",
        }
    }

    /// Whether the service carries the request out all the same.
    #[must_use]
    pub(super) fn reaches_service(self) -> bool {
        !matches!(self, Self::SaysError | Self::SaysDone)
    }

    /// Returns the answer with the lie in it. Refusals and empty answers stay as they are.
    pub(super) fn told(self, answer: Response<Bytes>) -> Response<Bytes> {
        changed(answer, |body| self.twist(body))
    }

    fn twist(self, body: &mut Value) {
        match self {
            Self::EmptyLists => each_list(body, Vec::clear),
            Self::ShortPage => each_list(body, |items| items.truncate(items.len().div_ceil(2))),
            // The gate tells them: it needs no answer, or knows the other secrets.
            Self::SaysError | Self::SaysDone | Self::AnothersAnswer => {}
            Self::Without(name) => each_object(body, &mut |members| {
                members.remove(name);
            }),
            Self::Retyped(name) => each_object(body, &mut |members| {
                if let Some(member) = members.get_mut(name) {
                    *member = retyped(member);
                }
            }),
            Self::Null(name) => each_object(body, &mut |members| {
                if let Some(member) = members.get_mut(name) {
                    *member = Value::Null;
                }
            }),
            Self::UnknownStatus => each_object(body, &mut |members| {
                if members.contains_key("status") || is_key(members) {
                    members.insert("status".to_owned(), json!(UNKNOWN));
                }
            }),
            Self::OtherIds => each_object(body, &mut |members| {
                let attributes = members.get("attributes").and_then(Value::as_object);
                if attributes.is_some_and(is_key)
                    && let Some(Value::String(id)) = members.get_mut("id")
                {
                    *id = format!("ffffffff-ffff-4fff-8fff-{}", &id[id.len() - 12..]);
                }
            }),
            Self::Masked => each_object(body, &mut |members| {
                if let Some(end) = members.get_mut("last4") {
                    *end = json!("****");
                }
            }),
            Self::NextIds => each_list(body, |items| shift_ids(items)),
            Self::UpperCaseNames => each_key_name(body, str::to_uppercase),
            Self::CutNames => each_key_name(body, |name| name.chars().take(64).collect()),
        }
    }
}

/// Returns the answer of `GetSecretValue` as if it were another secret's of the same type.
pub(super) fn anothers(
    secrets: &SecretsManager,
    asked: &str,
    answer: Response<Bytes>,
) -> Response<Bytes> {
    let others = secrets.secrets().filter(|it| it.arn() != asked);
    let others: Vec<_> = others
        .filter_map(|it| Some((it.arn(), it.labelled("AWSCURRENT")?)))
        .collect();
    changed(answer, |body| {
        let other = others.iter().find_map(|(arn, version)| {
            let text = version.value().filter(|text| is_of_one_type(text, body))?;
            Some((*arn, text))
        });
        if let Some((arn, text)) = other {
            (body["ARN"], body["SecretString"]) = (json!(arn), json!(text));
        }
    })
}

fn is_of_one_type(text: &str, body: &Value) -> bool {
    let names = |text: &str| -> Option<Vec<String>> {
        let value: Map<String, Value> = serde_json::from_str(text).ok()?;
        Some(value.keys().cloned().collect())
    };
    body["SecretString"].as_str().and_then(names) == names(text)
}

/// Returns a success with its body changed. Refusals and empty answers stay as they are.
pub(super) fn changed(answer: Response<Bytes>, change: impl Fn(&mut Value)) -> Response<Bytes> {
    match serde_json::from_slice::<Value>(answer.body()) {
        Ok(mut body) if answer.status().is_success() => {
            change(&mut body);
            answer.map(|_| Bytes::from(body.to_string()))
        }
        _ => answer,
    }
}

fn shift_ids(items: &mut [Value]) {
    let is_shown = |item: &Value| item["attributes"].as_object().is_some_and(is_key);
    let mut ids: Vec<_> = (items.iter().filter(|it| is_shown(it)))
        .map(|it| it["id"].clone())
        .collect();
    if !ids.is_empty() {
        ids.rotate_left(1);
    }
    for (item, id) in items.iter_mut().filter(|it| is_shown(it)).zip(ids) {
        item["id"] = id;
    }
}

fn retyped(member: &Value) -> Value {
    match member {
        Value::String(_) => json!(7),
        _ => json!("7"),
    }
}

fn each_list(body: &mut Value, change: impl Fn(&mut Vec<Value>)) {
    for name in LISTS {
        if let Some(Value::Array(items)) = body.get_mut(name) {
            change(items);
        }
    }
}

fn each_object(value: &mut Value, change: &mut impl FnMut(&mut Map<String, Value>)) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|it| each_object(it, change)),
        Value::Object(members) => {
            change(members);
            members.values_mut().for_each(|it| each_object(it, change));
        }
        _ => {}
    }
}

/// Only keys and tokens show a part of their value.
fn is_key(members: &Map<String, Value>) -> bool {
    ["last4", "public_portion"]
        .iter()
        .any(|it| members.contains_key(*it))
}

fn each_key_name(body: &mut Value, change: impl Fn(&str) -> String) {
    each_object(body, &mut |members| {
        if is_key(members)
            && let Some(Value::String(name)) = members.get_mut("name")
        {
            *name = change(name);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str =
        "aws-sm-api-key-a-secret-with-a-very-long-name-indeed-20260101-ABCDEF-GHIJKL";

    fn told(lie: Lie) -> Value {
        let key = |status: &str| {
            let attributes = json!({ "name": NAME, "last4": "abcd", "status": status });
            json!({ "id": "the-id-of-one", "attributes": attributes })
        };
        let body = json!({ "data": [key("revoked"), key("revoked")], "meta": { "name": "Z" } });
        let answer = lie.told(Response::new(Bytes::from(body.to_string())));
        serde_json::from_slice(answer.body()).unwrap()
    }

    #[test]
    fn each_lie_changes_its_own_part_alone() {
        let truth = told(Lie::Without("nothing"));
        assert_eq!(told(Lie::EmptyLists)["data"], json!([]));
        assert_eq!(told(Lie::ShortPage)["data"].as_array().unwrap().len(), 1);
        let first = |lie| told(lie)["data"][0].clone();
        assert_eq!(first(Lie::Without("id")).get("id"), None);
        assert_eq!(first(Lie::Retyped("id"))["id"], 7);
        assert_eq!(first(Lie::Retyped("attributes"))["attributes"], "7");
        assert_eq!(
            first(Lie::UnknownStatus)["attributes"]["status"],
            "suspended"
        );
        assert_eq!(
            first(Lie::OtherIds)["id"],
            "ffffffff-ffff-4fff-8fff-he-id-of-one"
        );
        let upper = first(Lie::UpperCaseNames)["attributes"]["name"].clone();
        assert_eq!(upper, NAME.to_uppercase());
        assert_eq!(first(Lie::Masked)["attributes"]["last4"], "****");
        assert_eq!(first(Lie::NextIds)["id"], "the-id-of-one");
        assert_eq!(first(Lie::CutNames)["attributes"]["name"], NAME[..64]);
        assert_eq!(told(Lie::UpperCaseNames)["meta"], truth["meta"]);
    }

    #[test]
    fn refusals_stay_as_they_are() {
        let mut refusal = Response::new(Bytes::from_static(b"{\"data\":[1]}"));
        *refusal.status_mut() = http::StatusCode::FORBIDDEN;
        assert_eq!(
            Lie::EmptyLists.told(refusal).body(),
            &Bytes::from_static(b"{\"data\":[1]}")
        );
    }
}
