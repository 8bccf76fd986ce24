//! Whom an organisation trusts: mappings of AWS roles, and the registration of AWS accounts (v2; v1 is
//! deprecated and not spoken).
//!
//! Exchanges of the intake mapping are not public: its shapes are those of Datadog's Terraform
//! provider. Those of the others are recorded.

mod aws_accounts;
mod external_id;
mod mappings;
mod namespaces;

use http::StatusCode;
use serde::Deserialize;

use super::resource::Defect;
use crate::keys::TrustId;

pub use super::refusal::TrustRefusal;
pub use aws_accounts::AwsAccount;
pub use mappings::{Mapping, MappingKind};

const OK: &[StatusCode] = &[StatusCode::OK];

#[derive(Deserialize)]
struct Document<D> {
    data: D,
}

#[derive(Deserialize)]
struct Resource<A> {
    id: String,
    attributes: A,
}

fn id(text: &str) -> Result<TrustId, Defect> {
    TrustId::parse(text).ok_or("holds an id that is no UUID")
}
