//! The model as a program.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use crate::client::request;

struct Program {
    child: Child,
    url: String,
}

impl Program {
    fn start(arguments: &[&str]) -> Self {
        let mut child = command(arguments).spawn().unwrap();
        let mut line = String::new();
        let stdout = child.stdout.as_mut().unwrap();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        let url = line.strip_prefix("listening on ").expect(&line).trim_end();
        Self { child, url: url.to_owned() }
    }

    fn ask(&self, body: &str) -> String {
        request(&self.url, "POST", "/v1/responses", body).body
    }

    fn end(mut self) -> bool {
        drop(self.child.stdin.take());
        self.child.wait().unwrap().success()
    }
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_scripted-model"));
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// The output of a program that must not start.
fn refused(arguments: &[&str]) -> String {
    let Output { status, stdout, stderr } = command(arguments).output().unwrap();
    assert!(!status.success());
    assert!(stdout.is_empty());
    String::from_utf8(stderr).unwrap()
}

#[test]
fn it_serves_until_its_stdin_ends() {
    let mut program = Program::start(&[]);
    assert_eq!(request(&program.url, "GET", "/v1/models", "").status, 200);
    let mut stdout = program.child.stdout.take().unwrap();
    assert!(program.end());
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "");
}

#[test]
fn it_plays_the_responses_of_a_script_in_order() {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("scripted-model-order.json");
    fs::write(&path, r#"[{"text": "first"}, {"text": ["sec", "ond"]}]"#).unwrap();
    let program = Program::start(&["--script", path.to_str().unwrap()]);
    assert!(program.ask("{}").contains("first"));
    assert!(program.ask("{}").contains("second"));
    assert!(program.ask("{}").contains("no response queued"));
    assert!(program.end());
    fs::remove_file(path).unwrap();
}

#[test]
fn the_demo_says_that_it_is_a_stand_in() {
    let program = Program::start(&["--demo"]);
    for _ in 0..2 {
        let remark = program.ask("{}");
        assert!(remark.contains("stand-in"), "{remark}");
        assert!(remark.contains("exec_command"), "{remark}");
        let answer = program.ask(r#"{"input": [{"type": "function_call_output", "call_id": "c", "output": "x"}]}"#);
        assert!(answer.contains("stand-in"), "{answer}");
        assert!(answer.contains("final_answer"), "{answer}");
    }
    assert!(program.end());
}

#[test]
fn it_says_what_is_wrong_with_its_arguments() {
    assert!(refused(&["--demon"]).contains("\"--demon\" is not an argument"));
    assert!(refused(&["--script"]).contains("usage:"));
    assert!(refused(&["--script", "nowhere.json"]).contains("nowhere.json could not be read"));
}
