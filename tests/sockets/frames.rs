//! How messages come in frames, and frames that break the rules.

use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use codex::engine::client::{Client, Timeout};
use codex::engine::error::Status;
use codex::engine::event::EventKind;
use serde_json::{Value, json};
use tungstenite::Message;
use tungstenite::protocol::frame::Frame;
use tungstenite::protocol::frame::coding::{Control, Data};

use crate::support::fake::{ask, in_time, stat};
use crate::support::follow::{PATIENCE, listen, method, next_of_client, parsed};
use crate::support::peer::{Peer, Socket, answer, control, data, goodbye, hear, say, send};

fn event(number: u64) -> String {
    json!({"method": "account/updated", "params": {"number": number}}).to_string()
}

/// The numbers of the next events of a client.
fn numbers(client: &Client, count: usize) -> Vec<u64> {
    let next = || next_of_client(client).expect("an event");
    (0..count).map(|_| parsed(next().json_str())["number"].as_u64().expect("a number")).collect()
}

/// A client that listens, of a runtime that says this once it does.
fn hears(says: impl FnOnce(&mut Socket) + Send + 'static, test: impl FnOnce(&Client) + Send + 'static) {
    hears_with(256 << 20, says, test);
}

fn hears_with(
    max_message_bytes: usize,
    says: impl FnOnce(&mut Socket) + Send + 'static,
    test: impl FnOnce(&Client) + Send + 'static,
) {
    in_time(move || {
        let peer = Peer::runtime(|mut socket| {
            answer(&mut socket, "begin", json!({}));
            says(&mut socket);
            goodbye(&mut socket);
        });
        let mut options = peer.options();
        options.set_max_message_bytes(max_message_bytes).unwrap();
        let client = Client::connect(&options).unwrap();
        listen(&client);
        ask(&client, "begin").unwrap();
        test(&client);
        client.close(PATIENCE).unwrap();
    });
}

#[test]
fn a_message_may_come_in_pieces_with_pings_between_them() {
    let says = |socket: &mut Socket| {
        let text = event(1).into_bytes();
        let (last, first) = text.split_last().unwrap();
        let mut kind = Data::Text;
        for byte in first {
            send(socket, data(kind, [*byte], false));
            send(socket, control(Control::Ping, "?", true));
            kind = Data::Continue;
        }
        send(socket, data(Data::Continue, [], false));
        send(socket, data(Data::Continue, [*last], true));
        socket.send(Message::text(event(2))).unwrap();
    };
    hears(says, |client| assert_eq!(numbers(client, 2), [1, 2]));
}

#[test]
fn a_ping_is_answered_with_what_it_says() {
    let says = |socket: &mut Socket| {
        send(socket, control(Control::Ping, "are you there?", true));
        assert_eq!(socket.read().unwrap(), Message::Pong("are you there?".into()));
        socket.send(Message::text(event(1))).unwrap();
    };
    hears(says, |client| assert_eq!(numbers(client, 1), [1]));
}

#[test]
fn frames_of_bytes_hold_messages_and_empty_ones_nothing() {
    let says = |socket: &mut Socket| {
        for payload in ["", " \n"] {
            send(socket, data(Data::Text, payload, true));
        }
        send(socket, data(Data::Binary, event(1), true));
    };
    hears(says, |client| {
        assert_eq!(numbers(client, 1), [1]);
        assert_eq!(stat(client.connection(), "malformedLines"), 0);
    });
}

#[test]
fn what_is_no_message_is_counted_and_loses_nothing() {
    let says = |socket: &mut Socket| {
        for payload in [&b"no json"[..], b"\xff\xfe", b"{\"method\":\"x\xff\"}", b"\0\0\0"] {
            send(socket, data(Data::Text, payload, true));
        }
        socket.send(Message::text(event(1))).unwrap();
    };
    hears(says, |client| {
        assert_eq!(numbers(client, 1), [1]);
        assert_eq!(stat(client.connection(), "malformedLines"), 4);
    });
}

#[test]
fn a_message_that_is_too_long_is_skipped_whole_or_in_pieces_and_the_next_is_heard() {
    let says = |socket: &mut Socket| {
        let long = vec![b'x'; 200_000];
        send(socket, data(Data::Text, long.clone(), true));
        socket.send(Message::text(event(1))).unwrap();
        for (number, piece) in long.chunks(30_000).enumerate() {
            send(socket, data(if number == 0 { Data::Text } else { Data::Continue }, piece, false));
        }
        send(socket, data(Data::Continue, [], true));
        socket.send(Message::text(event(2))).unwrap();
    };
    hears_with(100_000, says, |client| {
        let seen: Vec<_> = (0..4).map(|_| next_of_client(client).expect("an event")).collect();
        let kinds: Vec<EventKind> = seen.iter().map(|event| event.kind()).collect();
        let (warning, other) = (EventKind::Warning, seen[1].kind());
        assert_eq!(kinds, [warning, other, warning, other]);
        assert_eq!((method(&seen[1]), method(&seen[3])), ("account/updated", "account/updated"));
        for warning in [&seen[0], &seen[2]] {
            let error = warning.error().expect("it says why");
            assert_eq!((error.status(), error.reason()), (Status::Protocol, "messageTooLong"));
            assert!(error.message().contains("200000 bytes"), "{error}");
        }
    });
}

#[test]
fn an_answer_that_is_too_long_fails_its_call_and_no_other() {
    in_time(|| {
        let peer = Peer::runtime(|mut socket| {
            answer(&mut socket, "long", json!("x".repeat(200_000)));
            answer(&mut socket, "short", json!({}));
            goodbye(&mut socket);
        });
        let mut options = peer.options();
        options.set_max_message_bytes(100_000).unwrap();
        let client = Client::connect(&options).unwrap();
        assert_eq!(ask(&client, "long").unwrap_err().reason(), "messageTooLong");
        assert_eq!(ask(&client, "short").unwrap(), json!({}));
    });
}

#[test]
fn long_messages_arrive_whole_in_both_directions() {
    in_time(|| {
        let long: Value = json!({"text": "0123456789".repeat(1_000_000)});
        let expected = long.clone();
        let peer = Peer::runtime(move |mut socket| {
            let call = hear(&mut socket);
            assert_eq!(call["params"], expected);
            say(&mut socket, &json!({"id": call["id"], "result": expected}));
            goodbye(&mut socket);
        });
        let client = peer.client();
        let answer = client.call("echo", Some(&long.to_string()), Timeout::After(PATIENCE)).unwrap();
        assert_eq!(parsed(&answer), long);
    });
}

#[test]
fn frames_that_break_the_rules_end_the_connection_and_say_which() {
    let masked = || {
        let mut frame = data(Data::Text, "{}", true);
        frame.header_mut().mask = Some([1, 2, 3, 4]);
        frame
    };
    let extended = || {
        let mut frame = data(Data::Text, "{}", true);
        frame.header_mut().rsv1 = true;
        frame
    };
    let violations: [(&str, Vec<Frame>); 8] = [
        ("as only clients send them", vec![masked()]),
        ("an extension that nobody asked for", vec![extended()]),
        ("unknown kind", vec![data(Data::Reserved(3), "{}", true)]),
        ("unknown kind", vec![control(Control::Reserved(11), "", true)]),
        ("continues nothing", vec![data(Data::Continue, "{}", true)]),
        ("inside of a message", vec![data(Data::Text, "{", false), data(Data::Text, "}", true)]),
        ("long or in pieces", vec![control(Control::Ping, "", false)]),
        ("long or in pieces", vec![control(Control::Ping, "x".repeat(126), true)]),
    ];
    for (how, frames) in violations {
        in_time(move || {
            let peer = Peer::runtime(move |mut socket| {
                frames.into_iter().for_each(|frame| send(&mut socket, frame));
                assert_eq!(goodbye(&mut socket), Some(1002));
            });
            let client = peer.client();
            let error = ask(&client, "anything").unwrap_err();
            assert_eq!((error.status(), error.reason()), (Status::Transport, "connectionLost"), "{error}");
            assert!(
                error.message().contains("broke the WebSocket protocol") && error.message().contains(how),
                "{error}"
            );
        });
    }
}

#[test]
fn a_runtime_that_says_goodbye_is_answered_and_its_code_is_told() {
    in_time(|| {
        let peer = Peer::runtime(|mut socket| {
            send(&mut socket, control(Control::Close, [&1001_u16.to_be_bytes()[..], b"hush"].concat(), true));
            assert_eq!(goodbye(&mut socket), Some(1001));
        });
        let client = peer.client();
        let error = ask(&client, "anything").unwrap_err();
        assert_eq!((error.status(), error.reason()), (Status::Transport, "connectionLost"));
        assert!(error.message().contains("1001") && error.message().contains("goes away"), "{error}");
        assert!(!error.message().contains("hush"), "{error}");
    });
}

#[test]
fn a_client_that_is_closed_says_goodbye_after_what_was_to_be_said() {
    in_time(|| {
        let peer = Peer::runtime(|mut socket| {
            assert_eq!(hear(&mut socket)["method"], "last/word");
            assert_eq!(goodbye(&mut socket), Some(1000));
        });
        let client = peer.client();
        client.notify("last/word", None).unwrap();
        client.close(PATIENCE).unwrap();
        peer.served();
    });
}

#[test]
fn a_runtime_that_does_not_answer_the_goodbye_is_not_waited_for_long() {
    in_time(|| {
        let (over, wait) = std::sync::mpsc::channel::<()>();
        let peer = Peer::runtime(move |socket| {
            let _ = wait.recv();
            drop(socket);
        });
        let client = peer.client();
        let began = std::time::Instant::now();
        client.close(Duration::from_secs(100)).unwrap();
        assert!(began.elapsed() < Duration::from_secs(50), "closing waited for a runtime that says nothing");
        drop(over);
    });
}

#[test]
fn a_runtime_that_does_not_read_does_not_keep_the_client_from_reading() {
    let says = |socket: &mut Socket| {
        for number in 0..100 {
            socket.send(Message::text(event(number))).unwrap();
        }
        std::thread::sleep(Duration::from_millis(300));
        assert_eq!(hear(socket)["method"], "long");
        socket.send(Message::text(event(100))).unwrap();
    };
    hears(says, |client| {
        let long = json!({"text": "x".repeat(20 << 20)}).to_string();
        client.notify("long", Some(&long)).unwrap();
        assert_eq!(numbers(client, 101), (0..=100).collect::<Vec<u64>>());
    });
}

#[test]
fn a_frame_that_comes_byte_by_byte_is_a_frame() {
    let says = |socket: &mut Socket| {
        let stream: &mut TcpStream = socket.get_mut();
        stream.set_nodelay(true).unwrap();
        let text = event(1);
        let mut frame = vec![0x81, 126];
        frame.extend(u16::try_from(text.len()).unwrap().to_be_bytes());
        frame.extend(text.as_bytes());
        for byte in frame {
            stream.write_all(&[byte]).unwrap();
            std::thread::sleep(Duration::from_micros(200));
        }
    };
    hears(says, |client| assert_eq!(numbers(client, 1), [1]));
}
