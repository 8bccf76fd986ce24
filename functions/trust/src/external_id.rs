//! An external ID that Datadog issues before the AWS account is registered, for people who make the
//! role first.
//!
//! The ID is kept in the `PhysicalResourceId`: Datadog shows it once, and every answer to an update
//! has to tell it again. It is no secret. Datadog forgets one that no registration takes within 48
//! hours, so there is nothing to delete, and a second one that a twin has made does no harm.

use serde_json::{Map, json};

use crate::context::{Context, Done};
use crate::error::Stop;
use crate::physical_id::PhysicalId;
use crate::properties::{Properties, PropertyError};

/// Before the serial and the ID.
const ISSUED: &str = "external-id:";

/// What the resource says.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Any word: another one asks for another ID.
    serial: String,
}

impl Wanted {
    pub fn read(properties: Properties<'_>) -> Result<Self, PropertyError> {
        let name = "Serial";
        properties.must_be_among(&[name])?;
        let serial = properties.text(name)?.unwrap_or("1");
        let is_fine = serial.len() <= 40 && serial.bytes().all(|it| it.is_ascii_alphanumeric());
        if !is_fine {
            let what = "is no word of at most 40 letters and digits";
            return Err(PropertyError::new(name, what));
        }
        Ok(Self {
            serial: serial.to_owned(),
        })
    }

    /// Returns the ID that was issued for the same serial.
    fn issued<'a>(&self, given: Option<&'a PhysicalId>) -> Option<&'a str> {
        let Some(PhysicalId::Unknown(text)) = given else {
            return None;
        };
        let (serial, id) = text.strip_prefix(ISSUED)?.split_once(':')?;
        (serial == self.serial).then_some(id)
    }
}

impl Context<'_> {
    /// Has an external ID issued, unless the resource has one.
    pub async fn provide_external_id(
        &mut self,
        given: Option<&PhysicalId>,
        wanted: &Wanted,
    ) -> Result<Done, Stop> {
        let id = match wanted.issued(given) {
            Some(id) => id.to_owned(),
            None => self.admin.create_external_id().await?,
        };
        let physical_id = format!("{ISSUED}{}:{id}", wanted.serial);
        Ok(Done {
            attributes: Map::from_iter([("ExternalId".to_owned(), json!(id))]),
            ..Done::nothing(PhysicalId::Unknown(physical_id))
        })
    }
}
