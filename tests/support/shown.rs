//! Everything that was shown to the host, for tests that look for secrets in it.

use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use codex::engine::client_options::ClientOptions;
use codex::engine::error::Error;
use codex::engine::log::Level;

/// Everything that was shown to the host.
#[derive(Clone, Default)]
pub struct Shown(Arc<Mutex<Vec<String>>>);

impl Shown {
    pub fn note(&self, text: impl Into<String>) {
        self.0.lock().expect("nobody panics here").push(text.into());
    }

    pub fn debug(&self, value: &dyn Debug) {
        self.note(format!("{value:?} {value:#?}"));
    }

    pub fn error(&self, error: &Error) {
        self.debug(error);
        self.note(error.to_json());
        self.note(error.to_string());
    }

    /// Notes the logs and the traces of clients with these options.
    pub fn watch(&self, mut options: ClientOptions) -> ClientOptions {
        let (logs, traces) = (self.clone(), self.clone());
        options.log =
            Some((Level::Trace, Arc::new(move |_, target, message| logs.note(format!("{target}: {message}")))));
        options.trace = Some(Arc::new(move |_, line| traces.note(line)));
        options
    }

    pub fn contains(&self, part: &str) -> bool {
        self.0.lock().expect("nobody panics here").iter().any(|text| text.contains(part))
    }

    /// The first text that gives a secret away.
    pub fn leak(&self, secrets: &[&str]) -> Option<String> {
        let texts = self.0.lock().expect("nobody panics here");
        texts.iter().find(|text| secrets.iter().any(|secret| text.contains(secret))).cloned()
    }
}
