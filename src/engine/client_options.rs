//! What a client is made with.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::endpoint::{BearerToken, Endpoint};
use super::error::{Error, Result};
use super::json::is_secret_name;
use super::limits::Limits;
use super::log::{Level, LogSink};
use super::request::Request;
use super::session::{Asks, Config, Interrupts, Queues};
use super::transport::{Redactor, TraceSink};

/// Answers a request of the runtime, now or later.
pub type RequestHandler = dyn Fn(Request) + Send + Sync;

/// A message of the runtime may not be longer than this, whatever the option says.
const LONGEST_MESSAGE: usize = 2 << 30;

/// A host that wants to do more at once answers from threads of its own.
const MOST_CALLBACK_THREADS: usize = 256;

/// A request, or a connection, may take this long unless the options say otherwise.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);

/// Without these notifications a turn, a goal, a login or a request would not end, or a result would lack what was done.
const NEEDED: &[&str] = &[
    "turn/started",
    "turn/completed",
    "item/started",
    "item/completed",
    "thread/tokenUsage/updated",
    "thread/goal/updated",
    "thread/goal/cleared",
    "serverRequest/resolved",
    "account/login/completed",
    "error",
];

/// Whether the runtime gets the environment of this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inherit {
    /// It does.
    Environment,
    /// It gets the variables of the options only.
    Nothing,
}

/// Whether the experimental part of the protocol is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExperimentalApi {
    /// It is.
    Enabled,
    /// It is not.
    Disabled,
}

/// Where a client may go without encryption.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unencrypted {
    /// To this machine only.
    OnThisMachine,
    /// To every host.
    Anywhere,
}

/// How the client introduces itself.
#[derive(Clone, Debug)]
pub struct ClientInfo {
    /// A short word; the runtime sends it to the model's provider as the originator.
    pub name: String,
    /// A name for people.
    pub title: Option<String>,
    /// The version of the program.
    pub version: String,
}

/// Options of a client. They are copied when it connects.
#[derive(Clone)]
pub struct ClientOptions {
    /// Where the runtime is.
    pub endpoint: Endpoint,
    /// What a runtime behind a socket wants to see.
    pub bearer_token: Option<BearerToken>,
    /// Where the client may go without encryption.
    pub unencrypted: Unencrypted,
    /// The executable of the runtime.
    pub codex_path: Option<PathBuf>,
    /// A whole command line instead.
    pub command: Option<Vec<OsString>>,
    /// The directory of its configuration, login and sessions.
    pub codex_home: Option<OsString>,
    /// The directory that it starts in.
    pub cwd: Option<PathBuf>,
    /// Variables that are set, or unset.
    pub env: Vec<(OsString, Option<OsString>)>,
    /// Whether it gets the environment of this process.
    pub inherit: Inherit,
    /// `key=value` overrides of its configuration.
    pub config: Vec<String>,
    /// How the client introduces itself.
    pub client_info: ClientInfo,
    /// Whether the experimental part of the protocol is asked for.
    pub experimental_api: ExperimentalApi,
    /// Notifications that the runtime is not to send.
    pub notification_opt_out: Vec<String>,
    /// How long connecting may take.
    pub connect_timeout: Option<Duration>,
    /// How long a call may take.
    pub request_timeout: Option<Duration>,
    /// How long the host may take to answer a request.
    pub answer_timeout: Option<Duration>,
    /// The longest message.
    pub max_message_bytes: usize,
    /// The ceiling of all queues together.
    pub max_queued_bytes: usize,
    /// From where the events of turns are read.
    pub queues: Queues,
    /// What an interrupt ends.
    pub interrupts: Interrupts,
    /// The limits of turns that have none of their own.
    pub limits: Limits,
    /// Who takes log messages, and up to which level.
    pub log: Option<(Level, Arc<LogSink>)>,
    /// Who watches the messages.
    pub trace: Option<Arc<TraceSink>>,
    /// The file that everything is recorded in.
    pub record: Option<PathBuf>,
    /// Who answers the requests of the runtime.
    pub request_handler: Option<Arc<RequestHandler>>,
    /// On how many threads the request handler and the functions of tools run.
    pub callback_threads: usize,
    /// Why the first setter that failed did: connecting fails with that.
    pub first_failure: Option<Error>,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            endpoint: Endpoint::Stdio,
            bearer_token: None,
            unencrypted: Unencrypted::OnThisMachine,
            codex_path: None,
            command: None,
            codex_home: None,
            cwd: None,
            env: Vec::new(),
            inherit: Inherit::Environment,
            config: Vec::new(),
            client_info: ClientInfo { name: "libcodex".into(), title: None, version: env!("CARGO_PKG_VERSION").into() },
            experimental_api: ExperimentalApi::Enabled,
            notification_opt_out: Vec::new(),
            connect_timeout: Some(DEFAULT_TIMEOUT),
            request_timeout: Some(DEFAULT_TIMEOUT),
            answer_timeout: None,
            max_message_bytes: 256 << 20,
            max_queued_bytes: 64 << 20,
            queues: Queues::PerTurn,
            interrupts: Interrupts::Turn,
            limits: Limits::default(),
            log: None,
            trace: None,
            record: None,
            request_handler: None,
            callback_threads: 1,
            first_failure: None,
        }
    }
}

impl ClientOptions {
    /// Sets the longest message.
    pub fn set_max_message_bytes(&mut self, bytes: usize) -> Result<()> {
        if !(1..=LONGEST_MESSAGE).contains(&bytes) {
            return Err(Error::invalid_argument(format!(
                "max_message_bytes cannot be {bytes}: choose 1 to {LONGEST_MESSAGE}"
            )));
        }
        self.max_message_bytes = bytes;
        Ok(())
    }

    /// Sets the ceiling of all queues together.
    pub fn set_max_queued_bytes(&mut self, bytes: usize) -> Result<()> {
        if bytes == 0 {
            return Err(Error::invalid_argument(
                "max_queued_bytes cannot be 0: a queue needs room for one event at least",
            ));
        }
        self.max_queued_bytes = bytes;
        Ok(())
    }

    /// Sets on how many threads the host's functions run.
    pub fn set_callback_threads(&mut self, count: usize) -> Result<()> {
        if !(1..=MOST_CALLBACK_THREADS).contains(&count) {
            return Err(Error::invalid_argument(format!(
                "callback_threads cannot be {count}: choose 1 to {MOST_CALLBACK_THREADS}"
            )));
        }
        self.callback_threads = count;
        Ok(())
    }

    /// Adds a `key=value` override of the runtime's configuration.
    pub fn add_config(&mut self, toml_override: &str) -> Result<()> {
        if toml_override.split_once('=').is_none_or(|(key, _)| key.trim().is_empty()) {
            return Err(Error::invalid_argument(format!(
                "a configuration override reads key=value, not `{toml_override}`"
            )));
        }
        self.config.push(toml_override.into());
        Ok(())
    }

    /// Asks the runtime not to send a notification.
    pub fn add_notification_opt_out(&mut self, method: &str) -> Result<()> {
        if NEEDED.contains(&method) {
            return Err(Error::invalid_argument(format!(
                "{method} cannot be opted out of: by it the library learns of an end, or of what belongs into a result"
            )));
        }
        if method.is_empty() {
            return Err(Error::invalid_argument("the method is empty; name one, like item/agentMessage/delta"));
        }
        self.notification_opt_out.push(method.into());
        Ok(())
    }

    /// What they decide about a connection. `seed` differs from connection to connection.
    pub fn session_config(&self, seed: u64) -> Config {
        Config {
            request_timeout: self.request_timeout,
            answer_timeout: self.answer_timeout,
            max_queued_bytes: self.max_queued_bytes,
            queues: self.queues,
            interrupts: self.interrupts,
            limits: self.limits,
            asks: if self.request_handler.is_some() { Asks::Handler } else { Asks::Reader },
            redactor: Redactor::of(self.secrets()),
            seed,
        }
    }

    /// The secrets among them: the token, and the variables and overrides that are called like one.
    pub fn secrets(&self) -> impl Iterator<Item = &str> {
        let variables = self.env.iter().filter_map(|(name, value)| Some((name.to_str()?, value.as_ref()?.to_str()?)));
        let overrides = self.config.iter().filter_map(|entry| {
            let (key, value) = entry.split_once('=')?;
            Some((key.trim().rsplit('.').next()?, value.trim().trim_matches(['"', '\''])))
        });
        let named = variables.chain(overrides).filter(|(name, _)| is_secret_name(name)).map(|(_, value)| value);
        self.bearer_token.iter().map(BearerToken::reveal).chain(named)
    }

    /// Sets or unsets a variable of the runtime's environment.
    pub fn set_env(&mut self, name: &str, value: Option<&str>) -> Result<()> {
        if name.is_empty() || name.contains('=') {
            return Err(Error::invalid_argument(format!(
                "an environment variable cannot be called `{name}`: give it a name without `=`, of one character at least"
            )));
        }
        self.env.push((name.into(), value.map(OsString::from)));
        Ok(())
    }
}

impl fmt::Debug for ClientOptions {
    /// Without arguments, variables and configuration, which may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientOptions")
            .field("endpoint", &format_args!("{}", self.endpoint))
            .field("codex_path", &self.codex_path)
            .field("command", &self.command.iter().flatten().next())
            .field("codex_home", &self.codex_home)
            .field("client_info", &self.client_info)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::error::Status;

    #[test]
    fn the_secrets_of_the_options_are_known_by_their_names() {
        let mut options = ClientOptions { bearer_token: Some(BearerToken::new("a").unwrap()), ..Default::default() };
        for (name, value) in [("OPENAI_API_KEY", Some("b")), ("HOME", Some("/")), ("GITHUB_TOKEN", None)] {
            options.set_env(name, value).unwrap();
        }
        for entry in ["model_providers.x.experimental_bearer_token = \"c\"", "model=\"m\"", "x.env_key='K'"] {
            options.add_config(entry).unwrap();
        }
        assert_eq!(Vec::from_iter(options.secrets()), ["a", "b", "c"]);
    }

    #[test]
    fn what_ends_turns_goals_logins_and_requests_or_makes_results_cannot_be_opted_out_of() {
        let of_turns =
            ["turn/started", "turn/completed", "item/started", "item/completed", "thread/tokenUsage/updated"];
        let of_goals = ["thread/goal/updated", "thread/goal/cleared"];
        let others = ["serverRequest/resolved", "account/login/completed", "error"];
        for method in of_turns.iter().chain(&of_goals).chain(&others) {
            let refusal = ClientOptions::default().add_notification_opt_out(method).unwrap_err();
            assert_eq!(refusal.status(), Status::InvalidArgument);
            assert!(refusal.message().starts_with(method), "{}", refusal.message());
        }
    }

    #[test]
    fn what_the_host_alone_reads_can_be_opted_out_of() {
        let mut options = ClientOptions::default();
        for method in ["item/agentMessage/delta", "item/reasoning/textDelta", "thread/started", "account/updated"] {
            options.add_notification_opt_out(method).unwrap();
        }
    }
}
