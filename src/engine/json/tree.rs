//! A JSON text as a flat tree: made once, read-only, every node at an address that never changes.
//!
//! The nodes lie in document order, so that a sub-tree is a run of nodes and node 0 is the whole text. Numbers are read
//! from the source when they are asked for; strings and keys are unescaped once, each with a NUL behind it.

use super::text::{Cursor, JsonError, decode_pointer_token, unescape, validate};

/// The type of a value, with the numbers of the C header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Kind {
    /// `null`.
    Null = 0,
    /// `true` or `false`.
    Bool = 1,
    /// A number written as an integer that an `i64` can hold.
    Int = 2,
    /// Any other number, `-0` included; infinite when an `f64` cannot hold it.
    Double = 3,
    /// A string.
    String = 4,
    /// An array.
    Array = 5,
    /// An object.
    Object = 6,
}

impl Kind {
    fn is_container(self) -> bool {
        matches!(self, Self::Array | Self::Object)
    }
}

/// One value of a [`Tree`].
#[derive(Clone, Copy, Debug)]
pub struct Node {
    kind: Kind,
    index: u32,
    subtree_len: u32,
    source: Span,
    /// Of a string: its text among the strings. Of an array or object: its places in the table of children.
    content: Span,
}

impl Node {
    /// The type of the value.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Its place among the nodes of its tree.
    pub fn index(&self) -> usize {
        self.index as usize
    }

    /// How many nodes its sub-tree has, itself included.
    pub fn subtree_len(&self) -> usize {
        self.subtree_len as usize
    }
}

/// A part of one of the tables of a tree.
#[derive(Clone, Copy, Debug, Default)]
struct Span {
    start: u32,
    len: u32,
}

impl Span {
    fn new(start: usize, end: usize) -> Self {
        Self { start: narrow(start), len: narrow(end - start) }
    }

    fn of<T>(self, table: &[T]) -> Option<&[T]> {
        table.get(self.start as usize..)?.get(..self.len as usize)
    }

    fn with_nul(self) -> Self {
        Self { len: self.len + 1, ..self }
    }
}

/// No table of a tree is larger than its text, and a text that an offset cannot address is refused.
fn narrow(offset: usize) -> u32 {
    u32::try_from(offset).expect("Tree::parse refuses texts of 4 GiB")
}

fn refuse_too_long(len: usize) -> Result<(), JsonError> {
    if u32::try_from(len).is_ok() {
        return Ok(());
    }
    Err(JsonError::without_place(format!("the text has {len} bytes; it must be shorter than 4 GiB to be read")))
}

/// A JSON text and its nodes.
#[derive(Debug)]
pub struct Tree {
    source: Box<str>,
    nodes: Box<[Node]>,
    /// For every node its key among the strings; empty unless it is the member of an object.
    keys: Box<[Span]>,
    /// The children of every array and object, those of one next to each other.
    children: Box<[u32]>,
    strings: Box<[u8]>,
}

impl Tree {
    /// Reads `text`, which must be acceptable to [`validate`] and shorter than 4 GiB.
    pub fn parse(text: impl Into<Box<str>>) -> Result<Self, JsonError> {
        let source = text.into();
        refuse_too_long(source.len())?;
        validate(&source)?;
        let mut builder = Builder::new(&source);
        while builder.step().is_some() {}
        let Builder { mut nodes, keys, strings, .. } = builder;
        let children = table_of_children(&mut nodes);
        Ok(Self { nodes: nodes.into(), keys: keys.into(), children: children.into(), strings: strings.into(), source })
    }

    /// The text that the tree was made of.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// All nodes in document order; the first is the whole text.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The type of a value.
    pub fn kind(&self, index: usize) -> Option<Kind> {
        self.nodes.get(index).map(Node::kind)
    }

    /// The text of a value, byte for byte as it was received.
    pub fn json(&self, index: usize) -> Option<&str> {
        let Span { start, len } = self.nodes.get(index)?.source;
        self.source.get(start as usize..)?.get(..len as usize)
    }

    /// The text of a string. A NUL follows it in memory; see [`Tree::string_z`].
    pub fn string(&self, index: usize) -> Option<&[u8]> {
        self.string_span(index)?.of(&self.strings)
    }

    /// The text of a string with the NUL that follows it.
    pub fn string_z(&self, index: usize) -> Option<&[u8]> {
        self.string_span(index)?.with_nul().of(&self.strings)
    }

    /// The key of the `n`th member of an object. A NUL follows it in memory; see [`Tree::key_z`].
    pub fn key(&self, index: usize, n: usize) -> Option<&[u8]> {
        self.key_span(index, n)?.of(&self.strings)
    }

    /// The key of the `n`th member of an object with the NUL that follows it.
    pub fn key_z(&self, index: usize, n: usize) -> Option<&[u8]> {
        self.key_span(index, n)?.with_nul().of(&self.strings)
    }

    /// How many elements or members a value has; 0 for what is neither array nor object.
    pub fn count(&self, index: usize) -> usize {
        self.children(index).len()
    }

    /// The `n`th element of an array or value of an object's `n`th member.
    pub fn child(&self, index: usize, n: usize) -> Option<usize> {
        self.children(index).get(n).map(|&child| child as usize)
    }

    /// What the JSON Pointer (RFC 6901) leads to from the value at `index`. Of equal keys the last one counts.
    pub fn at(&self, index: usize, pointer: &str) -> Option<usize> {
        self.nodes.get(index)?;
        if pointer.is_empty() {
            return Some(index);
        }
        pointer.strip_prefix('/')?.split('/').try_fold(index, |at, token| self.follow(at, token))
    }

    /// The value of a number as an integer; a double counts when it is one exactly.
    pub fn int(&self, index: usize) -> Option<i64> {
        match self.kind(index)? {
            Kind::Int => self.json(index)?.parse().ok(),
            Kind::Double => exact_int(self.double(index)?),
            _ => None,
        }
    }

    /// The value of a number.
    pub fn double(&self, index: usize) -> Option<f64> {
        match self.kind(index)? {
            Kind::Int | Kind::Double => self.json(index)?.parse().ok(),
            _ => None,
        }
    }

    /// The value of a boolean.
    pub fn bool(&self, index: usize) -> Option<bool> {
        match self.kind(index)? {
            Kind::Bool => self.json(index)?.parse().ok(),
            _ => None,
        }
    }

    fn string_span(&self, index: usize) -> Option<Span> {
        let node = self.nodes.get(index)?;
        (node.kind == Kind::String).then_some(node.content)
    }

    fn key_span(&self, index: usize, n: usize) -> Option<Span> {
        if self.kind(index)? != Kind::Object {
            return None;
        }
        self.keys.get(self.child(index, n)?).copied()
    }

    fn children(&self, index: usize) -> &[u32] {
        let container = self.nodes.get(index).filter(|node| node.kind.is_container());
        container.and_then(|node| node.content.of(&self.children)).unwrap_or_default()
    }

    fn follow(&self, index: usize, token: &str) -> Option<usize> {
        match self.kind(index)? {
            Kind::Array => self.child(index, element_number(token)?),
            Kind::Object => self.member(index, decode_pointer_token(token)?.as_bytes()),
            _ => None,
        }
    }

    fn member(&self, index: usize, key: &[u8]) -> Option<usize> {
        let mut newest_first = self.children(index).iter().rev().map(|&child| child as usize);
        newest_first.find(|&child| self.keys[child].of(&self.strings) == Some(key))
    }
}

/// An array index of a JSON Pointer: digits without a leading zero.
fn element_number(token: &str) -> Option<usize> {
    let is_canonical = token == "0" || !token.starts_with(['0', '+']);
    if is_canonical { token.parse().ok() } else { None }
}

fn exact_int(number: f64) -> Option<i64> {
    const END: f64 = 9_223_372_036_854_775_808.0;
    let is_exact = number.fract() == 0.0 && (-END..END).contains(&number);
    is_exact.then_some(number as i64)
}

/// Gives every container its places in the table that is returned.
fn table_of_children(nodes: &mut [Node]) -> Vec<u32> {
    let mut table = Vec::with_capacity(nodes.len());
    for index in 0..nodes.len() {
        if !nodes[index].kind.is_container() {
            continue;
        }
        let first = table.len();
        let end = index + nodes[index].subtree_len();
        let mut child = index + 1;
        while child < end {
            table.push(nodes[child].index);
            child += nodes[child].subtree_len();
        }
        nodes[index].content = Span::new(first, table.len());
    }
    table
}

/// Walks through a valid text and collects its nodes. The depth of the text costs no stack.
struct Builder<'a> {
    cursor: Cursor<'a>,
    nodes: Vec<Node>,
    keys: Vec<Span>,
    strings: Vec<u8>,
    open: Vec<usize>,
    key: Option<Span>,
}

impl<'a> Builder<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            cursor: Cursor::new(text),
            nodes: Vec::new(),
            keys: Vec::new(),
            strings: Vec::new(),
            open: Vec::new(),
            key: None,
        }
    }

    /// Takes the next token; `None` behind the last.
    fn step(&mut self) -> Option<()> {
        match self.cursor.peek()? {
            byte @ (b',' | b':') => self.cursor.take(byte),
            byte @ (b'}' | b']') => self.close(byte),
            b'{' => self.open(b'{', Kind::Object),
            b'[' => self.open(b'[', Kind::Array),
            b'"' if self.expects_key() => self.read_key(),
            b'"' => self.read_string(),
            _ => self.read_scalar(),
        }
    }

    fn expects_key(&self) -> bool {
        let container = self.open.last().map(|&index| self.nodes[index].kind);
        self.key.is_none() && container == Some(Kind::Object)
    }

    fn open(&mut self, bracket: u8, kind: Kind) -> Option<()> {
        let start = self.cursor.position();
        self.cursor.take(bracket)?;
        self.open.push(self.nodes.len());
        self.push(kind, Span::new(start, start), Span::default());
        Some(())
    }

    fn close(&mut self, bracket: u8) -> Option<()> {
        self.cursor.take(bracket)?;
        let index = self.open.pop()?;
        let end = self.cursor.position();
        let subtree_len = narrow(self.nodes.len() - index);
        let node = &mut self.nodes[index];
        node.subtree_len = subtree_len;
        node.source = Span::new(node.source.start as usize, end);
        Some(())
    }

    fn read_key(&mut self) -> Option<()> {
        let raw = self.cursor.skip_string()?;
        self.key = Some(self.keep(raw));
        Some(())
    }

    fn read_string(&mut self) -> Option<()> {
        let start = self.cursor.position();
        let raw = self.cursor.skip_string()?;
        let text = self.keep(raw);
        self.push(Kind::String, Span::new(start, self.cursor.position()), text);
        Some(())
    }

    fn read_scalar(&mut self) -> Option<()> {
        let start = self.cursor.position();
        let text = self.cursor.skip_value()?;
        self.push(scalar_kind(text), Span::new(start, self.cursor.position()), Span::default());
        Some(())
    }

    fn push(&mut self, kind: Kind, source: Span, content: Span) {
        let index = narrow(self.nodes.len());
        self.nodes.push(Node { kind, index, subtree_len: 1, source, content });
        self.keys.push(self.key.take().unwrap_or_default());
    }

    fn keep(&mut self, raw: &str) -> Span {
        let start = self.strings.len();
        self.strings.extend_from_slice(&unescape(raw.as_bytes()));
        let end = self.strings.len();
        self.strings.push(0);
        Span::new(start, end)
    }
}

fn scalar_kind(text: &str) -> Kind {
    match text {
        "null" => Kind::Null,
        "true" | "false" => Kind::Bool,
        "-0" => Kind::Double,
        number if number.parse::<i64>().is_ok() => Kind::Int,
        _ => Kind::Double,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use serde_json::Value;
    use serde_json::value::RawValue;

    fn tree(text: &str) -> Tree {
        Tree::parse(text).unwrap()
    }

    fn json_at<'a>(tree: &'a Tree, pointer: &str) -> Option<&'a str> {
        tree.json(tree.at(0, pointer)?)
    }

    #[test]
    fn a_node_stays_small() {
        assert!(size_of::<Node>() <= 32);
    }

    #[test]
    fn the_pointers_of_the_standard_lead_where_it_says() {
        let tree =
            tree(r#"{"foo":["bar","baz"],"":0,"a/b":1,"c%d":2,"e^f":3,"g|h":4,"i\\j":5,"k\"l":6," ":7,"m~n":8}"#);
        assert_eq!(tree.at(0, ""), Some(0));
        let expected = [
            ("/foo", "[\"bar\",\"baz\"]"),
            ("/foo/0", "\"bar\""),
            ("/", "0"),
            ("/a~1b", "1"),
            ("/c%d", "2"),
            ("/e^f", "3"),
            ("/g|h", "4"),
            ("/i\\j", "5"),
            ("/k\"l", "6"),
            ("/ ", "7"),
            ("/m~0n", "8"),
        ];
        for (pointer, json) in expected {
            assert_eq!(json_at(&tree, pointer), Some(json), "{pointer}");
        }
    }

    #[test]
    fn a_pointer_that_is_malformed_or_leads_nowhere_finds_nothing() {
        let tree = tree(r#"{"a":[10,20],"b":"text","":{"":1},"~":2}"#);
        let absent =
            ["a", "/c", "/a/2", "/a/00", "/a/01", "/a/-", "/a/-1", "/a/+1", "/a/", "/a/1x", "/b/0", "/~", "/~2"];
        for pointer in absent.into_iter().chain(["/a/18446744073709551616", "/a/0/0", "//x"]) {
            assert_eq!(tree.at(0, pointer), None, "{pointer}");
        }
        assert_eq!(json_at(&tree, "//"), Some("1"));
        assert_eq!(tree.at(99, ""), None);
    }

    #[test]
    fn a_pointer_is_followed_from_any_value() {
        let tree = tree(r#"{"a":{"b":[1,{"c":2}]}}"#);
        let inner = tree.at(0, "/a/b").unwrap();
        assert_eq!(tree.at(inner, "/1/c"), tree.at(0, "/a/b/1/c"));
        assert_eq!(tree.at(inner, ""), Some(inner));
    }

    #[test]
    fn the_last_of_two_equal_keys_counts_and_both_are_visible() {
        let tree = tree(r#"{"a":1,"b":2,"\u0061":3}"#);
        assert_eq!(json_at(&tree, "/a"), Some("3"));
        assert_eq!(tree.count(0), 3);
        let keys: Vec<_> = (0..3).map(|n| tree.key(0, n).unwrap()).collect();
        assert_eq!(keys, [b"a", b"b", b"a"]);
    }

    #[test]
    fn integers_that_fit_are_ints_and_all_other_numbers_doubles() {
        let tree = tree(
            "[0,-1,9223372036854775807,-9223372036854775808,9223372036854775808,-9223372036854775809,1.0,-0,1e3,1e400,5e-1]",
        );
        let kinds: Vec<_> = (0..tree.count(0)).map(|n| tree.kind(tree.child(0, n).unwrap()).unwrap()).collect();
        assert_eq!(kinds[..4], [Kind::Int; 4]);
        assert_eq!(kinds[4..], [Kind::Double; 7]);
    }

    #[test]
    fn a_number_is_read_as_either_type_where_it_is_exact() {
        let tree = tree("[7,3.0,1e3,2.5,9223372036854775808,-9223372036854775808.0,-0,1e400,\"7\"]");
        let ints: Vec<_> = (1..10).map(|index| tree.int(index)).collect();
        assert_eq!(ints, [Some(7), Some(3), Some(1000), None, None, Some(i64::MIN), Some(0), None, None]);
        let doubles: Vec<_> = (1..10).map(|index| tree.double(index)).collect();
        assert_eq!(doubles[..4], [Some(7.0), Some(3.0), Some(1000.0), Some(2.5)]);
        assert!(doubles[6].unwrap().is_sign_negative());
        assert_eq!(doubles[7], Some(f64::INFINITY));
        assert_eq!(doubles[8], None);
    }

    #[test]
    fn a_value_of_another_type_is_not_converted() {
        let tree = tree(r#"[true,"true",null,1,[]]"#);
        let bools: Vec<_> = (0..7).map(|index| tree.bool(index)).collect();
        assert_eq!(bools, [None, Some(true), None, None, None, None, None]);
        assert_eq!((tree.int(1), tree.double(3), tree.string(4)), (None, None, None));
        assert_eq!(tree.kind(6), None);
    }

    #[test]
    fn strings_and_keys_are_unescaped_and_followed_by_a_nul() {
        let tree = tree(r#"{"k\u00e9":"a\u0000b\n\ud83d\ude00","":""}"#);
        assert_eq!(tree.string(1).unwrap(), "a\0b\n😀".as_bytes());
        assert_eq!(tree.string_z(1).unwrap(), "a\0b\n😀\0".as_bytes());
        assert_eq!(tree.key_z(0, 0).unwrap(), "ké\0".as_bytes());
        assert_eq!(tree.key_z(0, 1).unwrap(), b"\0");
        assert_eq!(tree.string_z(2).unwrap(), b"\0");
        assert_eq!(tree.key(0, 2), None);
    }

    #[test]
    fn the_elements_of_an_array_have_no_keys() {
        let tree = tree(r#"{"a":["b"]}"#);
        assert_eq!(tree.key(1, 0), None);
        assert_eq!(tree.key(2, 0), None);
    }

    #[test]
    fn the_text_of_a_value_is_what_was_received() {
        let text = " { \"a\" : [ 1.50 , {\"x\" :\"\\u0041\"} ] } ";
        let tree = tree(text);
        assert_eq!(tree.source(), text);
        assert_eq!(tree.json(0), Some("{ \"a\" : [ 1.50 , {\"x\" :\"\\u0041\"} ] }"));
        assert_eq!(json_at(&tree, "/a"), Some("[ 1.50 , {\"x\" :\"\\u0041\"} ]"));
        assert_eq!(json_at(&tree, "/a/0"), Some("1.50"));
    }

    #[test]
    fn a_sub_tree_is_a_run_of_nodes() {
        let tree = tree(r#"[[1,2],{"a":[]},3]"#);
        let shape: Vec<_> = tree.nodes().iter().map(|node| (node.index(), node.subtree_len())).collect();
        assert_eq!(shape, [(0, 7), (1, 3), (2, 1), (3, 1), (4, 2), (5, 1), (6, 1)]);
        let children: Vec<_> = (0..3).map(|n| tree.child(0, n).unwrap()).collect();
        assert_eq!(children, [1, 4, 6]);
    }

    #[test]
    fn every_element_of_a_long_array_is_found_by_its_number() {
        let text = format!("[{}]", (0..10_000).map(|n| format!("[{n}]")).collect::<Vec<_>>().join(","));
        let tree = tree(&text);
        assert_eq!(tree.count(0), 10_000);
        assert!((0..10_000).all(|n| tree.int(tree.child(tree.child(0, n).unwrap(), 0).unwrap()) == Some(n as i64)));
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        for text in ["", "{", "[1,]", r#""\ud800""#, "1 2"] {
            assert!(Tree::parse(text).is_err(), "{text}");
        }
        assert!(Tree::parse("[".repeat(513) + &"]".repeat(513)).is_err());
    }

    #[test]
    fn a_text_that_offsets_cannot_address_is_refused_with_its_size() {
        let refusal = refuse_too_long(5_000_000_000).unwrap_err().to_string();
        assert_eq!(refusal, "the text has 5000000000 bytes; it must be shorter than 4 GiB to be read");
        assert!(refuse_too_long(u32::MAX as usize).is_ok());
    }

    /// Xorshift: the same documents in every run.
    struct Random(u64);

    impl Random {
        fn below(&mut self, end: usize) -> usize {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            (self.0 >> 33) as usize % end
        }

        fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
            choices[self.below(choices.len())]
        }
    }

    const BLANKS: [&str; 5] = ["", "", " ", "\n\t", "\r\n "];
    const WORDS: [&str; 12] =
        ["null", "true", "false", "0", "-0", "1", "-12", "1.5", "1e400", "-1E-400", "2.50e+3", "0.1"];
    const BIG: [&str; 5] = [
        "9223372036854775807",
        "-9223372036854775808",
        "9223372036854775808",
        "18446744073709551616",
        "123456789012345678901234567890.5",
    ];
    const PIECES: [&str; 16] = [
        "a",
        "key",
        "é",
        "€",
        "😀",
        "\\n",
        "\\\"",
        "\\\\",
        "\\/",
        "\\u0000",
        "\\u00e9",
        "\\ud83d\\ude00",
        "{",
        "]",
        ",",
        "~/",
    ];

    fn generate_string(random: &mut Random) -> String {
        let pieces: String = (0..random.below(5)).map(|_| random.pick(&PIECES)).collect();
        format!("\"{pieces}\"")
    }

    fn generate(random: &mut Random, depth: usize) -> String {
        let blank = random.pick(&BLANKS);
        let value = match random.below(if depth == 0 { 4 } else { 8 }) {
            0 | 1 => random.pick(&WORDS).to_owned(),
            2 => random.pick(&BIG).to_owned(),
            3 => generate_string(random),
            4 | 5 => {
                let elements: Vec<_> = (0..random.below(5)).map(|_| generate(random, depth - 1)).collect();
                format!("[{}{blank}]", elements.join(","))
            }
            _ => {
                let members: Vec<_> = (0..random.below(5))
                    .map(|_| format!("{blank}{}{blank}:{}", generate_string(random), generate(random, depth - 1)))
                    .collect();
                format!("{{{}{blank}}}", members.join(","))
            }
        };
        format!("{blank}{value}{}", random.pick(&BLANKS))
    }

    fn generate_deep(random: &mut Random) -> String {
        let levels = 1 + random.below(200);
        let core = generate(random, 2);
        (0..levels).fold(core, |inner, _| match random.below(2) {
            0 => format!("[{inner}]"),
            _ => format!("{{\"deep\":{inner}}}"),
        })
    }

    /// Compares the sub-tree at `index` with what serde_json reads.
    fn assert_same(tree: &Tree, index: usize, raw: &RawValue) {
        assert_eq!(tree.json(index), Some(raw.get()));
        match tree.kind(index).unwrap() {
            Kind::Null => assert_eq!(raw.get(), "null"),
            Kind::Bool => assert_eq!(tree.bool(index), Some(serde_json::from_str(raw.get()).unwrap())),
            Kind::Int | Kind::Double => assert_same_number(tree, index, raw.get()),
            Kind::String => {
                let expected: String = serde_json::from_str(raw.get()).unwrap();
                assert_eq!(tree.string(index), Some(expected.as_bytes()));
                assert_eq!(tree.string_z(index).unwrap().last(), Some(&0));
            }
            Kind::Array => {
                let expected: Vec<&RawValue> = serde_json::from_str(raw.get()).unwrap();
                assert_eq!(tree.count(index), expected.len());
                for (n, element) in expected.into_iter().enumerate() {
                    assert_same(tree, tree.child(index, n).unwrap(), element);
                }
            }
            Kind::Object => assert_same_object(tree, index, raw.get()),
        }
    }

    fn assert_same_number(tree: &Tree, index: usize, raw: &str) {
        let is_int = raw != "-0" && serde_json::from_str::<i64>(raw).is_ok();
        assert_eq!(tree.kind(index) == Some(Kind::Int), is_int, "{raw}");
        assert_eq!(tree.double(index), raw.parse().ok());
        if let Ok(Value::Number(number)) = serde_json::from_str(raw) {
            let (expected, found) = (number.as_f64().unwrap(), tree.double(index).unwrap());
            assert!((expected - found).abs() <= expected.abs() * f64::EPSILON, "{raw}");
        }
        if is_int {
            assert_eq!(tree.int(index), serde_json::from_str(raw).ok());
        }
    }

    fn assert_same_object(tree: &Tree, index: usize, raw: &str) {
        let expected: HashMap<String, &RawValue> = serde_json::from_str(raw).unwrap();
        let mut keys: Vec<_> = (0..tree.count(index)).map(|n| tree.key(index, n).unwrap()).collect();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), expected.len());
        for (key, value) in expected {
            let pointer = format!("/{}", key.replace('~', "~0").replace('/', "~1"));
            assert_same(tree, tree.at(index, &pointer).unwrap(), value);
        }
    }

    #[test]
    fn thousands_of_documents_are_read_as_serde_json_reads_them() {
        let mut random = Random(0x9E37_79B9_7F4A_7C15);
        for n in 0..5_000 {
            let text = if n % 50 == 0 { generate_deep(&mut random) } else { generate(&mut random, 5) };
            let raw: &RawValue = serde_json::from_str(&text).unwrap();
            assert_same(&tree(&text), 0, raw);
        }
    }

    fn mutate(random: &mut Random, text: &str) -> String {
        const NOISE: &[u8] = b"{}[]:,\"\\u0d8 \n-+.eE1tfnx\x01~/'";
        let mut bytes = text.as_bytes().to_vec();
        for _ in 0..=random.below(3) {
            let at = random.below(bytes.len() + 1);
            match random.below(4) {
                0 => bytes.truncate(at),
                1 if at < bytes.len() => drop(bytes.remove(at)),
                2 if at < bytes.len() => bytes[at] = random.pick(NOISE),
                _ => bytes.insert(at, random.pick(NOISE)),
            }
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Whether serde_json reads every string of `text`; numbers, which it limits, stay text.
    fn is_readable(text: &str) -> bool {
        let raw = serde_json::from_str::<&RawValue>(text).map(RawValue::get);
        match raw.ok().and_then(|raw| raw.chars().next()) {
            None => false,
            Some('"') => serde_json::from_str::<String>(text).is_ok(),
            Some('[') => serde_json::from_str::<Vec<&RawValue>>(text)
                .is_ok_and(|all| all.iter().all(|raw| is_readable(raw.get()))),
            Some('{') => serde_json::from_str::<HashMap<String, &RawValue>>(text)
                .is_ok_and(|all| all.values().all(|raw| is_readable(raw.get()))),
            Some(_) => true,
        }
    }

    #[test]
    fn mutated_documents_get_the_verdict_of_serde_json() {
        let mut random = Random(0xD1B5_4A32_D192_ED03);
        let mut refused = 0;
        for _ in 0..20_000 {
            let text = generate(&mut random, 4);
            let text = mutate(&mut random, &text);
            let parsed = Tree::parse(text.as_str());
            assert_eq!(parsed.is_ok(), is_readable(&text), "{text:?}");
            refused += usize::from(parsed.is_err());
        }
        assert!((2_000..19_000).contains(&refused), "{refused}");
    }

    #[test]
    fn the_cursor_survives_what_is_not_json() {
        let mut random = Random(0x2545_F491_4F6C_DD1D);
        for _ in 0..20_000 {
            let text = generate(&mut random, 4);
            let text = mutate(&mut random, &text);
            let mut cursor = Cursor::new(&text);
            while cursor.skip_value().is_some() {}
            assert!(cursor.position() <= text.len());
            let mut builder = Builder::new(&text);
            while builder.step().is_some() {}
        }
    }
}
