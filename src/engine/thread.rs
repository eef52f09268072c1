//! A thread: a conversation, on which turns run.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::client::{Client, Timeout, call, parse_params};
use super::connection::{Anchor, Connection};
use super::error::{Error, Result, Status};
use super::json::{Object, member, quote, string};
use super::limits::Limits;
use super::policy;
use super::text::ZString;

/// One thread of a client.
#[derive(Debug)]
pub struct Thread {
    anchor: Arc<Anchor>,
    id: ZString,
    info: ZString,
    limits: Limits,
    user_data: AtomicUsize,
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
        Self::open(client, "thread/start", parse_params(params)?)
    }

    /// Goes on with a thread that the runtime has stored.
    pub fn resume(client: &Client, thread_id: &str, params: Option<&str>) -> Result<Self> {
        check_id(thread_id)?;
        let mut params = parse_params(params)?;
        params.set_string("threadId", thread_id);
        Self::open(client, "thread/resume", params)
    }

    /// A thread that the runtime has loaded already; nothing is asked of the runtime.
    pub fn from_id(client: &Client, thread_id: &str) -> Result<Self> {
        check_id(thread_id)?;
        client.connection().session()?.ensure_open()?;
        Ok(Self::new(client, thread_id, "{}".to_owned(), Limits::default()))
    }

    fn open(client: &Client, method: &str, mut params: Object) -> Result<Self> {
        let limits = policy::take_limits(&mut params, Limits::default())?;
        policy::translate_for_thread(&mut params)?;
        let info = call(client.connection(), method, &params.to_json(), Timeout::Default)?;
        let id = member(&info, "thread").and_then(|thread| member(thread, "id")).and_then(string).unwrap_or_default();
        if id.is_empty() {
            let message = format!("the runtime answered {method} without the id of a thread: {info}");
            return Err(Error::new(Status::Protocol, message));
        }
        Ok(Self::new(client, &id, info, limits))
    }

    fn new(client: &Client, id: &str, info: String, limits: Limits) -> Self {
        let anchor = Arc::clone(client.anchor());
        Self { anchor, id: ZString::new(id), info: info.into(), limits, user_data: AtomicUsize::new(0) }
    }

    /// What keeps the connection.
    pub fn anchor(&self) -> &Arc<Anchor> {
        &self.anchor
    }

    /// The connection.
    pub fn connection(&self) -> &Arc<Connection> {
        self.anchor.connection()
    }

    /// Its id.
    pub fn id(&self) -> &ZString {
        &self.id
    }

    /// What the runtime answered when it was opened; `{}` when nothing was asked.
    pub fn info(&self) -> &ZString {
        &self.info
    }

    /// The limits of turns that have none of their own.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// The pointer that turns started from now on inherit.
    pub fn set_user_data(&self, user_data: usize) {
        self.user_data.store(user_data, Ordering::Release);
    }

    /// The pointer that turns inherit.
    pub fn user_data(&self) -> usize {
        self.user_data.load(Ordering::Acquire)
    }

    /// What the runtime knows of it, as JSON.
    pub fn read(&self, turns: Turns) -> Result<String> {
        let include = turns == Turns::Included;
        self.call("thread/read", &format!("{{\"threadId\":{},\"includeTurns\":{include}}}", quote(self.id.as_str())))
    }

    /// Gives it a name.
    pub fn set_name(&self, name: &str) -> Result<()> {
        let params = format!("{{\"threadId\":{},\"name\":{}}}", quote(self.id.as_str()), quote(name));
        self.call("thread/name/set", &params).map(drop)
    }

    pub(super) fn call(&self, method: &str, params: &str) -> Result<String> {
        call(self.connection(), method, params, Timeout::Default)
    }
}

fn check_id(thread_id: &str) -> Result<()> {
    if thread_id.is_empty() {
        return Err(Error::invalid_argument(
            "the thread id is empty; use the one of codex_thread_id or of thread/list",
        ));
    }
    Ok(())
}
