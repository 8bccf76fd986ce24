//! The real thing: sockets under the HTTP client, and function processes that are really killed.

#![expect(
    clippy::unwrap_used,
    reason = "a panic is how a test says that something is wrong"
)]

use std::time::Duration;

use bytes::Bytes;
use datadog_rotation::http::{ConnectCause, Http, LARGEST_BODY, Peer, TransportError};
use sandbox::datadog::Datadog;
use sandbox::executables::Executables;
use sandbox::gate::{Call, Fate, Gate, Service};
use sandbox::secrets_manager::SecretsManager;
use sandbox::server::{Door, Server};
use sandbox::stack::{ACCOUNT, REGION, Stack, StackOptions};
use sandbox::world::{Clock, World};

/// A fate is used up by its call.
type MakeFate = fn() -> Fate;

const WAIT: Duration = Duration::from_secs(2);

fn request(url: &str) -> http::Request<Bytes> {
    let request = http::Request::get(format!("{url}/api/v1/validate"));
    request.body(Bytes::new()).unwrap()
}

#[tokio::test]
async fn what_the_network_does_is_told_apart() {
    let world = World::new(
        Clock::system(),
        SecretsManager::new(REGION, ACCOUNT),
        Datadog::new(),
    );
    let gate = Gate::new(world);
    let server = Server::start(gate.clone(), Door::to(Service::Datadog))
        .await
        .unwrap();
    let http = Http::network().unwrap();
    let fates: [(MakeFate, Result<u16, TransportError>); 6] = [
        (|| Fate::Pass, Ok(403)),
        (|| Fate::FailBefore, Ok(500)),
        (|| Fate::CutBefore, Err(TransportError::Cut)),
        (|| Fate::CutAfter, Err(TransportError::Cut)),
        (
            || Fate::SilenceAfter,
            Err(TransportError::TimedOut { after: WAIT }),
        ),
        (
            || Fate::Oversized(LARGEST_BODY + 1),
            Err(TransportError::TooLarge),
        ),
    ];
    for (fate, expected) in fates {
        gate.follow(move |_: &Call| fate());
        let answer = http.send(request(&server.url()), WAIT).await;
        assert_eq!(answer.map(|it| it.status().as_u16()), expected);
    }
    let nobody = http.send(request("http://127.0.0.1:1"), WAIT).await;
    let TransportError::NotConnected(error) = nobody.unwrap_err() else {
        panic!("connected to nobody");
    };
    assert_eq!(error.cause, ConnectCause::Refused(Peer::Host));
}

/// Every third call of a rotation of each type kills the process that makes it, before or after
/// its effect; the service tries again, and everything is in order.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_processes_leave_nothing_behind() {
    let executables = Executables::build(|_| {}).expect("the functions are built");
    let mut options = StackOptions::new(executables);
    options.attempts.count = 30;
    options.attempts.apart = Duration::ZERO;
    let stack = Stack::start(&options).unwrap();
    stack.turn_rotation_on(&()).await.unwrap();
    let mut killed = 0;
    for secret in [
        stack.scene.secrets.api_key.clone(),
        stack.scene.secrets.application_key.clone(),
        stack.scene.secrets.admin_key.clone(),
    ] {
        for after in [false, true] {
            // Each call that the rotation gets to is met once.
            let mut met = std::collections::BTreeMap::new();
            let mut count = 0;
            stack.gate.follow(move |call: &Call| {
                count += 1;
                let times = met.entry(call.operation.clone()).or_insert(0);
                *times += 1;
                match (*times == 1 && count % 3 == 0, after) {
                    (false, _) => Fate::Pass,
                    (true, false) => Fate::KillBefore,
                    (true, true) => Fate::KillAfter,
                }
            });
            stack.rotate(&secret, &()).await.unwrap();
            killed += stack
                .gate
                .calls()
                .iter()
                .filter(|it| it.fate.starts_with("kill"))
                .count();
            stack.gate.forget_calls();
        }
    }
    assert!(killed >= 12, "only {killed} processes were killed");

    // What was minted and not stored is old enough to be swept a quarter of an hour later.
    stack.gate.follow(|_: &Call| Fate::Pass);
    age_everything(&stack);
    for secret in [
        &stack.scene.secrets.api_key,
        &stack.scene.secrets.application_key,
    ] {
        stack.rotate(secret, &()).await.unwrap();
    }
    stack
        .rotate(&stack.scene.secrets.admin_key, &())
        .await
        .unwrap();
    stack.stop().await;
    let output = stack.output();
    let warning = "DATADOG_API_URL is set";
    assert!(output.iter().any(|it| it.text.contains(warning)));
    assert_eq!(stack.ledger.breaches(), []);
    let unsettled = stack
        .gate
        .with_world(|world| stack.ledger.orphans_and_losses(world));
    assert_eq!(unsettled, []);
}

/// The functions go by the time of day, so it is the keys that get older.
fn age_everything(stack: &Stack) {
    stack.gate.with_world(|world| {
        let keys: Vec<_> = world
            .datadog
            .keys()
            .iter()
            .map(|it| (it.id.clone(), it.created_at))
            .collect();
        for (id, created) in keys {
            world
                .datadog
                .backdate(&id, created - Duration::from_mins(16));
        }
    });
}
