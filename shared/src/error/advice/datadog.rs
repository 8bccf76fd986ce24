//! What to do where Datadog does not do what it is asked.

use std::borrow::Cow;

use super::connect::connect_advice;
use super::{QUOTA, room_advice};
use crate::datadog::api_keys::ENROLL;
use crate::datadog::{Call, DatadogError, DatadogProblem, access_tokens, application_keys};
use crate::identity::IdentityError;
use crate::keys::KeyClass;

const AGAIN: &str = "Rotate again.";

const ROUTE: &str =
    "In a VPC the function needs a NAT gateway to reach api.<site>; then rotate again.";

pub(super) fn datadog_advice(error: &DatadogError) -> Cow<'static, str> {
    if let DatadogProblem::Refused { .. } = error.problem {
        return refused(&error.call);
    }
    advice(&error.call, &error.problem).into()
}

fn advice(call: &Call, problem: &DatadogProblem) -> &'static str {
    match problem {
        DatadogProblem::Refused { .. } => "Check the admin pair at Datadog.",
        DatadogProblem::Quota if call.is(&application_keys::CREATE) => {
            room_advice(KeyClass::Application)
        }
        DatadogProblem::Quota if call.is(&access_tokens::CREATE) => {
            room_advice(KeyClass::AccessToken)
        }
        DatadogProblem::Quota => QUOTA,
        DatadogProblem::NameTaken { .. } => {
            "Delete unused keys of this name at Datadog, then rotate again."
        }
        DatadogProblem::NotConnected(error) => connect_advice(error, ROUTE),
        DatadogProblem::TimedOut { .. } => ROUTE,
        DatadogProblem::OutOfTime {
            before: Some(before),
            ..
        } => advice(call, before),
        DatadogProblem::NoTime | DatadogProblem::OutOfTime { .. } => {
            "Raise the function's timeout; then rotate again."
        }
        DatadogProblem::Unexpected { .. } | DatadogProblem::TooLarge => {
            "Look for a proxy between the function and api.<site>; then rotate again."
        }
        DatadogProblem::NotSigned(IdentityError::Partition { .. }) => {
            "Keyless rotation works in commercial regions of AWS alone: name an admin secret with \
             keys here."
        }
        DatadogProblem::NotSigned(_) => "Check the function's role and region; then rotate again.",
        DatadogProblem::NotFound => {
            "Check that the service account still exists at Datadog, and that nothing between the function and \
             api.<site> answers in its place; then rotate again."
        }
        DatadogProblem::Rejected { mentions, .. }
            if call.creates() && mentions.iter().any(|it| it == ENROLL) =>
        {
            "Datadog does not create a key with private_action_runner_enroll_enabled. If the new key may \
             lack it, name it in the field or tag mayLoseAttributes of the secret, and rotate again."
        }
        DatadogProblem::Rejected { .. } if call.creates() => {
            "Perhaps Datadog no longer knows a scope, or the category, of the current key: correct \
             it there, then rotate again. The runbook DatadogRejected shows how to see Datadog's own \
             text."
        }
        DatadogProblem::Rejected { .. } | DatadogProblem::Unavailable { .. }
            if call.deletes_key() =>
        {
            "Rotating again resumes. If it stays, this secret is not rotated any more: look at the key \
             at Datadog and delete it there by hand; rotations go on as soon as it is gone."
        }
        DatadogProblem::Rejected { .. } | DatadogProblem::Trust(_) => {
            "Rotate again; if that does not help, look at the key at Datadog, and report it."
        }
        DatadogProblem::NotSent => "Correct DATADOG_API_URL if it is set; otherwise report it.",
        DatadogProblem::RateLimited { .. }
        | DatadogProblem::Unavailable { .. }
        | DatadogProblem::Cut => AGAIN,
    }
}

fn refused(call: &Call) -> Cow<'static, str> {
    call.permission()
        .map_or("Check the admin pair at Datadog.".into(), |scope| {
            format!(
                "Probably the admin application key, or the role of its service account, lacks \
                 {scope}; add it at Datadog."
            )
            .into()
        })
}
