//! What the tests explore.

use std::time::Duration;

use explore::plan::{Act, Budget, Plan, Shape};
use harness::case::{Case, Fault, Setting, Subject, is_wanted};
use harness::function::Skew;
use harness::overlap::Meanwhile;
use sandbox::rotation::Step;

pub(crate) fn plan(subject: Subject, shape: Shape, [faults, deaths, acts]: [u8; 3]) -> Plan {
    Plan {
        case: Case {
            subject,
            setting: Setting::Later,
            reads: true,
            redelivered: false,
        },
        shape,
        faults: subject.faults(),
        can_meet: Fault::can_meet,
        acts: Vec::new(),
        budget: Budget {
            faults,
            deaths,
            acts,
        },
        clock: Skew::NONE,
        every_order: false,
        every_first_fault: None,
    }
}

/// Two invocations of every pair of steps, each of which may die at any call.
pub(crate) fn pairs(subject: Subject, faults: u8) -> Vec<Plan> {
    pairs_of(subject, faults, |_| true)
}

pub(crate) fn pairs_of(subject: Subject, faults: u8, which: fn([Step; 2]) -> bool) -> Vec<Plan> {
    let pairs = Step::ALL.into_iter().flat_map(|second| {
        let firsts = Step::ALL.into_iter().filter(move |it| *it <= second);
        firsts.map(move |first| (first, second))
    });
    let pairs = pairs.filter(|(first, second)| which([*first, *second]));
    let budget = [faults, if faults == 0 { 2 } else { 0 }, 0];
    pairs
        .map(|(first, second)| plan(subject, Shape::Pair(first, second), budget))
        .collect()
}

pub(crate) fn rotation(subject: Subject, faults: u8) -> Vec<Plan> {
    vec![plan(subject, Shape::Rotation, [faults, 0, 0])]
}

/// Any faults or lies, in any mixture. Of more of them than a person waits for, `EVERY_FIRST` takes one first
/// fault in so many.
pub(crate) fn faults_and_lies(subject: Subject, most: u8) -> Vec<Plan> {
    let every = std::env::var("EVERY_FIRST").ok();
    let both = [subject.faults(), Fault::LIES.to_vec()].concat();
    vec![Plan {
        faults: both.into_iter().filter(is_wanted).collect(),
        every_first_fault: every.and_then(|it| it.parse().ok()),
        ..plan(subject, Shape::Rotation, [most, 0, 0])
    }]
}

/// One rotation and its repair, and one wrong answer of a right shape. Without `api_keys_read` only those
/// that may cost no API key.
pub(crate) fn lies(subject: Subject) -> Vec<Plan> {
    let lies = || Fault::LIES.into_iter().filter(is_wanted);
    let with = |reads, faults| {
        let mut plan = Plan {
            faults,
            ..plan(subject, Shape::Rotation, [1, 0, 0])
        };
        plan.case.reads = reads;
        plan
    };
    let costless = lies().filter(|it| !it.loses_keys()).collect();
    let mut plans = vec![with(true, lies().collect()), with(false, costless)];
    if matches!(subject, Subject::ApiKey | Subject::AdminKey) {
        // No list shows a key that a person has named: one answer tells its settings.
        let mut plan = with(true, lies().collect());
        plan.case.setting = Setting::First;
        plans.push(plan);
    }
    plans
}

/// One rotation and its repair in each world in which a service answers otherwise, or that somebody
/// has prepared for trouble: undisturbed, with a store that is refused, and with one death after an effect. Without `api_keys_read`
/// no death, which may cost an API key.
pub(crate) fn worlds(subject: Subject) -> Vec<Plan> {
    let settings = [
        Setting::worlds(subject),
        Setting::troubled(subject).to_vec(),
    ]
    .concat();
    let is_rotation = |it: &Setting| !matches!(it, Setting::Checked | Setting::CheckedByCopy);
    let with = |setting, reads, faults| {
        let mut plan = Plan {
            faults,
            can_meet: |fault, operation| match fault {
                Fault::Refused(_) => operation == "PutSecretValue",
                _ => !is_reading(operation),
            },
            ..plan(subject, Shape::Rotation, [1, 0, 0])
        };
        (plan.case.setting, plan.case.reads) = (setting, reads);
        plan
    };
    let with = |setting| {
        let costless = vec![Fault::Refused(404)];
        let all = vec![Fault::Refused(404), Fault::KillAfter];
        [with(setting, true, all), with(setting, false, costless)]
    };
    let settings = settings.into_iter().filter(is_rotation);
    settings.filter(is_wanted).flat_map(with).collect()
}

/// One rotation and its repair in each world in which one key or secret may be taken for another: with one death
/// after an effect, or with an answer that makes it likelier. Without `api_keys_read` only where that tells them apart.
pub(crate) fn mistakes(subject: Subject) -> Vec<Plan> {
    let with = |setting, reads| {
        let mut plan = Plan {
            faults: likelier(setting, reads),
            can_meet: |fault, operation| match fault {
                Fault::KillAfter => !is_reading(operation),
                _ => fault.can_meet(operation),
            },
            ..plan(subject, Shape::Rotation, [1, 0, 0])
        };
        (plan.case.setting, plan.case.reads) = (setting, reads);
        plan
    };
    let both = |setting| match setting {
        Setting::OthersId | Setting::DeadWithOthersId => {
            vec![with(setting, true), with(setting, false)]
        }
        _ => vec![with(setting, true)],
    };
    let settings = Setting::mistaken(subject).into_iter();
    settings.filter(is_wanted).flat_map(both).collect()
}

fn likelier(setting: Setting, reads: bool) -> Vec<Fault> {
    match setting {
        Setting::OthersId | Setting::DeadWithOthersId if !reads => vec![Fault::Refused(404)],
        Setting::OthersId | Setting::DeadWithOthersId => {
            vec![Fault::Refused(404), Fault::KillAfter]
        }
        Setting::Orphan | Setting::Neighbour => {
            [&Fault::OF_OTHERS[..], &[Fault::KillAfter]].concat()
        }
        _ => vec![Fault::KillAfter],
    }
}

fn is_reading(operation: &str) -> bool {
    let readings = ["GET ", "Describe", "Get", "List"];
    readings.iter().any(|it| operation.starts_with(it))
}

/// One rotation, and one act of a person or of other rotations at any call.
pub(crate) fn acts(subject: Subject) -> Vec<Plan> {
    let with = |act| Plan {
        acts: vec![act],
        ..plan(subject, Shape::Rotation, [0, 0, 1])
    };
    let taken_off = Act::Meanwhile(Meanwhile::TakenOff);
    let acts = [
        Act::Meanwhile(Meanwhile::TwoRotations),
        taken_off,
        Act::Meanwhile(Meanwhile::Displaced),
        Act::RollBack,
        Act::RevokePending,
    ];
    let mut plans: Vec<_> = acts.into_iter().filter(is_wanted).map(with).collect();
    // Old enough for the other rotation to take the pending key for an orphaned one.
    for act in [Act::BeginAnew, taken_off].into_iter().filter(is_wanted) {
        let mut plan = with(act);
        plan.case.setting = Setting::Unfinished;
        plans.push(plan);
    }
    if is_wanted(&taken_off) {
        // What is another invocation's to store must not look old.
        plans.push(Plan {
            clock: Skew::Ahead(Duration::from_hours(1)),
            ..with(taken_off)
        });
    }
    plans
}

/// A rotation that may die once, and a key that a person revokes. Acts that take time are explored
/// without a death.
pub(crate) fn acts_and_a_death(subject: Subject) -> Vec<Plan> {
    let with = |act| Plan {
        faults: vec![Fault::KillAfter],
        acts: vec![act],
        ..plan(subject, Shape::Rotation, [1, 0, 1])
    };
    let mut acts = vec![Act::RevokePending];
    match subject {
        Subject::ApplicationKey => acts.push(Act::RevokeCurrent(0)),
        Subject::AssistedAdminKey => acts.extend([Act::RevokeCurrent(0), Act::RevokeCurrent(1)]),
        _ => {}
    }
    let mut plans: Vec<_> = acts.into_iter().filter(is_wanted).map(with).collect();
    if is_wanted(&Act::BeginAnew) {
        // An effect that is sent again, and a rotation that is begun anew in the pause before, which is of many seconds.
        let mut plan = with(Act::BeginAnew);
        plan.case.setting = Setting::Unfinished;
        plan.faults = vec![Fault::Throttle];
        plan.can_meet = |_, operation| !is_reading(operation);
        plans.push(plan);
    }
    plans
}

pub(crate) fn not_both_create(steps: [Step; 2]) -> bool {
    steps != [Step::CreateSecret; 2]
}
