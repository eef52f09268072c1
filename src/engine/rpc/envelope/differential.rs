//! The quick scanner against serde: on a million lines they never say different things.

use std::fs;

use super::*;

/// How many lines are tried; `CODEX_FUZZ_LINES` tries more.
const LINES: u64 = 1_000_000;

struct Random(u64);

impl Random {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap_or(0) % below
    }

    fn pick<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.next(choices.len())]
    }
}

const KEYS: &[&str] = &[
    "method",
    "id",
    "params",
    "result",
    "error",
    "emittedAtMs",
    "jsonrpc",
    "threadId",
    "turnId",
    "itemId",
    "thread",
    "turn",
    "item",
    "delta",
    "x",
    "",
    "m\\u0065thod",
    "thread\\n",
    "é",
];

const VALUES: &[&str] = &[
    "\"text\"",
    "\"\"",
    "\"a\\\"b\\n\"",
    "\"\\ud83d\\ude00\"",
    "\"\\ud800\"",
    "\"é€😀\"",
    "0",
    "-0",
    "1.5",
    "1e9",
    "-7",
    "9223372036854775808",
    "true",
    "false",
    "null",
    "[]",
    "[1,2]",
    "{}",
    "{\"id\":\"i\"}",
    "{\"id\":5}",
    "{\"id\":null}",
    "{\"id\":\"a\",\"id\":\"b\"}",
];

const INVALID: &[&str] =
    &["01", "1.", "nul", "+1", "\"\\x\"", "\"\\u12g4\"", "\"tab\there\"", "'x'", ".5", "1e", "--1", "[1,]", "{,}"];

/// Around where the quick scanner gives up.
fn nested(random: &mut Random) -> String {
    let depth = 60 + random.next(70);
    let (open, close) = *[("[", "]"), ("{\"id\":", "}")].get(random.next(2)).expect("one of two");
    format!("{}{}{}", open.repeat(depth), random.pick(VALUES), close.repeat(depth))
}

/// Longer than anything that is looked at in one piece, with whatever is special anywhere in it.
fn long(random: &mut Random) -> String {
    const PIECES: &[&str] =
        &["a", "plain words ", "é", "😀", "\\n", "\\\"", "\\\\", "\\u00e9", "\\ud83d\\ude00", "{[,:]}", "/"];
    let pieces: String = (0..random.next(60)).map(|_| random.pick(PIECES)).collect();
    format!("\"{pieces}\"")
}

/// Around where numbers no longer fit into 64 bits.
fn digits(random: &mut Random) -> String {
    let count = 16 + random.next(6);
    (0..count).map(|_| random.pick(&["0", "1", "7", "9"])).collect()
}

fn value(random: &mut Random, depth: usize) -> String {
    match random.next(10) {
        3 if random.next(60) == 0 => nested(random),
        4 if random.next(10) == 0 => long(random),
        5 if random.next(20) == 0 => digits(random),
        0..=1 if depth < 4 => object(random, depth + 1),
        2 if depth < 4 => {
            let elements: Vec<String> = (0..random.next(3)).map(|_| value(random, depth + 1)).collect();
            format!("[{}]", elements.join(","))
        }
        _ if random.next(50) == 0 => random.pick(INVALID).to_owned(),
        _ => random.pick(VALUES).to_owned(),
    }
}

fn object(random: &mut Random, depth: usize) -> String {
    let members: Vec<String> = (0..random.next(6))
        .map(|_| format!("\"{}\"{}:{}", random.pick(KEYS), random.pick(&["", "", " "]), value(random, depth)))
        .collect();
    format!("{{{}}}", members.join(random.pick(&[",", ",", " , "])))
}

/// Most strings are plain.
fn string(random: &mut Random) -> String {
    match random.next(4) {
        0 => random.pick(VALUES).to_owned(),
        1 if random.next(3) == 0 => long(random),
        1 => format!("\"{}\"", random.pick(&["a\\nb", "\\u00e9", "quote \\\" and more than eight bytes"])),
        _ => format!("\"{}\"", random.pick(&["tok", "", "two words", "é€😀", "0123456701234567012345670123456"])),
    }
}

/// What a runtime says, with the members in any order, and sometimes spoilt.
fn usual(random: &mut Random) -> String {
    let mut params = vec![
        r#""threadId":"01a20344-85ff-7a51-a522-f2f9a40fcd72""#.to_owned(),
        r#""turnId":"01a20344-8612-7933-8bf6-672dac0854b2""#.to_owned(),
        r#""itemId":"msg_1""#.to_owned(),
        format!(r#""delta":{}"#, string(random)),
        format!(r#""item":{{"id":"i","text":{},"content":{}}}"#, string(random), value(random, 1)),
    ];
    if random.next(3) == 0 {
        params.push(format!(r#""{}":{}"#, random.pick(KEYS), value(random, 0)));
    }
    let rotation = random.next(params.len());
    params.rotate_left(rotation);
    let mut members = vec![
        format!(r#""method":"{}""#, random.pick(&["item/agentMessage/delta", "turn/completed", "x\\/y", ""])),
        format!(r#""params":{{{}}}"#, params.join(",")),
        format!(
            r#""{}":{}"#,
            random.pick(&["emittedAtMs", "id"]),
            random.pick(&["0", "7", "1795351152187", "-7", "null", "1.5"])
        ),
    ];
    if random.next(3) == 0 {
        members.push(format!(r#""{}":{}"#, random.pick(KEYS), value(random, 0)));
    }
    let rotation = random.next(members.len());
    members.rotate_left(rotation);
    format!("{{{}}}", members.join(","))
}

fn spoil(random: &mut Random, line: &mut String) {
    let mut bytes = std::mem::take(line).into_bytes();
    let at = random.next(bytes.len().max(1));
    match random.next(3) {
        0 => bytes.truncate(at),
        1 if !bytes.is_empty() => bytes[at] = b"{}[]\",:\\ x0\n\x01"[random.next(13)],
        _ => bytes.insert(at, b"{}[]\",:\\ x0\n\x01"[random.next(13)]),
    }
    *line = String::from_utf8_lossy(&bytes).into_owned();
}

fn agree(line: &str) -> bool {
    match scan(line) {
        Some(quick) => Envelope::read_unusual(line).as_ref() == Ok(&quick),
        None => true,
    }
}

/// Holds the two against each other on random lines; says how many of them were read quickly.
fn compare(seed: u64, lines: u64) -> u64 {
    let mut random = Random(seed);
    let mut quick = 0;
    for number in 0..lines {
        let mut line = if number % 2 == 0 { usual(&mut random) } else { object(&mut random, 0) };
        if random.next(4) == 0 {
            spoil(&mut random, &mut line);
        }
        quick += u64::from(scan(&line).is_some());
        assert!(
            agree(&line),
            "line {number} of seed {seed:#x}: {line}\n  quick {:?}\n  serde {:?}",
            scan(&line),
            Envelope::read_unusual(&line)
        );
    }
    quick
}

#[test]
fn the_quick_scanner_never_disagrees_with_serde() {
    const SEEDS: [u64; 2] = [0x9E37_79B9_7F4A_7C15, 0xD1B5_4A32_D192_ED03];
    let lines = std::env::var("CODEX_FUZZ_LINES").ok().map_or(LINES, |lines| lines.parse().expect("a number of lines"));
    let quick: u64 = std::thread::scope(|scope| {
        let halves = SEEDS.map(|seed| scope.spawn(move || compare(seed, lines / 2)));
        halves.map(|half| half.join().expect("the two agree")).iter().sum()
    });
    assert!(quick > lines / 10, "only {quick} of {lines} lines were usual");
}

#[test]
fn recorded_lines_are_read_alike_and_almost_all_quickly() {
    let files = fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data")).unwrap();
    let files =
        files.map(|file| file.unwrap().path()).filter(|file| file.extension().is_some_and(|end| end == "jsonl"));
    let recordings: Vec<String> = files.map(|file| fs::read_to_string(file).unwrap()).collect();
    assert!(recordings.len() >= 12, "{} recordings", recordings.len());
    let (mut quick, mut all) = (0, 0);
    for line in recordings.iter().flat_map(|recording| recording.lines()) {
        #[derive(Deserialize)]
        struct Entry<'a> {
            #[serde(borrow)]
            msg: &'a RawValue,
        }
        let entry: Entry<'_> = serde_json::from_str(line).unwrap();
        assert!(agree(entry.msg.get()), "{}", entry.msg.get());
        all += 1;
        quick += usize::from(scan(entry.msg.get()).is_some());
    }
    assert!(quick * 10 > all * 8, "{quick} of {all} lines were read quickly");
}
