//! The program itself, over sockets, and told to stop as a terminal does.

use std::time::Duration;

use harness::listen::indiscretion;
use sandbox::gate::{Call, Fate};
use sandbox::scene::SceneOptions;
use serde_json::Value;
use tokio::process::{Child, Command};

use crate::open_world::{OpenWorld, text};

fn live(site: &OpenWorld) -> usize {
    site.gate.with_world(|world| {
        let keys = world.datadog.keys().iter();
        keys.filter(|it| it.is_live()).count()
    })
}

#[tokio::test]
async fn all_is_asked_and_nothing_is_left() {
    let site = OpenWorld::open(SceneOptions::default()).await;
    let before = live(&site);
    let admin = site.scene.secrets.admin_key.clone();
    let output = site
        .doctor(&["probe", "--json", "--admin-secret", &admin])
        .await;
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{document:#}");
    assert_eq!(document["ok"], true);
    assert!(text(&output.stderr).contains("making API key datadog-doctor-probe-"));
    assert_eq!(live(&site), before);
    let usage = site.doctor(&["probe", &admin]).await;
    assert_eq!(usage.status.code(), Some(2));
}

async fn signal(child: &Child, name: &str) {
    let id = child.id().unwrap().to_string();
    let sent = Command::new("kill").args([name, &id]).status().await;
    assert!(sent.unwrap().success());
}

/// At a call that takes its time: the creation of the application key, which is answered after the
/// program has given up listening, and a validation.
#[tokio::test]
async fn a_signal_ends_it_with_nothing_left() {
    for (name, operation) in [
        (
            "-INT",
            "POST /api/v2/service_accounts/{id}/application_keys",
        ),
        ("-TERM", "GET /api/v1/validate"),
        ("-HUP", "GET /api/v2/validate_keys"),
    ] {
        let site = OpenWorld::open(SceneOptions::default()).await;
        let before = live(&site);
        let (met, mut meeting) = tokio::sync::mpsc::unbounded_channel();
        site.gate.follow(move |call: &Call| {
            // The first validation of the pair is that of the admin's own.
            let is_late = call.number > 3;
            if call.operation == operation && is_late {
                met.send(()).unwrap();
                Fate::Slow(Duration::from_secs(1))
            } else {
                Fate::Pass
            }
        });
        let child = site.begin(&["probe", "--admin-secret", &site.scene.secrets.admin_key]);
        meeting.recv().await.unwrap();
        signal(&child, name).await;
        let output = child.wait_with_output().await.unwrap();
        let said = format!("{}{}", text(&output.stdout), text(&output.stderr));
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("not asked: interrupted"), "{said}");
        assert_eq!(indiscretion(&site.gate, &said), None);
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(live(&site), before, "{said}");
    }
}
