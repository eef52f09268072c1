//! The code in the README, in the guides and in the reference compiles, and what they link to is there.
//!
//! A block that has no `main` is taken for a part of a function with the parameters in `C` or `CPP`, so that it can speak of
//! `client` or `error`. Directives, types and static functions in it stand before that function.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// How a language is compiled.
struct Language {
    /// What the fence of a block says.
    fence: &'static str,
    compiler: (&'static str, &'static str),
    flags: &'static [&'static str],
    includes: &'static str,
    parameters: &'static str,
}

const C: Language = Language {
    fence: "c",
    compiler: ("CC", "cc"),
    flags: &["-xc", "-std=c99"],
    includes: "#include <codex.h>\n#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n",
    parameters: "codex_client *client, codex_client_options *options, codex_thread *thread, codex_turn *turn, \
                 codex_turn_result *result, codex_event *event, codex_request *request, codex_error *error",
};

const CPP: Language = Language {
    fence: "cpp",
    compiler: ("CXX", "c++"),
    flags: &["-xc++", "-std=c++17"],
    includes: "#include <codex.hpp>\n#include <iostream>\n#include <string>\n",
    parameters: "codex::client &client, codex::client_options &options, codex::thread &thread, codex::turn &turn",
};

/// The functions with which a program is written: each has an example in the reference.
const MAIN_FUNCTIONS: [&str; 30] = [
    "codex_client_add_tool",
    "codex_client_begin",
    "codex_client_begin_call",
    "codex_client_call",
    "codex_client_close",
    "codex_client_connect",
    "codex_client_login_device_code",
    "codex_client_next_event",
    "codex_client_options_new",
    "codex_client_options_set_request_handler",
    "codex_client_set_wakeup",
    "codex_error_message",
    "codex_event_take_request",
    "codex_params_new",
    "codex_request_approve",
    "codex_request_respond_text",
    "codex_thread_goal",
    "codex_thread_list",
    "codex_thread_resume",
    "codex_thread_review",
    "codex_thread_run",
    "codex_thread_run_streamed",
    "codex_thread_start",
    "codex_turn_begin",
    "codex_turn_next_event",
    "codex_turn_result_item",
    "codex_turn_result_output",
    "codex_turn_start",
    "codex_turn_wait",
    "codex_value_at",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files(directory: &str, extension: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join(directory)).unwrap_or_else(|error| panic!("{directory}: {error}"));
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let mut files: Vec<PathBuf> = paths.filter(|path| path.extension().is_some_and(|it| it == extension)).collect();
    files.sort();
    files
}

fn documents() -> Vec<PathBuf> {
    let mut documents = files("docs/guides", "md");
    documents.push(root().join("README.md"));
    documents
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The source of a folder without its tests.
fn sources(directory: &str) -> String {
    let entries = fs::read_dir(root().join(directory)).unwrap_or_else(|error| panic!("{directory}: {error}"));
    let names = entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"));
    let folders = names.filter(|name| !name.contains('.') && name != "tests");
    let below = folders.map(|folder| sources(&format!("{directory}/{folder}")));
    let here = files(directory, "rs").into_iter().filter(|file| !file.ends_with("tests.rs"));
    let code = here.map(|file| read(&file).split("#[cfg(test)]").next().expect("a part").to_owned());
    below.chain(code).collect()
}

/// The words for causes that the source has: those of the library, and those that it makes of the runtime's sentences.
fn reasons() -> BTreeSet<String> {
    let source = sources("src/engine");
    let behind = |opening: &'static str| source.split(opening).skip(1).filter_map(|rest| rest.split_once('"'));
    let own = behind("with_reason(\"");
    let of_the_runtime = behind("\"), \"").filter(|(_, rest)| rest.starts_with("),\n"));
    own.chain(of_the_runtime).map(|(word, _)| word.to_owned()).collect()
}

/// The blocks of a language, with the lines on which they begin.
fn blocks<'a>(document: &'a str, language: &Language) -> Vec<(usize, &'a str)> {
    let opening = format!("```{}\n", language.fence);
    let starts = document.match_indices(&opening).map(|(at, _)| at + opening.len());
    let block = |start: usize| {
        let line = document[..start].lines().count() + 1;
        (line, document[start..].split_once("\n```").expect("a block ends").0)
    };
    starts.map(block).collect()
}

/// What a compiler is to see of a block.
fn unit(block: &str, language: &Language) -> String {
    if block.contains("int main(") {
        return block.to_owned();
    }
    let (outside, inside) = parts(block);
    let Language { includes, parameters, .. } = language;
    format!(
        "{includes}{outside}int fragment({parameters});\nint fragment({parameters}) {{\n{{\n{inside}}}\nreturn 0;\n}}\n"
    )
}

/// What stands outside of functions, and what inside of one.
fn parts(block: &str) -> (String, String) {
    let (mut outside, mut inside, mut is_open) = (String::new(), String::new(), false);
    for line in block.lines() {
        let begins = ["static ", "typedef ", "struct ", "enum ", "#"].iter().any(|start| line.starts_with(start));
        let part = if begins || is_open { &mut outside } else { &mut inside };
        part.push_str(line);
        part.push('\n');
        is_open = (is_open && !line.starts_with('}')) || (begins && line.ends_with('{'));
    }
    (outside, inside)
}

/// What the compiler says against a text.
fn complaints(text: &str, language: &Language) -> Option<String> {
    let (variable, usual) = language.compiler;
    let name = std::env::var(variable).unwrap_or_else(|_| usual.to_owned());
    let mut compiler = Command::new(&name)
        .args(language.flags)
        .args(["-fsyntax-only", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-Wno-unused"])
        .arg(format!("-I{}", root().join("include").display()))
        .arg("-")
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{name} cannot be run: {error}; install a C and a C++ compiler"));
    compiler.stdin.take().expect("a pipe").write_all(text.as_bytes()).expect("the compiler reads");
    let done = compiler.wait_with_output().expect("the compiler ends");
    (!done.status.success()).then(|| String::from_utf8_lossy(&done.stderr).into_owned())
}

fn all_compile(language: &Language, at_least: usize) {
    let mut count = 0;
    for path in documents() {
        let document = read(&path);
        for (line, block) in blocks(&document, language) {
            count += 1;
            let said = complaints(&unit(block, language), language);
            assert!(said.is_none(), "{}:{line}:\n{block}\n{}", path.display(), said.unwrap_or_default());
        }
    }
    assert!(count >= at_least, "only {count} blocks were found");
}

#[test]
fn every_block_of_c_compiles() {
    all_compile(&C, 8);
}

#[test]
fn every_block_of_cpp_compiles() {
    all_compile(&CPP, 1);
}

#[test]
fn every_example_of_the_reference_compiles() {
    for path in files("docs/examples", "c") {
        let said = complaints(&unit(&read(&path), &C), &C);
        assert!(said.is_none(), "{}:\n{}", path.display(), said.unwrap_or_default());
    }
}

#[test]
fn the_main_functions_have_an_example_in_the_reference() {
    let header = read(&root().join("include/codex.h"));
    let stem = |path: &PathBuf| path.file_stem().and_then(|stem| stem.to_str()).expect("UTF-8").to_owned();
    let shown: Vec<String> = files("docs/examples", "c").iter().map(stem).collect();
    for name in &shown {
        assert!(header.contains(&format!("{name}(")), "docs/examples/{name}.c is about no function of the header");
        assert!(read(&root().join(format!("docs/examples/{name}.c"))).contains(name), "{name}.c does not call {name}");
    }
    let missing: Vec<&&str> = MAIN_FUNCTIONS.iter().filter(|name| !shown.contains(&(**name).to_owned())).collect();
    assert!(missing.is_empty(), "these have no example in docs/examples: {missing:?}");
}

#[test]
fn every_link_leads_to_a_file() {
    for path in documents() {
        let document = read(&path);
        let prose: String = document.split("```").step_by(2).collect();
        let links = prose.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(link, _)| link);
        for link in links.filter(|link| !link.contains("://") && !link.starts_with('#')) {
            let file = link.split('#').next().expect("a part");
            let target = path.parent().expect("a directory").join(file);
            assert!(target.exists(), "{} links to {link}, which is not there", path.display());
        }
    }
}

#[test]
fn every_reason_of_an_error_is_in_the_guide() {
    let guide = read(&root().join("docs/guides/errors-and-deadlines.md"));
    let reasons = reasons();
    assert!(reasons.len() > 30, "only these were found in the source: {reasons:?}");
    let missing: Vec<_> = reasons.iter().filter(|reason| !guide.contains(&format!("`{reason}`"))).collect();
    assert!(missing.is_empty(), "docs/guides/errors-and-deadlines.md lists the reasons, but not {missing:?}");
}

#[test]
fn every_guide_is_listed() {
    let list = read(&root().join("docs/guides/README.md"));
    for path in files("docs/guides", "md") {
        let name = path.file_name().and_then(|name| name.to_str()).expect("UTF-8");
        assert!(
            name == "README.md" || list.contains(&format!("({name})")),
            "docs/guides/README.md does not list {name}"
        );
    }
}
