//! Lambda function behind the custom resources of trust.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    datadog_trust::run().await
}
