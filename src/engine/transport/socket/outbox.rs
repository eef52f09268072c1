//! From messages to frames, on the way out.

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Control, Data, OpCode};

use super::Stream;

/// Longer messages go in pieces: a runtime takes 16 MiB in one piece.
const PIECE: usize = 1 << 20;

/// A buffer that grew beyond this for a long message is given back.
const KEPT: usize = 64 << 10;

/// Everything was said.
pub(super) const NORMAL: u16 = 1000;
/// The other side broke the protocol.
pub(super) const VIOLATION: u16 = 1002;

/// The frames that are being written.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    /// Whole frames, of which so many bytes are written.
    bytes: Vec<u8>,
    written: usize,
    progress: Progress,
    /// What a ping wants to hear. Of several, the last one counts.
    pong: Option<Vec<u8>>,
    goodbye: Goodbye,
    masks: Masks,
}

/// How far the message is that is being sent.
#[derive(Debug, Default, PartialEq, Eq)]
enum Progress {
    #[default]
    None,
    Framed,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Goodbye {
    #[default]
    NotYet,
    Due(u16),
    Said,
}

impl Outbox {
    /// Sends a message. Until it is ready, it must be called again with the same one.
    pub(super) fn poll_send(
        &mut self,
        stream: &mut dyn Stream,
        cx: &mut Context<'_>,
        message: &str,
    ) -> Poll<io::Result<()>> {
        if self.progress == Progress::None {
            if self.goodbye != Goodbye::NotYet {
                return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
            }
            self.frame_message(message.as_bytes());
            self.progress = Progress::Framed;
        }
        let flushed = ready!(self.poll_flush(stream, cx));
        self.progress = Progress::None;
        Poll::Ready(flushed)
    }

    /// A ping is answered with what came with it.
    pub(super) fn answer_ping(&mut self, payload: &[u8]) {
        self.pong = Some(payload.into());
    }

    /// No message will follow.
    pub(super) fn say_goodbye(&mut self, code: u16) {
        if self.goodbye == Goodbye::NotYet {
            self.goodbye = Goodbye::Due(code);
        }
    }

    /// Writes all that there is.
    pub(super) fn poll_flush(&mut self, stream: &mut dyn Stream, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            // Behind what is being written, so that pings do not pile up while the other side does not read.
            if self.bytes.is_empty() {
                self.frame_controls();
            }
            if self.bytes.is_empty() {
                return Poll::Ready(Ok(()));
            }
            let written = ready!(self.poll_write_all(stream, cx));
            self.written = 0;
            self.bytes.clear();
            self.bytes.shrink_to(KEPT);
            if written.is_err() {
                self.goodbye = Goodbye::Said;
                return Poll::Ready(written);
            }
        }
    }

    fn poll_write_all(&mut self, stream: &mut dyn Stream, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut stream = Pin::new(stream);
        while self.written < self.bytes.len() {
            match ready!(stream.as_mut().poll_write(cx, &self.bytes[self.written..]))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                count => self.written += count,
            }
        }
        stream.poll_flush(cx)
    }

    fn frame_message(&mut self, message: &[u8]) {
        let mut opcode = OpCode::Data(Data::Text);
        let mut pieces = message.chunks(PIECE).peekable();
        while let Some(piece) = pieces.next() {
            let is_final = pieces.peek().is_none();
            self.frame(FrameHeader { is_final, opcode, ..FrameHeader::default() }, piece);
            opcode = OpCode::Data(Data::Continue);
        }
    }

    fn frame_controls(&mut self) {
        if self.goodbye == Goodbye::Said {
            return;
        }
        if let Some(payload) = self.pong.take() {
            self.frame(control(Control::Pong), &payload);
        }
        if let Goodbye::Due(code) = self.goodbye {
            self.frame(control(Control::Close), &code.to_be_bytes());
            self.goodbye = Goodbye::Said;
        }
    }

    fn frame(&mut self, header: FrameHeader, payload: &[u8]) {
        let mask = self.masks.next();
        let header = FrameHeader { mask: Some(mask), ..header };
        let length = payload.len() as u64;
        self.bytes.reserve(header.len(length) + payload.len());
        header.format(length, &mut self.bytes).expect("a vector takes every byte");
        let start = self.bytes.len();
        self.bytes.extend_from_slice(payload);
        apply(mask, &mut self.bytes[start..]);
    }
}

/// A control frame is never in pieces.
fn control(kind: Control) -> FrameHeader {
    FrameHeader { is_final: true, opcode: OpCode::Control(kind), ..FrameHeader::default() }
}

fn apply(mask: [u8; 4], bytes: &mut [u8]) {
    let mut words = bytes.chunks_exact_mut(4);
    for word in &mut words {
        word.iter_mut().zip(mask).for_each(|(byte, key)| *byte ^= key);
    }
    words.into_remainder().iter_mut().zip(mask).for_each(|(byte, key)| *byte ^= key);
}

/// Masks that nobody who chooses messages can foresee, so that he cannot choose what goes over the wire.
#[derive(Debug, Default)]
struct Masks {
    random: RandomState,
    used: u64,
}

impl Masks {
    fn next(&mut self) -> [u8; 4] {
        self.used += 1;
        (self.random.hash_one(self.used) as u32).to_ne_bytes()
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    /// How much one who does not read lets others write.
    const ROOM: usize = 64;

    #[test]
    fn one_who_pings_and_does_not_read_makes_nothing_pile_up() {
        let (mut stream, _other) = tokio::io::duplex(ROOM);
        let (mut outbox, mut cx) = (Outbox::default(), Context::from_waker(Waker::noop()));
        assert!(outbox.poll_send(&mut stream, &mut cx, &"x".repeat(100)).is_pending());
        let framed = outbox.bytes.len();
        for _ in 0..1000 {
            outbox.answer_ping(&[b'?'; 125]);
            assert!(outbox.poll_flush(&mut stream, &mut cx).is_pending());
        }
        assert_eq!(outbox.bytes.len(), framed);
    }
}
