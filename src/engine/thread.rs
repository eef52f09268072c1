//! A thread: a conversation, on which turns run.

use std::sync::Arc;

use super::call::{Timeout, call};
use super::client::Client;
use super::connection::{Anchor, Connection, Deadline};
use super::error::{Error, Result};
use super::host_json::parse_params;
use super::json::{Object, member, string};
use super::limits::Limits;
use super::method;
use super::policy;
use super::session::{Announce, Interest, ThreadFacts, ThreadKey};
use super::text::ZString;
use super::tools;

/// One thread of a client.
#[derive(Debug)]
pub struct Thread {
    anchor: Arc<Anchor>,
    key: ThreadKey,
    facts: ThreadFacts,
    limits: Limits,
    unknown: ZString,
}

/// How a thread comes to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin<'a> {
    /// It is new.
    New,
    /// The runtime has stored it under this id.
    Stored(&'a str),
    /// It begins as a copy of the one with this id.
    Fork(&'a str),
}

/// Whether the turns of a thread are asked for too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turns {
    /// They are.
    Included,
    /// They are not.
    Excluded,
}

impl Thread {
    /// Starts a new thread.
    pub fn start(client: &Client, params: Option<&str>) -> Result<Self> {
        Self::open(client, Origin::New, params)
    }

    /// Goes on with a thread that the runtime has stored.
    pub fn resume(client: &Client, thread_id: &str, params: Option<&str>) -> Result<Self> {
        Self::open(client, Origin::Stored(thread_id), params)
    }

    /// Opens a thread and waits until the runtime has.
    pub fn open(client: &Client, origin: Origin<'_>, params: Option<&str>) -> Result<Self> {
        let _coming = client.connection().about_to_wait();
        let thread = Self::begin_as(client, origin, params, Announce::Nothing)?;
        thread.wait_open()?;
        Ok(thread)
    }

    /// Opens a thread without waiting; the client queue tells when it is ready, and turns begun before wait for it.
    pub fn begin(client: &Client, origin: Origin<'_>, params: Option<&str>) -> Result<Self> {
        Self::begin_as(client, origin, params, Announce::Event)
    }

    /// A thread that the runtime has loaded already; nothing is asked of the runtime.
    pub fn from_id(client: &Client, thread_id: &str) -> Result<Self> {
        check_id(thread_id)?;
        let (key, facts) = client.connection().session()?.known_thread(thread_id)?;
        Ok(Self::new(client, key, facts, client.connection().limits()))
    }

    fn begin_as(client: &Client, origin: Origin<'_>, params: Option<&str>, announce: Announce) -> Result<Self> {
        let mut params = parse_params(params)?;
        let limits = policy::take_limits(&mut params, client.connection().limits())?;
        match origin {
            Origin::New => client.tools()?.declare(&mut params)?,
            Origin::Stored(_) | Origin::Fork(_) => tools::refuse_choice(&mut params)?,
        }
        policy::translate_for_thread(&mut params)?;
        let (method, id) = match origin {
            Origin::New => (method::THREAD_START, None),
            Origin::Stored(id) => (method::THREAD_RESUME, Some(id)),
            Origin::Fork(id) => (method::THREAD_FORK, Some(id)),
        };
        if let Some(id) = id {
            check_id(id)?;
            params.set_string("threadId", id);
        }
        let now = client.connection().now();
        let mut session = client.connection().session()?;
        let deadline = session.default_deadline(now);
        let (key, facts) = session.open_thread(method, &params.to_json(), deadline, announce)?;
        drop(session);
        Ok(Self::new(client, key, facts, limits))
    }

    fn new(client: &Client, key: ThreadKey, facts: ThreadFacts, limits: Limits) -> Self {
        Self { anchor: Arc::clone(client.anchor()), key, facts, limits, unknown: ZString::default() }
    }

    /// Waits until it is open; `None` when the deadline passed first.
    pub fn wait(&self, deadline: Deadline) -> Result<Option<Result<()>>> {
        self.connection().wait(Interest::Thread(self.key), deadline, |session| session.thread_ready(self.key))
    }

    /// What keeps the connection.
    pub fn anchor(&self) -> &Arc<Anchor> {
        &self.anchor
    }

    /// The connection.
    pub fn connection(&self) -> &Arc<Connection> {
        self.anchor.connection()
    }

    /// What names it in the session.
    pub fn key(&self) -> ThreadKey {
        self.key
    }

    /// What is known of it.
    pub fn facts(&self) -> &ThreadFacts {
        &self.facts
    }

    /// Its id; "" until it is open.
    pub fn id(&self) -> &ZString {
        self.facts.id.get().unwrap_or(&self.unknown)
    }

    /// What the runtime answered when it was opened; "" until then, `{}` when nothing was asked.
    pub fn info(&self) -> &ZString {
        self.facts.info.get().unwrap_or(&self.unknown)
    }

    /// The limits of turns that have none of their own.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// The pointer that turns started from now on inherit.
    pub fn set_user_data(&self, user_data: usize) -> Result<()> {
        self.connection().session()?.set_thread_user_data(self.key, user_data);
        Ok(())
    }

    /// What the runtime knows of it, as JSON.
    pub fn read(&self, turns: Turns) -> Result<String> {
        let include = (turns == Turns::Included).to_string();
        self.call(method::THREAD_READ, &self.params()?.with_raw("includeTurns", include))
    }

    /// Gives it a name.
    pub fn set_name(&self, name: &str) -> Result<()> {
        self.call(method::THREAD_NAME_SET, &self.params()?.with_string("name", name)).map(drop)
    }

    /// Puts it away: it is listed apart, and goes on only when it is taken back.
    pub fn archive(&self) -> Result<()> {
        self.call_by_id(method::THREAD_ARCHIVE).map(drop)
    }

    /// Has the runtime forget it.
    pub fn delete(&self) -> Result<()> {
        self.call_by_id(method::THREAD_DELETE).map(drop)
    }

    /// Lets the runtime unload it: its turns are followed no more, until it is resumed.
    pub fn unsubscribe(&self) -> Result<()> {
        self.wait_open()?;
        self.connection().session()?.ensure_quiet(self.key)?;
        self.call_by_id(method::THREAD_UNSUBSCRIBE)?;
        self.connection().session()?.leave_thread(self.key);
        Ok(())
    }

    /// Makes way for a goal: nothing runs on it, and the runtime forgets the goal that it had.
    pub(super) fn make_way_for_goal(&self, objective: &str) -> Result<()> {
        if objective.trim().is_empty() {
            return Err(Error::invalid_argument("the objective of the goal is empty; say what is to be reached"));
        }
        let read = self.read(Turns::Excluded)?;
        let status = member(&read, "thread").and_then(|thread| member(thread, "status"));
        if status.and_then(|status| member(status, "type")).and_then(string).as_deref() == Some("active") {
            let message = "a turn runs on the thread: wait for its end, or interrupt it, before a goal is set";
            return Err(Error::invalid_argument(message).with_reason("turnRunning"));
        }
        self.call_by_id(method::THREAD_GOAL_CLEAR).map(drop)
    }

    /// Has its history compacted, in a turn that nobody here follows.
    pub fn compact(&self) -> Result<()> {
        self.call_by_id(method::THREAD_COMPACT_START).map(drop)
    }

    fn call_by_id(&self, method: &str) -> Result<String> {
        self.call(method, &self.params()?)
    }

    /// Waits until it is open, however that ends.
    pub fn wait_open(&self) -> Result<()> {
        self.wait(Deadline::Never)?.unwrap_or_else(|| Err(Error::closed()))
    }

    /// The parameters of a call about it; waits until it is open.
    fn params(&self) -> Result<Object> {
        self.wait_open()?;
        Ok(Object::new().with_string("threadId", self.id().as_str()))
    }

    fn call(&self, method: &str, params: &Object) -> Result<String> {
        call(self.connection(), method, &params.to_json(), Timeout::Default)
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        if let Ok(mut session) = self.connection().session() {
            session.free_thread(self.key);
        }
    }
}

/// A page of the threads that the runtime has stored, as JSON.
pub fn list(client: &Client, params: Option<&str>) -> Result<String> {
    client.call(method::THREAD_LIST, params, Timeout::Default)
}

/// Takes a thread back that was put away.
pub fn unarchive(client: &Client, thread_id: &str) -> Result<()> {
    check_id(thread_id)?;
    let params = Object::new().with_string("threadId", thread_id);
    call(client.connection(), method::THREAD_UNARCHIVE, &params.to_json(), Timeout::Default).map(drop)
}

fn check_id(thread_id: &str) -> Result<()> {
    if thread_id.is_empty() {
        return Err(Error::invalid_argument(
            "the thread id is empty; use the one of codex_thread_id or of thread/list",
        ));
    }
    Ok(())
}
