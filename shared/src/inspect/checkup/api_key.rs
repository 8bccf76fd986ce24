//! What is said of a current API key.

use super::{Check, Checkup, Status, say_room};
use crate::datadog::api_keys::ENROLL;
use crate::datadog::{ApiKeyDetails, Attributes};
use crate::error::Problem;
use crate::keys::KeyClass;
use crate::rotation::context::{LoadedSecret, SecretReader};
use crate::rotation::observe::ApiKeyVerification;

/// The attributes that a rotation gives to the next key, or asks for.
const COPIED: [&str; 3] = ["category", "remote_config_read_enabled", ENROLL];

pub(super) async fn examine_api_key(
    to: &mut Checkup,
    reader: SecretReader<'_>,
    secret: &LoadedSecret,
) {
    let Some(part) = secret.current.credential.api() else {
        return;
    };
    let key = part.key_ref();
    match reader.verify_api_key(secret, part).await {
        Ok(ApiKeyVerification::Works) => {
            let text = format!("{key} works; whether it is of this ID is not known");
            to.say(Check::ApiKey, Status::Warning, text);
            let text = "not known without api_keys_read and without /api/v2/validate";
            to.say(Check::Organisation, Status::Unknown, text);
            say_attributes_unknown(to);
        }
        Err(problem @ Problem::OrganisationMismatch { .. }) => {
            let text = format!("{key} works, and is of this ID");
            to.say(Check::ApiKey, Status::Ok, text);
            to.fail(Check::Organisation, &problem);
        }
        known => {
            if let Some(known) = to.take(Check::ApiKey, known) {
                let mut name = None;
                match known {
                    ApiKeyVerification::Found(details) => {
                        say_attributes(to, secret, &details);
                        name = Some(details.name);
                    }
                    _ => say_attributes_unknown(to),
                }
                let text = format!("{key} works, and is of this ID");
                to.say(Check::ApiKey, Status::Ok, text);
                to.say(Check::Organisation, Status::Ok, "the admin's own");
                if let Some(name) = name {
                    to.say_other_owner(Check::ApiKey, secret, &key, &name);
                }
            }
        }
    }
}

pub(super) async fn examine_reading(to: &mut Checkup, secret: &LoadedSecret) {
    match to.take(Check::ApiKeysRead, secret.admin.api_key_quota().await) {
        Some(Some(room)) => {
            let text = "there: orphaned API keys are found, category and settings copied";
            to.say(Check::ApiKeysRead, Status::Ok, text);
            say_room(to, Check::ApiKeyQuota, KeyClass::Api, room);
        }
        Some(None) => {
            let text = "not there; with it rotations find orphaned API keys and copy category and \
                        settings, and the quota can be seen";
            to.say(Check::ApiKeysRead, Status::Warning, text);
            let text = "not known without api_keys_read";
            to.say(Check::ApiKeyQuota, Status::Unknown, text);
        }
        None => {}
    }
}

fn say_attributes_unknown(to: &mut Checkup) {
    let text = "not known without api_keys_read";
    to.say(Check::ApiKeyAttributes, Status::Unknown, text);
}

/// Names the attributes that the next key will lack, or may.
fn say_attributes(to: &mut Checkup, secret: &LoadedSecret, current: &ApiKeyDetails) {
    let shown = current.attributes.lost_in(&Attributes::default());
    let names = shown.iter().map(String::as_str);
    let lost: Vec<_> = names.filter(|it| !COPIED.contains(it)).collect();
    let enrolls = current.attributes.is_true(ENROLL);
    let (status, text) = match (enrolls, &lost[..]) {
        (true, _) if !secret.may_lose(ENROLL) => (
            Status::Warning,
            format!(
                "the key has {ENROLL}. A rotation asks Datadog for a key that has it too; if the \
                 new key comes without it, the rotation deletes that key and ends in \
                 AttributeLost. If the attribute may go, name it in the field or tag \
                 mayLoseAttributes"
            ),
        ),
        (_, [_, ..]) => (
            Status::Warning,
            format!(
                "the next key will lack what no rotation copies: {}",
                lost.join(", ")
            ),
        ),
        (true, []) => (
            Status::Ok,
            format!("the next key may lack {ENROLL}, as mayLoseAttributes says"),
        ),
        (false, []) => (Status::Ok, "the next key will have them all".to_owned()),
    };
    to.say(Check::ApiKeyAttributes, status, text);
}
