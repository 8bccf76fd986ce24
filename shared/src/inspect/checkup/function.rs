//! The function that is attached to a secret: does it exist, is it one of this suite and for the secret's
//! type, and may Secrets Manager invoke it. No rotation would start without it, and no log would say so.

use std::sync::OnceLock;
use std::time::Duration;

use super::{Check, Checkup, Status};
use crate::credential::Kind;
use crate::deadline::Deadline;
use crate::functions::{Configuration, FunctionArn, Functions, FunctionsError, Permission, Policy};
use crate::inspect::inspector::Inspector;
use crate::secrets::{Description, SecretArn};
use crate::words::told;

/// The other checks go on meanwhile. A machine that can't reach Lambda waits no longer for it.
const PATIENCE: Duration = Duration::from_secs(5);

const ATTACH: &str = "docs/operate/runbooks.md, \"A rotation that never starts\".";

/// What was found out. It stays open if there was no time to ask.
pub(super) type Look = OnceLock<Attached>;

/// What there is to know of the function that a secret names.
#[derive(Debug)]
pub(super) enum Attached {
    /// Nothing is invoked, for this reason.
    None(&'static str),
    /// It has no ARN of a function.
    Unnamed(String),
    Function {
        arn: FunctionArn,
        configuration: Result<Configuration, FunctionsError>,
        policy: Result<Policy, FunctionsError>,
    },
}

impl Inspector {
    pub(super) async fn look_at_function(
        &self,
        description: &Description,
        look: &Look,
        deadline: &Deadline,
    ) {
        let attached = match (&description.rotation_function, description.rotation_enabled) {
            (None, true) => Attached::None("none is attached: the managed service rotates"),
            (None, false) => Attached::None("none is attached"),
            (Some(_), false) => Attached::None("not looked at: rotation is off"),
            (Some(text), true) => match FunctionArn::parse(text) {
                Some(arn) => ask(&self.functions, arn, &deadline.at_most(PATIENCE)).await,
                None => Attached::Unnamed(text.clone()),
            },
        };
        look.get_or_init(|| attached);
    }
}

async fn ask(functions: &Functions, arn: FunctionArn, deadline: &Deadline) -> Attached {
    let (configuration, policy) = tokio::join!(
        functions.configuration(&arn, deadline),
        functions.policy(&arn, deadline)
    );
    Attached::Function {
        arn,
        configuration,
        policy,
    }
}

/// Says what was found out, last of all: only then the secret's type is known.
pub(super) fn say_function(to: &mut Checkup, look: Look) {
    match look.into_inner() {
        None => {}
        Some(Attached::None(why)) => to.say(Check::Function, Status::Ok, why),
        Some(Attached::Unnamed(text)) => {
            let text = format!("{} is no ARN of a Lambda function", told(&text, 300));
            to.say(Check::Function, Status::Warning, text);
        }
        Some(Attached::Function {
            arn,
            configuration,
            policy,
        }) => match (configuration, policy) {
            (Err(FunctionsError::NotFound), _) => say_gone(to, &arn),
            (Err(unseen), Err(_)) => say_unseen(to, &unseen, &[CONFIGURATION, POLICY]),
            (configuration, policy) => {
                let is_there = configuration.is_ok();
                match configuration {
                    Ok(configuration) => say_type(to, &arn, &configuration),
                    Err(unseen) => say_unseen(to, &unseen, &[CONFIGURATION]),
                }
                match policy {
                    Ok(policy) => say_permission(to, &arn, &policy, is_there),
                    Err(unseen) => say_unseen(to, &unseen, &[POLICY]),
                }
            }
        },
    }
}

const CONFIGURATION: &str = "lambda:GetFunctionConfiguration";
const POLICY: &str = "lambda:GetPolicy";

/// It proves nothing of a rotation, which does not ask for it: without an error type.
fn say_unseen(to: &mut Checkup, error: &FunctionsError, permissions: &[&str]) {
    let takes = match error {
        FunctionsError::AccessDenied => format!(". It takes {}", permissions.join(" and ")),
        _ => String::new(),
    };
    let text = format!("can't be seen from here: {error}{takes}");
    to.say(Check::Function, Status::Unknown, text);
}

fn say_gone(to: &mut Checkup, arn: &FunctionArn) {
    let text = format!("{arn} does not exist: no rotation starts");
    let advice = format!("Attach the secret to the function of its type: {ATTACH}");
    to.refuse(Check::Function, "FunctionNotFound", text, advice);
}

/// A function of the suite is known by its description. `template.yaml` and the examples set it, the same
/// under each `FunctionNamePrefix`, and Lambda tells it to whoever may see the function. A variable would be
/// hidden from those who may not use the variables' KMS key, and functions of older stacks lack it.
fn say_type(to: &mut Checkup, arn: &FunctionArn, configuration: &Configuration) {
    let mut kinds = Kind::ALL.into_iter();
    let rotates = kinds.find(|it| configuration.description == description_of(*it));
    match (rotates, to.kind) {
        (None, _) => {
            let text = format!(
                "{arn} is none of this suite by its description: whether it rotates the secret is not known"
            );
            to.say(Check::Function, Status::Warning, text);
        }
        (Some(rotates), Some(kind)) if rotates != kind => {
            let (rotates, kind) = (rotates.name(), kind.name());
            let text =
                format!("{arn} rotates {rotates} secrets by its description, and this is a {kind}");
            let advice = format!("Attach the secret to the function for {kind}: {ATTACH}");
            to.refuse(Check::Function, "FunctionOfAnotherType", text, advice);
        }
        (Some(rotates), _) => {
            let text = format!("it is there, and rotates {} secrets", rotates.name());
            to.say(Check::Function, Status::Ok, text);
        }
    }
}

/// Returns the description of the function that rotates secrets of a type.
fn description_of(kind: Kind) -> String {
    let rotated = match kind {
        Kind::ApiKey => "API keys",
        Kind::ApplicationKey => "application keys",
        Kind::AdminKey => "admin keys",
        Kind::ServiceAccessToken => "service access tokens",
    };
    format!("Rotates Datadog {rotated} for Secrets Manager")
}

/// `is_there`: the function exists, for certain. Lambda's answer for one without a policy is that for none.
fn say_permission(to: &mut Checkup, arn: &FunctionArn, policy: &Policy, is_there: bool) {
    let why = match policy.permission(&SecretArn::trusted(&to.secret)) {
        Permission::Allowed => {
            return to.add(Some("Secrets Manager may invoke it".to_owned()));
        }
        Permission::Unknown { key } => {
            let key = told(&key, 100);
            let text = format!(
                "whether Secrets Manager may invoke it is not known: its policy has the condition {key}"
            );
            return to.say(Check::Function, Status::Unknown, text);
        }
        Permission::NotNamed if *policy == Policy::default() && is_there => {
            "it has no policy".to_owned()
        }
        Permission::NotNamed if *policy == Policy::default() => {
            "it has no policy, or does not exist".to_owned()
        }
        Permission::NotNamed => "its policy does not name secretsmanager.amazonaws.com".to_owned(),
        Permission::Denied => "its policy denies it".to_owned(),
        Permission::ForAnother { key, value } => {
            let (key, value) = (told(&key, 100), told(&value, 300));
            format!("its policy lets it in for another {key}: {value}")
        }
    };
    let text = format!(
        "Secrets Manager may not invoke {arn} for this secret, so that no rotation starts: {why}"
    );
    let advice = format!(
        "Deploy the stack again; for a secret that was attached by hand with ServedSecrets=account. See \
         {ATTACH}"
    );
    to.refuse(Check::Function, "FunctionNotPermitted", text, advice);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whoever changes a description makes every function foreign.
    #[test]
    fn the_template_and_the_examples_describe_functions_so() {
        let template = include_str!("../../../../template.yaml");
        let terraform = include_str!("../../../../examples/terraform/main.tf");
        let cdk = include_str!("../../../../examples/cdk/rotation.ts");
        for kind in Kind::ALL {
            let description = description_of(kind);
            let line = format!("      Description: {description}\n");
            assert!(template.contains(&line), "{description}");
            let rotated = description.strip_prefix("Rotates Datadog ").unwrap();
            let rotated = rotated.strip_suffix(" for Secrets Manager").unwrap();
            assert!(terraform.contains(&format!("\"{rotated}\"")), "{rotated}");
            assert!(cdk.contains(&format!("\"{rotated}\"")), "{rotated}");
        }
        assert!(
            terraform.contains("\"Rotates Datadog ${each.value.rotates} for Secrets Manager\"")
        );
        assert!(cdk.contains("`Rotates Datadog ${ROTATES[kind]} for Secrets Manager`"));
    }
}
