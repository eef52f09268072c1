//! Reads the usual message in one pass: what routing needs, as spans of the line.
//!
//! It checks every byte as strictly as serde does, in any order of keys, and gives up on whatever is unusual: escaped keys and
//! ids, a key that comes twice, an id that is no whole number, deep nesting. Then serde decides. A differential test holds the
//! two against each other.

use std::borrow::Cow;

use super::envelope::{Envelope, Ids, Notification, Outcome, RpcId};
use crate::engine::json::quote_or_backslash;

/// What nests deeper is left to serde.
const DEPTH: usize = 64;

/// A number of so many digits fits into 64 bits.
const MOST_DIGITS: usize = 18;

/// The message of a line, if it is a usual one.
pub(super) fn scan(line: &str) -> Option<Envelope<'_>> {
    if has_control_characters(line) {
        return None;
    }
    let mut scanner = Scanner { text: line, at: 0 };
    let message = Message::read(&mut scanner)?;
    scanner.peek().is_none().then(|| message.envelope())?
}

/// In a string they are forbidden, and between values the runtime writes none.
fn has_control_characters(line: &str) -> bool {
    line.bytes().fold(u8::MAX, u8::min) < b' '
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
    /// Looks first where the runtime writes what it says most often; what lies elsewhere is found as well.
    fn read(scanner: &mut Scanner<'a>) -> Option<Self> {
        let mut message = Self::default();
        scanner.take(b'{')?;
        let mut place = Place::First;
        if scanner.literal(br#""method":""#) {
            message.method = Some(scanner.plain_rest()?);
            place = Place::Later;
            if scanner.literal(br#","params":"#) {
                message.params = Some(Params::read(scanner)?);
            }
            if scanner.literal(br#","emittedAtMs":"#) {
                message.emitted_at_ms = Some(scanner.whole_number()?);
            }
        }
        scanner.members(0, place, |scanner, key| message.member(scanner, key))?;
        Some(message)
    }

    fn member(&mut self, scanner: &mut Scanner<'a>, key: &str) -> Option<()> {
        match key {
            "method" => once(&mut self.method, scanner.plain_string()?),
            "id" => once(&mut self.id, scanner.whole_number()?),
            "params" => once(&mut self.params, Params::read(scanner)?),
            "result" => once(&mut self.result, scanner.value(1)?).filter(|()| self.result != Some("null")),
            "emittedAtMs" => once(&mut self.emitted_at_ms, scanner.whole_number()?),
            "error" => None,
            _ => scanner.skip(1),
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
    /// As [`Message::read`].
    fn read(scanner: &mut Scanner<'a>) -> Option<Self> {
        let mut params = Self::default();
        scanner.peek()?;
        let start = scanner.at;
        scanner.take(b'{')?;
        let mut place = Place::First;
        if scanner.literal(br#""threadId":""#) {
            params.thread.beside = Some(scanner.plain_rest()?);
            place = Place::Later;
            if scanner.literal(br#","turnId":""#) {
                params.turn.beside = Some(scanner.plain_rest()?);
            }
            if scanner.literal(br#","itemId":""#) {
                params.item.beside = Some(scanner.plain_rest()?);
            }
            if scanner.literal(br#","delta":"#) {
                params.delta = Some(scanner.value(2)?);
            }
        }
        scanner.members(1, place, |scanner, key| params.member(scanner, key))?;
        params.text = scanner.text.get(start..scanner.at)?;
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
            _ => scanner.skip(2),
        }
    }
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    /// The byte to read next.
    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// The next byte that is no blank. Blanks of other kinds are control characters, which are ruled out.
    fn peek(&mut self) -> Option<u8> {
        loop {
            match self.byte()? {
                b' ' => self.at += 1,
                byte => return Some(byte),
            }
        }
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    /// Goes behind `literal` if that is what comes next.
    #[inline(always)]
    fn literal<const LENGTH: usize>(&mut self, literal: &[u8; LENGTH]) -> bool {
        let found = self.rest().first_chunk() == Some(literal);
        self.at += if found { LENGTH } else { 0 };
        found
    }

    fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    /// An object; `member` reads the value of each key.
    fn object(&mut self, depth: usize, member: impl FnMut(&mut Self, &'a str) -> Option<()>) -> Option<()> {
        self.take(b'{')?;
        self.members(depth, Place::First, member)
    }

    /// The members of an object from a place on, and its end.
    fn members(
        &mut self,
        depth: usize,
        mut place: Place,
        mut member: impl FnMut(&mut Self, &'a str) -> Option<()>,
    ) -> Option<()> {
        if depth > DEPTH {
            return None;
        }
        loop {
            match (self.peek()?, place) {
                (b'}', _) => {
                    self.at += 1;
                    return Some(());
                }
                (b',', Place::Later) => self.at += 1,
                (_, Place::First) => {}
                _ => return None,
            }
            place = Place::Later;
            let key = self.plain_string()?;
            self.take(b':')?;
            member(self, key)?;
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
            self.skip(depth + 1)?;
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
        self.peek()?;
        let start = self.at;
        self.skip(depth)?;
        self.text.get(start..self.at)
    }

    /// Any value that is not asked for.
    fn skip(&mut self, depth: usize) -> Option<()> {
        match self.peek()? {
            b'"' => self.skip_string(),
            b'{' => self.object(depth, |scanner, _| scanner.skip(depth + 1)),
            b'[' => self.array(depth),
            b't' => self.word("true"),
            b'f' => self.word("false"),
            b'n' => self.word("null"),
            _ => self.number(),
        }
    }

    fn word(&mut self, word: &str) -> Option<()> {
        self.rest().starts_with(word.as_bytes()).then(|| self.at += word.len())
    }

    fn number(&mut self) -> Option<()> {
        if self.byte() == Some(b'-') {
            self.at += 1;
        }
        match self.byte()? {
            b'0' => self.at += 1,
            _ => self.digits()?,
        }
        if self.byte() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.byte(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.byte(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Some(())
    }

    fn digits(&mut self) -> Option<()> {
        let start = self.at;
        while self.byte().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        (self.at > start).then_some(())
    }

    /// A number from 0 that is whole as it is written, and fits.
    fn whole_number(&mut self) -> Option<i64> {
        self.peek()?;
        let digits = self.rest();
        let count = digits.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(digits.len());
        let digits = &digits[..count];
        if count == 0 || count > MOST_DIGITS || (digits[0] == b'0' && count > 1) {
            return None;
        }
        self.at += count;
        let number = digits.iter().fold(0, |number, digit| number * 10 + i64::from(digit - b'0'));
        (!matches!(self.byte(), Some(b'.' | b'e' | b'E'))).then_some(number)
    }

    /// A string without escapes; gives its inside.
    fn plain_string(&mut self) -> Option<&'a str> {
        self.take(b'"')?;
        self.plain_rest()
    }

    /// The same, behind its first quote.
    fn plain_rest(&mut self) -> Option<&'a str> {
        let rest = self.rest();
        let end = quote_or_backslash(rest).filter(|end| rest[*end] == b'"')?;
        let inside = self.text.get(self.at..self.at + end);
        self.at += end + 1;
        inside
    }

    /// A string that is not asked for.
    fn skip_string(&mut self) -> Option<()> {
        self.take(b'"')?;
        loop {
            self.at += quote_or_backslash(self.rest())?;
            if self.byte()? == b'"' {
                self.at += 1;
                return Some(());
            }
            self.escape()?;
        }
    }

    fn escape(&mut self) -> Option<()> {
        let bytes = self.text.as_bytes();
        match bytes.get(self.at + 1)? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => self.at += 2,
            b'u' => {
                let digits = bytes.get(self.at + 2..self.at + 6)?;
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
            _ => scanner.skip(3),
        })?;
        Some(id)
    }
}

/// Where in an object.
#[derive(Clone, Copy)]
enum Place {
    /// Before its first member.
    First,
    /// Behind a member.
    Later,
}
