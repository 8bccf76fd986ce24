//! A secret's service access token.

use super::{Check, Checkup, Status};
use crate::admin::Reach;
use crate::datadog::OwnedKeyDetails;
use crate::error::{AdminTokenDefect, Problem};
use crate::rotation::context::{LoadedSecret, SecretReader};
use crate::timestamp::timestamp;

/// Verifies the current token as createSecret would, and compares its end with the next rotation.
pub(super) async fn examine_access_token(
    to: &mut Checkup,
    reader: SecretReader<'_>,
    secret: &LoadedSecret,
) {
    let verified = reader.verify_current(secret).await.map(|it| it.token);
    let Some(Some(details)) = to.take(Check::AccessToken, verified) else {
        return;
    };
    let key = secret.current.credential.keys();
    let key = key.first().map(ToString::to_string).unwrap_or_default();
    let text = format!("{key} works, is of this account and of this ID");
    to.say(Check::AccessToken, Status::Ok, text);
    if let Some(token) = secret.current.credential.token() {
        let key = token.key_ref();
        to.say_other_owner(Check::AccessToken, secret, &key, &details.name);
    }
    if let Some(text) = end_of(secret, &details) {
        let advice = "Rotate the secret before the token ends (rotate-secret): the new token ends by \
                      daysToExpiry, or never without it.";
        to.warn(Check::AccessToken, "TokenEndsTooSoon", text, advice);
    }
    let scopes = details.scopes.as_ref();
    let verified = reader.verify_admin_token(&secret.admin, scopes).await;
    // What does not depend on the scopes has been said.
    if let Err(problem) = verified
        && let Problem::AdminToken {
            defect: AdminTokenDefect::LacksScopes(_),
            ..
        } = problem
    {
        to.fail(Check::Scopes, &problem);
    }
}

/// Says whether the token that the admin acts by goes on for ever.
pub(super) async fn examine_admin_token(
    to: &mut Checkup,
    reader: SecretReader<'_>,
    secret: &LoadedSecret,
) {
    if !secret.admin.is_access_token() {
        return;
    }
    let verified = reader.verify_admin_token(&secret.admin, None).await;
    match to.take(Check::AdminKeys, verified) {
        Some(Reach::Unknown) => {
            let text = "whether the token ends by itself is not known: it may not look itself up \
                        without service_account_write";
            to.say(Check::AdminKeys, Status::Warning, text);
        }
        Some(Reach::Enough | Reach::Unscoped) => {
            to.add(Some("The token does not end by itself".to_owned()));
        }
        None => {}
    }
}

/// Says so if the token ends before the rotation that is to replace it.
fn end_of(secret: &LoadedSecret, details: &OwnedKeyDetails) -> Option<String> {
    let end = details.expires?;
    let next = secret.description.next_rotation?;
    (end <= next).then(|| {
        let (end, next) = (timestamp(end), timestamp(next));
        format!(
            "it ends at {end}, and the next rotation is due by {next}: consumers fail in between"
        )
    })
}
