//! Events that were read and freed, kept to be filled again: a stream in full flow allocates nothing.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::event::Event;
use super::method::Method;
use super::rpc::Notification;

/// How many events are kept: about as many as one read brings.
const MOST: usize = 512;

/// What an event may occupy to be kept.
const HEAVIEST: usize = 2 << 10;

/// A box is what a reader holds; out of it and into another one, an event would be copied.
type Boxes = Vec<Box<Event>>;

/// Where the events of one connection come back to, from whatever thread frees them.
#[derive(Debug, Default)]
pub struct Spares(Mutex<Boxes>);

impl Spares {
    /// Takes an event back that nobody needs any more.
    pub fn put(mut event: Box<Event>) {
        event.clear();
        let Some(home) = event.leave_home().filter(|_| event.weight() <= HEAVIEST) else { return };
        let mut spare = home.events();
        if spare.len() < MOST {
            spare.push(event);
        }
    }

    fn events(&self) -> MutexGuard<'_, Boxes> {
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
            std::mem::swap(&mut *self.home.events(), &mut self.blank);
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
    use crate::engine::rpc::{Envelope, Notification};

    const LINE: &str =
        r#"{"method":"item/agentMessage/delta","params":{"threadId":"t","turnId":"u","itemId":"i","delta":"x"}}"#;

    fn notification() -> Notification<'static> {
        match Envelope::read(LINE) {
            Ok(Envelope::Notification(notification)) => notification,
            other => panic!("{other:?}"),
        }
    }

    fn make(maker: &mut EventMaker) -> Box<Event> {
        let notification = notification();
        maker.make(Method::of(&notification.method), &notification)
    }

    #[test]
    fn an_event_that_came_back_is_filled_again() {
        let mut maker = EventMaker::default();
        let event = make(&mut maker);
        let address = std::ptr::from_ref(&*event);
        event.value();
        Spares::put(event);
        let again = make(&mut maker);
        assert_eq!(std::ptr::from_ref(&*again), address);
        assert_eq!((again.text(), again.item_id(), again.merged()), (&b"x\0"[..], &b"i\0"[..], 1));
    }

    #[test]
    fn no_more_are_kept_than_a_read_brings_and_no_large_ones() {
        let mut maker = EventMaker::default();
        let events: Vec<_> = (0..=MOST).map(|_| make(&mut maker)).collect();
        events.into_iter().for_each(Spares::put);
        make(&mut maker);
        assert_eq!(maker.blank.len(), MOST - 1);
        maker.blank.clear();
        let mut large = make(&mut maker);
        let text = format!("\"{}\"", "x".repeat(HEAVIEST));
        assert!(
            large.absorb(Method::of("item/agentMessage/delta"), &Notification { delta: Some(&text), ..notification() })
        );
        Spares::put(large);
        assert!(maker.home.events().is_empty());
    }

    #[test]
    fn an_event_may_outlive_its_connection() {
        let mut maker = EventMaker::default();
        let event = make(&mut maker);
        let home = Arc::downgrade(&maker.home);
        drop(maker);
        Spares::put(event);
        assert_eq!(home.strong_count(), 0);
    }
}
