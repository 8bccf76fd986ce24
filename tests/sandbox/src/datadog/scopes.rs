//! The scopes of application keys.

use serde::Deserialize;

use super::permission;
use super::reply::Refusal;

/// What an edit does to them: null and empty make a key unscoped, which absent does not.
#[derive(Debug, Default, Deserialize)]
#[serde(from = "Option<Vec<String>>")]
pub(super) enum Edited {
    #[default]
    Kept,
    Replaced(Option<Vec<String>>),
}

impl From<Option<Vec<String>>> for Edited {
    fn from(scopes: Option<Vec<String>>) -> Self {
        Self::Replaced(scopes)
    }
}

/// The scopes, if there are any: no key is scoped to nothing. Unknown names are refused
/// (documented; the text is reported).
pub(super) fn known(scopes: Option<Vec<String>>) -> Result<Option<Vec<String>>, Refusal> {
    let scopes = scopes.filter(|scopes| !scopes.is_empty());
    if scopes
        .iter()
        .flatten()
        .all(|scope| permission::exists(scope))
    {
        return Ok(scopes);
    }
    Err(Refusal::bad_request("Invalid scopes"))
}
