//! What the search for orphaned keys goes by: the keys that must stay, and the keys that are listed.

use crate::credential::{Credential, Grace};
use crate::datadog::{KeyList, OwnedKeyDetails};
use crate::error::Problem;
use crate::event::VersionId;
use crate::keys::KeyClass;
use crate::log::DETAIL;
use crate::protected::ProtectedKeys;
use crate::secrets::{CURRENT, Labels, PENDING, PREVIOUS};

use crate::rotation::context::{LoadedSecret, SecretReader};
use crate::rotation::decide::ListedKey;

/// The keys that the labelled versions name, and the versions whose names may be looked for.
#[derive(Debug)]
pub(crate) struct KeptKeys {
    pub keys: ProtectedKeys,
    /// None, if a labelled value can't be read: it may name any key.
    pub versions: Vec<VersionId>,
    /// The label of that value.
    pub unreadable: Option<&'static str>,
}

/// The keys that begin like a secret's, as far as they could be listed.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    pub keys: Vec<ListedKey>,
    /// The class that the admin may not list: API keys without `api_keys_read`.
    pub unlisted: Option<KeyClass>,
    /// The classes whose lists go on behind what was read.
    pub cut: Vec<KeyClass>,
}

impl Listing {
    fn note(&mut self, class: KeyClass, is_cut: bool) {
        self.cut.extend(is_cut.then_some(class));
    }
}

impl SecretReader<'_> {
    /// Reads the values of the labelled versions. `known` are versions whose values have been read:
    /// a version's value never changes.
    pub(crate) async fn kept_by(
        &self,
        known: &[(&VersionId, &Credential)],
        labels: &Labels,
    ) -> Result<KeptKeys, Problem> {
        let mut kept = KeptKeys {
            keys: ProtectedKeys::default(),
            versions: labels.versions().cloned().collect(),
            unreadable: None,
        };
        for (_, credential) in known {
            kept.keys.add(credential);
        }
        for label in [CURRENT, PENDING, PREVIOUS] {
            // Pages of one list may be of different moments, and show a label twice.
            for holder in labels.holders(label) {
                if known.iter().any(|(version, _)| *version == holder) {
                    continue;
                }
                let problem = match self.labelled(holder, label).await {
                    Ok(Some(Ok(version))) => {
                        kept.keys.add(&version.credential);
                        continue;
                    }
                    Ok(None) => continue,
                    Ok(Some(Err(problem))) | Err(problem @ Problem::ValueUnreadable { .. }) => {
                        problem
                    }
                    Err(problem) => return Err(problem),
                };
                tracing::warn!(
                    %problem,
                    secret = self.secret,
                    label,
                    "the value can't be read as one of this type, and may name any key: no orphaned \
                     key of other versions is looked for"
                );
                kept.versions.clear();
                kept.unreadable = Some(label);
            }
        }
        Ok(kept)
    }

    /// Returns the versions whose keys are in use: AWSCURRENT, and AWSPREVIOUS if its keys have grace.
    pub(crate) fn in_use(&self, secret: &LoadedSecret, labels: &Labels) -> Vec<VersionId> {
        let mut in_use: Vec<_> = labels.holders(CURRENT).cloned().collect();
        let has_grace =
            |it: &&VersionId| self.grace_of(&secret.description, it) == Grace::OneRotation;
        in_use.extend(labels.holders(PREVIOUS).filter(has_grace).cloned());
        in_use
    }

    /// Lists the keys that begin like this secret's.
    pub(crate) async fn list(&self, secret: &LoadedSecret) -> Result<Listing, Problem> {
        let mut listing = Listing::default();
        for class in self.kind.classes() {
            match class {
                KeyClass::Application | KeyClass::AccessToken => {
                    let keys = self.owned_keys(secret, *class).await?;
                    listing.note(*class, keys.is_cut);
                    let keys = keys.into_iter().map(|it| ListedKey::owned(*class, it));
                    listing.keys.extend(keys);
                }
                KeyClass::Api => {
                    let keys = secret.admin.api_keys(&secret.names.filter(*class)).await?;
                    if keys.is_none() {
                        tracing::info!(target: DETAIL, "API keys can't be listed without api_keys_read");
                        listing.unlisted = Some(*class);
                    }
                    let keys = keys.unwrap_or_default();
                    listing.note(*class, keys.is_cut);
                    listing.keys.extend(keys.into_iter().map(ListedKey::from));
                }
            }
        }
        Ok(listing)
    }

    /// Lists the application keys or tokens, as `class` says, that are named like this secret's.
    pub(crate) async fn owned_keys(
        &self,
        secret: &LoadedSecret,
        class: KeyClass,
    ) -> Result<KeyList<OwnedKeyDetails>, Problem> {
        let owner = secret.admin.service_account();
        let filter = secret.names.filter(class);
        match class {
            KeyClass::AccessToken => secret.admin.access_tokens(owner, &filter).await,
            KeyClass::Application | KeyClass::Api => secret.admin.app_keys(owner, &filter).await,
        }
    }
}
