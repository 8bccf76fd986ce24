//! `datadog-doctor`: what it says, what it deletes, and that it does neither more nor less.

#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a panic is how a test says that something is wrong"
)]

mod access_tokens;
mod admin_tokens;
mod check;
mod defects;
mod documents;
mod function;
mod keyless;
mod leaked;
mod leaked_tag;
mod open_world;
mod orphans;
mod pending;
mod probe;
mod process;
mod races;
mod refusals;
mod schedule;
mod shared_keys;
mod sweep;
mod together;
mod trust;
mod unreached;
mod untrusted;
