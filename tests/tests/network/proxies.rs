//! Proxies that refuse, that are not there, and one that works.

use std::time::Duration;

use datadog_rotation::settings::NetworkSettings;
use harness::peer::{Authority, Manner, Peer};

use crate::case::{Expected, Service, VALID, bundle, call, check, trusting};

/// No connection to it is ever to be opened past the proxy.
const TARGET: &str = "https://localhost:1";

/// A proxy whose password must never be seen.
fn via(place: &str) -> NetworkSettings {
    NetworkSettings {
        https_proxy: Some(format!("http://user:hush@{place}")),
        ..NetworkSettings::default()
    }
}

const fn failed(words: &'static str, advice: &'static str, is_final: bool) -> Expected {
    Expected {
        error_type: "ProxyFailed",
        words,
        advice,
        is_final,
    }
}

#[tokio::test]
async fn a_password_that_a_proxy_refuses_is_sent_once() {
    let answer = "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n";
    let proxy = Peer::start(Manner::Saying(answer)).await;
    let expected = failed("refuses those of HTTPS_PROXY (407)", "%40", true);
    let settings = via(&proxy.address.to_string());
    check(TARGET, &settings, Some(&proxy), expected, 1..=1).await;
}

/// Its status is not told by the HTTP stack: it may have been short of something, and is asked once
/// more.
#[tokio::test]
async fn a_proxy_that_refuses_to_connect_is_asked_twice() {
    for answer in [
        "HTTP/1.1 403 Forbidden\r\n\r\n",
        "HTTP/1.1 503 Service Unavailable\r\n\r\n",
    ] {
        let proxy = Peer::start(Manner::Saying(answer)).await;
        let expected = failed("refuses to connect to localhost", "NO_PROXY", true);
        let settings = via(&proxy.address.to_string());
        check(TARGET, &settings, Some(&proxy), expected, 2..=2).await;
    }
}

#[tokio::test]
async fn a_proxy_that_is_not_there_is_told_from_a_host_that_is_not() {
    let expected = failed(
        "no connection to the proxy 127.0.0.1:1 could be opened: the connection is refused",
        "host and port in HTTPS_PROXY",
        false,
    );
    check(TARGET, &via("127.0.0.1:1"), None, expected, 0..=0).await;
    let expected = failed(
        "no connection to the proxy nowhere.invalid:3128 could be opened: the name can't be resolved",
        "host and port in HTTPS_PROXY",
        false,
    );
    check(TARGET, &via("nowhere.invalid:3128"), None, expected, 0..=0).await;
}

#[tokio::test]
async fn a_certificate_behind_a_proxy_is_the_hosts() {
    let server = Authority::named("own").server("localhost", (2020, 2990));
    let target = Peer::start(Manner::Tls(server, "")).await;
    let proxy = Peer::start(Manner::Proxy(target.port())).await;
    let expected = Expected {
        error_type: "TlsFailed",
        words: "no connection to localhost through the proxy 127.0.0.1:",
        advice: "SSL_CERT_FILE",
        is_final: true,
    };
    let settings = via(&proxy.address.to_string());
    check(TARGET, &settings, Some(&proxy), expected, 1..=1).await;
}

#[tokio::test]
async fn what_is_to_go_through_a_proxy_goes_through_it_and_what_is_not_does_not() {
    let own = Authority::named("own");
    let trusted = bundle(&[&own]);
    let target = Peer::start(Manner::Tls(own.server("localhost", (2020, 2990)), VALID)).await;
    let proxy = Peer::start(Manner::Proxy(target.port())).await;
    for (no_proxy, tries) in [(None, 2), (Some("localhost"), 0), (Some("example.com"), 2)] {
        let settings = NetworkSettings {
            https_proxy: Some(proxy.address.to_string()),
            no_proxy: no_proxy.map(str::to_owned),
            ..trusting(&trusted)
        };
        let url = format!("https://localhost:{}", target.port());
        let before = proxy.tries();
        for service in Service::BOTH {
            let answer = call(service, &url, &settings, Duration::from_secs(6)).await;
            assert!(answer.is_ok(), "{service:?}: {answer:?}");
        }
        assert_eq!(proxy.tries() - before, tries, "{no_proxy:?}");
    }
}
