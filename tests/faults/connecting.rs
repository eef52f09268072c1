//! Programs that are no runtime, or none that works.

use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use codex::engine::client::Client;
use codex::engine::client_options::ClientOptions;
use codex::engine::error::Status;
use codex::engine::event::EventKind;
use fake_runtime::{Action, Script};
use serde_json::json;

use crate::support::fake::{Fake, ask, details, play, stat};
use crate::support::follow::{next_of_client, parsed};

fn soon(options: &mut ClientOptions) {
    options.connect_timeout = Some(Duration::from_millis(300));
}

/// A program of the system instead of a runtime. It must be gone at the end of the test like a runtime.
fn program(line: &str) -> impl FnOnce(&mut ClientOptions) {
    let script = format!("echo \"#pid $$\" >> \"$FAKE_RUNTIME_RECORD\"; exec {line}");
    |options| options.command = Some(vec!["sh".into(), "-c".into(), script.into()])
}

#[test]
fn a_runtime_that_ends_at_once_leaves_its_exit_status_and_its_last_words() {
    play(Script::new().start([Action::stderr("\u{1b}[31mError\u{1b}[0m: no config"), Action::exit(3)]), |fake| {
        let error = fake.refusal(|_| ());
        assert_eq!(error.status(), Status::RuntimeStart);
        assert_eq!(details(&error)["exitStatus"], "exit status 3");
        assert_eq!(details(&error)["stderrTail"], "Error: no config");
        for part in ["fake-runtime", "exit status 3", "Error: no config"] {
            assert!(error.message().contains(part), "{}", error.message());
        }
        assert!(!error.message().contains("resume"), "there was no thread yet: {}", error.message());
    });
}

#[test]
fn a_runtime_that_is_killed_before_it_is_ready_is_told_from_one_that_fails() {
    play(Script::new().on("initialize", [Action::abort()]), |fake| {
        let error = fake.refusal(|_| ());
        assert_eq!(error.status(), Status::RuntimeStart);
        assert_eq!(details(&error)["exitStatus"], "killed by signal 9 (SIGKILL)");
    });
}

#[test]
fn the_last_words_may_be_no_utf8() {
    play(Script::new().start([Action::stderr_bytes(*b"bad \xff\xfe byte\n"), Action::exit(1)]), |fake| {
        let tail = details(&fake.refusal(|_| ()))["stderrTail"].clone();
        assert_eq!(tail, "bad \u{fffd}\u{fffd} byte");
    });
}

#[test]
fn a_program_that_prints_garbage_for_ever_is_refused_and_ended() {
    play(Script::new(), |fake| {
        let error = fake.refusal(program("yes this is no runtime"));
        assert_eq!((error.status(), error.reason()), (Status::RuntimeStart, "notARuntime"));
        assert!(error.message().contains("this is no runtime"), "{}", error.message());
        assert!(error.message().contains("sh is not the Codex runtime"), "{}", error.message());
    });
}

#[test]
fn a_program_that_prints_one_endless_line_is_given_up() {
    play(Script::new(), |fake| {
        let error = fake.refusal(|options| {
            program("cat /dev/zero")(options);
            soon(options);
        });
        assert_eq!(error.status(), Status::TimedOut);
    });
}

#[test]
fn a_program_that_echoes_its_input_is_no_runtime() {
    play(Script::new(), |fake| {
        let error = fake.refusal(program("cat"));
        assert!(error.message().contains("initialize"), "{}", error.message());
    });
}

#[test]
fn a_runtime_that_never_answers_initialize_is_given_up_and_ended() {
    play(Script::new().on("initialize", []).ignore_eof().ignore_term(), |fake| {
        let error = fake.refusal(soon);
        assert_eq!(error.status(), Status::TimedOut);
        assert!(error.message().contains("connect_timeout_ms"), "{}", error.message());
    });
}

#[test]
fn a_runtime_that_does_not_say_who_it_is_is_refused() {
    play(Script::new().on("initialize", [Action::reply(json!({}))]), |fake| {
        let error = fake.refusal(|_| ());
        assert_eq!((error.status(), error.reason()), (Status::Protocol, "metadataMissing"));
    });
}

#[test]
fn a_runtime_that_refuses_initialize_is_quoted() {
    play(Script::new().on("initialize", [Action::error(-32600, "Invalid clientInfo.name: 'ä'")]), |fake| {
        let error = fake.refusal(|_| ());
        assert_eq!((error.status(), error.reason()), (Status::Rpc, "invalidClientInfo"));
        assert!(error.message().contains("'ä'"), "{}", error.message());
    });
}

#[test]
fn a_short_user_agent_is_enough() {
    play(Script::new().user_agent("codex-cli/1.2.3"), |fake| {
        let info = parsed(fake.client().info().expect("the client is connected").as_str());
        assert_eq!((&info["name"], &info["version"]), (&json!("codex-cli"), &json!("1.2.3")));
        assert_eq!(info["userAgent"], "codex-cli/1.2.3");
    });
}

#[test]
fn a_few_lines_of_banner_before_the_first_message_do_no_harm() {
    let banner = (0..10).map(|number| Action::raw(format!("welcome {number}")));
    play(Script::new().start(banner), |fake| {
        let client = fake.client();
        assert_eq!(stat(client.connection(), "malformedLines"), 10);
        assert_eq!(ask(&client, "nothing").unwrap_err().reason(), "unknownMethod");
    });
}

#[test]
fn a_runtime_that_is_noisy_on_stderr_is_never_held_up() {
    play(Script::new().start([Action::stderr("noise ".repeat(200_000))]), |fake| {
        let client = fake.client();
        assert_eq!(ask(&client, "nothing").unwrap_err().reason(), "unknownMethod");
    });
}

#[test]
fn a_file_that_is_not_executable_a_directory_and_nothing_are_told_apart() {
    play(Script::new(), |fake| {
        let file = fake.root().join("plain");
        fs::write(&file, "text").unwrap();
        for (path, why) in
            [(file, "not executable"), (fake.root().to_owned(), "a directory"), (fake.root().join("no"), "missing")]
        {
            let error = fake.refusal(|options| options.codex_path = Some(path.clone()));
            assert_eq!(error.status(), Status::RuntimeNotFound);
            let place = format!("{} ({why})", path.display());
            assert!(error.message().contains(&place), "{}", error.message());
        }
    });
}

#[test]
fn an_executable_that_the_system_cannot_run_is_named() {
    play(Script::new(), |fake| {
        let file = fake.root().join("no-program");
        fs::write(&file, "\0\0\0\0").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        let error = fake.refusal(|options| options.codex_path = Some(file.clone()));
        assert_eq!(error.status(), Status::RuntimeStart);
        assert!(error.message().contains(file.to_str().unwrap()), "{}", error.message());
    });
}

#[test]
fn every_place_that_was_searched_for_a_command_is_listed() {
    play(Script::new(), |fake| {
        let error = fake.refusal(|options| options.command = Some(vec!["no-such-program-anywhere".into()]));
        assert_eq!(error.status(), Status::RuntimeNotFound);
        let path = env::var_os("PATH").expect("tests have a PATH");
        for place in env::split_paths(&path).filter(|place| !place.as_os_str().is_empty()) {
            let place = place.join("no-such-program-anywhere").display().to_string();
            assert!(error.message().contains(&place), "{}", error.message());
        }
    });
}

fn begun(fake: &Fake) -> Client {
    Client::begin(&fake.options()).expect("the program starts")
}

#[test]
fn what_is_said_to_a_runtime_that_is_still_starting_waits_for_it_and_keeps_its_order() {
    let script = Script::new().start([Action::sleep_ms(200)]).on("model/list", [Action::reply(json!({"data": []}))]);
    play(script, |fake| {
        let client = begun(fake);
        assert!(client.info().is_none());
        client.notify("hint", None).unwrap();
        assert_eq!(ask(&client, "model/list").unwrap(), json!({"data": []}));
        assert!(client.info().is_some());
        let methods: Vec<_> = fake.received().iter().map(|message| message["method"].clone()).collect();
        assert_eq!(methods, ["initialize", "initialized", "hint", "model/list"]);
    });
}

#[test]
fn what_was_begun_with_a_runtime_that_never_starts_ends_with_the_reason() {
    play(Script::new().start([Action::sleep_ms(100), Action::stderr("no luck"), Action::exit(4)]), |fake| {
        let client = begun(fake);
        let error = ask(&client, "model/list").unwrap_err();
        assert_eq!(error.status(), Status::RuntimeStart);
        assert_eq!(details(&error)["exitStatus"], "exit status 4");
        let closed = next_of_client(&client).expect("the end is an event");
        assert_eq!(closed.kind(), EventKind::Closed);
        assert_eq!(closed.error().expect("it says why").status(), Status::RuntimeStart);
        assert_eq!(ask(&client, "model/list").unwrap_err().status(), Status::RuntimeStart);
    });
}

#[test]
fn a_client_may_be_dropped_before_its_runtime_is_ready() {
    play(Script::new().on("initialize", []), |fake| drop(begun(fake)));
}

#[test]
fn a_runtime_that_refuses_initialize_and_will_not_go_is_quoted_all_the_same() {
    let refusal = Action::error(-32600, "Invalid clientInfo.name: 'ä'");
    play(Script::new().on("initialize", [refusal]).ignore_eof().ignore_term(), |fake| {
        assert_eq!(fake.refusal(|_| ()).reason(), "invalidClientInfo");
    });
}

#[test]
fn the_last_words_are_never_lost_however_quickly_a_runtime_ends() {
    play(Script::new().start([Action::stderr("Error: no config"), Action::exit(3)]), |fake| {
        for _ in 0..50 {
            let error = fake.refusal(|_| ());
            assert_eq!(details(&error)["stderrTail"], "Error: no config", "{error}");
        }
    });
}
