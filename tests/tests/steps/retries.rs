//! What the SDK tries again.

use datadog_rotation::Kind;
use harness::bench::Bench;
use sandbox::gate::{Call, Fate};
use sandbox::scene::SceneOptions;

/// The SDK's own allowance is one for all clients of a process: 49 of them would use it up here.
#[tokio::test(start_paused = true)]
async fn one_client_leaves_another_no_fewer_tries() {
    let is_described = |call: &Call| call.operation == "DescribeSecret";
    for number in 0..100 {
        let bench = Bench::new(SceneOptions::default());
        bench.gate.follow(move |call: &Call| {
            if is_described(call) {
                Fate::FailBefore
            } else {
                Fate::Pass
            }
        });
        let created = bench.create(Kind::ApiKey).await;
        created.expect_err("no answer");
        let calls = bench.gate.calls();
        let tries = calls.iter().filter(|it| is_described(&it.call));
        assert_eq!(tries.count(), 4, "of client {number}");
    }
}
