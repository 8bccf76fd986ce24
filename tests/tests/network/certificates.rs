//! Certificates that are not to be trusted, and bundles of those that are.

use datadog_rotation::settings::NetworkSettings;
use harness::peer::{Authority, Manner, Peer};

use crate::case::{Expected, Service, VALID, bundle, call, check, trusting};
use std::time::Duration;

const NEVER: (i32, i32) = (2020, 2021);
const NOT_YET: (i32, i32) = (2990, 2991);
const NOW: (i32, i32) = (2020, 2990);

const fn refused(words: &'static str, advice: &'static str) -> Expected {
    Expected {
        error_type: "TlsFailed",
        words,
        advice,
        is_final: true,
    }
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted_is_told_apart_and_tried_once() {
    let own = Authority::named("own");
    let ours = bundle(&[&own]);
    let foreign = bundle(&[&Authority::named("other")]);
    // An issuer that was replaced, and kept its name.
    let former = bundle(&[&Authority::named("own")]);
    for (host, years, trusted, expected) in [
        (
            "localhost",
            NOW,
            &foreign,
            refused(
                "the issuer of its certificate is not trusted",
                "SSL_CERT_FILE",
            ),
        ),
        (
            "localhost",
            NOW,
            &former,
            refused(
                "the issuer of its certificate is not trusted",
                "SSL_CERT_FILE",
            ),
        ),
        (
            "localhost",
            NEVER,
            &ours,
            refused("its certificate has expired", "Renew the certificate"),
        ),
        (
            "localhost",
            NOT_YET,
            &ours,
            refused("its certificate is not valid yet", "Renew the certificate"),
        ),
        (
            "elsewhere.example",
            NOW,
            &ours,
            refused("its certificate is for another host name", "who answers"),
        ),
    ] {
        let peer = Peer::start(Manner::Tls(own.server(host, years), VALID)).await;
        let url = format!("https://localhost:{}", peer.port());
        check(&url, &trusting(trusted), Some(&peer), expected, 1..=1).await;
    }
}

/// Without `SSL_CERT_FILE` the roots compiled in are trusted, and no others.
#[tokio::test]
async fn a_certificate_of_ones_own_is_of_an_unknown_issuer() {
    let server = Authority::named("own").server("localhost", NOW);
    let peer = Peer::start(Manner::Tls(server, VALID)).await;
    let url = format!("https://localhost:{}", peer.port());
    let expected = refused("no connection to localhost could be opened: the issuer", "");
    check(
        &url,
        &NetworkSettings::default(),
        Some(&peer),
        expected,
        1..=1,
    )
    .await;
}

#[tokio::test]
async fn a_port_that_speaks_no_tls_is_told() {
    let peer = Peer::start(Manner::Saying("SSH-2.0-OpenSSH\r\n")).await;
    let url = format!("https://localhost:{}", peer.port());
    let expected = refused("the TLS handshake fails", "speaks no TLS");
    check(
        &url,
        &NetworkSettings::default(),
        Some(&peer),
        expected,
        1..=1,
    )
    .await;
}

#[tokio::test]
async fn a_certificate_that_is_trusted_is() {
    let own = Authority::named("own");
    let trusted = bundle(&[&own]);
    let peer = Peer::start(Manner::Tls(own.server("localhost", NOW), VALID)).await;
    let url = format!("https://localhost:{}", peer.port());
    for service in Service::BOTH {
        let answer = call(service, &url, &trusting(&trusted), Duration::from_secs(6)).await;
        assert!(answer.is_ok(), "{service:?}: {answer:?}");
    }
}
