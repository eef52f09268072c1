//! How the runtime of an endpoint is reached: the one place where transports are made.

mod environment;
mod launch;
mod locator;
mod npm;
mod recordings;

use std::sync::atomic::{AtomicU64, Ordering};

use super::client_options::{ClientOptions, Inherit, Unencrypted};
use super::company::Company;
use super::endpoint::{Endpoint, Privacy};
use super::error::{Error, Result, Status};
use super::log::Log;
use super::session::{Introduced, Started};
use super::transport::{
    Destination, ProcessTransport, Recording, Redactor, ReplayTransport, SocketTransport, Transport,
};
use crate::sys::{self, SpawnSpec};

pub(super) use environment::Environment;
pub(super) use recordings::heed_environment;

use launch::Launch;

/// What every transport is made with.
#[derive(Debug)]
pub(super) struct Provisions {
    /// The longest message.
    pub(super) max_message_bytes: usize,
    /// Tells clients apart.
    pub(super) seed: u64,
    /// Knows the secrets of the options.
    pub(super) redactor: Redactor,
    pub(super) log: Log,
}

/// A transport and who is at its other end.
pub(super) type Reached = (Box<dyn Transport>, Introduced);

/// What is to be done to reach the runtime.
#[derive(Debug)]
pub(super) enum Approach {
    /// Start it.
    Launch(Launch),
    /// Connect to it.
    Dial(Destination),
    /// Play back this recording.
    Replay(Recording),
}

impl Approach {
    /// What `options` ask for, in a process that sees this environment. What they say about the process is looked at here, on the
    /// caller's thread.
    pub(super) fn prepare(options: &ClientOptions, environment: Environment) -> Result<Self> {
        check_options(options)?;
        match &options.endpoint {
            Endpoint::Stdio => Launch::prepare(options, environment).map(Self::Launch),
            Endpoint::Unix(path) => Ok(Self::Dial(Destination::file(path, options.bearer_token.clone()))),
            Endpoint::WebSocket(address) => Destination::network(address, options.bearer_token.clone()).map(Self::Dial),
            Endpoint::Replay(file) => Recording::open(file).map(Self::Replay),
        }
    }

    /// Whom the runtime serves besides this client.
    pub(super) fn company(&self) -> Company {
        match self {
            Self::Launch(_) => Company::Nobody,
            Self::Dial(_) => Company::Others,
            Self::Replay(recording) => recording.company(),
        }
    }

    fn endpoint(&self) -> String {
        match self {
            Self::Launch(_) => Endpoint::Stdio.to_string(),
            Self::Dial(destination) => destination.endpoint().to_owned(),
            Self::Replay(recording) => Endpoint::Replay(recording.path().to_owned()).to_string(),
        }
    }

    /// Makes the transport. Must be called inside the tokio runtime that will drive it.
    pub(super) fn open(self, provisions: Provisions) -> Result<Reached> {
        let (endpoint, company) = (self.endpoint(), self.company());
        let (transport, started): (Box<dyn Transport>, _) = match self {
            Self::Launch(launch) => {
                let (transport, started) = start(launch, provisions)?;
                (Box::new(transport), Some(started))
            }
            Self::Dial(destination) => {
                (Box::new(SocketTransport::new(destination, provisions.max_message_bytes)), None)
            }
            Self::Replay(recording) => {
                (Box::new(ReplayTransport::new(recording, provisions.redactor, provisions.log)), None)
            }
        };
        Ok((transport, Introduced { endpoint, started, company }))
    }
}

fn start(launch: Launch, provisions: Provisions) -> Result<(ProcessTransport, Started)> {
    let Launch { program, args, env, cwd } = launch;
    let marker = fresh_marker(provisions.seed);
    let spec = SpawnSpec { program: &program, args: &args, env, cwd: cwd.as_deref(), marker: &marker };
    let spawned = sys::spawn(spec).map_err(|error| Error::new(Status::RuntimeStart, error.to_string()))?;
    let pid = spawned.process.pid();
    let transport = ProcessTransport::new(spawned, marker, provisions.max_message_bytes, provisions.log);
    let transport = transport
        .map_err(|error| Error::new(Status::RuntimeStart, format!("the runtime's pipes cannot be watched: {error}")))?;
    Ok((transport, Started { program, pid }))
}

/// What tells the processes of one client from all others: two clients may begin in the same instant.
fn fresh_marker(seed: u64) -> String {
    static CLIENTS: AtomicU64 = AtomicU64::new(0);
    format!("{}-{seed:x}-{}", std::process::id(), CLIENTS.fetch_add(1, Ordering::Relaxed))
}

/// What the options say must fit together. An option without an effect is a mistake: whoever overrides the configuration of a
/// runtime relies on that.
fn check_options(options: &ClientOptions) -> Result<()> {
    let ClientOptions { endpoint, .. } = options;
    match endpoint {
        Endpoint::Stdio if options.bearer_token.is_some() => Err(without_effect(
            "codex_client_options_set_bearer_token",
            endpoint,
            "a runtime that is started here wants no token",
        )),
        Endpoint::Unix(_) | Endpoint::WebSocket(_) => {
            if let Some(option) = about_starting(options) {
                return Err(without_effect(option, endpoint, "the runtime there was started by somebody else"));
            }
            check_privacy(options)
        }
        Endpoint::Replay(_) if options.record.is_some() => Err(without_effect(
            "codex_client_options_set_record, or the variable CODEX_RECORD,",
            endpoint,
            "what is played back is recorded already",
        )),
        Endpoint::Stdio | Endpoint::Replay(_) => Ok(()),
    }
}

/// A token, and everything that is said, is nobody else's business.
fn check_privacy(options: &ClientOptions) -> Result<()> {
    let ClientOptions { endpoint, unencrypted, .. } = options;
    match endpoint {
        Endpoint::WebSocket(address)
            if address.privacy == Privacy::Open
                && *unencrypted == Unencrypted::OnThisMachine
                && !address.is_loopback() =>
        {
            Err(Error::invalid_argument(format!(
                "{endpoint} leads to another machine without encryption: use wss://, or allow it with \
                 codex_client_options_set_allow_insecure"
            )))
        }
        _ => Ok(()),
    }
}

/// The first option that says how to start a runtime.
fn about_starting(options: &ClientOptions) -> Option<&'static str> {
    let set = [
        ("codex_client_options_set_codex_path", options.codex_path.is_some()),
        ("codex_client_options_set_command", options.command.is_some()),
        ("codex_client_options_set_codex_home", options.codex_home.is_some()),
        ("codex_client_options_set_cwd", options.cwd.is_some()),
        ("codex_client_options_set_env", !options.env.is_empty()),
        ("codex_client_options_set_inherit_env", options.inherit == Inherit::Nothing),
        ("codex_client_options_add_config", !options.config.is_empty()),
    ];
    set.into_iter().find(|(_, is_set)| *is_set).map(|(option, _)| option)
}

fn without_effect(option: &str, endpoint: &Endpoint, why: &str) -> Error {
    Error::invalid_argument(format!("{option} has no effect on {endpoint}: {why}; leave it out"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::endpoint::BearerToken;

    fn refusal(url: &str, change: impl FnOnce(&mut ClientOptions)) -> String {
        let mut options = ClientOptions { endpoint: Endpoint::parse(url).unwrap(), ..ClientOptions::default() };
        change(&mut options);
        check_options(&options).map_or_else(|error| error.message().to_owned(), |()| String::new())
    }

    type Change = fn(&mut ClientOptions);

    #[test]
    fn clients_that_begin_in_the_same_instant_have_markers_of_their_own() {
        assert_ne!(fresh_marker(7), fresh_marker(7));
    }

    #[test]
    fn what_says_how_to_start_a_runtime_is_refused_for_one_that_runs_already() {
        let changes: [(&str, Change); 7] = [
            ("codex_client_options_set_codex_path", |options| options.codex_path = Some("/c".into())),
            ("codex_client_options_set_command", |options| options.command = Some(vec!["c".into()])),
            ("codex_client_options_set_codex_home", |options| options.codex_home = Some("/h".into())),
            ("codex_client_options_set_cwd", |options| options.cwd = Some("/d".into())),
            ("codex_client_options_set_env", |options| options.set_env("A", None).unwrap()),
            ("codex_client_options_set_inherit_env", |options| options.inherit = Inherit::Nothing),
            ("codex_client_options_add_config", |options| options.add_config("a=1").unwrap()),
        ];
        for (option, change) in changes {
            for url in ["unix:/s", "ws://127.0.0.1:1", "wss://h"] {
                let message = refusal(url, change);
                assert!(message.contains(option) && message.contains("somebody else"), "{url}: {message}");
            }
            for url in ["stdio:", "replay:f"] {
                assert_eq!(refusal(url, change), "");
            }
        }
    }

    #[test]
    fn without_encryption_only_this_machine_is_reached_unless_more_is_allowed() {
        for url in ["ws://127.0.0.1:1", "ws://[::1]:1", "ws://localhost:1", "wss://host", "unix:/s"] {
            assert_eq!(refusal(url, |_| ()), "");
        }
        for url in ["ws://host", "ws://10.0.0.1:1", "ws://0.0.0.0:1"] {
            assert!(refusal(url, |_| ()).contains("set_allow_insecure"), "{url}");
            assert_eq!(refusal(url, |options| options.unencrypted = Unencrypted::Anywhere), "");
        }
    }

    #[test]
    fn a_token_is_refused_for_a_runtime_that_is_started_here() {
        let with_token: Change = |options| options.bearer_token = Some(BearerToken::new("hush").unwrap());
        let message = refusal("stdio:", with_token);
        assert!(message.contains("set_bearer_token") && !message.contains("hush"), "{message}");
        for url in ["unix:/s", "ws://127.0.0.1:1", "wss://h", "replay:f"] {
            assert_eq!(refusal(url, with_token), "");
        }
    }
}
