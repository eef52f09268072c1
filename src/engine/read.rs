//! Reading of events, by whoever waits for the next one.

use std::sync::Arc;

use super::connection::{Connection, Deadline};
use super::error::Result;
use super::event::{Event, EventKind};
use super::queue::Next;
use super::request::Request;
use super::session::{Interest, Session};

/// What a reader of events finds.
#[derive(Debug)]
pub enum Read {
    /// An event.
    Event(Box<Event>),
    /// Nothing within the time given, or the reader was woken.
    TimedOut,
    /// Nothing will come any more.
    End,
}

/// Waits until `take` finds something in the queue of `interest`. An event brings along the request that it tells of.
pub(super) fn read(
    connection: &Arc<Connection>,
    interest: Interest,
    deadline: Deadline,
    mut take: impl FnMut(&mut Session) -> Next,
) -> Result<Read> {
    let next = connection.wait(interest, deadline, |session| match take(session) {
        Next::Empty => None,
        found => Some(found),
    })?;
    Ok(match next {
        Some(Next::Event(event)) => {
            if event.kind() == EventKind::Request {
                attach_request(connection, &event)?;
            }
            Read::Event(event)
        }
        Some(Next::End) => Read::End,
        Some(Next::Woken | Next::Empty) | None => Read::TimedOut,
    })
}

fn attach_request(connection: &Arc<Connection>, event: &Event) -> Result<()> {
    let question = connection.session()?.take_question(connection.now(), event.request_id());
    if let Some(snapshot) = question {
        event.attach_request(Request::new(Arc::clone(connection), snapshot));
    }
    Ok(())
}
