//! All states of the shipping code. `docs/figures/explorer.md` has the figures of these tests.
//!
//! The ignored tests take from minutes to hours: `cargo test --workspace --test explore -- --ignored more_faults`.

mod plans;

use std::time::Duration;

use explore::plan::{Plan, Shape};
use explore::report::{assert_explored, assert_kept, row};
use explore::search::explore;
use harness::case::{Fault, Setting, Subject, is_wanted};
use plans::{lies, not_both_create, pairs, pairs_of, plan, rotation};

/// By default everything is exhausted long before.
const AT_MOST: Duration = Duration::from_mins(10);

/// By hand, `MINUTES` ends a search sooner.
fn minutes_or(usual: Duration) -> Duration {
    let minutes = std::env::var("MINUTES").ok().and_then(|it| it.parse().ok());
    minutes.map_or(usual, Duration::from_mins)
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
                run(concat!(stringify!($name), " lies"), &plans::lies(SUBJECT), AT_MOST);
            }

            #[test]
            fn worlds() {
                run(concat!(stringify!($name), " worlds"), &plans::worlds(SUBJECT), AT_MOST);
            }

            #[test]
            fn mistakes() {
                let plans = plans::mistakes(SUBJECT);
                run(concat!(stringify!($name), " mistakes"), &plans, AT_MOST);
            }

            #[test]
            fn acts() {
                run(concat!(stringify!($name), " acts"), &plans::acts(SUBJECT), AT_MOST);
            }

            #[test]
            fn acts_and_a_death() {
                let plans = plans::acts_and_a_death(SUBJECT);
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
                let plans = plans::faults_and_lies(SUBJECT, 2);
                let at_most = minutes_or(Duration::from_hours(4));
                run(concat!(stringify!($name), " faults and lies"), &plans, at_most);
            }

            #[test]
            #[ignore = "by hand: takes long"]
            fn pairs_with_a_fault() {
                let plans = plans::pairs(SUBJECT, 1);
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
