//! One life of a stack, with one fault at one of its calls.

use std::collections::BTreeSet;
use std::time::Duration;

use sandbox::gate::{Call, Fate, pause};

use super::case::{AWS_ACCOUNT, Case, Change, Resource};
use super::stack::{Outcome, Stack};
use super::{CALLER, PERMISSIONS, Site};
use crate::case::Fault;
use crate::listen::{Listening, indiscretion};
use crate::sweep::in_virtual_time;
use crate::verdict::Broken;

/// One fault at one call, the stack's first being 0.
pub type Disturbance = Option<(u64, Fault)>;

/// A life in which every promise was kept.
#[derive(Clone, Copy, Debug)]
pub struct Life {
    pub calls: u64,
    /// Whether all went as it would have gone undisturbed.
    pub is_undisturbed: bool,
    /// Things that the resource has made and that were left, named in the log.
    pub left: usize,
    /// A rollback that a person has to finish: the reason names the mapping that is in the way.
    pub is_stuck: bool,
    /// A switch died, and the settings of the registration are in the log alone.
    pub loses_settings: bool,
}

/// Runs a case in a runtime of its own. `loses`: whether Lambda gives up the environment of a
/// function that died.
pub fn run(case: Case, fault: Disturbance, loses: bool) -> Result<Life, Box<Broken>> {
    in_virtual_time(live(case, fault, loses))
}

/// Runs a case in which every event is delivered twice at once. Of the calls of the first
/// deliveries, this one is held for so long.
pub fn run_twice(case: Case, held: u64, so_long: Duration) -> Result<Life, Box<Broken>> {
    in_virtual_time(live_twice(case, held, so_long))
}

async fn live_twice(case: Case, held: u64, so_long: Duration) -> Result<Life, Box<Broken>> {
    let follow = move |site: &Site| {
        let mut number = 0;
        site.gate.follow(move |call: &Call| {
            if call.caller.as_deref() != Some(CALLER) {
                return Fate::Pass;
            }
            number += 1;
            if number != held + 1 {
                return Fate::Pass;
            }
            let (pause, release) = pause();
            tokio::spawn(async move {
                tokio::time::sleep(so_long).await;
                release.pass();
            });
            Fate::Pause(pause)
        });
    };
    let run = format!("twice at once, call {held} held for {so_long:?}");
    live_through(case, follow, |stack| stack.has_twin = true, false, &run).await
}

async fn live(case: Case, fault: Disturbance, loses: bool) -> Result<Life, Box<Broken>> {
    let disturb = move |site: &Site| {
        let mut number = 0;
        site.gate.follow(move |_: &Call| {
            number += 1;
            match fault {
                Some((at, fault)) if at + 1 == number => fault.fate(),
                _ => Fate::Pass,
            }
        });
    };
    let may_leave = loses && fault.is_some_and(|(_, fault)| is_deadly(fault));
    let run = format!("with {fault:?}, environments lost: {loses}");
    let lose = |stack: &mut Stack<'_>| stack.loses_environments = loses;
    live_through(case, disturb, lose, may_leave, &run).await
}

/// Lives through the case and judges it. `disturb` says what befalls the calls, `prepare` what the stack
/// is like, `run` both in words.
async fn live_through(
    case: Case,
    disturb: impl FnOnce(&Site),
    prepare: impl FnOnce(&mut Stack<'_>),
    may_leave: bool,
    run: &str,
) -> Result<Life, Box<Broken>> {
    let listening = Listening::begin();
    let site = Site::new(&PERMISSIONS);
    case.set(&site);
    let (before, theirs) = (site.trusted(), site.ids());
    disturb(&site);
    let mut stack = Stack::new(&site, case.resource.name());
    prepare(&mut stack);
    let outcomes = case.run(&mut stack).await;
    let during = site.trusted();
    let deleted = stack.delete().await;
    let judged = Judged {
        case,
        stack: &stack,
        before: &before,
        theirs: &theirs,
        during: &during,
        outcomes: &outcomes,
        deleted,
        may_leave,
        heard: listening.heard(),
    };
    judged.judge().map_err(|what| {
        Box::new(Broken {
            run: format!("{case:?} {run}; {outcomes:?}"),
            what,
            story: format!("{}{:#?}", site.story(), stack.answers),
        })
    })
}

fn is_deadly(fault: Fault) -> bool {
    matches!(fault, Fault::KillBefore | Fault::KillAfter)
}

struct Judged<'a> {
    case: Case,
    stack: &'a Stack<'a>,
    before: &'a BTreeSet<String>,
    theirs: &'a BTreeSet<String>,
    /// Before the stack was deleted.
    during: &'a BTreeSet<String>,
    outcomes: &'a [Outcome],
    deleted: Outcome,
    /// The process died, and its notes with it.
    may_leave: bool,
    heard: String,
}

impl Judged<'_> {
    fn judge(&self) -> Result<Life, String> {
        let site = self.stack.site;
        if let Some(request) = self.stack.unanswered.first() {
            return Err(format!("{request} was never answered"));
        }
        let wrong = site.gate.with_world(|world| {
            let complaints = world.cloudformation.complaints().first().cloned();
            let mut urls = world.cloudformation.every_value();
            complaints.or_else(|| urls.find(|it| self.heard.contains(it)).map(str::to_owned))
        });
        if let Some(wrong) = wrong.or_else(|| indiscretion(&site.gate, &self.heard)) {
            return Err(wrong);
        }
        self.judge_others(&site.ids())?;
        let is_stuck = self.outcomes.contains(&Outcome::RollbackFailed);
        if (is_stuck && !self.may_be_stuck()) || self.deleted != Outcome::Complete {
            return Err("it takes somebody to look after it".to_owned());
        }
        let loses_settings = self.loses_settings();
        let left = if loses_settings { 0 } else { self.left()? };
        if left == 0 && !loses_settings && !is_stuck {
            self.judge_during()?;
        }
        let expected = if self.case.change == Change::Refused {
            Outcome::RolledBack
        } else {
            Outcome::Complete
        };
        Ok(Life {
            calls: site
                .gate
                .calls()
                .iter()
                .map(|it| it.call.number)
                .max()
                .unwrap_or_default(),
            is_undisturbed: self.outcomes[0] == expected
                && self.outcomes[1..]
                    .iter()
                    .all(|it| *it == self.undisturbed()),
            left,
            is_stuck,
            loses_settings,
        })
    }

    fn undisturbed(&self) -> Outcome {
        match self.case.change {
            Change::InPlaceInVain(_) | Change::AnotherInVain(_) | Change::SwitchedInVain => {
                Outcome::RolledBack
            }
            _ => Outcome::Complete,
        }
    }

    /// Nothing is gone that the resource did not make, but the registration that it was to switch.
    fn judge_others(&self, ids: &BTreeSet<String>) -> Result<(), String> {
        let gone = self.theirs.difference(ids).count();
        let may_go = usize::from(self.is_switch());
        if gone > may_go {
            return Err("something is gone that the resource did not make".to_owned());
        }
        Ok(())
    }

    /// The process died after the deletion, and its notes with it: the next delivery finds no
    /// registration, and makes one of the resource's own.
    fn loses_settings(&self) -> bool {
        let is_there = |it: &&String| it.contains(AWS_ACCOUNT) && it.contains("aws_partition");
        self.is_switch()
            && self.may_leave
            && self.heard.contains("settings before the switch")
            && !self.stack.site.trusted().iter().any(|it| is_there(&it))
    }

    /// Whose the mapping is that took the other's place, nothing tells any more.
    fn may_be_stuck(&self) -> bool {
        let ids = self
            .stack
            .answers
            .iter()
            .filter_map(|it| it["Data"]["Id"].as_str());
        let reason = self.stack.reason();
        self.may_leave
            && matches!(self.case.change, Change::InPlaceInVain(_))
            && ids.into_iter().any(|id| reason.contains(id))
    }

    fn is_switch(&self) -> bool {
        matches!(self.case.change, Change::Switched | Change::SwitchedInVain)
    }

    /// What is there after the stack that was not there before it.
    fn left(&self) -> Result<usize, String> {
        let (after, before) = (self.stack.site.trusted(), self.expected_before());
        let left: Vec<_> = after.difference(&before).collect();
        let lost: Vec<_> = before.difference(&after).collect();
        if !lost.is_empty() {
            return Err(format!("not there any more: {lost:?}"));
        }
        if left.is_empty() {
            return Ok(0);
        }
        let is_remainder =
            self.may_leave && left.len() == 1 && self.case.resource != Resource::Account;
        let ids = self.stack.site.ids();
        let mut names = ids.difference(self.theirs);
        if is_remainder && names.all(|id| self.heard.contains(id.as_str())) {
            return Ok(1);
        }
        Err(format!("left: {left:?}"))
    }

    /// A switch that was begun is not undone.
    fn expected_before(&self) -> BTreeSet<String> {
        let is_switched = self.is_switch() && !self.theirs.is_subset(&self.stack.site.ids());
        let keys = r#""auth_config":{"access_key_id":"AKIAIOSFODNN7EXAMPLE"}"#;
        let role = r#""auth_config":{"role_name":"Datadog"}"#;
        let before = self.before.iter();
        before
            .map(|it| {
                if is_switched {
                    it.replace(keys, role)
                } else {
                    it.clone()
                }
            })
            .collect()
    }

    /// What was complete is as it was asked for; what was rolled back is as it was before.
    fn judge_during(&self) -> Result<(), String> {
        let (first, second) = self.case.properties(self.stack.site);
        let added: Vec<_> = self.during.difference(self.before).collect();
        let is_there = |properties: &serde_json::Value| {
            let (role, account) = match self.case.resource {
                Resource::Identity => ("ArnPattern", "ServiceAccountId"),
                Resource::Intake => ("RoleName", "RoleName"),
                Resource::Account => ("AwsAccountId", "RoleName"),
            };
            let text = |name: &str| properties[name].as_str().unwrap_or_default().to_owned();
            let mut all = self.during.iter();
            all.any(|it| it.contains(&text(role)) && it.contains(&text(account)))
        };
        let (should, extra) = match self.outcomes {
            [Outcome::Complete, Outcome::Complete]
                if matches!(self.case.change, Change::InPlace | Change::Another) =>
            {
                (Some(&second), 1)
            }
            [Outcome::Complete, _] => (Some(&first), 1),
            _ => (None, 0),
        };
        if should.is_some_and(|it| !is_there(it)) {
            return Err(format!(
                "what was asked for is not there: {:?}",
                self.during
            ));
        }
        let extra = if self.case.change == Change::Adopted {
            0
        } else {
            extra
        };
        if added.len() > extra.max(usize::from(self.is_switch())) {
            return Err(format!("more is there than was asked for: {added:?}"));
        }
        if self.during.iter().any(|it| it.contains("datadog-trust:")) && !self.may_leave {
            return Err("a mark is left".to_owned());
        }
        Ok(())
    }
}
