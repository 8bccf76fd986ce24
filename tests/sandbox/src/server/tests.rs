use std::time::Duration;

use time::OffsetDateTime;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};

use super::*;
use crate::datadog::Datadog;
use crate::gate::{Call, Fate};
use crate::secrets_manager::SecretsManager;
use crate::world::{Clock, World};

fn gate(fate: fn() -> Fate) -> Gate {
    let secrets_manager = SecretsManager::new("us-east-1", "123456789012");
    let clock = Clock::starting_at(OffsetDateTime::UNIX_EPOCH);
    let gate = Gate::new(World::new(clock, secrets_manager, Datadog::new()));
    gate.follow(move |_: &Call| fate());
    gate
}

/// Everything that the server says until it closes the connection.
async fn exchange(server: &Server, body: &str) -> String {
    let mut stream = TcpStream::connect(server.loopback.address()).await.unwrap();
    let length = body.len();
    let head = "POST /api/v2/api_keys HTTP/1.1\r\nHost: sandbox\r\nConnection: close\r\n";
    let request = format!("{head}Content-Length: {length}\r\n\r\n{body}");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn answers_come_from_the_service_of_the_door() {
    let gate = gate(|| Fate::Pass);
    let datadog = Server::start(gate.clone(), Door::to(Service::Datadog))
        .await
        .unwrap();
    let caller = Some("somebody".to_owned());
    let door = Door {
        caller,
        ..Door::to(Service::SecretsManager)
    };
    let secrets_manager = Server::start(gate.clone(), door).await.unwrap();

    let answer = exchange(&datadog, "{}").await;
    assert!(answer.contains("API key required"), "{answer}");
    let answer = exchange(&secrets_manager, "{}").await;
    assert!(answer.contains("__type"), "{answer}");
    assert_eq!(gate.calls()[1].call.caller.as_deref(), Some("somebody"));
}

#[tokio::test]
async fn a_cut_call_loses_its_connection() {
    let gate = gate(|| Fate::CutAfter);
    let server = Server::start(gate, Door::to(Service::Datadog))
        .await
        .unwrap();

    assert_eq!(exchange(&server, "{}").await, "");
}

#[tokio::test]
async fn a_silent_call_keeps_its_connection() {
    let gate = gate(|| Fate::SilenceBefore);
    let server = Server::start(gate, Door::to(Service::Datadog))
        .await
        .unwrap();

    let answer = timeout(Duration::from_millis(100), exchange(&server, "{}")).await;

    assert!(answer.is_err(), "{answer:?}");
}

#[tokio::test]
async fn a_fatal_call_kills_its_caller() {
    let killed = Arc::new(Notify::new());
    let bell = Arc::clone(&killed);
    let door = Door {
        on_kill: Some(Arc::new(move || bell.notify_one())),
        ..Door::to(Service::Datadog)
    };
    let server = Server::start(gate(|| Fate::KillBefore), door)
        .await
        .unwrap();

    tokio::select! {
        () = killed.notified() => {}
        answer = exchange(&server, "{}") => panic!("{answer}"),
        () = tokio::time::sleep(Duration::from_secs(10)) => panic!("nobody was killed"),
    }
}

#[tokio::test]
async fn a_request_over_a_mebibyte_never_reaches_the_gate() {
    let gate = gate(|| Fate::Pass);
    let server = Server::start(gate.clone(), Door::to(Service::Datadog))
        .await
        .unwrap();

    let answer = exchange(&server, &" ".repeat(1024 * 1024 + 1)).await;

    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    assert!(gate.calls().is_empty());
}

/// One request and its answer on a connection that stays open.
async fn ask(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) {
    let request = "GET /api/v1/validate HTTP/1.1\r\nHost: sandbox\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = [0; 4096];
    assert!(stream.read(&mut answer).await.unwrap() > 0);
}

#[tokio::test]
async fn delay_is_paid_four_times_on_a_new_connection_and_twice_on_an_old_one() {
    let delay = Duration::from_millis(100);
    let door = Door {
        delay,
        ..Door::to(Service::Datadog)
    };
    let server = Server::start(gate(|| Fate::Pass), door).await.unwrap();
    let mut stream = TcpStream::connect(server.loopback.address()).await.unwrap();

    let begun = Instant::now();
    ask(&mut stream).await;
    let first = begun.elapsed();
    let begun = Instant::now();
    ask(&mut stream).await;
    let second = begun.elapsed();

    assert!(first >= delay * 4, "{first:?}");
    assert!(second >= delay * 2 && second < delay * 4, "{second:?}");
}

#[tokio::test]
async fn over_tls_a_new_connection_pays_for_one_more_handshake() {
    let delay = Duration::from_millis(100);
    let certificate = Certificate::for_loopback().unwrap();
    let trusted = CertificateDer::from_pem_slice(certificate.authority().as_bytes()).unwrap();
    let door = Door {
        delay,
        certificate: Some(certificate),
        ..Door::to(Service::Datadog)
    };
    let server = Server::start(gate(|| Fate::Pass), door).await.unwrap();
    let address = server.loopback.address();
    assert_eq!(server.url(), format!("https://{address}"));

    let begun = Instant::now();
    let stream = TcpStream::connect(address).await.unwrap();
    let name = ServerName::from(address.ip());
    let mut stream = trusting(trusted).connect(name, stream).await.unwrap();
    ask(&mut stream).await;
    let first = begun.elapsed();

    assert!(first >= delay * 6, "{first:?}");
}

fn trusting(authority: CertificateDer<'static>) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add(authority).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    TlsConnector::from(Arc::new(config))
}
