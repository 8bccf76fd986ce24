//! What must hold of any input at all.

#[path = "oracle/answer.rs"]
pub(crate) mod answer;
#[path = "oracle/event.rs"]
pub(crate) mod event;
#[path = "oracle/exchange.rs"]
pub(crate) mod exchange;
#[path = "oracle/value.rs"]
pub(crate) mod value;
