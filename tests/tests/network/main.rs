//! Everything that keeps an answer away, over real sockets: the words, the number of tries, the time.

#![expect(
    clippy::unwrap_used,
    reason = "a panic is how a test says that something is wrong"
)]

mod case;
mod certificates;
mod proxies;
mod routes;
