//! Reads the usual message in one pass: what routing needs, as spans of the line.
//!
//! It checks every byte as strictly as serde does, in any order of keys, and gives up on whatever is unusual: escaped keys and
//! ids, a key that comes twice, an id that is no whole number, deep nesting. Then serde decides. A differential test holds the
//! two against each other.

use std::borrow::Cow;

use super::envelope::{Envelope, Ids, Notification, Outcome, RpcId};

/// What nests deeper is left to serde.
const DEPTH: usize = 64;

/// The message of a line, if it is a usual one.
pub(super) fn scan(line: &str) -> Option<Envelope<'_>> {
    let mut scanner = Scanner { text: line, bytes: line.as_bytes(), at: 0 };
    let mut message = Message::default();
    scanner.object(0, |scanner, key| message.member(scanner, key))?;
    scanner.blanks();
    if scanner.at != line.len() {
        return None;
    }
    message.envelope()
}

#[derive(Default)]
struct Message<'a> {
    method: Option<&'a str>,
    id: Option<i64>,
    params: Option<Params<'a>>,
    result: Option<&'a str>,
    emitted_at_ms: Option<i64>,
}

#[derive(Default)]
struct Params<'a> {
    text: &'a str,
    thread: Found<'a>,
    turn: Found<'a>,
    item: Found<'a>,
    delta: Option<&'a str>,
}

/// An id beside its object, and the one inside.
#[derive(Default)]
struct Found<'a> {
    beside: Option<&'a str>,
    inside: Option<Option<&'a str>>,
}

impl<'a> Found<'a> {
    fn id(&self) -> Cow<'a, str> {
        Cow::Borrowed(self.beside.or(self.inside.flatten()).unwrap_or_default())
    }
}

/// Fills a place that must be empty: of two equal keys serde knows what to make.
fn once<T>(place: &mut Option<T>, value: T) -> Option<()> {
    place.replace(value).is_none().then_some(())
}

impl<'a> Message<'a> {
    fn member(&mut self, scanner: &mut Scanner<'a>, key: &str) -> Option<()> {
        match key {
            "method" => once(&mut self.method, scanner.plain_string()?),
            "id" => once(&mut self.id, scanner.whole_number()?),
            "params" => once(&mut self.params, Params::read(scanner)?),
            "result" => once(&mut self.result, scanner.value(1)?).filter(|()| self.result != Some("null")),
            "emittedAtMs" => once(&mut self.emitted_at_ms, scanner.whole_number()?),
            "error" => None,
            _ => scanner.value(1).map(drop),
        }
    }

    fn envelope(self) -> Option<Envelope<'a>> {
        let Some(method) = self.method else {
            return Some(Envelope::Answer(RpcId::Number(self.id?), Outcome::Result(self.result?)));
        };
        let params = self.params?;
        let ids = Ids { thread: params.thread.id(), turn: params.turn.id(), item: params.item.id() };
        let notification = Notification {
            method: Cow::Borrowed(method),
            params: params.text,
            emitted_at_ms: self.emitted_at_ms.unwrap_or(0),
            ids,
            delta: params.delta,
        };
        Some(match self.id {
            Some(id) => Envelope::Request(RpcId::Number(id), notification),
            None => Envelope::Notification(notification),
        })
    }
}

impl<'a> Params<'a> {
    fn read(scanner: &mut Scanner<'a>) -> Option<Self> {
        scanner.blanks();
        let start = scanner.at;
        let mut params = Self::default();
        scanner.object(1, |scanner, key| params.member(scanner, key))?;
        params.text = &scanner.text[start..scanner.at];
        Some(params)
    }

    fn member(&mut self, scanner: &mut Scanner<'a>, key: &str) -> Option<()> {
        match key {
            "threadId" => once(&mut self.thread.beside, scanner.plain_string()?),
            "turnId" => once(&mut self.turn.beside, scanner.plain_string()?),
            "itemId" => once(&mut self.item.beside, scanner.plain_string()?),
            "thread" => once(&mut self.thread.inside, scanner.nested_id()?),
            "turn" => once(&mut self.turn.inside, scanner.nested_id()?),
            "item" => once(&mut self.item.inside, scanner.nested_id()?),
            "delta" => once(&mut self.delta, scanner.value(2)?),
            _ => scanner.value(2).map(drop),
        }
    }
}

struct Scanner<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Scanner<'a> {
    fn blanks(&mut self) {
        while matches!(self.bytes.get(self.at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// The next byte that is no blank.
    fn peek(&mut self) -> Option<u8> {
        self.blanks();
        self.bytes.get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    /// An object; `member` reads the value of each key.
    fn object(&mut self, depth: usize, mut member: impl FnMut(&mut Self, &'a str) -> Option<()>) -> Option<()> {
        if depth > DEPTH {
            return None;
        }
        self.take(b'{')?;
        if self.peek()? == b'}' {
            self.at += 1;
            return Some(());
        }
        loop {
            let key = self.plain_string()?;
            self.take(b':')?;
            member(self, key)?;
            match self.peek()? {
                b',' => self.at += 1,
                b'}' => {
                    self.at += 1;
                    return Some(());
                }
                _ => return None,
            }
        }
    }

    fn array(&mut self, depth: usize) -> Option<()> {
        if depth > DEPTH {
            return None;
        }
        self.take(b'[')?;
        if self.peek()? == b']' {
            self.at += 1;
            return Some(());
        }
        loop {
            self.value(depth + 1)?;
            match self.peek()? {
                b',' => self.at += 1,
                b']' => {
                    self.at += 1;
                    return Some(());
                }
                _ => return None,
            }
        }
    }

    /// Any value; gives its text.
    fn value(&mut self, depth: usize) -> Option<&'a str> {
        let first = self.peek()?;
        let start = self.at;
        match first {
            b'"' => {
                self.string()?;
            }
            b'{' => self.object(depth, |scanner, _| scanner.value(depth + 1).map(drop))?,
            b'[' => self.array(depth)?,
            b't' => self.word("true")?,
            b'f' => self.word("false")?,
            b'n' => self.word("null")?,
            _ => self.number()?,
        }
        Some(&self.text[start..self.at])
    }

    fn word(&mut self, word: &str) -> Option<()> {
        self.bytes[self.at..].starts_with(word.as_bytes()).then(|| self.at += word.len())
    }

    fn number(&mut self) -> Option<()> {
        if self.bytes.get(self.at) == Some(&b'-') {
            self.at += 1;
        }
        match self.bytes.get(self.at)? {
            b'0' => self.at += 1,
            _ => self.digits()?,
        }
        if self.bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.bytes.get(self.at), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.bytes.get(self.at), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Some(())
    }

    fn digits(&mut self) -> Option<()> {
        let start = self.at;
        while self.bytes.get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
        (self.at > start).then_some(())
    }

    /// A number that is whole as it is written, and fits.
    fn whole_number(&mut self) -> Option<i64> {
        self.blanks();
        let start = self.at;
        self.number()?;
        self.text[start..self.at].parse().ok()
    }

    /// A string without escapes; gives its inside.
    fn plain_string(&mut self) -> Option<&'a str> {
        self.blanks();
        let start = self.at + 1;
        match self.string()? {
            Escapes::None => Some(&self.text[start..self.at - 1]),
            Escapes::Some => None,
        }
    }

    fn string(&mut self) -> Option<Escapes> {
        self.take(b'"')?;
        let mut escapes = Escapes::None;
        loop {
            self.at += plain_bytes(&self.bytes[self.at..]);
            match self.bytes.get(self.at)? {
                b'"' => {
                    self.at += 1;
                    return Some(escapes);
                }
                b'\\' => {
                    self.escape()?;
                    escapes = Escapes::Some;
                }
                _ => return None,
            }
        }
    }

    fn escape(&mut self) -> Option<()> {
        match self.bytes.get(self.at + 1)? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => self.at += 2,
            b'u' => {
                let digits = self.bytes.get(self.at + 2..self.at + 6)?;
                digits.iter().all(u8::is_ascii_hexdigit).then_some(())?;
                self.at += 6;
            }
            _ => return None,
        }
        Some(())
    }

    /// The id in an object; what is no object has none.
    fn nested_id(&mut self) -> Option<Option<&'a str>> {
        if self.peek()? != b'{' {
            return None;
        }
        let mut id = None;
        self.object(2, |scanner, key| match key {
            "id" => once(&mut id, scanner.plain_string()?),
            _ => scanner.value(3).map(drop),
        })?;
        Some(id)
    }
}

#[derive(Clone, Copy)]
enum Escapes {
    None,
    Some,
}

/// How many bytes at the start are neither a quote, nor a backslash, nor a control character: eight at a time.
fn plain_bytes(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGHS: u64 = ONES << 7;
    let below = |word: u64, limit: u8| word.wrapping_sub(ONES * u64::from(limit)) & !word & HIGHS;
    let equal = |word: u64, byte: u8| below(word ^ (ONES * u64::from(byte)), 1);
    let mut at = 0;
    for chunk in bytes.chunks_exact(8) {
        let word = u64::from_le_bytes(chunk.try_into().unwrap_or_default());
        let special = below(word, 0x20) | equal(word, b'"') | equal(word, b'\\');
        if special != 0 {
            return at + special.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    let special = |byte: &u8| *byte < 0x20 || *byte == b'"' || *byte == b'\\';
    at + bytes[at..].iter().position(special).unwrap_or(bytes.len() - at)
}
