//! The namespaces of `CloudWatch` that settings of an AWS account may name.

use http::Method;
use serde::Deserialize;

use super::{Document, OK};
use crate::datadog::call::{Effect, Endpoint};
use crate::datadog::limits::Family;
use crate::datadog::resource::{Defect, parse};
use crate::datadog::{Authority, Call, Datadog, DatadogError};
use crate::deadline::Deadline;

/// <https://docs.datadoghq.com/api/latest/aws-integration/#list-available-namespaces>
static LIST: Endpoint = Endpoint {
    method: Method::GET,
    success: OK,
    permissions: &["aws_configuration_read"],
    effect: Effect::Repeatable,
    family: Family::TRUST,
};

#[derive(Deserialize)]
struct Namespaces {
    attributes: Attributes,
}

#[derive(Deserialize)]
struct Attributes {
    namespaces: Vec<String>,
}

impl Datadog {
    pub async fn namespaces(
        &self,
        authority: &Authority,
        deadline: &Deadline,
    ) -> Result<Vec<String>, DatadogError> {
        let path = "/api/v2/integration/aws/available_namespaces";
        let call = Call::new(&LIST, path.into(), "list of CloudWatch namespaces".into());
        self.ask(authority, call, deadline, read).await
    }
}

fn read(body: &[u8]) -> Result<Vec<String>, Defect> {
    let document = parse::<Document<Namespaces>>(body)?;
    Ok(document.data.attributes.namespaces)
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn namespaces_are_read() {
        let body = br#"{"data":{"id":"namespaces","type":"namespaces","attributes":{"namespaces":["AWS/EC2"]}}}"#;
        assert_eq!(read(body), Ok(vec!["AWS/EC2".to_owned()]));
    }
}
