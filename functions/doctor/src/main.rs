//! What is run beside the rotations: by a person, or as a Lambda function on a schedule.

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    datadog_doctor::run().await
}
