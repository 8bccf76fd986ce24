use http::{Method, Request, StatusCode};
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::*;
use crate::datadog::Datadog;
use crate::gate::{Caller, Outcome};
use crate::scene::{Scene, SceneOptions, request, token};
use crate::secrets_manager::SecretsManager;
use crate::world::Clock;

struct Story {
    gate: Gate,
    scene: Scene,
    ledger: Ledger,
}

impl Story {
    fn begin() -> Self {
        let secrets_manager = SecretsManager::new("us-east-1", "123456789012");
        let clock = Clock::starting_at(OffsetDateTime::UNIX_EPOCH);
        let mut world = World::new(clock, secrets_manager, Datadog::new());
        let scene = Scene::set(&mut world, SceneOptions::default()).unwrap();
        let gate = Gate::new(world);
        let rotates = [("rotator".to_owned(), scene.secrets.api_key.clone())];
        let ledger = Ledger::open(&gate, rotates);
        Self {
            gate,
            scene,
            ledger,
        }
    }

    /// A call of the process that rotates the API key's secret.
    async fn call(&self, method: Method, path: &str, body: Value) -> Value {
        let pair = &self.scene.administrator;
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("dd-api-key", &pair.api_key.value)
            .header("dd-application-key", &pair.application_key.value)
            .extension(Caller("rotator#1".to_owned()))
            .body(body.to_string().into())
            .unwrap();
        match self.gate.pass(request).await {
            Outcome::Answer(response) => {
                serde_json::from_slice(response.body()).unwrap_or_default()
            }
            outcome => panic!("{outcome:?}"),
        }
    }

    /// Returns the new key's id and text.
    async fn mint(&self, name: &str) -> (String, String) {
        let body = json!({ "data": { "type": "api_keys", "attributes": { "name": name } } });
        let answer = self.call(Method::POST, "/api/v2/api_keys", body).await;
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        (
            text(&answer["data"]["id"]),
            text(&answer["data"]["attributes"]["key"]),
        )
    }

    async fn delete(&self, id: &str) {
        self.call(
            Method::DELETE,
            &format!("/api/v2/api_keys/{id}"),
            Value::Null,
        )
        .await;
    }

    async fn put(&self, seed: &str, (id, key): &(String, String), label: &str) {
        let body = json!({
            "SecretId": self.scene.secrets.api_key,
            "ClientRequestToken": token(seed),
            "SecretString": json!({ "apiKey": key, "apiKeyId": id }).to_string(),
            "VersionStages": [label],
        });
        match self.gate.pass(request("PutSecretValue", &body)).await {
            Outcome::Answer(response) => assert_eq!(response.status(), StatusCode::OK),
            outcome => panic!("{outcome:?}"),
        }
    }

    /// The rotator moves AWSCURRENT to the version of this seed.
    async fn promote(&self, seed: &str) {
        let secret = &self.scene.secrets.api_key;
        let current = self.gate.with_world(|world| {
            let secret = world.secrets_manager.secret(secret).unwrap();
            secret.labelled("AWSCURRENT").unwrap().id().to_owned()
        });
        let body = json!({
            "SecretId": secret,
            "VersionStage": "AWSCURRENT",
            "MoveToVersionId": token(seed),
            "RemoveFromVersionId": current,
        });
        let mut request = request("UpdateSecretVersionStage", &body);
        let caller = Caller("rotator#1".to_owned());
        request.extensions_mut().insert(caller);
        match self.gate.pass(request).await {
            Outcome::Answer(response) => assert_eq!(response.status(), StatusCode::OK),
            outcome => panic!("{outcome:?}"),
        }
    }

    fn current(&self) -> String {
        self.gate.with_world(|world| {
            let secret = world
                .secrets_manager
                .secret(&self.scene.secrets.api_key)
                .unwrap();
            keys_labelled(secret, "AWSCURRENT").remove(0).id
        })
    }

    fn broken(&self) -> Vec<Promise> {
        self.ledger
            .breaches()
            .iter()
            .map(|breach| breach.promise)
            .collect()
    }

    fn unsettled(&self) -> usize {
        let read = |world: &mut World| self.ledger.orphans_and_losses(world);
        self.gate.with_world(read).len()
    }
}

#[tokio::test]
async fn deleting_the_current_key_breaks_the_first_promise_and_its_protection() {
    let story = Story::begin();
    story.delete(&story.current()).await;

    assert_eq!(story.broken(), [Promise::CurrentWorks, Promise::Protection]);
    assert_eq!(story.unsettled(), 1);
}

#[tokio::test]
async fn deleting_a_key_of_others_breaks_the_second() {
    let story = Story::begin();
    let key = story.gate.with_world(|world| {
        let now = world.now();
        world.datadog.create_api_key(now, "of others")
    });
    story.delete(&key.id).await;

    assert_eq!(story.broken(), [Promise::OnlyOwn]);
}

/// An ID is no secret: who stores it beside another value does not hold its key.
#[tokio::test]
async fn the_id_beside_a_value_makes_no_key_the_secrets() {
    let story = Story::begin();
    let others = story.gate.with_world(|world| {
        let now = world.now();
        world.datadog.create_api_key(now, "of others")
    });
    let made_up = (others.id.clone(), "0".repeat(32));
    story.put("made up", &made_up, "AWSPREVIOUS").await;
    story.ledger.forget_breaches();
    story.delete(&others.id).await;

    assert!(story.broken().contains(&Promise::OnlyOwn));
}

#[tokio::test]
async fn a_minted_key_may_be_deleted_before_it_was_stored() {
    let story = Story::begin();
    let (id, _) = story.mint("new").await;
    assert_eq!(story.unsettled(), 1, "an orphan until then");
    story.delete(&id).await;

    assert_eq!(story.broken(), []);
    assert_eq!(story.unsettled(), 0);
}

#[tokio::test]
async fn the_grace_key_has_to_live_until_a_successor_waits() {
    let story = Story::begin();
    let first = story.current();
    let new = story.mint("second").await;
    story.put("second", &new, "AWSCURRENT").await;
    assert_eq!((story.broken(), story.unsettled()), (vec![], 0));

    let third = story.mint("third").await;
    story.put("third", &third, "AWSPENDING").await;
    story.delete(&first).await;
    assert_eq!(
        story.broken(),
        [],
        "finishSecret deletes it before it promotes"
    );

    let early = Story::begin();
    let first = early.current();
    let new = early.mint("second").await;
    early.put("second", &new, "AWSCURRENT").await;
    early.delete(&first).await;
    assert_eq!(early.broken(), [Promise::CurrentWorks]);
}

#[tokio::test]
async fn the_grace_key_has_to_live_until_finish_secret() {
    for (step, broken) in [
        ("createSecret", vec![Promise::CurrentWorks]),
        ("testSecret", vec![Promise::CurrentWorks]),
        ("finishSecret", vec![]),
    ] {
        let story = Story::begin();
        let first = story.current();
        let second = story.mint("second").await;
        story.put("second", &second, "AWSCURRENT").await;
        let third = story.mint("third").await;
        story.put("third", &third, "AWSPENDING").await;
        let event = json!({ "Step": step });
        story
            .gate
            .with_world(|world| world.invoke("rotator#1", &event));
        story.delete(&first).await;
        assert_eq!(story.broken(), broken, "{step}");
    }
}

#[tokio::test]
async fn standings_follow_the_labels() {
    let story = Story::begin();
    let first = story.current();
    let new = story.mint("second").await;
    let stand = |id: &str| {
        story.gate.with_world(|world| {
            let secret = world
                .secrets_manager
                .secret(&story.scene.secrets.api_key)
                .unwrap();
            standing(world, secret, id)
        })
    };
    assert_eq!(
        [stand(&first), stand(&new.0)],
        [Standing::Current, Standing::Minted]
    );

    story.put("second", &new, "AWSPENDING").await;
    assert_eq!(stand(&new.0), Standing::Pending);

    let third = story.mint("third").await;
    story.put("third", &third, "AWSCURRENT").await;
    assert_eq!(
        [stand(&first), stand(&third.0)],
        [Standing::Previous, Standing::Current]
    );
    story.delete(&first).await;
    assert_eq!(stand(&first), Standing::Revoked);
    assert!(story.ledger.was_minted(&new.0) && !story.ledger.was_minted(&first));
}

#[tokio::test]
async fn a_call_that_no_role_allows_is_a_breach() {
    let story = Story::begin();
    let own = story.scene.secrets.api_key.clone();
    let admin = story.scene.secrets.admin_key.clone();
    for (operation, secret, is_allowed) in [
        ("DescribeSecret", &own, true),
        ("GetSecretValue", &admin, true),
        ("DescribeSecret", &admin, false),
        ("DeleteSecret", &own, false),
    ] {
        let before = story.ledger.breaches().len();
        let mut request = request(operation, &json!({ "SecretId": secret }));
        request
            .extensions_mut()
            .insert(Caller("rotator#1".to_owned()));
        story.gate.pass(request).await;
        let found = &story.ledger.breaches()[before..];
        let role = found.iter().filter(|it| it.promise == Promise::Role);
        assert_eq!(role.count() == 0, is_allowed, "{operation}");
    }
}

#[tokio::test]
async fn a_key_that_is_in_use_or_pending_or_acts_must_not_be_deleted() {
    let story = Story::begin();
    let admin = story.gate.with_world(|world| {
        let admin = &story.scene.secrets.admin_key;
        let secret = world.secrets_manager.secret(admin).unwrap();
        keys_labelled(secret, "AWSCURRENT").remove(0).id
    });
    story.delete(&admin).await;
    story.delete(&story.current()).await;
    let pending = story.mint("pending").await;
    story.put("pending", &pending, "AWSPENDING").await;
    story.delete(&pending.0).await;
    story.delete(&story.scene.administrator.api_key.id).await;
    let protection = |it: &Breach| it.promise == Promise::Protection;
    let texts = story.ledger.breaches().into_iter().filter(protection);
    let texts: Vec<_> = texts.map(|it| it.text).collect();

    assert_eq!(texts.len(), 4, "{texts:?}");
    assert!(texts[0].ends_with("which datadog/admin uses"));
    assert!(texts[1].ends_with("which datadog/api-key uses"));
    assert!(texts[2].ends_with("which waits for its promotion"));
    assert!(texts[3].ends_with("with itself"));
}

#[tokio::test]
async fn a_key_of_no_version_may_be_deleted() {
    let story = Story::begin();
    let minted = story.mint("of no version").await;
    let unstored = |world: &mut World| story.ledger.unstored(world);
    assert_eq!(story.gate.with_world(unstored), [minted.0.as_str()]);

    story.delete(&minted.0).await;

    assert!(story.gate.with_world(unstored).is_empty());
    assert_eq!(story.broken(), []);
}

#[tokio::test]
async fn a_promoted_key_that_may_do_less_breaks_the_sixth() {
    for (category, broken) in [("default", vec![]), ("other", vec![Promise::SameRights])] {
        let story = Story::begin();
        let attributes = json!({ "name": "new", "category": category });
        let body = json!({ "data": { "type": "api_keys", "attributes": attributes } });
        let answer = story.call(Method::POST, "/api/v2/api_keys", body).await;
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let new = (
            text(&answer["data"]["id"]),
            text(&answer["data"]["attributes"]["key"]),
        );
        story.put("second", &new, "AWSPENDING").await;
        story.promote("second").await;
        assert_eq!(story.broken(), broken);
    }
}
