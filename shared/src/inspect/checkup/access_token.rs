//! A secret's service access token.

use super::{Check, Checkup, Status};
use crate::datadog::OwnedKeyDetails;
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
    if let Some(text) = end_of(secret, &details) {
        to.say(Check::AccessToken, Status::Warning, text);
    }
}

/// Says so if the token ends before the rotation that is to replace it.
fn end_of(secret: &LoadedSecret, details: &OwnedKeyDetails) -> Option<String> {
    let end = details.expires?;
    let next = secret.description.next_rotation?;
    (end <= next).then(|| {
        let (end, next) = (timestamp(end), timestamp(next));
        format!("it ends at {end}, and the next rotation is due by {next}: rotate it before")
    })
}
