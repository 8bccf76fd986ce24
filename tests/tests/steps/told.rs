//! What a step says of itself, where it does little else.

use datadog_rotation::Kind;
use harness::bench::Bench;
use harness::listen::Listening;
use sandbox::rotation::Step;
use sandbox::scene::SceneOptions;

#[tokio::test(start_paused = true)]
async fn setsecret_says_that_there_is_nothing_to_set() {
    for kind in Kind::ALL {
        let bench = Bench::new(SceneOptions::default());
        let job = bench.begin(kind);
        bench.gate.forget_calls();
        let listening = Listening::begin();
        bench.deliver(kind, &job, Step::SetSecret).await.unwrap();
        assert!(listening.heard().contains("nothing to set"), "{kind:?}");
        assert!(bench.gate.calls().is_empty());
    }
}

/// createSecret was told that it had stored the key: its warning is the last place to look.
#[tokio::test(start_paused = true)]
async fn finishsecret_without_a_value_names_the_keys_that_may_be_left() {
    for kind in Kind::ALL {
        let bench = Bench::new(SceneOptions::default());
        let job = bench.begin(kind);
        let listening = Listening::begin();
        let refused = bench.deliver(kind, &job, Step::FinishSecret).await;
        bench.assert_failed(refused, "PendingWithoutValue", &[]);
        let heard = listening.heard();
        for class in kind.classes() {
            let names = bench.names(kind, bench.secret(kind));
            let stem = names.stem(*class);
            let warns = |it: &str| it.contains("WARN") && it.contains(&format!("{stem}*-"));
            assert!(heard.lines().any(warns), "{kind:?}: {heard}");
        }
    }
}
