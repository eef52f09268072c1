//! Lines that wait to be written, in order, and what they occupy.

use std::collections::VecDeque;

/// Whose idea a line was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// This side's: a call or a notification.
    Own,
    /// The other side's, which asked.
    Reply,
}

#[derive(Debug, Default)]
pub(super) struct Outbox {
    lines: VecDeque<(Line, String)>,
    own_bytes: usize,
    reply_bytes: usize,
}

impl Outbox {
    pub(super) fn push(&mut self, whose: Line, line: String) {
        *self.bytes_of(whose) += line.len();
        self.lines.push_back((whose, line));
    }

    pub(super) fn pop(&mut self) -> Option<String> {
        let (whose, line) = self.lines.pop_front()?;
        *self.bytes_of(whose) -= line.len();
        Some(line)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    pub(super) fn own_bytes(&self) -> usize {
        self.own_bytes
    }

    pub(super) fn reply_bytes(&self) -> usize {
        self.reply_bytes
    }

    fn bytes_of(&mut self, whose: Line) -> &mut usize {
        match whose {
            Line::Own => &mut self.own_bytes,
            Line::Reply => &mut self.reply_bytes,
        }
    }
}
