use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use fake_runtime::{Action, ChildOutput, Script, SpawnChild};
use serde_json::json;

use crate::client::{Client, PATIENCE};

const SIGKILL: i32 = 9;
const SIGTERM: i32 = 15;

fn signal(name: &str, pid: &str) {
    let status = Command::new("kill").args([name, pid]).status();
    assert!(status.expect("kill can be run").success());
}

fn ask(actions: impl IntoIterator<Item = Action>) -> Client {
    let mut client = Client::start(&Script::new().on("ask", actions));
    client.request(1, "ask", json!({}));
    client
}

#[test]
fn it_tells_its_version_without_reading() {
    let output =
        Command::new(env!("CARGO_BIN_EXE_fake-runtime")).arg("--version").output().expect("the program starts");
    assert_eq!(output.stdout, b"codex-cli 0.169.0\n");
    assert!(output.status.success());
}

#[test]
fn exit_ends_with_its_code() {
    assert_eq!(ask([Action::exit(7)]).wait().code(), Some(7));
}

#[test]
fn abort_ends_as_kill_does() {
    assert_eq!(ask([Action::abort()]).wait().signal(), Some(SIGKILL));
}

#[test]
fn stderr_gets_text_and_bytes() {
    let mut client = ask([Action::stderr("Error: x"), Action::stderr_bytes(*b"\x1b[31m\xff"), Action::exit(0)]);
    assert_eq!(client.stderr(), b"Error: x\n\x1b[31m\xff");
}

#[test]
fn the_end_of_stdin_ends_the_process() {
    let mut client = Client::greet(&Script::new());
    client.close_stdin();
    assert_eq!(client.wait().code(), Some(0));
    let record = client.record();
    assert_eq!(record[0], format!("#pid {}", client.child.id()));
    assert!(record[1].contains("\"initialize\""), "{record:?}");
    assert_eq!(record[2], "#eof");
}

#[test]
fn an_unterminated_last_line_is_recorded_but_not_answered() {
    let mut client = Client::start(&Script::new().on("ask", [Action::reply(1)]).ignore_eof());
    client.send_bytes(b"{\"id\":1,\"method\":\"ask\"}");
    client.close_stdin();
    client.recorded("#eof");
    assert_eq!(client.record()[1], "{\"id\":1,\"method\":\"ask\"}");
    client.assert_quiet();
}

#[test]
fn the_end_of_stdin_can_be_ignored() {
    let script =
        Script::new().on("ask", [Action::wait_for("last"), Action::sleep_ms(100), Action::reply("still here")]);
    let mut client = Client::start(&script.ignore_eof());
    client.request(1, "ask", json!({}));
    client.send(&json!({"method": "last"}));
    client.close_stdin();
    client.recorded("#eof");
    assert_eq!(client.next()["result"], "still here");
    assert!(client.child.try_wait().expect("it can be waited for").is_none());
}

#[test]
fn sigterm_is_recorded_and_ends_the_process() {
    let mut client = Client::greet(&Script::new());
    signal("-TERM", &client.child.id().to_string());
    assert_eq!(client.wait().signal(), Some(SIGTERM));
    assert_eq!(client.record().last().map(String::as_str), Some("#sigterm"));
}

#[test]
fn sigterm_can_be_ignored() {
    let script = Script::new().on("ask", [Action::reply(1)]).ignore_term();
    let mut client = Client::greet(&script);
    signal("-TERM", &client.child.id().to_string());
    client.recorded("#sigterm");
    client.request(1, "ask", json!({}));
    assert_eq!(client.next()["result"], 1);
}

#[test]
fn invalid_utf_8_ends_the_process_as_in_the_real_runtime() {
    let mut client = Client::start(&Script::new());
    client.send_bytes(b"{\"id\":1,\"method\":\"\xff\"}\n");
    assert_eq!(client.wait().code(), Some(0));
    let expected = b"Failed reading stdin: stream did not contain valid UTF-8\n";
    assert_eq!(client.stderr(), expected);
}

#[test]
fn a_closed_stdout_ends_the_stream_but_not_the_process() {
    let mut client = ask([Action::reply(1), Action::close_stdout()]);
    assert_eq!(client.next()["result"], 1);
    client.assert_stdout_ends();
    client.request(2, "ask", json!({}));
    client.recorded("{\"id\":2,");
    assert!(client.child.try_wait().expect("it can be waited for").is_none());
    client.close_stdin();
    assert_eq!(client.wait().code(), Some(0));
}

#[test]
fn a_closed_stderr_ends_the_stream_but_not_the_process() {
    let mut client =
        ask([Action::stderr("last words"), Action::close_stderr(), Action::stderr("lost"), Action::reply(1)]);
    assert_eq!(client.stderr(), b"last words\n");
    assert_eq!(client.next()["result"], 1);
}

#[test]
fn a_stopped_process_says_nothing_until_it_goes_on() {
    let client = ask([Action::stop(), Action::reply(1)]);
    client.assert_quiet();
    signal("-CONT", &client.child.id().to_string());
    assert_eq!(client.next()["result"], 1);
}

#[test]
fn a_script_can_wait_for_the_end_of_stdin() {
    let script = Script::new().on("ask", [Action::wait_eof(), Action::reply("last"), Action::exit(4)]).ignore_eof();
    let mut client = Client::start(&script);
    client.request(1, "ask", json!({}));
    client.assert_quiet();
    client.close_stdin();
    assert_eq!(client.next()["result"], "last");
    assert_eq!(client.wait().code(), Some(4));
}

#[test]
fn stop_reading_leaves_what_comes_later_in_the_pipe() {
    let mut client = ask([Action::stop_reading(), Action::reply(1)]);
    assert_eq!(client.next()["result"], 1);
    client.request(2, "ask", json!({}));
    client.close_stdin();
    client.assert_quiet();
    assert_eq!(client.record().len(), 2);
    assert!(client.child.try_wait().expect("it can be waited for").is_none());
}

fn sleeping_child(output: ChildOutput) -> Action {
    Action::spawn_child(SpawnChild { command: vec!["sleep".to_owned(), "300".to_owned()], new_session: true, output })
}

#[test]
fn a_child_outlives_the_process_in_a_session_of_its_own() {
    let mut client = ask([sleeping_child(ChildOutput::Null), Action::exit(0)]);
    client.wait();
    client.assert_stdout_ends();
    let child = client.recorded("#child ");
    let session = Command::new("ps").args(["-o", "sid=", "-p", &child]).output().expect("ps can be run");
    signal("-KILL", &child);
    let session = String::from_utf8_lossy(&session.stdout).trim().to_owned();
    assert_eq!(session, child);
}

#[test]
fn a_child_can_keep_stdout_open() {
    let mut client = ask([sleeping_child(ChildOutput::Inherit), Action::exit(0)]);
    client.wait();
    let child = client.recorded("#child ");
    client.assert_quiet();
    signal("-KILL", &child);
    client.assert_stdout_ends();
}

#[test]
fn a_script_can_be_in_a_file() {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("script.json");
    let script = Script::new().on("ask", [Action::reply("from a file")]);
    fs::write(&path, script.to_json()).expect("the script can be written");
    let mut client = Client::start_with_setting(&path.to_string_lossy());
    client.request(1, "ask", json!({}));
    assert_eq!(client.next()["result"], "from a file");
}

#[test]
fn a_script_that_is_not_valid_is_refused_with_a_sentence() {
    for (setting, expected) in [
        ("{\"on\": 5}", "The script is not valid: invalid type: integer `5`"),
        ("/nonexistent/script", "The script \"/nonexistent/script\" cannot be read: "),
        ("{\"start\":[{\"reply\":1}]}", "The action \"reply\" cannot be in \"start\""),
    ] {
        let mut client = Client::start_with_setting(setting);
        assert_eq!(client.wait().code(), Some(2));
        let stderr = String::from_utf8(client.stderr()).expect("a sentence is UTF-8");
        let message = stderr.strip_prefix("fake-runtime: ").expect("it names itself");
        assert!(message.starts_with(expected), "{message}");
    }
}

#[test]
fn a_client_that_does_not_read_does_not_stop_the_reading() {
    let script = Script::new().on("fill", [Action::raw("x".repeat(1 << 16))]);
    let mut child = Client::start_unread(&script.to_json());
    let deadline = Instant::now() + PATIENCE;
    for _ in 0..2_000 {
        child.request(1, "fill", json!({"padding": "y".repeat(100)}));
    }
    while child.record().len() < 2_001 {
        assert!(Instant::now() < deadline, "the reading stopped");
        thread::sleep(Duration::from_millis(5));
    }
    child.close_stdin();
    assert_eq!(child.wait().code(), Some(0));
}
