//! What is to be done at a certain time.

use std::cmp::Reverse;
use std::time::Instant;

use super::Session;
use super::purpose::expiry;
use super::questions::QuestionId;
use super::slots::SlotRef;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    Turn(SlotRef),
    Adoption(SlotRef),
    Question(QuestionId),
}

impl Session {
    /// Does what is due at `now`.
    pub fn tick(&mut self, now: Instant) {
        for expired in self.peer.tick(now) {
            let error = self.blocked().unwrap_or_else(|| expiry(&expired));
            self.complete(now, expired.purpose, Err(error));
        }
        while let Some(Reverse((at, timer))) = self.timers.peek().copied() {
            if at > now {
                break;
            }
            self.timers.pop();
            match timer {
                Timer::Turn(slot) => self.check_turn(now, slot),
                Timer::Adoption(slot) => self.check_adoption(now, slot),
                Timer::Question(question) => self.check_question(now, question),
            }
        }
    }

    /// When [`Session::tick`] has something to do next.
    pub fn next_deadline(&self) -> Option<Instant> {
        let timer = self.timers.peek().map(|Reverse((at, _))| *at);
        [timer, self.peer.next_deadline()].into_iter().flatten().min()
    }

    /// Has `timer` looked at when the time has come; a driver that sleeps longer is woken.
    pub(super) fn arm(&mut self, at: Instant, timer: Timer) {
        self.forget_stale_timers();
        let is_first = self.timers.peek().is_none_or(|Reverse((first, _))| at < *first);
        self.timers.push(Reverse((at, timer)));
        if is_first {
            self.wake_driver();
        }
    }

    /// A timer outlives what it was set for, by up to ten minutes. Many short turns must not leave a heap of them.
    fn forget_stale_timers(&mut self) {
        let live = self.slots.len() + self.questions.len();
        if self.timers.len() < 64 + 8 * live {
            return;
        }
        let Self { timers, slots, questions, .. } = self;
        timers.retain(|Reverse((_, timer))| match timer {
            Timer::Turn(slot) | Timer::Adoption(slot) => {
                slots.get(slot.index).is_some_and(|known| known.serial == slot.serial)
            }
            Timer::Question(id) => questions.is_open(*id),
        });
    }
}
