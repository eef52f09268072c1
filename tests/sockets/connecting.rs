//! Runtimes that are not there, that do not answer, that are none, or that want nobody to connect.

use std::io::Read;
use std::time::Duration;

use codex::engine::client::Client;
use codex::engine::client_options::{ClientOptions, Unencrypted};
use codex::engine::error::{Error, Status};
use codex::engine::event::EventKind;
use fake_runtime::{Action, Script};
use serde_json::json;

use crate::support::fake::{in_time, play};
use crate::support::follow::next_of_client;
use crate::support::listening::{Listen, options_for};
use crate::support::peer::{
    Peer, UnservedPort, crowded_file, crowded_port, goodbye, hear, make_unserved, read_head, say,
};

fn refusal(options: &ClientOptions) -> Error {
    Client::connect(options).expect_err("no client can connect")
}

/// With too little time to connect.
fn within(limit: Duration, options: ClientOptions) -> ClientOptions {
    ClientOptions { connect_timeout: Some(limit), ..options }
}

#[track_caller]
fn assert_too_late(url: &str, limit: Duration) {
    let error = refusal(&within(limit, options_for(url)));
    assert_told(&error, Status::TimedOut, "", &[url, &format!("connect_timeout_ms ({})", limit.as_millis())]);
}

#[track_caller]
fn assert_told(error: &Error, status: Status, reason: &str, parts: &[&str]) {
    assert_eq!((error.status(), error.reason()), (status, reason), "{error}");
    for part in parts {
        assert!(error.message().contains(part), "{part} is not in: {error}");
    }
}

/// The answer of a server that wants no WebSocket.
fn http(status: &str) -> Peer {
    Peer::answers(format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nLocation: /elsewhere\r\n\r\n"))
}

#[test]
fn a_port_on_which_nobody_listens_is_told() {
    let port = UnservedPort::new();
    let url = port.url();
    let error = refusal(&options_for(&url));
    assert_told(&error, Status::Transport, "connectFailed", &[&url, "refused", "codex app-server --listen"]);
    assert!(error.is_retryable());
}

#[test]
fn a_socket_that_is_not_there_and_one_that_nobody_serves_are_told() {
    play(Script::new(), |fake| {
        let path = fake.root().join("s");
        let options = options_for(&format!("unix:{}", path.display()));
        assert_told(&refusal(&options), Status::Transport, "connectFailed", &[path.to_str().unwrap(), "No such file"]);
        make_unserved(&path);
        assert_told(&refusal(&options), Status::Transport, "connectFailed", &["refused", "--listen unix://"]);
    });
}

#[test]
fn a_path_that_is_too_long_for_a_socket_is_told() {
    let error = refusal(&options_for(&format!("unix:/{}", "x".repeat(200))));
    assert_told(&error, Status::Transport, "connectFailed", &["xxx"]);
}

#[test]
fn a_host_without_an_address_is_told() {
    // No label is as long: the system knows without asking anybody.
    let host = format!("{}.invalid", "x".repeat(64));
    let options = ClientOptions { unencrypted: Unencrypted::Anywhere, ..options_for(&format!("ws://{host}:1")) };
    assert_told(&refusal(&options), Status::Transport, "connectFailed", &[&host]);
}

#[test]
fn connecting_has_one_deadline_for_the_handshake_and_the_introduction() {
    in_time(|| {
        let silent = Peer::raw(|mut stream| {
            let _ = stream.read_to_end(&mut Vec::new());
        });
        assert_too_late(&silent.url(), Duration::from_millis(300));

        let mute = Peer::raw(|stream| {
            let mut socket = tungstenite::accept(stream).unwrap();
            hear(&mut socket);
            assert_eq!(goodbye(&mut socket), Some(1000));
        });
        // Enough to come as far as the introduction, however busy the machine is.
        assert_too_late(&mute.url(), Duration::from_secs(3));
    });
}

#[test]
fn the_deadline_of_connecting_counts_where_nobody_is_let_in() {
    play(Script::new(), |fake| {
        let (port, _waiting) = crowded_port();
        assert_too_late(&format!("ws://{}", port.local_addr().unwrap()), Duration::from_millis(300));
        let file = fake.root().join("crowded");
        let _crowd = crowded_file(&file);
        assert_too_late(&format!("unix:{}", file.display()), Duration::from_millis(300));
    });
}

#[test]
fn a_client_that_is_still_connecting_closes_at_once() {
    in_time(|| {
        let silent = Peer::raw(|mut stream| {
            let _ = stream.read_to_end(&mut Vec::new());
        });
        let client = Client::begin(&silent.options()).unwrap();
        client.close(Duration::from_secs(60)).unwrap();
        silent.served();
    });
}

#[test]
fn what_was_begun_with_a_runtime_that_is_not_there_ends_with_the_reason() {
    in_time(|| {
        let client = Client::begin(&options_for("unix:/nowhere/codex.sock")).unwrap();
        let closed = next_of_client(&client).expect("the end is an event");
        assert_eq!(closed.kind(), EventKind::Closed);
        assert_told(closed.error().expect("it says why"), Status::Transport, "connectFailed", &["/nowhere/codex.sock"]);
    });
}

#[test]
fn the_answers_of_a_server_that_refuses_become_sentences() {
    for (answer, status, reason, part) in [
        ("401 Unauthorized", Status::Auth, "unauthorized", "set_bearer_token"),
        ("403 Forbidden", Status::Auth, "forbidden", "may not connect"),
        ("404 Not Found", Status::Transport, "handshakeRefused", "under this path"),
        ("302 Found", Status::Transport, "handshakeRefused", "not followed"),
        ("200 OK", Status::Transport, "handshakeRefused", "no WebSocket"),
        ("503 Service Unavailable", Status::Transport, "handshakeRefused", "503 Service Unavailable"),
    ] {
        let peer = http(answer);
        let error = refusal(&peer.options());
        assert_told(&error, status, reason, &[&peer.url(), part]);
        assert_eq!(error.is_retryable(), answer.starts_with("503"), "{answer}");
    }
}

#[test]
fn a_server_that_speaks_no_websocket_is_told() {
    let upgrade = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
    for answer in [
        "SSH-2.0-OpenSSH_9.2\r\n".to_owned(),
        String::new(),
        format!("{upgrade}\r\n"),
        format!("{upgrade}Sec-WebSocket-Accept: AAAA\r\n\r\n"),
        format!("{upgrade}X: {}", "x".repeat(1 << 20)),
    ] {
        let error = refusal(&Peer::answers(answer).options());
        assert_told(&error, Status::Transport, "handshakeFailed", &["is it the Codex runtime?"]);
    }
}

#[test]
fn an_extension_that_nobody_asked_for_is_refused() {
    let peer = Peer::raw(|mut stream| {
        let head = read_head(&mut stream);
        let key = head.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).unwrap();
        let accept = tungstenite::handshake::derive_accept_key(key.as_bytes());
        let answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
        );
        std::io::Write::write_all(&mut stream, answer.as_bytes()).unwrap();
    });
    assert_told(&refusal(&peer.options()), Status::Transport, "handshakeFailed", &["extensions"]);
}

#[test]
fn the_request_names_the_host_the_path_and_the_client() {
    let peer = Peer::raw(|mut stream| {
        let address = stream.local_addr().unwrap();
        let head = read_head(&mut stream);
        assert!(head.starts_with("GET /a/b?c=d HTTP/1.1\r\n"), "{head}");
        for line in [&format!("Host: {address}"), "Sec-WebSocket-Version: 13", "User-Agent: libcodex/0.1.0"] {
            assert!(head.contains(&format!("\r\n{line}\r\n")), "{head}");
        }
        assert!(!head.to_lowercase().contains("origin:"), "{head}");
    });
    let error = refusal(&options_for(&format!("{}/a/b?c=d", peer.url())));
    assert_told(&error, Status::Transport, "handshakeFailed", &["/a/b"]);
    assert!(!error.message().contains("c=d"), "{error}");
}

#[test]
fn a_runtime_that_ends_before_it_is_ready_is_told() {
    play(Script::new().on("initialize", [Action::abort()]), |fake| {
        let server = fake.listen(Listen::Tcp);
        let error = refusal(&server.options());
        assert_told(&error, Status::Transport, "connectionLost", &[server.url(), "was reached and not ready"]);
    });
}

#[test]
fn what_is_no_runtime_is_told() {
    let peer = Peer::raw(|stream| {
        let mut socket = tungstenite::accept(stream).unwrap();
        for _ in 0..30 {
            socket.send(tungstenite::Message::text("tick")).unwrap();
        }
        let _ = std::iter::from_fn(|| socket.read().ok()).count();
    });
    let error = refusal(&peer.options());
    assert_told(&error, Status::RuntimeStart, "notARuntime", &[&peer.url(), "is not the Codex runtime"]);
}

#[test]
fn messages_that_come_with_the_answer_to_the_handshake_are_heard() {
    let peer = Peer::raw(|mut stream| {
        let head = read_head(&mut stream);
        let key = head.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).unwrap();
        let accept = tungstenite::handshake::derive_accept_key(key.as_bytes());
        let mut answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n\
             Sec-WebSocket-Accept: {accept}\r\n\r\n"
        )
        .into_bytes();
        answer.extend([0x81, 2]);
        answer.extend(b"{}");
        std::io::Write::write_all(&mut stream, &answer).unwrap();
        let mut socket = tungstenite::WebSocket::from_raw_socket(stream, tungstenite::protocol::Role::Server, None);
        let id = hear(&mut socket)["id"].clone();
        say(&mut socket, &json!({"id": id, "result": {"userAgent": "codex/0.169.0 (Debian)"}}));
        let _ = std::iter::from_fn(|| socket.read().ok()).count();
    });
    let client = peer.client();
    assert_eq!(crate::support::fake::stat(client.connection(), "malformedLines"), 1);
}

#[cfg(not(feature = "tls"))]
#[test]
fn a_build_without_tls_says_so_and_how_to_make_one_with_it() {
    let error = refusal(&options_for("wss://127.0.0.1:1"));
    assert_told(&error, Status::InvalidArgument, "featureMissing", &["wss://127.0.0.1:1", "make FEATURES=tls"]);
}
