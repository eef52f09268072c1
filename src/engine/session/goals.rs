//! Goals: the runtime pursues one in as many turns as it takes, and begins each of them by itself. Here they are one turn, which
//! has the id of the first: what comes for the others is renamed, and of their beginnings and ends only the first and the last
//! are told.

use std::time::Instant;

use super::Session;
use super::adopted::Opening;
use super::handles::{HandleId, HandleState};
use super::purpose::Purpose;
use super::slots::{Seen, Slot, SlotPhase};
use crate::engine::error::{Error, Result};
use crate::engine::event::EventKind;
use crate::engine::json::{Object, member, quote, string};
use crate::engine::method::{self, Method};
use crate::engine::rpc::{CallDeadline, Ids, Notification};

/// What is known of the goal of a slot.
#[derive(Debug)]
pub(super) struct Goal {
    pursuit: Pursuit,
    step: Step,
    /// The end of the newest turn of the runtime, which is told if it was the last.
    last: Option<String>,
}

/// Whether the runtime pursues the goal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pursuit {
    /// The goal is being set; what is told of goals is of the one before.
    Setting,
    Active,
    /// It was paused: by an interrupt of this client, or by somebody else.
    Paused,
    /// It was reached, given up, blocked or cleared.
    Over,
}

/// Whether a turn of the runtime is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Between,
    Underway,
}

impl Goal {
    pub(super) fn new() -> Self {
        Self { pursuit: Pursuit::Setting, step: Step::Between, last: None }
    }
}

/// What one of the turns of a goal is called by the host, who knows the first only.
pub(super) struct Renamed {
    id: String,
    params: String,
}

impl Renamed {
    pub(super) fn of(slot: &Slot, notification: &Notification<'_>) -> Self {
        let id = slot.turn_id().to_owned();
        let params = notification.params.replace(&quote(&notification.ids.turn), &quote(&id));
        Self { id, params }
    }

    pub(super) fn put_into<'a>(&'a self, notification: &Notification<'a>) -> Notification<'a> {
        let ids = Ids { turn: (&*self.id).into(), ..notification.ids.clone() };
        Notification { params: &self.params, ids, ..notification.clone() }
    }
}

impl Session {
    /// The slot of the goal that is pursued on a thread.
    fn goal_on(&self, thread_id: &str) -> Option<usize> {
        let of_thread = |(_, slot): &(usize, &Slot)| slot.goal.is_some() && *slot.thread_id == *thread_id;
        self.slots.iter().find(of_thread).map(|(index, _)| index)
    }

    /// A goal has its thread to itself.
    pub(super) fn ensure_no_goal(&self, thread_id: &str, opening: Opening) -> Result<()> {
        if thread_id.is_empty() {
            return Ok(());
        }
        if self.goal_on(thread_id).is_some() {
            let message = "a goal is pursued on the thread: steer or interrupt that, or wait for its end";
            return Err(Error::invalid_argument(message).with_reason("goalActive"));
        }
        let is_busy =
            self.running.contains_key(thread_id) || self.slots.iter().any(|(_, slot)| *slot.thread_id == *thread_id);
        if opening == Opening::Goal && is_busy {
            let message = "a turn runs on the thread: wait for its end, or interrupt it, before a goal is set";
            return Err(Error::invalid_argument(message).with_reason("turnRunning"));
        }
        Ok(())
    }

    /// The runtime has agreed to pursue the goal of a slot.
    pub(super) fn goal_set(&mut self, index: usize) {
        if let Some(goal) = &mut self.slots[index].goal {
            goal.pursuit = Pursuit::Active;
            self.interrupt_slot(index);
        }
    }

    /// Takes what is told of a goal that this client follows. Says whether it was that.
    pub(super) fn watch_goals(&mut self, now: Instant, notification: &Notification<'_>) -> bool {
        let pursuit = match &*notification.method {
            "thread/goal/updated" => pursuit_of(notification.params),
            "thread/goal/cleared" => Pursuit::Over,
            _ => return false,
        };
        let Some(index) = self.goal_on(&notification.ids.thread) else { return false };
        let slot = &mut self.slots[index];
        slot.clock.progress(now);
        if let Some(goal) = slot.goal.as_mut().filter(|goal| goal.pursuit != Pursuit::Setting) {
            goal.pursuit = pursuit;
            self.end_goal_if_over(now, index);
        }
        true
    }

    /// A turn has begun on a thread and is nobody's: if a goal is pursued there, it is the next one of that.
    pub(super) fn goal_goes_on(&mut self, thread_id: &str, turn_id: &str) {
        let Some(index) = self.goal_on(thread_id).filter(|index| self.slots[*index].phase == SlotPhase::Running) else {
            return;
        };
        self.slots[index].turn_ids.push(turn_id.to_owned());
        self.by_turn.insert(turn_id.to_owned(), index);
        for handle in &self.slots[index].handles {
            self.effects.wakers.extend(self.handles[*handle].queue.listeners().take());
        }
    }

    /// Gives an event of one of a goal's turns to the handles, under the id of the first.
    pub(super) fn deliver_of_goal(
        &mut self,
        now: Instant,
        index: usize,
        method: Method,
        notification: &Notification<'_>,
    ) {
        let name = Renamed::of(&self.slots[index], notification);
        let renamed = name.put_into(notification);
        match method.kind {
            EventKind::TurnStarted => self.goal_step_begun(now, index, method, &renamed),
            EventKind::TurnCompleted => self.goal_step_over(now, index, &renamed),
            _ => self.deliver(now, index, method, &renamed),
        }
    }

    fn goal_step_begun(&mut self, now: Instant, index: usize, method: Method, renamed: &Notification<'_>) {
        let slot = &mut self.slots[index];
        if let Some(goal) = &mut slot.goal {
            goal.step = Step::Underway;
        }
        if slot.seen == Seen::Nothing {
            return self.deliver(now, index, method, renamed);
        }
        slot.clock.progress(now);
        slot.collector.step(member(renamed.params, "turn").unwrap_or_default());
        self.interrupt_slot(index);
    }

    fn goal_step_over(&mut self, now: Instant, index: usize, renamed: &Notification<'_>) {
        let slot = &mut self.slots[index];
        slot.clock.progress(now);
        slot.collector.step(member(renamed.params, "turn").unwrap_or_default());
        if let Some(goal) = &mut slot.goal {
            goal.step = Step::Between;
            goal.last = Some(renamed.params.to_owned());
        }
        self.cancel_questions_of(index);
        self.end_goal_if_over(now, index);
    }

    /// A goal is over when nothing pursues it and no turn of it runs.
    fn end_goal_if_over(&mut self, now: Instant, index: usize) {
        let slot = &mut self.slots[index];
        let Some(goal) = slot.goal.as_mut().filter(|goal| goal.step == Step::Between) else { return };
        if !matches!(goal.pursuit, Pursuit::Paused | Pursuit::Over) {
            return;
        }
        let was_interrupted = goal.pursuit == Pursuit::Paused && slot.interrupt.is_some();
        let Some(last) = goal.last.take() else { return self.end_goal_that_never_began(now, index) };
        if was_interrupted {
            slot.collector.set_interrupted();
        }
        let turn = slot.collector.whole(member(&last, "turn").unwrap_or_default());
        let params = Object::new().with_string("threadId", &slot.thread_id).with_raw("turn", turn).to_json();
        let ids =
            Ids { thread: slot.thread_id.to_string().into(), turn: slot.turn_id().to_owned().into(), ..Ids::default() };
        let method = "turn/completed";
        let told = Notification { method: method.into(), params: &params, emitted_at_ms: 0, ids, delta: None };
        self.fan_out(index, Method::of(method), &told);
        self.turn_reported(now, index);
    }

    /// It was interrupted, or somebody else gave it up, before its first turn.
    fn end_goal_that_never_began(&mut self, now: Instant, index: usize) {
        let slot = &self.slots[index];
        if !matches!(slot.phase, SlotPhase::Starting { .. }) {
            return;
        }
        let paused =
            || Error::invalid_argument("the goal was given up before its first turn").with_reason("goalGivenUp");
        let error = slot.interrupt.map_or_else(paused, |interrupt| interrupt.error(&slot.limits));
        self.fail_start(now, index, error);
    }

    /// Has the runtime begin no further turn for the goal of a slot.
    pub(super) fn pause_goal(&mut self, index: usize, deadline: Option<CallDeadline>) {
        let thread_id = &self.slots[index].thread_id;
        let params = Object::new().with_string("threadId", thread_id).with_string("status", "paused");
        self.peer.call(method::THREAD_GOAL_SET, &params.to_json(), deadline, Purpose::Nobody);
        self.wake_driver();
    }

    /// The id under which the runtime knows the turn of a handle now; "" when it is over.
    pub fn running_turn_id(&self, handle: HandleId) -> &str {
        match self.handles[handle].state {
            HandleState::Live(index) => self.slots[index].running_id(),
            HandleState::Ended(_) => "",
        }
    }

    /// Whether a handle follows a goal.
    pub fn pursues_goal(&self, handle: HandleId) -> bool {
        match self.handles[handle].state {
            HandleState::Live(index) => self.slots[index].goal.is_some(),
            HandleState::Ended(_) => false,
        }
    }
}

fn pursuit_of(params: &str) -> Pursuit {
    let status = member(params, "goal").and_then(|goal| member(goal, "status")).and_then(string);
    match status.as_deref() {
        Some("active") => Pursuit::Active,
        Some("paused") => Pursuit::Paused,
        _ => Pursuit::Over,
    }
}
