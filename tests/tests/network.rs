//! Everything that keeps an answer away, over real sockets: the words, the number of tries, the time.

#![expect(
    clippy::unwrap_used,
    reason = "a panic is how a test says that something is wrong"
)]

#[path = "network/case.rs"]
mod case;
#[path = "network/certificates.rs"]
mod certificates;
#[path = "network/proxies.rs"]
mod proxies;
#[path = "network/routes.rs"]
mod routes;
