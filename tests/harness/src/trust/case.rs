//! What is swept: which resource, through which changes of its stack, in which world.

use std::fmt;

use sandbox::datadog::MappingKind;
use serde_json::{Value, json};

use super::Site;
use super::stack::{Outcome, Stack, Way};

/// The account that the stack is in, registered or not.
pub const AWS_ACCOUNT: &str = sandbox::stack::ACCOUNT;
const ANOTHER_AWS_ACCOUNT: &str = "210987654321";

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Resource {
    Identity,
    Intake,
    Account,
}

/// What is done with the stack before it is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// It is created.
    Nothing,
    /// The mapping is to be for another service account; the registration gets other settings.
    InPlace,
    InPlaceInVain(Way),
    /// Another role; another AWS account.
    Another,
    AnotherInVain(Way),
    /// What the resource wants is there already, and is adopted.
    Adopted,
    /// It is not.
    Refused,
    /// The registration is there already, by access keys, and is switched.
    Switched,
    SwitchedInVain,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Case {
    pub resource: Resource,
    pub change: Change,
}

impl Case {
    #[must_use]
    pub fn all(resource: Resource) -> Vec<Self> {
        use Change::{Adopted, Another, AnotherInVain, InPlace, InPlaceInVain, Nothing, Refused};
        let mut changes = vec![Nothing, Another, Adopted, Refused];
        changes.extend([Way::WithNewId, Way::WithOldId].map(AnotherInVain));
        // An intake mapping has nothing but its pattern.
        if resource != Resource::Intake {
            changes.push(InPlace);
            changes.extend([Way::WithNewId, Way::WithOldId].map(InPlaceInVain));
        }
        if resource == Resource::Account {
            changes.extend([Change::Switched, Change::SwitchedInVain]);
        }
        changes.sort();
        changes
            .into_iter()
            .map(|change| Self { resource, change })
            .collect()
    }

    /// What others have made before.
    pub fn set(self, site: &Site) {
        site.gate.with_world(|world| {
            let datadog = &mut world.datadog;
            datadog.map_identity(&pattern("of-others"), &site.account);
            datadog.map_intake(&pattern("agents-of-others"));
            let role = json!({ "role_name": "Others", "external_id": "0".repeat(32) });
            datadog.integrate("999999999999", &role, &json!({ "account_tags": ["a:b"] }));
            let settings = json!({
                "account_tags": ["team:a"], "metrics_config": { "enabled": false },
                "aws_regions": { "include_only": ["eu-west-1"] },
            });
            let own = json!({ "role_name": "Datadog", "external_id": "1".repeat(32) });
            let keys = json!({ "access_key_id": "AKIAIOSFODNN7EXAMPLE" });
            match (self.resource, self.change) {
                (Resource::Account, Change::Switched | Change::SwitchedInVain) => {
                    datadog.integrate(AWS_ACCOUNT, &keys, &settings);
                }
                (Resource::Account, Change::Adopted | Change::Refused) => {
                    datadog.integrate(AWS_ACCOUNT, &own, &settings);
                }
                (Resource::Account, _) => {}
                (_, Change::Adopted | Change::Refused) => {
                    datadog.integrate(AWS_ACCOUNT, &own, &settings);
                    match self.resource.kind() {
                        MappingKind::Identity => {
                            datadog.map_identity(&pattern("runner"), &site.account)
                        }
                        MappingKind::Intake => datadog.map_intake(&pattern("runner")),
                    };
                }
                _ => {
                    datadog.integrate(AWS_ACCOUNT, &own, &settings);
                }
            }
        });
    }

    /// The resource's first properties, and those after the change.
    #[must_use]
    pub fn properties(self, site: &Site) -> (Value, Value) {
        let first = match self.resource {
            Resource::Identity => {
                json!({ "ArnPattern": pattern("runner"), "ServiceAccountId": site.account })
            }
            Resource::Intake => json!({ "RoleName": "runner" }),
            Resource::Account => json!({
                "AwsAccountId": AWS_ACCOUNT, "RoleName": "Datadog",
                "MetricsConfig": { "enabled": "false" },
            }),
        };
        let mut first = first;
        if self.change == Change::Adopted {
            first["OnConflict"] = "adopt".into();
        }
        let mut second = first.clone();
        match (self.resource, self.change) {
            (Resource::Identity, Change::InPlace | Change::InPlaceInVain(_)) => {
                second["ServiceAccountId"] = site.other_account.as_str().into();
            }
            (Resource::Identity, _) => second["ArnPattern"] = pattern("walker").into(),
            (Resource::Intake, _) => second["RoleName"] = "walker".into(),
            (Resource::Account, Change::InPlace | Change::InPlaceInVain(_)) => {
                second["MetricsConfig"]["enabled"] = "true".into();
                second["RoleName"] = "DatadogToo".into();
            }
            (Resource::Account, _) => second["AwsAccountId"] = ANOTHER_AWS_ACCOUNT.into(),
        }
        if matches!(self.change, Change::Switched | Change::SwitchedInVain) {
            first["SwitchFromKeys"] = "true".into();
            second = first.clone();
            second["SwitchFromKeys"] = "false".into();
        }
        (first, second)
    }

    /// Runs the stack up to its deletion. Answers how each change of it ended.
    pub async fn run(self, stack: &mut Stack<'_>) -> Vec<Outcome> {
        let (first, second) = self.properties(stack.site);
        let mut outcomes = vec![stack.create(&first).await];
        if stack.physical_id.is_none() {
            return outcomes;
        }
        outcomes.push(match self.change {
            Change::InPlace | Change::Another => stack.update(&second).await,
            Change::InPlaceInVain(way) | Change::AnotherInVain(way) => {
                stack.update_in_vain(&second, way).await
            }
            Change::SwitchedInVain => stack.update_in_vain(&second, Way::WithNewId).await,
            Change::Nothing | Change::Adopted | Change::Refused | Change::Switched => {
                Outcome::Complete
            }
        });
        outcomes
    }
}

impl Resource {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Identity => "Custom::DatadogIdentityMapping",
            Self::Intake => "Custom::DatadogIntakeMapping",
            Self::Account => "Custom::DatadogAwsAccount",
        }
    }

    fn kind(self) -> MappingKind {
        match self {
            Self::Identity | Self::Account => MappingKind::Identity,
            Self::Intake => MappingKind::Intake,
        }
    }
}

#[must_use]
pub fn pattern(role: &str) -> String {
    format!("arn:aws:sts::{AWS_ACCOUNT}:assumed-role/{role}/*")
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nothing => "created, deleted",
            Self::InPlace => "changed",
            Self::InPlaceInVain(_) => "changed and rolled back",
            Self::Another => "replaced",
            Self::AnotherInVain(_) => "replaced and rolled back",
            Self::Adopted => "adopted",
            Self::Refused => "refused",
            Self::Switched => "switched from keys",
            Self::SwitchedInVain => "switched from keys, then rolled back",
        })
    }
}
