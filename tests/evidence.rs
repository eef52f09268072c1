//! `docs/evidence.md` names tests that exist, and the hammer of the C tests hits every function of the header.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

fn read(path: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&file).unwrap_or_else(|error| panic!("{path} cannot be read: {error}"))
}

/// The rows of all tables, without their heads.
fn rows(document: &str) -> Vec<&str> {
    let is_rule = |line: &&str| line.starts_with("|---");
    let lines: Vec<&str> = document.lines().collect();
    let heads: BTreeSet<usize> =
        (1..lines.len()).filter(|at| is_rule(&lines[*at])).flat_map(|at| [at - 1, at]).collect();
    let is_row = |(at, line): &(usize, &&str)| line.starts_with('|') && !heads.contains(at);
    lines.iter().enumerate().filter(is_row).map(|(_, line)| *line).collect()
}

/// The tests that a row names: file and name.
fn tests_of(row: &str) -> Vec<(&str, &str)> {
    let spans = row.split('`').skip(1).step_by(2);
    spans.filter_map(|span| span.split_once('#')).collect()
}

/// Macros that make a test of each name in their list.
const LISTS: [&str; 3] = ["on_both_runtimes!", "rows!", "nothing_is_left!"];

/// Whether a source file in Rust makes the test by a macro.
fn is_listed(source: &str, name: &str) -> bool {
    let list = |of: &&str| Some(source.split_once(&format!("\n{of} {{\n"))?.1.split_once("\n}")?.0);
    let begins = |line: &str| line.trim().strip_prefix(name).is_some_and(|rest| rest.starts_with([',', ':']));
    LISTS.iter().filter_map(list).flat_map(str::lines).any(begins)
}

/// Whether the soak has the part, and both its long and its short form run it.
fn is_part_of_the_soak(source: &str, name: &str) -> bool {
    source.contains(&format!("{{\"{name}\", {name}}}"))
        && read("Makefile").matches(&format!("soak,{name} ")).count() == 2
}

/// Whether a source file has the test and runs it.
fn is_run(source: &str, file: &str, name: &str) -> bool {
    let is_word = |found: usize| !source[found + name.len()..].starts_with(|c: char| c.is_alphanumeric() || c == '_');
    let places = |before: &str| {
        let text = format!("{before}{name}");
        source.match_indices(&text).filter(|(at, _)| is_word(at + before.len())).map(|(at, _)| at).collect::<Vec<_>>()
    };
    if file.starts_with("scripts/") {
        return source.contains(&format!("\n{name}() {{\n")) && source.lines().any(|line| line == name);
    }
    if file.starts_with("tests/soak/") {
        return is_part_of_the_soak(source, name);
    }
    if file.ends_with(".py") {
        return name.starts_with("test_") && !places("    def ").is_empty();
    }
    if file.ends_with(".c") || file.ends_with(".cpp") {
        return ["CASE(", "LIVES(", "EXITS("].iter().any(|before| !places(before).is_empty());
    }
    is_listed(source, name) || places("fn ").iter().any(|at| source[..*at].trim_end().ends_with("#[test]"))
}

#[test]
fn every_row_names_a_test_and_every_test_named_is_run() {
    let document = read("docs/evidence.md");
    let mut sources = BTreeMap::new();
    let rows = rows(&document);
    assert!(rows.len() > 60, "only {} rows were found", rows.len());
    for row in rows {
        let tests = tests_of(row);
        assert!(!tests.is_empty(), "no test shows this: {row}");
        for (file, name) in tests {
            let source = sources.entry(file).or_insert_with(|| read(file));
            assert!(is_run(source, file, name), "{file} has no test {name}, which docs/evidence.md names");
        }
    }
}

/// The rows of a section, by the number that each begins with.
fn numbers_below(document: &str, heading: &str) -> BTreeSet<usize> {
    let section = document.split("\n## ").find_map(|section| section.strip_prefix(heading));
    let section = section.unwrap_or_else(|| panic!("docs/evidence.md has no section \"{heading}\""));
    let number = |row: &str| row.strip_prefix("| ")?.split(' ').next()?.parse().ok();
    rows(section).into_iter().filter_map(number).collect()
}

#[test]
fn all_defects_and_all_promises_have_their_row() {
    let document = read("docs/evidence.md");
    let no_matter_of_c = BTreeSet::from([29, 30, 51, 53, 56, 62, 81]);
    let of_python = (1..=98).collect::<BTreeSet<usize>>().difference(&no_matter_of_c).copied().collect();
    assert_eq!(numbers_below(&document, "What goes wrong in the Python SDK"), (1..=28).collect());
    assert_eq!(numbers_below(&document, "What a hardened client promises"), (104..=111).collect());
    assert_eq!(numbers_below(&document, "What the tests of the Python SDK promise"), of_python);
}

/// A header without its comments.
fn code_of(header: &str) -> String {
    let mut code = String::new();
    let mut rest = header;
    while let Some((before, comment)) = rest.split_once("/*") {
        code.push_str(before);
        rest = comment.split_once("*/").expect("a comment ends").1;
    }
    code + rest
}

/// The functions that a header declares.
fn declared(header: &str) -> BTreeSet<String> {
    let code = code_of(header);
    let is_directive = |line: &&str| !line.starts_with('#') && !line.starts_with("typedef");
    let code: Vec<&str> = code.lines().filter(is_directive).collect();
    names_before(&code.join("\n"), '(')
}

/// The names of the library that stand before a character.
fn names_before(text: &str, end: char) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != end);
    let called = words.flat_map(|word| word.split_inclusive(end)).filter_map(|word| word.strip_suffix(end));
    called.filter(|word| word.starts_with("codex_")).map(str::to_owned).collect()
}

#[test]
fn every_function_of_the_header_is_hammered() {
    let declared = declared(&read("include/codex.h"));
    let hammer = read("tests/c/test_concurrency.c");
    let listed: BTreeSet<String> = hammer
        .lines()
        .filter_map(|line| line.trim().strip_prefix("HAMMER(")?.strip_suffix("),").map(str::to_owned))
        .collect();
    assert!(declared.len() > 100, "only {} functions were found in the header", declared.len());
    let differ: Vec<&String> = declared.symmetric_difference(&listed).collect();
    assert!(differ.is_empty(), "only one of the header and tests/c/test_concurrency.c knows of {differ:?}");
    let called = names_before(&hammer, '(');
    let through_a_macro = |name: &String| {
        ["OPTIONS_CALL(", "MAKES_THREAD(", "MAKES_TURN(", "MAKES_RESULT("]
            .iter()
            .any(|it| hammer.contains(&format!("{it}{name},")))
            || [", ", ")"].iter().any(|end| hammer.contains(&format!(", {name}{end}")))
    };
    let missing: Vec<&String> =
        declared.iter().filter(|name| !called.contains(*name) && !through_a_macro(name)).collect();
    assert!(missing.is_empty(), "these are listed and never called: {missing:?}");
}

/// The functions that do something with a connection: with a client, or what belongs to one, first, and with a status.
fn functions_of_connections(header: &str) -> BTreeSet<String> {
    let handles = ["client", "login", "thread", "turn", "request"].map(|it| format!("(struct codex_{it} *"));
    let code = code_of(header);
    let declared = code.lines().filter_map(|line| line.strip_prefix("codex_status "));
    let of_a_handle = declared.filter(|rest| handles.iter().any(|handle| rest.contains(handle)));
    of_a_handle.filter_map(|rest| Some(rest.split_once('(')?.0.to_owned())).collect()
}

#[test]
fn every_call_of_a_connection_is_refused_in_the_child_of_a_fork() {
    let host = read("tests/c/test_host.c");
    let checked: Vec<&str> = host.lines().filter_map(|line| line.trim().strip_prefix("CHECK_FORKED(")).collect();
    let checked: BTreeSet<String> = checked.iter().filter_map(|it| Some(it.split_once('(')?.0.to_owned())).collect();
    let of_connections = functions_of_connections(&read("include/codex.h"));
    assert!(of_connections.len() > 40, "only {} functions were found in the header", of_connections.len());
    let differ: Vec<&String> = of_connections.symmetric_difference(&checked).collect();
    assert!(differ.is_empty(), "only one of the header and the forks of tests/c/test_host.c knows of {differ:?}");
}
