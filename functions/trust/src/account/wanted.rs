//! What the resource says of a registration.

use datadog_rotation::datadog::trust::AwsAccount;
use serde_json::{Map, Value, json};

use crate::arn::is_name;
use crate::properties::{OnConflict, Properties, PropertyError, is_account};

/// Settings that are passed through, by the names of the resource and of the API.
const SETTINGS: [(&str, &str); 6] = [
    ("AccountTags", "account_tags"),
    ("AwsRegions", "aws_regions"),
    ("LogsConfig", "logs_config"),
    ("MetricsConfig", "metrics_config"),
    ("ResourcesConfig", "resources_config"),
    ("TracesConfig", "traces_config"),
];

const PARTITIONS: [&str; 3] = ["aws", "aws-cn", "aws-us-gov"];

#[derive(Clone, Debug)]
pub struct Wanted {
    pub aws_account: String,
    partition: String,
    role_name: String,
    /// By the API's names; what is not given is left alone.
    settings: Map<String, Value>,
    pub on_conflict: OnConflict,
    pub switch_from_keys: bool,
}

impl Wanted {
    pub fn read(properties: Properties<'_>) -> Result<Self, PropertyError> {
        let own = [
            "AwsAccountId",
            "AwsPartition",
            "RoleName",
            "OnConflict",
            "SwitchFromKeys",
        ];
        let known: Vec<_> = own.into_iter().chain(SETTINGS.map(|it| it.0)).collect();
        properties.must_be_among(&known)?;
        let aws_account = properties.required("AwsAccountId")?.to_owned();
        if !is_account(&aws_account) {
            return Err(PropertyError::new(
                "AwsAccountId",
                "is not of twelve digits",
            ));
        }
        let partition = properties.text("AwsPartition")?.unwrap_or("aws");
        if !PARTITIONS.contains(&partition) {
            let known = PARTITIONS.join(", ");
            return Err(PropertyError::new(
                "AwsPartition",
                format!("is none of {known}"),
            ));
        }
        let role_name = properties.required("RoleName")?;
        if !is_name(role_name) {
            let what = "is no role's name: give it without ARN and path";
            return Err(PropertyError::new("RoleName", what));
        }
        let mut settings = Map::new();
        for (name, member) in SETTINGS {
            if let Some(value) = properties.value(name) {
                settings.insert(member.to_owned(), setting(name, value)?);
            }
        }
        Ok(Self {
            aws_account,
            partition: partition.to_owned(),
            role_name: role_name.to_owned(),
            settings,
            on_conflict: properties.on_conflict()?,
            switch_from_keys: properties.flag("SwitchFromKeys")?,
        })
    }

    /// Of a new registration.
    #[must_use]
    pub fn attributes(&self) -> Map<String, Value> {
        self.attributes_over(Map::new())
    }

    /// Of a new registration that keeps the settings of another.
    pub(super) fn attributes_over(&self, settings: Map<String, Value>) -> Map<String, Value> {
        let mut attributes = Value::from(settings);
        merge(&mut attributes, &Value::from(self.settings.clone()));
        let own = json!({
            "aws_account_id": self.aws_account,
            "aws_partition": self.partition,
            "auth_config": { "role_name": self.role_name },
        });
        merge(&mut attributes, &own);
        match attributes {
            Value::Object(attributes) => attributes,
            _ => Map::new(),
        }
    }

    /// What an update has to say, if anything.
    pub(super) fn change_of(&self, found: &AwsAccount) -> Option<Map<String, Value>> {
        let mut change = self.settings.clone();
        change.retain(|member, value| !covers(found.attributes.get(member), value));
        if found.role_name() != Some(&self.role_name) {
            change.insert("auth_config".into(), json!({ "role_name": self.role_name }));
        }
        if change.is_empty() {
            return None;
        }
        change.insert("aws_account_id".into(), json!(self.aws_account));
        Some(change)
    }

    /// What is said otherwise there.
    pub(super) fn difference_from(&self, found: &AwsAccount) -> Option<String> {
        if found.partition() != self.partition {
            return Some("its partition is another".into());
        }
        if let Some(role) = found.role_name().filter(|it| *it != self.role_name) {
            return Some(format!("RoleName is {role:?}"));
        }
        let mut settings = SETTINGS.iter();
        let differing = settings.find(|(_, member)| {
            let given = self.settings.get(*member);
            given.is_some_and(|it| !covers(found.attributes.get(*member), it))
        });
        differing.map(|(name, _)| format!("{name} is another"))
    }
}

/// A setting as the API has it: `CloudFormation` makes texts of booleans, and a text may be JSON.
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
        ("AccountTags", Value::Array(_)) | (_, Value::Object(_))
            if name != "AccountTags" || value.is_array() =>
        {
            Ok(value)
        }
        ("AccountTags", _) => wrong("is no list"),
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

/// Whether an update to `given` would change nothing: members that it leaves out stay.
fn covers(own: Option<&Value>, given: &Value) -> bool {
    match (own, given) {
        (Some(Value::Object(own)), Value::Object(given)) => given
            .iter()
            .all(|(name, given)| covers(own.get(name), given)),
        (None | Some(Value::Null), Value::Array(given)) => given.is_empty(),
        (Some(own), given) => own == given,
        (None, _) => false,
    }
}

/// As an update merges: objects member by member, all else as a whole.
fn merge(own: &mut Value, given: &Value) {
    match (own, given) {
        (Value::Object(own), Value::Object(given)) => {
            for (name, given) in given {
                merge(own.entry(name).or_insert(Value::Null), given);
            }
        }
        (own, given) => *own = given.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(properties: &Value) -> Result<Wanted, PropertyError> {
        Wanted::read(Properties::new(properties.as_object().unwrap()))
    }

    fn registered(attributes: &Value) -> AwsAccount {
        AwsAccount {
            id: datadog_rotation::keys::TrustId::parse("7c405332-7033-40d2-a046-a27a075a22cd")
                .unwrap(),
            attributes: attributes.as_object().unwrap().clone(),
        }
    }

    #[test]
    fn settings_are_those_of_the_api() {
        let wanted = wanted(&json!({
            "AwsAccountId": "123456789012", "RoleName": "Datadog",
            "MetricsConfig": { "enabled": "false", "tag_filters": [{ "namespace": "AWS/EC2", "tags": ["true"] }] },
            "ResourcesConfig": "{\"extended_collection\":false}",
            "AccountTags": ["a:b"],
        }))
        .unwrap();
        assert_eq!(
            Value::from(wanted.attributes()),
            json!({
                "aws_account_id": "123456789012", "aws_partition": "aws",
                "auth_config": { "role_name": "Datadog" },
                "metrics_config": { "enabled": false, "tag_filters": [{ "namespace": "AWS/EC2", "tags": ["true"] }] },
                "resources_config": { "extended_collection": false },
                "account_tags": ["a:b"],
            })
        );
    }

    #[test]
    fn only_what_differs_is_changed() {
        let wanted = wanted(&json!({
            "AwsAccountId": "123456789012", "RoleName": "Datadog", "AccountTags": [],
            "MetricsConfig": { "enabled": "false" },
        }))
        .unwrap();
        let mut attributes = json!({
            "aws_account_id": "123456789012", "aws_partition": "aws", "account_tags": null,
            "auth_config": { "role_name": "Datadog" },
            "metrics_config": { "enabled": false, "automute_enabled": true },
        });
        assert_eq!(wanted.change_of(&registered(&attributes)), None);
        attributes["metrics_config"]["enabled"] = json!(true);
        attributes["auth_config"]["role_name"] = json!("Other");
        let found = registered(&attributes);
        assert_eq!(
            wanted.change_of(&found).map(Value::from),
            Some(json!({
                "aws_account_id": "123456789012",
                "auth_config": { "role_name": "Datadog" },
                "metrics_config": { "enabled": false },
            }))
        );
        assert_eq!(
            wanted.difference_from(&found),
            Some("RoleName is \"Other\"".into())
        );
    }

    #[test]
    fn wrong_properties_are_refused() {
        for (properties, word) in [
            (json!({ "RoleName": "R" }), "AwsAccountId"),
            (json!({ "AwsAccountId": "1", "RoleName": "R" }), "twelve"),
            (json!({ "AwsAccountId": "123456789012" }), "RoleName"),
            (
                json!({ "AwsAccountId": "123456789012", "RoleName": "arn:aws:iam::123456789012:role/R" }),
                "without ARN",
            ),
            (
                json!({ "AwsAccountId": "123456789012", "RoleName": "R", "AwsPartition": "aws-iso" }),
                "none of",
            ),
            (
                json!({ "AwsAccountId": "123456789012", "RoleName": "R", "AwsRegions": "us-east-1" }),
                "JSON",
            ),
            (
                json!({ "AwsAccountId": "123456789012", "RoleName": "R", "AwsRegions": ["us-east-1"] }),
                "object",
            ),
            (
                json!({ "AwsAccountId": "123456789012", "RoleName": "R", "AccountTags": {} }),
                "list",
            ),
            (
                json!({ "AwsAccountId": "123456789012", "RoleName": "R", "AccessKeyId": "A" }),
                "not known",
            ),
        ] {
            let error = wanted(&properties).unwrap_err().to_string();
            assert!(error.contains(word), "{properties}: {error}");
        }
    }
}
