//! Whether every promise was kept, told after the next rotation that nothing disturbs.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use datadog_rotation::Kind;
use sandbox::datadog::{Class, Key};
use sandbox::gate::{Call, Fate};
use sandbox::lambda::FunctionError;

use crate::bench::Bench;
use crate::by_hand::ids;
use crate::claims::FALSE_CLAIM;
use crate::listen::{Listening, indiscretion};
use crate::stage;

/// The errors of a step that has abandoned a version which nobody can promote.
const GIVEN_UP: [&str; 2] = ["PendingKeyDead", "PendingWithoutValue"];

/// A run that broke a promise, with the story of its calls.
pub struct Broken {
    /// What was run.
    pub run: String,
    pub what: String,
    pub story: String,
}

impl fmt::Debug for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}", self.run, self.what)?;
        f.write_str(&self.story)
    }
}

/// What is left to be judged once the disturbance is over.
#[derive(Clone, Copy, Debug)]
pub struct Verdict<'a> {
    pub bench: &'a Bench,
    /// The types whose secrets were rotated.
    pub kinds: &'a [Kind],
    /// What the keys in AWSCURRENT may do, from before the disturbance: see [`rights`].
    pub rights: &'a [String],
    /// How many API keys may be left where they can't be listed: none with `api_keys_read`.
    pub lossy: usize,
    /// Whether the rotation that was disturbed can only be given up, by the next one if it has
    /// not done so itself.
    pub is_dead: bool,
}

impl Verdict<'_> {
    /// The next rotation, undisturbed and 16 minutes later, and whether every promise held: P1 and
    /// P2 after every call so far, P3, P4 and P6 now. Answers how many API keys are left where
    /// they can't be listed; each of them must have been named in the log.
    pub async fn pass(self, listening: &Listening) -> Result<usize, String> {
        unnamed(self.bench, &listening.heard())?;
        self.pass_partly_heard(listening).await
    }

    /// The same where the run's beginning was not listened to: a key that is left may have been named
    /// there.
    pub async fn pass_partly_heard(self, listening: &Listening) -> Result<usize, String> {
        let bench = self.bench;
        bench.gate.follow(|_: &Call| Fate::Pass);
        let rights_of_all = || -> Vec<_> {
            let kinds = self.kinds.iter();
            kinds.map(|kind| rights(bench, *kind)).collect()
        };
        let disturbed = rights_of_all();
        false_claims(bench, &listening.heard())?;
        stage::mend(bench);
        bench.wait(Duration::from_mins(16)).await;
        let mut rotated = Ok(());
        for &kind in self.kinds {
            rotated = rotated.and(self.rotate(kind).await);
        }
        // A key that was lost comes first: it is why a rotation fails.
        if let Some(breach) = bench.ledger.breaches().first() {
            return Err(breach.to_string());
        }
        rotated.map_err(|error| format!("the next rotation failed: {}", error.message))?;
        let heard = listening.heard();
        if let Some(said) = indiscretion(&bench.gate, &heard) {
            return Err(format!("P4: {said}"));
        }
        false_claims(bench, &heard)?;
        for rights in [disturbed, rights_of_all()] {
            if rights != self.rights {
                return Err(format!("P6: {:?} became {rights:?}", self.rights));
            }
        }
        self.orphans(&heard)
    }

    async fn rotate(&self, kind: Kind) -> Result<(), FunctionError> {
        let is_dead = self.is_dead || self.names_no_key(kind);
        match self.bench.rotate(kind).await {
            Err(error) if is_dead && GIVEN_UP.contains(&&*error.error_type) => {
                self.bench.rotate(kind).await
            }
            result => result,
        }
    }

    /// Whether AWSPENDING names a key that there is not: a creation's answer has shown another ID.
    fn names_no_key(&self, kind: Kind) -> bool {
        let pending = self.bench.value(kind, "AWSPENDING").unwrap_or_default();
        let mut named = ids(&pending).into_iter();
        self.bench
            .gate
            .with_world(|world| named.any(|id| world.datadog.key(&id).is_none()))
    }

    fn orphans(&self, heard: &str) -> Result<usize, String> {
        let (orphans, unsettled) = self.bench.gate.with_world(|world| {
            let orphans = self.bench.ledger.orphans(world);
            let names: Vec<_> = orphans
                .iter()
                .filter_map(|id| world.datadog.key(id))
                .map(|key| (key.is_api_key(), key.name.clone()))
                .collect();
            (names, self.bench.ledger.orphans_and_losses(world))
        });
        let are_all_api_keys = orphans.iter().all(|(is_api_key, _)| *is_api_key);
        if unsettled.len() > orphans.len() || !are_all_api_keys || orphans.len() > self.lossy {
            let texts: Vec<_> = unsettled.iter().map(|it| it.text.as_str()).collect();
            return Err(format!("P3: {}", texts.join("; ")));
        }
        match orphans.iter().find(|(_, name)| !heard.contains(name)) {
            Some((_, name)) => Err(format!("{name} was left, and the log does not name it")),
            None => Ok(orphans.len()),
        }
    }
}

/// Returns an error if a key that was created is neither stored, nor deleted, nor named by name or ID in a
/// warning or an error.
///
/// The line that announces each creation does not count: nobody looks for trouble there. It is all that a
/// process which was killed can leave behind, so it counts where one was.
pub fn unnamed(bench: &Bench, heard: &str) -> Result<(), String> {
    let calls = bench.gate.calls();
    let is_killed = calls.iter().any(|it| it.fate.starts_with("kill "));
    let troubles = heard.lines().filter(|it| is_killed || is_trouble(it));
    let troubles: Vec<_> = troubles.collect();
    let unstored = bench.gate.with_world(|world| {
        let ids = bench.ledger.unstored(world).into_iter();
        ids.filter_map(|id| world.datadog.key(&id).cloned())
            .collect::<Vec<_>>()
    });
    let is_named = |key: &Key| {
        let names = [key.name.as_str(), &without_day(&key.name), &key.id];
        let mut lines = troubles.iter();
        lines.any(|line| names.iter().any(|it| line.contains(it)))
    };
    match unstored.iter().find(|key| !is_named(key)) {
        Some(key) => Err(format!(
            "{} ({}) is left, and no warning and no error names it",
            key.name, key.id
        )),
        None => Ok(()),
    }
}

/// A key's name with an asterisk in place of the day, as a later step gives it, which does not know the day.
fn without_day(name: &str) -> String {
    let mut parts = name.rsplitn(3, '-');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(end), Some(_), Some(stem)) => format!("{stem}-*-{end}"),
        _ => name.to_owned(),
    }
}

/// Whether a function would print this line of its own accord as a warning or an error.
fn is_trouble(line: &str) -> bool {
    let line = line.trim_start();
    (line.starts_with("WARN ") || line.starts_with("ERROR ")) && !is_of_tests(line)
}

/// The tests print each result in its Debug form, which no function does.
fn is_of_tests(line: &str) -> bool {
    line.starts_with("WARN ended ")
}

/// A key that a step's line says is deleted (`deleted=[…]`) does not work.
///
/// What each invocation has said of itself was compared when it ended: see [`crate::claims`].
pub fn false_claims(bench: &Bench, heard: &str) -> Result<(), String> {
    if let Some(line) = heard.lines().find(|it| it.contains(FALSE_CLAIM)) {
        return Err(line.trim().to_owned());
    }
    let claims = heard.split("deleted=[").skip(1);
    let claims: String = claims.filter_map(|it| it.split(']').next()).collect();
    let false_claim = bench.gate.with_world(|world| {
        let keys = world.datadog.keys().iter();
        keys.filter(|key| key.is_live() && claims.contains(&key.id))
            .map(|key| key.id.clone())
            .next()
    });
    match false_claim {
        Some(id) => Err(format!("the log says that {id} is deleted, and it works")),
        None => Ok(()),
    }
}

/// What the keys in AWSCURRENT may do, for comparison (P6).
#[must_use]
pub fn rights(bench: &Bench, kind: Kind) -> String {
    let value = bench.current(kind);
    let named = ids(&value);
    bench.gate.with_world(|world| {
        let keys = named.iter().filter_map(|id| world.datadog.key(id));
        let rights = keys.map(|key| match &key.class {
            Class::Application { scopes } => {
                let scopes: Option<BTreeSet<_>> = scopes.as_ref().map(|it| it.iter().collect());
                format!("{} {scopes:?}", key.owner)
            }
            Class::AccessToken { scopes, expires_at } => {
                let scopes: BTreeSet<_> = scopes.iter().collect();
                format!("{} {scopes:?} ends: {}", key.owner, expires_at.is_some())
            }
            Class::Api { .. } => format!("{:?}", key.class),
        });
        rights.collect::<Vec<_>>().join("; ")
    })
}
