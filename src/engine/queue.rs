//! A queue of events that one host reader empties.

use std::collections::VecDeque;

use super::event::Event;
use super::listeners::Listeners;

/// What a reader finds.
#[derive(Debug)]
pub enum Next {
    /// The oldest event.
    Event(Box<Event>),
    /// Somebody asked for the reader to be woken.
    Woken,
    /// Nothing will ever come again.
    End,
    /// Nothing now.
    Empty,
}

/// Events in order, with those who wait for the next one.
#[derive(Debug, Default)]
pub struct EventQueue {
    events: VecDeque<Box<Event>>,
    listeners: Listeners,
    bytes: usize,
    wake: Wake,
    end: End,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum Wake {
    #[default]
    None,
    Asked,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum End {
    #[default]
    Open,
    Ended,
}

impl EventQueue {
    /// Appends an event and returns its weight.
    pub fn push(&mut self, event: Box<Event>) -> usize {
        let weight = event.weight();
        self.events.push_back(event);
        self.bytes += weight;
        weight
    }

    /// Lets `change` work on the newest event, if there is one; returns how much heavier that made it.
    pub fn change_newest(&mut self, change: impl FnOnce(&mut Event)) -> usize {
        let Some(newest) = self.events.back_mut() else { return 0 };
        let before = newest.weight();
        change(newest);
        let more = newest.weight() - before;
        self.bytes += more;
        more
    }

    /// Takes the oldest event. A wake-up comes before the events that are there.
    pub fn pop(&mut self) -> Next {
        if self.wake == Wake::Asked {
            self.wake = Wake::None;
            return Next::Woken;
        }
        match self.events.pop_front() {
            Some(event) => {
                self.bytes -= event.weight();
                Next::Event(event)
            }
            None if self.end == End::Ended => Next::End,
            None => Next::Empty,
        }
    }

    /// Makes a reader that waits, or else the next one, find [`Next::Woken`].
    pub fn wake(&mut self) {
        self.wake = Wake::Asked;
    }

    /// Nothing is appended from now on.
    pub fn end(&mut self) {
        self.end = End::Ended;
    }

    /// Whether there is no event.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// How many events there are.
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Whether the next reader is to be woken.
    pub fn is_woken(&self) -> bool {
        self.wake == Wake::Asked
    }

    /// Whether nothing is appended any more.
    pub fn has_ended(&self) -> bool {
        self.end == End::Ended
    }

    /// Removes every event.
    pub fn clear(&mut self) -> VecDeque<Box<Event>> {
        self.bytes = 0;
        std::mem::take(&mut self.events)
    }

    /// Removes the oldest event that `expendable` allows to lose; tells which one it was, counted from the oldest.
    pub fn drop_oldest(&mut self, expendable: impl Fn(&Event) -> bool) -> Option<(usize, Box<Event>)> {
        let position = self.events.iter().position(|event| expendable(event))?;
        let event = self.events.remove(position)?;
        self.bytes -= event.weight();
        Some((position, event))
    }

    /// What the events occupy.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Those who wait for the next change.
    pub fn listeners(&mut self) -> &mut Listeners {
        &mut self.listeners
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::event::{EventKind, Parts};

    fn event(method: &str) -> Box<Event> {
        Event::new(EventKind::Other, Parts { method, json: "{}", ..Parts::default() })
    }

    #[test]
    fn events_come_out_in_order_and_their_weight_is_given_back() {
        let mut queue = EventQueue::default();
        let weight = queue.push(event("a")) + queue.push(event("b"));
        assert_eq!(queue.bytes(), weight);
        assert!(matches!(queue.pop(), Next::Event(event) if event.method() == b"a\0"));
        assert!(matches!(queue.pop(), Next::Event(event) if event.method() == b"b\0"));
        assert_eq!(queue.bytes(), 0);
        assert!(matches!(queue.pop(), Next::Empty));
    }

    #[test]
    fn a_wake_up_is_found_once_and_loses_no_event() {
        let mut queue = EventQueue::default();
        queue.push(event("a"));
        queue.wake();
        queue.wake();
        assert!(matches!(queue.pop(), Next::Woken));
        assert!(matches!(queue.pop(), Next::Event(_)));
    }

    #[test]
    fn the_end_comes_after_the_last_event_and_stays() {
        let mut queue = EventQueue::default();
        queue.push(event("a"));
        queue.end();
        assert!(matches!(queue.pop(), Next::Event(_)));
        assert!(matches!(queue.pop(), Next::End));
        assert!(matches!(queue.pop(), Next::End));
    }

    #[test]
    fn only_what_may_be_lost_is_dropped() {
        let mut queue = EventQueue::default();
        queue.push(event("keep"));
        queue.push(event("lose"));
        let (position, lost) = queue.drop_oldest(|event| event.method() == b"lose\0").unwrap();
        assert_eq!((position, lost.method()), (1, &b"lose\0"[..]));
        assert!(queue.drop_oldest(|event| event.method() == b"lose\0").is_none());
        assert!(matches!(queue.pop(), Next::Event(event) if event.method() == b"keep\0"));
    }
}
