//! Why a connection could not be opened, told by the types of the errors below it.

use std::error::Error;
use std::fmt;
use std::io::{self, ErrorKind};

use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use rustls::CertificateError;
use tower_service::Service;

/// Has no name of its own in hyper-util: it is what a tunnel answers.
type TunnelError = <Tunnel<HttpConnector> as Service<http::Uri>>::Error;

/// A connection that could not be opened: nothing was sent, and so nothing was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectError {
    /// The host of the request, without a port.
    pub host: Box<str>,
    /// Host and port of the proxy that the request was to go through.
    pub proxy: Option<Box<str>>,
    pub cause: ConnectCause,
}

/// What stood in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectCause {
    /// DNS knows no such name, or does not answer.
    Name(Peer),
    /// The peer's machine answers that nobody listens there.
    Refused(Peer),
    /// The network knows no way to the peer.
    NoRoute(Peer),
    /// Nothing answered in the time that a connection may take.
    Silence,
    Certificate(Peer, CertificateDefect),
    /// TLS failed for another reason than a certificate.
    Handshake(Peer),
    /// The proxy answered 407 to CONNECT.
    ProxyPassword,
    /// The proxy answered CONNECT with neither 200 nor 407. Which status that was, the HTTP stack does
    /// not tell.
    ProxyRefused,
    /// The peer ended the connection before it was usable, or something that has no type.
    Other,
}

/// Who failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    Host,
    Proxy,
}

/// What is wrong with a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateDefect {
    UnknownIssuer,
    Expired,
    NotYetValid,
    WrongName,
    Other,
}

impl ConnectError {
    /// Returns whether the same connection may be opened in a moment. What somebody has decided stays so.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        !matches!(
            self.cause,
            ConnectCause::Certificate(..)
                | ConnectCause::Handshake(_)
                | ConnectCause::ProxyPassword
                | ConnectCause::ProxyRefused
        )
    }

    /// Returns whether it is the proxy that has to be looked at.
    #[must_use]
    pub fn is_of_proxy(&self) -> bool {
        match self.cause {
            ConnectCause::Name(peer)
            | ConnectCause::Refused(peer)
            | ConnectCause::NoRoute(peer)
            | ConnectCause::Certificate(peer, _)
            | ConnectCause::Handshake(peer) => peer == Peer::Proxy,
            ConnectCause::ProxyPassword | ConnectCause::ProxyRefused => true,
            ConnectCause::Silence | ConnectCause::Other => false,
        }
    }

    /// Returns whether TLS failed, with the host or the proxy.
    #[must_use]
    pub fn is_of_tls(&self) -> bool {
        matches!(
            self.cause,
            ConnectCause::Certificate(..) | ConnectCause::Handshake(_)
        )
    }
}

impl ConnectCause {
    /// Returns what this error of the HTTP stack says. `is_proxied` tells whether the request was to go
    /// through a proxy; `is_tunnelled`, whether by CONNECT.
    pub(super) fn of(error: &reqwest::Error, is_proxied: bool, is_tunnelled: bool) -> Self {
        // Without a tunnel the proxy is the only peer there is.
        let mut peer = if is_proxied && !is_tunnelled {
            Peer::Proxy
        } else {
            Peer::Host
        };
        for error in causes(error) {
            if let Some(error) = error.downcast_ref::<TunnelError>() {
                peer = Peer::Proxy;
                if let Some(cause) = of_tunnel(error) {
                    return cause;
                }
            } else if let Some(error) = error.downcast_ref::<rustls::Error>() {
                return of_tls(peer, error);
            } else if let Some(error) = error.downcast_ref::<io::Error>()
                && let Some(cause) = of_io(peer, error)
            {
                return cause;
            }
        }
        if error.is_timeout() {
            Self::Silence
        } else if error.is_dns() {
            Self::Name(peer)
        } else {
            Self::Other
        }
    }
}

/// Returns the error and what is below it. An [`io::Error`] names the cause of what it wraps as its own, so
/// that what it wraps would be passed over.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| {
        match error.downcast_ref::<io::Error>() {
            Some(error) => error.get_ref().map(|it| it as &(dyn Error + 'static)),
            None => error.source(),
        }
    })
}

fn of_tunnel(error: &TunnelError) -> Option<ConnectCause> {
    match error {
        TunnelError::ProxyAuthRequired => Some(ConnectCause::ProxyPassword),
        TunnelError::TunnelUnsuccessful | TunnelError::ProxyHeadersTooLong => {
            Some(ConnectCause::ProxyRefused)
        }
        TunnelError::TunnelUnexpectedEof | TunnelError::MissingHost => Some(ConnectCause::Other),
        // What is below them says more.
        TunnelError::ConnectFailed(_) | TunnelError::Io(_) => None,
    }
}

fn of_tls(peer: Peer, error: &rustls::Error) -> ConnectCause {
    match error {
        rustls::Error::InvalidCertificate(error) => ConnectCause::Certificate(peer, defect(error)),
        rustls::Error::NoCertificatesPresented => {
            ConnectCause::Certificate(peer, CertificateDefect::Other)
        }
        _ => ConnectCause::Handshake(peer),
    }
}

fn defect(error: &CertificateError) -> CertificateDefect {
    match error {
        // A signature that does not fit: an issuer of a trusted one's name, and not that one.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            CertificateDefect::UnknownIssuer
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            CertificateDefect::Expired
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            CertificateDefect::NotYetValid
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            CertificateDefect::WrongName
        }
        _ => CertificateDefect::Other,
    }
}

fn of_io(peer: Peer, error: &io::Error) -> Option<ConnectCause> {
    match error.kind() {
        ErrorKind::ConnectionRefused => Some(ConnectCause::Refused(peer)),
        ErrorKind::NetworkUnreachable
        | ErrorKind::HostUnreachable
        | ErrorKind::NetworkDown
        | ErrorKind::AddrNotAvailable => Some(ConnectCause::NoRoute(peer)),
        ErrorKind::TimedOut => Some(ConnectCause::Silence),
        _ => None,
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (host, proxy) = (&self.host, self.proxy.as_deref().unwrap_or("none"));
        match self.cause {
            ConnectCause::ProxyPassword => {
                return write!(
                    f,
                    "the proxy {proxy} wants a user name and password, or refuses those of \
                     HTTPS_PROXY (407)"
                );
            }
            ConnectCause::ProxyRefused => {
                return write!(f, "the proxy {proxy} refuses to connect to {host}");
            }
            _ if self.is_of_proxy() => write!(f, "no connection to the proxy {proxy}")?,
            _ => {
                write!(f, "no connection to {host}")?;
                if self.proxy.is_some() {
                    write!(f, " through the proxy {proxy}")?;
                }
            }
        }
        write!(f, " could be opened: {}", self.cause)
    }
}

impl Error for ConnectError {}

impl fmt::Display for ConnectCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Name(_) => "the name can't be resolved",
            Self::Refused(_) => "the connection is refused",
            Self::NoRoute(_) => "the network has no route to it",
            Self::Silence => "nothing answers",
            Self::Certificate(_, defect) => match defect {
                CertificateDefect::UnknownIssuer => "the issuer of its certificate is not trusted",
                CertificateDefect::Expired => "its certificate has expired",
                CertificateDefect::NotYetValid => "its certificate is not valid yet",
                CertificateDefect::WrongName => "its certificate is for another host name",
                CertificateDefect::Other => "its certificate is not valid",
            },
            Self::Handshake(_) => "the TLS handshake fails",
            Self::ProxyPassword => "the proxy wants a user name and password (407)",
            Self::ProxyRefused => "the proxy refuses",
            Self::Other => "it ended at once",
        })
    }
}
