//! Mappings and AWS accounts, looked up, made and deleted by the admin.

use serde_json::{Map, Value};

use super::Admin;
use crate::datadog::Call;
use crate::datadog::trust::{AwsAccount, Mapping, MappingKind};
use crate::error::Problem;
use crate::keys::TrustId;

impl Admin {
    pub async fn mappings(&self, kind: MappingKind) -> Result<Vec<Mapping>, Problem> {
        let deadline = &self.deadline;
        self.act(|it| async move { it.datadog.mappings(&it.authority, kind, deadline).await })
            .await
    }

    /// `None`: 404, which in the first moments is no proof that it does not exist.
    pub async fn mapping(
        &self,
        kind: MappingKind,
        id: &TrustId,
    ) -> Result<Option<Mapping>, Problem> {
        let deadline = &self.deadline;
        found(
            self.act(
                |it| async move { it.datadog.mapping(&it.authority, kind, id, deadline).await },
            )
            .await,
        )
    }

    /// Returns an identity mapping to this account, or without one an intake mapping.
    pub async fn create_mapping(
        &self,
        pattern: &str,
        account: Option<&str>,
    ) -> Result<TrustId, Problem> {
        let deadline = &self.deadline;
        self.act(|it| async move {
            it.datadog
                .create_mapping(&it.authority, pattern, account, deadline)
                .await
        })
        .await
    }

    /// `false`: it was gone before.
    pub async fn delete_mapping(&self, kind: MappingKind, id: &TrustId) -> Result<bool, Problem> {
        self.delete_trust(&Call::delete_mapping(kind, id)).await
    }

    /// Returns the registrations of all AWS accounts.
    pub async fn aws_accounts(&self) -> Result<Vec<AwsAccount>, Problem> {
        let deadline = &self.deadline;
        self.act(|it| async move { it.datadog.aws_accounts(&it.authority, deadline).await })
            .await
    }

    /// Returns the registration of an AWS account, if there is one.
    pub async fn aws_account_of(&self, aws_account: &str) -> Result<Option<AwsAccount>, Problem> {
        let deadline = &self.deadline;
        self.act(|it| async move {
            it.datadog
                .aws_account_of(&it.authority, aws_account, deadline)
                .await
        })
        .await
    }

    /// `None`: there is none of this id.
    pub async fn aws_account(&self, id: &TrustId) -> Result<Option<AwsAccount>, Problem> {
        let deadline = &self.deadline;
        found(
            self.act(|it| async move { it.datadog.aws_account(&it.authority, id, deadline).await })
                .await,
        )
    }

    pub async fn create_aws_account(
        &self,
        attributes: &Map<String, Value>,
    ) -> Result<AwsAccount, Problem> {
        let deadline = &self.deadline;
        self.act(|it| async move {
            it.datadog
                .create_aws_account(&it.authority, attributes, deadline)
                .await
        })
        .await
    }

    /// Datadog drops some settings that the attributes leave out: they must have every one.
    pub async fn update_aws_account(
        &self,
        id: &TrustId,
        attributes: &Map<String, Value>,
    ) -> Result<AwsAccount, Problem> {
        let deadline = &self.deadline;
        self.act(|it| async move {
            it.datadog
                .update_aws_account(&it.authority, id, attributes, deadline)
                .await
        })
        .await
    }

    /// `false`: it was gone before.
    pub async fn delete_aws_account(&self, id: &TrustId) -> Result<bool, Problem> {
        self.delete_trust(&Call::delete_account(id)).await
    }

    /// Returns the namespaces of `CloudWatch` that settings of a registration may name.
    pub async fn namespaces(&self) -> Result<Vec<String>, Problem> {
        let deadline = &self.deadline;
        self.act(|it| async move { it.datadog.namespaces(&it.authority, deadline).await })
            .await
    }

    /// Returns an external ID, which a registration may take within 48 hours.
    pub async fn create_external_id(&self) -> Result<String, Problem> {
        let deadline = &self.deadline;
        self.act(|it| async move { it.datadog.create_external_id(&it.authority, deadline).await })
            .await
    }

    async fn delete_trust(&self, call: &Call) -> Result<bool, Problem> {
        let deadline = &self.deadline;
        let answer = self
            .act(|it| async move { it.datadog.send(&it.authority, call, deadline).await })
            .await;
        found(answer).map(|it| it.is_some())
    }
}

fn found<T>(answer: Result<T, Problem>) -> Result<Option<T>, Problem> {
    match answer {
        Err(problem) if problem.is_not_found() => Ok(None),
        answer => answer.map(Some),
    }
}
