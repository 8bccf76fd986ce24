//! Depth-first search over all states of a plan.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::time::{Duration, Instant};

use sandbox::rotation::Step;
use tests::bench::Bench;
use tests::case::Fault;
use tests::function::Function;
use tests::listen::Listening;
use tests::overlap::meanwhile;
use tests::verdict::rights;
use tests::{stage, sweep};

use crate::canonical::{Print, print};
use crate::invariants::{broken, end, judge, ways, working};
use crate::plan::{Act, Budget, Manager, Next, Plan, Shape};
use crate::run::{Event, Run, Snapshot, Standing, name};
use crate::story::Story;

/// What a search has seen.
#[derive(Clone, Debug, Default)]
pub struct Explored {
    pub states: usize,
    pub transitions: usize,
    /// In transitions.
    pub longest: usize,
    /// States in which no invocation is live and nothing is left to go wrong.
    pub rests: usize,
    pub took: Duration,
    /// Whether everything was explored; otherwise the time ended first, with so many branches open.
    pub open: usize,
    pub violation: Option<Violation>,
}

/// The shortest path to a broken promise.
#[derive(Clone, Debug)]
pub struct Violation {
    pub what: String,
    pub length: usize,
    pub story: String,
}

/// Something that can happen next.
#[derive(Clone, Copy, Debug)]
enum Move {
    Call(usize, usize, Option<Fault>, bool),
    Die(usize),
    Wait,
    Arrive(usize),
    Act(Act),
    Next(Next),
}

/// A state on the path, with what has not been tried yet.
struct Frame {
    start: Rc<Snapshot>,
    here: Snapshot,
    path: Vec<Event>,
    manager: Manager,
    left: Budget,
    story: Story,
    moves: Vec<Move>,
}

struct Search<'a> {
    plan: &'a Plan,
    rights: Vec<String>,
    listening: Option<Listening>,
    /// At which depth a state was reached: without a violation only the first time counts.
    seen: HashMap<Print, usize>,
    judged: HashSet<Print>,
    found: Explored,
    until: Instant,
}

/// Explores a plan in a runtime of its own, for so long at most. A violation is searched for again
/// until no shorter one is found.
#[must_use]
pub fn explore(plan: &Plan, at_most: Duration) -> Explored {
    sweep::in_virtual_time(async {
        let began = Instant::now();
        let (bench, _) = stage::set(plan.case).await;
        let kind = plan.case.subject.kind();
        let rights = vec![rights(&bench, kind)];
        let manager = begin(plan, &bench).await;
        let mut search = Search {
            plan,
            rights,
            listening: None,
            seen: HashMap::new(),
            judged: HashSet::new(),
            found: Explored::default(),
            until: began + at_most,
        };
        search.listen();
        let start = Snapshot::of(&bench, &[]);
        search.go(&start, &manager, usize::MAX).await;
        while let Some(violation) = search.found.violation.clone() {
            search.seen.clear();
            search.judged.clear();
            search.go(&start, &manager, violation.length).await;
            if search
                .found
                .violation
                .as_ref()
                .is_some_and(|it| it.length == violation.length)
            {
                break;
            }
        }
        search.found.took = began.elapsed();
        search.found
    })
}

/// Brings the world to where the plan begins.
async fn begin(plan: &Plan, bench: &Bench) -> Manager {
    let kind = plan.case.subject.kind();
    let job = bench.begin(kind);
    let steps = match plan.shape {
        Shape::Pair(first, second) => {
            for earlier in Step::ALL.into_iter().take_while(|it| *it != second) {
                let delivered = bench.deliver(kind, &job, earlier).await;
                delivered.expect("nothing is in its way");
            }
            vec![first, second]
        }
        Shape::Rotation => vec![Step::CreateSecret],
    };
    Manager {
        job,
        steps,
        attempt: 1,
        rotation: 0,
        is_done: false,
        is_overtaken: false,
        is_dead: false,
        is_current_dead: false,
    }
}

impl Search<'_> {
    /// Begins to listen anew. A guard must go before the next one comes.
    fn listen(&mut self) {
        self.listening = None;
        self.listening = Some(Listening::begin());
    }

    fn listening(&self) -> &Listening {
        self.listening.as_ref().expect("it listens")
    }

    /// Searches paths shorter than `bound`; stops at the first violation.
    async fn go(&mut self, start: &Snapshot, manager: &Manager, mut bound: usize) {
        let story = Story::default();
        let (run, frame) = self
            .root(start.clone(), manager.clone(), self.plan.budget, story)
            .await;
        let key = self.key(&run, &frame);
        self.found.states += usize::from(self.seen.insert(key, 0).is_none());
        let mut live = Some(run);
        let mut stack = vec![frame];
        while let Some(frame) = stack.last_mut() {
            let Some(next) = frame.moves.pop() else {
                stack.pop();
                live = None;
                continue;
            };
            if Instant::now() > self.until {
                self.found.open = stack.iter().map(|it| it.moves.len()).sum::<usize>() + 1;
                return;
            }
            let run = if let Some(run) = live.take() {
                run
            } else {
                let invocations = frame.manager.invocations(self.plan);
                Run::again(&frame.start, &invocations, &frame.path, &frame.here).await
            };
            self.listen();
            self.found.transitions += 1;
            match self.step(run, frame, next).await {
                Err((what, story)) => {
                    let length = stack.len();
                    self.found.violation = Some(Violation {
                        what,
                        length,
                        story: story.tell(),
                    });
                    bound = length;
                    live = None;
                    if length <= 1 {
                        return;
                    }
                    stack.truncate(length - 1);
                }
                Ok(None) => {}
                Ok(Some((run, frame))) => {
                    let key = self.key(&run, &frame);
                    let depth = stack.len();
                    let known = self.seen.get(&key).copied();
                    let is_bounded = self.found.violation.is_some();
                    if known.is_some_and(|it| !is_bounded || it <= depth) || depth + 1 >= bound {
                        continue;
                    }
                    self.seen.insert(key, depth);
                    self.found.states += usize::from(known.is_none());
                    self.found.longest = self.found.longest.max(depth);
                    stack.push(frame);
                    live = Some(run);
                }
            }
        }
    }

    /// A state in which invocations have just begun.
    async fn root(
        &self,
        start: Snapshot,
        manager: Manager,
        left: Budget,
        story: Story,
    ) -> (Run, Frame) {
        let run = Run::begin(&start, &manager.invocations(self.plan)).await;
        let frame = self.frame(&run, Rc::new(start), Vec::new(), manager, left, story);
        (run, frame)
    }

    fn frame(
        &self,
        run: &Run,
        start: Rc<Snapshot>,
        path: Vec<Event>,
        manager: Manager,
        left: Budget,
        story: Story,
    ) -> Frame {
        Frame {
            start,
            here: Snapshot::of(&run.bench, &run.late),
            path,
            moves: self.moves(run, &manager, left),
            manager,
            left,
            story,
        }
    }

    fn key(&self, run: &Run, frame: &Frame) -> Print {
        let roles = run.roles();
        let ledger = &run.bench.ledger;
        let world = run
            .bench
            .gate
            .with_world(|world| roles.world(world, ledger));
        let mut late: Vec<_> = run.late.iter().map(|it| roles.request(it)).collect();
        late.sort();
        let mut invocations = run.invocations();
        if let Shape::Pair(first, second) = self.plan.shape
            && first == second
        {
            invocations[..2].sort_unstable();
        }
        print((world, late, invocations, frame.left, frame.manager.form()))
    }

    /// Whatever can happen next.
    fn moves(&self, run: &Run, manager: &Manager, left: Budget) -> Vec<Move> {
        let standings = run.standings();
        let live = standings.iter().filter(|it| **it == Standing::Live).count();
        let arrivals = (0..run.late.len()).map(Move::Arrive);
        if live == 0 {
            let mut moves: Vec<_> = arrivals.collect();
            if moves.is_empty() {
                let next = manager.next(self.plan, &standings, left);
                moves.extend(next.into_iter().map(Move::Next));
            }
            return moves;
        }
        let waiting = run.waiting();
        // Reads commute with one another, but not with what others do in between.
        let is_alone = live == 1 && run.late.is_empty() && left.acts == 0;
        let one_will_do = is_alone && waiting.iter().all(|it| it.reads);
        let considered = if one_will_do { 1 } else { waiting.len() };
        let mut moves = Vec::new();
        for it in waiting.iter().take(considered) {
            moves.push(Move::Call(it.actor, it.number, None, it.reads));
            if left.faults > 0 {
                let faults = self.plan.faults.iter();
                moves.extend(
                    faults.map(|fault| Move::Call(it.actor, it.number, Some(*fault), false)),
                );
            }
        }
        for (actor, standing) in standings.iter().enumerate() {
            if *standing != Standing::Live {
                continue;
            }
            if left.deaths > 0 {
                moves.push(Move::Die(actor));
            }
            if waiting.iter().all(|it| it.actor != actor)
                && !moves.iter().any(|it| matches!(it, Move::Wait))
            {
                moves.push(Move::Wait);
            }
        }
        if left.acts > 0 {
            let acts = self.plan.acts.iter().copied();
            moves.extend(
                acts.filter(|it| is_possible(*it, run, self.plan, manager))
                    .map(Move::Act),
            );
        }
        moves.extend(arrivals);
        moves
    }

    /// Lets one thing happen. Returns the state that it leads to, if it is one to go on from.
    async fn step(
        &mut self,
        mut run: Run,
        from: &Frame,
        next: Move,
    ) -> Result<Option<(Run, Frame)>, (String, Story)> {
        let (mut manager, mut left, mut path) =
            (from.manager.clone(), from.left, from.path.clone());
        let worked = working(&run.bench);
        let (line, is_quiet) = match next {
            Move::Call(actor, number, fault, reads) => {
                let (event, line) = run.call(actor, number, fault).await;
                path.push(event);
                left.faults -= u8::from(fault.is_some());
                (
                    format!("{}: {line}", self.who(&manager, actor)),
                    reads && fault.is_none(),
                )
            }
            Move::Die(actor) => {
                run.kill(actor).await;
                path.push(Event::Died(actor));
                left.deaths -= 1;
                (format!("{} dies", self.who(&manager, actor)), false)
            }
            Move::Wait => {
                run.wait().await;
                path.push(Event::Waited);
                ("time passes".to_owned(), true)
            }
            Move::Arrive(index) => (run.arrive(index).await, false),
            Move::Act(act) => {
                let bench = &run.bench;
                perform(act, bench, self.plan, &mut manager).await;
                left.acts -= 1;
                (act.to_string(), false)
            }
            Move::Next(Next::Rest) => return self.rest(&run, from).await.map(|()| None),
            Move::Next(next) => {
                manager.go_on(self.plan, next, &run.bench).await;
                let start = Snapshot::of(&run.bench, &run.late);
                drop(run);
                let story = from.story.and(next.to_string(), false);
                return Ok(Some(self.root(start, manager, left, story).await));
            }
        };
        let story = from.story.and(line, is_quiet);
        if let Some(what) = broken(&run.bench, &manager, &worked, self.listening()) {
            return Err((what, story));
        }
        let standings = run.standings();
        manager.is_done |= manager.steps == [Step::FinishSecret]
            && standings == [Standing::Succeeded]
            && self.plan.shape == Shape::Rotation;
        let frame = self.frame(&run, Rc::clone(&from.start), path, manager, left, story);
        Ok(Some((run, frame)))
    }

    fn who(&self, manager: &Manager, actor: usize) -> String {
        match self.plan.shape {
            Shape::Pair(..) => {
                let name = name(self.plan.case.subject.kind(), actor);
                let name = name.rsplit('#').next().unwrap_or_default();
                format!("{name} {}", manager.steps[actor])
            }
            Shape::Rotation => manager.steps[actor].to_string(),
        }
    }

    async fn rest(&mut self, run: &Run, from: &Frame) -> Result<(), (String, Story)> {
        self.found.rests += 1;
        let (roles, ledger) = (run.roles(), &run.bench.ledger);
        let world = run
            .bench
            .gate
            .with_world(|world| roles.world(world, ledger));
        if !self.judged.insert(print((world, from.manager.form()))) {
            return Ok(());
        }
        for &carry_on in ways(self.plan) {
            self.listen();
            let bench = from.here.bench();
            let (plan, manager) = (self.plan, &from.manager);
            let mut judged = end(&bench, plan, manager, carry_on, self.listening()).await;
            if judged.is_ok() {
                self.listen();
                judged = judge(&bench, plan, manager, &self.rights, self.listening()).await;
            }
            judged.map_err(|what| {
                let then = if carry_on {
                    "rest; the same rotation is tried again, then the next one"
                } else {
                    "rest; then the next rotation"
                };
                let mut story = from.story.and(then.to_owned(), false);
                for record in bench.changes() {
                    story = story.and(format!("  {record}"), false);
                }
                (what, story)
            })?;
        }
        Ok(())
    }
}

fn is_possible(act: Act, run: &Run, plan: &Plan, manager: &Manager) -> bool {
    let kind = plan.case.subject.kind();
    match act {
        Act::Meanwhile(_) => plan.shape == Shape::Rotation && manager.rotation == 0,
        Act::RevokePending => {
            let bench = &run.bench;
            bench.value(kind, "AWSPENDING").is_some()
                && bench.labelled(kind, "AWSPENDING") != bench.labelled(kind, "AWSCURRENT")
        }
        // Nothing is revoked within a rotation: the next one finds it so.
        Act::RevokeCurrent => {
            manager.rotation == 1
                && manager.steps == [Step::CreateSecret]
                && run.elapsed().as_secs() == 0
        }
    }
}

async fn perform(act: Act, bench: &Bench, plan: &Plan, manager: &mut Manager) {
    let kind = plan.case.subject.kind();
    match act {
        Act::Meanwhile(what) => {
            bench
                .gate
                .follow(|_: &sandbox::gate::Call| sandbox::gate::Fate::Pass);
            let second = Function::new(kind, &name(kind, 1), &bench.gate, bench.settings.clone());
            meanwhile(bench, &second, &manager.job, manager.steps[0], what).await;
            manager.is_overtaken = true;
        }
        Act::RevokePending => {
            let value = bench.value(kind, "AWSPENDING").expect("a pending value");
            bench.revoke(&tests::by_hand::ids(&value)[0]);
            manager.is_dead = true;
        }
        Act::RevokeCurrent => {
            let value = bench.current(kind);
            let ids = tests::by_hand::ids(&value);
            bench.revoke(ids.last().expect("an application key"));
            manager.is_current_dead = true;
        }
    }
}
