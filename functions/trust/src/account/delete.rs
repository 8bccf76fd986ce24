//! A registration, deleted.

use datadog_rotation::datadog::trust::AwsAccount;
use datadog_rotation::keys::TrustId;

use super::{SECOND, Wanted};
use crate::context::{Context, Done};
use crate::error::{Stop, TrustError};
use crate::physical_id::PhysicalId;
use crate::properties::Properties;

use datadog_rotation::deadline::Backoff;

impl Context<'_> {
    /// What the resource made is gone after this, and nothing else.
    pub async fn delete_account(
        &mut self,
        id: &PhysicalId,
        properties: Properties<'_>,
    ) -> Result<Done, Stop> {
        if let (PhysicalId::Unknown(_), Some(_)) = (id, self.notes.switch()) {
            // Not the resource's to take away: what a switch cut short is made again.
            let wanted = Wanted::read(properties)?;
            self.leash.must_allow_aws_account(&wanted.aws_account)?;
            if self.registered(None, &wanted).await?.is_none() {
                let done = self.finish_switch(&wanted).await?;
                return Ok(Done {
                    id: id.clone(),
                    ..done
                });
            }
        }
        let account = properties.text("AwsAccountId").ok().flatten();
        match (id, account) {
            (PhysicalId::Made { id, .. }, account) => self.delete_registration(id, account).await?,
            (PhysicalId::Unknown(_), Some(account)) => {
                self.leash.must_allow_aws_account(account)?;
                if let Some(marked) = self.marked(account).await? {
                    self.delete_registration(&marked.id, Some(account)).await?;
                }
            }
            _ => {}
        }
        Ok(Done::nothing(id.clone()))
    }

    /// Returns a registration that the resource made without `CloudFormation`'s hearing of it.
    async fn marked(&self, account: &str) -> Result<Option<AwsAccount>, TrustError> {
        let mark = self.mark(true);
        let mut backoff = Backoff::new(SECOND, 4 * SECOND, 10 * SECOND);
        loop {
            let found = self.admin.aws_account_of(account).await?;
            if let Some(found) = found {
                return Ok(Some(found).filter(|it| it.tags().contains(&mark.as_str())));
            }
            if !backoff.pause(self.deadline).await {
                return Ok(None);
            }
        }
    }

    /// Only two answers that do not know it say that it is gone: by its id, and in the list.
    async fn delete_registration(&self, id: &TrustId, account: Option<&str>) -> Result<(), Stop> {
        let mut backoff = super::patience();
        loop {
            if let Some(found) = self.admin.aws_account(id).await? {
                self.leash.must_allow_aws_account(found.aws_account())?;
                if self.admin.delete_aws_account(id).await? {
                    tracing::info!(id = id.as_str(), "AWS integration deleted");
                    return Ok(());
                }
            } else {
                let listed = match account {
                    Some(account) => self.admin.aws_account_of(account).await?,
                    None => None,
                };
                if listed.is_none_or(|it| it.id != *id) {
                    tracing::info!(id = id.as_str(), "the AWS integration was gone before");
                    return Ok(());
                }
            }
            if !backoff.pause(self.deadline).await {
                return Err(TrustError::StillThere { id: id.clone() }.into());
            }
        }
    }
}
