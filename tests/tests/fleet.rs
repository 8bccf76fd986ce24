//! A thousand secrets of one organisation: at once, and over a window.
//!
//! The figures of `docs/figures/fleet.md` are the figures of these tests.

#![expect(
    clippy::expect_used,
    reason = "a panic is how a test says that something is wrong"
)]

use std::fmt::Write;
use std::time::Duration;

use harness::figures;
use harness::fleet::{Limits, Outcome, Price, Schedule, needed, rotate};

const AT_ONCE: Duration = Duration::ZERO;
const FOUR_HOURS: Duration = Duration::from_hours(4);
const A_DAY: Duration = Duration::from_hours(24);

fn schedules(limits: &[Limits], windows: &[Duration]) -> Vec<Schedule> {
    let of = |limits: &Limits| {
        let limits = *limits;
        windows
            .iter()
            .map(move |&window| Schedule { limits, window })
    };
    limits.iter().flat_map(of).collect()
}

fn over(window: Duration) -> String {
    match window.as_secs() {
        0 => "at once".to_owned(),
        seconds if seconds < 60 => format!("over {seconds} s"),
        seconds if seconds < 3600 => format!("over {} min", seconds / 60),
        seconds => format!("over {} h", seconds / 3600),
    }
}

/// Rotates them, compares what is said of it, and answers how many calls were needed.
fn compare(part: &str, secrets: &[usize], schedules: &[Schedule]) -> Vec<(usize, Outcome)> {
    let (mut rows, mut outcomes) = (String::new(), Vec::new());
    for &secrets in secrets {
        let needed = needed(secrets);
        for (schedule, it) in schedules.iter().zip(rotate(secrets, schedules)) {
            let of_needed = it.calls * 1000 / needed;
            let seconds = it.took.as_secs();
            writeln!(
                rows,
                "| {secrets} | {} | {} | {}:{:02}:{:02} | {} | {needed} | {}.{:03} | {} | {} | {} | {} | {} |",
                over(schedule.window),
                schedule.limits.name,
                seconds / 3600,
                seconds / 60 % 60,
                seconds % 60,
                it.calls,
                of_needed / 1000,
                of_needed % 1000,
                it.refused,
                it.invocations.begun,
                it.invocations.failed,
                it.invocations.turned_away,
                it.lost,
            )
            .expect("written");
            outcomes.push((needed, it));
        }
    }
    let columns = [
        "secrets",
        "begun",
        "limits",
        "all done after",
        "calls",
        "needed",
        "calls / needed",
        "refused",
        "invocations",
        "failed",
        "turned away",
        "given up",
    ];
    let counted = figures::table(&columns, &rows);
    // Which secrets, begun how, under which limits, and how many were given up.
    figures::compare_cells("figures/fleet", part, &counted, &[0, 1, 2, 11]);
    outcomes
}

/// What a year costs.
fn compare_prices(part: &str, secrets: usize, outcomes: &[(&str, Outcome)]) {
    let mut rows = String::new();
    for (begun, outcome) in outcomes {
        for days in [30, 90] {
            let Price {
                lambda,
                calls,
                secrets: kept,
            } = Price::of(outcome, secrets, days);
            let sum = lambda + calls;
            writeln!(
                rows,
                "| {secrets} | {begun} | {days} | {lambda:.3} | {calls:.3} | {sum:.3} | {kept:.2} |"
            )
            .expect("written");
        }
    }
    let columns = [
        "secrets",
        "begun",
        "every … days",
        "Lambda",
        "calls of Secrets Manager",
        "rotations together",
        "the secrets themselves",
    ];
    let counted = figures::table(&columns, &rows);
    figures::compare_cells("figures/fleet", part, &counted, &[0, 1, 2, 6]);
}

/// The goal: all are rotated, with at most a tenth more calls than are needed.
fn assert_within_goal(outcomes: &[(usize, Outcome)]) {
    for (needed, it) in outcomes {
        assert_eq!(it.lost, 0, "{it:?}");
        assert!(it.calls * 10 <= needed * 11, "{it:?} where {needed} do");
    }
}

#[test]
fn few() {
    let schedules = schedules(&Limits::ALL, &[AT_ONCE, FOUR_HOURS]);
    let outcomes = compare("few", &[1, 100], &schedules);
    assert_within_goal(&outcomes);
    let undisturbed = outcomes.iter().filter(|(_, it)| it.took > FOUR_HOURS / 2);
    assert!(undisturbed.clone().count() > 0);
    for (needed, it) in undisturbed {
        assert_eq!(it.calls, *needed, "{it:?}");
    }
}

#[test]
fn a_thousand_at_once() {
    let schedules = schedules(&Limits::ALL, &[AT_ONCE]);
    let outcomes = compare("a thousand at once", &[1000], &schedules);
    assert_within_goal(&outcomes);
    let slowest = outcomes.iter().map(|(_, it)| *it);
    let slowest = slowest.max_by_key(|it| it.invocations.billed);
    let slowest = slowest.expect("an outcome");
    compare_prices("prices at once", 1000, &[("at once, the dearest", slowest)]);
}

/// Where the goal ends.
#[test]
#[ignore = "20 s"]
fn a_thousand_under_less() {
    let schedules = schedules(&Limits::TIGHT, &[AT_ONCE]);
    for schedule in schedules {
        compare(schedule.limits.name, &[1000], &[schedule]);
    }
}

/// Where Lambda takes a hundred invocations at once, rotations that begin one after the other are none
/// too many: what a window is long enough for.
#[test]
#[ignore = "60 s"]
fn a_thousand_one_after_the_other() {
    let minutes = [1, 2, 5, 15].map(Duration::from_mins);
    let schedules = schedules(&[Limits::A_TENTH_OF_LAMBDA], &minutes);
    let outcomes = compare("a tenth of Lambda's, in turn", &[1000], &schedules);
    let lost: Vec<_> = outcomes.iter().map(|(_, it)| it.lost).collect();
    assert!(
        lost.is_sorted_by(|shorter, longer| shorter >= longer),
        "{lost:?}"
    );
    assert_within_goal(&outcomes[2..]);
}

#[test]
#[ignore = "25 s"]
fn a_thousand_over_four_hours() {
    let schedules = schedules(&Limits::ALL, &[FOUR_HOURS]);
    let outcomes = compare("a thousand over four hours", &[1000], &schedules);
    assert_within_goal(&outcomes);
    compare_prices("prices", 1000, &[("over 4 h", outcomes[0].1)]);
}

#[test]
#[ignore = "20 minutes"]
fn ten_thousand() {
    let mut schedules = schedules(&Limits::ALL, &[FOUR_HOURS]);
    schedules.push(Schedule {
        limits: Limits::BY_THE_MINUTE,
        window: A_DAY,
    });
    let outcomes = compare("ten thousand", &[10_000], &schedules);
    assert_within_goal(&outcomes);
}
