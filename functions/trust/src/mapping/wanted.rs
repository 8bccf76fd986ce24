//! What the resource says of a mapping.

use datadog_rotation::datadog::trust::{Mapping, MappingKind};

use crate::arn::{ArnPattern, is_name};
use crate::event::Envelope;
use crate::notes::Intent;
use crate::properties::{OnConflict, Properties, PropertyError};

#[derive(Clone, Debug)]
pub struct Wanted {
    pub(super) kind: MappingKind,
    pub(super) pattern: ArnPattern,
    pub(super) account: Option<String>,
    pub(super) on_conflict: OnConflict,
}

impl Wanted {
    pub fn read(
        kind: MappingKind,
        properties: Properties<'_>,
        envelope: &Envelope,
    ) -> Result<Self, PropertyError> {
        let identity = ["ArnPattern", "RoleName", "OnConflict", "ServiceAccountId"];
        let account = match kind {
            MappingKind::Identity => {
                properties.must_be_among(&identity)?;
                Some(properties.service_account()?.to_string())
            }
            MappingKind::Intake => {
                properties.must_be_among(&identity[..3])?;
                None
            }
        };
        Ok(Self {
            kind,
            pattern: pattern(properties, envelope)?,
            account,
            on_conflict: properties.on_conflict()?,
        })
    }

    pub(super) fn intent(&self) -> Intent {
        Intent::new(
            self.kind,
            &self.pattern.to_string(),
            self.account.as_deref(),
        )
    }

    pub(super) fn is_met_by(&self, mapping: &Mapping) -> bool {
        mapping.is_for(self.account.as_deref())
    }
}

fn pattern(properties: Properties<'_>, envelope: &Envelope) -> Result<ArnPattern, PropertyError> {
    match (properties.text("ArnPattern")?, properties.text("RoleName")?) {
        (Some(text), None) => ArnPattern::parse(text)
            .map_err(|error| PropertyError::new("ArnPattern", error.to_string())),
        (None, Some(role)) => {
            let error = |what: &str| PropertyError::new("RoleName", what);
            if !is_name(role) {
                return Err(error("is no role's name: give it without ARN and path"));
            }
            match envelope.account() {
                Some(("aws", account)) => Ok(ArnPattern::of_role(account, role)),
                _ => Err(error(
                    "is of a partition other than aws, whose roles Datadog does not accept",
                )),
            }
        }
        (Some(_), Some(_)) => Err(PropertyError::new("RoleName", "is given beside ArnPattern")),
        (None, None) => Err(PropertyError::new(
            "ArnPattern",
            "is missing, and so is RoleName",
        )),
    }
}
