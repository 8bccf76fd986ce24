//! Keys that help an identity: a pair that may stand in, an API key to try others with.

use datadog_rotation::Kind;
use harness::listen::Listening;
use sandbox::datadog::KeptFromTokens;
use sandbox::gate::{Call, CallRecord, Fate};
use sandbox::rotation::Step;
use sandbox::scene::{ADMIN_SCOPES, Admin};
use serde_json::json;

use super::{EXCHANGE, MODES, ROTATED, by_variables, count, keyless, reconfigure, spare};

#[tokio::test(start_paused = true)]
async fn a_pair_stands_in_only_where_the_user_has_allowed_it() {
    for admin in MODES {
        let listening = Listening::begin();
        let mut bench = keyless(admin);
        let account = bench.scene.service_account.clone();
        let spare = spare(&bench, &account);
        bench.gate.with_world(|world| {
            world.datadog.settings.kept_from_tokens = KeptFromTokens::ApplicationKeys;
        });
        let refused = bench
            .rotate(Kind::ApplicationKey)
            .await
            .expect_err("not allowed");
        assert_eq!(refused.error_type, "IdentityForbidden");
        let reads_spare = |calls: Vec<CallRecord>| {
            calls
                .iter()
                .any(|it| it.call.subject.as_deref() == Some(&spare))
        };
        assert!(!reads_spare(bench.gate.calls()), "{}", bench.story());

        match admin {
            Admin::IdentityOfVariables => {
                bench.settings.delegation.fallback_admin_secret_arn = Some(spare.clone());
            }
            _ => reconfigure(&bench, |it| it["fallbackAdminSecretArn"] = json!(spare)),
        }
        for _ in 0..2 {
            bench
                .rotate(Kind::ApplicationKey)
                .await
                .unwrap_or_else(|error| panic!("{error}\n{}", bench.story()));
            bench.assert_settled();
        }
        assert!(reads_spare(bench.gate.calls()));
        let heard = listening.heard();
        let warning = "the fallback admin secret's pair acts instead";
        assert!(heard.contains(warning), "{heard}");
        // It is there for refusals alone: API keys go on without it.
        bench.gate.forget_calls();
        bench.rotate(Kind::ApiKey).await.expect("by identity");
        assert!(!reads_spare(bench.gate.calls()), "{}", bench.story());
    }
}

#[tokio::test(start_paused = true)]
async fn a_stand_in_of_another_account_is_refused_and_an_outage_calls_for_none() {
    let mut bench = by_variables();
    let stranger = bench.gate.with_world(|world| {
        let now = world.now();
        world
            .datadog
            .create_service_account(now, "stranger", &ADMIN_SCOPES)
    });
    bench.settings.delegation.fallback_admin_secret_arn = Some(spare(&bench, &stranger));
    bench
        .gate
        .follow(|call: &Call| match call.operation.as_str() {
            EXCHANGE => Fate::FailBefore,
            _ => Fate::Pass,
        });
    let result = bench.create(Kind::ApiKey).await;
    bench.assert_refused(result, "DatadogUnavailable", &["exchange"]);
    let calls = bench.gate.calls();
    let fallback = bench
        .settings
        .delegation
        .fallback_admin_secret_arn
        .as_deref();
    let is_read = |it: &CallRecord| it.call.subject.as_deref() == fallback;
    assert!(!calls.iter().any(is_read), "{}", bench.story());

    bench.gate.follow(|_: &Call| Fate::Pass);
    bench
        .gate
        .with_world(|world| world.datadog.unmap_identities());
    let result = bench.create(Kind::ApiKey).await;
    bench.assert_refused(result, "ServiceAccountMismatch", &[&stranger]);
}

#[tokio::test(start_paused = true)]
async fn a_pair_stands_in_for_an_identity_that_is_not_mapped_any_more() {
    let mut bench = by_variables();
    let account = bench.scene.service_account.clone();
    bench.settings.delegation.fallback_admin_secret_arn = Some(spare(&bench, &account));
    bench
        .gate
        .with_world(|world| world.datadog.unmap_identities());
    for kind in ROTATED {
        bench.rotate(kind).await.expect("by the pair");
        let job = bench.begin(kind);
        let checked = bench.deliver(kind, &job, Step::TestSecret).await;
        checked.expect("sound, by the pair");
        bench.give_up(&job);
        bench.take_pending_off(kind);
    }
    bench.assert_settled();
}

#[tokio::test(start_paused = true)]
async fn application_keys_are_tried_with_an_api_key_that_is_named() {
    let mut bench = by_variables();
    bench.settings.delegation.api_key_secret_arn = None;
    let result = bench.create(Kind::ApplicationKey).await;
    bench.assert_refused(
        result,
        "NoApiKeySecret",
        &["apiKeySecretArn", "DATADOG_API_KEY_SECRET_ARN"],
    );
    bench
        .create(Kind::ApiKey)
        .await
        .expect("an API key is tried by itself");

    let bench = by_variables();
    let mut value = bench.current(Kind::ApiKey);
    let id = value["apiKeyId"].as_str().expect("an id").to_owned();
    bench.revoke(&id);
    let result = bench.create(Kind::ApplicationKey).await;
    let secret = bench.secret(Kind::ApiKey);
    bench.assert_refused(result, "ApiKeySecretRefused", &[secret]);
    value["apiKey"] = json!("none");
    bench.store(Kind::ApiKey, &value);
    bench.gate.forget_calls();
    let result = bench.create(Kind::ApplicationKey).await;
    bench.assert_refused(result, "ApiKeySecretMalformed", &[secret, "`apiKey`"]);
}

#[tokio::test(start_paused = true)]
async fn an_api_key_that_has_just_been_replaced_is_read_again() {
    let bench = by_variables();
    let job = bench.begin(Kind::ApplicationKey);
    let function = bench.function(Kind::ApplicationKey);
    let (held, release) = sandbox::gate::pause();
    let mut held = Some(held);
    bench.gate.follow(move |call: &Call| {
        let is_proof = call.operation == "GET /api/v2/validate_keys";
        if is_proof {
            held.take().map_or(Fate::Pass, Fate::Pause)
        } else {
            Fate::Pass
        }
    });
    let event = sandbox::rotation::event(&job, Step::CreateSecret);
    let (created, ()) = tokio::join!(function.deliver(&event), async {
        tokio::task::yield_now().await;
        let old = bench.current(Kind::ApiKey)["apiKeyId"].clone();
        bench.store(Kind::ApiKey, &bench.by_hand(Kind::ApiKey));
        bench.revoke(old.as_str().expect("an id"));
        release.pass();
    });
    created.expect("alive").expect("with the new key");
    assert_eq!(
        count(&bench.gate.calls(), "GET /api/v1/validate"),
        1,
        "{}",
        bench.story()
    );
}
