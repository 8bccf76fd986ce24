//! Replicas in other accounts, which `DescribeSecret` tells and the SDK does not read.

use std::sync::{Arc, Mutex, PoisonError};

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::AfterDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use serde::Deserialize;
use serde_json::Value;

use super::{Replica, ReplicaStatus, SecretArn};

/// Reads the member `CrossAccountReplicas` of an answer, until the SDK does. Its shape is botocore's
/// 1.44.8:
/// <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_DescribeSecret.html>.
#[derive(Clone, Debug, Default)]
pub(super) struct AcrossAccounts(Arc<Mutex<Vec<Replica>>>);

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    cross_account_replicas: Option<Value>,
}

impl AcrossAccounts {
    /// Returns the replicas of the last answer.
    pub(super) fn replicas(&self) -> Vec<Replica> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Intercept for AcrossAccounts {
    fn name(&self) -> &'static str {
        "AcrossAccounts"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let body = context.response().body().bytes().unwrap_or_default();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = read(body);
        Ok(())
    }
}

fn read(body: &[u8]) -> Vec<Replica> {
    let told = serde_json::from_slice(body).ok();
    let told = told.and_then(|it: Answer| it.cross_account_replicas);
    match told {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(told)) => told.iter().map(replica).collect(),
        // There are some, and nobody knows how far they are.
        Some(_) => vec![replica(&Value::Null)],
    }
}

fn replica(told: &Value) -> Replica {
    let text = |member: &str| told.get(member).and_then(Value::as_str);
    let arn = text("ReplicaSecretARN").and_then(SecretArn::parse);
    let account = arn.as_ref().and_then(SecretArn::account);
    let place = account.map(|it| format!("account {it}"));
    Replica {
        place: place.unwrap_or_else(|| "an unnamed account".to_owned()),
        is_across_accounts: true,
        status: ReplicaStatus::of(text("ReplicationStatus")),
        message: Replica::message_of(text("StatusMessage")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(member: &str) -> Vec<(String, ReplicaStatus)> {
        let body = format!(r#"{{"Name": "dd"{member}}}"#);
        let replicas = read(body.as_bytes()).into_iter();
        replicas.map(|it| (it.place, it.status)).collect()
    }

    #[test]
    fn replicas_of_other_accounts_are_told_by_account_and_status() {
        let arn = "arn:aws:secretsmanager:us-east-1:210987654321:secret:dd-AbCdEf";
        for (word, status) in [
            ("InSync", ReplicaStatus::InSync),
            ("InProgress", ReplicaStatus::InProgress),
            ("Pending", ReplicaStatus::InProgress),
            ("Failed", ReplicaStatus::Failed),
            ("Detached", ReplicaStatus::Failed),
            ("ofTomorrow", ReplicaStatus::InProgress),
        ] {
            let member = format!(
                r#", "CrossAccountReplicas": [{{"ReplicaSecretARN": "{arn}", "ReplicationStatus": "{word}"}}]"#
            );
            assert_eq!(told(&member), [("account 210987654321".to_owned(), status)]);
        }
    }

    #[test]
    fn what_is_of_another_shape_is_not_in_sync() {
        assert_eq!(told(""), []);
        assert_eq!(told(r#", "CrossAccountReplicas": null"#), []);
        for member in ["[7]", "{}", "true"] {
            let replicas = told(&format!(r#", "CrossAccountReplicas": {member}"#));
            let unknown = ("an unnamed account".to_owned(), ReplicaStatus::InProgress);
            assert_eq!(replicas, [unknown]);
        }
    }
}
