//! What to do about each problem, in one sentence; the runbooks say more.

mod connect;
mod datadog;
mod secrets;

use std::borrow::Cow;

use super::problem::{Problem, Role};
use crate::keys::KeyClass;
use crate::value::ValueError;
use datadog::datadog_advice;
use secrets::{admin_advice, secrets_advice};

const QUOTA: &str = "Delete API keys that nobody uses, or have Datadog raise the limit; then \
                     rotate again.";

const TOKEN_OF_ADMIN: &str = "Turn its rotation off (cancel-rotate-secret): the token goes on acting. To rotate the token, attach \
     the secret to the function for service access tokens, with an admin secret that has a key pair.";

impl Problem {
    /// Returns what to do, for the person on call.
    #[must_use]
    pub fn advice(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Start(_) => {
                "Correct the variable in the function's configuration; then rotate again."
            }
            Self::Event(_) => {
                "Invoke the function as Secrets Manager does; the folder events has an example of \
                 every step."
            }
            Self::RotationNotEnabled => {
                "If nobody turned rotation off on purpose, rotate the secret (aws secretsmanager \
                 rotate-secret): that turns it on."
            }
            Self::NoStagingLabel | Self::NotPending => {
                "If a rotation has succeeded since, do nothing; otherwise rotate again."
            }
            Self::NoCurrentValue => {
                "Store a first value (put-secret-value) with the keys in use today, then rotate."
            }
            Self::Binary(Role::Previous)
            | Self::Malformed {
                role: Role::Previous,
                ..
            } => "Nothing need be done: the rotation leaves AWSPREVIOUS alone.",
            Self::ValueUnreadable { .. } => {
                "Rotate again; if that does not help, move the label to a version with a value \
                 (update-secret-version-stage)."
            }
            Self::ReplicaFailed { .. } => {
                "See why replication fails (describe-secret, ReplicationStatus or \
                 CrossAccountReplicas): most often it lacks the KMS key there. Do not remove a replica \
                 that anything reads. Rotate again once it is in sync; the replaced key works until \
                 then."
            }
            Self::ReplicaBehind { .. } => {
                "Rotate again once the replica is in sync; the replaced key works until then."
            }
            Self::Binary(Role::Current) => "Store the value as SecretString (put-secret-value).",
            Self::Malformed {
                source: ValueError::TokenOfAdmin,
                ..
            } => TOKEN_OF_ADMIN,
            Self::UnknownKind
            | Self::Malformed {
                role: Role::Current,
                ..
            } => {
                "Store a corrected value (put-secret-value): docs/reference/secrets.md has the fields."
            }
            Self::Binary(Role::Pending)
            | Self::Malformed {
                role: Role::Pending,
                ..
            } => {
                "Take AWSPENDING off this version (update-secret-version-stage), then rotate again."
            }
            Self::TagMalformed { .. } => {
                "Correct it (tag-resource), or take it off (untag-resource): graceRotations is 0 or 1, \
                 leakedVersion the ID of a version. Then rotate again."
            }
            Self::PendingWithoutValue => {
                "Rotate again (rotate-secret): Secrets Manager begins with createSecret."
            }
            Self::Secrets(error) => secrets_advice(&error.problem),
            Self::AdminUnreadable(error) => admin_advice(&error.problem),
            Self::MarkedForDeletion => {
                "If the secret is still needed, restore it (restore-secret), then rotate again."
            }
            Self::Replica { .. } => {
                "Rotate the primary secret in its own region; its replicas follow."
            }
            Self::NoAdminSecret => {
                "Name it by its ARN: field adminSecretArn of the value, tag adminSecretArn of the \
                 secret, or parameter AdminSecretArn of the stack. Keyless: set DATADOG_ORG_UUID, \
                 DATADOG_SERVICE_ACCOUNT_ID and DATADOG_SITE."
            }
            Self::AdminArn { .. } => "Give the full ARN, arn:aws:secretsmanager:…, not a name.",
            Self::AdminBinary { .. } | Self::AdminMalformed { .. } => {
                "Check that the ARN is that of an admin secret, and correct its value: a key pair, a service \
                 access token or orgUuid."
            }
            Self::AdminRefused { .. } => {
                "Check first that site in the admin secret is the organisation's own: a key of \
                 another site looks just like a dead one. So does a good one that an IP allow-list of \
                 the organisation keeps out. If the pair is dead, create a new one at Datadog and \
                 store it in the admin secret."
            }
            Self::AdminToken { defect, .. } => defect.advice(),
            Self::ServiceAccountMismatch { .. } => {
                "Name an admin secret of the service account that owns the key; an admin key acts \
                 for its own service account only."
            }
            Self::NoRoom { class, .. } => room_advice(*class),
            Self::IdentityMalformed { .. } => {
                "Correct DATADOG_ORG_UUID, DATADOG_SERVICE_ACCOUNT_ID, DATADOG_SITE and the ARNs \
                 beside them, or set none of them."
            }
            Self::IdentityRefused { .. } => {
                "Look at Datadog (Organization Settings, Workload Identity Federation) for an identity \
                 mapping of arn:aws:sts::ACCOUNT:assumed-role/ROLE/* to the service account. The AWS \
                 account must be integrated, and the organisation's ID must be right. A new mapping \
                 takes minutes. Then rotate again."
            }
            Self::IdentityMismatch { .. } => {
                "Map the function's role to the service account at Datadog, or correct \
                 serviceAccountId and orgUuid (DATADOG_SERVICE_ACCOUNT_ID, DATADOG_ORG_UUID)."
            }
            Self::IdentityForbidden { .. } => {
                "Name an admin secret with keys for this secret (adminSecretArn), or let one stand \
                 in (fallbackAdminSecretArn, DATADOG_FALLBACK_ADMIN_SECRET_ARN); ask Datadog \
                 whether delegated tokens may do this."
            }
            Self::MissingPermissions { .. } => {
                "Add the permissions to a role of the service account at Datadog."
            }
            Self::NoApiKeySecret => {
                "Name a DatadogApiKey secret of the organisation: field apiKeySecretArn of the \
                 keyless admin secret, or variable DATADOG_API_KEY_SECRET_ARN."
            }
            Self::ApiKeySecretMalformed { .. } => {
                "Check that the ARN is that of a DatadogApiKey secret, and correct its value."
            }
            Self::ApiKeySecretRefused { .. } => {
                "Store a live API key of the same site and organisation there (put-secret-value), \
                 then rotate again."
            }
            Self::MissingScopes { .. } => {
                "Add them at Datadog to the admin application key, and to the role of its service \
                 account if that lacks them."
            }
            Self::CurrentKeyDead { key } => match key.class {
                KeyClass::Api => {
                    "If consumers fail and this is no admin secret, first move AWSCURRENT back to \
                     AWSPREVIOUS's version (update-secret-version-stage). Otherwise create a key at \
                     Datadog by hand and store it with its ID (put-secret-value)."
                }
                KeyClass::Application => {
                    "If the secret has the tag graceRotations=1, move AWSCURRENT back to AWSPREVIOUS's \
                     version first (update-secret-version-stage); else create a key with the same scopes \
                     at Datadog by hand and store it with its ID (put-secret-value)."
                }
                KeyClass::AccessToken => {
                    "If the token under AWSPREVIOUS still works, move AWSCURRENT back to it first \
                     (update-secret-version-stage); else create a token with the same scopes at \
                     Datadog by hand and store it with its ID (put-secret-value)."
                }
            },
            Self::CurrentKeyStatusUnknown { .. } => {
                "Look at the key at Datadog. If it works there, report the word of its status; if it \
                 does not, store another key with its ID (put-secret-value)."
            }
            Self::CurrentKeyNotOwned { .. } => {
                "Store a key of that service account, or correct serviceAccountId."
            }
            Self::CurrentKeyMismatch { .. } => {
                "Store value and ID of one and the same key (put-secret-value)."
            }
            Self::OrganisationMismatch { .. } => {
                "Name an admin secret of the organisation that the key belongs to: field or tag \
                 adminSecretArn, else parameter AdminSecretArn of the stack."
            }
            Self::ExpiryTooShort { .. } => {
                "Raise daysToExpiry in the value (put-secret-value, with the same token), rotate more \
                 often, or take the field out: tokens then end only when a rotation deletes them."
            }
            Self::ScopesUnknown { .. } => {
                "Rotate again. If that does not help, Datadog's answers have changed: look for a \
                 newer release."
            }
            Self::CreatedKeyDiffers { .. } => {
                "Rotate again. If that does not help, Datadog or something on the way to it changes \
                 the request: compare with a key that you create by hand."
            }
            Self::CreatedKeyIsAnother { .. } => {
                "Rotate again, and delete nothing by this ID: that key may be in use. If it does not \
                 help, something on the way to Datadog changes its answers."
            }
            Self::CreatedKeyUnreadable { .. } => "Look for a newer release, then rotate again.",
            Self::AttributeLost { .. } => {
                "Create a key with the attribute at Datadog by hand and store it with its ID \
                 (put-secret-value). If the attribute may go, name it in the field or tag \
                 mayLoseAttributes of the secret, and rotate again."
            }
            Self::NamesTaken { .. } => {
                "Delete unused keys of these names at Datadog, then rotate again."
            }
            Self::PendingLabelLost => {
                "Somebody stored a value or cancelled the rotation meanwhile: rotate again."
            }
            Self::NewKeyUnusable => {
                "Rotate again; if that does not help, look at the key at Datadog."
            }
            Self::NewKeyDiffers { .. } => {
                "See in Datadog's Audit Trail who edited which of the two keys, and undo what was not \
                 meant. If the keys are alike again, rotate again. Otherwise take AWSPENDING off this \
                 version, delete its key at Datadog, and rotate again: the next rotation copies the \
                 current key's scopes."
            }
            Self::PendingKeyMismatch { .. } => {
                "Rotate again (rotate-secret): the next rotation starts afresh. Delete nothing by this ID: that \
                 key may be in use."
            }
            Self::PossessionUnknown { .. } => {
                "Rotate again once Datadog answers as usual, or give the admin api_keys_read."
            }
            Self::KeyInUse => "Do nothing: a later search looks at the key again.",
            Self::PendingKeyDead { .. } => {
                "Rotate again (rotate-secret): the next rotation starts afresh. Secrets Manager's \
                 own retry of this one ends in NoStagingLabel; that is expected."
            }
            Self::PromotionRefused | Self::LabelsMoved => {
                "Somebody stored a value or moved a label meanwhile: rotate again."
            }
            Self::PromotionNotSeen => {
                "Rotate again: the rotation finds out which version is AWSCURRENT."
            }
            Self::Datadog(error) => return datadog_advice(error),
        })
    }
}

fn room_advice(class: KeyClass) -> &'static str {
    match class {
        KeyClass::Api => QUOTA,
        KeyClass::Application => "Delete application keys of the service account that nobody uses.",
        KeyClass::AccessToken => {
            "Delete service access tokens of the service account that nobody uses."
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Problem, Role};
    use crate::datadog::{Call, DatadogError, DatadogProblem};
    use crate::keys::{KeyClass, KeyId, KeyRef};
    use crate::secrets::{Reason, SecretsError, SecretsProblem};

    fn id() -> KeyId {
        KeyId::parse("11111111-1111-4111-8111-111111111111").unwrap()
    }

    fn of_secret(problem: SecretsProblem) -> SecretsError {
        SecretsError {
            call: "DescribeSecret",
            secret: "arn".into(),
            version: "".into(),
            problem,
        }
    }

    fn of_mint(problem: DatadogProblem) -> Problem {
        let call = Call::create_api_key("name", None, false);
        DatadogError { call, problem }.into()
    }

    fn of_deletion(problem: DatadogProblem) -> Problem {
        let call = Call::delete_api_key(&id());
        DatadogError { call, problem }.into()
    }

    fn assert_advice(problem: &Problem, words: &str) {
        let advice = problem.advice();
        assert!(advice.contains(words), "{problem:?}: {advice}");
    }

    #[test]
    fn a_pending_value_is_given_up_and_a_current_one_stored_anew() {
        let binary = |role| Problem::Binary(role);
        assert_advice(&binary(Role::Pending), "Take AWSPENDING off");
        assert_advice(&binary(Role::Current), "put-secret-value");
    }

    #[test]
    fn a_predecessor_that_may_work_is_gone_back_to() {
        let dead = |class| Problem::CurrentKeyDead {
            key: KeyRef { class, id: id() },
        };
        assert_advice(
            &dead(KeyClass::Api),
            "first move AWSCURRENT back to AWSPREVIOUS",
        );
        assert_advice(
            &dead(KeyClass::Application),
            "If the secret has the tag graceRotations=1",
        );
        assert_advice(
            &dead(KeyClass::AccessToken),
            "If the token under AWSPREVIOUS still works",
        );
    }

    #[test]
    fn what_secrets_manager_refuses_is_looked_for_where_it_may_be() {
        let denied = || SecretsProblem::AccessDenied("denied".into());
        for (problem, own, admin) in [
            (denied(), "RotationLambdaARN", "AdminSecretArn"),
            (SecretsProblem::NotFound, "still exists", "holds a value"),
            (SecretsProblem::NotSent, "region", "region"),
            (
                SecretsProblem::Contradiction {
                    code: "code".to_owned(),
                    reason: Reason::default(),
                },
                "DeletedDate",
                "DeletedDate",
            ),
        ] {
            assert_advice(&Problem::Secrets(of_secret(problem.clone())), own);
            assert_advice(&Problem::AdminUnreadable(of_secret(problem)), admin);
        }
    }

    #[test]
    fn what_datadog_refuses_is_looked_for_where_it_may_be() {
        let rejected = || DatadogProblem::Rejected {
            status: 400,
            mentions: Vec::new(),
        };
        let naming = |mention: &str| DatadogProblem::Rejected {
            status: 400,
            mentions: vec![mention.to_owned()],
        };
        assert_advice(&of_mint(rejected()), "a scope");
        assert_advice(&of_mint(naming("category")), "a scope");
        let attribute = naming("private_action_runner_enroll_enabled");
        assert_advice(&of_mint(attribute), "mayLoseAttributes");
        assert_advice(&of_deletion(rejected()), "the key at Datadog");
        assert_advice(&of_mint(DatadogProblem::NotFound), "service account");
        assert_advice(&of_mint(DatadogProblem::NotSent), "DATADOG_API_URL");
    }
}
