//! What the resource says of a registration.

use datadog_rotation::datadog::trust::AwsAccount;
use serde_json::{Map, Value, json};

use super::settings::{self, SETTINGS, covers, lay_over};
use crate::arn::is_name;
use crate::properties::{OnConflict, Properties, PropertyError, is_account};

const PARTITIONS: [&str; 3] = ["aws", "aws-cn", "aws-us-gov"];

#[derive(Clone, Debug)]
pub struct Wanted {
    pub aws_account: String,
    partition: String,
    role_name: String,
    /// One that Datadog has issued before; without it Datadog makes one.
    pub(super) external_id: Option<String>,
    /// By the API's names; what is not given is left alone.
    pub(super) settings: Map<String, Value>,
    pub on_conflict: OnConflict,
    pub switch_from_keys: bool,
}

impl Wanted {
    pub fn read(properties: Properties<'_>) -> Result<Self, PropertyError> {
        let own = [
            "AwsAccountId",
            "AwsPartition",
            "RoleName",
            "ExternalId",
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
        Ok(Self {
            aws_account,
            partition: partition.to_owned(),
            role_name: role_name.to_owned(),
            external_id: external_id(properties)?,
            settings: settings::read(properties, partition)?,
            on_conflict: properties.on_conflict()?,
            switch_from_keys: properties.flag("SwitchFromKeys")?,
        })
    }

    pub(super) fn role_name(&self) -> &str {
        &self.role_name
    }

    /// Returns the attributes of a new registration.
    #[must_use]
    pub fn attributes(&self) -> Map<String, Value> {
        let mut attributes = self.over(&Map::new());
        if let (Some(id), Some(way)) = (&self.external_id, attributes.get_mut("auth_config")) {
            way["external_id"] = json!(id);
        }
        attributes
    }

    /// Returns the registered settings with those of the resource laid over them, and the role.
    pub(super) fn over(&self, registered: &Map<String, Value>) -> Map<String, Value> {
        let mut attributes = Value::from(registered.clone());
        lay_over(&mut attributes, &Value::from(self.settings.clone()));
        match attributes {
            Value::Object(attributes) => self.by_role(attributes),
            _ => Map::new(),
        }
    }

    /// Returns these settings with the role that Datadog is to assume.
    pub(super) fn by_role(&self, mut settings: Map<String, Value>) -> Map<String, Value> {
        settings.insert("aws_account_id".into(), json!(self.aws_account));
        settings.insert("aws_partition".into(), json!(self.partition));
        settings.insert("auth_config".into(), json!({ "role_name": self.role_name }));
        settings
    }

    /// Returns the name of what is said otherwise there, if anything.
    pub(super) fn difference_from(&self, found: &AwsAccount) -> Option<String> {
        if found.partition() != self.partition {
            return Some("AwsPartition is another".into());
        }
        if let Some(role) = found.role_name().filter(|it| *it != self.role_name) {
            return Some(format!("RoleName is {role:?}"));
        }
        let differs = |id: &String| found.role_name().is_some() && found.external_id() != Some(id);
        if self.external_id.as_ref().is_some_and(differs) {
            return Some("ExternalId is another".into());
        }
        self.differing_setting(&found.attributes)
            .map(|name| format!("{name} is another"))
    }

    /// Returns the property of the first setting that is another one there.
    pub(super) fn differing_setting(&self, found: &Map<String, Value>) -> Option<&'static str> {
        let differing = SETTINGS.iter().find(|(_, member)| {
            let given = self.settings.get(*member);
            given.is_some_and(|it| !covers(found.get(*member), it))
        });
        differing.map(|(name, _)| *name)
    }
}

fn external_id(properties: Properties<'_>) -> Result<Option<String>, PropertyError> {
    let name = "ExternalId";
    let Some(id) = properties.text(name)? else {
        return Ok(None);
    };
    let is_fine = (2..=1224).contains(&id.len()) && id.bytes().all(|it| it.is_ascii_alphanumeric());
    if !is_fine {
        let what = "is no external ID of Datadog's: take it from Custom::DatadogExternalId";
        return Err(PropertyError::new(name, what));
    }
    Ok(Some(id.to_owned()))
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
            "AwsAccountId": "123456789012", "RoleName": "Datadog", "ExternalId": "acb8f6b8a844443d",
            "MetricsConfig": { "enabled": "false", "tag_filters": [{ "namespace": "AWS/EC2", "tags": ["true"] }] },
            "ResourcesConfig": "{\"extended_collection\":false}",
            "AccountTags": ["a:b"],
        }))
        .unwrap();
        assert_eq!(
            Value::from(wanted.attributes()),
            json!({
                "aws_account_id": "123456789012", "aws_partition": "aws",
                "auth_config": { "role_name": "Datadog", "external_id": "acb8f6b8a844443d" },
                "metrics_config": { "enabled": false, "tag_filters": [{ "namespace": "AWS/EC2", "tags": ["true"] }] },
                "resources_config": { "extended_collection": false },
                "account_tags": ["a:b"],
            })
        );
    }

    #[test]
    fn what_is_registered_is_kept_where_nothing_else_is_said() {
        let wanted = wanted(&json!({
            "AwsAccountId": "123456789012", "RoleName": "Datadog", "AccountTags": [],
            "MetricsConfig": { "enabled": "false" },
        }))
        .unwrap();
        let mut attributes = json!({
            "aws_account_id": "123456789012", "aws_partition": "aws", "account_tags": null,
            "auth_config": { "role_name": "Datadog" },
            "metrics_config": { "enabled": false, "metric_name_filters": [{ "namespace": "AWS/EC2" }] },
        });
        assert_eq!(wanted.difference_from(&registered(&attributes)), None);
        attributes["metrics_config"]["enabled"] = json!(true);
        let found = registered(&attributes);
        assert_eq!(
            wanted.difference_from(&found),
            Some("MetricsConfig is another".into())
        );
        attributes["metrics_config"]["enabled"] = json!(false);
        attributes["account_tags"] = json!([]);
        assert_eq!(Value::from(wanted.over(&found.settings())), attributes,);
        attributes["auth_config"]["role_name"] = json!("Other");
        assert_eq!(
            wanted.difference_from(&registered(&attributes)),
            Some("RoleName is \"Other\"".into())
        );
        attributes["aws_partition"] = json!("aws-us-gov");
        assert_eq!(
            wanted.difference_from(&registered(&attributes)),
            Some("AwsPartition is another".into())
        );
    }

    #[test]
    fn an_external_id_is_compared_where_there_is_a_role() {
        let wanted = wanted(&json!({
            "AwsAccountId": "123456789012", "RoleName": "Datadog", "ExternalId": "acb8f6b8a844443d",
        }))
        .unwrap();
        let mut attributes = json!({
            "aws_account_id": "123456789012", "aws_partition": "aws",
            "auth_config": { "role_name": "Datadog", "external_id": "acb8f6b8a844443d" },
        });
        assert_eq!(wanted.difference_from(&registered(&attributes)), None);
        attributes["auth_config"]["external_id"] = json!("another");
        let difference = wanted.difference_from(&registered(&attributes));
        assert_eq!(difference, Some("ExternalId is another".into()));
        attributes["auth_config"] = json!({ "access_key_id": "A" });
        assert_eq!(wanted.difference_from(&registered(&attributes)), None);
    }

    #[test]
    fn wrong_properties_are_refused() {
        let with = |name: &str, value: Value| {
            let mut properties = json!({ "AwsAccountId": "123456789012", "RoleName": "R" });
            properties[name] = value;
            properties
        };
        for (properties, word) in [
            (json!({ "RoleName": "R" }), "AwsAccountId"),
            (with("AwsAccountId", json!("1")), "twelve"),
            (json!({ "AwsAccountId": "123456789012" }), "RoleName"),
            (
                with("RoleName", json!("arn:aws:iam::123456789012:role/R")),
                "without ARN",
            ),
            (with("AwsPartition", json!("aws-iso")), "none of"),
            (
                with("ExternalId", json!("mine, not Datadog's")),
                "DatadogExternalId",
            ),
            (with("AwsRegions", json!("us-east-1")), "JSON"),
            (with("AwsRegions", json!(["us-east-1"])), "object"),
            (with("AccountTags", json!({})), "list"),
            (with("AccessKeyId", json!("A")), "not known"),
        ] {
            let error = wanted(&properties).unwrap_err().to_string();
            assert!(error.contains(word), "{properties}: {error}");
        }
    }
}
