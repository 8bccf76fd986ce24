//! The proof of identity, held to vectors that other code has made.

#![expect(
    clippy::expect_used,
    reason = "a panic is how a test says that something is wrong"
)]

use std::time::{Duration, UNIX_EPOCH};

use datadog_rotation::identity::{Credentials, Proof, Signing};
use datadog_rotation::keys::OrganisationId;
use serde_json::Value;

const VECTORS: &str = include_str!("../sandbox/recordings/proof-vectors.json");

/// The one time of all vectors, 2026-08-05T12:34:56Z.
const TIME: Duration = Duration::from_secs(1_785_933_296);

fn proof(input: &Value) -> Proof {
    let text = |name: &str| input[name].as_str();
    let credential = |name| text(name).expect("a string");
    assert_eq!(credential("amz_date"), "20260805T123456Z");
    let organisation = OrganisationId::parse(credential("org_uuid")).expect("a UUID");
    Proof::sign(&Signing {
        credentials: Credentials::new(
            credential("access_key_id"),
            credential("secret_access_key"),
            text("session_token").map(str::to_owned),
            None,
            "vector",
        ),
        region: text("region"),
        organisation: &organisation,
        user_agent: text("user_agent"),
        time: UNIX_EPOCH + TIME,
    })
    .expect("a proof")
}

#[test]
fn every_vector_of_our_kind_is_reproduced_to_the_byte() {
    let document: Value = serde_json::from_str(VECTORS).expect("JSON");
    let vectors = document["vectors"].as_array().expect("vectors");
    // One client leaves the body's length unsigned; its signature can't be ours.
    let ours = vectors
        .iter()
        .filter(|it| it["input"]["content_length_signed"] == true);
    let names: Vec<_> = ours
        .map(|vector| {
            assert_eq!(
                proof(&vector["input"]).expose(),
                vector["proof"],
                "{}",
                vector["name"]
            );
            vector["name"].as_str().expect("a name")
        })
        .collect();
    assert_eq!(
        names,
        [
            "agent_golden_global",
            "regional_us_east_1",
            "regional_eu_west_1"
        ]
    );
}
