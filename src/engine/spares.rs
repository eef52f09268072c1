//! Events that were read and freed, kept to be filled again: a stream in full flow allocates nothing.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::event::Event;
use super::method::Method;
use super::rpc::Notification;

/// What the events that are kept may occupy together: about as much as one read brings.
const MOST: usize = 256 << 10;

/// Where the events of one connection come back to, from whatever thread frees them.
#[derive(Debug, Default)]
pub struct Spares(Mutex<Shelf>);

/// A reader holds a box: in a plain list an event would have to be copied out of one and into another.
type Boxes = Vec<Box<Event>>;

#[derive(Debug, Default)]
struct Shelf {
    events: Boxes,
    bytes: usize,
}

impl Spares {
    /// Takes an event back that nobody needs any more.
    pub fn put(mut event: Box<Event>) {
        event.clear();
        let Some(home) = event.leave_home() else { return };
        let mut shelf = home.shelf();
        if shelf.bytes + event.weight() <= MOST {
            shelf.bytes += event.weight();
            shelf.events.push(event);
        }
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes the events of one connection, out of spare ones while there are any.
#[derive(Debug, Default)]
pub struct EventMaker {
    home: Arc<Spares>,
    /// Those that were taken from there, all at once.
    blank: Boxes,
}

impl EventMaker {
    /// The event of a notification.
    pub fn make(&mut self, method: Method, notification: &Notification<'_>) -> Box<Event> {
        if self.blank.is_empty() {
            let mut shelf = self.home.shelf();
            std::mem::swap(&mut shelf.events, &mut self.blank);
            shelf.bytes = 0;
        }
        let mut event = self.blank.pop().unwrap_or_default();
        event.fill(method, notification);
        event.set_home(Arc::clone(&self.home));
        event
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::rpc::Envelope;

    fn make(maker: &mut EventMaker, delta: &str) -> Box<Event> {
        let line = format!(r#"{{"method":"item/agentMessage/delta","params":{{"itemId":"i","delta":"{delta}"}}}}"#);
        let Ok(Envelope::Notification(notification)) = Envelope::read(&line) else { panic!("{line}") };
        maker.make(Method::of(&notification.method), &notification)
    }

    #[test]
    fn an_event_that_came_back_is_filled_again() {
        let mut maker = EventMaker::default();
        let event = make(&mut maker, "x");
        let address = std::ptr::from_ref(&*event);
        event.value();
        Spares::put(event);
        let again = make(&mut maker, "x");
        assert_eq!(std::ptr::from_ref(&*again), address);
        assert_eq!((again.text(), again.item_id(), again.merged()), (&b"x\0"[..], &b"i\0"[..], 1));
    }

    #[test]
    fn no_more_are_kept_than_a_read_brings() {
        let mut maker = EventMaker::default();
        let events: Vec<_> = (0..2000).map(|_| make(&mut maker, "x")).collect();
        let weight = events[0].weight();
        events.into_iter().for_each(Spares::put);
        make(&mut maker, "x");
        assert_eq!(maker.blank.len(), MOST / weight - 1);
    }

    #[test]
    fn an_event_that_is_too_large_is_not_kept() {
        let mut maker = EventMaker::default();
        Spares::put(make(&mut maker, &"x".repeat(MOST)));
        assert!(maker.home.shelf().events.is_empty());
    }

    #[test]
    fn an_event_may_outlive_its_connection() {
        let mut maker = EventMaker::default();
        let event = make(&mut maker, "x");
        let home = Arc::downgrade(&maker.home);
        drop(maker);
        Spares::put(event);
        assert_eq!(home.strong_count(), 0);
    }
}
