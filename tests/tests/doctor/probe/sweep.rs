//! Every call of a probe × every fault: what it leaves it names, and the next one deletes it.

use std::time::Duration;

use harness::case::Fault;
use harness::probe::{Probed, WHO, inventory, left, world};
use http::StatusCode;
use sandbox::gate::{Call, Fate};
use sandbox::scene::Admin;
use tokio::sync::Notify;

const MINUTE: Duration = Duration::from_mins(1);

/// What becomes of one call.
#[derive(Clone, Copy, Debug)]
enum Mishap {
    Fault(Fault),
    Refused(StatusCode),
}

impl Mishap {
    fn all(admin: Admin) -> Vec<Self> {
        let of_tokens = &Fault::OF_TOKENS[..];
        let of_tokens = if admin == Admin::Pair { &[] } else { of_tokens };
        let faults = Fault::ALL.iter().chain(of_tokens);
        let refusals = [401, 403, 404].map(|it| StatusCode::from_u16(it).unwrap());
        let refusals = refusals.map(Self::Refused);
        faults.map(|it| Self::Fault(*it)).chain(refusals).collect()
    }

    fn fate(self) -> Fate {
        match self {
            Self::Fault(fault) => fault.fate(),
            Self::Refused(status) => Fate::Refuse(status),
        }
    }
}

async fn sweep(admin: Admin) {
    let bench = world(admin);
    bench.probe().await;
    let calls = bench.gate.calls().len();
    assert!(calls >= 25, "{calls}");
    let (mut runs, mut healed) = (0, 0);
    for number in 0..calls {
        for mishap in Mishap::all(admin) {
            let was_left = run(admin, number, mishap).await;
            runs += 1;
            healed += usize::from(was_left);
        }
    }
    assert!(healed > 0, "{runs} runs, and none has left anything");
}

/// Whether the disturbed probe has left something.
async fn run(admin: Admin, number: usize, mishap: Mishap) -> bool {
    let bench = world(admin);
    let before = inventory(&bench);
    let mut met = 0;
    bench.gate.follow(move |_: &Call| {
        met += 1;
        if met == number + 1 {
            mishap.fate()
        } else {
            Fate::Pass
        }
    });
    let Probed { told, notes, took } = bench.probe_until(&Notify::new()).await;
    let what = format!("{admin:?}, call {number}, {mishap:?}: {told:?}");
    assert!(took <= MINUTE, "{took:?} {what}");
    // What takes effect late has done so by then.
    bench.wait(MINUTE).await;
    let names = left(&bench);
    for name in &names {
        assert!(notes.contains(name), "{name} {what}");
    }
    if let Some(told) = &told {
        let document = told.json();
        let things = document["throwaway"].as_array().unwrap();
        for name in &names {
            let mut those = things.iter().filter(|it| it["name"] == name.as_str());
            assert!(those.any(|it| it["state"] != "deleted"), "{name} {what}");
        }
        let is_left = things.iter().any(|it| it["state"] != "deleted");
        assert!(!(told.fine && is_left), "{what}");
    }
    bench.gate.follow(|_: &Call| Fate::Pass);
    bench.wait(10 * MINUTE).await;
    let next = bench.probe().await;
    assert_eq!(inventory(&bench), before, "{what}\n{}", next.output);
    assert!(next.fine, "{what}\n{}", next.output);
    !names.is_empty()
}

#[tokio::test(start_paused = true)]
async fn with_a_pair() {
    sweep(WHO[0]).await;
}

#[tokio::test(start_paused = true)]
async fn keyless_by_a_secret() {
    sweep(WHO[1]).await;
}

#[tokio::test(start_paused = true)]
async fn keyless_by_variables() {
    sweep(WHO[2]).await;
}
