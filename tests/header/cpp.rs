//! `include/codex.hpp` offers everything that `include/codex.h` has.

use std::collections::BTreeSet;

use crate::declarations::functions;

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
