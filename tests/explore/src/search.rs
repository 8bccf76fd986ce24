//! Depth-first search over all states of a plan.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::time::{Duration, Instant};

use harness::bench::Bench;
use harness::listen::Listening;
use harness::verdict::rights;
use harness::{stage, sweep};
use sandbox::rotation::Step;
use sandbox::secrets_manager::RotationJob;

use crate::acts::is_possible;
use crate::canonical::{Print, print};
use crate::explored::{Explored, Violation};
use crate::invariants::{broken, end, judge, ways, working};
use crate::invocations::{Standing, name};
use crate::moves::{Choices, Move, Next, Turn};
use crate::plan::{Budget, Manager, Plan, Shape, Way};
use crate::run::{Event, Run, Snapshot};
use crate::story::Story;

/// A state on the path, with what has not been tried yet.
struct Frame {
    start: Rc<Snapshot>,
    here: Snapshot,
    path: Vec<Event>,
    place: Place,
    moves: Vec<Next>,
}

/// The part of a state that is neither world nor invocation, and how it was reached.
#[derive(Clone)]
struct Place {
    manager: Manager,
    left: Budget,
    story: Story,
    turn: Turn,
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
        let (bench, under_way) = stage::set(plan.case).await;
        // A story begins here: what a wrong order has broken before has none.
        bench.ledger.forget_breaches();
        let kind = plan.case.subject.kind();
        let rights = vec![rights(&bench, kind)];
        let manager = begin(plan, &bench, under_way).await;
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
async fn begin(plan: &Plan, bench: &Bench, under_way: Option<RotationJob>) -> Manager {
    let kind = plan.case.subject.kind();
    let job = under_way.unwrap_or_else(|| bench.begin(kind));
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
        let place = Place {
            manager: manager.clone(),
            left: self.plan.budget,
            story: Story::default(),
            turn: Turn::Open,
        };
        let (run, frame) = self.root(start.clone(), place).await;
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
                let invocations = frame.place.manager.invocations(self.plan);
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
    async fn root(&mut self, start: Snapshot, place: Place) -> (Run, Frame) {
        let run = Run::begin(&start, &place.manager.invocations(self.plan)).await;
        let frame = self.frame(&run, Rc::new(start), Vec::new(), place);
        (run, frame)
    }

    fn frame(&mut self, run: &Run, start: Rc<Snapshot>, path: Vec<Event>, place: Place) -> Frame {
        Frame {
            start,
            here: Snapshot::of(&run.bench, &run.late),
            path,
            moves: self.moves(run, &place),
            place,
        }
    }

    fn key(&mut self, run: &Run, frame: &Frame) -> Print {
        let roles = run.roles();
        let ledger = &run.bench.ledger;
        let world = run
            .bench
            .gate
            .with_world(|world| roles.world(world, ledger));
        let mut late: Vec<_> = run.late.iter().map(|it| roles.request(it)).collect();
        late.sort();
        let (mut invocations, mut turn) = (run.invocations(), frame.place.turn);
        if let Shape::Pair(first, second) = self.plan.shape
            && first == second
            && invocations[1] < invocations[0]
        {
            invocations.swap(0, 1);
            turn = turn.of_the_other();
        }
        self.found.worlds.insert(print(&world));
        print((
            world,
            late,
            invocations,
            frame.place.left,
            frame.place.manager.form(),
            turn,
        ))
    }

    /// Whatever can happen next, but of orders that come to the same only one.
    fn moves(&mut self, run: &Run, place: &Place) -> Vec<Next> {
        let (manager, left, turn) = (&place.manager, place.left, place.turn);
        let standings = run.standings();
        let is_live = |actor: usize| standings.get(actor) == Some(&Standing::Live);
        let choices = Choices {
            plan: self.plan,
            waiting: run.waiting(),
            left,
        };
        self.found.is_mixed |= choices.is_mixed();
        let arrivals = (0..run.late.len()).map(|it| (Move::Arrive(it), Turn::Open));
        let mut moves: Vec<_> = match (is_live(0), is_live(1)) {
            (false, false) if run.late.is_empty() => {
                let ways = manager.ways(self.plan, &standings, left);
                return ways
                    .into_iter()
                    .map(|it| (Move::Manage(it), Turn::Open))
                    .collect();
            }
            (false, false) => Vec::new(),
            (true, true) if run.late.is_empty() && !self.plan.every_order => choices.of_two(turn),
            (true, true) => [choices.of(0), choices.of(1)].concat(),
            (first, _) => {
                let actor = usize::from(!first);
                if run.late.is_empty() && left.acts == 0 && !self.plan.every_order {
                    choices.alone(actor)
                } else {
                    choices.of(actor)
                }
            }
        };
        if left.acts > 0 {
            let acts = self.plan.acts.iter().copied();
            let acts = acts.filter(|it| is_possible(*it, run, self.plan, manager));
            moves.extend(acts.map(|it| (Move::Act(it), Turn::Open)));
        }
        moves.extend(arrivals);
        moves
    }

    /// Lets one thing happen. Returns the state that it leads to, if it is one to go on from.
    async fn step(
        &mut self,
        mut run: Run,
        from: &Frame,
        (next, turn): Next,
    ) -> Result<Option<(Run, Frame)>, (String, Story)> {
        let (mut manager, mut left, mut path) = (
            from.place.manager.clone(),
            from.place.left,
            from.path.clone(),
        );
        let mut worked = working(&run.bench);
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
                let before = Snapshot::of(&run.bench, &run.late);
                run.act(act, &manager.invocations(self.plan)).await;
                path.push(Event::Acted(act, Rc::new(before)));
                manager.after(act);
                // What a person breaks is no call's doing.
                worked = working(&run.bench);
                left.acts -= 1;
                (act.to_string(), false)
            }
            Move::Manage(Way::Rest) => return self.rest(&run, from).await.map(|()| None),
            Move::Manage(way) => {
                manager.go_on(self.plan, way, &run.bench).await;
                let start = Snapshot::of(&run.bench, &run.late);
                drop(run);
                let story = from.place.story.and(way.to_string(), false);
                let place = Place {
                    manager,
                    left,
                    story,
                    turn,
                };
                return Ok(Some(self.root(start, place).await));
            }
        };
        let story = from.place.story.and(line, is_quiet);
        if let Some(what) = broken(&run.bench, &manager, &worked, self.listening()) {
            return Err((what, story));
        }
        let standings = run.standings();
        manager.is_done |= manager.steps == [Step::FinishSecret]
            && standings == [Standing::Succeeded]
            && self.plan.shape == Shape::Rotation;
        let place = Place {
            manager,
            left,
            story,
            turn,
        };
        let frame = self.frame(&run, Rc::clone(&from.start), path, place);
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
        if !self
            .judged
            .insert(print((world, from.place.manager.form())))
        {
            return Ok(());
        }
        for &carry_on in ways(self.plan) {
            self.listen();
            let bench = from.here.bench();
            let (plan, manager) = (self.plan, &from.place.manager);
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
                let mut story = from.place.story.and(then.to_owned(), false);
                for record in bench.changes() {
                    story = story.and(format!("  {record}"), false);
                }
                (what, story)
            })?;
        }
        Ok(())
    }
}
