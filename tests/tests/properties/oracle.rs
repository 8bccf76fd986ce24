//! What must hold of any input at all.

pub(crate) mod answer;
pub(crate) mod event;
pub(crate) mod exchange;
pub(crate) mod value;
