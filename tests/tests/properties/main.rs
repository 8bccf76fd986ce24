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

mod body;
mod datadog;
mod deletable;
mod event;
mod json;
mod key_name;
mod oracle;
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
