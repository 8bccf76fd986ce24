//! HTTP/1.1 on a loopback port, for as long as its handle lives.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

/// No request of a rotation or its users comes near.
const LARGEST_REQUEST: usize = 1024 * 1024;

/// What a handler makes of a request: an answer, or the closing of its connection.
pub(crate) enum Reply {
    Answer(Response<Bytes>),
    Close,
}

/// A listener with its connections; dropping it closes them all.
#[derive(Debug)]
pub(crate) struct Loopback {
    address: SocketAddr,
    task: JoinHandle<Infallible>,
}

impl Loopback {
    /// Port 0 takes a free one. Requests over 1 MiB are answered with 413 and never reach the
    /// handler. `delay` is how far away the listener seems: a request takes so long to arrive, and
    /// its answer as long to come back; before the first request of a connection both times pass
    /// for the handshake of TCP, and once more for that of TLS.
    pub(crate) async fn start<H, F>(
        port: u16,
        delay: Duration,
        tls: Option<TlsAcceptor>,
        handler: H,
    ) -> io::Result<Self>
    where
        H: Fn(Request<Bytes>) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Reply> + Send + 'static,
    {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        Ok(Self {
            address: listener.local_addr()?,
            task: tokio::spawn(accept(listener, delay, tls, handler)),
        })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Loopback {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept<H, F>(
    listener: TcpListener,
    delay: Duration,
    tls: Option<TlsAcceptor>,
    handler: H,
) -> Infallible
where
    H: Fn(Request<Bytes>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Reply> + Send + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let (tls, handler) = (tls.clone(), handler.clone());
                connections.spawn(async move {
                    pass(delay * 2).await;
                    let Some(tls) = tls else {
                        return converse(stream, delay, handler).await;
                    };
                    // Small messages, and both sides wait for them.
                    let _without = stream.set_nodelay(true);
                    pass(delay * 2).await;
                    // A client that does not trust the certificate leaves.
                    if let Ok(stream) = tls.accept(stream).await {
                        converse(stream, delay, handler).await;
                    }
                });
            }
            // Out of file descriptors, for one: asking again at once would only spin.
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
        while connections.try_join_next().is_some() {}
    }
}

async fn converse<H, F>(stream: impl AsyncRead + AsyncWrite + Unpin, delay: Duration, handler: H)
where
    H: Fn(Request<Bytes>) -> F,
    F: Future<Output = Reply>,
{
    let service = service_fn(|request| respond(request, delay, &handler));
    // A connection ends with an error when the other side leaves or a reply is `Close`.
    let _ended = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

#[derive(Debug, thiserror::Error)]
#[error("connection closed on purpose")]
struct Closed;

async fn respond<H, F>(
    request: Request<Incoming>,
    delay: Duration,
    handler: &H,
) -> Result<Response<Full<Bytes>>, Closed>
where
    H: Fn(Request<Bytes>) -> F,
    F: Future<Output = Reply>,
{
    let (head, body) = request.into_parts();
    let body = match Limited::new(body, LARGEST_REQUEST).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => {
            return Ok(status(StatusCode::PAYLOAD_TOO_LARGE).map(Full::new));
        }
        Err(_) => return Err(Closed),
    };
    pass(delay).await;
    let reply = handler(Request::from_parts(head, body)).await;
    pass(delay).await;
    match reply {
        Reply::Answer(response) => Ok(response.map(Full::new)),
        Reply::Close => Err(Closed),
    }
}

/// Lets the time pass that a message is under way. No timer where there is none: it would round up
/// to a millisecond.
async fn pass(delay: Duration) {
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
}

/// An answer that is all status.
pub(crate) fn status(status: StatusCode) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    response
}
