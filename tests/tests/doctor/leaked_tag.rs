//! What `datadog-doctor check` says of the tag `leakedVersion`.

use datadog_rotation::Kind;
use harness::bench::Bench;
use harness::by_hand::ids;
use harness::doctor::line;
use sandbox::scene::SceneOptions;
use serde_json::Value;

const KIND: Kind = Kind::ApiKey;

fn bench() -> Bench {
    Bench::new(SceneOptions::default())
}

/// The line about the tag, if there is one.
async fn told_of_tag(bench: &Bench, tag: &str) -> (bool, Option<Value>) {
    bench.tag(KIND, "leakedVersion", tag);
    let checkup = bench.checkup(bench.secret(KIND)).await;
    let lines = checkup["checks"].as_array().unwrap();
    let is_about_tag = |it: &&Value| it["text"].as_str().unwrap().contains("leakedVersion");
    (
        checkup["ok"] == true,
        lines.iter().find(is_about_tag).cloned(),
    )
}

#[tokio::test(start_paused = true)]
async fn a_tag_that_names_no_version_is_told() {
    let bench = bench();
    bench.rotate(KIND).await.unwrap();
    let key = ids(&bench.current(KIND)).remove(0);
    let arn = bench.secret(KIND).to_owned();
    let unknown = "11111111-1111-4111-8111-111111111111";
    for tag in [&*key, unknown] {
        let (is_ok, line) = told_of_tag(&bench, tag).await;
        let line = line.unwrap_or_else(|| panic!("{tag}: nothing is said"));
        assert!(!is_ok, "{tag}");
        assert_eq!(line["status"], "warning");
        assert_eq!(line["error_type"], "LeakedVersionUnknown");
        let advice = line["advice"].as_str().unwrap();
        assert!(advice.contains("datadog-doctor leaked"), "{advice}");
    }
    // No version's ID looks like that.
    let (is_ok, line) = told_of_tag(&bench, &arn).await;
    assert!(!is_ok);
    assert_eq!(line.unwrap()["error_type"], "TagMalformed");
}

#[tokio::test(start_paused = true)]
async fn a_version_may_be_named_in_upper_case() {
    let bench = bench();
    bench.rotate(KIND).await.unwrap();
    let leaked = ids(&bench.current(KIND)).remove(0);
    let version = bench.labelled(KIND, "AWSCURRENT").unwrap();
    let (is_ok, line) = told_of_tag(&bench, &version.to_uppercase()).await;
    let text = line.unwrap()["text"].to_string();
    assert!(is_ok && text.contains("names AWSCURRENT"), "{text}");
    bench.rotate(KIND).await.unwrap();
    assert!(!bench.is_live(&leaked), "{}", bench.story());
}

#[tokio::test(start_paused = true)]
async fn a_version_without_label_means_nothing_any_more() {
    let bench = bench();
    bench.rotate(KIND).await.unwrap();
    let version = bench.labelled(KIND, "AWSCURRENT").unwrap();
    for _ in 0..2 {
        bench.rotate(KIND).await.unwrap();
    }
    let (is_ok, line) = told_of_tag(&bench, &version).await;
    let line = line.expect("a line");
    assert!(is_ok);
    assert_eq!(line["status"], "ok");
    let text = line["text"].as_str().unwrap();
    assert!(text.contains("means nothing any more"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn people_are_told_that_something_needs_mending() {
    let bench = bench();
    bench.tag(KIND, "leakedVersion", &"1".repeat(36));
    let told = bench.check(&[bench.secret(KIND)]).await;
    assert!(!told.fine);
    let output = told.output.split_whitespace().collect::<Vec<_>>().join(" ");
    for words in [
        "LeakedVersionUnknown",
        "Rotation would fail for 0 of 1.",
        "1 of 1 needs mending all the same.",
    ] {
        assert!(output.contains(words), "{words}: {output}");
    }
    let checkup = bench.checkup(bench.secret(Kind::ApplicationKey)).await;
    assert_eq!(line(&checkup, "versions")["status"], "ok");
}
