//! Texts as people paste them: each is refused with what is wrong with it and where it is, and is never
//! quoted.

use datadog_rotation::Kind;
use harness::bench::Bench;
use harness::by_hand::with;
use sandbox::scene::SceneOptions;
use serde_json::{Value, json};

fn bench() -> Bench {
    Bench::new(SceneOptions::default())
}

fn tag(bench: &Bench, value: &str) {
    let tags = json!([{ "Key": "adminSecretArn", "Value": value }]);
    let secret = bench.secret(Kind::ApiKey);
    bench.manage("TagResource", &json!({ "SecretId": secret, "Tags": tags }));
}

/// Stores this text of a field in place of the field's own, and asserts in which words it is refused.
async fn refuse(kind: Kind, field: &str, change: impl Fn(&str) -> Value, words: &[&str]) {
    let bench = bench();
    let value = bench.current(kind);
    let changed = change(value[field].as_str().unwrap_or_default());
    bench.store(kind, &with(value, field, changed));
    let result = bench.create(kind).await;
    let field = format!("AWSCURRENT has a `{field}` that ");
    bench.assert_refused(result, "SecretMalformed", &[words, &[&field]].concat());
}

#[tokio::test(start_paused = true)]
async fn what_is_around_a_key_is_told() {
    for (kind, field) in [
        (Kind::ApiKey, "apiKey"),
        (Kind::ApplicationKey, "appKey"),
        (Kind::AdminKey, "adminAppKey"),
    ] {
        refuse(
            kind,
            field,
            |it| json!(format!("{it}\n")),
            &["a line break"],
        )
        .await;
        refuse(kind, field, |it| json!(format!(" {it}")), &["blanks"]).await;
        refuse(
            kind,
            field,
            |it| json!(format!("'{it}'")),
            &["quotation marks"],
        )
        .await;
        refuse(
            kind,
            field,
            |it| json!(format!("\u{feff}{it}")),
            &["byte order mark"],
        )
        .await;
        refuse(kind, field, |_| json!(""), &["is empty"]).await;
        refuse(
            kind,
            field,
            |it| json!([it]),
            &["is an array, and must be a string"],
        )
        .await;
        refuse(
            kind,
            field,
            |_| Value::Null,
            &["is null, and must be a string"],
        )
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn key_and_id_that_changed_places_are_told() {
    let id = |_: &str| json!("11111111-1111-4111-8111-111111111111");
    refuse(Kind::ApiKey, "apiKey", id, &["looks like an id"]).await;
    let key = |_: &str| json!("0123456789abcdef0123456789abcdef");
    refuse(Kind::ApiKey, "apiKeyId", key, &["looks like an API key"]).await;
    refuse(
        Kind::ApplicationKey,
        "appKey",
        key,
        &["looks like an API key"],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_field_of_an_admin_secret_is_told_with_its_arn() {
    let bench = bench();
    let admin = bench.secret(Kind::AdminKey).to_owned();
    let value = bench.current(Kind::AdminKey);
    let key = format!("{}\r\n", value["adminApiKey"].as_str().unwrap());
    bench.store(Kind::AdminKey, &with(value, "adminApiKey", json!(key)));
    let result = bench.create(Kind::ApiKey).await;
    let words = [&admin[..], "has a `adminApiKey` that", "a line break"];
    bench.assert_refused(result, "AdminSecretMalformed", &words);
}

#[tokio::test(start_paused = true)]
async fn a_site_that_is_written_otherwise_is_told_with_the_domain_that_is_meant() {
    for (site, words) in [
        (
            json!("https://app.datadoghq.com"),
            "is a URL: it must be datadoghq.com",
        ),
        (
            json!("US1"),
            "is the name of a site, and not its domain: it must be datadoghq.com",
        ),
        (
            json!("datadoghq.com "),
            "has blanks around it: it must be datadoghq.com",
        ),
    ] {
        let bench = bench();
        let admin = bench.secret(Kind::AdminKey).to_owned();
        let value = with(bench.current(Kind::AdminKey), "site", site);
        bench.store(Kind::AdminKey, &value);
        for kind in [Kind::ApiKey, Kind::AdminKey] {
            let result = bench.create(kind).await;
            bench.assert_refused(result, "UnknownSite", &[&admin, "`site`", words]);
        }
    }
    let bench = bench();
    let value = with(bench.current(Kind::AdminKey), "site", json!(1));
    bench.store(Kind::AdminKey, &value);
    let result = bench.create(Kind::ApiKey).await;
    bench.assert_refused(result, "AdminSecretMalformed", &["`site` that is a number"]);
}

/// An empty field is no name: the tag is.
#[tokio::test(start_paused = true)]
async fn an_empty_name_of_an_admin_secret_is_no_name() {
    for empty in [json!(""), json!(" "), Value::Null] {
        let bench = bench();
        let value = with(bench.current(Kind::ApiKey), "adminSecretArn", empty);
        bench.store(Kind::ApiKey, &value);
        tag(&bench, bench.secret(Kind::AdminKey));
        bench.create(Kind::ApiKey).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn what_names_no_admin_secret_is_told_by_where_it_is() {
    let mut bench = bench();
    let admin = bench.secret(Kind::AdminKey).to_owned();
    tag(&bench, &format!("\u{feff}{admin}"));
    let result = bench.create(Kind::ApiKey).await;
    let words = [
        "the tag adminSecretArn of the secret does not name",
        "byte order mark",
    ];
    bench.assert_refused(result, "AdminSecretArnInvalid", &words);

    let value = with(
        bench.current(Kind::ApiKey),
        "adminSecretArn",
        json!([admin]),
    );
    bench.store(Kind::ApiKey, &value);
    let result = bench.create(Kind::ApiKey).await;
    let words = ["`adminSecretArn` that is an array, and must be a string"];
    bench.assert_refused(result, "SecretMalformed", &words);

    let value = with(value, "adminSecretArn", json!(format!("{admin}\n")));
    bench.store(Kind::ApiKey, &value);
    let result = bench.create(Kind::ApiKey).await;
    let words = [
        "the field adminSecretArn of the value does not name",
        "a line break",
    ];
    bench.assert_refused(result, "AdminSecretArnInvalid", &words);

    let value = with(value, "adminSecretArn", json!(""));
    bench.store(Kind::ApiKey, &value);
    let tags = json!({ "SecretId": bench.secret(Kind::ApiKey), "TagKeys": ["adminSecretArn"] });
    bench.manage("UntagResource", &tags);
    bench.settings.admin_secret_arn = Some("datadog/admin".to_owned());
    let result = bench.create(Kind::ApiKey).await;
    let words = ["the variable ADMIN_SECRET_ARN does not name", "full ARN"];
    bench.assert_refused(result, "AdminSecretArnInvalid", &words);
}
