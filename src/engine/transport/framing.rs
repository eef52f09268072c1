//! From bytes to lines.

use memchr::{memchr, memrchr};

use super::Incoming;

/// How much is read at once.
const CHUNK: usize = 64 << 10;

/// A buffer that grew beyond this for a long line is given back.
const KEPT: usize = 1 << 20;

/// How much of the beginning and the end of a line that is too long is kept.
const EDGE: usize = 4 << 10;

/// Splits a stream into lines, whatever pieces it comes in.
#[derive(Debug)]
pub(super) struct Framer {
    buffer: Vec<u8>,
    /// Up to here there is no line feed.
    scanned: usize,
    max: usize,
    skipped: Option<Skipped>,
}

/// A message that is too long, as far as it came.
#[derive(Debug, Default)]
pub(super) struct Skipped {
    head: Vec<u8>,
    tail: Vec<u8>,
    len: u64,
}

impl Framer {
    /// Lines of more than `max` bytes are skipped.
    pub(super) fn new(max: usize) -> Self {
        Self { buffer: Vec::new(), scanned: 0, max, skipped: None }
    }

    /// Where to append what was read.
    pub(super) fn space(&mut self) -> &mut Vec<u8> {
        make_room(&mut self.buffer);
        &mut self.buffer
    }

    /// Hands out each whole line.
    pub(super) fn take_lines(&mut self, deliver: &mut dyn FnMut(Incoming<'_>)) {
        let mut start = 0;
        while let Some(offset) = memchr(b'\n', &self.buffer[self.scanned..]) {
            let end = self.scanned + offset;
            let line = &self.buffer[start..end];
            match self.skipped.take() {
                Some(skipped) => skipped.deliver(line, deliver),
                None if line.len() > self.max => Skipped::default().deliver(line, deliver),
                None => deliver_line(line, deliver),
            }
            start = end + 1;
            self.scanned = start;
        }
        self.buffer.drain(..start);
        self.scanned = self.buffer.len();
        self.skip_if_too_long();
        give_back(&mut self.buffer);
    }

    fn skip_if_too_long(&mut self) {
        if self.skipped.is_none() && self.buffer.len() <= self.max {
            return;
        }
        self.skipped.get_or_insert_default().swallow(&self.buffer);
        self.buffer.clear();
        self.scanned = 0;
    }
}

impl Skipped {
    pub(super) fn swallow(&mut self, piece: &[u8]) {
        self.len += piece.len() as u64;
        let wanted = EDGE.saturating_sub(self.head.len()).min(piece.len());
        self.head.extend_from_slice(&piece[..wanted]);
        self.tail.extend_from_slice(&piece[piece.len().saturating_sub(EDGE)..]);
        let surplus = self.tail.len().saturating_sub(EDGE);
        self.tail.drain(..surplus);
    }

    /// Tells of it, once its last piece came.
    pub(super) fn deliver(mut self, last: &[u8], deliver: &mut dyn FnMut(Incoming<'_>)) {
        self.swallow(last);
        deliver(Incoming::Oversized { head: &self.head, tail: &self.tail, len: self.len });
    }
}

/// Room for the next read. It grows with the message that is being read, so that a long one is not copied often.
pub(super) fn make_room(buffer: &mut Vec<u8>) {
    if buffer.capacity() - buffer.len() < CHUNK / 2 {
        buffer.reserve_exact(CHUNK.max(buffer.len()));
    }
}

/// Gives back what a long message needed.
pub(super) fn give_back(buffer: &mut Vec<u8>) {
    if buffer.capacity() > KEPT && buffer.len() < CHUNK {
        buffer.shrink_to(CHUNK);
    }
}

/// A line may end in CR LF, and a blank one says nothing.
pub(super) fn deliver_line(line: &[u8], deliver: &mut dyn FnMut(Incoming<'_>)) {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if !line.iter().all(u8::is_ascii_whitespace) {
        deliver(Incoming::Message(line));
    }
}

/// The last bytes of a stream, at most `limit`.
#[derive(Debug)]
pub(super) struct Tail {
    bytes: Vec<u8>,
    limit: usize,
    logged: usize,
}

impl Tail {
    pub(super) fn new(limit: usize) -> Self {
        Self { bytes: Vec::new(), limit, logged: 0 }
    }

    pub(super) fn space(&mut self) -> &mut Vec<u8> {
        self.bytes.reserve(self.limit / 2);
        &mut self.bytes
    }

    /// Hands out each line that became whole, then forgets what is beyond the limit.
    pub(super) fn take_lines(&mut self, log: &mut dyn FnMut(&[u8])) {
        let whole = memrchr(b'\n', &self.bytes[self.logged..]).map(|last| self.logged + last + 1);
        if let Some(whole) = whole {
            let lines = self.bytes[self.logged..whole].split(|byte| *byte == b'\n');
            lines.filter(|line| !line.is_empty()).for_each(log);
            self.logged = whole;
        }
        let surplus = self.bytes.len().saturating_sub(self.limit);
        self.bytes.drain(..surplus);
        self.logged = self.logged.saturating_sub(surplus);
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(framer: &mut Framer, pieces: &[&[u8]]) -> Vec<String> {
        let mut lines = Vec::new();
        for piece in pieces {
            framer.space().extend_from_slice(piece);
            framer.take_lines(&mut |incoming| match incoming {
                Incoming::Message(line) => lines.push(String::from_utf8_lossy(line).into_owned()),
                Incoming::Oversized { head, tail, len } => {
                    let (head, tail) = (String::from_utf8_lossy(head), String::from_utf8_lossy(tail));
                    lines.push(format!("<{len}:{}..{}>", &head[..2], &tail[tail.len() - 2..]));
                }
            });
        }
        lines
    }

    #[test]
    fn lines_are_the_same_whatever_pieces_they_come_in() {
        let text = b"{\"a\":1}\n{\"b\":2}\r\n\n  \n{\"c\":3}\n";
        let expected = ["{\"a\":1}", "{\"b\":2}", "{\"c\":3}"];
        assert_eq!(lines(&mut Framer::new(100), &[text]), expected);
        for split in 0..text.len() {
            assert_eq!(lines(&mut Framer::new(100), &[&text[..split], &text[split..]]), expected, "split at {split}");
        }
        let bytes: Vec<&[u8]> = text.chunks(1).collect();
        assert_eq!(lines(&mut Framer::new(100), &bytes), expected);
    }

    #[test]
    fn a_line_without_an_end_is_not_handed_out() {
        let mut framer = Framer::new(100);
        assert!(lines(&mut framer, &[b"{\"a\""]).is_empty());
        assert_eq!(lines(&mut framer, &[b":1}\n"]), ["{\"a\":1}"]);
    }

    #[test]
    fn a_line_that_is_too_long_is_skipped_and_the_next_is_whole() {
        let text = b"ab3456789yz\nnext\n";
        assert_eq!(lines(&mut Framer::new(10), &[text]), ["<11:ab..yz>", "next"]);
        let bytes: Vec<&[u8]> = text.chunks(1).collect();
        assert_eq!(lines(&mut Framer::new(10), &bytes), ["<11:ab..yz>", "next"]);
    }

    #[test]
    fn a_buffer_that_grew_for_one_line_is_given_back() {
        let mut framer = Framer::new(100 << 20);
        let long = vec![b'x'; 8 << 20];
        assert_eq!(lines(&mut framer, &[&long, b"\n"]).len(), 1);
        assert!(framer.buffer.capacity() <= KEPT);
    }

    #[test]
    fn a_tail_keeps_the_end_and_logs_each_line_once() {
        let mut tail = Tail::new(8);
        let mut logged = Vec::new();
        for piece in [&b"one\ntw"[..], b"o\nthr", b"ee\n\n"] {
            tail.space().extend_from_slice(piece);
            tail.take_lines(&mut |line| logged.push(String::from_utf8_lossy(line).into_owned()));
        }
        assert_eq!(logged, ["one", "two", "three"]);
        assert_eq!(tail.as_bytes(), b"\nthree\n\n");
    }
}
