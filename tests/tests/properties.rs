//! What holds for every input: of values, of events, of Datadog's answers, and of the two pure
//! decisions, which keys may be deleted and which names are ours.
//!
//! The fuzz targets in `tests/fuzz/` ask what `properties/oracle/` asks, of inputs that they find
//! by themselves.

#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a panic is how a test says that something is wrong"
)]

#[path = "properties/body.rs"]
mod body;
#[path = "properties/datadog.rs"]
mod datadog;
#[path = "properties/deletable.rs"]
mod deletable;
#[path = "properties/event.rs"]
mod event;
#[path = "properties/json.rs"]
mod json;
#[path = "properties/key_name.rs"]
mod key_name;
#[path = "properties/oracle.rs"]
mod oracle;
#[path = "properties/value.rs"]
mod value;

use proptest::prelude::ProptestConfig;
use proptest::test_runner::RngSeed;

/// The same inputs in every run, so that a failure is of the change at hand, and no file of
/// failures: an input that fails becomes a test of its own. `PROPTEST_RNG_SEED` and
/// `PROPTEST_CASES` draw others and more.
fn config() -> ProptestConfig {
    let default = ProptestConfig::default();
    ProptestConfig {
        failure_persistence: None,
        rng_seed: match default.rng_seed {
            RngSeed::Random => RngSeed::Fixed(1),
            told @ RngSeed::Fixed(_) => told,
        },
        ..default
    }
}
