//! How a function reaches AWS, by the variables that Lambda sets.
//!
//! The SDK's loader would do as well: it asks the same providers first, and in Lambda they always
//! answer. What it would ask after them (profile files, web identity, containers, instances) costs
//! every start half a millisecond and every function 0.8 MB. Programs that people run load it all.

use aws_config::environment::{
    EnvironmentVariableCredentialsProvider, EnvironmentVariableRegionProvider,
};
use aws_config::meta::region::ProvideRegion;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_credential_types::provider::SharedCredentialsProvider;

use crate::http::Http;
use crate::settings::variable;

/// Region, credentials and end points of the environment.
///
/// `AWS_REGION`, `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`, which Lambda
/// sets; and of the SDK's other variables `AWS_ENDPOINT_URL_SECRETS_MANAGER`, `AWS_ENDPOINT_URL`,
/// `AWS_USE_FIPS_ENDPOINT` and `AWS_USE_DUALSTACK_ENDPOINT`.
pub async fn config(http: &Http) -> SdkConfig {
    let endpoint = variable("AWS_ENDPOINT_URL_SECRETS_MANAGER");
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(EnvironmentVariableRegionProvider::new().region().await)
        .credentials_provider(SharedCredentialsProvider::new(
            EnvironmentVariableCredentialsProvider::new(),
        ))
        .http_client(http.clone());
    config.set_endpoint_url(endpoint.or_else(|| variable("AWS_ENDPOINT_URL")));
    config.set_use_fips(flag("AWS_USE_FIPS_ENDPOINT"));
    config.set_use_dual_stack(flag("AWS_USE_DUALSTACK_ENDPOINT"));
    config.build()
}

fn flag(name: &'static str) -> Option<bool> {
    variable(name).map(|it| it.eq_ignore_ascii_case("true"))
}
