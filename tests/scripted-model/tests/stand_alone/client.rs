//! An HTTP client that shows exactly what came over the wire.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    /// As it came, with the sizes of its chunks when it has any.
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub(crate) fn error(&self) -> String {
        self.json()["error"]["message"].as_str().unwrap().to_owned()
    }
}

/// Sends a request with HTTP/1.0, whose answer ends with the connection.
pub(crate) fn request(url: &str, method: &str, path: &str, body: &str) -> Answer {
    exchange(url, &format!("{method} {path} HTTP/1.0\r\n"), body)
}

/// Sends a request with HTTP/1.1, whose answer says where it ends.
pub(crate) fn request_in_chunks(url: &str, method: &str, path: &str, body: &str) -> Answer {
    exchange(url, &format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n"), body)
}

fn exchange(url: &str, first: &str, body: &str) -> Answer {
    let mut stream = send(url, first, body);
    let mut bytes = Vec::new();
    // A connection that a script cuts may end with an error.
    let _ = stream.read_to_end(&mut bytes);
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").expect("An answer has a head");
    Answer { status: head.split(' ').nth(1).unwrap().parse().unwrap(), head: head.to_owned(), body: body.to_owned() }
}

fn send(url: &str, first: &str, body: &str) -> TcpStream {
    let address = url.strip_prefix("http://").unwrap().strip_suffix("/v1").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let length = body.len();
    let headers = format!("Host: {address}\r\nX-Case: Kept\r\nContent-Length: {length}\r\n\r\n");
    stream.write_all(format!("{first}{headers}{body}").as_bytes()).unwrap();
    stream
}
