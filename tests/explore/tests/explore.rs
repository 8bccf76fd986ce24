//! All states of the shipping code. `docs/figures/explorer.md` has the figures of these tests.
//!
//! The ignored tests take from minutes to hours: `cargo test --workspace --test explore -- --ignored more_faults`.

use std::time::Duration;

use explore::plan::{Act, Budget, Plan, Shape};
use explore::report::{assert_explored, assert_kept, row};
use explore::search::explore;
use harness::case::{Case, Fault, Setting, Subject, is_wanted};
use harness::function::Skew;
use harness::overlap::Meanwhile;
use sandbox::rotation::Step;

/// By default everything is exhausted long before.
const AT_MOST: Duration = Duration::from_mins(10);

/// By hand, `MINUTES` ends a search sooner.
fn minutes_or(usual: Duration) -> Duration {
    let minutes = std::env::var("MINUTES").ok().and_then(|it| it.parse().ok());
    minutes.map_or(usual, Duration::from_mins)
}

fn plan(subject: Subject, shape: Shape, [faults, deaths, acts]: [u8; 3]) -> Plan {
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

fn run(part: &str, plans: &[Plan], at_most: Duration) {
    let mut rows = Vec::new();
    for plan in plans {
        let mut explored = explore(plan, at_most);
        if explored.is_mixed {
            // The orders that were left out are no longer known to make no difference.
            let every_order = true;
            explored = explore(
                &Plan {
                    every_order,
                    ..plan.clone()
                },
                at_most,
            );
        }
        assert_kept(plan, &explored);
        rows.push(row(plan, &explored));
    }
    assert_explored(part, &rows);
}

/// Two invocations of every pair of steps, each of which may die at any call.
fn pairs(subject: Subject, faults: u8) -> Vec<Plan> {
    pairs_of(subject, faults, |_| true)
}

fn pairs_of(subject: Subject, faults: u8, which: fn([Step; 2]) -> bool) -> Vec<Plan> {
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

fn rotation(subject: Subject, faults: u8) -> Vec<Plan> {
    vec![plan(subject, Shape::Rotation, [faults, 0, 0])]
}

/// Any faults or lies, in any mixture. Of more of them than a person waits for, `EVERY_FIRST` takes one first
/// fault in so many.
fn faults_and_lies(subject: Subject, most: u8) -> Vec<Plan> {
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
fn lies(subject: Subject) -> Vec<Plan> {
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
    vec![with(true, lies().collect()), with(false, costless)]
}

/// One rotation and its repair in each world in which a service answers otherwise, or that somebody
/// has prepared for trouble: undisturbed, with a store that is refused, and with one death after an effect. Without `api_keys_read`
/// no death, which may cost an API key.
fn worlds(subject: Subject) -> Vec<Plan> {
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

fn is_reading(operation: &str) -> bool {
    let readings = ["GET ", "Describe", "Get", "List"];
    readings.iter().any(|it| operation.starts_with(it))
}

/// One rotation, and one act of a person or of other rotations at any call.
fn acts(subject: Subject) -> Vec<Plan> {
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
fn acts_and_a_death(subject: Subject) -> Vec<Plan> {
    let with = |act| Plan {
        faults: vec![Fault::KillAfter],
        acts: vec![act],
        ..plan(subject, Shape::Rotation, [1, 0, 1])
    };
    let mut acts = vec![Act::RevokePending];
    if subject == Subject::AssistedAdminKey {
        acts.extend([Act::RevokeCurrent(0), Act::RevokeCurrent(1)]);
    }
    acts.into_iter().filter(is_wanted).map(with).collect()
}

fn not_both_create(steps: [Step; 2]) -> bool {
    steps != [Step::CreateSecret; 2]
}

#[test]
#[ignore = "by hand: takes a quarter of an hour"]
fn two_createsecrets_of_an_assisted_admin_key() {
    let plans = pairs_of(Subject::AssistedAdminKey, 0, |it| !not_both_create(it));
    run(
        "assisted_admin_key both create",
        &plans,
        Duration::from_hours(1),
    );
}

/// One order stands for all that come to the same: no world is missed by it.
fn every_order_leads_to_the_same_worlds(plans: Vec<Plan>) {
    for few in plans {
        let all = Plan {
            every_order: true,
            ..few.clone()
        };
        let (all, few) = (explore(&all, AT_MOST), explore(&few, AT_MOST));
        assert_eq!((all.open, few.open), (0, 0), "time ended first");
        assert!(!all.is_mixed && !few.is_mixed);
        assert_eq!(all.worlds, few.worlds);
    }
}

/// The identity's tokens end, and its fallback takes over: at any call.
#[test]
fn fallback_of_a_keyless_api_key() {
    let mut plan = Plan {
        faults: [&Fault::OF_TOKENS[..], &[Fault::Refused(403)]].concat(),
        ..plan(Subject::KeylessApiKey, Shape::Rotation, [1, 0, 0])
    };
    plan.case.setting = Setting::OwnFallback;
    run("keyless_api_key fallback", &[plan], AT_MOST);
}

/// Secrets whose tags say what becomes of replaced keys.
#[test]
fn grace_on_demand() {
    for subject in Subject::ON_DEMAND.into_iter().filter(is_wanted) {
        let plans = [rotation(subject, 1), lies(subject)].concat();
        run(&format!("grace on demand, {subject}"), &plans, AT_MOST);
    }
}

/// The same, two invocations at once.
#[test]
#[ignore = "by hand: takes minutes"]
fn pairs_of_grace_on_demand() {
    for subject in Subject::ON_DEMAND.into_iter().filter(is_wanted) {
        let plans = pairs_of(subject, 0, |_| true);
        run(&format!("pairs, {subject}"), &plans, AT_MOST);
    }
}

/// An admin secret that holds a service access token.
#[test]
fn by_a_token() {
    for subject in Subject::BY_TOKEN.into_iter().filter(is_wanted) {
        let plans = [rotation(subject, 1), lies(subject)].concat();
        run(&subject.to_string(), &plans, AT_MOST);
    }
}

#[test]
fn every_order_of_api_keys() {
    let plans = [pairs(Subject::ApiKey, 0), rotation(Subject::ApiKey, 1)];
    every_order_leads_to_the_same_worlds(plans.concat());
}

#[test]
#[ignore = "by hand: takes a minute"]
fn every_order_of_application_keys() {
    let subject = Subject::ApplicationKey;
    let plans = [pairs(subject, 0), rotation(subject, 1)];
    every_order_leads_to_the_same_worlds(plans.concat());
}

macro_rules! explorations {
    ($($name:ident: $subject:ident, $most:literal;)*) => {$(
        mod $name {
            use super::*;

            const SUBJECT: Subject = Subject::$subject;

            #[test]
            fn pairs() {
                let is_long = SUBJECT == Subject::AssistedAdminKey;
                let which = if is_long { not_both_create } else { |_| true };
                let plans = pairs_of(SUBJECT, 0, which);
                run(concat!(stringify!($name), " pairs"), &plans, AT_MOST);
            }

            #[test]
            fn one_fault() {
                run(concat!(stringify!($name), " one fault"), &rotation(SUBJECT, 1), AT_MOST);
            }

            #[test]
            fn lies() {
                run(concat!(stringify!($name), " lies"), &super::lies(SUBJECT), AT_MOST);
            }

            #[test]
            fn worlds() {
                run(concat!(stringify!($name), " worlds"), &super::worlds(SUBJECT), AT_MOST);
            }

            #[test]
            fn acts() {
                run(concat!(stringify!($name), " acts"), &super::acts(SUBJECT), AT_MOST);
            }

            #[test]
            fn acts_and_a_death() {
                let plans = super::acts_and_a_death(SUBJECT);
                run(concat!(stringify!($name), " acts and a death"), &plans, AT_MOST);
            }

            #[test]
            #[ignore = "by hand: takes long"]
            fn more_faults() {
                let plans: Vec<_> = (2..=$most).flat_map(|it| rotation(SUBJECT, it)).collect();
                let at_most = minutes_or(Duration::from_hours(4));
                run(concat!(stringify!($name), " more faults"), &plans, at_most);
            }

            #[test]
            #[ignore = "by hand: takes long"]
            fn faults_and_lies() {
                let plans = super::faults_and_lies(SUBJECT, 2);
                let at_most = minutes_or(Duration::from_hours(4));
                run(concat!(stringify!($name), " faults and lies"), &plans, at_most);
            }

            #[test]
            #[ignore = "by hand: takes long"]
            fn pairs_with_a_fault() {
                let plans = super::pairs(SUBJECT, 1);
                let at_most = minutes_or(Duration::from_hours(1));
                run(concat!(stringify!($name), " pairs with a fault"), &plans, at_most);
            }
        }
    )*};
}

explorations! {
    api_key: ApiKey, 3;
    application_key: ApplicationKey, 2;
    admin_key: AdminKey, 2;
    service_access_token: ServiceAccessToken, 2;
    assisted_admin_key: AssistedAdminKey, 2;
}
