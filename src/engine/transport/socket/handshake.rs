//! The opening of a WebSocket: an HTTP request and its answer.

use std::hash::{BuildHasher, RandomState};
use std::io;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tungstenite::handshake::client::Response;
use tungstenite::handshake::derive_accept_key;
use tungstenite::handshake::machine::TryParse;
use tungstenite::http::StatusCode;

use super::Stream;
use crate::engine::endpoint::BearerToken;
use crate::engine::error::{Error, Result, Status};

/// No sensible answer has a longer head.
const LONGEST_HEAD: usize = 64 << 10;

/// What is asked for, and of whom.
pub(super) struct Request<'a> {
    pub(super) endpoint: &'a str,
    pub(super) host: &'a str,
    pub(super) target: &'a str,
    pub(super) token: Option<&'a BearerToken>,
}

/// Opens the WebSocket; gives what came behind the answer.
pub(super) async fn shake_hands(stream: &mut dyn Stream, request: &Request<'_>) -> Result<Vec<u8>> {
    let key = fresh_key();
    stream.write_all(request.text(&key).as_bytes()).await.map_err(|error| request.broken(&error))?;
    stream.flush().await.map_err(|error| request.broken(&error))?;
    let mut came = Vec::new();
    loop {
        let count = stream.read_buf(&mut came).await.map_err(|error| request.broken(&error))?;
        match Response::try_parse(&came) {
            Ok(Some((head, response))) => {
                request.check(&response, &key)?;
                return Ok(came.split_off(head));
            }
            Ok(None) if count == 0 => return Err(request.broken(&io::ErrorKind::UnexpectedEof.into())),
            Ok(None) if came.len() < LONGEST_HEAD => {}
            _ => return Err(request.not_understood(&came)),
        }
    }
}

/// The status in `HTTP/1.0 503 …`.
fn status_of(answer: &[u8]) -> Option<StatusCode> {
    let mut words = answer.split(|byte| *byte == b' ');
    words.next().filter(|version| version.starts_with(b"HTTP/"))?;
    StatusCode::from_bytes(words.next()?.get(..3)?).ok()
}

/// It need not be secret, only never the same.
fn fresh_key() -> String {
    let random = RandomState::new();
    STANDARD.encode([random.hash_one(0).to_ne_bytes(), random.hash_one(1).to_ne_bytes()].concat())
}

impl Request<'_> {
    fn text(&self, key: &str) -> String {
        let Self { host, target, token, .. } = self;
        let token = token.map(|token| format!("Authorization: Bearer {}\r\n", token.reveal())).unwrap_or_default();
        let version = env!("CARGO_PKG_VERSION");
        format!(
            "GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\nUser-Agent: libcodex/{version}\r\n{token}\r\n"
        )
    }

    fn check(&self, response: &Response, key: &str) -> Result<()> {
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Err(self.refused(response.status()));
        }
        let is = |name: &str, value: &str| {
            response.headers().get(name).is_some_and(|is| is.as_bytes().eq_ignore_ascii_case(value.as_bytes()))
        };
        if !is("upgrade", "websocket") || !is("sec-websocket-accept", &derive_accept_key(key.as_bytes())) {
            return Err(self.no_websocket("it does not confirm the upgrade"));
        }
        if response.headers().contains_key("sec-websocket-extensions") {
            return Err(self.no_websocket("it uses extensions that nobody asked for"));
        }
        Ok(())
    }

    /// The words of whoever refuses are not repeated: they may hold the token.
    fn refused(&self, status: StatusCode) -> Error {
        let endpoint = self.endpoint;
        let (class, reason, why) = match status.as_u16() {
            401 if self.token.is_some() => (Status::Auth, "unauthorized", "the bearer token is not the right one"),
            401 => (
                Status::Auth,
                "unauthorized",
                "it wants a bearer token; set one with codex_client_options_set_bearer_token",
            ),
            403 => (Status::Auth, "forbidden", "this client may not connect"),
            300..=399 => {
                (Status::Transport, "handshakeRefused", "it sends the client elsewhere, which is not followed")
            }
            404 => (Status::Transport, "handshakeRefused", "nothing speaks WebSocket under this path"),
            _ => (Status::Transport, "handshakeRefused", "no WebSocket is spoken there, or not now"),
        };
        let error = Error::new(class, format!("{endpoint} refused the connection with HTTP {status}: {why}"))
            .with_reason(reason);
        if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS { error.retryable() } else { error }
    }

    /// What stands before a runtime may refuse in an older version of HTTP than WebSockets are opened in.
    fn not_understood(&self, answer: &[u8]) -> Error {
        match status_of(answer) {
            Some(status) if status != StatusCode::SWITCHING_PROTOCOLS => self.refused(status),
            _ => self.no_websocket("its answer is no HTTP"),
        }
    }

    fn no_websocket(&self, why: &str) -> Error {
        let message = format!("{} speaks no WebSocket: {why}; is it the Codex runtime?", self.endpoint);
        Error::new(Status::Transport, message).with_reason("handshakeFailed")
    }

    fn broken(&self, error: &io::Error) -> Error {
        let how = match error.kind() {
            io::ErrorKind::UnexpectedEof => "it closed the connection".to_owned(),
            _ => error.to_string(),
        };
        let message = format!("{} did not open a WebSocket: {how}; is it the Codex runtime?", self.endpoint);
        Error::new(Status::Transport, message).with_reason("handshakeFailed")
    }
}
