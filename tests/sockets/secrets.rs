//! The bearer token reaches the runtime and nobody else.

use codex::engine::client::Client;
use codex::engine::client_options::ClientOptions;
use codex::engine::error::Status;
use fake_runtime::{Action, Script};
use serde_json::json;

use crate::support::fake::{ask, play};
use crate::support::follow::{PATIENCE, eventually};
use crate::support::listening::{Listen, Listening};
use crate::support::peer::Peer;
use crate::support::real::{Version, World};
use crate::support::shown::Shown;

/// No word that a filter would know by its form.
const TOKEN: &str = "plainlyhiddenword";

fn with_token(server: &Listening, shown: &Shown) -> ClientOptions {
    shown.watch(server.options_with_token(TOKEN))
}

#[test]
fn the_token_opens_the_connection_and_is_shown_nowhere() {
    for listen in [Listen::Unix, Listen::Tcp] {
        let said = format!("you came with {TOKEN}");
        let repeats = [Action::raw(&*said), Action::reply(json!({"text": said}))];
        play(Script::new().on("whoami", repeats).on("crash", [Action::exit(3)]), move |fake| {
            let (shown, file) = (Shown::default(), fake.root().join("recording"));
            let server = fake.listen_with(listen, &["--token", TOKEN]);
            let options = ClientOptions { record: Some(file.clone()), ..with_token(&server, &shown) };
            let client = Client::connect(&options).unwrap();
            shown.debug(&options);
            shown.debug(&client);
            shown.note(client.info().expect("it is connected").as_str());
            shown.note(client.stats_json().unwrap());
            assert!(ask(&client, "whoami").unwrap()["text"].as_str().unwrap().contains(TOKEN));
            shown.error(&ask(&client, "crash").unwrap_err());
            client.close(PATIENCE).unwrap();
            let recorded = std::fs::read_to_string(file).unwrap();
            assert!(recorded.contains("you came with [removed]"), "{recorded}");
            shown.note(recorded);
            eventually("the log shows the line", || shown.contains("skipped a line"));
            eventually("the trace shows the last call", || shown.contains("crash"));
            assert_eq!(shown.leak(&[TOKEN]), None);
            assert!(!fake.record().join("\n").contains(TOKEN));
        });
    }
}

#[test]
fn a_token_that_is_missing_or_wrong_is_told_and_not_shown() {
    for listen in [Listen::Unix, Listen::Tcp] {
        play(Script::new(), move |fake| {
            let shown = Shown::default();
            let server = fake.listen_with(listen, &["--token", "another"]);
            for (options, part) in
                [(server.options(), "wants a bearer token"), (with_token(&server, &shown), "not the right one")]
            {
                let error = Client::connect(&options).unwrap_err();
                assert_eq!((error.status(), error.reason()), (Status::Auth, "unauthorized"));
                assert!(error.message().contains(part) && error.message().contains("401"), "{error}");
                shown.error(&error);
            }
            assert_eq!(shown.leak(&[TOKEN]), None);
        });
    }
}

#[test]
fn a_server_that_repeats_the_token_in_its_answer_makes_nobody_show_it() {
    let shown = Shown::default();
    for answer in [
        format!("HTTP/1.1 400 {TOKEN}\r\nX: {TOKEN}\r\nContent-Length: 20\r\n\r\n{TOKEN}"),
        format!("{TOKEN}\r\n\r\n"),
        format!("HTTP/1.1 302 {TOKEN}\r\nLocation: ws://{TOKEN}\r\n\r\n"),
    ] {
        let peer = Peer::answers(answer);
        let mut options = shown.watch(peer.options());
        options.bearer_token = Some(codex::engine::endpoint::BearerToken::new(TOKEN).unwrap());
        shown.error(&Client::connect(&options).unwrap_err());
    }
    assert_eq!(shown.leak(&[TOKEN]), None);
}

#[test]
fn a_real_runtime_takes_the_token_and_refuses_another() {
    let world = World::new(Version::Pinned);
    let file = world.root().join("token");
    std::fs::write(&file, TOKEN).unwrap();
    let arguments = ["--ws-auth", "capability-token", "--ws-token-file", file.to_str().unwrap()];
    let server = world.listen_with(Listen::Tcp, &arguments);
    let error = Client::connect(&server.options_with_token("another")).unwrap_err();
    assert_eq!((error.status(), error.reason()), (Status::Auth, "unauthorized"));
    let client = Client::connect(&server.options_with_token(TOKEN)).unwrap();
    assert!(ask(&client, "model/list").unwrap()["data"].is_array());
}
