//! The program itself, under Lambda's Runtime API.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use harness::trust::case::pattern;
use harness::trust::{PERMISSIONS, Site};
use sandbox::datadog::Datadog;
use sandbox::executables::build;
use sandbox::gate::{Call, CallRecord, Fate, Service};
use sandbox::lambda::{Function, FunctionError, FunctionOptions, Output};
use sandbox::secrets_manager::SecretsManager;
use sandbox::server::{Door, Server};
use sandbox::stack::{ACCOUNT, REGION};
use sandbox::world::{Clock, World};
use serde_json::{Value, json};

struct Deployed {
    site: Site,
    function: Function,
    output: Output,
    answers: Server,
}

impl Deployed {
    async fn new(executable: PathBuf) -> Self {
        Self::with(executable, &[]).await
    }

    async fn with(executable: PathBuf, more: &[(&str, &str)]) -> Self {
        let secrets_manager = SecretsManager::new(REGION, ACCOUNT);
        let world = World::new(Clock::system(), secrets_manager, Datadog::new());
        let site = Site::of(world, &PERMISSIONS);
        site.gate.with_world(|world| {
            let role = json!({ "role_name": "Datadog", "external_id": "1".repeat(32) });
            world.datadog.integrate(ACCOUNT, &role, &json!({}));
        });
        let more = more
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let mut options = FunctionOptions {
            name: "datadog-trust".to_owned(),
            executable,
            region: REGION.to_owned(),
            account: ACCOUNT.to_owned(),
            variables: BTreeMap::from([
                ("ADMIN_SECRET_ARN".to_owned(), site.bootstrap.clone()),
                ("TMPDIR".to_owned(), site.scratch.display().to_string()),
                ("RUST_LOG".to_owned(), "trace".to_owned()),
                ("ALLOWED_ROLE_PATTERNS".to_owned(), pattern("runner")),
                (
                    "ALLOWED_SERVICE_ACCOUNT_IDS".to_owned(),
                    site.account.clone(),
                ),
            ]),
        };
        options.variables.extend(more);
        let output = Output::default();
        let door = Door::to(Service::CloudFormation);
        Self {
            function: Function::new(options, site.gate.clone(), output.clone()),
            answers: Server::start(site.gate.clone(), door)
                .await
                .expect("a port"),
            site,
            output,
        }
    }

    /// The function's result and what `CloudFormation` was answered.
    async fn invoke(
        &self,
        request: &str,
        id: Option<&str>,
        timeout: Duration,
    ) -> (Result<Value, FunctionError>, Value) {
        let path = self
            .site
            .gate
            .with_world(|world| world.cloudformation.ask());
        let mut event = json!({
            "RequestType": request,
            "ResponseURL": format!("{}{path}", self.answers.url()),
            "StackId": format!("arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/rotation/{request}"),
            "RequestId": request,
            "LogicalResourceId": "Mapping",
            "ResourceType": "Custom::DatadogIdentityMapping",
            "ResourceProperties": {
                "ServiceToken": self.function.arn(),
                "ArnPattern": pattern("runner"),
                "ServiceAccountId": self.site.account,
            },
        });
        if let Some(id) = id {
            event["PhysicalResourceId"] = id.into();
        }
        let result = self.function.invoke(&event, timeout).await;
        let answer = self
            .site
            .gate
            .with_world(|world| world.cloudformation.answer_to(&path).cloned());
        (result, answer.expect("an answer"))
    }

    /// Nothing was printed that is nobody's business.
    async fn assert_silent(&self) {
        self.function.stop().await;
        let lines = self.output.lines();
        let text: Vec<_> = lines.into_iter().map(|it| it.text).collect();
        let text = text.join("\n");
        assert!(!text.is_empty());
        assert_eq!(harness::listen::indiscretion(&self.site.gate, &text), None);
        self.site.gate.with_world(|world| {
            let mut urls = world.cloudformation.every_value();
            assert_eq!(urls.find(|it| text.contains(it)), None);
        });
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_program_makes_and_deletes_and_answers_when_nobody_answers_it() {
    let [executable] = build(["datadog-trust"], |_| {}).expect("it is built");
    let deployed = Deployed::new(executable).await;
    let minute = Duration::from_mins(1);
    let (result, answer) = deployed.invoke("Create", None, minute).await;
    assert_eq!(result, Ok(Value::Null));
    assert_eq!(answer["Status"], "SUCCESS", "{answer}");
    let id = answer["PhysicalResourceId"].as_str().expect("an id");
    let (_, answer) = deployed.invoke("Delete", Some(id), minute).await;
    assert_eq!(answer["Status"], "SUCCESS", "{answer}");
    assert_eq!(
        deployed
            .site
            .trusted()
            .iter()
            .filter(|it| it.contains("acts as"))
            .count(),
        0
    );

    let is_datadog = |call: &Call| call.service == Service::Datadog;
    deployed.site.gate.follow(move |call: &Call| {
        if is_datadog(call) {
            Fate::SilenceBefore
        } else {
            Fate::Pass
        }
    });
    let (began, timeout) = (Instant::now(), Duration::from_secs(9));
    let (result, answer) = deployed.invoke("Update", Some(id), timeout).await;
    assert!(began.elapsed() < timeout, "{:?}", began.elapsed());
    assert_eq!(result, Ok(Value::Null));
    let echoed = (
        answer["Status"].as_str(),
        answer["PhysicalResourceId"].as_str(),
    );
    assert_eq!(echoed, (Some("FAILED"), Some(id)));
    let reason = answer["Reason"].as_str().expect("a reason");
    assert!(
        reason.contains("Log: /aws/lambda/datadog-trust, stream datadog-trust#1"),
        "{reason}"
    );
    deployed.assert_silent().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_panics_has_last_words() {
    let executable = PathBuf::from(env!("CARGO_BIN_EXE_trust-panics"));
    let deployed = Deployed::new(executable).await;
    let (result, answer) = deployed
        .invoke("Create", None, Duration::from_mins(1))
        .await;
    let error = result.expect_err("it is dead");
    assert_eq!(error.error_type, "Runtime.ExitError");
    assert_eq!(answer["Status"], "FAILED");
    assert_eq!(answer["PhysicalResourceId"], "unknown:Mapping");
    let reason = answer["Reason"].as_str().expect("a reason");
    assert!(
        reason.contains("panicked") && reason.contains("Log: "),
        "{reason}"
    );
    deployed.assert_silent().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_setting_that_can_not_be_used_is_answered_at_once() {
    let [executable] = build(["datadog-trust"], |_| {}).expect("it is built");
    for (variable, value) in [
        ("HTTPS_PROXY", "not a proxy"),
        ("SSL_CERT_FILE", "/dev/zero"),
    ] {
        let deployed = Deployed::with(executable.clone(), &[(variable, value)]).await;
        let minute = Duration::from_mins(1);
        let (result, answer) = deployed.invoke("Create", None, minute).await;
        assert_eq!(result, Ok(Value::Null));
        assert_eq!(answer["Status"], "FAILED");
        assert_eq!(answer["PhysicalResourceId"], "unknown:Mapping");
        let reason = answer["Reason"].as_str().expect("a reason");
        assert!(reason.contains(variable), "{reason}");
        let calls = deployed.site.gate.calls();
        let is_datadog = |it: &&CallRecord| it.call.service == Service::Datadog;
        assert_eq!(calls.iter().filter(is_datadog).count(), 0);
        deployed.assert_silent().await;
    }
}
