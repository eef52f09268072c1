//! Watches the messages that go by, with secrets removed: for the host's trace callback, and for a recording.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use super::Ending;
use super::recorder::Recorder;
use super::recording::Parted;
use super::redactor::Redactor;
use crate::engine::callbacks::Callbacks;

/// Which way a message goes. The numbers are those of the C header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Direction {
    /// To the runtime.
    Sent = 0,
    /// From the runtime.
    Received = 1,
}

/// Takes a direction and a message.
pub type TraceSink = dyn Fn(Direction, &str) + Send + Sync;

/// Hands each message to whoever watches, if somebody does.
#[derive(Default)]
pub struct Tap {
    trace: Option<(Arc<TraceSink>, Arc<Callbacks>)>,
    recorder: Option<Recorder>,
    redactor: Redactor,
}

impl Tap {
    /// Messages go to the sink, on a thread of its callbacks; everything that happens goes into the recording.
    pub fn new(
        trace: Option<(Arc<TraceSink>, Arc<Callbacks>)>,
        recorder: Option<Recorder>,
        redactor: Redactor,
    ) -> Self {
        Self { trace, recorder, redactor }
    }

    /// A message goes by.
    pub fn pass(&mut self, now: Instant, direction: Direction, message: &[u8]) {
        if self.trace.is_none() && self.recorder.is_none() {
            return;
        }
        let message = self.redactor.clean(direction, &String::from_utf8_lossy(message));
        if let Some(recorder) = &mut self.recorder {
            recorder.message(now, direction, &message);
        }
        if let Some((sink, callbacks)) = &self.trace {
            let sink = Arc::clone(sink);
            callbacks.push(move || sink(direction, &message));
        }
    }

    /// A message of the runtime was too long.
    pub fn pass_oversized(&mut self, now: Instant, head: &[u8], len: u64) {
        let Some(recorder) = &mut self.recorder else { return };
        let begins = self.redactor.clean(Direction::Received, &String::from_utf8_lossy(head));
        recorder.skipped(now, len, &begins);
    }

    /// The host ends the connection.
    pub fn closed(&mut self, now: Instant) {
        if let Some(recorder) = &mut self.recorder {
            recorder.closed(now);
        }
    }

    /// The runtime is gone.
    pub fn ended(&mut self, now: Instant, ending: &Ending) {
        if let Some(recorder) = &mut self.recorder {
            let stderr_tail = ending.stderr_tail.as_deref().map(|text| self.redactor.clean_text(text));
            recorder.ended(now, Parted { exit_status: ending.exit_status.clone(), stderr_tail });
        }
    }

    /// Brings what went by into the recording, before the host sees it. A recording that fails is given up; `Err` says why.
    pub fn flush(&mut self) -> Result<(), String> {
        let Some(mut recorder) = self.recorder.take() else { return Ok(()) };
        match recorder.flush() {
            Ok(()) => {
                self.recorder = Some(recorder);
                Ok(())
            }
            Err(error) => Err(format!(
                "the recording in {} ends here, because it cannot be written: {error}; the connection goes on",
                recorder.path().display()
            )),
        }
    }
}

impl fmt::Debug for Tap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tap").field("traced", &self.trace.is_some()).field("recorder", &self.recorder).finish()
    }
}
