//! Lambda function that rotates `DatadogApplicationKey` secrets.

use datadog_rotation::Kind;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    datadog_rotation::run(Kind::ApplicationKey).await
}
