//! What becomes of tokens: one an invocation, and another one in time.

use std::time::Duration;

use datadog_rotation::Kind;
use http::StatusCode;
use sandbox::datadog::Expires;
use sandbox::gate::{Call, Fate};
use sandbox::rotation::Step;

use super::{EXCHANGE, ROTATED, WHO, by_variables, count, refused};

#[tokio::test(start_paused = true)]
async fn one_token_serves_one_invocation() {
    let bench = by_variables();
    // An API key is tried by itself; an application key is looked up by every step but setSecret.
    for (kind, steps) in [(Kind::ApiKey, 1), (Kind::ApplicationKey, 3)] {
        bench.gate.forget_calls();
        bench.rotate(kind).await.expect("by identity");
        let calls = bench.gate.calls();
        let got = (count(&calls, EXCHANGE), count(&calls, WHO));
        assert_eq!(got, (steps, steps), "{}", bench.story());
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_is_replaced_a_minute_before_it_ends() {
    for expires in [Expires::Text, Expires::Number, Expires::Date] {
        let bench = by_variables();
        bench.gate.with_world(|world| {
            world.datadog.settings.token_life = Duration::from_secs(69);
            world.datadog.settings.token_expires = expires;
        });
        // Five seconds a call: after a list and a look-up, the mint finds the token with less than a
        // minute to live.
        bench
            .gate
            .follow(|call: &Call| match call.operation.as_str() {
                EXCHANGE | WHO => Fate::Pass,
                _ => Fate::Slow(Duration::from_secs(5)),
            });
        let job = bench.begin(Kind::ApplicationKey);
        let created = bench
            .deliver(Kind::ApplicationKey, &job, Step::CreateSecret)
            .await;
        created.expect("by two tokens");
        let calls = bench.gate.calls();
        assert_eq!(count(&calls, EXCHANGE), 2, "{expires:?}\n{}", bench.story());
        assert_eq!(refused(&calls), 0, "{expires:?}\n{}", bench.story());
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_whose_end_is_not_told_is_used_until_it_is_refused() {
    let bench = by_variables();
    bench.gate.with_world(|world| {
        world.datadog.settings.token_life = Duration::from_secs(12);
        world.datadog.settings.token_expires = Expires::Untold;
    });
    bench
        .gate
        .follow(|call: &Call| match call.operation.as_str() {
            EXCHANGE | WHO => Fate::Pass,
            _ => Fate::Slow(Duration::from_secs(5)),
        });
    bench
        .rotate(Kind::ApplicationKey)
        .await
        .expect("by many tokens");
    assert!(refused(&bench.gate.calls()) > 0, "{}", bench.story());
    bench.assert_settled();
}

#[tokio::test(start_paused = true)]
async fn a_token_that_has_ended_is_replaced_once_at_every_call() {
    for ending in [|| Fate::TokensExpired, || Fate::TokensRevoked] {
        for kind in ROTATED {
            let whole = by_variables();
            whole.rotate(kind).await.expect("undisturbed");
            let calls = whole.gate.calls().len();
            for number in 0..calls {
                let bench = by_variables();
                let mut counted = 0;
                bench.gate.follow(move |_: &Call| {
                    counted += 1;
                    if counted == number + 1 {
                        ending()
                    } else {
                        Fate::Pass
                    }
                });
                bench
                    .rotate(kind)
                    .await
                    .unwrap_or_else(|error| panic!("{error}\n{}", bench.story()));
                bench.assert_settled();
                let calls = bench.gate.calls();
                assert!(count(&calls, EXCHANGE) <= 4, "{}", bench.story());
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn tokens_that_never_work_are_not_asked_for_for_ever() {
    let bench = by_variables();
    bench
        .gate
        .follow(|call: &Call| match call.operation.as_str() {
            WHO => Fate::TokensExpired,
            _ => Fate::Pass,
        });
    let result = bench.create(Kind::ApiKey).await;
    bench.assert_refused(
        result,
        "IdentityRefused",
        &["look-up of the current user", "401"],
    );
    assert_eq!(count(&bench.gate.calls(), EXCHANGE), 2, "{}", bench.story());
}

/// Refused is the call and not the token.
#[tokio::test(start_paused = true)]
async fn a_token_that_works_is_not_replaced_after_a_refusal() {
    let bench = by_variables();
    let read = "GET /api/v2/api_keys/{id}";
    bench.gate.follow(move |call: &Call| {
        if call.operation == read {
            Fate::Refuse(StatusCode::FORBIDDEN)
        } else {
            Fate::Pass
        }
    });
    let job = bench.begin(Kind::ApiKey);
    let created = bench.deliver(Kind::ApiKey, &job, Step::CreateSecret).await;
    created.expect("without api_keys_read");
    let calls = bench.gate.calls();
    let got = [EXCHANGE, read].map(|it| count(&calls, it));
    // One refusal proves nothing: the call is asked again.
    assert_eq!(got, [1, 4], "{}", bench.story());
}
