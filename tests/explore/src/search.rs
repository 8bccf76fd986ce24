//! Depth-first search over all states of a plan.

use std::collections::HashMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

use harness::bench::Bench;
use harness::case::Setting;
use harness::verdict::rights;
use harness::{stage, sweep};
use sandbox::rotation::Step;
use sandbox::secrets_manager::RotationJob;

use crate::canonical::{Print, print};
use crate::ear::Ear;
use crate::explored::{Explored, Violation};
use crate::invariants::{broken, replaced_nothing, working};
use crate::invocations::Standing;
use crate::moves::{Move, Next};
use crate::past::{Event, Past};
use crate::place::Place;
use crate::plan::{Manager, Plan, Shape, Way};
use crate::rest::Rests;
use crate::run::Run;
use crate::snapshot::Snapshot;
use crate::story::Broken;

/// A state on the path, with what has not been tried yet.
struct Frame {
    state: Print,
    past: Past,
    place: Place,
    moves: Vec<Next>,
}

/// Where a transition has led.
struct Reached {
    run: Run,
    start: Rc<Snapshot>,
    events: Vec<Event>,
    place: Place,
}

struct Search<'a> {
    plan: &'a Plan,
    ear: Ear,
    rests: Rests<'a>,
    /// At which depth a state was reached: without a violation only the first time counts.
    seen: HashMap<Print, usize>,
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
        let rights = vec![rights(&bench, plan.case.subject.kind())];
        let manager = begin(plan, &bench, under_way).await;
        let mut search = Search {
            plan,
            ear: Ear::default(),
            rests: Rests::new(plan, rights),
            seen: HashMap::new(),
            found: Explored::default(),
            until: began + at_most,
        };
        let start = Snapshot::of(&bench, &[]);
        search.go(&start, &manager, usize::MAX).await;
        while let Some(violation) = search.found.violation.clone() {
            search.seen.clear();
            search.rests.forget();
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
        is_current_dead: plan.case.setting == Setting::Forged,
    }
}

impl Search<'_> {
    /// Searches paths shorter than `bound`; stops at the first violation.
    async fn go(&mut self, start: &Snapshot, manager: &Manager, mut bound: usize) {
        self.ear.anew();
        let place = Place::first(self.plan, manager.clone());
        let reached = self.root(start.clone(), place).await;
        let state = self.state(&reached);
        self.found.states += usize::from(self.seen.insert(state, 0).is_none());
        let (run, frame) = self.frame(reached, state);
        let mut live = Some(run);
        let mut stack = vec![frame];
        while let Some(frame) = stack.last_mut() {
            let Some(next) = frame.moves.pop() else {
                stack.pop();
                live = None;
                continue;
            };
            if !self.is_sampled(frame, next) {
                continue;
            }
            if Instant::now() > self.until {
                self.found.open = stack.iter().map(|it| it.moves.len()).sum::<usize>() + 1;
                return;
            }
            self.ear.close();
            let run = if let Some(run) = live.take() {
                run
            } else {
                Run::again(&frame.past, &frame.place.manager.invocations(self.plan)).await
            };
            self.ear.anew();
            self.found.transitions += 1;
            match self.step(run, frame, next).await {
                Err(Broken { what, story }) => {
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
                Ok(Some(reached)) => {
                    let state = self.state(&reached);
                    let depth = stack.len();
                    let known = self.seen.get(&state).copied();
                    let is_bounded = self.found.violation.is_some();
                    if known.is_some_and(|it| !is_bounded || it <= depth) || depth + 1 >= bound {
                        continue;
                    }
                    self.seen.insert(state, depth);
                    self.found.states += usize::from(known.is_none());
                    self.found.longest = self.found.longest.max(depth);
                    let (run, frame) = self.frame(reached, state);
                    stack.push(frame);
                    live = Some(run);
                }
            }
        }
    }

    /// Whether a move is to be tried. Of first faults a plan may want some only.
    fn is_sampled(&self, from: &Frame, (next, _): Next) -> bool {
        let Some(every) = self.plan.every_first_fault else {
            return true;
        };
        let is_first = from.place.left.faults == self.plan.budget.faults;
        match next {
            Move::Call(actor, number, Some(fault), _) if is_first => {
                print((from.state, actor, number, fault)).is_multiple_of(every)
            }
            _ => true,
        }
    }

    /// A state in which invocations have just begun.
    async fn root(&self, start: Snapshot, place: Place) -> Reached {
        let run = Run::begin(&start, &place.manager.invocations(self.plan)).await;
        Reached {
            run,
            start: Rc::new(start),
            events: Vec::new(),
            place,
        }
    }

    fn state(&mut self, reached: &Reached) -> Print {
        let (state, world) = reached.place.state(self.plan, &reached.run);
        self.found.worlds.insert(world);
        state
    }

    fn frame(&mut self, reached: Reached, state: Print) -> (Run, Frame) {
        let Reached {
            run,
            start,
            events,
            place,
        } = reached;
        let (moves, is_mixed) = place.moves(self.plan, &run);
        self.found.is_mixed |= is_mixed;
        let past = Past {
            start,
            events,
            asked: run.asked(),
            here: Snapshot::of(&run.bench, &run.late),
        };
        let frame = Frame {
            state,
            past,
            place,
            moves,
        };
        (run, frame)
    }

    /// Lets one thing happen. Returns where it leads to, if there is something to go on from.
    async fn step(
        &mut self,
        mut run: Run,
        from: &Frame,
        (next, turn): Next,
    ) -> Result<Option<Reached>, Broken> {
        let (mut place, mut events) = (from.place.clone(), from.past.events.clone());
        let mut worked = working(&run.bench);
        let (line, is_quiet) = match next {
            Move::Call(actor, number, fault, reads) => {
                let (event, line) = run.call(actor, number, fault).await;
                events.push(event);
                place.left.faults -= u8::from(fault.is_some());
                let who = place.who(self.plan, actor);
                (format!("{who}: {line}"), reads && fault.is_none())
            }
            Move::Die(actor) => {
                run.kill(actor).await;
                events.push(Event::Died(actor));
                place.left.deaths -= 1;
                (format!("{} dies", place.who(self.plan, actor)), false)
            }
            Move::Wait => {
                run.wait().await;
                events.push(Event::Waited);
                ("time passes".to_owned(), true)
            }
            Move::Arrive(index) => (run.arrive(index).await, false),
            Move::Act(act) => {
                let before = Snapshot::of(&run.bench, &run.late);
                run.act(act, &place.manager.invocations(self.plan)).await;
                events.push(Event::Acted(act, Rc::new(before)));
                place.manager.after(act);
                // What a person breaks is no call's doing.
                worked = working(&run.bench);
                place.left.acts -= 1;
                (act.to_string(), false)
            }
            Move::Manage(Way::Rest) => {
                self.found.rests += 1;
                let (here, place) = (&from.past.here, &from.place);
                let judged = self.rests.judge(&run, here, place, &mut self.ear);
                return judged.await.map(|()| None);
            }
            Move::Manage(way) => {
                place.manager.go_on(self.plan, way, &run.bench).await;
                let start = Snapshot::of(&run.bench, &run.late);
                drop(run);
                place.story = place.story.and(way.to_string(), false);
                place.turn = turn;
                return Ok(Some(self.root(start, place).await));
            }
        };
        (place.story, place.turn) = (place.story.and(line, is_quiet), turn);
        if let Some(what) = broken(&run.bench, &place.manager, &worked, self.ear.open()) {
            return Err(Broken {
                what,
                story: place.story,
            });
        }
        let is_done = place.manager.steps == [Step::FinishSecret]
            && run.standings() == [Standing::Succeeded]
            && self.plan.shape == Shape::Rotation;
        if is_done && !place.manager.is_overtaken && replaced_nothing(&run.bench, self.plan) {
            let what = "the last step has succeeded, and no key was replaced".to_owned();
            let story = place.story;
            return Err(Broken { what, story });
        }
        place.manager.is_done |= is_done;
        Ok(Some(Reached {
            run,
            start: Rc::clone(&from.past.start),
            events,
            place,
        }))
    }
}
