//! `datadog-doctor`: what it says, what it deletes, and that it does neither more nor less.

#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a panic is how a test says that something is wrong"
)]

#[path = "doctor/check.rs"]
mod check;
#[path = "doctor/defects.rs"]
mod defects;
#[path = "doctor/documents.rs"]
mod documents;
#[path = "doctor/keyless.rs"]
mod keyless;
#[path = "doctor/open_world.rs"]
mod open_world;
#[path = "doctor/probe.rs"]
mod probe;
#[path = "doctor/process.rs"]
mod process;
#[path = "doctor/races.rs"]
mod races;
#[path = "doctor/schedule.rs"]
mod schedule;
#[path = "doctor/strays.rs"]
mod strays;
#[path = "doctor/sweep.rs"]
mod sweep;
#[path = "doctor/together.rs"]
mod together;
