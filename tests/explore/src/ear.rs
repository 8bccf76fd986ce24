//! Listens to one transition at a time.

use harness::listen::Listening;

/// Listens to one transition at a time.
#[derive(Debug, Default)]
pub(crate) struct Ear(Option<Listening>);

impl Ear {
    /// Begins to listen anew. A guard must go before the next one comes.
    pub(crate) fn anew(&mut self) -> &Listening {
        self.0 = None;
        self.0.insert(Listening::begin())
    }

    /// What is told again has been heard before.
    pub(crate) fn close(&mut self) {
        self.0 = None;
    }

    /// # Panics
    /// If it does not listen.
    pub(crate) fn open(&self) -> &Listening {
        self.0.as_ref().expect("it listens")
    }
}
