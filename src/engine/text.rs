//! Strings that can be handed to C as they are: followed by a NUL, whatever they contain.

use std::fmt;

use super::json::Shown;

/// An owned UTF-8 string that a NUL follows. The default one occupies nothing.
#[derive(Clone, Default)]
pub struct ZString(Box<[u8]>);

impl ZString {
    /// Copies `text` and puts a NUL behind it.
    pub fn new(text: impl AsRef<str>) -> Self {
        let text = text.as_ref();
        let mut bytes = Vec::with_capacity(text.len() + 1);
        bytes.extend_from_slice(text.as_bytes());
        bytes.push(0);
        Self(bytes.into_boxed_slice())
    }

    /// The text without the NUL.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0[..self.0.len().saturating_sub(1)]).expect("a ZString is made of a str")
    }

    /// The bytes, the last of them NUL.
    pub fn with_nul(&self) -> &[u8] {
        if self.0.is_empty() { b"\0" } else { &self.0 }
    }
}

impl From<String> for ZString {
    fn from(text: String) -> Self {
        let mut bytes = text.into_bytes();
        bytes.push(0);
        Self(bytes.into_boxed_slice())
    }
}

impl fmt::Debug for ZString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&Shown(self.as_str()), f)
    }
}

/// Several strings in one allocation, each followed by a NUL.
#[derive(Clone, Debug, Default)]
pub struct Packed {
    bytes: Vec<u8>,
}

/// Where one string lies in a [`Packed`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Span {
    start: u32,
    len: u32,
}

impl Span {
    /// How many bytes the string has.
    pub fn length(self) -> usize {
        self.len as usize
    }

    /// Behind the last byte of the string.
    pub fn end(self) -> usize {
        self.start as usize + self.len as usize
    }

    /// The same with this many bytes more.
    pub fn longer_by(self, bytes: usize) -> Self {
        Self { len: self.len + position(bytes), ..self }
    }
}

impl Packed {
    /// Forgets the strings and keeps the room.
    pub fn clear(&mut self) {
        self.bytes.clear();
    }

    /// Puts `text` into the last string, at this position of the whole.
    pub fn insert(&mut self, position: usize, text: &str) {
        self.bytes.splice(position..position, text.bytes());
    }

    /// Puts these strings in the place of those that are there, and tells where each lies. What lies beyond 4 GiB cannot be
    /// addressed: the ceiling of one message keeps it from happening.
    pub fn fill<const COUNT: usize>(&mut self, texts: [&str; COUNT]) -> [Span; COUNT] {
        self.bytes.clear();
        let length = texts.iter().map(|text| text.len() + 1).sum();
        self.bytes.reserve_exact(length);
        self.bytes.resize(length, 0);
        let mut start = 0;
        texts.map(|text| {
            self.bytes[start..start + text.len()].copy_from_slice(text.as_bytes());
            let span = Span { start: position(start), len: position(text.len()) };
            start += text.len() + 1;
            span
        })
    }

    /// Where `part` of a text lies, when the whole text was pushed as `span`.
    pub fn locate(&self, span: Span, text: &str, part: &str) -> Option<Span> {
        let offset = part.as_ptr().addr().checked_sub(text.as_ptr().addr())?;
        let fits = offset + part.len() <= span.len as usize;
        fits.then(|| Span { start: span.start + position(offset), len: position(part.len()) })
    }

    /// The string at `span`.
    pub fn get(&self, span: Span) -> &str {
        let bytes = &self.bytes[span.start as usize..span.end()];
        std::str::from_utf8(bytes).expect("a Packed is made of strs")
    }

    /// The bytes at `span`, the last of them NUL.
    pub fn with_nul(&self, span: Span) -> &[u8] {
        &self.bytes[span.start as usize..span.end() + 1]
    }

    /// What it occupies.
    pub fn capacity(&self) -> usize {
        self.bytes.capacity()
    }
}

fn position(offset: usize) -> u32 {
    u32::try_from(offset).expect("a message is smaller than 4 GiB")
}
