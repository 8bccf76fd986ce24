//! `datadog-trust` with a defect: it panics where it first calls Datadog, and ends then and there,
//! as the release build does.

#![expect(clippy::expect_used, clippy::panic, reason = "a test's function")]

use std::time::Duration;

use bytes::Bytes;
use datadog_rotation::http::{Http, Sending, Transport};

#[derive(Debug)]
struct Defective(Http);

impl Transport for Defective {
    fn send(&self, request: http::Request<Bytes>, timeout: Duration) -> Sending<'_> {
        if request.uri().path().starts_with("/api/") {
            let listening = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                listening(panic);
                std::process::abort();
            }));
            panic!("a defect");
        }
        Box::pin(self.0.send(request, timeout))
    }
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let http = Http::new(Defective(Http::network().expect("a client")));
    let served = runtime
        .expect("a runtime")
        .block_on(datadog_trust::serve(http));
    served.expect("the Runtime API");
}
