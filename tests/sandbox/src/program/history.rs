//! What happened, booked and told as it happens.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use console::{Alignment, pad_str, style};
use sandbox::gate::Gate;
use sandbox::lambda::FunctionError;
use sandbox::ledger::{Ledger, Standing, standing};
use sandbox::rotation::{Observer, Progress, Step};
use sandbox::secrets_manager::RotationJob;
use sandbox::world::World;

use super::look;
use super::screen::{Screen, Task};

/// Key id → where it stands, for every key that belongs to a secret.
pub(crate) type Snapshot = BTreeMap<String, Standing>;

/// Width of a step's column: its name and a blank.
const STEP_WIDTH: usize = 13;

/// Width of a secret's name, the longest of them.
const SECRET_WIDTH: usize = 15;

/// Width of what stands before the first of them: mark, type of rotation and secret.
const TITLE_WIDTH: usize = 4 + 9 + SECRET_WIDTH;

#[derive(Debug)]
pub(crate) struct StepRun {
    pub(crate) step: Step,
    pub(crate) attempt: u32,
    pub(crate) took: Duration,
    pub(crate) error: Option<FunctionError>,
    pub(crate) after: Snapshot,
}

#[derive(Debug)]
pub(crate) struct Rotation {
    pub(crate) secret: String,
    pub(crate) token: String,
    /// From 1; `None` for a check, when only testSecret was asked for.
    pub(crate) number: Option<usize>,
    pub(crate) steps: Vec<StepRun>,
    pub(crate) succeeded: bool,
}

/// Observes rotations that follow one another.
#[derive(Debug)]
pub(crate) struct History {
    gate: Gate,
    ledger: Ledger,
    screen: Screen,
    book: Mutex<Book>,
}

#[derive(Debug, Default)]
struct Book {
    rotations: Vec<Rotation>,
    rotation_tokens: Vec<String>,
    attempt: u32,
    task: Option<Task>,
}

impl History {
    pub(crate) fn new(gate: Gate, ledger: Ledger, screen: Screen) -> Self {
        Self {
            gate,
            ledger,
            screen,
            book: Mutex::default(),
        }
    }

    /// How the keys stand now.
    pub(crate) fn snapshot(&self) -> Snapshot {
        self.gate.with_world(|world| snapshot(world, &self.ledger))
    }

    /// The names of the columns that rotations are told in.
    pub(crate) fn tell_columns(&self) {
        if self.screen.is_live() {
            let columns = Step::ALL.map(|step| format!("{step:>STEP_WIDTH$}"));
            let line = format!("{:TITLE_WIDTH$}{}", "", columns.concat());
            self.screen.line(&style(line).dim().to_string());
        }
    }

    pub(crate) fn with_rotations<T>(&self, read: impl FnOnce(&[Rotation]) -> T) -> T {
        read(&self.book().rotations)
    }

    /// The proofs that Secrets Manager handed to the functions: never to be printed.
    pub(crate) fn rotation_tokens(&self) -> Vec<String> {
        self.book().rotation_tokens.clone()
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn secret_name(&self, job: &RotationJob) -> String {
        self.gate.with_world(|world| {
            let secret = world.secrets_manager.secret(&job.arn);
            secret.map_or_else(|| job.arn.clone(), |secret| secret.name().to_owned())
        })
    }

    fn begin(&self, job: &RotationJob, attempt: u32) {
        let secret = self.secret_name(job);
        let mut book = self.book();
        book.attempt = attempt;
        if attempt > 1 {
            return;
        }
        book.rotation_tokens.push(job.rotation_token.clone());
        let numbered = book.rotations.iter().filter_map(|rotation| rotation.number);
        let number = numbered.max().unwrap_or_default() + 1;
        book.rotations.push(Rotation {
            secret,
            token: job.token.clone(),
            number: (!job.test_only).then_some(number),
            steps: Vec::new(),
            succeeded: false,
        });
        let row = row(&book.rotations, None);
        book.task = Some(self.screen.begin(&row));
    }

    fn begin_step(&self, step: Step) {
        let book = self.book();
        if let Some(task) = &book.task {
            task.show(row(&book.rotations, Some(step)));
        }
    }

    fn end_step(&self, step: Step, took: Duration, error: Option<FunctionError>) {
        let after = self.snapshot();
        let mut book = self.book();
        let attempt = book.attempt;
        let run = StepRun {
            step,
            attempt,
            took,
            error,
            after,
        };
        let Book {
            rotations, task, ..
        } = &mut *book;
        let Some(rotation) = rotations.last_mut() else {
            return;
        };
        if !self.screen.is_live() {
            for line in plain(&rotation.title(), &run) {
                self.screen.line(&line);
            }
        }
        rotation.steps.push(run);
        if let Some(task) = task {
            task.show(row(rotations, None));
        }
    }

    fn end(&self, error: Option<&FunctionError>) {
        let mut book = self.book();
        if let Some(task) = book.task.take() {
            task.clear();
        }
        let Some(rotation) = book.rotations.last_mut() else {
            return;
        };
        rotation.succeeded = error.is_none();
        if self.screen.is_live() {
            let mark = look::yes_or_no(error.is_none());
            self.screen
                .line(&format!("  {mark} {}", row(&book.rotations, None)));
            if let Some(error) = error {
                for line in look::wrapped(&error.to_string(), look::WIDTH - 4) {
                    self.screen.line(&format!("    {}", style(line).red()));
                }
            }
        }
    }
}

impl Observer for History {
    fn observe(&self, job: &RotationJob, progress: &Progress<'_>) {
        match *progress {
            Progress::Started { attempt } => self.begin(job, attempt),
            Progress::StepStarted { step } => self.begin_step(step),
            Progress::StepEnded { step, took, result } => {
                self.end_step(step, took, result.err().cloned());
            }
            Progress::Ended { result } => self.end(result.err()),
        }
    }
}

impl Rotation {
    fn title(&self) -> String {
        let kind = match self.number {
            Some(number) => format!("rotate {number}"),
            None => "check".to_owned(),
        };
        let secret = pad_str(&self.secret, SECRET_WIDTH, Alignment::Left, None);
        format!("{kind:<8} {secret}")
    }
}

/// The latest rotation in columns, one for each step, and a mark where it is now.
fn row(rotations: &[Rotation], running: Option<Step>) -> String {
    let Some(rotation) = rotations.last() else {
        return String::new();
    };
    let cells = Step::ALL.map(|step| {
        let last = rotation.steps.iter().rfind(|run| run.step == step);
        match last {
            _ if running == Some(step) => format!("{:>STEP_WIDTH$}", look::glyphs().cut),
            Some(run) => cell(run),
            None => " ".repeat(STEP_WIDTH),
        }
    });
    format!("{}{}", rotation.title(), cells.concat())
}

fn cell(run: &StepRun) -> String {
    let took = look::duration(run.took);
    let width = STEP_WIDTH - 2;
    format!("{took:>width$} {}", look::yes_or_no(run.error.is_none()))
}

/// A line for a step, and what it failed on below.
fn plain(title: &str, run: &StepRun) -> Vec<String> {
    let (step, took) = (run.step, look::duration(run.took));
    let outcome = if run.error.is_none() { "ok" } else { "FAILED" };
    let mut lines = vec![format!(
        "  {title}  {step:<STEP_WIDTH$}{took:>7}  {outcome}"
    )];
    let error = run.error.as_ref().map(ToString::to_string);
    let error = look::wrapped(&error.unwrap_or_default(), look::WIDTH - 4);
    lines.extend(error.iter().map(|line| format!("    {line}")));
    lines
}

fn snapshot(world: &World, ledger: &Ledger) -> Snapshot {
    let owner = |id: &str| world.secrets_manager.secret(&ledger.secret_of(id)?);
    let keys = world.datadog.keys().iter();
    keys.filter_map(|key| Some((key.id.clone(), standing(world, owner(&key.id)?, &key.id))))
        .collect()
}

#[cfg(test)]
mod tests {
    use console::measure_text_width;

    use super::*;

    #[test]
    fn a_row_fits_a_terminal() {
        let run = |step| StepRun {
            step,
            attempt: 1,
            took: Duration::from_millis(123_456),
            error: None,
            after: Snapshot::new(),
        };
        let rotation = Rotation {
            secret: "datadog/app-key".to_owned(),
            token: String::new(),
            number: Some(6),
            steps: Step::ALL.map(run).into(),
            succeeded: true,
        };

        let row = format!("  {} {}", look::yes_or_no(true), row(&[rotation], None));

        assert_eq!(measure_text_width(&row), look::WIDTH, "{row}");
    }
}
