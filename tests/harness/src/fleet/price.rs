//! What it costs in dollars, in us-east-1.

use super::Outcome;

/// Gigabytes that the template gives a function.
const MEMORY: f64 = 0.125;

/// Lambda on arm64: a gigabyte for a second, and an invocation.
const GIGABYTE_SECOND: f64 = 0.000_013_333_4;
const INVOCATION: f64 = 0.20 / 1e6;

/// Secrets Manager: a call, and a secret for a year.
const CALL: f64 = 0.05 / 1e4;
const SECRET: f64 = 0.40 * 12.0;

/// Dollars a year.
#[derive(Clone, Copy, Debug)]
pub struct Price {
    pub lambda: f64,
    /// Of the calls that rotations make.
    pub calls: f64,
    /// What Secrets Manager asks for the secrets, rotated or not.
    pub secrets: f64,
}

impl Price {
    /// Of a rotation of so many secrets, every so many days.
    #[must_use]
    pub fn of(outcome: &Outcome, secrets: usize, days: u32) -> Self {
        let rotations = 365.0 / f64::from(days);
        let (invocations, calls) = (count(outcome.invocations.begun), outcome.managed);
        let seconds = outcome.invocations.billed.as_secs_f64();
        Self {
            lambda: rotations * (seconds * MEMORY * GIGABYTE_SECOND + invocations * INVOCATION),
            calls: rotations * count(calls) * CALL,
            secrets: count(secrets) * SECRET,
        }
    }
}

fn count(it: usize) -> f64 {
    f64::from(u32::try_from(it).expect("fewer than 4 billion"))
}
