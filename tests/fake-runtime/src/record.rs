//! The file that the program notes down in what happened to it.

use std::env;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::process;

/// The file of `FAKE_RUNTIME_RECORD`, if there is one.
pub(crate) struct Record(Option<File>);

impl Record {
    /// Opens the file and notes the process id.
    pub(crate) fn open() -> Result<Self, String> {
        let Some(path) = env::var_os("FAKE_RUNTIME_RECORD") else {
            return Ok(Self(None));
        };
        let file = OpenOptions::new().create(true).append(true).open(&path);
        let file = file.map_err(|error| format!("The record {} cannot be opened: {error}.", path.display()))?;
        let record = Self(Some(file));
        record.line(format!("#pid {}\n", process::id()).as_bytes());
        Ok(record)
    }

    pub(crate) fn file(&self) -> Option<&File> {
        self.0.as_ref()
    }

    /// Appends one line in one write; a missing line feed is added.
    pub(crate) fn line(&self, line: &[u8]) {
        let Some(mut file) = self.file() else {
            return;
        };
        let written =
            if line.ends_with(b"\n") { file.write_all(line) } else { file.write_all(&[line, b"\n"].concat()) };
        written.expect("the record can be written");
    }
}
