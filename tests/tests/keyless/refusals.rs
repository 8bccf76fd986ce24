//! Where Datadog or the configuration does not accept the identity.

use std::time::Duration;

use datadog_rotation::Kind;
use datadog_rotation::settings::DelegationSettings;
use harness::function::Function;
use harness::listen::Listening;
use http::StatusCode;
use sandbox::datadog::KeptFromTokens;
use sandbox::gate::{Call, Fate};
use sandbox::rotation::Step;
use sandbox::scene::{ADMIN_SCOPES, trust_the_functions};
use serde_json::json;

use super::{EXCHANGE, MODES, ROTATED, WHO, by_variables, count, keyless, spare};

#[tokio::test(start_paused = true)]
async fn an_identity_that_is_not_mapped_is_refused() {
    for status in [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN] {
        for kind in ROTATED {
            let bench = by_variables();
            bench.gate.with_world(|world| {
                world.datadog.unmap_identities();
                world.datadog.settings.unmapped_identity = status;
            });
            let listening = Listening::begin();
            let result = bench.create(kind).await;
            let words = [
                "exchange",
                status.as_str(),
                "identity mapping",
                "Nothing was changed.",
            ];
            let account = bench.scene.service_account.clone();
            bench.assert_refused(
                result,
                "IdentityRefused",
                &[&words[..], &[&account]].concat(),
            );
            // Datadog's own text names the caller; no answer is ever repeated.
            assert!(!listening.heard().contains("Authenticated as"));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn another_organisation_or_site_is_refused() {
    let elsewhere = "11111111-2222-4333-8444-555555555555";
    let mut bench = by_variables();
    bench.settings.delegation.organisation = Some(elsewhere.to_owned());
    let result = bench.create(Kind::ApiKey).await;
    bench.assert_refused(result, "IdentityRefused", &[elsewhere]);

    for (change, error_type, words) in [
        (
            (|it| it.site = None) as fn(&mut DelegationSettings),
            "IdentityMalformed",
            "`DATADOG_SITE`",
        ),
        (
            |it| it.site = Some("evil.example".to_owned()),
            "UnknownSite",
            "`DATADOG_SITE` that is none of Datadog's sites",
        ),
        (
            |it| it.organisation = Some("mine".to_owned()),
            "IdentityMalformed",
            "`DATADOG_ORG_UUID`",
        ),
        (
            |it| it.service_account = None,
            "IdentityMalformed",
            "`DATADOG_SERVICE_ACCOUNT_ID`",
        ),
        (
            |it| it.api_key_secret_arn = Some("name".to_owned()),
            "IdentityMalformed",
            "`DATADOG_API_KEY_SECRET_ARN`",
        ),
    ] {
        let mut bench = by_variables();
        change(&mut bench.settings.delegation);
        let result = bench.create(Kind::ApiKey).await;
        bench.assert_refused(result, error_type, &[words]);
        assert_eq!(count(&bench.gate.calls(), EXCHANGE), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn regions_of_other_partitions_are_refused() {
    let bench = by_variables();
    let (kind, settings) = (Kind::ApiKey, bench.settings.clone());
    let elsewhere = Function::in_region("us-gov-west-1", kind, "gov", &bench.gate, settings);
    let event = sandbox::rotation::event(&bench.begin(kind), Step::CreateSecret);
    let result = elsewhere.deliver(&event).await.expect("alive");
    bench.assert_refused(
        result,
        "IdentityUnavailable",
        &["us-gov-west-1", "with keys"],
    );
    assert_eq!(count(&bench.gate.calls(), EXCHANGE), 0);
}

#[tokio::test(start_paused = true)]
async fn a_token_of_somebody_else_is_not_used() {
    for kind in ROTATED {
        let bench = by_variables();
        let administrator = bench.gate.with_world(|world| {
            let now = world.now();
            let administrator = world.datadog.create_administrator(now, "boss");
            world.datadog.unmap_identities();
            trust_the_functions(world, &administrator);
            administrator
        });
        let result = bench.create(kind).await;
        let account = bench.scene.service_account.clone();
        bench.assert_refused(result, "IdentityMismatch", &[&administrator, &account]);
        // What the key in AWSCURRENT says of itself is asked meanwhile, and without a token.
        let is_by_token = |it: &str| {
            let needs_none = [EXCHANGE, WHO].contains(&it) || it.contains("/validate");
            it.contains("/api/") && !needs_none
        };
        let calls = bench.gate.calls();
        assert!(
            !calls.iter().any(|it| is_by_token(&it.call.operation)),
            "{}",
            bench.story()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_of_another_service_account_is_refused() {
    for admin in MODES {
        let bench = keyless(admin);
        let other = "99999999-9999-4999-8999-999999999999";
        let mut value = bench.current(Kind::ApplicationKey);
        value["serviceAccountId"] = json!(other);
        bench.store(Kind::ApplicationKey, &value);
        bench.gate.forget_calls();
        let result = bench.create(Kind::ApplicationKey).await;
        let text = format!(
            "Admin key's serviceAccountId ({}) must match the Application key's serviceAccountId \
             ({other}).",
            bench.scene.service_account
        );
        bench.assert_refused(result, "ServiceAccountMismatch", &[&text]);
    }
}

#[tokio::test(start_paused = true)]
async fn missing_permissions_are_the_service_accounts() {
    let bench = by_variables();
    let account = bench.scene.service_account.clone();
    let without = |lacking: &str| -> Vec<&str> {
        let scopes = ADMIN_SCOPES.into_iter();
        scopes.filter(|it| *it != lacking).collect()
    };
    let grant = |permissions: &[&str]| {
        bench
            .gate
            .with_world(|world| world.datadog.set_permissions(&account, permissions));
    };
    for (kind, lacking) in [
        (Kind::ApiKey, "api_keys_write"),
        (Kind::ApplicationKey, "service_account_write"),
    ] {
        grant(&without(lacking));
        let words = [account.as_str(), "lacks the permissions", lacking];
        let result = bench.create(kind).await;
        bench.assert_refused(result, "MissingScope", &words);
        bench.take_pending_off(kind);
        bench.gate.forget_calls();
        let job = bench.begin(kind);
        let result = bench.deliver(kind, &job, Step::TestSecret).await;
        bench.assert_refused(result, "MissingScope", &words);
        grant(&ADMIN_SCOPES);
        bench.gate.forget_calls();
        let checked = bench.deliver(kind, &job, Step::TestSecret).await;
        checked.expect("sound");
        assert!(bench.changes().is_empty());
        bench.give_up(&job);
        bench.take_pending_off(kind);
        bench.gate.forget_calls();
    }
    grant(&[]);
    let job = bench.begin(Kind::ApiKey);
    let result = bench.deliver(Kind::ApiKey, &job, Step::TestSecret).await;
    bench.assert_refused(result, "MissingScope", &["api_keys_write, api_keys_delete"]);
}

#[tokio::test(start_paused = true)]
async fn what_datadog_keeps_from_tokens_is_told_precisely() {
    for (kind, kept, words) in [
        (
            Kind::ApplicationKey,
            KeptFromTokens::ApplicationKeys,
            ["creation of application key", "service_account_write"],
        ),
        (
            Kind::ApiKey,
            KeptFromTokens::AllKeys,
            ["creation of API key", "api_keys_write"],
        ),
    ] {
        let bench = by_variables();
        bench
            .gate
            .with_world(|world| world.datadog.settings.kept_from_tokens = kept);
        let result = bench.create(kind).await;
        let words = [
            &words[..],
            &["does not let a delegated token", "fallbackAdminSecretArn"],
        ]
        .concat();
        bench.assert_refused(result, "IdentityForbidden", &words);
    }
}

#[tokio::test(start_paused = true)]
async fn trust_that_is_withdrawn_midway_leaves_a_state_that_the_next_rotation_resumes() {
    for kind in ROTATED {
        for after in Step::ALL {
            let bench = by_variables();
            let account = bench.scene.service_account.clone();
            let job = bench.begin(kind);
            let done = Step::ALL.iter().take_while(|it| **it != after);
            for step in done {
                bench.deliver(kind, &job, *step).await.expect("trusted");
            }
            bench
                .gate
                .with_world(|world| world.datadog.unmap_identities());
            let result = bench.deliver(kind, &job, after).await;
            // An API key is tried by itself, and the first rotation has none to retire.
            if after == Step::CreateSecret {
                bench.assert_failed(result, "IdentityRefused", &["Nothing was changed."]);
            } else if after == Step::SetSecret || kind == Kind::ApiKey {
                result.expect("nothing to be trusted with");
            } else {
                let words = ["stored as AWSPENDING", "Then rotate again."];
                bench.assert_failed(result, "IdentityRefused", &words);
            }
            bench.give_up(&job);
            bench
                .gate
                .with_world(|world| trust_the_functions(world, &account));
            bench.wait(Duration::from_mins(16)).await;
            bench.rotate(kind).await.expect("trusted again");
            bench.assert_settled();
        }
    }
}

/// The fallback is for an identity that Datadog refuses, not for a Datadog that is away.
#[tokio::test(start_paused = true)]
async fn a_datadog_that_fails_is_no_reason_for_the_fallback() {
    for step in [Step::CreateSecret, Step::TestSecret] {
        let mut bench = by_variables();
        let account = bench.scene.service_account.clone();
        bench.settings.delegation.fallback_admin_secret_arn = Some(spare(&bench, &account));
        bench.gate.forget_calls();
        bench
            .gate
            .follow(|call: &Call| match call.operation.as_str() {
                EXCHANGE => Fate::FailBefore,
                _ => Fate::Pass,
            });
        let job = bench.begin(Kind::ApiKey);
        let result = bench.deliver(Kind::ApiKey, &job, step).await;
        bench.assert_refused(result, "DatadogUnavailable", &["Rotate again."]);
    }
}
