//! What the header says about the statuses of a function.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::declarations::{Function, functions};

const HEADER: &str = include_str!("../../include/codex.h");

/// What they return is the status of an error that was told before.
const OF_AN_ERROR: [&str; 2] = ["codex_error_status", "codex_event_status"];

/// They connect: before that no connection can be lost.
const CONNECTING: [&str; 2] = ["codex_client_connect", "codex_client_begin"];

/// What ends a connection.
const LOSSES: [&str; 3] = ["CODEX_ERROR_CLOSED", "CODEX_ERROR_PROTOCOL", "CODEX_ERROR_TRANSPORT"];

/// What may come instead of the answer to a call.
const NO_ANSWERS: [&str; 3] = ["CODEX_ERROR_AUTH", "CODEX_ERROR_OVERLOADED", "CODEX_ERROR_TIMED_OUT"];

type Statuses = BTreeSet<String>;

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}

fn errors(text: &str) -> Statuses {
    words(text).filter(|word| word.starts_with("CODEX_ERROR_")).map(str::to_owned).collect()
}

/// The functions that return a status of their own, with the errors that the header names for each.
fn named_errors() -> BTreeMap<&'static str, Statuses> {
    let functions: BTreeMap<_, _> = functions(HEADER).into_iter().map(|function| (function.name, function)).collect();
    let returns_status = |function: &Function| function.returns == "codex_status";
    let names: Vec<&str> = functions.values().filter(|it| returns_status(it)).map(|function| function.name).collect();
    assert!(names.len() > 80, "only {} functions that return a status were found in the header", names.len());
    let own = names.into_iter().filter(|name| !OF_AN_ERROR.contains(name));
    own.map(|name| (name, errors_of(name, &functions))).collect()
}

/// Those that its `@return` names, and those of the functions that it compares itself with.
fn errors_of(name: &str, functions: &BTreeMap<&str, Function>) -> Statuses {
    let said = functions.get(name).unwrap_or_else(|| panic!("the header has no function {name}")).said("@return");
    let others = said.split("as codex_").skip(1).filter_map(|rest| words(rest).next());
    let inherited = others.flat_map(|other| errors_of(&format!("codex_{other}"), functions));
    inherited.chain(errors(&said)).collect()
}

/// Those that the introduction allows every function, and those that it allows every one that waits.
fn allowed_everywhere() -> (Statuses, Statuses) {
    let (_, rule) = HEADER.split_once(" *   Statuses ").expect("the introduction has a rule about statuses");
    let (rule, _) = rule.split_once(" *   Lost ").expect("a rule about lost connections follows");
    let (all, waiting) = rule.split_once("`waits`").expect("the rule tells what functions that wait return");
    (errors(all), errors(waiting))
}

/// The names of those for which something does not hold.
fn broken(holds: impl Fn(&str, &Statuses) -> bool) -> Vec<&'static str> {
    named_errors().into_iter().filter(|(name, errors)| !holds(name, errors)).map(|(name, _)| name).collect()
}

fn has_all(errors: &Statuses, expected: &[&str]) -> bool {
    expected.iter().all(|status| errors.contains(*status))
}

/// What a C test expects: this function to return this error.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Expectation {
    function: String,
    status: String,
}

/// The expectations of a C file: each statement that checks what a call of one of the functions returns.
fn expectations(source: &str, functions: &BTreeMap<&str, Statuses>) -> Vec<Expectation> {
    let code =
        source.lines().filter(|line| !line.starts_with('#') && !line.ends_with('\\')).collect::<Vec<_>>().join("\n");
    code.split(";\n").filter_map(|statement| expectation(statement, functions)).collect()
}

fn expectation(statement: &str, functions: &BTreeMap<&str, Statuses>) -> Option<Expectation> {
    let checks = ["CHECK_STATUS(", "CHECK_INT(", "FAILS(", "FAILS_WITH_OUT("];
    let start = checks.iter().filter_map(|check| statement.rfind(check)).max()?;
    let check = &statement[start..];
    let status = words(check).find(|word| word.starts_with("CODEX_ERROR_"))?;
    let function = words(check).find(|word| functions.contains_key(word))?;
    Some(Expectation { function: function.to_owned(), status: status.to_owned() })
}

#[test]
fn every_error_that_a_c_test_expects_of_a_function_is_named_for_it() {
    let named = named_errors();
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/c");
    let files = fs::read_dir(tests).expect("tests/c can be read").map(|entry| entry.unwrap().path());
    let sources = files.filter(|path| path.extension().is_some_and(|it| it == "c"));
    let expected: BTreeSet<Expectation> =
        sources.flat_map(|path| expectations(&fs::read_to_string(path).unwrap(), &named)).collect();
    assert!(expected.len() > 60, "only {} expectations were found in tests/c", expected.len());
    let (all, waiting) = allowed_everywhere();
    let waits: BTreeSet<&str> =
        functions(HEADER).iter().filter(|it| it.said("@note").contains("; waits; ")).map(|it| it.name).collect();
    let is_named = |Expectation { function, status }: &&Expectation| {
        let is_waiting = waits.contains(function.as_str());
        named[function.as_str()].contains(status) || all.contains(status) || is_waiting && waiting.contains(status)
    };
    let unnamed: Vec<_> = expected.iter().filter(|it| !is_named(it)).collect();
    assert!(unnamed.is_empty(), "the @return of these functions does not name what a test sees: {unnamed:#?}");
}

#[test]
fn whoever_may_find_the_connection_lost_names_all_that_ends_one() {
    let broken = broken(|name, errors| {
        CONNECTING.contains(&name) || !errors.contains("CODEX_ERROR_TRANSPORT") || has_all(errors, &LOSSES)
    });
    assert!(broken.is_empty(), "these name CODEX_ERROR_TRANSPORT and not all of {LOSSES:?}: {broken:?}");
}

#[test]
fn whoever_waits_for_an_answer_of_the_runtime_names_all_that_may_come_instead() {
    let broken = broken(|name, errors| {
        CONNECTING.contains(&name) || !errors.contains("CODEX_ERROR_RPC") || has_all(errors, &NO_ANSWERS)
    });
    assert!(broken.is_empty(), "these name CODEX_ERROR_RPC and not all of {NO_ANSWERS:?}: {broken:?}");
}

#[test]
fn whoever_takes_json_names_what_comes_of_a_text_that_is_none() {
    let takes_json = |function: &Function| {
        function
            .parameters
            .iter()
            .any(|it| it.name == "json" || it.name.ends_with("_json") && !it.name.starts_with("out"))
    };
    let takers: BTreeSet<&str> = functions(HEADER).iter().filter(|it| takes_json(it)).map(|it| it.name).collect();
    assert!(takers.len() > 20, "only {} functions that take JSON were found in the header", takers.len());
    let broken = broken(|name, errors| !takers.contains(name) || errors.contains("CODEX_ERROR_INVALID_JSON"));
    assert!(broken.is_empty(), "these take JSON and do not name CODEX_ERROR_INVALID_JSON: {broken:?}");
}

#[test]
fn every_function_that_returns_a_status_says_what_success_is() {
    let functions: BTreeMap<_, _> = functions(HEADER).into_iter().map(|function| (function.name, function)).collect();
    let broken = broken(|name, _| {
        let said = functions[name].said("@return");
        said.contains("CODEX_OK") || said.contains("as codex_")
    });
    assert!(broken.is_empty(), "these name neither CODEX_OK nor a function that they are like: {broken:?}");
}
