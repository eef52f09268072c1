//! Watches the messages that go by, with secrets removed.

use std::fmt;
use std::sync::Arc;

use crate::engine::callbacks::Callbacks;
use crate::engine::json::{Cursor, unescape_str};

/// Which way a message goes. The numbers are those of the C header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Direction {
    /// To the runtime.
    Sent = 0,
    /// From the runtime.
    Received = 1,
}

/// Takes a direction and a message.
pub type TraceSink = dyn Fn(Direction, &str) + Send + Sync;

/// The members whose values never leave the library.
const SECRETS: &[&str] = &[
    "accessToken",
    "access_token",
    "apiKey",
    "api_key",
    "authorization",
    "Authorization",
    "authUrl",
    "bearerToken",
    "idToken",
    "id_token",
    "refreshToken",
    "refresh_token",
    "token",
    "userCode",
];

const REMOVED: &str = "\"[removed]\"";

/// Hands each message to the host's trace callback, if there is one.
#[derive(Clone, Default)]
pub struct Tap {
    sink: Option<(Arc<TraceSink>, Arc<Callbacks>)>,
}

impl Tap {
    /// Messages go to `sink`, on a thread of `callbacks`.
    pub fn new(sink: Arc<TraceSink>, callbacks: Arc<Callbacks>) -> Self {
        Self { sink: Some((sink, callbacks)) }
    }

    /// A message goes by.
    pub fn pass(&self, direction: Direction, message: &[u8]) {
        let Some((sink, callbacks)) = &self.sink else { return };
        let message = without_secrets(&String::from_utf8_lossy(message));
        let sink = Arc::clone(sink);
        callbacks.push(move || sink(direction, &message));
    }
}

impl fmt::Debug for Tap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tap").field("watched", &self.sink.is_some()).finish()
    }
}

/// The message with the values of secret members replaced, wherever they are.
fn without_secrets(message: &str) -> String {
    let mut clean = String::with_capacity(message.len());
    let mut rest = message;
    while let Some(quote) = rest.find('"') {
        clean.push_str(&rest[..quote]);
        rest = &rest[quote..];
        let mut cursor = Cursor::new(rest);
        let Some(key) = cursor.skip_string() else { break };
        clean.push_str(&rest[..cursor.position()]);
        rest = &rest[cursor.position()..];
        let mut cursor = Cursor::new(rest);
        let is_secret = cursor.take(b':').is_some() && SECRETS.contains(&&*unescape_str(key));
        if is_secret && cursor.skip_value().is_some_and(|value| value != "null") {
            clean.push(':');
            clean.push_str(REMOVED);
            rest = &rest[cursor.position()..];
        }
    }
    clean.push_str(rest);
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_removed_wherever_they_are() {
        let message = r#"{"id":1,"params":{"type":"apiKey","apiKey":"sk-1","deep":[{"accessToken" : "a\"b","x":1}],"token":null}}"#;
        let expected = r#"{"id":1,"params":{"type":"apiKey","apiKey":"[removed]","deep":[{"accessToken":"[removed]","x":1}],"token":null}}"#;
        assert_eq!(without_secrets(message), expected);
    }

    #[test]
    fn a_message_without_secrets_stays_as_it_is() {
        for message in [r#"{"method":"x","params":{"text":"the \"apiKey\": none"}}"#, "not json \" at all", ""] {
            assert_eq!(without_secrets(message), message);
        }
    }
}
