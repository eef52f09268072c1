//! A line that is rendered once and sent many times, with the time of sending filled in.

use std::io::Write;

use serde::Serialize;

use crate::context::NOW;
use crate::output::notification_line;
use crate::sys::monotonic_micros;

/// The parts of a line between the places of the time.
pub(crate) struct Line(Vec<Vec<u8>>);

impl Line {
    /// The line of a notification, in which `$nowUs` stands for the time.
    pub(crate) fn of(method: &str, params: impl Serialize) -> Self {
        let line = notification_line(method, params);
        let text = String::from_utf8(line).expect("JSON is UTF-8");
        Self(text.split(NOW).map(|part| part.as_bytes().to_vec()).collect())
    }

    /// The line when it has no place for the time.
    pub(crate) fn fixed(&self) -> Option<&[u8]> {
        match &self.0[..] {
            [line] => Some(line),
            _ => None,
        }
    }

    /// Appends the line as it is now.
    pub(crate) fn render(&self, target: &mut Vec<u8>) {
        let (first, rest) = self.0.split_first().expect("a split has a first part");
        target.extend_from_slice(first);
        for part in rest {
            write!(target, "{}", monotonic_micros()).expect("a vector takes any text");
            target.extend_from_slice(part);
        }
    }
}
