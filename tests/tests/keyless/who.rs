//! Who may rotate what: each kind of admin beside each type of secret.

use std::fmt::Write;
use std::time::Duration;

use datadog_rotation::Kind;
use harness::bench::Bench;
use harness::figures;
use sandbox::scene::{ADMIN_SCOPES, APPLICATION_SCOPES, Admin, SceneOptions, admin_token};

const TYPES: [(Kind, &str); 4] = [
    (Kind::ApiKey, "API key"),
    (Kind::ApplicationKey, "application key"),
    (Kind::ServiceAccessToken, "service access token"),
    (Kind::AdminKey, "admin pair"),
];

fn bench(admin: Admin) -> Bench {
    Bench::new(SceneOptions {
        admin,
        ..SceneOptions::default()
    })
}

/// The admin secret holds a service access token that ends in a year.
fn ending_token() -> Bench {
    let bench = bench(Admin::AccessToken);
    let account = &bench.scene.service_account;
    let value = bench.gate.with_world(|world| {
        let end = world.now() + Duration::from_hours(365 * 24);
        let scopes = [&ADMIN_SCOPES[..], &APPLICATION_SCOPES].concat();
        admin_token(world, account, &scopes, Some(end))
    });
    bench.store(Kind::AdminKey, &value);
    bench
}

/// What becomes of a rotation. One that is refused has changed nothing.
async fn outcome(bench: &Bench, kind: Kind) -> String {
    let keys = || bench.gate.with_world(|world| world.datadog.keys().len());
    let (before, changes) = (keys(), bench.changes().len());
    match bench.rotate(kind).await {
        Ok(()) if keys() == before => "there is no pair".into(),
        Ok(()) => "yes".into(),
        Err(error) => {
            assert_eq!(bench.changes().len(), changes, "{error}");
            format!("refused: `{}`", error.error_type)
        }
    }
}

#[tokio::test(start_paused = true)]
async fn each_admin_rotates_what_the_page_says() {
    let mut rows = String::new();
    for (kind, named) in TYPES {
        let [pair, identity, token, ending] = [
            outcome(&bench(Admin::Pair), kind).await,
            outcome(&bench(Admin::Identity), kind).await,
            outcome(&bench(Admin::AccessToken), kind).await,
            outcome(&ending_token(), kind).await,
        ];
        writeln!(
            rows,
            "| {named} | {pair} | {identity} | {token} | {ending} |"
        )
        .expect("a string");
    }
    let columns = [
        "rotated",
        "by an admin pair",
        "by an identity (keyless)",
        "by a service access token that never ends",
        "by one that ends",
    ];
    let table = figures::table(&columns, &rows);
    figures::compare("reference/permissions", "who may rotate what", &table);
}
