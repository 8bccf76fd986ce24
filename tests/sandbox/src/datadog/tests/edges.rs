//! Edges that learn of a key late, and what else an organisation may be like.

use std::time::Duration;

use http::StatusCode;

use super::super::{Edge, EdgeChoice, ReadOnly};
use super::*;

const ALL: &[&str] = &[
    "api_keys_read",
    "api_keys_write",
    "api_keys_delete",
    "service_account_write",
];

fn late(seconds: u64) -> Edge {
    Edge::late_by(Duration::from_secs(seconds))
}

fn statuses(organisation: &mut Organisation, path: &str) -> [u16; 3] {
    [(); 3].map(|()| organisation.get(path).0)
}

#[test]
fn each_edge_learns_of_a_key_in_its_own_time() {
    let mut organisation = Organisation::with(ALL);
    organisation.datadog.settings.edges = vec![late(0), late(5), late(10)];
    let key = minted(&organisation.create_api_key("one").1);
    let path = format!("/api/v2/api_keys/{}", key.id);

    // The creation was the first edge's.
    assert_eq!(statuses(&mut organisation, &path), [404, 404, 200]);
    assert_eq!(
        organisation.delete(&path),
        404,
        "nothing is deleted where nothing is known"
    );
    assert!(organisation.datadog.key(&key.id).unwrap().is_live());
    organisation.later(7);
    assert_eq!(statuses(&mut organisation, &path), [404, 200, 200]);
    assert!(
        !organisation
            .datadog
            .is_usable_everywhere(organisation.now, &key.value)
    );
    organisation.later(3);
    assert_eq!(statuses(&mut organisation, &path), [200, 200, 200]);
    assert!(
        organisation
            .datadog
            .is_usable_everywhere(organisation.now, &key.value)
    );
}

#[test]
fn edges_may_lag_in_one_thing_alone() {
    let mut organisation = Organisation::with(ALL);
    let lag = Duration::from_secs(5);
    for (edge, expected) in [
        (
            Edge {
                by_id: lag,
                ..Edge::default()
            },
            (404, 1, 200),
        ),
        (
            Edge {
                lists: lag,
                ..Edge::default()
            },
            (200, 0, 200),
        ),
        (
            Edge {
                authentication: lag,
                ..Edge::default()
            },
            (200, 1, 401),
        ),
    ] {
        organisation.datadog.settings.edges = vec![edge];
        let name = format!("{edge:?}");
        let key = minted(&organisation.create_api_key(&name).1);
        let by_id = organisation.get(&format!("/api/v2/api_keys/{}", key.id)).0;
        let list = organisation.get("/api/v2/api_keys?page[size]=100").1;
        let listed = list["data"].as_array().unwrap().iter();
        let listed = listed.filter(|it| it["id"] == key.id).count();
        let old = std::mem::replace(&mut organisation.pair.0, key);
        let with_it = organisation.get("/api/v1/validate").0;
        organisation.pair.0 = old;

        assert_eq!((by_id, listed, with_it), expected, "{edge:?}");
    }
}

#[test]
fn drawn_edges_are_drawn_alike_by_the_same_seed() {
    let story = |seed| {
        let mut organisation = Organisation::with(ALL);
        organisation.datadog.settings.edges = vec![late(0), late(10)];
        organisation.datadog.settings.edge_choice = EdgeChoice::Drawn(seed);
        let key = minted(&organisation.create_api_key("one").1);
        let path = format!("/api/v2/api_keys/{}", key.id);
        [(); 20].map(|()| organisation.get(&path).0)
    };
    assert_eq!(story(1), story(1));
    assert_ne!(story(1), story(2));
    assert!(story(1).contains(&200) && story(1).contains(&404));
}

#[test]
fn names_pages_shapes_and_read_only_attributes_are_the_organisations_to_choose() {
    let mut organisation = Organisation::with(ALL);
    let attribute = "private_action_runner_enroll_enabled".to_owned();
    let settings = &mut organisation.datadog.settings;
    settings.upper_case_names = true;
    settings.most_per_page = 1;
    settings.new_shape = true;
    settings.read_only_attributes = [(attribute.clone(), false)].into();
    let mut attributes = json!({ "name": "Some-NAME" });
    attributes[&attribute] = true.into();

    let created = organisation
        .call("POST", "/api/v2/api_keys", &new("api_keys", attributes))
        .1;

    let shown = &created["data"]["attributes"];
    assert_eq!(shown["name"], "SOME-NAME");
    assert_eq!(shown[&attribute], false, "POST ignores it");
    assert!(shown["key"].as_str().unwrap().starts_with("ddnew2_"));
    let list = organisation.get("/api/v2/api_keys?page[size]=100").1;
    assert_eq!(list["data"].as_array().unwrap().len(), 1);
    assert_eq!(list["meta"]["page"]["total_filtered_count"], 2);
    let id = id_of(&created);
    organisation.datadog.switch(&id, &attribute, true);
    let looked_up = organisation.get(&format!("/api/v2/api_keys/{id}")).1;
    assert_eq!(looked_up["data"]["attributes"][&attribute], true);
    organisation.datadog.settings.asked_for_read_only = ReadOnly::Taken;
    for asked in [true, false] {
        let mut attributes = json!({ "name": format!("another {asked}") });
        attributes[&attribute] = asked.into();
        let another = organisation
            .call("POST", "/api/v2/api_keys", &new("api_keys", attributes))
            .1;
        assert_eq!(
            another["data"]["attributes"][&attribute], asked,
            "{another}"
        );
    }
}

#[test]
fn a_key_that_cannot_be_deleted_lives_until_it_can() {
    let mut organisation = Organisation::with(ALL);
    let api = id_of(&organisation.create_api_key("one").1);
    let application = id_of(
        &organisation
            .create_application_key(json!({"name": "one"}))
            .1,
    );
    for (id, path) in [
        (&api, format!("/api/v2/api_keys/{api}")),
        (&application, organisation.own(&application)),
    ] {
        organisation
            .datadog
            .refuse_deletion(id, StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(organisation.delete(&path), 405);
        assert!(organisation.datadog.key(id).unwrap().is_live());
        organisation.datadog.allow_deletions();
        assert_eq!(organisation.delete(&path), 204);
    }
}
