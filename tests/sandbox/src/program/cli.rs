//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use sandbox::datadog::RateLimit;
use sandbox::scene::{Admin, SceneOptions};

/// Rotates Datadog credentials with the real Lambda functions against local stand-ins for AWS
/// Secrets Manager, Lambda and Datadog, and checks what they promise.
#[derive(Debug, Parser)]
#[command(name = "sandbox", version)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,

    /// Print one JSON document: instead of the story, or of serve's lines for a shell
    #[arg(long, global = true)]
    pub(crate) json: bool,

    /// Draw every key's life into this file as well
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<PathBuf>,

    /// Without admin keys: the functions act as the service account by their own AWS identity
    #[arg(long, global = true)]
    pub(crate) keyless: bool,

    /// Take the function binaries from this directory, such as target/release or .aws-sam/build,
    /// instead of building them
    #[arg(long, value_name = "DIRECTORY", global = true)]
    pub(crate) functions: Option<PathBuf>,
}

impl Arguments {
    pub(crate) fn scene(&self) -> SceneOptions<'static> {
        SceneOptions {
            admin: if self.keyless {
                Admin::Identity
            } else {
                Admin::Pair
            },
            ..SceneOptions::default()
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Keep it all running for the AWS CLI, boto3 and Datadog's own clients.
    ///
    /// Tells where on standard output: a terminal gets lines to paste into another shell, a pipe gets JSON.
    Serve(Serving),
}

#[derive(Debug, Args)]
pub(crate) struct Serving {
    /// Where Secrets Manager listens; 0 takes a free port
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub(crate) secrets_manager_port: u16,

    /// Where Datadog listens; 0 takes a free port
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub(crate) datadog_port: u16,

    /// Where Lambda tells of the functions; 0 takes a free port
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub(crate) lambda_port: u16,

    /// Put this network delay on the way to both services, and as much on the way back
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 0)]
    pub(crate) delay_ms: u64,

    /// Speak TLS, and write the certificate of the CA to trust into this file
    #[arg(long, value_name = "FILE")]
    pub(crate) tls: Option<PathBuf>,

    /// Take the sessions of roles in this file for real, a JSON object a line: those of another
    /// emulator of AWS, whose functions rotate keyless
    #[arg(long, value_name = "FILE")]
    pub(crate) sessions: Option<PathBuf>,

    /// Leave the steps of a rotation to you: `RotateSecret` begins it and invokes nothing
    #[arg(long)]
    pub(crate) by_hand: bool,

    /// Let Datadog answer 429 to more than so many requests in so many seconds, for each family of
    /// endpoints by itself
    #[arg(long, value_name = "REQUESTS/SECONDS", value_parser = rate_limit)]
    pub(crate) rate_limit: Option<RateLimit>,

    /// Show the value of a user's own application key to every reading, as organisations from before
    /// August 2025 do: without this it is shown at the key's creation only
    #[arg(long)]
    pub(crate) read_again: bool,
}

fn rate_limit(text: &str) -> Result<RateLimit, String> {
    let numbers = text
        .split_once('/')
        .and_then(|(requests, period)| Some((requests.parse().ok()?, period.parse().ok()?)));
    match numbers {
        Some((requests, period_seconds @ 1..)) => Ok(RateLimit {
            requests,
            period_seconds,
        }),
        _ => Err("it is two numbers, such as 300/60".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_limit_is_two_numbers() {
        let limit = rate_limit("300/60").unwrap();
        assert_eq!((limit.requests, limit.period_seconds), (300, 60));
        for text in ["", "300", "300/0", "300/", "-1/60", "300/60/1"] {
            assert!(rate_limit(text).is_err(), "{text}");
        }
    }
}
