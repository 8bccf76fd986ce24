//! A Lambda function that does what its event says, with nothing but the standard library: what
//! the tests of the Lambda stand-in invoke.
//!
//! `{"do": "echo"}` answers the headers and the environment; `fail`, `crash`, `hang` and `call`
//! (Datadog, over `DATADOG_API_URL`) end as they are named. `meddle` reports on an invocation that nobody
//! has handed out, and twice on its own; the next `echo` answers the statuses of both too.

use std::collections::BTreeMap;
use std::env;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

const RUNTIME: &str = "/2018-06-01/runtime";

struct Answer {
    status: String,
    headers: BTreeMap<String, String>,
    body: String,
}

fn main() -> io::Result<()> {
    let api = env::var("AWS_LAMBDA_RUNTIME_API").map_err(io::Error::other)?;
    if env::var_os("ECHO_FAILS_TO_START").is_some() {
        let error = json!({ "errorType": "Echo.Init", "errorMessage": "told to" });
        send(
            &api,
            "POST",
            &format!("{RUNTIME}/init/error"),
            &error.to_string(),
        )?;
        process::exit(1);
    }
    let mut statuses = Vec::new();
    loop {
        let next = send(&api, "GET", &format!("{RUNTIME}/invocation/next"), "")?;
        let event: Value = serde_json::from_str(&next.body)?;
        let id = &next.headers["lambda-runtime-aws-request-id"];
        if event["do"] == "meddle" {
            for id in ["nobodys", id, id] {
                let path = format!("{RUNTIME}/invocation/{id}/response");
                statuses.push(send(&api, "POST", &path, "null")?.status);
            }
            continue;
        }
        let (kind, body) = match perform(&event, &next, &statuses) {
            Ok(answer) => ("response", answer),
            Err(error) => ("error", error),
        };
        let path = format!("{RUNTIME}/invocation/{id}/{kind}");
        send(&api, "POST", &path, &body.to_string())?;
    }
}

fn perform(event: &Value, next: &Answer, statuses: &[String]) -> Result<Value, Value> {
    match event["do"].as_str() {
        Some("echo") => Ok(json!({
            "event": event,
            "headers": next.headers,
            "environment": env::vars().collect::<BTreeMap<_, _>>(),
            "process": process::id(),
            "statuses": statuses,
        })),
        Some("crash") => {
            // The last words lack a line feed.
            let _written = write!(io::stderr(), "last words");
            process::exit(3)
        }
        Some("hang") => loop {
            thread::sleep(Duration::from_secs(1));
        },
        Some("call") => {
            let url = env::var("DATADOG_API_URL").unwrap_or_default();
            let address = url.trim_start_matches("http://");
            let answer = send(address, "GET", "/api/v1/validate", "");
            Ok(json!(answer.map(|answer| answer.body).unwrap_or_default()))
        }
        _ => Err(json!({ "errorType": "Echo.Failed", "errorMessage": "told to" })),
    }
}

/// One request on a connection of its own.
fn send(address: &str, method: &str, path: &str, body: &str) -> io::Result<Answer> {
    let mut stream = TcpStream::connect(address)?;
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    )?;
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let status = first.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut headers = BTreeMap::new();
    for line in reader.by_ref().lines() {
        let line = line?;
        if line.is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(": ") {
            headers.insert(name.to_lowercase(), value.to_owned());
        }
    }
    let mut body = String::new();
    reader.read_to_string(&mut body)?;
    Ok(Answer {
        status,
        headers,
        body,
    })
}
