//! Listeners that fail as networks do: over real sockets, and counting who tries to connect.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// What a peer does with a connection.
#[derive(Clone, Debug)]
pub enum Manner {
    /// Takes it and says nothing.
    Silent,
    /// Says this to whatever it is asked, and hangs up.
    Saying(&'static str),
    /// Speaks TLS, then says this.
    Tls(Arc<ServerConfig>, &'static str),
    /// Speaks TLS, then nothing.
    SilentTls(Arc<ServerConfig>),
    /// A proxy that opens a way to this port, whatever host it is asked for.
    Proxy(u16),
}

/// A listener on a loopback port. Dropping it closes the port.
#[derive(Debug)]
pub struct Peer {
    pub address: SocketAddr,
    tries: Arc<AtomicUsize>,
    listening: JoinHandle<()>,
}

impl Peer {
    /// # Panics
    /// No port is free.
    pub async fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let tries = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&tries);
        let listening = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(serve(manner.clone(), stream));
            }
        });
        Self {
            address,
            tries,
            listening,
        }
    }

    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// How many connections it has taken.
    #[must_use]
    pub fn tries(&self) -> usize {
        self.tries.load(Ordering::Relaxed)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn serve(manner: Manner, mut stream: TcpStream) {
    // Whoever fails here has been hung up on, which is what these tests are about.
    match manner {
        Manner::Silent => silence(stream).await,
        Manner::Saying(text) => say(stream, text).await,
        Manner::Tls(config, text) => {
            if let Ok(stream) = TlsAcceptor::from(config).accept(stream).await {
                say(stream, text).await;
            }
        }
        Manner::SilentTls(config) => {
            if let Ok(stream) = TlsAcceptor::from(config).accept(stream).await {
                silence(stream).await;
            }
        }
        Manner::Proxy(port) => {
            let asked = read_head(&mut stream).await;
            let said = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
            if asked.starts_with("CONNECT ")
                && said.is_ok()
                && let Ok(mut target) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await
            {
                let _ended = copy_bidirectional(&mut stream, &mut target).await;
            }
        }
    }
}

async fn silence(mut stream: impl AsyncRead + Unpin) {
    let mut heard = [0; 4096];
    while !matches!(stream.read(&mut heard).await, Ok(0) | Err(_)) {}
}

async fn say(mut stream: impl AsyncRead + AsyncWrite + Unpin, text: &str) {
    read_head(&mut stream).await;
    if stream.write_all(text.as_bytes()).await.is_ok() {
        let _ended = stream.shutdown().await;
    }
}

/// What was asked, up to the end of the head or of the first packet that is no HTTP.
async fn read_head(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while stream.read_exact(&mut byte).await.is_ok() {
        head.push(byte[0]);
        let is_http = head[0].is_ascii_uppercase();
        if !is_http || head.ends_with(b"\r\n\r\n") {
            break;
        }
    }
    String::from_utf8_lossy(&head).into_owned()
}

/// A CA of the tests' own.
#[derive(Debug)]
pub struct Authority {
    issuer: rcgen::Issuer<'static, rcgen::KeyPair>,
    pub pem: String,
}

impl Authority {
    /// # Panics
    /// The library makes no certificate.
    #[must_use]
    pub fn named(name: &str) -> Self {
        let key = rcgen::KeyPair::generate().expect("a key");
        let mut params = rcgen::CertificateParams::new(Vec::new()).expect("no names");
        let names = &mut params.distinguished_name;
        names.push(rcgen::DnType::CommonName, name);
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).expect("a certificate");
        Self {
            pem: certificate.pem(),
            issuer: rcgen::Issuer::new(params, key),
        }
    }

    /// A server with a certificate for `host` that is valid in these years.
    ///
    /// # Panics
    /// The library makes no certificate.
    #[must_use]
    pub fn server(&self, host: &str, years: (i32, i32)) -> Arc<ServerConfig> {
        let key = rcgen::KeyPair::generate().expect("a key");
        let mut params = rcgen::CertificateParams::new(vec![host.to_owned()]).expect("a name");
        params.not_before = rcgen::date_time_ymd(years.0, 1, 1);
        params.not_after = rcgen::date_time_ymd(years.1, 1, 1);
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
        let provider = rustls::crypto::ring::default_provider();
        let config = ServerConfig::builder_with_provider(Arc::new(provider))
            .with_safe_default_protocol_versions()
            .expect("defaults")
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key);
        Arc::new(config.expect("a key that fits"))
    }
}
