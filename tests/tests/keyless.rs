//! Rotations by the function's own identity, and what happens where Datadog does not accept it.

#![expect(
    clippy::expect_used,
    reason = "a panic is how a test says that something is wrong"
)]

use std::time::Duration;

use datadog_rotation::Kind;
use http::StatusCode;
use sandbox::datadog::{Expires, KeptFromTokens};
use sandbox::gate::{Call, CallRecord, Fate};
use sandbox::rotation::Step;
use sandbox::scene::{ADMIN_SCOPES, Admin, SceneOptions, pair, token};
use serde_json::{Value, json};
use tests::bench::{Bench, DOCUMENTED_SCOPES};
use tests::function::Function;
use tests::listen::Listening;

const EXCHANGE: &str = "POST /api/v2/delegated-token";
const WHO: &str = "GET /api/v2/current_user";
const MODES: [Admin; 2] = [Admin::Identity, Admin::IdentityOfVariables];
const ROTATED: [Kind; 2] = [Kind::ApiKey, Kind::ApplicationKey];

fn keyless(admin: Admin) -> Bench {
    let bench = Bench::new(SceneOptions {
        admin,
        ..SceneOptions::default()
    });
    bench.gate.forget_calls();
    bench
}

fn by_variables() -> Bench {
    keyless(Admin::IdentityOfVariables)
}

fn count(calls: &[CallRecord], operation: &str) -> usize {
    let of_operation = calls.iter().filter(|it| it.call.operation == operation);
    of_operation.count()
}

fn refused(calls: &[CallRecord]) -> usize {
    let refused = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].map(Some);
    calls
        .iter()
        .filter(|it| refused.contains(&it.status))
        .count()
}

/// Another value of the keyless admin secret.
fn reconfigure(bench: &Bench, change: impl Fn(&mut Value)) {
    let mut value = bench.current(Kind::AdminKey);
    change(&mut value);
    bench.store(Kind::AdminKey, &value);
}

/// A static pair of this account in a secret of its own, as a fallback.
fn spare(bench: &Bench, account: &str) -> String {
    let value = bench
        .gate
        .with_world(|world| pair(world, account, &ADMIN_SCOPES));
    let secret = bench.manage(
        "CreateSecret",
        &json!({
            "Name": "datadog/spare", "ClientRequestToken": token("spare"),
            "SecretString": value.to_string(),
        }),
    );
    secret["ARN"].as_str().expect("an ARN").to_owned()
}

#[tokio::test(start_paused = true)]
async fn api_keys_and_application_keys_rotate_again_and_again() {
    for admin in MODES {
        for admin_scopes in [&ADMIN_SCOPES[..], &DOCUMENTED_SCOPES] {
            let bench = Bench::new(SceneOptions {
                admin,
                admin_scopes,
                ..SceneOptions::default()
            });
            for _ in 0..3 {
                for kind in ROTATED {
                    let before = bench.current(kind);
                    bench.rotate(kind).await.expect("by identity");
                    bench.assert_settled();
                    assert_ne!(bench.current(kind), before);
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_admin_pair_may_be_rotated_by_an_identity() {
    let bench = Bench::new(SceneOptions::default());
    let account = bench.scene.service_account.clone();
    let value = bench.gate.with_world(|world| {
        sandbox::scene::trust_the_functions(world, &account);
        let mut value = sandbox::scene::delegation(world, &account, "");
        value
            .as_object_mut()
            .expect("an object")
            .remove("apiKeySecretArn");
        value
    });
    let assistant = bench.manage(
        "CreateSecret",
        &json!({
            "Name": "datadog/assistant", "ClientRequestToken": token("assistant"),
            "SecretString": value.to_string(),
        }),
    );
    let tags = json!([{ "Key": "adminSecretArn", "Value": assistant["ARN"] }]);
    let secret = bench.secret(Kind::AdminKey);
    bench.manage("TagResource", &json!({ "SecretId": secret, "Tags": tags }));
    for _ in 0..2 {
        bench.rotate(Kind::AdminKey).await.expect("by identity");
        bench.assert_settled();
    }
    assert!(count(&bench.gate.calls(), EXCHANGE) > 0);
}

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
            world.datadog.settings.token_life = Duration::from_secs(90);
            world.datadog.settings.token_expires = expires;
        });
        // Five seconds a call: the seventh finds the token with a minute to live.
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
    bench.assert_refused(result, "IdentityRefused", &["look-up of the user", "401"]);
    assert_eq!(count(&bench.gate.calls(), EXCHANGE), 2, "{}", bench.story());
}

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
            (|it| it.site = None) as fn(&mut datadog_rotation::settings::DelegationSettings),
            "IdentityMalformed",
            "`DATADOG_SITE`",
        ),
        (
            |it| it.site = Some("evil.example".to_owned()),
            "UnknownSite",
            "`site`",
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
            sandbox::scene::trust_the_functions(world, &administrator);
            administrator
        });
        let result = bench.create(kind).await;
        let account = bench.scene.service_account.clone();
        bench.assert_refused(result, "IdentityMismatch", &[&administrator, &account]);
        let asked: Vec<_> = bench.gate.calls();
        assert_eq!(asked.last().map(|it| it.call.operation.as_str()), Some(WHO));
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

#[tokio::test(start_paused = true)]
async fn an_admin_secret_without_keys_rotates_into_itself() {
    let bench = keyless(Admin::Identity);
    // Its function has nothing to do with Datadog, so that its role need not be mapped.
    bench
        .gate
        .with_world(|world| world.datadog.unmap_identities());
    let before = bench.current(Kind::AdminKey);
    let listening = Listening::begin();
    for _ in 0..2 {
        let version = bench.labelled(Kind::AdminKey, "AWSCURRENT");
        bench.rotate(Kind::AdminKey).await.expect("nothing to do");
        assert_eq!(bench.current(Kind::AdminKey), before);
        assert_ne!(bench.labelled(Kind::AdminKey, "AWSCURRENT"), version);
        assert_eq!(bench.labelled(Kind::AdminKey, "AWSPENDING"), None);
    }
    assert!(listening.heard().contains("no keys to rotate"));
    let calls = bench.gate.calls();
    assert!(
        calls.iter().all(|it| !it.call.operation.contains("/api/")),
        "{}",
        bench.story()
    );
    let job = bench.begin(Kind::AdminKey);
    bench.gate.forget_calls();
    let checked = bench.deliver(Kind::AdminKey, &job, Step::TestSecret).await;
    checked.expect("sound");
    assert!(bench.changes().is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_way_into_keyless_and_back_loses_nothing() {
    let bench = Bench::new(SceneOptions::default());
    bench.rotate(Kind::AdminKey).await.expect("a pair");
    let pair = bench.current(Kind::AdminKey);
    let keyless = bench.gate.with_world(|world| {
        let account = &bench.scene.service_account;
        sandbox::scene::trust_the_functions(world, account);
        sandbox::scene::delegation(world, account, &bench.scene.secrets.api_key)
    });
    bench.store(Kind::AdminKey, &keyless);
    let listening = Listening::begin();
    for kind in Kind::ALL {
        bench.rotate(kind).await.expect("by identity");
    }
    // The pair lives, and the log says so while there is still a label that leads to it.
    for id in ["adminApiKeyId", "adminAppKeyId"] {
        let id = pair[id].as_str().expect("an id");
        assert!(bench.is_live(id) && listening.heard().contains(id), "{id}");
    }
    assert_eq!(bench.ledger.breaches(), []);
    bench.store(Kind::AdminKey, &pair);
    for kind in Kind::ALL {
        bench.rotate(kind).await.expect("by the pair");
    }
    assert_eq!(bench.ledger.breaches(), []);
}

#[tokio::test(start_paused = true)]
async fn a_pending_pair_does_not_undo_that_a_secret_became_keyless() {
    let bench = Bench::new(SceneOptions::default());
    let job = bench.begin(Kind::AdminKey);
    let created = bench
        .deliver(Kind::AdminKey, &job, Step::CreateSecret)
        .await;
    created.expect("a pair is pending");
    let keyless = bench.gate.with_world(|world| {
        sandbox::scene::delegation(
            world,
            &bench.scene.service_account,
            &bench.scene.secrets.api_key,
        )
    });
    bench.store(Kind::AdminKey, &keyless);
    // A person puts back the label that the new value has taken away.
    bench.manage(
        "UpdateSecretVersionStage",
        &json!({
            "SecretId": bench.secret(Kind::AdminKey), "VersionStage": "AWSPENDING",
            "MoveToVersionId": job.token,
        }),
    );
    bench.gate.forget_calls();
    for step in [Step::CreateSecret, Step::TestSecret, Step::FinishSecret] {
        let result = bench.deliver(Kind::AdminKey, &job, step).await;
        bench.assert_refused(
            result,
            "SecretMalformed",
            &["AWSPENDING", "AWSCURRENT none"],
        );
    }
}

#[tokio::test(start_paused = true)]
async fn keys_and_identity_in_one_value_are_refused() {
    let bench = Bench::new(SceneOptions::default());
    let organisation = bench
        .gate
        .with_world(|world| world.datadog.organisation().to_owned());
    reconfigure(&bench, |it| it["orgUuid"] = json!(organisation));
    for (kind, error_type) in [
        (Kind::ApiKey, "AdminSecretMalformed"),
        (Kind::ApplicationKey, "AdminSecretMalformed"),
        (Kind::AdminKey, "SecretMalformed"),
    ] {
        bench.gate.forget_calls();
        let result = bench.create(kind).await;
        bench.assert_refused(result, error_type, &["both keys and `orgUuid`"]);
    }
}

#[tokio::test(start_paused = true)]
async fn the_variables_go_before_the_default_admin_secret_and_after_a_named_one() {
    let mut bench = by_variables();
    bench.settings.admin_secret_arn = Some(bench.secret(Kind::ApplicationKey).to_owned());
    bench.rotate(Kind::ApiKey).await.expect("by identity");
    let account = bench.scene.service_account.clone();
    let spare = spare(&bench, &account);
    let tags = json!([{ "Key": "adminSecretArn", "Value": spare }]);
    let secret = bench.secret(Kind::ApiKey);
    bench.manage("TagResource", &json!({ "SecretId": secret, "Tags": tags }));
    bench.gate.forget_calls();
    bench.rotate(Kind::ApiKey).await.expect("by the pair");
    assert_eq!(count(&bench.gate.calls(), EXCHANGE), 0, "{}", bench.story());
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
                let words = ["stored as AWSPENDING", "Rotating again resumes."];
                bench.assert_failed(result, "IdentityRefused", &words);
            }
            bench.give_up(&job);
            bench
                .gate
                .with_world(|world| sandbox::scene::trust_the_functions(world, &account));
            bench.wait(Duration::from_mins(16)).await;
            bench.rotate(kind).await.expect("trusted again");
            bench.assert_settled();
        }
    }
}
