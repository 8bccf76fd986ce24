//! The calls of trust, with their answers read.

use serde_json::{Map, Value};

use super::trust::{AwsAccount, Mapping, MappingKind, TrustCall, answer};
use crate::budget::Budget;
use crate::datadog::{Authority, Call, Datadog, DatadogError};
use crate::keys::TrustId;

impl Datadog {
    pub async fn mappings(
        &self,
        authority: &Authority,
        kind: MappingKind,
        budget: &Budget,
    ) -> Result<Vec<Mapping>, DatadogError> {
        let call = Call::from(TrustCall::ListMappings(kind));
        let read = |body: &[u8]| answer::mappings(body, kind);
        self.ask(authority, call, budget, read).await
    }

    pub async fn mapping(
        &self,
        authority: &Authority,
        kind: MappingKind,
        id: &TrustId,
        budget: &Budget,
    ) -> Result<Mapping, DatadogError> {
        let call = Call::from(TrustCall::GetMapping(kind, id.clone()));
        let read = |body: &[u8]| answer::mapping(body, kind);
        self.ask(authority, call, budget, read).await
    }

    /// Answers the new mapping's id. The answer's type is unstable, and is not looked at.
    pub async fn create_mapping(
        &self,
        authority: &Authority,
        pattern: &str,
        account: Option<&str>,
        budget: &Budget,
    ) -> Result<TrustId, DatadogError> {
        let (pattern, account) = (pattern.to_owned(), account.map(str::to_owned));
        let call = Call::from(TrustCall::CreateMapping { pattern, account });
        self.ask(authority, call, budget, answer::id).await
    }

    /// The registration of an AWS account, if there is one.
    pub async fn aws_account_of(
        &self,
        authority: &Authority,
        aws_account: &str,
        budget: &Budget,
    ) -> Result<Option<AwsAccount>, DatadogError> {
        let call = Call::from(TrustCall::ListAccounts {
            aws_account: aws_account.to_owned(),
        });
        // That the filter works is documented and not recorded.
        let read = |body: &[u8]| {
            let accounts = answer::accounts(body)?.into_iter();
            Ok(accounts
                .into_iter()
                .find(|it| it.aws_account() == aws_account))
        };
        self.ask(authority, call, budget, read).await
    }

    pub async fn aws_account(
        &self,
        authority: &Authority,
        id: &TrustId,
        budget: &Budget,
    ) -> Result<AwsAccount, DatadogError> {
        let call = Call::from(TrustCall::GetAccount(id.clone()));
        self.ask(authority, call, budget, answer::account).await
    }

    pub async fn create_aws_account(
        &self,
        authority: &Authority,
        attributes: Map<String, Value>,
        budget: &Budget,
    ) -> Result<AwsAccount, DatadogError> {
        let call = Call::from(TrustCall::CreateAccount(attributes));
        self.ask(authority, call, budget, answer::account).await
    }

    pub async fn update_aws_account(
        &self,
        authority: &Authority,
        id: &TrustId,
        attributes: Map<String, Value>,
        budget: &Budget,
    ) -> Result<AwsAccount, DatadogError> {
        let id = id.clone();
        let call = Call::from(TrustCall::UpdateAccount { id, attributes });
        self.ask(authority, call, budget, answer::account).await
    }

    pub async fn namespaces(
        &self,
        authority: &Authority,
        budget: &Budget,
    ) -> Result<Vec<String>, DatadogError> {
        let call = Call::from(TrustCall::ListNamespaces);
        self.ask(authority, call, budget, answer::namespaces).await
    }

    pub async fn create_external_id(
        &self,
        authority: &Authority,
        budget: &Budget,
    ) -> Result<String, DatadogError> {
        let call = Call::from(TrustCall::CreateExternalId);
        self.ask(authority, call, budget, answer::external_id).await
    }
}
