//! Whose credentials a call carries.

use std::collections::{BTreeSet, HashSet};

use serde::Deserialize;

use super::reply::{Defect, parse};
use crate::keys::{OrganisationId, ServiceAccountId};

/// The user that a request speaks for.
#[derive(Clone, Debug)]
pub struct CurrentUser {
    /// Of a service account, or of a person: ids of both are alike.
    pub id: ServiceAccountId,
    pub organisation: OrganisationId,
    /// The names of the permissions that the user's roles grant together, if the answer tells.
    pub permissions: Option<BTreeSet<String>>,
}

#[derive(Deserialize)]
struct Answer {
    data: User,
    included: Option<Vec<Included>>,
}

#[derive(Deserialize)]
struct User {
    id: String,
    relationships: UserRelationships,
}

#[derive(Deserialize)]
struct UserRelationships {
    org: One,
    roles: Option<Many>,
}

#[derive(Deserialize)]
struct One {
    data: Reference,
}

#[derive(Deserialize)]
struct Many {
    data: Vec<Reference>,
}

#[derive(Deserialize)]
struct Reference {
    id: String,
}

/// A role or a permission; anything else is passed over.
#[derive(Deserialize)]
struct Included {
    id: String,
    #[serde(rename = "type")]
    class: String,
    attributes: Option<Attributes>,
    relationships: Option<RoleRelationships>,
}

#[derive(Deserialize)]
struct Attributes {
    name: Option<String>,
}

#[derive(Deserialize)]
struct RoleRelationships {
    permissions: Option<Many>,
}

pub(super) fn current_user(body: &[u8]) -> Result<CurrentUser, Defect> {
    let Answer { data, included } = parse::<Answer>(body)?;
    let User { id, relationships } = data;
    let permissions = relationships
        .roles
        .zip(included)
        .and_then(|(roles, included)| granted(&roles, &included));
    let (no_user, no_organisation) = ("names no user by a UUID", "names no organisation by a UUID");
    Ok(CurrentUser {
        id: ServiceAccountId::parse(&id).ok_or(no_user)?,
        organisation: OrganisationId::parse(&relationships.org.data.id).ok_or(no_organisation)?,
        permissions,
    })
}

/// `None` unless every role is there with its permissions, and each of them with its name.
fn granted(roles: &Many, included: &[Included]) -> Option<BTreeSet<String>> {
    let of_class = |class: &'static str| included.iter().filter(move |it| it.class == class);
    let mut held = HashSet::new();
    for role in &roles.data {
        let role = of_class("roles").find(|it| it.id == role.id)?;
        let permissions = role.relationships.as_ref()?.permissions.as_ref()?;
        held.extend(permissions.data.iter().map(|it| it.id.as_str()));
    }
    let named: Option<BTreeSet<String>> = of_class("permissions")
        .filter(|it| held.contains(it.id.as_str()))
        .map(|it| it.attributes.as_ref()?.name.clone())
        .collect();
    named.filter(|it| it.len() == held.len())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const USER: &str = "33333333-3333-4333-8333-333333333333";
    const ORGANISATION: &str = "11111111-2222-4333-8444-555555555555";

    fn answer(included: &serde_json::Value) -> CurrentUser {
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
