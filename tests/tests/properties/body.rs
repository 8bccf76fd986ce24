//! Answers over sockets: bodies around the bound, and ways elsewhere.

use std::time::Duration;

use bytes::Bytes;
use datadog_rotation::http::{Http, LARGEST_BODY, TransportError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

async fn get(listener: &TcpListener) -> Result<http::Response<Bytes>, TransportError> {
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let request = http::Request::get(url).body(Bytes::new()).unwrap();
    let http = Http::network().unwrap();
    http.send(request, Duration::from_secs(20)).await
}

/// A connection on which a request has come.
async fn asked(listener: &TcpListener) -> TcpStream {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut request = [0; 4096];
    assert_ne!(stream.read(&mut request).await.unwrap(), 0);
    stream
}

#[tokio::test]
async fn a_body_is_read_up_to_the_bound_and_no_further() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    for size in [0, 1, LARGEST_BODY - 1, LARGEST_BODY, LARGEST_BODY + 1] {
        let answer = async {
            let mut stream = asked(&listener).await;
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n");
            stream.write_all(head.as_bytes()).await.unwrap();
            // The reader may hang up on the last byte.
            let _ = stream.write_all(&vec![b'x'; size]).await;
        };
        let (answer, ()) = tokio::join!(get(&listener), answer);
        let expected = if size > LARGEST_BODY {
            Err(TransportError::TooLarge)
        } else {
            Ok(size)
        };
        assert_eq!(answer.map(|it| it.body().len()), expected);
    }
}

/// Answers with this and then so much of `more` as is taken; tells what came of it, and how many
/// bytes were sent.
async fn flood(head: &str, more: &str) -> (TransportError, usize) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let flood = async {
        let mut stream = asked(&listener).await;
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut sent = 0;
        while stream.write_all(more.as_bytes()).await.is_ok() {
            sent += more.len();
        }
        sent
    };
    let (answer, sent) = tokio::join!(get(&listener), flood);
    (answer.unwrap_err(), sent)
}

/// What lies in the buffers of both sockets was sent, and not read.
const MOST_SENT: usize = 32 * LARGEST_BODY;

#[tokio::test]
async fn a_body_without_end_is_cut_off() {
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let chunk = format!("{:x}\r\n{}\r\n", 64 * 1024, "x".repeat(64 * 1024));
    let (error, sent) = flood(head, &chunk).await;
    assert_eq!(error, TransportError::TooLarge);
    assert!(sent < MOST_SENT, "{sent} bytes");
}

#[tokio::test]
async fn a_head_without_end_is_cut_off() {
    let lines = "X-Header: of some length, and one of very many\r\n".repeat(1000);
    for more in [&lines, &"x".repeat(64 * 1024)] {
        let (error, sent) = flood("HTTP/1.1 200 OK\r\nX-First: ", more).await;
        assert_eq!(error, TransportError::Cut);
        assert!(sent < MOST_SENT, "{sent} bytes");
    }
}

#[tokio::test]
async fn a_redirect_is_answered_and_not_followed() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let elsewhere = TcpListener::bind("127.0.0.1:0").await.unwrap();
    for status in [301, 302, 303, 307, 308] {
        let to = elsewhere.local_addr().unwrap();
        let redirect = async {
            let mut stream = asked(&listener).await;
            let head = format!(
                "HTTP/1.1 {status} Elsewhere\r\nLocation: http://{to}/\r\nContent-Length: 0\r\n\r\n"
            );
            stream.write_all(head.as_bytes()).await.unwrap();
        };
        let answer = async { tokio::join!(get(&listener), redirect).0.unwrap() };
        tokio::select! {
            biased;
            _ = elsewhere.accept() => panic!("{status} was followed"),
            answer = answer => assert_eq!(answer.status(), status),
        }
    }
}
