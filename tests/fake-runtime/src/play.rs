//! The player of scripts.

use std::collections::HashMap;
use std::io::{Write, stderr};
use std::process::{self, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use fake_runtime::{Action, ChildOutput, SpawnChild};
use serde_json::Value;

use crate::builtin;
use crate::context::{Context, Now};
use crate::stage::{Asked, Manners};
use crate::world::World;
use crate::{flood, pace, sys, turn};

const SCRIPT_STACK: usize = 256 * 1024;

const PADDING: &str = "$padding";

/// How much of a padded line is written at once.
const PIECE: usize = 64 * 1024;

/// Enough for the reader to take the first piece by itself.
const PIECES_APART: Duration = Duration::from_millis(30);

/// Where actions run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    /// The thread that takes the requests in order; it must not pause.
    Worker,
    /// A thread of their own.
    Own,
}

/// The actions of a script that are still to be played.
pub(crate) struct Play {
    actions: Arc<[Action]>,
    next: usize,
    context: Arc<Context>,
    waited: HashMap<String, u64>,
}

impl Play {
    pub(crate) fn new(actions: Arc<[Action]>, context: Arc<Context>) -> Self {
        Self { actions, next: 0, context, waited: HashMap::new() }
    }

    /// Plays the actions. At the first one that pauses, the worker leaves the rest to a new thread.
    pub(crate) fn run(mut self, world: &Arc<World>, lane: Lane) {
        let actions = Arc::clone(&self.actions);
        while let Some(action) = actions.get(self.next) {
            if lane == Lane::Worker && pauses(action) {
                return self.run_beside(world);
            }
            self.next += 1;
            self.perform(world, action);
        }
    }

    fn run_beside(self, world: &Arc<World>) {
        let world = Arc::clone(world);
        let builder = thread::Builder::new().stack_size(SCRIPT_STACK);
        let spawned = builder.spawn(move || self.run(&world, Lane::Own));
        spawned.expect("a thread for a script can be started");
    }

    fn perform(&mut self, world: &Arc<World>, action: &Action) {
        let context = Arc::clone(&self.context);
        let fill = |value: &Value| context.fill(value, Now::Replace);
        let fill_text = |text: &str| context.fill_text(text, Now::Replace);
        match action {
            Action::Reply(result) => world.stage().reply(&context, &fill(result)),
            Action::Error(error) => {
                let mut error = error.clone();
                error.message = fill_text(&error.message);
                error.data = error.data.as_ref().map(fill);
                world.stage().fail(&context, &error);
            }
            Action::Notify(method, params) => world.stage().out.notify(method, fill(params)),
            Action::Request(id, method, params) => {
                ask(world, &context, &fill(id), method, &fill(params));
            }
            Action::WaitAnswer(id) => world.arrivals.wait_for_answer(&fill(id)),
            Action::Raw(line) => {
                let line = fill_text(line) + "\n";
                world.stage().out.write(line.as_bytes());
            }
            Action::RawBytes(bytes) => {
                world.stage().out.write(bytes);
            }
            Action::RawSplit(line) => write_split(world, &(fill_text(line) + "\n")),
            Action::RawPadded(line, bytes) => write_padded(world, &(fill_text(line) + "\n"), *bytes),
            Action::SleepMs(ms) => thread::sleep(Duration::from_millis(*ms)),
            Action::Exit(code) => process::exit(*code),
            Action::Abort(_) => sys::kill_self(),
            Action::Stderr(text) => say(format!("{text}\n").as_bytes()),
            Action::StderrBytes(bytes) => say(bytes),
            Action::Silence(_) => world.stage().manners = Manners::Silent,
            Action::StopReading(_) => world.stop_reading.store(true, Ordering::SeqCst),
            Action::CloseStdout(_) => world.stage().out.close(),
            Action::CloseStderr(_) => sys::close_stderr(),
            Action::Stop(_) => sys::stop_self(),
            Action::Turn(plan) => {
                let plan = context.fill_turn(plan);
                turn::play(&mut world.stage(), &context, &plan);
            }
            Action::FinishTurn(finish) => {
                let plan = context.fill_turn(&finish.with);
                turn::finish_turns(&mut world.stage(), &context, finish.turns, &plan);
            }
            Action::Flood(flood) => flood::play(world, &context, flood),
            Action::Pace(pace) => pace::play(world, &context, pace),
            Action::Builtin(_) => {
                let user_agent = world.user_agent.as_deref();
                builtin::answer(&mut world.stage(), &context, user_agent);
            }
            Action::SpawnChild(child) => spawn(world, child),
            Action::WaitFor(method) => self.wait_for(world, method),
            Action::WaitEof(_) => world.arrivals.wait_for_eof(),
            Action::InBackground(actions) => {
                Self::new(actions[..].into(), context).run_beside(world);
            }
        }
    }

    fn wait_for(&mut self, world: &World, method: &str) {
        let after = self.waited.get(method).copied();
        let after = after.unwrap_or(self.context.arrival);
        let arrival = world.arrivals.wait_for_call(method, after);
        self.waited.insert(method.to_owned(), arrival);
    }
}

fn pauses(action: &Action) -> bool {
    matches!(
        action,
        Action::SleepMs(_)
            | Action::WaitAnswer(_)
            | Action::WaitFor(_)
            | Action::WaitEof(_)
            | Action::Flood(_)
            | Action::Pace(_)
    )
}

fn ask(world: &World, context: &Arc<Context>, id: &Value, method: &str, params: &Value) {
    world.arrivals.forget_answer(id);
    let mut stage = world.stage();
    stage.remember(Asked { id: id.clone(), method: method.to_owned(), context: Arc::clone(context) });
    stage.out.request(id, method, params);
}

/// Nobody else may write between the two pieces, so the stage is kept.
fn write_split(world: &World, line: &str) {
    let first = line.bytes().position(|byte| !byte.is_ascii());
    let (head, tail) = line.as_bytes().split_at(first.map_or(0, |first| first + 1));
    let mut stage = world.stage();
    stage.out.write(head);
    thread::sleep(PIECES_APART);
    stage.out.write(tail);
}

/// A long line is never in memory as a whole.
fn write_padded(world: &World, line: &str, bytes: usize) {
    let piece = [b'x'; PIECE];
    let (before, after) = line.split_once(PADDING).unwrap_or((line, ""));
    let mut stage = world.stage();
    stage.out.write(before.as_bytes());
    for written in (0..bytes).step_by(PIECE) {
        stage.out.write(&piece[..PIECE.min(bytes - written)]);
    }
    stage.out.write(after.as_bytes());
}

fn say(bytes: &[u8]) {
    // Nobody may be reading stderr any more, which is no reason to stop.
    let _ = stderr().write_all(bytes);
}

fn spawn(world: &World, child: &SpawnChild) {
    let Some((program, arguments)) = child.command.split_first() else {
        return say(b"fake-runtime: the action \"spawnChild\" has an empty command; name a program.\n");
    };
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null());
    if child.output == ChildOutput::Null {
        command.stdout(Stdio::null()).stderr(Stdio::null());
    }
    if child.new_session {
        sys::in_new_session(&mut command);
    }
    match command.spawn() {
        Ok(child) => world.record.line(format!("#child {}", child.id()).as_bytes()),
        Err(error) => say(format!("fake-runtime: the child \"{program}\" cannot be started: {error}.\n").as_bytes()),
    }
}
