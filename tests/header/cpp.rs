//! `include/codex.hpp` offers everything that `include/codex.h` has.

use std::collections::BTreeSet;

use crate::declarations::functions;

/// What a helper of the wrapper calls for its members.
const HELPERS: [(&str, &str); 2] =
    [("next_of_turn", "codex_turn_next_event"), ("next_of_client", "codex_client_next_event")];

const HEADER: &str = include_str!("../../include/codex.h");
const WRAPPER: &str = include_str!("../../include/codex.hpp");

/// What C++ needs no name of its own for.
const NOT_WRAPPED: [&str; 6] = [
    "CODEX_H",
    "CODEX_ABI_VERSION",
    "CODEX_VERSION_MAJOR",
    "CODEX_VERSION_MINOR",
    "CODEX_VERSION_NUMBER",
    "CODEX_VERSION_PATCH",
];

fn words(text: &str) -> BTreeSet<&str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect()
}

/// The words of the code, without its comments.
fn used() -> BTreeSet<&'static str> {
    WRAPPER.lines().map(|line| line.split_once("//").map_or(line, |(code, _)| code)).flat_map(words).collect()
}

fn missing<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let used = used();
    names.into_iter().filter(|name| !used.contains(name) && !NOT_WRAPPED.contains(name)).collect()
}

#[test]
fn every_function_can_be_called_in_cpp() {
    let functions = functions(HEADER);
    assert!(functions.len() > 150, "only {} functions were found in the header", functions.len());
    let missing = missing(functions.iter().map(|function| function.name));
    assert!(missing.is_empty(), "add these to include/codex.hpp, beside their kin: {missing:?}");
}

#[test]
fn every_constant_has_its_name_in_cpp() {
    let macros = HEADER.lines().filter_map(|line| line.strip_prefix("#define ")?.split([' ', '(']).next());
    let constants: Vec<&str> = macros.collect();
    assert!(constants.len() > 70, "only {} constants were found in the header", constants.len());
    let missing = missing(constants);
    assert!(missing.is_empty(), "add these to the enumerations of include/codex.hpp: {missing:?}");
}

/// What the reference shows: comments, each with the code of what it is about.
fn documented(shown: &str) -> Vec<(String, String)> {
    let lines: Vec<&str> = shown.lines().map(str::trim).collect();
    let is_comment = |line: &&&str| line.starts_with("/// ");
    let begins = |at: &usize| is_comment(&&lines[*at]) && (*at == 0 || !is_comment(&&lines[at - 1]));
    let about = |start: usize| {
        let comment: Vec<&str> = lines[start..].iter().take_while(is_comment).copied().collect();
        (comment.join(" "), definition(&lines[start + comment.len()..]))
    };
    (0..lines.len()).filter(begins).map(about).collect()
}

/// The code to the end of a definition; of a type none, for its members have comments of their own.
fn definition(lines: &[&str]) -> String {
    let is_type = |line: &str| {
        ["class ", "struct ", "enum "].iter().any(|word| line.starts_with(word)) && !line.starts_with("class =")
    };
    let mut code = String::new();
    for line in lines.iter().take_while(|line| !line.starts_with("///")) {
        if code.is_empty() && is_type(line) {
            break;
        }
        code += line;
        code.push('\n');
        let is_open = code.matches(['(', '{']).count() > code.matches([')', '}']).count();
        if !is_open && line.ends_with([';', '}']) {
            break;
        }
    }
    code
}

/// The wrapper without what the reference does not show.
fn shown() -> String {
    let behind = |part: &'static str| part.split_once("/// @endcond").map_or(part, |(_, shown)| shown);
    WRAPPER.split("/// @cond").map(behind).collect()
}

#[test]
fn every_member_that_calls_a_function_of_c_points_to_it() {
    let functions: BTreeSet<&str> = functions(HEADER).iter().map(|function| function.name).collect();
    let helped = |word| HELPERS.iter().find(|(helper, _)| *helper == word).map_or(word, |(_, function)| *function);
    let frees = |name: &&str| name.ends_with("_free");
    let shown = shown();
    let documented = documented(&shown);
    let calls = documented.iter().filter_map(|(comment, code)| {
        let called: BTreeSet<&str> =
            words(code).into_iter().map(helped).filter(|word| functions.contains(word) && !frees(word)).collect();
        (!called.is_empty()).then(|| (comment, code, called.is_disjoint(&words(comment))))
    });
    let calls: Vec<_> = calls.collect();
    assert!(calls.len() > 150, "only {} members that call C were found in include/codex.hpp", calls.len());
    let silent: Vec<_> =
        calls.iter().filter(|(.., silent)| *silent).map(|(comment, code, _)| (comment, code)).collect();
    assert!(silent.is_empty(), "add @see, with the function that they call, to the comments of these: {silent:#?}");
}
