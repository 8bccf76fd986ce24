//! Undisturbed rotations of the three types, and what they leave.

use datadog_rotation::Kind;
use sandbox::scene::SceneOptions;
use tests::bench::{Bench, DOCUMENTED_SCOPES};

#[tokio::test(start_paused = true)]
async fn every_type_rotates_again_and_again() {
    for admin_scopes in [&sandbox::scene::ADMIN_SCOPES[..], &DOCUMENTED_SCOPES] {
        let bench = Bench::new(SceneOptions { admin_scopes, ..SceneOptions::default() });
        for round in 0..3 {
            for kind in Kind::ALL {
                bench.gate.forget_calls();
                bench.rotate(kind).await.unwrap_or_else(|error| {
                    panic!("round {round}, {}: {error:?}\n{}", kind.name(), bench.story())
                });
                bench.assert_settled();
                println!("{} {} calls", kind.name(), bench.gate.calls().len());
            }
        }
    }
}
