//! Lambda function that rotates `DatadogServiceAccessToken` secrets.

use datadog_rotation::Kind;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    datadog_rotation::run(Kind::ServiceAccessToken).await
}
