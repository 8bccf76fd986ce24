//! Two deliveries of one step at once, call by call in many orders, and both may die.
//!
//! The figures of `docs/figures/overlap.md` are the figures of these tests.

use harness::case::{Case, Setting, Subject};
use harness::figures;
use harness::interleave::{Interleaving, Order, run};
use sandbox::rotation::Step;

/// testSecret and setSecret change nothing, unless a key is dead: the crash sweep has that.
const STEPS: [Step; 2] = [Step::CreateSecret, Step::FinishSecret];

/// Orders with more interruptions, drawn by seed.
const DRAWN: u64 = 200;

fn made(case: Case, step: Step, order: Order) -> [usize; 2] {
    match run(&Interleaving { case, step, order }) {
        Ok(made) => made,
        Err(broken) => panic!("{broken:?}"),
    }
}

/// Every order with one interruption of each.
fn interrupted(case: Case, step: Step) -> usize {
    let mut orders = 0;
    for first in 0.. {
        let mut alone = 0;
        for second in 0.. {
            let made = made(case, step, Order::Twice(first, second));
            orders += 1;
            if second == 0 {
                alone = made[0];
            }
            if made[1] <= second {
                break;
            }
        }
        if alone <= first {
            break;
        }
    }
    orders
}

fn interleave(subject: Subject) {
    let mut rows = Vec::new();
    for step in STEPS {
        // With `api_keys_read` the explorer tries every order.
        let case = Case {
            subject,
            setting: Setting::Later,
            reads: false,
            redelivered: false,
        };
        let orders = interrupted(case, step);
        for seed in 0..DRAWN {
            made(case, step, Order::Drawn(seed));
        }
        rows.push(format!(
            "| {subject} | {step} | {orders} | {orders} | {DRAWN} | {DRAWN} |\n"
        ));
    }
    figures::compare_held(
        subject.page("figures/overlap"),
        &format!("interleaved, {subject}"),
        &figures::table(
            &["type", "step", "interrupted", "held", "drawn", "held"],
            &rows.concat(),
        ),
    );
}

#[test]
fn api_key() {
    interleave(Subject::ApiKey);
}

#[test]
fn application_key() {
    interleave(Subject::ApplicationKey);
}

#[test]
fn admin_key() {
    interleave(Subject::AdminKey);
}

#[test]
fn service_access_token() {
    interleave(Subject::ServiceAccessToken);
}

#[test]
fn assisted_admin_key() {
    interleave(Subject::AssistedAdminKey);
}

#[test]
fn grace_on_demand() {
    for subject in Subject::ON_DEMAND {
        interleave(subject);
    }
}
