//! `datadog-doctor probe`: what it finds out, and that nothing of it stays.

#[path = "probe/answers.rs"]
mod answers;
#[path = "probe/document.rs"]
mod document;
#[path = "probe/leftovers.rs"]
mod leftovers;
#[path = "probe/process.rs"]
mod process;
#[path = "probe/refusals.rs"]
mod refusals;
#[path = "probe/stopped.rs"]
mod stopped;
#[path = "probe/sweep.rs"]
mod sweep;
