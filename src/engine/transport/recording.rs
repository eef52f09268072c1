//! What a recording looks like: lines of JSON, of which the first says what it is and each of the others what happened.
//! `docs/guides/replay.md` describes it for people.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::engine::company::Company;
use crate::engine::error::{Error, Result};
use crate::engine::json::{quote, string};
use crate::sys;

const FORMAT: &str = "libcodex recording";
const VERSION: u64 = 1;

/// No sensible first line is longer.
const LONGEST_HEADER: u64 = 4096;

/// How much of a line that is none of ours is quoted.
const QUOTED: usize = 60;

/// Something that happened on a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// A message to the runtime.
    Sent(String),
    /// A message of the runtime, or what it wrote instead of one.
    Received(String),
    /// A message of the runtime that was longer than allowed.
    Skipped {
        /// How long it was.
        bytes: u64,
        /// Its beginning.
        begins: String,
    },
    /// The host ended the connection.
    Closed,
    /// The runtime was gone.
    Ended(Parted),
}

/// Where something is in a recording.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// Its line, from 1 on.
    pub(super) line: usize,
    /// How many milliseconds after the beginning it happened.
    pub(super) ms: u64,
}

/// How the runtime ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Parted {
    pub(super) exit_status: Option<String>,
    pub(super) stderr_tail: Option<String>,
}

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
struct Header<'a> {
    format: &'a str,
    version: u64,
    /// The version of the library.
    #[serde(default)]
    library: Option<String>,
    /// The version of the runtime; `None` when it never said.
    #[serde(default)]
    runtime: Option<String>,
    /// Whether the runtime served others too. A library that did not write this recorded none that did.
    #[serde(default)]
    shared: Company,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'a> {
    #[serde(default)]
    ms: u64,
    #[serde(borrow, default)]
    sent: Option<&'a RawValue>,
    #[serde(borrow, default)]
    received: Option<&'a RawValue>,
    #[serde(default)]
    skipped: Option<Skipped>,
    #[serde(default)]
    closed: Option<bool>,
    #[serde(default)]
    ended: Option<Parted>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Skipped {
    bytes: u64,
    begins: String,
}

/// The first line of a recording of a runtime of this version in this company.
pub(super) fn header(runtime: Option<String>, shared: Company) -> String {
    let library = Some(env!("CARGO_PKG_VERSION").into());
    json_line(&Header { format: FORMAT, version: VERSION, library, runtime, shared })
}

impl Entry {
    /// The line of what happened `ms` milliseconds after the beginning.
    pub(super) fn line(&self, ms: u128) -> String {
        let (key, value) = match self {
            Self::Sent(message) => ("sent", embedded(message)),
            Self::Received(message) => ("received", embedded(message)),
            Self::Skipped { bytes, begins } => ("skipped", json(&Skipped { bytes: *bytes, begins: begins.clone() })),
            Self::Closed => ("closed", "true".to_owned()),
            Self::Ended(parted) => ("ended", json(parted)),
        };
        format!("{{\"ms\":{ms},\"{key}\":{value}}}\n")
    }

    /// What a line says, and when that happened.
    fn read(line: &str) -> std::result::Result<(u64, Self), String> {
        let line: Line<'_> = serde_json::from_str(line).map_err(|error| error.to_string())?;
        let message = |raw: &RawValue| string(raw.get()).unwrap_or_else(|| raw.get().to_owned());
        let entries = [
            line.sent.map(|raw| Self::Sent(message(raw))),
            line.received.map(|raw| Self::Received(message(raw))),
            line.skipped.map(|Skipped { bytes, begins }| Self::Skipped { bytes, begins }),
            line.closed.filter(|closed| *closed).map(|_| Self::Closed),
            line.ended.map(Self::Ended),
        ];
        let mut entries = entries.into_iter().flatten();
        match (entries.next(), entries.next()) {
            (Some(entry), None) => Ok((line.ms, entry)),
            _ => Err("it must have one of sent, received, skipped, closed and ended".to_owned()),
        }
    }
}

/// A message stands as it is where it is one object on one line, and as a string where it is not.
fn embedded(message: &str) -> String {
    let is_object = message.starts_with('{') && !message.contains(['\n', '\r']);
    if is_object && serde_json::from_str::<&RawValue>(message).is_ok() { message.to_owned() } else { quote(message) }
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

fn json_line(value: &impl Serialize) -> String {
    json(value) + "\n"
}

/// A recording that is there, and not read yet: a long one takes its time.
#[derive(Debug)]
pub struct Recording {
    file: File,
    path: PathBuf,
    company: Company,
}

impl Recording {
    /// Finds a recording, of which only the beginning is read.
    pub fn open(path: &Path) -> Result<Self> {
        let mut file = sys::regular_file(path).map_err(|error| unreadable(path, &error))?;
        let company = company_in(&mut file).map_err(|error| unreadable(path, &error))?;
        Ok(Self { file, path: path.to_owned(), company })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whom the runtime served besides the client that was recorded.
    pub fn company(&self) -> Company {
        self.company
    }

    /// What happened.
    pub(super) fn read(mut self) -> Result<Vec<(Place, Entry)>> {
        let (path, mut bytes) = (self.path, Vec::new());
        self.file.read_to_end(&mut bytes).map_err(|error| unreadable(&path, &error))?;
        let shown = path.display();
        let text = String::from_utf8(bytes)
            .map_err(|_| refused(format!("{shown} is no recording of libcodex: it is no text in UTF-8")))?;
        parse(&text).map_err(|why| refused(format!("{shown} {why}")))
    }
}

/// What the first line says. One that says nothing is refused when all is read.
fn company_in(file: &mut File) -> io::Result<Company> {
    let mut beginning = Vec::new();
    file.by_ref().take(LONGEST_HEADER).read_to_end(&mut beginning)?;
    file.rewind()?;
    let line = beginning.split(|byte| *byte == b'\n').next().unwrap_or_default();
    Ok(serde_json::from_slice::<Header<'_>>(line).map(|header| header.shared).unwrap_or_default())
}

fn unreadable(path: &Path, error: &io::Error) -> Error {
    refused(format!("the recording {} cannot be read: {error}", path.display()))
}

fn parse(text: &str) -> std::result::Result<Vec<(Place, Entry)>, String> {
    let mut lines = text.lines().enumerate().map(|(index, line)| (index + 1, line));
    check_header(lines.next().map(|(_, line)| line).unwrap_or_default())?;
    let entries = lines.filter(|(_, line)| !line.trim().is_empty());
    let read = |(number, line): (usize, &str)| match Entry::read(line) {
        Ok((ms, entry)) => Ok((Place { line: number, ms }, entry)),
        Err(why) => {
            Err(format!("is broken in line {number}, perhaps cut off: {why}; record it anew, or mend that line"))
        }
    };
    entries.map(read).collect()
}

fn check_header(line: &str) -> std::result::Result<(), String> {
    if line.is_empty() {
        return Err("is empty: what was recorded ended before its runtime had said a word; record it anew".into());
    }
    let Some(header) = serde_json::from_str::<Header<'_>>(line).ok().filter(|header| header.format == FORMAT) else {
        let begins: String = line.chars().take(QUOTED).collect();
        return Err(format!("is no recording of libcodex: its first line begins with {begins}"));
    };
    if header.version != VERSION {
        let (found, writer) = (header.version, header.library.unwrap_or_else(|| "of an unknown version".to_owned()));
        return Err(format!(
            "is a recording in version {found} of the format, written by libcodex {writer}; libcodex {} reads version \
             {VERSION}: record it anew",
            env!("CARGO_PKG_VERSION")
        ));
    }
    Ok(())
}

fn refused(message: String) -> Error {
    Error::invalid_argument(message).with_reason("recordingUnusable")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recording(lines: &str) -> String {
        header(Some("0.169.0".into()), Company::Nobody) + lines
    }

    fn refusal(text: &str) -> String {
        parse(text).unwrap_err()
    }

    #[test]
    fn what_is_written_is_read_again() {
        let entries = [
            Entry::Sent(r#"{"id":1,"method":"a","params":{"n": 1.50}}"#.into()),
            Entry::Received(r#"{"id":1,"result":{}}"#.into()),
            Entry::Received("no JSON \"at all\"".into()),
            Entry::Received("{\"method\":\n\"b\"}".into()),
            Entry::Skipped { bytes: 1 << 40, begins: "{\"id\":2,".into() },
            Entry::Closed,
            Entry::Ended(Parted { exit_status: Some("exit status: 3".into()), stderr_tail: None }),
        ];
        let lines: String = entries.iter().map(|entry| entry.line(7)).collect();
        assert_eq!(lines.lines().count(), entries.len());
        let read: Vec<Entry> = parse(&recording(&lines)).unwrap().into_iter().map(|(_, entry)| entry).collect();
        assert_eq!(read, entries);
    }

    #[test]
    fn a_message_stands_in_its_line_byte_for_byte() {
        let line = Entry::Sent(r#"{"method":"a","params":{"n": 1.50}}"#.into()).line(12);
        assert_eq!(line, "{\"ms\":12,\"sent\":{\"method\":\"a\",\"params\":{\"n\": 1.50}}}\n");
    }

    #[test]
    fn the_first_line_tells_the_format_and_the_versions() {
        let version = env!("CARGO_PKG_VERSION");
        let line = format!(
            "{{\"format\":\"libcodex recording\",\"version\":1,\"library\":\"{version}\",\"runtime\":\"0.169.0\",\
             \"shared\":false}}\n"
        );
        assert_eq!(header(Some("0.169.0".into()), Company::Nobody), line);
        assert!(header(None, Company::Others).ends_with("\"runtime\":null,\"shared\":true}\n"));
    }

    #[test]
    fn the_first_line_says_whether_the_runtime_was_shared() {
        let path = std::env::temp_dir().join(format!("libcodex-recording-shared-{}", std::process::id()));
        let company_of = |text: &str| {
            std::fs::write(&path, text).unwrap();
            Recording::open(&path).unwrap().company()
        };
        for company in [Company::Nobody, Company::Others] {
            assert_eq!(company_of(&header(None, company)), company);
        }
        let older = "{\"format\":\"libcodex recording\",\"version\":1,\"library\":\"0.1.0\",\"runtime\":null}\n";
        for text in [older, "", "no recording", &"x".repeat(1 << 20)] {
            assert_eq!(company_of(text), Company::Nobody);
        }
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn lines_are_counted_as_an_editor_does_and_blank_ones_are_passed_over() {
        let entries = parse(&recording("\n{\"closed\":true}\r\n\n{\"ms\":1,\"received\":{}}")).unwrap();
        let at = |line, ms| Place { line, ms };
        assert_eq!(entries, [(at(3, 0), Entry::Closed), (at(5, 1), Entry::Received("{}".into()))]);
    }

    #[test]
    fn what_is_no_recording_says_why() {
        for (text, why) in [
            ("", "is empty"),
            ("{\"id\":1}\n", "its first line begins with {\"id\":1}"),
            ("{\"format\":\"libcodex recording\",\"version\":2,\"library\":\"9.1\"}\n", "libcodex 9.1"),
        ] {
            assert!(refusal(text).contains(why), "{}", refusal(text));
        }
    }

    #[test]
    fn a_line_that_was_cut_off_or_says_nothing_is_named() {
        for line in [
            "{\"ms\":1,\"sent\":{\"id",
            "{}",
            "{\"ms\":1}",
            "{\"closed\":false}",
            "{\"sent\":{},\"received\":{}}",
            "{\"closed\":true,\"x\":1}",
        ] {
            let text = recording(&format!("{{\"closed\":true}}\n{line}"));
            assert!(refusal(&text).contains("line 3"), "{}", refusal(&text));
        }
    }
}
