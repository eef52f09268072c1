//! Moves messages between the transport and the session, and tells the session the time.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::time::Sleep;

use super::Connection;
use crate::engine::error::{CONNECTION_LOST, Error, Status, last_words};
use crate::engine::session::{Lines, Outlook, Parting, Reading, Session};
use crate::engine::transport::{Direction, Ending, Filled, Incoming, Tap, Transport};

/// How long a runtime that closed its output may take to end.
const LOST_PATIENCE: Duration = Duration::from_secs(2);

/// How long the last words to a runtime that is to end may take.
const FAREWELL: Duration = Duration::from_millis(500);

/// How often all that there is is read before somebody else gets a turn: each time more may have come meanwhile.
const READS: usize = 16;

/// How many bytes are enough before that: what whoever waits has not seen yet lies in memory.
const ENOUGH: usize = 64 << 10;

/// How many messages are handed out before a caller of the host gets the state that asks for it: he waits for microseconds.
const AT_ONCE: usize = 64;

/// The task that drives one connection until it is over.
pub struct Driver {
    connection: Arc<Connection>,
    transport: Box<dyn Transport>,
    tap: Tap,
    stage: Stage,
    /// The message that is being sent.
    outgoing: Option<String>,
    timer: Pin<Box<Sleep>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Running,
    /// The host closed the client; what is to be said is still said until then.
    Farewell(Instant),
    /// Nothing is sent any more; what still comes is read.
    Ending,
    /// Nothing comes any more either.
    Drained,
}

impl Driver {
    /// Drives `connection` over `transport`. Must be made inside the runtime that will run it.
    pub fn new(connection: Arc<Connection>, transport: Box<dyn Transport>, tap: Tap) -> Self {
        let timer = Box::pin(tokio::time::sleep(Duration::ZERO));
        Self { connection, transport, tap, stage: Stage::Running, outgoing: None, timer }
    }

    fn step(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let now = self.connection.now();
        let Outlook { lines, reading, parting } = self.connection.own_session().look_around(now);
        if lines == Lines::Some || self.outgoing.is_some() {
            self.send(cx, now);
        }
        if reading == Reading::Allowed {
            self.receive(cx, now);
        }
        self.part(now, parting);
        if let Poll::Ready(ending) = self.transport.poll_ended(cx, now) {
            self.finish(now, ending);
            return Poll::Ready(());
        }
        self.sleep(cx);
        Poll::Pending
    }

    fn send(&mut self, cx: &mut Context<'_>, now: Instant) {
        if matches!(self.stage, Stage::Ending | Stage::Drained) {
            return;
        }
        self.send_lines(cx, now);
        self.flush();
    }

    fn send_lines(&mut self, cx: &mut Context<'_>, now: Instant) {
        loop {
            if self.outgoing.is_none() {
                self.outgoing = self.connection.own_session().next_line();
            }
            let Some(line) = &self.outgoing else { return };
            match self.transport.poll_send(cx, line) {
                Poll::Pending => return,
                Poll::Ready(Ok(())) => self.tap.pass(now, Direction::Sent, line.as_bytes()),
                // The runtime is gone, or going: how it ended is told when it has.
                Poll::Ready(Err(_)) => {}
            }
            self.outgoing = None;
        }
    }

    fn receive(&mut self, cx: &mut Context<'_>, now: Instant) {
        if self.stage == Stage::Drained {
            return;
        }
        let mut received = 0;
        for _ in 0..READS {
            let Poll::Ready(filled) = self.transport.poll_fill(cx) else { return };
            if filled == Filled::End {
                return self.end(now, Stage::Drained, LOST_PATIENCE);
            }
            received += self.deliver(now);
            if filled == Filled::Some || received >= ENOUGH {
                break;
            }
        }
        // Whoever waits gets its turn before more is read.
        cx.waker().wake_by_ref();
    }

    /// Hands over what was received; returns how many bytes that was.
    fn deliver(&mut self, now: Instant) -> usize {
        let Self { connection, transport, tap, .. } = self;
        let mut session = connection.own_session();
        let (mut at_once, mut bytes) = (0, 0);
        transport.take_messages(&mut |incoming| {
            at_once += 1;
            if at_once > AT_ONCE && session.is_wanted() {
                flush(tap, &mut session);
                session.give_way();
                at_once = 0;
            }
            match incoming {
                Incoming::Message(line) => {
                    bytes += line.len();
                    tap.pass(now, Direction::Received, line);
                    session.receive(now, line);
                }
                Incoming::Oversized { head, tail, len } => {
                    tap.pass_oversized(now, head, len);
                    session.receive_oversized(now, head, tail, len);
                }
            }
        });
        flush(tap, &mut session);
        bytes
    }

    fn flush(&mut self) {
        if let Err(why) = self.tap.flush() {
            self.connection.own_session().recording_failed(&why);
        }
    }

    fn part(&mut self, now: Instant, parting: Option<Parting>) {
        match (parting, self.stage) {
            (Some(Parting::Closed), _) => self.say_goodbye(now),
            (Some(Parting::AtOnce), Stage::Running | Stage::Farewell(_)) => {
                self.end(now, Stage::Ending, Duration::ZERO);
            }
            _ => {}
        }
    }

    /// The host has closed the client; with less patience than before, perhaps, when it does so once more.
    fn say_goodbye(&mut self, now: Instant) {
        let patience = self.connection.patience();
        if self.stage == Stage::Running {
            self.tap.closed(now);
            self.stage = Stage::Farewell(now + FAREWELL.min(patience));
        }
        self.transport.end(now, patience);
        if matches!(self.stage, Stage::Farewell(until) if self.has_said_all() || now >= until) {
            self.end(now, Stage::Ending, patience);
        }
    }

    fn has_said_all(&self) -> bool {
        self.outgoing.is_none() && !self.connection.own_session().has_lines()
    }

    fn end(&mut self, now: Instant, stage: Stage, patience: Duration) {
        self.transport.end(now, patience);
        self.transport.finish_sending();
        self.stage = stage;
    }

    fn finish(&mut self, now: Instant, ending: Ending) {
        self.read_the_rest(now);
        self.tap.ended(now, &ending);
        self.flush();
        // Whoever hears of the end may record anew in the same file.
        self.tap = Tap::default();
        self.connection.own_session().lost(now, lost_error(ending));
        self.connection.finish();
    }

    /// The process is gone, but what it wrote before may still be in the pipe.
    fn read_the_rest(&mut self, now: Instant) {
        if self.stage == Stage::Drained {
            return;
        }
        while self.transport.fill_rest() != Filled::End {
            self.deliver(now);
        }
    }

    /// Sleeps until the transport, the session or the clock has something to do.
    fn sleep(&mut self, cx: &mut Context<'_>) {
        let asleep = self.connection.own_session().driver_sleeps(cx.waker());
        let Some(session) = asleep else {
            return cx.waker().wake_by_ref();
        };
        let farewell = match self.stage {
            Stage::Farewell(until) => Some(until),
            _ => None,
        };
        let Some(at) = [session, farewell, self.transport.next_deadline()].into_iter().flatten().min() else { return };
        let at = tokio::time::Instant::from_std(at);
        if self.timer.deadline() != at {
            self.timer.as_mut().reset(at);
        }
        if self.timer.as_mut().poll(cx).is_ready() {
            cx.waker().wake_by_ref();
        }
    }
}

impl Future for Driver {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.step(cx)
    }
}

/// Before anybody is woken: whoever sees what came may end the process.
fn flush(tap: &mut Tap, session: &mut Session) {
    if let Err(why) = tap.flush() {
        session.recording_failed(&why);
    }
}

fn lost_error(ending: Ending) -> Error {
    if let Some(cause) = ending.cause {
        return cause;
    }
    let how = ending.exit_status.as_deref().unwrap_or("the connection was closed");
    let last_words = last_words(ending.stderr_tail.as_deref());
    let message = format!("the runtime ended ({how}); connect a new client, then resume the thread{last_words}");
    Error::new(Status::Transport, message)
        .with_reason(CONNECTION_LOST)
        .with_exit_status(ending.exit_status)
        .with_stderr_tail(ending.stderr_tail)
}
