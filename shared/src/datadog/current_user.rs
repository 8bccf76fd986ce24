//! The user that a request speaks for: <https://docs.datadoghq.com/api/latest/users/>.

use std::collections::{BTreeSet, HashSet};

use http::Method;
use serde_json::Value;

use super::call::{Effect, Endpoint, OK_OR_CREATED};
use super::limits::Family;
use super::resource::{Defect, parse};
use super::{Authority, Call, Datadog, DatadogError};
use crate::deadline::Deadline;
use crate::keys::{OrganisationId, ServiceAccountId};

/// It takes no permission beside credentials that work.
static GET: Endpoint = Endpoint {
    method: Method::GET,
    success: OK_OR_CREATED,
    permissions: &[],
    effect: Effect::Repeatable,
    family: Family::named("users"),
};

/// The user that a request speaks for.
#[derive(Clone, Debug)]
pub struct CurrentUser {
    /// Of a service account, or of a person: ids of both are alike.
    pub id: ServiceAccountId,
    pub organisation: OrganisationId,
    /// The names of the permissions that the user's roles grant together, if the answer tells.
    pub permissions: Option<BTreeSet<String>>,
}

impl Call {
    #[must_use]
    pub fn current_user() -> Self {
        let name = "look-up of the current user".into();
        Self::new(&GET, "/api/v2/current_user".into(), name)
    }
}

impl Datadog {
    /// Returns the user that the request speaks for.
    pub async fn current_user(
        &self,
        authority: &Authority,
        deadline: &Deadline,
    ) -> Result<CurrentUser, DatadogError> {
        self.ask(authority, Call::current_user(), deadline, current_user)
            .await
    }
}

/// Reads what is looked for, and passes over all else whatever its shape.
fn current_user(body: &[u8]) -> Result<CurrentUser, Defect> {
    let answer: Value = parse(body)?;
    let id = |pointer: &str| answer.pointer(pointer).and_then(Value::as_str);
    let user = id("/data/id").and_then(ServiceAccountId::parse);
    let organisation = id("/data/relationships/org/data/id").and_then(OrganisationId::parse);
    Ok(CurrentUser {
        id: user.ok_or("names no user by a UUID")?,
        organisation: organisation.ok_or("names no organisation by a UUID")?,
        permissions: granted(&answer),
    })
}

/// `None` unless every role is there with its permissions, and each of them with its name.
fn granted(answer: &Value) -> Option<BTreeSet<String>> {
    let included = answer.get("included")?.as_array()?;
    let of_class = |class: &'static str| {
        let is_of_class = move |it: &&Value| it.get("type").and_then(Value::as_str) == Some(class);
        included.iter().filter(is_of_class)
    };
    let mut held = HashSet::new();
    for role in ids(answer.pointer("/data/relationships/roles/data")?)? {
        let role = of_class("roles").find(|it| id(it) == Some(role))?;
        held.extend(ids(role.pointer("/relationships/permissions/data")?)?);
    }
    let named: Option<BTreeSet<String>> = of_class("permissions")
        .filter(|it| id(it).is_some_and(|id| held.contains(id)))
        .map(|it| Some(it.pointer("/attributes/name")?.as_str()?.to_owned()))
        .collect();
    named.filter(|it| it.len() == held.len())
}

fn ids(references: &Value) -> Option<Vec<&str>> {
    references.as_array()?.iter().map(id).collect()
}

fn id(resource: &Value) -> Option<&str> {
    resource.get("id")?.as_str()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const USER: &str = "33333333-3333-4333-8333-333333333333";
    const ORGANISATION: &str = "11111111-2222-4333-8444-555555555555";

    fn answer(included: &Value) -> CurrentUser {
        let body = json!({
            "data": {
                "type": "users", "id": USER,
                "relationships": {
                    "org": { "data": { "type": "orgs", "id": ORGANISATION } },
                    "roles": { "data": [{ "type": "roles", "id": "R" }] },
                },
            },
            "included": included,
        });
        current_user(body.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn permissions_are_those_of_the_users_own_roles() {
        let role = |id: &str, permission: &str| {
            json!({ "type": "roles", "id": id, "attributes": { "name": id }, "relationships": {
                "permissions": { "data": [{ "type": "permissions", "id": permission }] } } })
        };
        let permission = |id: &str, name: &str| json!({ "type": "permissions", "id": id, "attributes": { "name": name } });
        let user = answer(&json!([
            role("R", "1"),
            role("other", "2"),
            permission("1", "api_keys_write"),
            permission("2", "org_management"),
        ]));
        let ids = (user.id.as_str(), user.organisation.as_str());
        assert_eq!(ids, (USER, ORGANISATION));
        assert_eq!(
            user.permissions.unwrap().into_iter().collect::<Vec<_>>(),
            ["api_keys_write"]
        );

        // What is not looked for may have any shape.
        let odd = json!({ "type": "orgs", "id": 7, "attributes": [], "relationships": "none" });
        let among = [
            odd,
            role("R", "1"),
            permission("1", "x"),
            json!(null),
            json!({}),
        ];
        assert!(answer(&json!(among)).permissions.is_some());

        // Half an answer is no answer: a permission must not look missing that is there.
        for included in [
            json!([]),
            json!([role("R", "1")]),
            json!([permission("1", "x")]),
        ] {
            assert_eq!(answer(&included).permissions, None, "{included}");
        }
    }
}
