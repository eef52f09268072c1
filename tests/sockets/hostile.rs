//! Runtimes, and what stands before them, that do what no runtime should.

use std::io::{Read, Write};
use std::time::Duration;

use codex::engine::client::{Client, Timeout};
use codex::engine::error::Status;
use fake_runtime::Script;
use tungstenite::protocol::frame::coding::Data;

use crate::support::fake::{ask, in_time, play};
use crate::support::listening::options_for;
use crate::support::peer::{Peer, crowded_file, data, goodbye, send};

/// A frame that goes on with a message, of a length that no memory holds.
const ENDLESS: [u8; 10] = [0x80, 127, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];

#[test]
fn a_frame_that_is_longer_than_any_may_be_breaks_the_rules() {
    in_time(|| {
        let peer = Peer::runtime(|mut socket| {
            send(&mut socket, data(Data::Text, "a", false));
            socket.get_mut().write_all(&ENDLESS).unwrap();
            assert_eq!(goodbye(&mut socket), Some(1002));
        });
        let error = ask(&peer.client(), "anything").unwrap_err();
        assert_eq!((error.status(), error.reason()), (Status::Transport, "connectionLost"), "{error}");
        assert!(error.message().contains("broke the WebSocket protocol"), "{error}");
    });
}

#[test]
fn a_proxy_of_the_old_school_is_understood() {
    for status in ["503 Service Unavailable", "503"] {
        let peer = Peer::answers(format!("HTTP/1.0 {status}\r\nConnection: close\r\n\r\n<html>"));
        let error = Client::connect(&peer.options()).unwrap_err();
        assert_eq!((error.status(), error.reason()), (Status::Transport, "handshakeRefused"), "{error}");
        assert!(error.message().contains("503 Service Unavailable") && error.is_retryable(), "{error}");
    }
}

#[test]
fn a_runtime_that_is_too_busy_to_accept_is_waited_for() {
    play(Script::new(), |fake| {
        let path = fake.root().join("crowded");
        let (listener, before) = crowded_file(&path);
        let client = Client::begin(&options_for(&format!("unix:{}", path.display()))).unwrap();
        // Whoever waits drives the connection: when the second call is given up, the client has tried to connect.
        for _ in 0..2 {
            let call = client.call("anything", None, Timeout::After(Duration::from_millis(50)));
            assert_eq!(call.unwrap_err().status(), Status::TimedOut);
        }
        drop(before);
        assert_eq!(listener.accept().unwrap().0.read(&mut [0]).unwrap(), 0);
        let mut asked = [0; 3];
        listener.accept().unwrap().0.read_exact(&mut asked).unwrap();
        assert_eq!(&asked, b"GET");
        drop(client);
    });
}
