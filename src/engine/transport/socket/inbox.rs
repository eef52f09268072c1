//! From frames to messages, on the way in.

use std::io::Cursor;

use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Control, Data, OpCode};

use super::outbox::{Outbox, VIOLATION};
use crate::engine::transport::Incoming;
use crate::engine::transport::framing::{Skipped, deliver_line, give_back, make_room};

/// No frame that controls the connection is longer.
const LONGEST_CONTROL: u64 = 125;

/// No frame of a message is longer: the first bit of a length must not be set.
const LONGEST_DATA: u64 = u64::MAX >> 1;

/// The bytes that came, and the message that is being put together.
#[derive(Debug)]
pub(super) struct Inbox {
    buffer: Vec<u8>,
    max: usize,
    /// A message that comes in several frames, or that is too long.
    partial: Option<Partial>,
    /// The frame of it that is being read.
    piece: Option<Piece>,
    course: Course,
}

#[derive(Debug)]
enum Partial {
    Kept(Vec<u8>),
    TooLong(Skipped),
}

#[derive(Debug)]
struct Piece {
    left: u64,
    place: Place,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    BeforeOthers,
    Last,
}

/// Whether more may come.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Course {
    Open,
    /// The other side said goodbye, with this code.
    Goodbye(Option<u16>),
    /// It broke the protocol.
    Violated(&'static str),
}

/// What was found in the buffer.
enum Found {
    /// So many bytes of it are used.
    Used(usize),
    /// A frame that is not all there.
    Part,
}

impl Inbox {
    /// Messages of more than `max` bytes are skipped.
    pub(super) fn new(max: usize) -> Self {
        Self { buffer: Vec::new(), max, partial: None, piece: None, course: Course::Open }
    }

    /// Where to append what was read.
    pub(super) fn space(&mut self) -> &mut Vec<u8> {
        make_room(&mut self.buffer);
        &mut self.buffer
    }

    /// How the other side ended the connection, if it has.
    pub(super) fn ended(&self) -> Option<String> {
        match &self.course {
            Course::Open => None,
            Course::Goodbye(None) => Some("the runtime said goodbye".to_owned()),
            Course::Goodbye(Some(code)) => Some(format!("the runtime said goodbye: {code}, {}", meaning_of(*code))),
            Course::Violated(how) => Some(format!("the runtime broke the WebSocket protocol: {how}")),
        }
    }

    /// Hands out each whole message; what the protocol wants to be answered goes to the outbox.
    pub(super) fn take_messages(&mut self, outbox: &mut Outbox, deliver: &mut dyn FnMut(Incoming<'_>)) {
        let mut buffer = std::mem::take(&mut self.buffer);
        let mut start = 0;
        while self.course == Course::Open {
            match self.take_frame(&buffer[start..], outbox, deliver) {
                Ok(Found::Used(count)) => start += count,
                Ok(Found::Part) => break,
                Err(violation) => {
                    outbox.say_goodbye(VIOLATION);
                    self.course = Course::Violated(violation);
                }
            }
        }
        buffer.drain(..start);
        give_back(&mut buffer);
        self.buffer = buffer;
    }

    fn take_frame(
        &mut self,
        bytes: &[u8],
        outbox: &mut Outbox,
        deliver: &mut dyn FnMut(Incoming<'_>),
    ) -> Result<Found, &'static str> {
        if self.piece.is_some() {
            return Ok(self.take_piece(bytes, deliver));
        }
        let mut cursor = Cursor::new(bytes);
        let Some((header, length)) = FrameHeader::parse(&mut cursor).map_err(|_| "a frame of an unknown kind")? else {
            return Ok(Found::Part);
        };
        check(&header, length)?;
        let payload = &bytes[cursor.position() as usize..];
        let used = bytes.len() - payload.len();
        match header.opcode {
            OpCode::Control(kind) => {
                let Some(payload) = payload.get(..length as usize) else { return Ok(Found::Part) };
                self.control(kind, payload, outbox);
                Ok(Found::Used(used + payload.len()))
            }
            OpCode::Data(kind) => {
                self.check_place(kind)?;
                let is_whole = header.is_final && self.partial.is_none() && length <= self.max as u64;
                if !is_whole {
                    self.begin_piece(&header, length);
                    return Ok(Found::Used(used));
                }
                let Some(message) = payload.get(..length as usize) else { return Ok(Found::Part) };
                deliver_line(message, deliver);
                Ok(Found::Used(used + message.len()))
            }
        }
    }

    fn control(&mut self, kind: Control, payload: &[u8], outbox: &mut Outbox) {
        match kind {
            Control::Ping => outbox.answer_ping(payload),
            Control::Close => {
                let code = payload.first_chunk().map(|code| u16::from_be_bytes(*code));
                outbox.say_goodbye(code.unwrap_or(super::outbox::NORMAL));
                self.course = Course::Goodbye(code);
            }
            Control::Pong | Control::Reserved(_) => {}
        }
    }

    /// A message begins when none is under way, and goes on when one is.
    fn check_place(&self, kind: Data) -> Result<(), &'static str> {
        match (kind, &self.partial) {
            (Data::Continue, None) => Err("a frame that continues nothing"),
            (Data::Text | Data::Binary, Some(_)) => Err("a message inside of a message"),
            _ => Ok(()),
        }
    }

    fn begin_piece(&mut self, header: &FrameHeader, length: u64) {
        self.partial.get_or_insert_with(|| Partial::Kept(Vec::new())).expect(length, self.max);
        let place = if header.is_final { Place::Last } else { Place::BeforeOthers };
        self.piece = Some(Piece { left: length, place });
    }

    /// Takes what there is of the frame that is being read.
    fn take_piece(&mut self, bytes: &[u8], deliver: &mut dyn FnMut(Incoming<'_>)) -> Found {
        let (Some(piece), Some(partial)) = (&mut self.piece, &mut self.partial) else { return Found::Part };
        let count = usize::try_from(piece.left).unwrap_or(usize::MAX).min(bytes.len());
        if count == 0 && piece.left > 0 {
            return Found::Part;
        }
        partial.append(&bytes[..count]);
        piece.left -= count as u64;
        if piece.left == 0 {
            let place = piece.place;
            self.piece = None;
            if place == Place::Last {
                self.partial.take().into_iter().for_each(|partial| partial.deliver(deliver));
            }
        }
        Found::Used(count)
    }
}

impl Partial {
    /// So much more comes: from here on it may be too long.
    fn expect(&mut self, more: u64, max: usize) {
        if let Self::Kept(bytes) = self
            && bytes.len() as u64 + more > max as u64
        {
            let mut skipped = Skipped::default();
            skipped.swallow(bytes);
            *self = Self::TooLong(skipped);
        }
    }

    fn append(&mut self, bytes: &[u8]) {
        match self {
            Self::Kept(kept) => kept.extend_from_slice(bytes),
            Self::TooLong(skipped) => skipped.swallow(bytes),
        }
    }

    fn deliver(self, deliver: &mut dyn FnMut(Incoming<'_>)) {
        match self {
            Self::Kept(bytes) => deliver_line(&bytes, deliver),
            Self::TooLong(skipped) => skipped.deliver(&[], deliver),
        }
    }
}

fn check(header: &FrameHeader, length: u64) -> Result<(), &'static str> {
    if header.rsv1 || header.rsv2 || header.rsv3 {
        return Err("a frame of an extension that nobody asked for");
    }
    if header.mask.is_some() {
        return Err("a frame with a mask, as only clients send them");
    }
    match header.opcode {
        OpCode::Control(_) if length > LONGEST_CONTROL || !header.is_final => {
            Err("a control frame that is long or in pieces")
        }
        OpCode::Data(_) if length > LONGEST_DATA => Err("a frame that is longer than any may be"),
        _ => Ok(()),
    }
}

/// The words of the runtime are not repeated: they may hold anything.
fn meaning_of(code: u16) -> &'static str {
    match code {
        1000 => "everything was said",
        1001 => "it goes away",
        1002 => "it says that the protocol was broken",
        1003 | 1007 => "it cannot read what it was sent",
        1008 => "it does not allow what it was sent",
        1009 => "a message was too long for it",
        1011 => "it failed",
        1012 => "it starts anew",
        1013 => "it is too busy",
        _ => "for a reason of its own",
    }
}
