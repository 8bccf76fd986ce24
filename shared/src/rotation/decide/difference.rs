//! Whether a key that Datadog created is what was asked for. Each returns the difference, for an error's
//! text. What an answer does not tell is not known to differ.

use std::time::{Duration, SystemTime};

use crate::datadog::{ApiKeyDetails, OwnedKeyDetails, Scopes};
use crate::keys::ServiceAccountId;

/// Names may come back in another case. A name that is not told is not known to differ.
pub(in crate::rotation) fn differs_in_name(asked: &str, answered: &str) -> Option<&'static str> {
    let is_same = answered.is_empty() || answered.to_lowercase() == asked.to_lowercase();
    (!is_same).then_some("its name came back changed, so that it could not be found again")
}

/// An owner that is not told is not known to differ: testSecret looks for the key as the owner's.
pub(in crate::rotation) fn differs_in_owner(
    asked: &ServiceAccountId,
    answered: &OwnedKeyDetails,
) -> Option<&'static str> {
    let differs = answered.owner.as_ref().is_some_and(|it| it != asked);
    differs.then_some("it came back as another account's")
}

pub(in crate::rotation) fn differs_in_scopes(
    asked: &Scopes,
    answered: &OwnedKeyDetails,
) -> Option<&'static str> {
    let differs = answered.scopes.as_ref().is_some_and(|it| it != asked);
    differs.then_some("it came back with other scopes")
}

/// A token that ends by itself ends when it was to, within a minute; any other one never.
pub(in crate::rotation) fn differs_in_expiry(
    asked: Option<SystemTime>,
    answered: &OwnedKeyDetails,
) -> Option<&'static str> {
    let apart = |asked: SystemTime, answered: SystemTime| {
        let later = answered.duration_since(asked);
        later.unwrap_or_else(|earlier| earlier.duration())
    };
    match (asked, answered.expires) {
        (None, None) => None,
        (Some(asked), Some(answered)) if apart(asked, answered) <= Duration::from_mins(1) => None,
        _ => Some("it came back with another expiry"),
    }
}

/// A setting that is not told is not known to differ.
pub(in crate::rotation) fn differs_in_settings(
    like: &ApiKeyDetails,
    answered: &ApiKeyDetails,
) -> Option<&'static str> {
    let differs =
        |old: Option<&str>, new: Option<&str>| old.is_some() && new.is_some() && old != new;
    let remote = |it: &ApiKeyDetails| it.remote_config_read_enabled;
    if differs(like.category.as_deref(), answered.category.as_deref()) {
        Some("it came back with another category")
    } else if remote(like)
        .zip(remote(answered))
        .is_some_and(|(old, new)| old != new)
    {
        Some("it came back with another remote_config_read_enabled")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datadog::{Attributes, Status};
    use crate::keys::KeyId;

    fn id() -> KeyId {
        KeyId::parse("00000001-1111-4111-8111-111111111111").unwrap()
    }

    fn account(n: u8) -> ServiceAccountId {
        ServiceAccountId::parse(&format!("{n:08}-2222-4222-8222-222222222222")).unwrap()
    }

    fn scopes(scope: &str) -> Scopes {
        Some(vec![scope.to_owned()]).into()
    }

    fn app_key(owner: Option<ServiceAccountId>, scopes: Option<Scopes>) -> OwnedKeyDetails {
        OwnedKeyDetails {
            id: id(),
            name: String::new(),
            shown: None,
            created: None,
            expires: None,
            ends: None,
            scopes,
            owner,
            attributes: Attributes::default(),
        }
    }

    fn api_key(category: Option<&str>, remote: Option<bool>) -> ApiKeyDetails {
        ApiKeyDetails {
            id: id(),
            name: String::new(),
            last4: None,
            created: None,
            status: Status::Active,
            category: category.map(str::to_owned),
            remote_config_read_enabled: remote,
            created_by: None,
            attributes: Attributes::default(),
        }
    }

    #[test]
    fn a_name_may_come_back_in_another_case_and_not_otherwise() {
        assert_eq!(differs_in_name("aws-sm-a", "AWS-sm-A"), None);
        assert_eq!(differs_in_name("aws-sm-a", ""), None);
        assert!(differs_in_name("aws-sm-a", "aws-sm-b").is_some());
    }

    #[test]
    fn an_owner_or_scopes_that_are_told_must_be_those_that_were_asked_for() {
        let differs = |key: &OwnedKeyDetails| {
            (
                differs_in_owner(&account(1), key).is_some(),
                differs_in_scopes(&scopes("a"), key).is_some(),
            )
        };
        let told = |owner, scope| app_key(Some(account(owner)), Some(scopes(scope)));
        assert_eq!(differs(&app_key(None, None)), (false, false));
        assert_eq!(differs(&told(1, "a")), (false, false));
        assert_eq!(differs(&told(2, "b")), (true, true));
    }

    #[test]
    fn a_token_ends_within_a_minute_of_what_was_asked_for_or_never() {
        let at = |seconds: u64| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let differs = |asked: Option<u64>, answered: Option<u64>| {
            let mut key = app_key(None, None);
            key.expires = answered.map(at);
            differs_in_expiry(asked.map(at), &key).is_some()
        };
        assert!(!differs(None, None));
        for asked in [1000, 1_000_000] {
            assert!(differs(Some(asked), None));
            assert!(differs(None, Some(asked)));
            for apart in 0..=60 {
                assert!(!differs(Some(asked), Some(asked + apart)));
                assert!(!differs(Some(asked), Some(asked - apart)));
            }
            for apart in [61, 3600] {
                assert!(differs(Some(asked), Some(asked + apart)));
                assert!(differs(Some(asked), Some(asked.saturating_sub(apart))));
            }
        }
    }

    #[test]
    fn settings_that_both_keys_tell_must_be_equal() {
        let differs = |old: (Option<&str>, Option<bool>), new: (Option<&str>, Option<bool>)| {
            differs_in_settings(&api_key(old.0, old.1), &api_key(new.0, new.1)).is_some()
        };
        let old = (Some("a"), Some(true));
        assert!(!differs(old, old));
        assert!(!differs(old, (None, None)));
        assert!(!differs((None, None), old));
        assert!(differs(old, (Some("b"), Some(true))));
        assert!(differs(old, (Some("a"), Some(false))));
    }
}
