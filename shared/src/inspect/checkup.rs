//! The doctor's checkup: the engine's own checks, each by itself, on a secret whose rotation need
//! not be turned on. Read-only.

mod access_token;
mod advice;
mod api_key;
mod described;
mod endpoint;
mod finding;
mod function;
mod holding;
mod pending;
mod shared_keys;

pub(super) use advice::advice;
pub use finding::{Check, Checkup, Finding, Status};
pub use shared_keys::say_shared_keys;

use access_token::{examine_access_token, examine_admin_token};
use api_key::{examine_api_key, examine_reading};
use described::{say_grace, say_leaked, say_replicas, say_rotation, say_versions, sound};
use function::{Look, say_function};
use pending::examine_pending;

use super::Unreached;
use super::inspector::{Inspector, OpenedSecret};
use crate::admin::{Admin, Reach};
use crate::datadog::KeyQuota;
use crate::deadline::Deadline;
use crate::error::Problem;
use crate::keys::KeyClass;
use crate::rotation::context::{LoadedSecret, SecretReader};
use crate::rotation::observe::{AdminSource, NamedBy};
use crate::secrets::{CURRENT, Description, PREVIOUS, SecretArn, Secrets};
use crate::value::ValueError;

impl Inspector {
    /// Returns what a rotation of this secret would fail on, as far as it can be told without effects. Ends
    /// when `lost` does, with what was found by then.
    pub async fn checkup(
        &self,
        secret: &str,
        deadline: &Deadline,
        lost: impl Future<Output = Unreached>,
    ) -> Checkup {
        let (mut checkup, look) = (Checkup::of(secret), Look::new());
        let unreached = tokio::select! {
            _ = Box::pin(self.examine(&mut checkup, &look, deadline)) => None,
            unreached = lost => Some(unreached),
        };
        say_function(&mut checkup, look);
        if let Some(unreached) = unreached {
            checkup.say_unreached(&unreached);
        }
        checkup.complete()
    }

    /// Ends early where nothing more can be looked at.
    async fn examine(&self, to: &mut Checkup, look: &Look, deadline: &Deadline) -> Option<()> {
        let secret = to.secret.clone();
        let secrets = self
            .clients
            .secrets
            .in_region_of(&SecretArn::trusted(&secret));
        let described = secrets.describe(&secret, deadline).await;
        let described = described.map_err(Problem::from);
        let description = to.take(Check::Secret, described.and_then(sound))?;
        to.name = Some(description.name.clone());
        to.secret = description.arn.to_string();
        let (status, text) = endpoint::of_aws(self.clients.settings.secrets_manager_url.as_deref());
        to.say(Check::Secret, status, text);
        say_rotation(to, &description, deadline.now());
        say_grace(to, &description);
        say_replicas(to, &description.replicas);
        let function = self.look_at_function(&description, look, deadline);
        let rest = self.examine_versions(to, &secrets, &description, deadline);
        let ((), rest) = tokio::join!(function, rest);
        rest
    }

    async fn examine_versions(
        &self,
        to: &mut Checkup,
        secrets: &Secrets,
        description: &Description,
        deadline: &Deadline,
    ) -> Option<()> {
        let secret = description.arn.as_str();
        let versions = secrets.versions(secret, deadline).await;
        if let Some(labels) = to.take(Check::Versions, versions.map_err(Problem::from)) {
            say_versions(to, &labels);
            say_leaked(to, description, &labels);
        }
        let opened = match self.open(secret, deadline).await {
            Ok(opened) => opened,
            Err(unopened) => {
                to.fail(Check::Value, &unopened.problem);
                to.add(unopened.hint);
                return None;
            }
        };
        let kind = opened.kind;
        to.kind = Some(kind);
        say_value(to, &opened);
        to.hold(CURRENT, &opened.current.credential);
        let reader = opened.reader(deadline);
        if let Ok(previous) = reader.previous_of(&opened.description).await {
            let held = previous.iter().map(|it| &it.credential);
            held.for_each(|it| to.hold(PREVIOUS, it));
        } else {
            let text =
                "AWSPREVIOUS can't be read: its keys are not compared with those of other secrets";
            to.say(Check::Versions, Status::Unknown, text);
        }
        let (admin, rotates_itself) = admin_of(to, &opened, deadline).await?;
        let (clients, secret) = opened.load(admin, rotates_itself);
        let reader = SecretReader {
            kind,
            clients: &clients,
            secret: &secret.description.arn,
            deadline,
        };
        examine_at_datadog(to, reader, &secret).await?;
        examine_pending(to, reader, &secret).await;
        Some(())
    }
}

fn say_value(to: &mut Checkup, opened: &OpenedSecret) {
    let stale = opened
        .current
        .value
        .stale_aliases(&opened.current.credential);
    if stale.is_empty() {
        let text = format!("a {} with all its fields", opened.kind.name());
        to.say(Check::Value, Status::Ok, text);
    } else {
        let stale = stale.join(", ");
        let text = format!("{stale}: named like a key that the value holds, but of another text");
        to.say(Check::Value, Status::Warning, text);
    }
}

async fn admin_of(
    to: &mut Checkup,
    opened: &OpenedSecret,
    deadline: &Deadline,
) -> Option<(Admin, bool)> {
    let reader = opened.reader(deadline);
    let source = reader.choose_admin(&opened.description, &opened.current.value);
    let source = to.take(Check::AdminSecret, source)?;
    let how = match &source {
        AdminSource::Secret(NamedBy::Field, arn) => format!("by the field adminSecretArn: {arn}"),
        AdminSource::Secret(NamedBy::Tag, arn) => format!("by the tag adminSecretArn: {arn}"),
        AdminSource::Secret(NamedBy::Setting, arn) => {
            format!("by --admin-secret or ADMIN_SECRET_ARN: {arn}")
        }
        AdminSource::Itself => "itself".to_owned(),
        AdminSource::Identity(it) => format!(
            "none: the function's own identity, by DATADOG_ORG_UUID, for service account {}",
            it.service_account
        ),
    };
    match opened.admin(&source, deadline).await {
        Ok((admin, rotates_itself)) => {
            if let AdminSource::Secret(_, arn) = &source {
                to.hold_admin(arn, &admin);
            }
            let held = if admin.is_access_token() {
                ", which holds a service access token"
            } else {
                ""
            };
            to.say(Check::AdminSecret, Status::Ok, format!("{how}{held}"));
            let url = opened.clients.settings.datadog_api_url.as_deref();
            let (status, text) = endpoint::of_datadog(url, admin.site());
            to.say(Check::Site, status, text);
            Some((admin, rotates_itself))
        }
        Err(problem) if is_about_site(&problem) => {
            to.say(Check::AdminSecret, Status::Ok, how);
            to.fail(Check::Site, &problem);
            None
        }
        Err(problem) => {
            to.fail(Check::AdminSecret, &problem);
            None
        }
    }
}

fn is_about_site(problem: &Problem) -> bool {
    matches!(
        problem,
        Problem::AdminMalformed {
            source: ValueError::UnknownSite { .. }
                | ValueError::Missing("site")
                | ValueError::NotAString { field: "site", .. },
            ..
        }
    )
}

async fn examine_at_datadog(
    to: &mut Checkup,
    reader: SecretReader<'_>,
    secret: &LoadedSecret,
) -> Option<()> {
    let credential = &secret.current.credential;
    if credential.is_keyless() {
        say_keyless(to);
    }
    let is_same = to.take(
        Check::ServiceAccount,
        secret.refuse_other_account(&secret.current),
    );
    if is_same.is_some() && credential.service_account().is_some() {
        let text = format!("{}, the admin's own", secret.admin.service_account());
        to.say(Check::ServiceAccount, Status::Ok, text);
    }
    match secret.admin.must_work().await {
        Err(Problem::IdentityRefused { .. }) => {
            let text = "Datadog takes the identity that this runs with for nobody; whether it \
                        takes the function's, that function alone can tell (testSecret)";
            to.say(Check::AdminKeys, Status::Unknown, text);
            return None;
        }
        answer => to.take(Check::AdminKeys, answer)?,
    }
    to.say(Check::AdminKeys, Status::Ok, "accepted by Datadog");
    examine_admin_token(to, reader, secret).await;
    examine_scopes(to, reader, secret).await;
    examine_permissions(to, reader, secret).await;
    if is_same.is_some() && credential.token().is_some() {
        examine_access_token(to, reader, secret).await;
    }
    if let Some(owned) = credential
        .owned()
        .filter(|it| it.key.class == KeyClass::Application)
    {
        // Of another account's key nothing is asked, as in a rotation.
        if is_same.is_some() {
            let found = reader.verify_owned_key(secret, &owned).await;
            if let Some(found) = to.take(Check::ApplicationKey, found) {
                let text = format!("{} works, is of this account and of this ID", owned.key);
                to.say(Check::ApplicationKey, Status::Ok, text);
                to.say_other_owner(Check::ApplicationKey, secret, &owned.key, &found.name);
            }
        }
        if let Some(room) = to.take(
            Check::ApplicationKeyQuota,
            secret.admin.app_key_quota().await,
        ) {
            say_room(to, Check::ApplicationKeyQuota, KeyClass::Application, room);
        }
    }
    if credential.api().is_some() {
        examine_api_key(to, reader, secret).await;
        examine_reading(to, secret).await;
    }
    Some(())
}

/// Of an admin secret without keys.
fn say_keyless(to: &mut Checkup) {
    for check in [
        Check::ApplicationKey,
        Check::ApplicationKeyQuota,
        Check::ApiKey,
        Check::Organisation,
        Check::ApiKeyAttributes,
        Check::ApiKeysRead,
        Check::ApiKeyQuota,
    ] {
        to.say(
            check,
            Status::Ok,
            "the secret holds no keys: nothing to rotate",
        );
    }
}

async fn examine_scopes(to: &mut Checkup, reader: SecretReader<'_>, secret: &LoadedSecret) {
    let required = reader.kind.required_scopes();
    let (status, text) = match to.take(Check::Scopes, secret.admin.must_have(required).await) {
        Some(Reach::Enough) => (Status::Ok, "the admin has those that the type needs"),
        Some(Reach::Unscoped) => {
            let text = "the admin application key is unscoped: it may do all that its owner may";
            (Status::Ok, text)
        }
        Some(Reach::Unknown) => (Status::Unknown, "the admin is not shown its own scopes"),
        None => return,
    };
    to.say(Check::Scopes, status, text);
}

/// A key may do what its scopes and its owner's role both allow.
async fn examine_permissions(to: &mut Checkup, reader: SecretReader<'_>, secret: &LoadedSecret) {
    // No rotation asks for this: that it fails proves nothing.
    let Ok(Some(permitted)) = secret.admin.permissions().await else {
        let text = "Datadog does not tell what the role of the service account permits";
        return to.say(Check::Permissions, Status::Unknown, text);
    };
    let required = reader.kind.required_scopes().iter().copied();
    let missing: Vec<_> = required.filter(|it| !permitted.contains(*it)).collect();
    if missing.is_empty() {
        let text = "the role of the service account has those that the type needs";
        to.say(Check::Permissions, Status::Ok, text);
    } else {
        let account = secret.admin.service_account().clone();
        to.fail(
            Check::Permissions,
            &Problem::MissingPermissions { account, missing },
        );
    }
}

/// A rotation makes one key of each class before it deletes one.
fn say_room(to: &mut Checkup, check: Check, class: KeyClass, room: KeyQuota) {
    match (room.used, room.allowed) {
        (Some(used), Some(allowed)) if used >= allowed => {
            let problem = Problem::NoRoom {
                class,
                used,
                allowed,
            };
            to.fail(check, &problem);
        }
        (Some(used), Some(allowed)) => {
            let text = format!("{used} of {allowed} {class}s exist; a rotation needs one more");
            to.say(check, Status::Ok, text);
        }
        _ => to.say(check, Status::Unknown, "Datadog does not tell it"),
    }
}
