//! What a new key may do: what the one that it replaces may do, neither more nor less.

#![expect(
    clippy::unwrap_used,
    reason = "a panic is how a test says that something is wrong"
)]

use datadog_rotation::Kind;
use harness::bench::{Bench, DOCUMENTED_SCOPES};
use harness::listen::Listening;
use sandbox::datadog::Class;
use sandbox::gate::{Call, Fate, Lie};
use sandbox::rotation::Step;
use sandbox::scene::{ADMIN_SCOPES, SceneOptions};
use serde_json::Value;

fn scopes_of(bench: &Bench, id: &Value) -> Option<Vec<String>> {
    bench.gate.with_world(|world| {
        let key = world.datadog.key(id.as_str().unwrap()).unwrap();
        key.scopes().map(<[String]>::to_vec)
    })
}

#[tokio::test(start_paused = true)]
async fn scopes_are_copied_exactly() {
    for scopes in [
        None,
        Some(&["dashboards_read"][..]),
        Some(&["monitors_read", "dashboards_read"]),
    ] {
        let bench = Bench::new(SceneOptions {
            application_scopes: scopes,
            ..SceneOptions::default()
        });
        let before = scopes_of(&bench, &bench.current(Kind::ApplicationKey)["appKeyId"]);
        bench.rotate(Kind::ApplicationKey).await.unwrap();
        let after = scopes_of(&bench, &bench.current(Kind::ApplicationKey)["appKeyId"]);
        let sorted = |scopes: Option<Vec<String>>| {
            scopes.map(|mut it| {
                it.sort();
                it
            })
        };
        assert_eq!(sorted(after), sorted(before));
    }
}

#[tokio::test(start_paused = true)]
async fn scopes_that_changed_meanwhile_stop_the_rotation() {
    let bench = Bench::new(SceneOptions::default());
    let job = bench.begin(Kind::ApplicationKey);
    bench
        .deliver(Kind::ApplicationKey, &job, Step::CreateSecret)
        .await
        .unwrap();
    let current = bench.current(Kind::ApplicationKey)["appKeyId"]
        .as_str()
        .unwrap()
        .to_owned();
    bench
        .gate
        .with_world(|it| it.datadog.set_scopes(&current, Some(&["dashboards_read"])));
    for step in [Step::TestSecret, Step::FinishSecret] {
        let result = bench.deliver(Kind::ApplicationKey, &job, step).await;
        bench.assert_failed(result, "NewKeyDiffers", &["scopes"]);
    }
}

/// `category` and `remote_config_read_enabled`.
fn members_of(bench: &Bench, id: &Value) -> (String, bool) {
    let class = bench.gate.with_world(|world| {
        let key = world.datadog.key(id.as_str().unwrap()).unwrap();
        key.class.clone()
    });
    match class {
        Class::Api {
            category,
            remote_config_read_enabled,
            ..
        } => (category, remote_config_read_enabled),
        _ => panic!("{id} is no API key"),
    }
}

#[tokio::test(start_paused = true)]
async fn members_of_api_keys_are_copied_where_they_can_be_read() {
    for (admin_scopes, expected) in [
        (&ADMIN_SCOPES[..], ("mobile".to_owned(), false)),
        (&DOCUMENTED_SCOPES, ("default".to_owned(), true)),
    ] {
        for (kind, id) in [
            (Kind::ApiKey, "apiKeyId"),
            (Kind::AdminKey, "adminApiKeyId"),
        ] {
            let bench = Bench::new(SceneOptions {
                admin_scopes,
                ..SceneOptions::default()
            });
            let current = bench.current(kind)[id].as_str().unwrap().to_owned();
            bench
                .gate
                .with_world(|it| it.datadog.set_members(&current, "mobile", false));
            bench.rotate(kind).await.unwrap();
            assert_eq!(members_of(&bench, &bench.current(kind)[id]), expected);
        }
    }
}

/// An attribute that Datadog invents must not be lost in silence.
#[tokio::test(start_paused = true)]
async fn an_attribute_that_nobody_knows_is_named_where_the_new_key_lacks_it() {
    let listening = Listening::begin();
    let bench = Bench::new(SceneOptions::default());
    let id = bench.current(Kind::ApiKey)["apiKeyId"].clone();
    bench.gate.with_world(|world| {
        world
            .datadog
            .switch(id.as_str().unwrap(), "of_2027_enabled", true);
    });
    bench.rotate(Kind::ApiKey).await.unwrap();
    bench.assert_settled();
    assert!(
        listening.heard().contains("of_2027_enabled"),
        "the warning names the attribute"
    );
}

/// One answer that lacks a setting is not believed (see the lies of the crash sweep); all of them are.
#[tokio::test(start_paused = true)]
async fn a_setting_that_no_answer_tells_is_named() {
    for (setting, expected) in [
        ("category", ("default".to_owned(), false)),
        ("remote_config_read_enabled", ("mobile".to_owned(), true)),
    ] {
        let listening = Listening::begin();
        let bench = Bench::new(SceneOptions::default());
        bench.gate.follow(move |call: &Call| {
            if call.operation.starts_with("GET /api/v2/api_keys") {
                Fate::Lie(Lie::Without(setting))
            } else {
                Fate::Pass
            }
        });
        bench.rotate(Kind::ApiKey).await.unwrap();
        let current = bench.current(Kind::ApiKey);
        assert_eq!(members_of(&bench, &current["apiKeyId"]), expected);
        let warning = format!("settings=[{setting:?}]");
        assert!(listening.heard().contains(&warning), "{setting}");
    }
}
