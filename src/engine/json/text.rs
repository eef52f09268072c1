//! JSON as text: the verdict on a text, its shortest form, and a way through it without a tree.

use std::borrow::Cow;
use std::fmt;

use memchr::{memchr, memchr_iter, memchr2, memrchr};

/// How deeply a text may be nested to be read.
const MAX_DEPTH: usize = 512;

/// How deeply the params or the result of one message may be nested to be sent.
///
/// The runtime drops a message that is nested deeper than 127 levels without an answer, and the message itself is one.
pub(crate) const MAX_SENT_DEPTH: usize = 126;

/// Why a text is not acceptable JSON, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonError {
    /// What was found or expected.
    pub message: String,
    /// The line, from 1; 0 when the error has no place.
    pub line: usize,
    /// The column, counted in bytes from 1; 0 before the first byte of a line, or when the error has no place.
    pub column: usize,
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 {
            return f.write_str(&self.message);
        }
        write!(f, "{} at line {}, column {}", self.message, self.line, self.column)
    }
}

impl std::error::Error for JsonError {}

impl JsonError {
    pub(super) fn without_place(message: String) -> Self {
        Self { message, line: 0, column: 0 }
    }

    fn at(text: &str, offset: usize, message: String) -> Self {
        let before = &text.as_bytes()[..offset];
        let line_start = memrchr(b'\n', before).map_or(0, |newline| newline + 1);
        Self { message, line: memchr_iter(b'\n', before).count() + 1, column: offset - line_start + 1 }
    }
}

impl From<serde_json::Error> for JsonError {
    fn from(error: serde_json::Error) -> Self {
        let (line, column) = (error.line(), error.column());
        let full = error.to_string();
        let message = full.strip_suffix(&format!(" at line {line} column {column}")).unwrap_or(&full);
        Self { message: message.to_owned(), line, column }
    }
}

/// Checks that the whole of `text` is one JSON value that can be read.
///
/// Beyond the grammar, a lone surrogate (`\ud800` without its partner) is refused, because it stands for no text,
/// and so is a nesting of more than [`MAX_DEPTH`]. A number of any size is accepted.
pub fn validate(text: &str) -> Result<(), JsonError> {
    validate_within(text, MAX_DEPTH)
}

/// The shortest form of `text` that says the same, fit to be sent: whitespace outside strings is removed, numbers and
/// strings stay as they are written.
///
/// The text is checked as by [`validate`], but may be nested no deeper than [`MAX_SENT_DEPTH`].
pub fn minify(text: &str) -> Result<String, JsonError> {
    validate_within(text, MAX_SENT_DEPTH)?;
    Ok(without_whitespace(text))
}

fn validate_within(text: &str, max_depth: usize) -> Result<(), JsonError> {
    serde_json::from_str::<serde::de::IgnoredAny>(text)?;
    let bytes = text.as_bytes();
    let mut depth = 0;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let end = token_end(bytes, at).unwrap_or(bytes.len());
        match byte {
            b'"' => refuse_lone_surrogate(text, at, end)?,
            b'{' | b'[' if depth == max_depth => return Err(too_deep(text, at, max_depth)),
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            _ => {}
        }
        at = end;
    }
    Ok(())
}

fn too_deep(text: &str, offset: usize, max_depth: usize) -> JsonError {
    JsonError::at(text, offset, format!("nested deeper than {max_depth} levels"))
}

fn refuse_lone_surrogate(text: &str, start: usize, end: usize) -> Result<(), JsonError> {
    let literal = &text.as_bytes()[start..end];
    let Some(offset) = lone_surrogate(literal) else {
        return Ok(());
    };
    let escape = String::from_utf8_lossy(&literal[offset..offset + 6]);
    Err(JsonError::at(text, start + offset, format!("lone surrogate `{escape}`, which stands for no character")))
}

fn without_whitespace(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut short = String::with_capacity(text.len());
    let mut kept = 0;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let end = token_end(bytes, at).unwrap_or(bytes.len());
        if is_whitespace(byte) {
            short.push_str(&text[kept..at]);
            kept = end;
        }
        at = end;
    }
    short.push_str(&text[kept..]);
    short
}

/// How many arrays and objects lie around the deepest value of the valid JSON `text`; 0 for a scalar.
pub fn nesting(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut depth = 0_usize;
    let mut deepest = 0;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
        at = token_end(bytes, at).unwrap_or(bytes.len());
    }
    deepest
}

/// What kind of value the valid JSON `text` is, with its article: "an array", "a string".
pub fn kind_name(text: &str) -> &'static str {
    match text.trim_ascii_start().as_bytes().first() {
        Some(b'{') => "an object",
        Some(b'[') => "an array",
        Some(b'"') => "a string",
        Some(b't' | b'f') => "a boolean",
        Some(b'n') => "null",
        Some(_) => "a number",
        None => "nothing",
    }
}

/// The text that `raw`, the inside of a JSON string literal, stands for. Borrowed when there is no escape.
///
/// A lone surrogate becomes U+FFFD; a malformed escape stays as it is written.
pub fn unescape(raw: &[u8]) -> Cow<'_, [u8]> {
    match memchr(b'\\', raw) {
        None => Cow::Borrowed(raw),
        Some(_) => Cow::Owned(unescape_owned(raw)),
    }
}

/// As [`unescape`], for text that is known to be UTF-8.
pub fn unescape_str(raw: &str) -> Cow<'_, str> {
    match unescape(raw.as_bytes()) {
        Cow::Borrowed(_) => Cow::Borrowed(raw),
        Cow::Owned(bytes) => Cow::Owned(into_text(bytes)),
    }
}

fn into_text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

fn unescape_owned(raw: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(backslash) = memchr(b'\\', rest) {
        text.extend_from_slice(&rest[..backslash]);
        let escape = Escape::read(&rest[backslash..]);
        text.extend_from_slice(escape.character().encode_utf8(&mut [0; 4]).as_bytes());
        rest = &rest[backslash + escape.len()..];
    }
    text.extend_from_slice(rest);
    text
}

/// Where the first surrogate without its partner is in `literal`.
fn lone_surrogate(literal: &[u8]) -> Option<usize> {
    let mut at = 0;
    while let Some(found) = memchr(b'\\', &literal[at..]) {
        at += found;
        match Escape::read(&literal[at..]) {
            Escape::LoneSurrogate => return Some(at),
            escape => at += escape.len(),
        }
    }
    None
}

/// What a backslash begins.
enum Escape {
    Short(char),
    Unit(char),
    Pair(char),
    LoneSurrogate,
    Malformed,
}

impl Escape {
    /// The escape that begins with the first byte of `text`, a backslash.
    fn read(text: &[u8]) -> Self {
        match text.get(1) {
            Some(&byte @ (b'"' | b'\\' | b'/')) => Self::Short(byte.into()),
            Some(b'b') => Self::Short('\u{8}'),
            Some(b'f') => Self::Short('\u{c}'),
            Some(b'n') => Self::Short('\n'),
            Some(b'r') => Self::Short('\r'),
            Some(b't') => Self::Short('\t'),
            Some(b'u') => Self::read_unicode(text),
            _ => Self::Malformed,
        }
    }

    fn read_unicode(text: &[u8]) -> Self {
        let Some(unit) = code_unit(text) else {
            return Self::Malformed;
        };
        if let Some(character) = char::from_u32(unit.into()) {
            return Self::Unit(character);
        }
        let low = text.get(6..).and_then(code_unit).unwrap_or_default();
        match char::decode_utf16([unit, low]).next() {
            Some(Ok(character)) => Self::Pair(character),
            _ => Self::LoneSurrogate,
        }
    }

    fn character(&self) -> char {
        match self {
            Self::Short(character) | Self::Unit(character) | Self::Pair(character) => *character,
            Self::LoneSurrogate => char::REPLACEMENT_CHARACTER,
            Self::Malformed => '\\',
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Short(_) => 2,
            Self::Unit(_) | Self::LoneSurrogate => 6,
            Self::Pair(_) => 12,
            Self::Malformed => 1,
        }
    }
}

/// The number in the `\uXXXX` at the start of `text`.
fn code_unit(text: &[u8]) -> Option<u16> {
    let digits = text.strip_prefix(b"\\u")?.get(..4)?;
    digits.iter().try_fold(0, |unit: u16, &digit| {
        let value = char::from(digit).to_digit(16)?;
        Some(unit << 4 | value as u16)
    })
}

/// `text` as a JSON string literal, with its quotes.
pub fn quote(text: &str) -> String {
    let mut json = String::with_capacity(text.len() + 2);
    push_quoted(&mut json, text);
    json
}

/// Appends `text` to `json` as a JSON string literal, with its quotes.
pub fn push_quoted(json: &mut String, text: &str) {
    json.push('"');
    let mut kept = 0;
    for (at, byte) in text.bytes().enumerate().filter(|&(_, byte)| needs_escape(byte)) {
        json.push_str(&text[kept..at]);
        push_escape(json, byte);
        kept = at + 1;
    }
    json.push_str(&text[kept..]);
    json.push('"');
}

fn needs_escape(byte: u8) -> bool {
    byte < b' ' || byte == b'"' || byte == b'\\'
}

fn push_escape(json: &mut String, byte: u8) {
    const HEX: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    match byte {
        b'\n' => json.push_str("\\n"),
        b'\r' => json.push_str("\\r"),
        b'\t' => json.push_str("\\t"),
        b'"' | b'\\' => json.extend(['\\', byte.into()]),
        _ => {
            json.push_str("\\u00");
            json.extend([HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
        }
    }
}

/// One token of a JSON Pointer with `~1` and `~0` replaced by `/` and `~`; `None` when a `~` begins neither.
pub fn decode_pointer_token(token: &str) -> Option<Cow<'_, str>> {
    let mut pieces = token.split('~');
    let first = pieces.next()?;
    if first.len() == token.len() {
        return Some(Cow::Borrowed(token));
    }
    let mut decoded = first.to_owned();
    for piece in pieces {
        let (character, rest) = match piece.as_bytes().first()? {
            b'0' => ('~', &piece[1..]),
            b'1' => ('/', &piece[1..]),
            _ => return None,
        };
        decoded.push(character);
        decoded.push_str(rest);
    }
    Some(Cow::Owned(decoded))
}

/// A way through valid JSON, value by value, without allocating. On anything else it gives `None` and goes no further.
#[derive(Clone, Debug)]
pub struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    /// At the start of `text`.
    pub fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// The offset of the byte that comes next.
    pub fn position(&self) -> usize {
        self.at
    }

    /// The next byte that is not whitespace, which is stepped over.
    pub fn peek(&mut self) -> Option<u8> {
        let rest = self.text.as_bytes().get(self.at..)?;
        let blank = rest.iter().position(|&byte| !is_whitespace(byte));
        self.at += blank.unwrap_or(rest.len());
        self.text.as_bytes().get(self.at).copied()
    }

    /// Steps over `byte` when it is what comes next.
    pub fn take(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    /// Steps over a string and gives its inside, escapes as they are.
    pub fn skip_string(&mut self) -> Option<&'a str> {
        if self.peek()? != b'"' {
            return None;
        }
        let end = string_end(self.text.as_bytes(), self.at)?;
        let inside = self.text.get(self.at + 1..end - 1)?;
        self.at = end;
        Some(inside)
    }

    /// Steps over a value of any kind and gives its text.
    pub fn skip_value(&mut self) -> Option<&'a str> {
        let first = self.peek()?;
        let bytes = self.text.as_bytes();
        let end = match first {
            b'"' => string_end(bytes, self.at)?,
            b'{' | b'[' => container_end(bytes, self.at)?,
            _ => scalar_end(bytes, self.at)?,
        };
        let value = self.text.get(self.at..end)?;
        self.at = end;
        Some(value)
    }
}

/// One member of an object, as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member<'a> {
    /// The inside of the key's literal, escapes as they are.
    pub key: &'a str,
    /// The text of the value.
    pub value: &'a str,
}

/// The members of the object that `text` is, in their order; `None` when it is not an object.
pub fn members(text: &str) -> Option<Members<'_>> {
    let mut cursor = Cursor::new(text);
    cursor.take(b'{')?;
    Some(Members { cursor, state: Expecting::First })
}

/// Iterator over the members of an object; see [`members`]. It ends early where the text is not valid JSON.
#[derive(Clone, Debug)]
pub struct Members<'a> {
    cursor: Cursor<'a>,
    state: Expecting,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expecting {
    First,
    Comma,
    Nothing,
}

impl<'a> Members<'a> {
    fn read(&mut self) -> Option<Member<'a>> {
        match self.state {
            Expecting::First => {}
            Expecting::Comma => self.cursor.take(b',')?,
            Expecting::Nothing => return None,
        }
        let key = self.cursor.skip_string()?;
        self.cursor.take(b':')?;
        let value = self.cursor.skip_value()?;
        Some(Member { key, value })
    }
}

impl<'a> Iterator for Members<'a> {
    type Item = Member<'a>;

    fn next(&mut self) -> Option<Member<'a>> {
        let member = self.read();
        self.state = match member {
            Some(_) => Expecting::Comma,
            None => Expecting::Nothing,
        };
        member
    }
}

fn is_whitespace(byte: u8) -> bool {
    matches!(byte, b' ' | b'\n' | b'\r' | b'\t')
}

/// The end of what begins at `start`: of a whole string, else of that one byte.
fn token_end(bytes: &[u8], start: usize) -> Option<usize> {
    match bytes.get(start)? {
        b'"' => string_end(bytes, start),
        _ => Some(start + 1),
    }
}

/// The offset behind the string whose opening quote is at `start`.
fn string_end(bytes: &[u8], start: usize) -> Option<usize> {
    let mut at = start + 1;
    loop {
        at += quote_or_backslash(bytes.get(at..)?)?;
        if bytes[at] == b'"' {
            return Some(at + 1);
        }
        at += 2;
    }
}

/// Where in `bytes` the first quote or backslash is. Most strings are short: two words are looked at before a search is begun
/// that pays only for more.
pub fn quote_or_backslash(bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word & ONES << 7;
    let start = bytes.first_chunk::<16>().unwrap_or(&[0; 16]);
    let (words, _) = start.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let found = zeros(word ^ (ONES * u64::from(b'"'))) | zeros(word ^ (ONES * u64::from(b'\\')));
        if found != 0 {
            return Some(index * 8 + found.trailing_zeros() as usize / 8);
        }
    }
    memchr2(b'"', b'\\', bytes)
}

/// The offset behind the array or object whose bracket is at `start`.
fn container_end(bytes: &[u8], start: usize) -> Option<usize> {
    let mut depth = 0_usize;
    let mut at = start;
    loop {
        match bytes.get(at)? {
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth == 1 => return Some(at + 1),
            b'}' | b']' => depth -= 1,
            _ => {}
        }
        at = token_end(bytes, at)?;
    }
}

/// The offset behind the number or word at `start`.
fn scalar_end(bytes: &[u8], start: usize) -> Option<usize> {
    let rest = bytes.get(start..)?;
    let len = rest.iter().position(|&byte| is_whitespace(byte) || matches!(byte, b',' | b':' | b']' | b'}' | b'"'));
    match len.unwrap_or(rest.len()) {
        0 => None,
        len => Some(start + len),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        validate(text).unwrap_err().to_string()
    }

    fn nested(levels: usize) -> String {
        "[".repeat(levels) + &"]".repeat(levels)
    }

    #[test]
    fn a_refusal_is_a_sentence_with_its_place() {
        assert_eq!(refusal("{\n \"a\": 1,\n \"b\" 2}"), "expected `:` at line 3, column 6");
        assert_eq!(refusal(""), "EOF while parsing a value at line 1, column 0");
    }

    #[test]
    fn every_kind_of_value_is_accepted() {
        for text in ["null", " true ", "-0", "1e400", "[1,[2]]", "{\"a\":{\"b\":[]}}", "\"\\u0000\\ud83d\\ude00\""] {
            assert_eq!(validate(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn what_is_not_one_json_value_is_refused() {
        for text in ["{}{}", "[1,]", "{\"a\"}", "'a'", "01", "+1", "NaN", "\"a\nb\"", "\u{feff}{}", "tru", "\"\\x\""] {
            assert!(validate(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_lone_surrogate_is_refused_with_its_place() {
        assert_eq!(
            refusal("{\"a\":\n\"x\\ud800\"}"),
            "lone surrogate `\\ud800`, which stands for no character at line 2, column 3"
        );
        for text in [r#""\udc00""#, r#"{"\udfff":1}"#, r#""\ud800\ud800\udc00""#, r#""\ud83dx""#, r#""\ud83d\u0041""#] {
            assert!(validate(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_escaped_backslash_before_a_u_is_no_surrogate() {
        assert_eq!(validate(r#""\\ud800""#), Ok(()));
        assert!(validate(r#""\\\ud800""#).is_err());
    }

    #[test]
    fn nesting_is_limited_in_both_directions() {
        assert_eq!(validate(&nested(MAX_DEPTH)), Ok(()));
        assert_eq!(refusal(&nested(MAX_DEPTH + 1)), "nested deeper than 512 levels at line 1, column 513");
        assert!(minify(&nested(MAX_SENT_DEPTH)).is_ok());
        assert_eq!(
            minify(&nested(MAX_SENT_DEPTH + 1)).unwrap_err().to_string(),
            "nested deeper than 126 levels at line 1, column 127"
        );
    }

    #[test]
    fn a_million_brackets_are_refused_without_a_stack_overflow() {
        assert!(validate(&nested(1_000_000)).is_err());
        assert!(validate(&"{\"a\":".repeat(1_000_000)).is_err());
    }

    #[test]
    fn siblings_do_not_add_to_the_depth() {
        let text = format!("[{}]", vec!["[]"; 2 * MAX_DEPTH].join(","));
        assert_eq!(validate(&text), Ok(()));
        assert_eq!(nesting(&text), 2);
    }

    #[test]
    fn nesting_ignores_brackets_in_strings() {
        assert_eq!(nesting(r#""[[[""#), 0);
        assert_eq!(nesting(r#"{"{{":[1,{"a":"[\"["}]}"#), 3);
    }

    #[test]
    fn minifying_removes_whitespace_outside_strings_only() {
        let text = " {\r\n\t\"a b\" : [ 1.50 , -0, 1E+2, \" \\\" \\u00e9 é \" ] , \"\" : { } } \n";
        assert_eq!(minify(text).unwrap(), "{\"a b\":[1.50,-0,1E+2,\" \\\" \\u00e9 é \"],\"\":{}}");
    }

    #[test]
    fn minifying_the_short_form_changes_nothing() {
        let text = r#"{"a":[1,2.0,"x y"],"b":null}"#;
        assert_eq!(minify(text).unwrap(), text);
    }

    #[test]
    fn minifying_refuses_what_is_not_json() {
        assert!(minify("{\"a\": }").is_err());
        assert!(minify(r#"["\ud800"]"#).is_err());
    }

    #[test]
    fn a_string_without_escapes_is_borrowed() {
        assert!(matches!(unescape_str("héllo"), Cow::Borrowed("héllo")));
        assert!(matches!(unescape(b"plain"), Cow::Borrowed(b"plain")));
    }

    #[test]
    fn every_escape_is_read() {
        assert_eq!(unescape_str(r#"\"\\\/\b\f\n\r\t"#), "\"\\/\u{8}\u{c}\n\r\t");
        assert_eq!(unescape_str(r"a\u0041\u00e9\u20AC\ud83D\uDE00z\u0000"), "aAé€😀z\0");
    }

    #[test]
    fn a_lone_surrogate_is_read_as_the_replacement_character() {
        assert_eq!(unescape_str(r"\ud800x"), "\u{fffd}x");
        assert_eq!(unescape_str(r"\udc00\ud800\n"), "\u{fffd}\u{fffd}\n");
        assert_eq!(unescape_str(r"\ud800\ud83d\ude00"), "\u{fffd}😀");
    }

    #[test]
    fn a_malformed_escape_stays_as_it_is_written() {
        for raw in [r"\", r"a\x", r"\u12", r"\u12g4", r"\u+123", "\\é"] {
            assert_eq!(unescape_str(raw), raw);
        }
    }

    #[test]
    fn quoting_and_unescaping_are_inverse() {
        let text: String = (0..0x3000).chain(0x1F600..0x1F640).filter_map(char::from_u32).collect();
        let json = quote(&text);
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        assert_eq!(unescape_str(&json[1..json.len() - 1]), text);
        assert_eq!(quote("a\"\\\n\u{1}"), r#""a\"\\\n\u0001""#);
    }

    #[test]
    fn pointer_tokens_are_decoded_once() {
        assert_eq!(decode_pointer_token("plain").unwrap(), "plain");
        assert_eq!(decode_pointer_token("a~1b~0c").unwrap(), "a/b~c");
        assert_eq!(decode_pointer_token("~01").unwrap(), "~1");
        assert_eq!(decode_pointer_token("~0~1").unwrap(), "~/");
        assert_eq!(decode_pointer_token(""), Some("".into()));
        for token in ["~", "a~", "~2", "~~0", "~é"] {
            assert_eq!(decode_pointer_token(token), None, "{token}");
        }
    }

    #[test]
    fn members_are_given_in_their_order_as_they_are_written() {
        let text = r#" { "a" : 1 , "b\n":[1, {"c":"]}"}],"":"x\"y" , "a": {} } "#;
        let found: Vec<_> = members(text).unwrap().map(|member| (member.key, member.value)).collect();
        assert_eq!(found, [("a", "1"), ("b\\n", r#"[1, {"c":"]}"}]"#), ("", r#""x\"y""#), ("a", "{}")]);
        assert_eq!(members("{ }").unwrap().count(), 0);
        assert!(members("[1]").is_none());
    }

    #[test]
    fn the_cursor_stops_on_what_is_not_json() {
        for text in
            ["", "{", "{\"a", "{\"a\\", "{\"a\":", "{\"a\":}", "{\"a\":[", "{\"a\":[\"", "{1:2}", "{,}", "{\"a\" 1}"]
        {
            assert_eq!(members(text).map_or(0, Iterator::count), 0, "{text}");
        }
        assert_eq!(members("{\"a\":1 \"b\":2}").unwrap().count(), 1);
        assert_eq!(Cursor::new(",").skip_value(), None);
        assert_eq!(Cursor::new("]").skip_value(), None);
        assert_eq!(Cursor::new("1").skip_string(), None);
    }

    #[test]
    fn the_cursor_survives_every_cut_of_a_text() {
        let text = r#"{"é":[1,{"😀":"\u00e9\\"}],"b":-1.5e3}"#;
        for cut in (0..text.len()).filter(|&cut| text.is_char_boundary(cut)) {
            let found = members(&text[..cut]).map_or(0, Iterator::count);
            assert!(found <= 2);
            assert!(Cursor::new(&text[..cut]).skip_value().is_none(), "{cut}");
        }
    }

    #[test]
    fn skipping_a_value_leaves_the_cursor_behind_it() {
        let mut cursor = Cursor::new(" [1] , 2.5 ");
        assert_eq!(cursor.skip_value(), Some("[1]"));
        assert_eq!(cursor.position(), 4);
        assert_eq!(cursor.take(b','), Some(()));
        assert_eq!(cursor.skip_value(), Some("2.5"));
        assert_eq!(cursor.peek(), None);
    }

    #[test]
    fn the_kind_of_a_value_is_named() {
        let kinds = [" {}", "[]", "\"\"", "true", "false", "null", "-1"].map(kind_name);
        assert_eq!(kinds, ["an object", "an array", "a string", "a boolean", "a boolean", "null", "a number"]);
    }
}
