//! The settings of a registration: read from properties, compared with those that are registered,
//! and laid over them.
//!
//! Some objects are a choice between members, such as `include_all` and `include_only`. A choice is
//! one value: it takes the place of another choice, and never merges with it. Lists are sets: their
//! order says nothing.

use serde_json::{Map, Value};

use crate::properties::{Properties, PropertyError};

/// Settings that are passed through, by the names of the resource and of the API.
pub(super) const SETTINGS: [(&str, &str); 6] = [
    ("AccountTags", "account_tags"),
    ("AwsRegions", "aws_regions"),
    ("LogsConfig", "logs_config"),
    ("MetricsConfig", "metrics_config"),
    ("ResourcesConfig", "resources_config"),
    ("TracesConfig", "traces_config"),
];

/// Of these members an object has one.
const CHOICE: [&str; 3] = ["include_all", "include_only", "exclude_only"];

/// Returns the settings that the properties give, by the API's names.
pub(super) fn read(
    properties: Properties<'_>,
    partition: &str,
) -> Result<Map<String, Value>, PropertyError> {
    let mut settings = Map::new();
    for (name, member) in SETTINGS {
        if let Some(value) = properties.value(name) {
            let value = setting(name, value)?;
            must_choose(&value, member).map_err(|what| PropertyError::new(name, what))?;
            if name == "AwsRegions" {
                must_be_regions(&value, partition)
                    .map_err(|what| PropertyError::new(name, what))?;
            }
            settings.insert(member.to_owned(), value);
        }
    }
    Ok(settings)
}

/// Returns the namespaces that the settings choose between. Those of tag filters are not among them:
/// they may be of kinds that Datadog's list does not have.
pub(super) fn namespaces(settings: &Map<String, Value>) -> Vec<&str> {
    let Some(metrics) = settings.get("metrics_config") else {
        return Vec::new();
    };
    let filters = &metrics["namespace_filters"];
    let chosen = CHOICE.iter().filter_map(|it| filters[it].as_array());
    let by_name = metrics["metric_name_filters"].as_array().into_iter();
    let by_name = by_name.flatten().map(|it| &it["namespace"]);
    chosen
        .flatten()
        .chain(by_name)
        .filter_map(Value::as_str)
        .collect()
}

/// Returns whether an update to `given` would change nothing. What it leaves out is not asked.
pub(super) fn covers(own: Option<&Value>, given: &Value) -> bool {
    match (own, given) {
        (Some(Value::Object(own)), Value::Object(given)) if !is_choice(given) => given
            .iter()
            .all(|(name, given)| covers(own.get(name), given)),
        (own, given) => canonical(own.unwrap_or(&Value::Null)) == canonical(given),
    }
}

/// Lays what is given over what is there: objects member by member, choices and lists as wholes.
pub(super) fn lay_over(own: &mut Value, given: &Value) {
    match (own, given) {
        (Value::Object(own), Value::Object(given)) if !is_choice(given) => {
            for (name, given) in given {
                lay_over(own.entry(name).or_insert(Value::Null), given);
            }
        }
        (own, given) => *own = given.clone(),
    }
}

/// Returns whether both say the same, whatever the order of their lists.
pub(super) fn are_alike(one: &Map<String, Value>, other: &Map<String, Value>) -> bool {
    canonical(&one.clone().into()) == canonical(&other.clone().into())
}

fn is_choice(members: &Map<String, Value>) -> bool {
    CHOICE.iter().any(|it| members.contains_key(*it))
}

/// Null is a list without elements (recorded of tags).
fn canonical(value: &Value) -> Value {
    match value {
        Value::Null => Value::Array(Vec::new()),
        Value::Array(elements) => {
            let mut elements: Vec<_> = elements.iter().map(canonical).collect();
            elements.sort_by_cached_key(ToString::to_string);
            elements.dedup();
            Value::Array(elements)
        }
        Value::Object(members) => {
            let members = members.iter();
            let members = members.map(|(name, value)| (name.clone(), canonical(value)));
            Value::Object(members.collect())
        }
        value => value.clone(),
    }
}

/// Returns a setting as the API has it: `CloudFormation` makes texts of booleans, and a text may be JSON.
fn setting(name: &str, value: &Value) -> Result<Value, PropertyError> {
    let wrong = |what| Err(PropertyError::new(name, what));
    let mut value = match value {
        Value::String(text) => match serde_json::from_str(text) {
            Ok(value) => value,
            Err(_) => return wrong("is a text that is not JSON"),
        },
        value => value.clone(),
    };
    restore_booleans(&mut value);
    match (name, &value) {
        ("AccountTags", Value::Array(_)) => Ok(value),
        ("AccountTags", _) => wrong("is no list"),
        (_, Value::Object(_)) => Ok(value),
        _ => wrong("is no object"),
    }
}

/// No member of a setting is a text that reads `true` or `false`; elements of lists are names.
fn restore_booleans(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for value in members.values_mut() {
                match value.as_str() {
                    Some("true") => *value = Value::Bool(true),
                    Some("false") => *value = Value::Bool(false),
                    _ => restore_booleans(value),
                }
            }
        }
        Value::Array(elements) => elements.iter_mut().for_each(restore_booleans),
        _ => {}
    }
}

/// That no object makes two choices, and that a choice is one.
fn must_choose(value: &Value, member: &str) -> Result<(), String> {
    match value {
        Value::Object(members) => {
            let chosen: Vec<_> = CHOICE
                .into_iter()
                .filter(|it| members.contains_key(*it))
                .collect();
            if chosen.len() > 1 {
                let chosen = chosen.join(" and ");
                return Err(format!("has {chosen} in {member}: give one of them"));
            }
            for choice in chosen {
                let is_fine = match &members[choice] {
                    Value::Bool(all) => choice == "include_all" && *all,
                    Value::Array(names) => {
                        choice != "include_all" && names.iter().all(Value::is_string)
                    }
                    _ => false,
                };
                if !is_fine {
                    return Err(format!(
                        "has a {choice} in {member} that is no choice: include_all is true, the others are lists of names"
                    ));
                }
            }
            members
                .iter()
                .try_for_each(|(name, value)| must_choose(value, name))
        }
        Value::Array(elements) => elements
            .iter()
            .try_for_each(|value| must_choose(value, member)),
        _ => Ok(()),
    }
}

/// Returns what certainly is no region of the partition. New ones appear, so that Datadog has the last
/// word.
fn must_be_regions(regions: &Value, partition: &str) -> Result<(), String> {
    let named = regions["include_only"].as_array().into_iter().flatten();
    let wrong = named
        .filter_map(Value::as_str)
        .find(|it| !is_region_of(partition, it));
    wrong.map_or(Ok(()), |it| {
        let it: String = it.chars().take(40).collect();
        Err(format!(
            "names {it:?}, which is no region of the partition {partition}; regions are written like eu-west-1"
        ))
    })
}

fn is_region_of(partition: &str, text: &str) -> bool {
    let parts: Vec<_> = text.split('-').collect();
    let [area, between @ .., number] = parts.as_slice() else {
        return false;
    };
    let is_word = |it: &str| !it.is_empty() && it.bytes().all(|it| it.is_ascii_lowercase());
    let is_number = (1..=2).contains(&number.len()) && number.bytes().all(|it| it.is_ascii_digit());
    let is_written_so =
        is_word(area) && !between.is_empty() && between.iter().all(|it| is_word(it));
    let own = match (*area, between.first()) {
        ("cn", _) => "aws-cn",
        ("us", Some(&"gov")) => "aws-us-gov",
        _ => "aws",
    };
    is_written_so && is_number && own == partition
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn given(name: &str, value: &Value) -> Result<Map<String, Value>, String> {
        let properties = Map::from_iter([(name.to_owned(), value.clone())]);
        read(Properties::new(&properties), "aws").map_err(|error| error.to_string())
    }

    #[test]
    fn a_choice_takes_the_place_of_another() {
        let mut own = json!({
            "aws_regions": { "include_all": true },
            "metrics_config": {
                "enabled": true, "namespace_filters": { "exclude_only": ["AWS/SQS"] },
            },
        });
        let given = json!({
            "aws_regions": { "include_only": ["eu-west-1"] },
            "metrics_config": { "namespace_filters": { "include_only": ["AWS/EC2"] } },
        });
        assert!(!covers(Some(&own), &given));
        lay_over(&mut own, &given);
        assert_eq!(
            own,
            json!({
                "aws_regions": { "include_only": ["eu-west-1"] },
                "metrics_config": {
                    "enabled": true, "namespace_filters": { "include_only": ["AWS/EC2"] },
                },
            })
        );
        assert!(covers(Some(&own), &given));
    }

    #[test]
    fn no_choice_is_not_every_choice() {
        let covers = |own: Value, given: Value| covers(Some(&own), &given);
        assert!(!covers(
            json!({ "include_all": true }),
            json!({ "include_only": [] })
        ));
        assert!(!covers(
            json!({ "exclude_only": [] }),
            json!({ "include_only": [] })
        ));
        // Both at once, as an old merge may have left them.
        let both = json!({ "include_all": true, "include_only": ["a"] });
        assert!(!covers(both, json!({ "include_only": ["a"] })));
    }

    #[test]
    fn lists_are_sets() {
        let covers = |own: Value, given: Value| covers(Some(&own), &given);
        assert!(covers(json!(["a", "b", "c"]), json!(["c", "a", "b", "a"])));
        assert!(!covers(json!(["a", "b"]), json!(["a"])));
        assert!(!covers(json!(["a"]), json!(["a", "b"])));
        assert!(covers(
            json!({ "include_only": ["a", "b"] }),
            json!({ "include_only": ["b", "a"] })
        ));
        assert!(covers(Value::Null, json!([])));
        let filters = |tags: Value| json!({ "namespace": "AWS/EC2", "tags": tags });
        let other = json!({ "namespace": "AWS/SQS", "tags": ["x"] });
        assert!(covers(
            json!([filters(json!(["a", "b"])), other]),
            json!([other, filters(json!(["b", "a"]))]),
        ));
        assert!(covers(
            json!([filters(Value::Null)]),
            json!([filters(json!([]))])
        ));
    }

    #[test]
    fn two_choices_and_no_choice_are_refused() {
        for (name, value, word) in [
            (
                "AwsRegions",
                json!({ "include_all": "true", "include_only": ["us-east-1"] }),
                "include_all and include_only in aws_regions",
            ),
            (
                "MetricsConfig",
                json!({ "namespace_filters": { "include_only": [], "exclude_only": [] } }),
                "include_only and exclude_only in namespace_filters",
            ),
            (
                "MetricsConfig",
                json!({ "metric_name_filters": [{ "namespace": "AWS/EC2", "include_only": [], "exclude_only": [] }] }),
                "in metric_name_filters",
            ),
            (
                "TracesConfig",
                json!({ "xray_services": { "include_all": "false" } }),
                "no choice",
            ),
            (
                "TracesConfig",
                json!({ "xray_services": { "include_only": "AWS/AppSync" } }),
                "no choice",
            ),
            ("AwsRegions", json!({ "include_only": [1] }), "no choice"),
        ] {
            let error = given(name, &value).unwrap_err();
            assert!(error.contains(word) && error.contains(name), "{error}");
        }
    }

    #[test]
    fn regions_are_of_the_partition() {
        for (partition, region, is_fine) in [
            ("aws", "eu-west-1", true),
            ("aws", "ap-southeast-12", true),
            ("aws", "us-gov-west-1", false),
            ("aws", "cn-north-1", false),
            ("aws-us-gov", "us-gov-west-1", true),
            ("aws-cn", "cn-northwest-1", true),
            ("aws-cn", "us-east-1", false),
            ("aws", "eu-west", false),
            ("aws", "EU-WEST-1", false),
            ("aws", "eu-west-1a", false),
            ("aws", "eu-1", false),
            ("aws", "", false),
        ] {
            assert_eq!(
                is_region_of(partition, region),
                is_fine,
                "{partition} {region}"
            );
        }
        let error = given(
            "AwsRegions",
            &json!({ "include_only": ["eu-west-1", "Ireland"] }),
        );
        assert!(error.unwrap_err().contains("\"Ireland\""));
    }

    #[test]
    fn chosen_namespaces_are_told() {
        let settings = given(
            "MetricsConfig",
            &json!({
                "namespace_filters": { "exclude_only": ["AWS/SQS", "AWS/Usage"] },
                "tag_filters": [{ "namespace": "custom", "tags": ["a:b"] }],
                "metric_name_filters": [{ "namespace": "AWS/EC2", "include_only": ["aws.ec2.*"] }],
            }),
        );
        assert_eq!(
            namespaces(&settings.unwrap()),
            ["AWS/SQS", "AWS/Usage", "AWS/EC2"]
        );
    }
}
