//! From the start of the runtime to the first word of the host: who the runtime is, and what it means when it is not ready.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use once_cell::sync::OnceCell;

use super::purpose::Purpose;
use super::{Announce, Session, State};
use crate::engine::company::Company;
use crate::engine::compat::{self, RuntimeVersion};
use crate::engine::error::{CONNECTION_LOST, Error, Result, Status, last_words};
use crate::engine::event::{Event, EventKind, Parts};
use crate::engine::json::{Object, member, quote, string};
use crate::engine::method;
use crate::engine::rpc::CallId;
use crate::engine::text::ZString;

/// A program that prints this many lines which are no messages is not the runtime.
const NOT_A_RUNTIME: u64 = 20;

/// Who is at the other end.
#[derive(Clone, Debug)]
pub struct Introduced {
    /// Where it is, without anything secret.
    pub endpoint: String,
    /// Which program was started; `None` when it runs already.
    pub started: Option<Started>,
    /// Who else it serves.
    pub company: Company,
}

/// Which program was started.
#[derive(Clone, Debug)]
pub struct Started {
    /// The executable.
    pub program: PathBuf,
    /// The id of its process.
    pub pid: u32,
}

/// What is known of the runtime.
#[derive(Debug)]
pub(super) struct Runtime {
    introduced: Introduced,
    info: Arc<OnceCell<ZString>>,
    /// How long it may take to be ready.
    patience: Option<Duration>,
    /// `None` until it has told.
    version: Option<RuntimeVersion>,
}

impl Session {
    /// Introduces the client to the runtime; every other call waits for the answer. Gives where the runtime's own words will be.
    pub fn introduce(
        &mut self,
        now: Instant,
        introduced: Introduced,
        params: &str,
        patience: Option<Duration>,
        announce: Announce,
    ) -> Arc<OnceCell<ZString>> {
        if announce == Announce::Event {
            self.open_client_queue();
        }
        let deadline = patience.and_then(|patience| now.checked_add(patience));
        self.peer.call(method::INITIALIZE, params, deadline.map(Into::into), Purpose::Initialize);
        self.peer.hold();
        self.state = State::Connecting;
        let info = Arc::default();
        self.runtime = Some(Runtime { introduced, info: Arc::clone(&info), patience, version: None });
        self.wake_driver();
        info
    }

    pub(super) fn initialize_answered(&mut self, now: Instant, answer: Result<&str>) {
        let Some(runtime) = &mut self.runtime else { return };
        match answer.and_then(|answer| runtime_info(answer, &runtime.introduced)) {
            Ok(info) => {
                let version = member(&info, "version").and_then(string).unwrap_or_default();
                runtime.version = Some(RuntimeVersion::of(&version));
                runtime.info.get_or_init(|| ZString::new(&info));
                self.state = State::Open;
                self.fail_what_is_not_understood(now);
                self.peer.release(method::INITIALIZED);
                self.wake_driver();
                self.push_client_event(Event::new(EventKind::Connected, Parts { json: &info, ..Parts::default() }));
                self.effects.wakers.extend(self.state_listeners.take());
            }
            Err(error) => self.refuse_runtime(error),
        }
    }

    /// Fails a call that the runtime would not understand; one that has not told its version yet is asked later.
    pub(super) fn ensure_understood(&self, method: &str, params: &str) -> Result<()> {
        match self.runtime.as_ref().and_then(|runtime| runtime.version.as_ref()) {
            Some(version) => compat::check(version, method, params),
            None => Ok(()),
        }
    }

    /// Calls were made before it was known which runtime would answer them.
    fn fail_what_is_not_understood(&mut self, now: Instant) {
        let refusal = |(call, method, params): (CallId, &str, &str)| {
            self.ensure_understood(method, params).err().map(|error| (call, error))
        };
        let refused: Vec<(CallId, Error)> = self.peer.waiting().filter_map(refusal).collect();
        for (call, error) in refused {
            if let Some(given_up) = self.peer.abandon(call) {
                self.complete(now, given_up.purpose, Err(error));
            }
        }
    }

    /// What was started is not what was expected: it is ended, and then the connection is over with this error.
    fn refuse_runtime(&mut self, error: Error) {
        if matches!(self.state, State::Connecting) {
            self.state = State::Refused(self.not_ready(error));
            self.wake_driver();
        }
    }

    pub(super) fn check_is_runtime(&mut self) {
        let Some(line) = self.first_malformed.as_deref().filter(|_| self.stats.malformed >= NOT_A_RUNTIME) else {
            return;
        };
        let message = format!("it prints lines that are no messages of the protocol, the first of them: {line}");
        self.refuse_runtime(Error::new(Status::RuntimeStart, message).with_reason("notARuntime"));
    }

    /// Whether others may have turns of their own on this runtime.
    pub(super) fn is_shared(&self) -> bool {
        self.runtime.as_ref().is_some_and(|runtime| runtime.introduced.company == Company::Others)
    }

    /// Whether the runtime is ready; `None` until that is known.
    pub fn connected(&self) -> Option<Result<()>> {
        match &self.state {
            State::Connecting | State::Refused(_) => None,
            State::Open => Some(Ok(())),
            State::Closing => Some(Err(Error::closed())),
            State::Over(error) => Some(Err(error.clone())),
        }
    }

    /// Why the runtime was not ready, in the terms of somebody who wanted to connect.
    pub(super) fn not_ready(&self, error: Error) -> Error {
        match &self.runtime {
            Some(runtime) => runtime.not_ready(error),
            None => error,
        }
    }
}

impl Runtime {
    fn not_ready(&self, error: Error) -> Error {
        match (&self.introduced.started, error.status()) {
            (started, Status::TimedOut) => {
                let patience = self.patience.unwrap_or_default().as_millis();
                let (what, question) = match started {
                    Some(started) => (started.program.to_string_lossy(), "is it the Codex runtime?"),
                    None => (self.introduced.endpoint.as_str().into(), "is the Codex runtime behind it?"),
                };
                let message = format!("{what} did not answer within connect_timeout_ms ({patience}); {question}");
                error.reworded(Status::TimedOut, message)
            }
            (Some(started), _) => started.not_ready(error),
            (None, _) => self.introduced.not_ready(error),
        }
    }
}

impl Started {
    fn not_ready(&self, error: Error) -> Error {
        let program = self.program.display();
        match error.status() {
            Status::Transport => {
                let advice = error.stderr_tail().and_then(compat::advice_on_start);
                let advice = advice.map(|advice| format!("; {advice}")).unwrap_or_default();
                let how = error.exit_status().unwrap_or_else(|| error.message());
                let message =
                    format!("{program} ended before it was ready ({how}){}{advice}", last_words(error.stderr_tail()));
                error.reworded(Status::RuntimeStart, message)
            }
            Status::RuntimeStart => {
                let message = format!("{program} is not the Codex runtime: {}", error.message());
                error.reworded(Status::RuntimeStart, message)
            }
            _ => error,
        }
    }
}

impl Introduced {
    /// What runs already, or should.
    fn not_ready(&self, error: Error) -> Error {
        let endpoint = &self.endpoint;
        match error.status() {
            Status::Transport if error.reason() == CONNECTION_LOST => {
                let message = format!("{endpoint} was reached and not ready: {}", error.message());
                error.reworded(Status::Transport, message)
            }
            Status::RuntimeStart => {
                let message = format!("{endpoint} is not the Codex runtime: {}", error.message());
                error.reworded(Status::RuntimeStart, message)
            }
            _ => error,
        }
    }
}

/// Who the runtime is. Its name and version stand in `serverInfo`, or else in the user agent: `name/version (...)`.
fn runtime_info(answer: &str, introduced: &Introduced) -> Result<String> {
    let text = |object: Option<&str>, key: &str| {
        let found = object.and_then(|object| member(object, key)).and_then(string);
        found.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
    };
    let user_agent = text(Some(answer), "userAgent");
    let server = member(answer, "serverInfo");
    let (agent_name, agent_version) = user_agent.as_deref().and_then(name_and_version).unzip();
    let name = text(server, "name").or(agent_name);
    let version = text(server, "version").or(agent_version);
    let (Some(user_agent), Some(name), Some(version)) = (user_agent, name, version) else {
        let message = format!("the runtime does not say who it is: it answered initialize with {answer}");
        return Err(Error::new(Status::Protocol, message).with_reason("metadataMissing"));
    };
    let mut info = Object::new();
    info.set_string("name", &name);
    info.set_string("version", &version);
    info.set_string("userAgent", &user_agent);
    for key in ["codexHome", "platformFamily", "platformOs"] {
        info.set_raw(key, member(answer, key).unwrap_or("null"));
    }
    info.set_string("endpoint", &introduced.endpoint);
    let started = introduced.started.as_ref();
    info.set_raw("pid", started.map_or_else(|| "null".to_owned(), |started| started.pid.to_string()));
    let program = started.map_or_else(|| "null".to_owned(), |started| quote(&started.program.to_string_lossy()));
    info.set_raw("executable", program);
    Ok(info.to_json())
}

fn name_and_version(user_agent: &str) -> Option<(String, String)> {
    let (name, rest) = user_agent.split_once('/').or_else(|| user_agent.split_once(' '))?;
    let version = rest.split_whitespace().next()?;
    Some((name.trim().to_owned(), version.to_owned()))
}

#[cfg(test)]
impl Introduced {
    /// Somebody who runs already.
    pub(super) fn shared() -> Self {
        Self { endpoint: "ws://127.0.0.1:1".into(), started: None, company: Company::Others }
    }

    /// Somebody who was started.
    pub(super) fn started(program: &str, pid: u32) -> Self {
        Self {
            endpoint: "stdio:".into(),
            started: Some(Started { program: program.into(), pid }),
            company: Company::Nobody,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(answer: &str) -> Result<serde_json::Value> {
        runtime_info(answer, &Introduced::started("/bin/codex", 7)).map(|info| serde_json::from_str(&info).unwrap())
    }

    #[test]
    fn name_and_version_come_from_the_user_agent() {
        let known =
            info(r#"{"userAgent":"probe/0.169.0 (Debian 12.0.0; x86_64) xterm (probe; 0.1)","codexHome":"/h"}"#)
                .unwrap();
        assert_eq!((&known["name"], &known["version"]), (&"probe".into(), &"0.169.0".into()));
        assert_eq!((&known["codexHome"], &known["pid"]), (&"/h".into(), &7.into()));
        let short = info(r#"{"userAgent":"codex-cli/1.2.3"}"#).unwrap();
        assert_eq!((&short["name"], &short["version"]), (&"codex-cli".into(), &"1.2.3".into()));
        let server = info(r#"{"userAgent":"junk","serverInfo":{"name":"n","version":"v"}}"#).unwrap();
        assert_eq!((&server["name"], &server["version"]), (&"n".into(), &"v".into()));
    }

    #[test]
    fn a_runtime_that_ran_already_has_an_endpoint_and_no_process_of_ours() {
        let introduced = Introduced::shared();
        let info = runtime_info(r#"{"userAgent":"codex-cli/1.2.3"}"#, &introduced).unwrap();
        let info: serde_json::Value = serde_json::from_str(&info).unwrap();
        assert_eq!(info["endpoint"], "ws://127.0.0.1:1");
        assert!(info["pid"].is_null() && info["executable"].is_null(), "{info}");
    }

    #[test]
    fn a_runtime_that_does_not_say_who_it_is_is_refused() {
        for answer in ["{}", r#"{"userAgent":"  "}"#, r#"{"userAgent":"x"}"#] {
            assert_eq!(info(answer).unwrap_err().reason(), "metadataMissing");
        }
    }
}
