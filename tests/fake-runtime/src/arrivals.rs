//! What came in, for the scripts that wait for it.

use std::collections::HashMap;
use std::sync::{Condvar, Mutex};

use serde_json::Value;

use crate::world::NO_PANIC;

/// Messages that came in so far.
#[derive(Default)]
pub(crate) struct Arrivals {
    seen: Mutex<Seen>,
    changed: Condvar,
}

#[derive(Default)]
struct Seen {
    calls: HashMap<String, Vec<u64>>,
    answered: Vec<Value>,
    input: Input,
}

#[derive(Default, PartialEq, Eq)]
enum Input {
    #[default]
    Open,
    Ended,
}

impl Arrivals {
    pub(crate) fn note_call(&self, method: &str, arrival: u64) {
        self.update(|seen| match seen.calls.get_mut(method) {
            Some(list) => list.push(arrival),
            None => {
                seen.calls.insert(method.to_owned(), vec![arrival]);
            }
        });
    }

    pub(crate) fn note_answer(&self, id: &Value) {
        self.update(|seen| seen.answered.push(id.clone()));
    }

    /// Nothing more will come.
    pub(crate) fn note_eof(&self) {
        self.update(|seen| seen.input = Input::Ended);
    }

    /// Forgets earlier answers to `id`, because it is asked again.
    pub(crate) fn forget_answer(&self, id: &Value) {
        self.update(|seen| seen.answered.retain(|answered| answered != id));
    }

    /// Waits for a call of `method` that came in after `arrival`, and returns its place.
    pub(crate) fn wait_for_call(&self, method: &str, arrival: u64) -> u64 {
        self.wait(|seen| {
            let places = seen.calls.get(method)?;
            let next = places.partition_point(|&place| place <= arrival);
            places.get(next).copied()
        })
    }

    /// Waits until the request `id` has been answered.
    pub(crate) fn wait_for_answer(&self, id: &Value) {
        self.wait(|seen| seen.answered.contains(id).then_some(()));
    }

    /// Waits until stdin has ended.
    pub(crate) fn wait_for_eof(&self) {
        self.wait(|seen| (seen.input == Input::Ended).then_some(()));
    }

    fn update(&self, change: impl FnOnce(&mut Seen)) {
        change(&mut self.seen.lock().expect(NO_PANIC));
        self.changed.notify_all();
    }

    fn wait<T>(&self, find: impl Fn(&Seen) -> Option<T>) -> T {
        let mut seen = self.seen.lock().expect(NO_PANIC);
        loop {
            if let Some(found) = find(&seen) {
                return found;
            }
            seen = self.changed.wait(seen).expect(NO_PANIC);
        }
    }
}
