//! The settings of a registration: defaults, what is refused, and how an update merges.

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::super::reply::{Refusal, Reply};

/// Some of what `CloudWatch` has (documented as examples).
const NAMESPACES: [&str; 16] = [
    "AWS/ApiGateway",
    "AWS/ApplicationELB",
    "AWS/AutoScaling",
    "AWS/Backup",
    "AWS/CloudFront",
    "AWS/DynamoDB",
    "AWS/EBS",
    "AWS/EC2",
    "AWS/ECS",
    "AWS/ElasticMapReduce",
    "AWS/Lambda",
    "AWS/Logs",
    "AWS/RDS",
    "AWS/S3",
    "AWS/SQS",
    "AWS/Usage",
];

/// Those of the recordings, and the oldest.
const REGIONS: [&str; 35] = [
    "af-south-1",
    "ap-east-1",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-south-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ca-central-1",
    "ca-west-1",
    "cn-north-1",
    "cn-northwest-1",
    "eu-central-1",
    "eu-central-2",
    "eu-north-1",
    "eu-south-1",
    "eu-south-2",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "il-central-1",
    "me-central-1",
    "me-south-1",
    "mx-central-1",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-gov-east-1",
    "us-gov-west-1",
    "us-west-1",
    "us-west-2",
];

const CHOICE: [&str; 3] = ["include_all", "include_only", "exclude_only"];

/// What `GET /available_namespaces` answers (documented).
pub(in crate::datadog) fn list_namespaces() -> Reply {
    let attributes = json!({ "namespaces": NAMESPACES });
    let data = json!({ "id": "namespaces", "type": "namespaces", "attributes": attributes });
    Reply::api(StatusCode::OK, &json!({ "data": data }))
}

/// As recorded in September 2026.
pub(super) fn defaults() -> Value {
    json!({
        "account_tags": [],
        "auth_config": null,
        "aws_account_id": null,
        "aws_partition": null,
        "aws_regions": { "include_all": true },
        "created_at": null,
        "logs_config": { "lambda_forwarder": {
            "lambdas": [], "sources": [], "log_source_config": { "tag_filters": [] } } },
        "metrics_config": {
            "enabled": true, "automute_enabled": true, "collect_custom_metrics": false,
            "collect_cloudwatch_alarms": false, "tag_filters": [],
            "namespace_filters": { "exclude_only": ["AWS/SQS", "AWS/ElasticMapReduce", "AWS/Usage"] },
            "metric_name_filters": [],
        },
        "modified_at": null,
        "resources_config": {
            "cloud_security_posture_management_collection": false, "extended_collection": true },
        "traces_config": { "xray_services": { "include_only": [] } },
    })
}

/// Objects member by member, but a choice between members as a whole: `include_only` takes the
/// place of `include_all`.
pub(super) fn merge(own: &mut Value, new: &Value) {
    match (own, new) {
        (Value::Object(own), Value::Object(new)) => {
            if CHOICE.iter().any(|it| new.contains_key(*it)) {
                own.clear();
            }
            for (name, value) in new {
                merge(own.entry(name).or_insert(Value::Null), value);
            }
        }
        (own, new) => *own = new.clone(),
    }
}

/// The newer members go if an update leaves them out: `metric_name_filters` is reported, and of
/// `log_source_config` nobody knows (synthetic).
pub(super) fn drop_left_out(attributes: &mut Value, update: &Map<String, Value>) {
    let update = Value::from(update.clone());
    for (member, none) in [
        ("/metrics_config/metric_name_filters", json!([])),
        (
            "/logs_config/lambda_forwarder/log_source_config",
            json!({ "tag_filters": [] }),
        ),
    ] {
        if update.pointer(member).is_none()
            && let Some(own) = attributes.pointer_mut(member)
        {
            *own = none;
        }
    }
}

/// The texts are synthetic, in the recorded shape.
pub(super) fn must_be_valid(settings: &Map<String, Value>) -> Result<(), Refusal> {
    for (name, setting) in settings {
        must_choose(name, name, setting)?;
    }
    let settings = Value::from(settings.clone());
    let metrics = &settings["metrics_config"];
    let filters = &metrics["namespace_filters"];
    let chosen = CHOICE.iter().flat_map(|it| texts(&filters[it]));
    let by_name = metrics["metric_name_filters"]
        .as_array()
        .into_iter()
        .flatten();
    let by_name = by_name.filter_map(|it| it["namespace"].as_str());
    for namespace in chosen.chain(by_name) {
        if !NAMESPACES.contains(&namespace) {
            let what = format!("invalid namespace: {namespace}");
            return Err(Refusal::invalid_value("metrics_config", &what));
        }
    }
    for region in texts(&settings["aws_regions"]["include_only"]) {
        if !REGIONS.contains(&region) {
            let what = format!("invalid region: {region}");
            return Err(Refusal::invalid_value("aws_regions", &what));
        }
    }
    Ok(())
}

fn must_choose(setting: &str, place: &str, value: &Value) -> Result<(), Refusal> {
    if let Value::Object(members) = value {
        if CHOICE
            .iter()
            .filter(|it| members.contains_key(**it))
            .count()
            > 1
        {
            let what = format!("invalid choice: {place}");
            return Err(Refusal::invalid_value(setting, &what));
        }
        for (name, value) in members {
            must_choose(setting, name, value)?;
        }
    }
    Ok(())
}

fn texts(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
}
