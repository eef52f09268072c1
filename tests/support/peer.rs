//! The other side of a socket, which does exactly what a test says.

use std::io::{Read, Write};
use std::iter;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::panic::resume_unwind;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use codex::engine::client::Client;
use codex::engine::client_options::ClientOptions;
use rustix::net::{self, AddressFamily, SocketAddrUnix, SocketType};
use serde_json::{Value, json};
use tungstenite::protocol::frame::Frame;
use tungstenite::protocol::frame::coding::{Control, Data, OpCode};
use tungstenite::{Message, WebSocket};

use super::follow::parsed;
use super::listening::options_for;

/// A WebSocket to a client.
pub type Socket = WebSocket<TcpStream>;

/// Serves one client on a thread of its own, whose failure is the test's.
pub struct Peer {
    address: SocketAddr,
    thread: Option<JoinHandle<()>>,
}

impl Peer {
    /// Does as it likes with the bytes.
    pub fn raw(serve: impl FnOnce(TcpStream) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("it has an address");
        let thread = thread::spawn(move || serve(listener.accept().expect("a client").0));
        Self { address, thread: Some(thread) }
    }

    /// Reads what is asked for and answers with these bytes, whatever that was; then the connection ends.
    pub fn answers(answer: impl Into<Vec<u8>>) -> Self {
        let answer = answer.into();
        Self::raw(move |mut stream| {
            read_head(&mut stream);
            // The client may have had enough of it.
            let _ = stream.write_all(&answer);
        })
    }

    /// Is a runtime up to its introduction.
    pub fn runtime(serve: impl FnOnce(Socket) + Send + 'static) -> Self {
        Self::raw(|stream| {
            let mut socket = tungstenite::accept(stream).expect("a WebSocket is opened");
            let initialize = hear(&mut socket);
            assert_eq!(initialize["method"], "initialize");
            say(&mut socket, &json!({"id": initialize["id"], "result": {"userAgent": "codex/0.169.0 (Debian)"}}));
            assert_eq!(hear(&mut socket)["method"], "initialized");
            serve(socket);
        })
    }

    /// Options for a client of it.
    pub fn options(&self) -> ClientOptions {
        options_for(&self.url())
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("ws://{}", self.address)
    }

    /// A client of it.
    pub fn client(&self) -> Client {
        Client::connect(&self.options()).expect("the client connects")
    }

    /// Waits until it has served its client.
    pub fn served(mut self) {
        self.join();
    }

    fn join(&mut self) {
        let failure = self.thread.take().and_then(|thread| thread.join().err());
        if let Some(panic) = failure {
            resume_unwind(panic);
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        if !thread::panicking() {
            self.join();
        }
    }
}

/// A port on which nobody listens, and nobody else can either.
pub struct UnservedPort {
    address: SocketAddr,
    _bound: OwnedFd,
}

impl UnservedPort {
    pub fn new() -> Self {
        let socket = net::socket(AddressFamily::INET, SocketType::STREAM, None).expect("a socket");
        net::bind(&socket, &SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).expect("a port");
        let address =
            net::getsockname(&socket).expect("it has an address").try_into().expect("an address of the internet");
        Self { address, _bound: socket }
    }

    /// Where nobody listens.
    pub fn url(&self) -> String {
        format!("ws://{}", self.address)
    }
}

/// Makes a socket at this path which nobody serves.
pub fn make_unserved(path: &Path) {
    let socket = net::socket(AddressFamily::UNIX, SocketType::STREAM, None).expect("a socket");
    net::bind(&socket, &SocketAddrUnix::new(path).expect("a path of a socket")).expect("a socket at the path");
}

/// A port before which as many wait as may: whoever comes is not refused, and not let in.
pub fn crowded_port() -> (TcpListener, Vec<TcpStream>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    net::listen(&listener, 0).expect("it listens");
    let address = listener.local_addr().expect("it has an address");
    let come = || TcpStream::connect_timeout(&address, Duration::from_millis(500)).ok();
    let waiting = iter::from_fn(come).collect();
    (listener, waiting)
}

/// The same with a socket of the file system, where the system sends away whoever comes.
pub fn crowded_file(path: &Path) -> (UnixListener, UnixStream) {
    let listener = UnixListener::bind(path).expect("a socket at the path");
    net::listen(&listener, 0).expect("it listens");
    (listener, UnixStream::connect(path).expect("one may wait"))
}

/// Reads a request up to its end.
pub fn read_head(stream: &mut impl Read) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("a whole request");
        head.extend(byte);
    }
    String::from_utf8(head).expect("text")
}

/// The next message of the client.
pub fn hear<S: Read + Write>(socket: &mut WebSocket<S>) -> Value {
    loop {
        match socket.read().expect("the client says something") {
            Message::Text(text) => return parsed(&text),
            Message::Pong(_) => {}
            other => panic!("not a message: {other:?}"),
        }
    }
}

/// Says something to the client.
pub fn say<S: Read + Write>(socket: &mut WebSocket<S>, message: &Value) {
    socket.send(Message::text(message.to_string())).expect("the client listens");
}

/// Answers the next message of the client, which calls this method.
pub fn answer<S: Read + Write>(socket: &mut WebSocket<S>, method: &str, result: Value) {
    let call = hear(socket);
    assert_eq!(call["method"], method, "{call}");
    say(socket, &json!({"id": call["id"], "result": result}));
}

/// A frame of a message.
pub fn data(kind: Data, payload: impl Into<Vec<u8>>, is_final: bool) -> Frame {
    Frame::message(payload.into(), OpCode::Data(kind), is_final)
}

/// A frame that controls the connection, allowed or not.
pub fn control(kind: Control, payload: impl Into<Vec<u8>>, is_final: bool) -> Frame {
    let mut frame = Frame::ping(payload.into());
    frame.header_mut().opcode = OpCode::Control(kind);
    frame.header_mut().is_final = is_final;
    frame
}

/// Sends a frame as it is.
pub fn send<S: Read + Write>(socket: &mut WebSocket<S>, frame: Frame) {
    socket.send(Message::Frame(frame)).expect("the client listens");
}

/// Reads on until the client says goodbye, with this code, or is gone.
pub fn goodbye<S: Read + Write>(socket: &mut WebSocket<S>) -> Option<u16> {
    loop {
        match socket.read() {
            Ok(Message::Close(frame)) => return frame.map(|frame| frame.code.into()),
            Ok(_) => {}
            Err(_) => return None,
        }
    }
}

/// Lets bytes through to a server and back, until it is cut.
pub struct Proxy {
    address: SocketAddr,
    sockets: Arc<Mutex<Vec<TcpStream>>>,
}

impl Proxy {
    /// To this server, which is `ws://IP:PORT`. For one client.
    pub fn to(url: &str) -> Self {
        let server = url.strip_prefix("ws://").expect("a server on a port").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("it has an address");
        let sockets = Arc::<Mutex<Vec<TcpStream>>>::default();
        let shared = Arc::clone(&sockets);
        thread::spawn(move || {
            let client = listener.accept().expect("a client").0;
            let server = TcpStream::connect(server).expect("the server listens");
            let share = |stream: &TcpStream| stream.try_clone().expect("a socket can be shared");
            shared.lock().expect("no test panics here").extend([share(&client), share(&server)]);
            let (from_client, to_server) = (share(&client), share(&server));
            thread::spawn(move || carry(from_client, to_server));
            carry(server, client);
        });
        Self { address, sockets }
    }

    /// Options for a client of the server behind it.
    pub fn options(&self) -> ClientOptions {
        options_for(&format!("ws://{}", self.address))
    }

    /// Both sides lose each other without a word.
    pub fn cut(&self) {
        for socket in &*self.sockets.lock().expect("no test panics here") {
            let _ = socket.shutdown(Shutdown::Both);
        }
    }
}

fn carry(mut from: TcpStream, mut to: TcpStream) {
    let _ = std::io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Both);
}
