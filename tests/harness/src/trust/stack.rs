//! `CloudFormation`, as far as a custom resource can tell: a stack of one resource, and something
//! else in it that may fail.

use std::time::Duration;

use sandbox::cloudformation::HOST;
use sandbox::scene::token;
use sandbox::stack::{ACCOUNT, REGION};
use serde_json::{Value, json};

use super::Site;

/// Lambda delivers an event of which the function dies again, after one minute and after two.
const AGAIN: [u64; 2] = [60, 120];

/// What came of a change of the stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Complete,
    RolledBack,
    /// Somebody has to look after it.
    RollbackFailed,
}

/// The id that a rollback comes with, of a resource that was replaced: which one `CloudFormation`
/// takes is not documented.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    WithNewId,
    WithOldId,
}

#[derive(Debug)]
pub struct Stack<'a> {
    pub site: &'a Site,
    resource_type: &'static str,
    properties: Value,
    /// As long as there is a resource.
    pub physical_id: Option<String>,
    /// Whether Lambda gives up the environment of a function that died.
    pub loses_environments: bool,
    /// Whether Lambda delivers every event twice at once, to two environments.
    pub has_twin: bool,
    /// The answers so far.
    pub answers: Vec<Value>,
    /// Requests that were never answered.
    pub unanswered: Vec<String>,
    count: u32,
}

struct Asked<'a> {
    request: &'a str,
    id: Option<&'a str>,
    properties: &'a Value,
    old: Option<&'a Value>,
}

impl<'a> Stack<'a> {
    #[must_use]
    pub fn new(site: &'a Site, resource_type: &'static str) -> Self {
        Self {
            site,
            resource_type,
            properties: Value::Null,
            physical_id: None,
            loses_environments: false,
            has_twin: false,
            answers: Vec::new(),
            unanswered: Vec::new(),
            count: 0,
        }
    }

    /// The reason of the last answer that was a failure.
    #[must_use]
    pub fn reason(&self) -> &str {
        let mut failed = self
            .answers
            .iter()
            .rev()
            .filter(|it| it["Status"] == "FAILED");
        failed
            .next()
            .and_then(|it| it["Reason"].as_str())
            .unwrap_or_default()
    }

    /// What the last answer tells other resources.
    #[must_use]
    pub fn attribute(&self, name: &str) -> &str {
        let data = self.answers.last().map(|it| &it["Data"][name]);
        data.and_then(Value::as_str).unwrap_or_default()
    }

    pub async fn create(&mut self, properties: &Value) -> Outcome {
        let asked = Asked {
            request: "Create",
            id: None,
            properties,
            old: None,
        };
        let (is_success, id) = self.ask(asked).await;
        if is_success {
            self.properties = properties.clone();
            self.physical_id = Some(id);
            return Outcome::Complete;
        }
        if self.ask_to_delete(&id, properties).await {
            Outcome::RolledBack
        } else {
            Outcome::RollbackFailed
        }
    }

    /// And cleans up after itself.
    pub async fn update(&mut self, properties: &Value) -> Outcome {
        let (is_success, id, old) = self.try_update(properties).await;
        if is_success {
            let before = std::mem::replace(&mut self.properties, properties.clone());
            self.keep(&id, &[&old], &before).await;
            Outcome::Complete
        } else {
            self.roll_back(&old, &[&old], properties).await
        }
    }

    /// Another resource of the stack fails after this one was updated.
    pub async fn update_in_vain(&mut self, properties: &Value, way: Way) -> Outcome {
        let (is_success, id, old) = self.try_update(properties).await;
        let from = if is_success && way == Way::WithNewId {
            &id
        } else {
            &old
        };
        let own = if is_success {
            [&old, &id].to_vec()
        } else {
            [&old].to_vec()
        };
        self.roll_back(from, &own, properties).await
    }

    pub async fn delete(&mut self) -> Outcome {
        let Some(id) = self.physical_id.clone() else {
            return Outcome::Complete;
        };
        let properties = self.properties.clone();
        // A deletion that fails is tried again by hand.
        if self.ask_to_delete(&id, &properties).await || self.ask_to_delete(&id, &properties).await
        {
            self.physical_id = None;
            Outcome::Complete
        } else {
            Outcome::RollbackFailed
        }
    }

    async fn try_update(&mut self, properties: &Value) -> (bool, String, String) {
        let old_id = self.physical_id.clone().expect("a resource");
        let old = self.properties.clone();
        let asked = Asked {
            request: "Update",
            id: Some(&old_id),
            properties,
            old: Some(&old),
        };
        let (is_success, id) = self.ask(asked).await;
        (is_success, id, old_id)
    }

    /// Updates the resource to what it was, and has all others of its ids deleted.
    async fn roll_back(&mut self, from: &str, ids: &[&String], failed: &Value) -> Outcome {
        let properties = self.properties.clone();
        let asked = Asked {
            request: "Update",
            id: Some(from),
            properties: &properties,
            old: Some(failed),
        };
        let (is_success, id) = self.ask(asked).await;
        if !is_success {
            return Outcome::RollbackFailed;
        }
        self.keep(&id, ids, failed).await;
        Outcome::RolledBack
    }

    async fn keep(&mut self, id: &str, ids: &[&String], properties: &Value) {
        self.physical_id = Some(id.to_owned());
        for other in ids {
            // A clean-up that fails is not tried again.
            if other.as_str() != id {
                self.ask_to_delete(other, properties).await;
            }
        }
    }

    async fn ask_to_delete(&mut self, id: &str, properties: &Value) -> bool {
        let asked = Asked {
            request: "Delete",
            id: Some(id),
            properties,
            old: None,
        };
        self.ask(asked).await.0
    }

    /// Whether it succeeded, and the resource's id from now on.
    async fn ask(&mut self, asked: Asked<'_>) -> (bool, String) {
        self.count += 1;
        let path = self
            .site
            .gate
            .with_world(|world| world.cloudformation.ask());
        let event = self.event(&asked, &format!("https://{HOST}{path}"));
        self.deliver(&event).await;
        let answer = self
            .site
            .gate
            .with_world(|world| world.cloudformation.answer_to(&path).cloned());
        let own = asked
            .id
            .map_or_else(|| format!("stack-Trust-{}", self.count), str::to_owned);
        let Some(answer) = answer else {
            self.unanswered.push(asked.request.to_owned());
            return (false, own);
        };
        let id = answer["PhysicalResourceId"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let is_success = answer["Status"] == "SUCCESS";
        self.answers.push(answer);
        match (asked.request, is_success) {
            // What a failed update calls itself is of no matter.
            ("Update", false) => (false, own),
            _ => (is_success, id),
        }
    }

    async fn deliver(&self, event: &Value) {
        if self.has_twin {
            // Neither dies, so that neither comes again.
            self.site.deliver_twice(event).await;
            return;
        }
        let mut pauses = AGAIN.iter();
        loop {
            if let Some(Ok(())) = self.site.deliver(event).await {
                return;
            }
            let Some(pause) = pauses.next() else { return };
            if self.loses_environments {
                self.site.lose_environment();
            }
            tokio::time::sleep(Duration::from_secs(*pause)).await;
        }
    }

    fn event(&self, asked: &Asked<'_>, url: &str) -> Value {
        let stack = "11111111-1111-4111-8111-111111111111";
        let mut event = json!({
            "RequestType": asked.request,
            "ServiceToken": format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:datadog-trust"),
            "ResponseURL": url,
            "StackId": format!("arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/rotation/{stack}"),
            "RequestId": token(&format!("request {}", self.count)),
            "LogicalResourceId": self.resource_type.trim_start_matches("Custom::Datadog"),
            "ResourceType": self.resource_type,
            "ResourceProperties": with_token(asked.properties),
        });
        if let Some(id) = asked.id {
            event["PhysicalResourceId"] = id.into();
        }
        if let Some(old) = asked.old {
            event["OldResourceProperties"] = with_token(old);
        }
        event
    }
}

fn with_token(properties: &Value) -> Value {
    let mut properties = properties.clone();
    properties["ServiceToken"] =
        format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:datadog-trust").into();
    properties
}
