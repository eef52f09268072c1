//! How many requests of the runtime may wait for an answer, and what they may occupy.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many requests may wait at once: more than a host could answer, and few enough to hold.
pub(super) const MOST_REQUESTS: usize = 1024;

/// Counts the requests that the library holds.
#[derive(Debug, Default)]
pub(super) struct Room {
    taken: Arc<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    requests: AtomicUsize,
    bytes: AtomicUsize,
}

/// The place of one request: with its session until it is over, with its function until that is called. Whoever is the last to
/// drop it gives it back.
#[derive(Clone, Debug)]
pub struct Place(#[expect(dead_code, reason = "held, and dropped")] Arc<Occupied>);

#[derive(Debug)]
struct Occupied {
    taken: Arc<Taken>,
    bytes: usize,
}

impl Room {
    /// A place for a request of so many bytes; `None` when there are too many requests, or when all together would occupy more
    /// than `ceiling`. One alone may be of any size.
    pub(super) fn take(&self, bytes: usize, ceiling: usize) -> Option<Place> {
        let requests = self.requests();
        if requests >= MOST_REQUESTS || (requests > 0 && self.bytes() + bytes > ceiling) {
            return None;
        }
        self.taken.requests.fetch_add(1, Ordering::Relaxed);
        self.taken.bytes.fetch_add(bytes, Ordering::Relaxed);
        Some(Place(Arc::new(Occupied { taken: Arc::clone(&self.taken), bytes })))
    }

    pub(super) fn requests(&self) -> usize {
        self.taken.requests.load(Ordering::Relaxed)
    }

    pub(super) fn bytes(&self) -> usize {
        self.taken.bytes.load(Ordering::Relaxed)
    }
}

impl Drop for Occupied {
    fn drop(&mut self) {
        self.taken.requests.fetch_sub(1, Ordering::Relaxed);
        self.taken.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}
