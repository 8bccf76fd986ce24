//! Keyless: as whom the function's own identity is to act, instead of a pair of keys.
//!
//! There are two places to say so, and they say the same:
//!
//! - The environment, for secrets that name no admin secret. Nothing is stored and nothing rotates;
//!   only who may configure the function may change it. This is what a new deployment wants.
//! - An admin secret without keys, named like any other. It serves deployments whose secrets name
//!   admin secrets already, those of several organisations among them, and it is the way in and
//!   out: one `put-secret-value` turns an admin secret keyless, another one turns it back.
//!
//! Either is a whole: nothing of the one is filled up from the other, and a value that has keys as
//! well is refused, because it would leave open which of the two acts.

use crate::keys::{OrganisationId, ServiceAccountId};
use crate::secrets::SecretArn;
use crate::settings::Settings;
use crate::site::Site;
use crate::value::{SecretValue, UUID, ValueError};

pub(crate) const SECRET_ARN: &str = "the full ARN of a secret";

/// The field of an admin secret without an API key that names a secret with one.
pub(crate) const API_KEY_SECRET: &str = "apiKeySecretArn";

/// What the identity is to be taken for. It holds no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delegation {
    pub organisation: OrganisationId,
    /// Whom the organisation has mapped the function's role to.
    pub service_account: ServiceAccountId,
    pub site: Site,
    /// The `DatadogApiKey` secret with an API key to try application keys beside.
    pub api_key_secret: Option<SecretArn>,
    /// The admin secret whose pair may act where Datadog refuses the identity.
    pub fallback: Option<SecretArn>,
}

/// What the parts are called where they are read.
struct Names {
    organisation: &'static str,
    service_account: &'static str,
    site: &'static str,
    api_key_secret: &'static str,
    fallback: &'static str,
}

impl Names {
    fn may_lack(&self, name: &str) -> bool {
        name == self.api_key_secret || name == self.fallback
    }
}

const FIELDS: Names = Names {
    organisation: "orgUuid",
    service_account: "serviceAccountId",
    site: "site",
    api_key_secret: API_KEY_SECRET,
    fallback: "fallbackAdminSecretArn",
};

const VARIABLES: Names = Names {
    organisation: "DATADOG_ORG_UUID",
    service_account: "DATADOG_SERVICE_ACCOUNT_ID",
    site: "DATADOG_SITE",
    api_key_secret: "DATADOG_API_KEY_SECRET_ARN",
    fallback: "DATADOG_FALLBACK_ADMIN_SECRET_ARN",
};

impl Delegation {
    /// Returns what an admin secret without keys says; `None` if the value does not mean to be one.
    pub fn of_value(value: &SecretValue) -> Result<Option<Self>, ValueError> {
        match (value.has(FIELDS.organisation), value.has_admin_keys()) {
            (false, _) => Ok(None),
            (true, true) => Err(ValueError::KeysAndIdentity),
            (true, false) => Self::parse(&FIELDS, |name| match value.string(name) {
                // Of what may be left out an empty text says nothing.
                Ok(Some(text)) if text.is_empty() && FIELDS.may_lack(name) => Ok(None),
                text => text,
            })
            .map(Some),
        }
    }

    /// Returns what the environment says; `None` if it says nothing.
    pub fn of_settings(settings: &Settings) -> Result<Option<Self>, ValueError> {
        let said = &settings.delegation;
        let get = |name| {
            let variable = match name {
                _ if name == VARIABLES.organisation => &said.organisation,
                _ if name == VARIABLES.service_account => &said.service_account,
                _ if name == VARIABLES.site => &said.site,
                _ if name == VARIABLES.api_key_secret => &said.api_key_secret_arn,
                _ => &said.fallback_admin_secret_arn,
            };
            Ok(variable.clone())
        };
        if said.is_silent() {
            return Ok(None);
        }
        Self::parse(&VARIABLES, get).map(Some)
    }

    fn parse(
        names: &Names,
        get: impl Fn(&'static str) -> Result<Option<String>, ValueError>,
    ) -> Result<Self, ValueError> {
        let present = |name| get(name)?.ok_or(ValueError::Missing(name));
        let arn = |field| {
            let parse = |text: String| {
                let arn = SecretArn::parse(&text);
                arn.ok_or_else(|| ValueError::ill_formed(field, SECRET_ARN, &text))
            };
            get(field)?.map(parse).transpose()
        };
        let (organisation, account) = (
            present(names.organisation)?,
            present(names.service_account)?,
        );
        let ill_formed = |name, text: &str| ValueError::ill_formed(name, UUID, text);
        let (field, site) = (names.site, present(names.site)?);
        Ok(Self {
            organisation: OrganisationId::parse(&organisation)
                .ok_or_else(|| ill_formed(names.organisation, &organisation))?,
            service_account: ServiceAccountId::parse(&account)
                .ok_or_else(|| ill_formed(names.service_account, &account))?,
            site: Site::read(&site).map_err(|defect| ValueError::UnknownSite { field, defect })?,
            api_key_secret: arn(names.api_key_secret)?,
            fallback: arn(names.fallback)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::DelegationSettings;
    use crate::value::Type;

    const ORGANISATION: &str = "11111111-2222-4333-8444-555555555555";
    const ACCOUNT: &str = "33333333-3333-4333-8333-333333333333";
    const ARN: &str = "arn:aws:secretsmanager:us-east-1:123456789012:secret:dd-AbCdEf";

    fn of_value(rest: &str) -> Result<Option<Delegation>, ValueError> {
        let text = format!(r#"{{"serviceAccountId":"{ACCOUNT}","site":"datadoghq.eu"{rest}}}"#);
        Delegation::of_value(&SecretValue::parse(&text).unwrap())
    }

    fn settings() -> Settings {
        Settings {
            delegation: DelegationSettings {
                organisation: Some(ORGANISATION.to_owned()),
                service_account: Some(ACCOUNT.to_owned()),
                site: Some("datadoghq.eu".to_owned()),
                ..DelegationSettings::default()
            },
            ..Settings::default()
        }
    }

    #[test]
    fn a_value_and_the_environment_say_the_same() {
        let value = of_value(&format!(r#","orgUuid":"{ORGANISATION}""#)).unwrap();
        let environment = Delegation::of_settings(&settings()).unwrap();
        assert!(value.is_some());
        assert_eq!(value, environment);
    }

    #[test]
    fn silence_is_no_delegation_and_half_of_one_is_an_error() {
        assert_eq!(of_value("").unwrap(), None);
        assert_eq!(Delegation::of_settings(&Settings::default()).unwrap(), None);

        let mut settings = settings();
        settings.delegation.organisation = None;
        let missing = Delegation::of_settings(&settings).unwrap_err();
        assert_eq!(missing, ValueError::Missing("DATADOG_ORG_UUID"));
        assert!(
            of_value(r#","orgUuid":"x""#)
                .unwrap_err()
                .to_string()
                .contains("`orgUuid`")
        );
        let null = of_value(r#","orgUuid":null"#).unwrap_err();
        let found = Type::Null;
        let field = "orgUuid";
        assert_eq!(null, ValueError::NotAString { field, found });
    }

    #[test]
    fn keys_beside_it_are_refused() {
        for key in [
            "adminApiKey",
            "adminApiKeyId",
            "adminAppKey",
            "adminAppKeyId",
        ] {
            let both = of_value(&format!(r#","orgUuid":"{ORGANISATION}","{key}":"""#)).unwrap_err();
            assert_eq!(both, ValueError::KeysAndIdentity, "{key}");
        }
    }

    #[test]
    fn other_secrets_are_named_by_full_arns() {
        for field in ["apiKeySecretArn", "fallbackAdminSecretArn"] {
            let value =
                |arn| of_value(&format!(r#","orgUuid":"{ORGANISATION}","{field}":"{arn}""#));
            assert!(value(ARN).is_ok());
            assert!(value("dd").unwrap_err().to_string().contains(field));
        }
    }

    #[test]
    fn sites_are_a_closed_list() {
        let mut settings = settings();
        settings.delegation.site = Some("evil.example".to_owned());
        let error = Delegation::of_settings(&settings).unwrap_err();
        assert!(error.to_string().contains("`DATADOG_SITE`"), "{error}");
    }
}
