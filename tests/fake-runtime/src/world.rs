//! What all threads of the program share.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use fake_runtime::{Action, Calls, Script};

use crate::arrivals::Arrivals;
use crate::record::Record;
use crate::stage::Stage;

/// The hook in `main` ends the process when a thread panics, so that no lock is ever seen poisoned.
pub(crate) const NO_PANIC: &str = "a panic ends the process";

/// The lists of actions of a script, ready to be played from several threads.
pub(crate) struct Book(HashMap<String, Chapter>);

struct Chapter {
    lists: Vec<Arc<[Action]>>,
    next: AtomicUsize,
}

impl Book {
    fn new(calls: &BTreeMap<String, Calls>) -> Self {
        let chapter = |calls: &Calls| Chapter {
            lists: calls.lists().iter().map(|list| list[..].into()).collect(),
            next: AtomicUsize::new(0),
        };
        let chapters = calls.iter().map(|(method, calls)| (method.clone(), chapter(calls)));
        Self(chapters.collect())
    }

    /// The actions for the next call of `method`.
    pub(crate) fn next(&self, method: &str) -> Option<Arc<[Action]>> {
        let chapter = self.0.get(method)?;
        let call = chapter.next.fetch_add(1, Ordering::Relaxed);
        let list = chapter.lists.get(call).or(chapter.lists.last());
        list.cloned()
    }
}

/// What all threads of the program share.
pub(crate) struct World {
    pub(crate) on: Book,
    pub(crate) answers: Book,
    pub(crate) user_agent: Option<String>,
    pub(crate) arrivals: Arrivals,
    pub(crate) record: Record,
    pub(crate) stop_reading: AtomicBool,
    stage: Mutex<Stage>,
    waiting: AtomicUsize,
}

impl World {
    pub(crate) fn new(script: &Script, record: Record, stage: Stage) -> Self {
        Self {
            on: Book::new(&script.on),
            answers: Book::new(&script.answers),
            user_agent: script.user_agent.clone(),
            arrivals: Arrivals::default(),
            record,
            stop_reading: AtomicBool::new(false),
            stage: Mutex::new(stage),
            waiting: AtomicUsize::new(0),
        }
    }

    /// The stage, before anyone who asks with [`World::stage_after_others`].
    pub(crate) fn stage(&self) -> MutexGuard<'_, Stage> {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let stage = self.stage.lock().expect(NO_PANIC);
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        stage
    }

    /// The stage, when nobody else wants it. The lock is not fair, and whoever takes it in a tight
    /// loop would keep the others out.
    pub(crate) fn stage_after_others(&self) -> MutexGuard<'_, Stage> {
        while self.waiting.load(Ordering::SeqCst) > 0 {
            thread::sleep(Duration::from_micros(50));
        }
        self.stage.lock().expect(NO_PANIC)
    }
}
