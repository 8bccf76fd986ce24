//! `datadog-doctor` as it is shipped: its own process, over sockets, at a terminal.

use std::time::Duration;

use sandbox::scene::SceneOptions;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::open_world::{DOCTOR, OpenWorld, text};

#[tokio::test]
async fn exit_codes_and_streams() {
    let site = OpenWorld::open(SceneOptions::default()).await;
    let secrets = &site.scene.secrets;
    let fine = site
        .doctor(&["check", &secrets.api_key, &secrets.admin_key, "--json"])
        .await;
    let document: Value = serde_json::from_slice(&fine.stdout).unwrap();
    assert_eq!(
        (fine.status.code(), &document["ok"]),
        (Some(0), &json!(true))
    );
    let table = site.doctor(&["check", &secrets.application_key]).await;
    assert_eq!(table.status.code(), Some(0));
    assert!(text(&table.stdout).contains("Rotation would fail for 0 of 1."));

    let named = site.doctor(&["check", "datadog/app-key"]).await;
    assert_eq!(named.stdout, table.stdout);

    let nobody = secrets.api_key.replace("api-key", "nobody");
    let wrong = site.doctor(&["check", &nobody]).await;
    assert_eq!(wrong.status.code(), Some(1));
    assert!(text(&wrong.stdout).contains("SecretNotFound: "));

    for arguments in [&["check"][..], &["check", "datadog/api!"], &["prove"]] {
        let usage = site.doctor(arguments).await;
        assert_eq!(usage.status.code(), Some(2), "{arguments:?}");
        assert!(usage.stdout.is_empty());
        assert!(text(&usage.stderr).contains("try '--help'"), "{usage:?}");
    }
    let help = site.doctor(&["--help"]).await;
    assert_eq!(help.status.code(), Some(0));
    assert!(text(&help.stdout).contains("orphans"));
}

#[tokio::test]
async fn for_want_of_credentials_it_says_so() {
    let site = OpenWorld::open(SceneOptions::default()).await;
    let output = Command::new(&*DOCTOR)
        .args(["check", &site.scene.secrets.api_key])
        .env_clear()
        .env("AWS_EC2_METADATA_DISABLED", "true")
        // The SDK panics at values that it can't read, if it reads them.
        .env("AWS_MAX_ATTEMPTS", "many")
        .env("AWS_RETRY_MODE", "often")
        .env(
            "AWS_ENDPOINT_URL_SECRETS_MANAGER",
            site.secrets_manager.url(),
        )
        .output()
        .await
        .unwrap();
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("AwsCredentialsInvalid: "), "{said}");
    assert!(said.contains("Rotation would fail for 0 of 1."), "{said}");
    assert!(
        said.contains("1 of 1 could not be looked at in full from here"),
        "{said}"
    );
    assert!(said.contains("export-credentials"), "{said}");
    assert!(site.gate.calls().is_empty());
}

#[tokio::test]
async fn orphans_are_told_and_then_deleted() {
    let site = OpenWorld::open(SceneOptions::default()).await;
    let secret = &site.scene.secrets.application_key;
    let none = site.doctor(&["orphans", secret]).await;
    assert_eq!(none.status.code(), Some(0));
    assert!(text(&none.stdout).contains("There is no orphaned key."));

    let old = site.lose_application_key(Duration::from_secs(16 * 60 + 30));
    let young = site.lose_application_key(Duration::from_secs(14 * 60 + 30));
    let told = site.doctor(&["orphans", secret]).await;
    assert_eq!(told.status.code(), Some(1));
    let table = text(&told.stdout);
    assert!(
        table.contains(&format!("deletable  application key {old}, 16 min old")),
        "{table}"
    );
    assert!(
        table.contains(&format!("young      application key {young}, 14 min old")),
        "{table}"
    );
    assert!(site.is_live(&old));

    let deleted = site.doctor(&["orphans", secret, "--delete"]).await;
    assert_eq!(deleted.status.code(), Some(0));
    assert!(text(&deleted.stdout).contains(&format!("deleted  application key {old}")));
    assert!(!site.is_live(&old) && site.is_live(&young));
}
