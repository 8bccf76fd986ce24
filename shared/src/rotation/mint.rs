//! Mint: the one effect that can't be repeated. Its name is logged first.

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;

use super::Rotation;
use super::preflight::Found;
use super::scene::Scene;
use crate::credential::{ApiPart, AppPart, Credential};
use crate::datadog::{DatadogError, DatadogProblem, Minted};
use crate::error::{Problem, State};
use crate::key_name::SERIES;
use crate::keys::{ApiKey, AppKey, KeyClass};

impl Rotation<'_> {
    pub(super) async fn mint(
        &mut self,
        scene: &Scene,
        found: &Found,
    ) -> Result<Credential, Problem> {
        match &scene.current.credential {
            Credential::Keyless(account) => Ok(Credential::Keyless(account.clone())),
            Credential::Api(_) => Ok(Credential::Api(self.mint_api(scene, found).await?)),
            Credential::Application(current) => Ok(Credential::Application(
                self.mint_application(scene, current, found).await?,
            )),
            Credential::Pair(_, current) => {
                let application = self.mint_application(scene, current, found).await?;
                match self.mint_api(scene, found).await {
                    Ok(api) => Ok(Credential::Pair(api, application)),
                    Err(problem) => Err(self.undo_half(scene, application, problem).await),
                }
            }
        }
    }

    /// Half a pair can't be stored: it goes, whatever became of the other half.
    async fn undo_half(&mut self, scene: &Scene, half: AppPart, problem: Problem) -> Problem {
        let unknown = std::mem::take(&mut self.state);
        let problem = self
            .undo(scene, &Credential::Application(half), problem)
            .await;
        if matches!(unknown, State::MintUnknown { .. }) {
            self.state = unknown;
        }
        problem
    }

    async fn mint_application(
        &mut self,
        scene: &Scene,
        current: &AppPart,
        found: &Found,
    ) -> Result<AppPart, Problem> {
        let scopes = found
            .application
            .as_ref()
            .map_or(None.into(), |it| it.scopes.clone());
        let owner = &current.service_account;
        for n in 0..SERIES {
            let name = self.announce(scene, KeyClass::Application, n);
            let minted = scene.admin.mint_app_key(owner, &name, &scopes).await;
            if let Some(Minted { id, key }) = self.minted::<AppKey>(name, minted)? {
                return Ok(AppPart {
                    key,
                    id,
                    service_account: owner.clone(),
                });
            }
        }
        Err(Problem::NamesTaken {
            class: KeyClass::Application,
        })
    }

    async fn mint_api(&mut self, scene: &Scene, found: &Found) -> Result<ApiPart, Problem> {
        for n in 0..SERIES {
            let name = self.announce(scene, KeyClass::Api, n);
            let minted = scene.admin.mint_api_key(&name, found.api.as_ref()).await;
            if let Some(Minted { id, key }) = self.minted::<ApiKey>(name, minted)? {
                return Ok(ApiPart { key, id });
            }
        }
        Err(Problem::NamesTaken {
            class: KeyClass::Api,
        })
    }

    /// Without `api_keys_read` this line is all that is left of an API key whose text was lost.
    fn announce(&self, scene: &Scene, class: KeyClass, n: u8) -> String {
        let today = DateTime::from(self.budget.now())
            .fmt(Format::DateTime)
            .unwrap_or_default();
        let day: String = today
            .chars()
            .take(10)
            .filter(char::is_ascii_digit)
            .collect();
        let name = scene.names.name(class, self.token(), n, &day);
        tracing::info!(
            target: crate::log::ALWAYS,
            secret = self.secret(),
            version = self.token().as_str(),
            class = %class,
            name,
            "minting a key"
        );
        name
    }

    /// `None`: the name is taken, and the next of the series is to be tried.
    fn minted<K>(
        &mut self,
        name: String,
        answer: Result<Minted<K>, Problem>,
    ) -> Result<Option<Minted<K>>, Problem> {
        match answer {
            Ok(minted) => Ok(Some(minted)),
            Err(Problem::Datadog(DatadogError {
                problem: DatadogProblem::NameTaken { .. },
                ..
            })) => {
                tracing::warn!(name, "the name is taken: the next of the series is tried");
                Ok(None)
            }
            Err(problem) => {
                if matches!(&problem, Problem::Datadog(error) if !error.problem.is_definite()) {
                    tracing::warn!(name, "no usable answer: a key of this name may exist");
                    self.state = State::MintUnknown { name };
                }
                Err(problem)
            }
        }
    }
}
