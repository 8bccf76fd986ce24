//! Admin secrets without keys.

use datadog_rotation::Kind;
use harness::bench::Bench;
use harness::listen::Listening;
use sandbox::rotation::Step;
use sandbox::scene::{Admin, SceneOptions, delegation, trust_the_functions};
use serde_json::json;

use super::{keyless, reconfigure};

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
        trust_the_functions(world, account);
        delegation(world, account, &bench.scene.secrets.api_key)
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
        delegation(
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
