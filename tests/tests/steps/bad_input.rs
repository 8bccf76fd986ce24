//! Every bad input is refused by name, before any effect: events, labels, pending values, admin
//! secrets.

use datadog_rotation::Kind;
use harness::bench::Bench;
use harness::by_hand::{with, without};
use sandbox::rotation::{Step, event};
use sandbox::scene::{SceneOptions, token};
use sandbox::stack::REGION;
use serde_json::json;

fn bench() -> Bench {
    Bench::new(SceneOptions::default())
}

#[tokio::test(start_paused = true)]
async fn events() {
    let bench = bench();
    let job = bench.begin(Kind::ApiKey);
    let good = event(&job, Step::CreateSecret);
    let unknown = with(good.clone(), "Step", json!("rotateSecret"));
    let result = bench.send(Kind::ApiKey, &unknown).await;
    bench.assert_refused(
        result,
        "UnknownStep",
        &["`Step`", "createSecret, setSecret"],
    );
    for field in ["Step", "SecretId", "ClientRequestToken"] {
        let result = bench
            .send(Kind::ApiKey, &without(good.clone(), field))
            .await;
        bench.assert_refused(result, "InvalidEvent", &[field]);
    }
    let result = bench.send(Kind::ApiKey, &json!("createSecret")).await;
    bench.assert_refused(result, "InvalidEvent", &["not a JSON object"]);
}

#[tokio::test(start_paused = true)]
async fn rotation_not_enabled() {
    let bench = bench();
    let job = bench.begin(Kind::ApiKey);
    bench.manage("CancelRotateSecret", &json!({ "SecretId": job.arn }));
    for step in [Step::CreateSecret, Step::FinishSecret] {
        let result = bench.deliver(Kind::ApiKey, &job, step).await;
        bench.assert_refused(result, "RotationNotEnabled", &[&job.arn, "rotate-secret"]);
    }
    bench
        .deliver(Kind::ApiKey, &job, Step::TestSecret)
        .await
        .expect("read-only");
}

#[tokio::test(start_paused = true)]
async fn labels() {
    let bench = bench();
    let mut job = bench.begin(Kind::ApplicationKey);
    job.token = token("nobody's");
    let result = bench
        .deliver(Kind::ApplicationKey, &job, Step::CreateSecret)
        .await;
    bench.assert_refused(
        result,
        "NoStagingLabel",
        &["no staging label", &job.token, "do nothing"],
    );

    bench.rotate(Kind::ApiKey).await.unwrap();
    bench.gate.forget_calls();
    let mut job = bench.begin(Kind::ApiKey);
    job.token = bench.gate.with_world(|world| {
        let secret = world.secrets_manager.secret(&job.arn).unwrap();
        secret.labelled("AWSPREVIOUS").unwrap().id().to_owned()
    });
    for step in [Step::CreateSecret, Step::TestSecret, Step::FinishSecret] {
        let result = bench.deliver(Kind::ApiKey, &job, step).await;
        bench.assert_refused(result, "NotPending", &["neither AWSPENDING nor AWSCURRENT"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_the_role_may_not_touch() {
    let bench = bench();
    let own = bench.secret(Kind::ApiKey).to_owned();
    bench
        .gate
        .with_world(|it| it.secrets_manager.deny("DescribeSecret", &own));
    let result = bench.create(Kind::ApiKey).await;
    let words = [
        "is not authorized to perform: secretsmanager:DescribeSecret",
        "RotationLambdaARN",
    ];
    bench.assert_refused(result, "AccessDenied", &words);
}

#[tokio::test(start_paused = true)]
async fn admin_secrets() {
    let mut bench = bench();
    let own = bench.secret(Kind::ApiKey).to_owned();
    let other = bench.secret(Kind::ApplicationKey).to_owned();
    let tag = |bench: &Bench, value: &str| {
        let tags = json!([{ "Key": "adminSecretArn", "Value": value }]);
        bench.manage("TagResource", &json!({ "SecretId": own, "Tags": tags }));
    };
    bench.manage(
        "UntagResource",
        &json!({ "SecretId": own, "TagKeys": ["adminSecretArn"] }),
    );
    let result = bench.create(Kind::ApiKey).await;
    bench.assert_refused(
        result,
        "NoAdminSecret",
        &["adminSecretArn", "AdminSecretArn"],
    );

    bench.settings.admin_secret_arn = Some("datadog/admin".to_owned());
    let result = bench.create(Kind::ApiKey).await;
    bench.assert_refused(result, "AdminSecretArnInvalid", &["full ARN"]);

    tag(&bench, &other.replace(REGION, "attacker.example/"));
    let result = bench.create(Kind::ApiKey).await;
    bench.assert_refused(result, "AdminSecretArnInvalid", &["full ARN"]);

    tag(&bench, &other);
    let result = bench.create(Kind::ApiKey).await;
    bench.assert_refused(result, "AdminSecretMalformed", &[&other, "`adminApiKey`"]);

    tag(&bench, &other.replace("app-key", "nothing"));
    let result = bench.create(Kind::ApiKey).await;
    bench.assert_refused(result, "AdminSecretNotFound", &["nothing", "Check the ARN"]);

    let admin = bench.secret(Kind::AdminKey).to_owned();
    tag(&bench, &admin);
    bench
        .gate
        .with_world(|it| it.secrets_manager.deny("GetSecretValue", &admin));
    let result = bench.create(Kind::ApiKey).await;
    let words = [
        "is not authorized to perform: secretsmanager:GetSecretValue on resource:",
        &admin,
    ];
    bench.assert_refused(result, "AdminSecretAccessDenied", &words);
}

#[tokio::test(start_paused = true)]
async fn the_value_names_the_admin_secret_before_the_tag_does() {
    let bench = bench();
    let value = with(
        bench.current(Kind::ApiKey),
        "adminSecretArn",
        json!("arn:of:nothing"),
    );
    bench.store(Kind::ApiKey, &value);
    let result = bench.create(Kind::ApiKey).await;
    bench.assert_refused(result, "AdminSecretArnInvalid", &["full ARN"]);
}

#[tokio::test(start_paused = true)]
async fn unknown_site() {
    let bench = bench();
    let evil = with(
        bench.current(Kind::AdminKey),
        "site",
        json!("datadoghq.com.evil.example"),
    );
    bench.store(Kind::AdminKey, &evil);
    for kind in Kind::ALL {
        let result = bench.create(kind).await;
        bench.assert_refused(result, "UnknownSite", &["`site`", "none of Datadog's"]);
        assert!(
            bench
                .gate
                .calls()
                .iter()
                .all(|it| !it.call.operation.contains("/api/"))
        );
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_to_promote() {
    let bench = bench();
    let job = bench.begin(Kind::AdminKey);
    let result = bench
        .deliver(Kind::AdminKey, &job, Step::FinishSecret)
        .await;
    bench.assert_refused(
        result,
        "PendingWithoutValue",
        &["no value to be promoted", "begins with createSecret"],
    );
}

#[tokio::test(start_paused = true)]
async fn an_admin_key_id_that_is_of_no_key_is_found_by_the_check() {
    let bench = bench();
    let nobody = json!("0f0f0f0f-0000-4000-8000-000000000000");
    let value = with(bench.current(Kind::AdminKey), "adminAppKeyId", nobody);
    bench.store(Kind::AdminKey, &value);
    let job = bench.begin(Kind::ApiKey);
    let result = bench.deliver(Kind::ApiKey, &job, Step::TestSecret).await;
    bench.assert_refused(result, "AdminSecretMalformed", &["`adminAppKeyId`"]);
}

/// The label is told under which the value is.
#[tokio::test(start_paused = true)]
async fn a_pending_value_that_is_none_of_the_type() {
    let bench = bench();
    let job = bench.begin(Kind::ApiKey);
    let put = json!({
        "SecretId": job.arn, "ClientRequestToken": job.token, "SecretString": "{}",
        "VersionStages": ["AWSPENDING"],
    });
    bench.manage("PutSecretValue", &put);
    for step in [Step::CreateSecret, Step::TestSecret, Step::FinishSecret] {
        let result = bench.deliver(Kind::ApiKey, &job, step).await;
        let words = ["the value under AWSPENDING", "`apiKey`"];
        bench.assert_refused(result, "SecretMalformed", &words);
    }
}
