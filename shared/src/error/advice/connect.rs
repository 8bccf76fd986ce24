//! What to do where no connection can be opened.

use crate::http::{CertificateDefect, ConnectCause, ConnectError, Peer};

/// `route` is what to do where the function finds no way at all.
pub(super) fn connect_advice(error: &ConnectError, route: &'static str) -> &'static str {
    match error.cause {
        ConnectCause::ProxyPassword => {
            "Correct the user name and password in HTTPS_PROXY; write an @ in them as %40 and a : as \
             %3A. Then rotate again."
        }
        ConnectCause::ProxyRefused => {
            "Let the proxy connect to this host at port 443, or name the host in NO_PROXY if the \
             function reaches it directly. Then rotate again."
        }
        ConnectCause::Certificate(_, CertificateDefect::UnknownIssuer) => {
            "If a proxy of yours inspects TLS, put its CA into the bundle that SSL_CERT_FILE names, \
             beside the public ones: the bundle replaces those compiled in. Otherwise find out who \
             answers in this host's place. Then rotate again."
        }
        ConnectCause::Certificate(_, CertificateDefect::WrongName) => {
            "Find out who answers in this host's place: look at DNS, at a proxy, and at \
             DATADOG_API_URL and AWS_ENDPOINT_URL_SECRETS_MANAGER if they are set. Then rotate \
             again."
        }
        ConnectCause::Certificate(..) => {
            "Renew the certificate of whatever stands between the function and this host: a proxy that \
             inspects TLS, or an endpoint of your own. Then rotate again."
        }
        ConnectCause::Handshake(_) => {
            "Look for a proxy or an endpoint of your own that speaks no TLS 1.2 or 1.3 there. Then \
             rotate again."
        }
        ConnectCause::Name(Peer::Proxy)
        | ConnectCause::Refused(Peer::Proxy)
        | ConnectCause::NoRoute(Peer::Proxy) => {
            "Correct host and port in HTTPS_PROXY, or let the function reach the proxy (security \
             groups, routes). Then rotate again."
        }
        ConnectCause::Name(Peer::Host) => {
            "Look at DNS in the function's VPC (enableDnsSupport, resolver rules, the endpoint's \
             private DNS name). Then rotate again."
        }
        ConnectCause::Refused(Peer::Host)
        | ConnectCause::NoRoute(Peer::Host)
        | ConnectCause::Silence
        | ConnectCause::Other => route,
    }
}
