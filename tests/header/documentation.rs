//! What is said about each function of the header.

use crate::declarations::{Function, functions};

const HEADER: &str = include_str!("../../include/codex.h");

/// Checks one thing about all functions, and names those where it does not hold.
fn all(promise: impl Fn(&Function) -> bool, what: &str) {
    let functions = functions(HEADER);
    assert!(functions.len() > 150, "only {} functions were found in the header", functions.len());
    let broken: Vec<&str> =
        functions.iter().filter(|function| !promise(function)).map(|function| function.name).collect();
    assert!(broken.is_empty(), "{what}: {broken:?}");
}

fn has_word(text: &str, words: &[&str]) -> bool {
    words.iter().any(|word| text.contains(word))
}

#[test]
fn every_function_begins_with_a_sentence() {
    let is_sentence = |function: &Function| {
        let prose = function.prose();
        prose.trim().len() > 10 && prose.contains(['.', ':', '?'])
    };
    all(is_sentence, "these have no sentence that says what they do");
}

#[test]
fn every_parameter_is_explained_but_the_last_which_a_rule_is_about() {
    let is_explained = |function: &Function| {
        let others = function.parameters.iter().filter(|parameter| parameter.name != "err");
        others.into_iter().all(|parameter| !function.said(&format!("@param {}", parameter.name)).is_empty())
    };
    all(is_explained, "a parameter of these has no @param");
}

#[test]
fn every_pointer_that_is_handed_out_is_owned_or_borrowed() {
    let says_whose = |text: &str| has_word(text, &["owned", "borrowed", "static", "as of"]);
    let of_the_host = |function: &Function| function.name.ends_with("_user_data");
    let is_told = |function: &Function| {
        let returned = !function.returns.ends_with('*') || says_whose(&function.said("@return"));
        let out = function.parameters.iter().filter(|it| it.is_place_for_pointer && it.name != "err");
        returned && out.into_iter().all(|it| says_whose(&function.said(&format!("@param {}", it.name))))
    };
    all(|function| of_the_host(function) || is_told(function), "these do not say who frees what they hand out");
}

#[test]
fn every_function_says_on_which_threads_it_may_be_called_whether_it_waits_and_since_when() {
    let is_told = |function: &Function| {
        let note = function.said("@note");
        let may_fail = function.returns == "codex_status" && !function.parameters.is_empty();
        has_word(&note, &["any thread; ", "one thread at a time; "])
            && note.contains("since ")
            && (!may_fail || has_word(&note, &["waits; "]))
    };
    all(is_told, "the @note of these does not say \"any thread; waits; since 0.1.0\" or the like");
}
