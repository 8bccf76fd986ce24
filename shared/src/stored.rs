//! What the value of a secret of each type holds.

use crate::credential::{ApiPart, AppPart, Credential, Kind, TokenPart};
use crate::delegation::Delegation;
use crate::keys::{AccessToken, ApiKey, AppKey, KeyId, ServiceAccountId};
use crate::value::{Flaw, SecretValue, UUID, ValueError};

impl SecretValue {
    /// Returns the fields that a value of this type must have, each in its shape.
    pub fn credential(&self, kind: Kind) -> Result<Credential, ValueError> {
        self.credential_of(kind, Shapes::Known)
    }

    /// Reads the same of a value that a rotation may have stored. A key of a shape that is not known
    /// is taken if nothing else is wrong with its text, for Datadog may have given it; what is then
    /// returned beside it explains why it fails, if it fails.
    pub fn stored_credential(
        &self,
        kind: Kind,
    ) -> Result<(Credential, Option<ValueError>), ValueError> {
        match self.credential(kind) {
            Ok(credential) => Ok((credential, None)),
            Err(strict) => self
                .credential_of(kind, Shapes::Any)
                .map(|credential| (credential, Some(strict))),
        }
    }

    fn credential_of(&self, kind: Kind, shapes: Shapes) -> Result<Credential, ValueError> {
        let api = |key, id| self.api(key, id, shapes);
        let application = |key, id| self.application(key, id, shapes);
        Ok(match kind {
            Kind::ApiKey => Credential::Api(api("apiKey", "apiKeyId")?),
            Kind::ApplicationKey => Credential::Application(application("appKey", "appKeyId")?),
            Kind::AdminKey => match Delegation::of_value(self)? {
                Some(delegation) => Credential::Keyless(delegation.service_account),
                None => Credential::Pair(
                    api("adminApiKey", "adminApiKeyId")?,
                    application("adminAppKey", "adminAppKeyId")?,
                ),
            },
            Kind::ServiceAccessToken => {
                // Found out here, by every step and by the doctor, and not when a token is created.
                self.days_to_expiry()?;
                Credential::Token(self.token(shapes)?)
            }
        })
    }

    /// Returns the type that the fields tell, if they tell one: where fields of several are there, the one
    /// whose value is whole.
    #[must_use]
    pub fn kind(&self) -> Option<Kind> {
        let has_field = |kind: &Kind| {
            let mut fields = kind.telling_fields().iter();
            fields.any(|field| self.has(field))
        };
        let mut kinds: Vec<Kind> = Kind::ALL.into_iter().filter(has_field).collect();
        if kinds.len() > 1 {
            kinds.retain(|kind| self.credential(*kind).is_ok());
        }
        match kinds[..] {
            [kind] => Some(kind),
            _ => None,
        }
    }

    fn api(
        &self,
        key: &'static str,
        id: &'static str,
        shapes: Shapes,
    ) -> Result<ApiPart, ValueError> {
        let parse =
            |text: &str| ApiKey::parse(text).or_else(|| shapes.take(text, ApiKey::received));
        Ok(ApiPart {
            key: self.shaped(key, ApiKey::SHAPE, parse)?,
            id: self.shaped(id, UUID, KeyId::parse)?,
        })
    }

    fn application(
        &self,
        key: &'static str,
        id: &'static str,
        shapes: Shapes,
    ) -> Result<AppPart, ValueError> {
        let parse =
            |text: &str| AppKey::parse(text).or_else(|| shapes.take(text, AppKey::received));
        Ok(AppPart {
            key: self.shaped(key, AppKey::SHAPE, parse)?,
            id: self.shaped(id, UUID, KeyId::parse)?,
            service_account: self.shaped("serviceAccountId", UUID, ServiceAccountId::parse)?,
        })
    }

    fn token(&self, shapes: Shapes) -> Result<TokenPart, ValueError> {
        // A token of another shape is known as one by how it begins.
        let of_any_shape = |text: &str| {
            let is_token = matches!((shapes, Flaw::of(text)), (Shapes::Any, Flaw::IsToken));
            is_token.then(|| AccessToken::received(text)).flatten()
        };
        let parse = |text: &str| {
            let known = AccessToken::parse(text);
            let known = known.or_else(|| shapes.take(text, AccessToken::received));
            known.or_else(|| of_any_shape(text))
        };
        Ok(TokenPart {
            key: self.shaped("serviceAccessToken", AccessToken::SHAPE, parse)?,
            id: self.shaped("serviceAccessTokenId", UUID, KeyId::parse)?,
            service_account: self.shaped("serviceAccountId", UUID, ServiceAccountId::parse)?,
        })
    }

    /// After how many days a new service access token is to end by itself, if it is to.
    pub fn days_to_expiry(&self) -> Result<Option<u16>, ValueError> {
        self.whole("daysToExpiry", (SHORTEST_LIFE, LONGEST_LIFE))
    }

    fn shaped<T>(
        &self,
        field: &'static str,
        shape: &'static str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<T, ValueError> {
        let text = self.string(field)?.ok_or(ValueError::Missing(field))?;
        parse(&text).ok_or_else(|| ValueError::ill_formed(field, shape, &text))
    }
}

/// In days, as Datadog documents them.
const SHORTEST_LIFE: u16 = 1;
pub(crate) const LONGEST_LIFE: u16 = 365;

/// Which shapes of keys are taken.
#[derive(Clone, Copy)]
enum Shapes {
    Known,
    Any,
}

impl Shapes {
    fn take<K>(self, text: &str, received: impl Fn(&str) -> Option<K>) -> Option<K> {
        match (self, Flaw::of(text)) {
            (Self::Any, Flaw::Length(_)) => received(text),
            _ => None,
        }
    }
}
