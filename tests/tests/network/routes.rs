//! Hosts that are not found, that refuse, and that say nothing; and time that is too short to tell.

use std::time::Duration;

use datadog_rotation::settings::NetworkSettings;
use harness::peer::{Authority, Manner, Peer};

use crate::case::{Expected, Service, assert_failure, bundle, call, check, trusting};

const fn unreachable(words: &'static str, advice: &'static str) -> Expected {
    Expected {
        error_type: "Unreachable",
        words,
        advice,
        is_final: false,
    }
}

#[tokio::test]
async fn a_name_that_nobody_has_is_told() {
    let words = "no connection to nowhere.invalid could be opened: the name can't be resolved";
    let expected = unreachable(words, "DNS");
    let settings = NetworkSettings::default();
    check("https://nowhere.invalid", &settings, None, expected, 0..=0).await;
}

#[tokio::test]
async fn a_closed_port_is_told() {
    let words = "no connection to localhost could be opened: the connection is refused";
    let expected = unreachable(words, "NAT");
    let settings = NetworkSettings::default();
    check("https://localhost:1", &settings, None, expected, 0..=0).await;
}

#[tokio::test]
async fn silence_before_a_connection_is_told() {
    let peer = Peer::start(Manner::Silent).await;
    let words = "no connection to localhost could be opened: nothing answers";
    let expected = unreachable(words, "NAT");
    let url = format!("https://localhost:{}", peer.port());
    let settings = NetworkSettings::default();
    check(&url, &settings, Some(&peer), expected, 2..=4).await;
}

/// The connection is open: what was asked may have been done.
#[tokio::test]
async fn silence_after_a_request_is_told_when_it_has_lasted() {
    let own = Authority::named("own");
    let trusted = bundle(&[&own]);
    let peer = Peer::start(Manner::SilentTls(own.server("localhost", (2020, 2990)))).await;
    let url = format!("https://localhost:{}", peer.port());
    let expected = unreachable("no answer came", "NAT");
    for service in Service::BOTH {
        let left = Duration::from_millis(10_500);
        let answer = call(service, &url, &trusting(&trusted), left).await;
        let failure = answer.unwrap_err();
        assert_failure(service, &failure, expected);
        assert!(failure.time <= left + Duration::from_secs(1), "{failure:?}");
    }
}

/// An invocation that has a second left can't say that the network is to blame.
#[tokio::test]
async fn silence_is_not_laid_to_the_network_when_time_is_short() {
    let own = Authority::named("own");
    let trusted = bundle(&[&own]);
    let silent = Peer::start(Manner::Silent).await;
    let open = Peer::start(Manner::SilentTls(own.server("localhost", (2020, 2990)))).await;
    for peer in [silent, open] {
        let url = format!("https://localhost:{}", peer.port());
        for service in Service::BOTH {
            let left = Duration::from_secs(1);
            let answer = call(service, &url, &trusting(&trusted), left).await;
            let expected = Expected {
                error_type: "NotEnoughTime",
                words: "no answer came within the 1 s that were left",
                advice: "timeout",
                is_final: true,
            };
            assert_failure(service, &answer.unwrap_err(), expected);
            assert!(peer.tries() > 0);
        }
    }
}

/// The last attempt had no time left: the ones before it tell what to mend.
#[tokio::test]
async fn what_went_wrong_before_the_time_ran_out_is_told() {
    let peer = Peer::start(Manner::Silent).await;
    let url = format!("https://localhost:{}", peer.port());
    let left = Duration::from_secs(5);
    let settings = NetworkSettings::default();
    let failure = call(Service::Datadog, &url, &settings, left).await;
    let expected = unreachable("; before that: no connection to localhost", "NAT");
    assert_failure(Service::Datadog, &failure.unwrap_err(), expected);
}
