//! Writes down what happens on a connection, as it happens.

use std::fmt;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::Direction;
use super::recording::{Entry, Parted, header};
use crate::engine::company::Company;
use crate::engine::error::{Error, Result};
use crate::engine::json::{member, string};
use crate::sys;

/// How much of a message that was too long is written down.
const BEGINNING: usize = 256;

/// The file that a connection is written to.
pub struct Recorder {
    file: File,
    path: PathBuf,
    company: Company,
    begun: Option<Instant>,
    head: Head,
    /// Whole lines that are not in the file yet.
    lines: String,
    /// How long the file is.
    written: u64,
}

/// Whether the first line is written, for which the runtime must have told its version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Head {
    Awaited,
    Written,
}

impl Recorder {
    /// A recording, of a runtime that has this company, in a new file that only its owner may read; one that is there is replaced.
    pub fn create(path: &Path, company: Company) -> Result<Self> {
        let file = sys::private_file(path).map_err(|error| {
            let message = format!(
                "the recording cannot be written to {}: {error}; name a file in a directory that exists, one for each \
                 client, and close the client that writes there first",
                path.display()
            );
            Error::invalid_argument(message).with_reason("recordingUnwritable")
        })?;
        let (path, lines) = (path.to_owned(), String::new());
        Ok(Self { file, path, company, begun: None, head: Head::Awaited, lines, written: 0 })
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// A message without secrets went by.
    pub(super) fn message(&mut self, now: Instant, direction: Direction, message: &str) {
        match direction {
            Direction::Sent => self.push(now, &Entry::Sent(message.into())),
            Direction::Received => {
                self.push(now, &Entry::Received(message.into()));
                if let Some(version) = (self.head == Head::Awaited).then(|| runtime_version(message)).flatten() {
                    self.begin(Some(version));
                }
            }
        }
    }

    /// A message that was too long came.
    pub(super) fn skipped(&mut self, now: Instant, bytes: u64, begins: &str) {
        let begins = begins.chars().take(BEGINNING).collect();
        self.push(now, &Entry::Skipped { bytes, begins });
    }

    /// The host ends the connection.
    pub(super) fn closed(&mut self, now: Instant) {
        self.push(now, &Entry::Closed);
    }

    /// The runtime is gone.
    pub(super) fn ended(&mut self, now: Instant, parted: Parted) {
        self.push(now, &Entry::Ended(parted));
        if self.head == Head::Awaited {
            self.begin(None);
        }
    }

    fn push(&mut self, now: Instant, entry: &Entry) {
        let begun = *self.begun.get_or_insert(now);
        self.lines.push_str(&entry.line(now.saturating_duration_since(begun).as_millis()));
    }

    fn begin(&mut self, runtime: Option<String>) {
        self.head = Head::Written;
        self.lines.insert_str(0, &header(runtime, self.company));
    }

    /// Brings what was said so far into the file: whole lines, whatever happens to this process afterwards.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        if self.head == Head::Awaited || self.lines.is_empty() {
            return Ok(());
        }
        let written = self.file.write_all(self.lines.as_bytes());
        match written {
            Ok(()) => self.written += self.lines.len() as u64,
            // A part of a line would make all of the file unreadable.
            Err(_) => drop(self.file.set_len(self.written)),
        }
        self.lines.clear();
        written
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").field("path", &self.path).finish_non_exhaustive()
    }
}

/// The version that a runtime tells in its first answer.
fn runtime_version(message: &str) -> Option<String> {
    let result = member(message, "result")?;
    let told = member(result, "serverInfo").and_then(|server| member(server, "version")).and_then(string);
    let agent = || member(result, "userAgent").and_then(string);
    told.or_else(|| Some(agent()?.split_once('/')?.1.split_whitespace().next()?.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::time::Duration;

    const HELLO: &str = r#"{"id":1,"result":{"userAgent":"codex/0.169.0 (Debian)"}}"#;

    fn recorded(name: &str, record: impl FnOnce(&mut Recorder, Instant)) -> String {
        let path = std::env::temp_dir().join(format!("libcodex-recorder-{name}-{}", std::process::id()));
        let mut recorder = Recorder::create(&path, Company::Nobody).unwrap();
        record(&mut recorder, Instant::now());
        recorder.flush().unwrap();
        let text = fs::read_to_string(&path).unwrap();
        fs::remove_file(path).unwrap();
        text
    }

    #[test]
    fn the_version_of_the_runtime_stands_in_the_first_line() {
        let text = recorded("first", |recorder, now| {
            recorder.message(now, Direction::Sent, r#"{"id":1,"method":"initialize"}"#);
            recorder.flush().unwrap();
            recorder.message(now + Duration::from_millis(5), Direction::Received, HELLO);
        });
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].ends_with(r#""runtime":"0.169.0","shared":false}"#), "{text}");
        assert_eq!(lines[1], r#"{"ms":0,"sent":{"id":1,"method":"initialize"}}"#);
        assert_eq!(lines[2], format!("{{\"ms\":5,\"received\":{HELLO}}}"));
    }

    #[test]
    fn a_runtime_that_never_says_who_it_is_is_recorded_too() {
        let text = recorded("silent", |recorder, now| {
            recorder.message(now, Direction::Sent, "{}");
            recorder.ended(now, Parted { exit_status: Some("exit status: 3".into()), stderr_tail: None });
        });
        assert!(
            text.starts_with('{') && text.contains(r#""runtime":null"#) && text.contains("exit status: 3"),
            "{text}"
        );
    }

    #[test]
    fn a_version_is_found_wherever_the_runtime_tells_it() {
        let version = |message| runtime_version(message);
        assert_eq!(version(HELLO).as_deref(), Some("0.169.0"));
        assert_eq!(version(r#"{"id":1,"result":{"serverInfo":{"version":"2"}}}"#).as_deref(), Some("2"));
        assert_eq!(version(r#"{"method":"configWarning","params":{}}"#), None);
    }
}
