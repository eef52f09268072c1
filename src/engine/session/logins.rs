//! Logins that were begun, and how they ended.

use std::collections::VecDeque;

use slab::Slab;

use super::Session;
use crate::engine::error::{Error, Result, Status};
use crate::engine::json::{member, string};
use crate::engine::listeners::Listeners;
use crate::engine::rpc::Notification;

/// How many ends of logins that nobody knows are kept.
const MOST_EARLY: usize = 64;

/// What these ends may occupy together, unless one alone is longer.
const MOST_EARLY_BYTES: usize = 64 << 10;

/// Identifies a login for as long as the host holds it.
pub type LoginKey = usize;

#[derive(Debug, Default)]
pub(super) struct Logins {
    logins: Slab<Login>,
    /// How many the runtime has not named yet.
    unnamed: usize,
    /// Ends of logins that nobody knows, while one is unnamed.
    early: VecDeque<(String, Result<()>)>,
}

#[derive(Debug)]
struct Login {
    id: String,
    end: Option<Result<()>>,
    listeners: Listeners,
}

impl Logins {
    fn are_idle(&self) -> bool {
        self.logins.is_empty() && self.unnamed == 0
    }

    /// The oldest go first.
    fn keep_early(&mut self, id: String, end: Result<()>) {
        self.early.push_back((id, end));
        while self.early.len() > MOST_EARLY || (self.early.len() > 1 && self.early_bytes() > MOST_EARLY_BYTES) {
            self.early.pop_front();
        }
    }

    pub(super) fn early_bytes(&self) -> usize {
        let reason = |end: &Result<()>| end.as_ref().err().map_or(0, |error| error.message().len());
        self.early.iter().map(|(id, end)| id.len() + reason(end)).sum()
    }

    pub(super) fn listeners(&mut self, login: LoginKey) -> &mut Listeners {
        &mut self.logins[login].listeners
    }
}

impl Session {
    /// A login is about to begin: [`Session::name_login`] or [`Session::forget_login`] must follow.
    pub fn expect_login(&mut self) {
        self.logins.unnamed += 1;
    }

    /// The login that was expected has its id.
    pub fn name_login(&mut self, id: &str) -> LoginKey {
        let early = self.logins.early.iter().find(|(ended, _)| ended == id).map(|(_, end)| end.clone());
        // Whoever asked has found the connection open; it may have ended since.
        let end = early.or_else(|| self.ensure_open().err().map(Err));
        self.forget_login();
        self.logins.logins.insert(Login { id: id.to_owned(), end, listeners: Listeners::default() })
    }

    /// The login that was expected did not begin.
    pub fn forget_login(&mut self) {
        self.logins.unnamed -= 1;
        if self.logins.unnamed == 0 {
            self.logins.early.clear();
        }
    }

    /// Takes notice when a login has ended.
    pub(super) fn watch_logins(&mut self, notification: &Notification<'_>) {
        if self.logins.are_idle() || notification.method != "account/login/completed" {
            return;
        }
        let Some(id) = member(notification.params, "loginId").and_then(string) else { return };
        let end = end_of(notification.params);
        match self.logins.logins.iter().find(|(_, login)| login.id == id) {
            Some((key, _)) => self.end_login(key, end),
            None if self.logins.unnamed > 0 => self.logins.keep_early(id, end),
            None => {}
        }
    }

    /// A login has ended; the first end counts.
    fn end_login(&mut self, key: LoginKey, end: Result<()>) {
        let login = &mut self.logins.logins[key];
        login.end.get_or_insert(end);
        self.effects.wakers.extend(login.listeners.take());
    }

    /// The runtime has given a login up because it was asked to.
    pub fn login_cancelled(&mut self, key: LoginKey) {
        self.end_login(key, Err(cancelled("Login was not completed")));
    }

    pub(super) fn end_logins(&mut self, error: &Error) {
        let keys: Vec<LoginKey> = self.logins.logins.iter().map(|(key, _)| key).collect();
        for key in keys {
            self.end_login(key, Err(error.clone()));
        }
    }

    /// How a login ended; `None` while it goes on.
    pub fn login_ended(&self, key: LoginKey) -> Option<Result<()>> {
        self.logins.logins[key].end.clone()
    }

    /// The host lets go of a login. It goes on.
    pub fn free_login(&mut self, key: LoginKey) {
        self.logins.logins.remove(key);
    }
}

fn end_of(params: &str) -> Result<()> {
    if member(params, "success") == Some("true") {
        return Ok(());
    }
    let why = member(params, "error").and_then(string).unwrap_or_else(|| "the runtime gave no reason".to_owned());
    // What the runtime says of an attempt that was cancelled, or that another one took the place of.
    if why.ends_with("Login cancelled") || why.ends_with("Login was not completed") {
        return Err(cancelled(&why));
    }
    Err(Error::new(Status::Auth, format!("the login failed: {why}")).with_reason("loginFailed"))
}

fn cancelled(why: &str) -> Error {
    let message = format!("the login was cancelled, or another one took its place: {why}");
    Error::new(Status::Auth, message).with_reason("loginCancelled")
}
