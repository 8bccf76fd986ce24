//! The sandbox as a program: `cargo run -p sandbox` rotates before your eyes,
//! `cargo run -p sandbox -- serve` stays up for other clients.

mod program;

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    program::run().await
}
