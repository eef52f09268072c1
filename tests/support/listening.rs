//! Runtimes that listen on a socket.

use std::io::{self, BufRead, BufReader};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread;

use codex::engine::client_options::ClientOptions;
use codex::engine::endpoint::{BearerToken, Endpoint};
use codex::engine::transport::strip_escapes;

use super::follow::eventually;
use super::real::signal;

/// On what it listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listen {
    /// A socket of the file system.
    Unix,
    /// A port of this machine.
    Tcp,
}

/// What ends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndsWith {
    /// The end of its input.
    Input,
    /// SIGTERM.
    Term,
}

/// A runtime that listens, until this is dropped.
pub struct Listening {
    process: Child,
    stdin: Option<ChildStdin>,
    url: String,
    ends_with: EndsWith,
}

impl Listening {
    /// Starts a program that listens as the runtime does, and waits until it says so.
    pub fn start(command: &mut Command, listen: Listen, directory: &Path, ends_with: EndsWith) -> Self {
        let path = directory.join("socket");
        let place = match listen {
            Listen::Unix => format!("unix://{}", path.display()),
            Listen::Tcp => "ws://127.0.0.1:0".to_owned(),
        };
        command.args(["--listen", &place]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut process = command.spawn().expect("the program starts");
        let mut stderr = BufReader::new(process.stderr.take().expect("a pipe"));
        let url = match listen {
            Listen::Tcp => told_url(&mut stderr),
            Listen::Unix => {
                eventually("the socket is there", || UnixStream::connect(&path).is_ok());
                format!("unix:{}", path.display())
            }
        };
        // What it says later must not hold it up.
        thread::spawn(move || io::copy(&mut stderr, &mut io::sink()));
        Self { stdin: process.stdin.take(), process, url, ends_with }
    }

    /// Where it listens.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Options for a client of it.
    pub fn options(&self) -> ClientOptions {
        options_for(&self.url)
    }

    /// The same with a token.
    pub fn options_with_token(&self, token: &str) -> ClientOptions {
        ClientOptions { bearer_token: Some(BearerToken::new(token).expect("a token")), ..self.options() }
    }

    /// Kills it, which ends every connection.
    pub fn kill(&mut self) {
        self.process.kill().expect("it runs");
        self.process.wait().expect("the program can be waited for");
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        drop(self.stdin.take());
        if self.ends_with == EndsWith::Term && matches!(self.process.try_wait(), Ok(None)) {
            signal(self.process.id(), "TERM");
        }
        self.process.wait().expect("the program can be waited for");
    }
}

/// Options for a client of this endpoint.
pub fn options_for(url: &str) -> ClientOptions {
    ClientOptions { endpoint: Endpoint::parse(url).expect("an endpoint"), ..ClientOptions::default() }
}

/// The URL in `listening on: ws://...`, which may be coloured.
fn told_url(stderr: &mut impl BufRead) -> String {
    let lines = stderr.lines().map(|line| line.expect("text"));
    let url = lines.filter_map(|line| strip_escapes(&line).split_once("listening on: ").map(|(_, url)| url.to_owned()));
    url.into_iter().next().expect("the program says where it listens").trim().to_owned()
}
