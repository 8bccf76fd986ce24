//! Namespaces of `CloudWatch`, checked against Datadog's own list before anything is changed.

use std::time::Duration;

use super::{Wanted, settings};
use crate::context::Context;
use crate::error::TrustError;

/// Names that have less in common are no likely slips.
const LIKENESS: f64 = 0.6;

impl Context<'_> {
    /// That Datadog knows the namespaces that the resource's settings choose between. Where the list
    /// can't be had, Datadog is the judge.
    pub(super) async fn must_know_namespaces(&self, wanted: &Wanted) -> Result<(), TrustError> {
        let chosen = settings::namespaces(&wanted.settings);
        if chosen.is_empty() {
            return Ok(());
        }
        // One answer may lack something: only what two do not have is unknown.
        let mut missing = None;
        for _ in 0..2 {
            let known = match self.admin.namespaces().await {
                Ok(known) if !known.is_empty() => known,
                Ok(_) => return Ok(()),
                Err(problem) => {
                    tracing::warn!(%problem, "namespaces are not checked");
                    return Ok(());
                }
            };
            let Some(name) = chosen
                .iter()
                .find(|it| !known.iter().any(|known| known == **it))
            else {
                return Ok(());
            };
            missing = Some(TrustError::Namespace {
                name: name.chars().take(100).collect(),
                nearest: nearest(name, &known),
            });
            self.deadline
                .pause(Duration::from_secs(2), Duration::ZERO)
                .await;
        }
        missing.map_or(Ok(()), Err)
    }
}

fn nearest(name: &str, known: &[String]) -> Option<String> {
    let name = name.to_lowercase();
    let likeness = |it: &&String| strsim::normalized_damerau_levenshtein(&name, &it.to_lowercase());
    let known = known.iter().map(|it| (likeness(&it), it));
    let (likeness, nearest) = known.max_by(|one, other| one.0.total_cmp(&other.0))?;
    (likeness >= LIKENESS).then(|| nearest.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_told_and_other_names_are_not() {
        let known = ["AWS/EC2", "AWS/ECS", "AWS/ElasticMapReduce", "AWS/SQS"].map(str::to_owned);
        for (name, right) in [
            ("AWS/Ec2", Some("AWS/EC2")),
            ("AWS/ElasticMapReduec", Some("AWS/ElasticMapReduce")),
            ("aws/sqs", Some("AWS/SQS")),
            ("SQS", None),
            ("CWAgent", None),
        ] {
            assert_eq!(nearest(name, &known).as_deref(), right, "{name}");
        }
        assert_eq!(nearest("AWS/EC2", &[]), None);
    }
}
