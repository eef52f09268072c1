//! A runtime behind a socket: for every client that connects, a process of this program plays the script, and its lines go
//! over the WebSocket.

use std::env;
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use tungstenite::WebSocket;
use tungstenite::handshake::server::{Callback, ErrorResponse, Request, Response};
use tungstenite::http::StatusCode;
use tungstenite::protocol::Role;
use tungstenite::protocol::frame::Frame;
use tungstenite::protocol::frame::coding::{Data, OpCode};

use crate::world::NO_PANIC;

/// Where it listens, and what it asks of its clients.
pub(crate) struct Gateway {
    listener: Listener,
    token: Option<String>,
    clients: Mutex<Vec<Client>>,
}

enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

struct Client {
    socket: Socket,
    runtime: Child,
}

/// The name appears when somebody listens there already: whoever waits for it connects at once.
fn listen_at(path: &str) -> io::Result<UnixListener> {
    let unfinished = format!("{path}~");
    let listener = UnixListener::bind(&unfinished)?;
    fs::rename(unfinished, path)?;
    Ok(listener)
}

impl Gateway {
    /// Listens as the arguments say: `--listen unix://PATH` or `--listen ws://IP:PORT`, and `--token WORD`.
    pub(crate) fn from_arguments() -> Option<io::Result<Self>> {
        let value_of = |name: &str| env::args().skip_while(|argument| argument != name).nth(1);
        // The Python SDK names the default.
        let url = value_of("--listen").filter(|url| url != "stdio://")?;
        let listener = match (url.strip_prefix("unix://"), url.strip_prefix("ws://")) {
            (Some(path), _) => listen_at(path).map(Listener::Unix),
            (_, Some(address)) => TcpListener::bind(address).map(Listener::Tcp),
            _ => Err(io::Error::other(format!("{url} is no place to listen; use unix://PATH or ws://IP:PORT"))),
        };
        Some(listener.map(|listener| Self { listener, token: value_of("--token"), clients: Mutex::default() }))
    }

    /// Serves clients until stdin ends; then no process of it is left.
    pub(crate) fn serve(self) {
        if let Listener::Tcp(listener) = &self.listener {
            eprintln!("  listening on: ws://{}", listener.local_addr().expect("it listens"));
        }
        let gateway = Arc::new(self);
        let shared = Arc::clone(&gateway);
        thread::spawn(move || shared.accept());
        io::stdin().lock().read_to_end(&mut Vec::new()).expect("stdin can be read");
        for client in gateway.clients.lock().expect(NO_PANIC).iter_mut() {
            client.socket.shut_down();
            let _ = client.runtime.kill();
            client.runtime.wait().expect("the process can be waited for");
        }
    }

    fn accept(self: Arc<Self>) {
        loop {
            let socket = match &self.listener {
                Listener::Tcp(listener) => listener.accept().map(|(stream, _)| Socket::Tcp(stream)),
                Listener::Unix(listener) => listener.accept().map(|(stream, _)| Socket::Unix(stream)),
            };
            let gateway = Arc::clone(&self);
            let socket = socket.expect("clients can be accepted");
            thread::spawn(move || gateway.serve_client(socket));
        }
    }

    fn serve_client(&self, socket: Socket) {
        let ours = socket.try_clone();
        let Ok(incoming) = tungstenite::accept_hdr(socket, Admission { token: self.token.as_deref() }) else { return };
        let outgoing = ours.try_clone();
        let mut runtime = Command::new(env::current_exe().expect("the path of this program"));
        let runtime = runtime.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut runtime = runtime.expect("this program can be started");
        let (stdin, stdout) = (runtime.stdin.take().expect("a pipe"), runtime.stdout.take().expect("a pipe"));
        self.clients.lock().expect(NO_PANIC).push(Client { socket: ours, runtime });
        thread::spawn(move || say(stdout, outgoing));
        listen(incoming, stdin);
    }
}

/// Who may come in.
struct Admission<'a> {
    token: Option<&'a str>,
}

impl Callback for Admission<'_> {
    fn on_request(self, request: &Request, response: Response) -> Result<Response, ErrorResponse> {
        let Some(token) = self.token else { return Ok(response) };
        let said = request.headers().get("authorization").map(|value| value.as_bytes().to_vec()).unwrap_or_default();
        if said == format!("Bearer {token}").into_bytes() {
            return Ok(response);
        }
        // It repeats what it was told: nobody may show that.
        let mut refusal = ErrorResponse::new(Some(String::from_utf8_lossy(&said).into_owned()));
        *refusal.status_mut() = StatusCode::UNAUTHORIZED;
        Err(refusal)
    }
}

/// What the runtime says goes to the client; with the runtime, the connection ends without a word.
fn say(stdout: ChildStdout, socket: Socket) {
    let end = socket.try_clone();
    let mut socket = WebSocket::from_raw_socket(socket, Role::Server, None);
    let lines = BufReader::new(stdout).split(b'\n').map_while(Result::ok);
    for line in lines {
        let frame = Frame::message(line, OpCode::Data(Data::Text), true);
        if socket.send(tungstenite::Message::Frame(frame)).is_err() {
            break;
        }
    }
    end.shut_down();
}

/// What the client says goes to the runtime, whose input ends with the connection.
fn listen(mut socket: WebSocket<Socket>, mut stdin: ChildStdin) {
    while let Ok(message) = socket.read() {
        if message.is_text() && stdin.write_all(&[&message.into_data()[..], b"\n"].concat()).is_err() {
            break;
        }
    }
}

impl Socket {
    fn try_clone(&self) -> Self {
        match self {
            Self::Tcp(stream) => Self::Tcp(stream.try_clone().expect("a socket can be shared")),
            Self::Unix(stream) => Self::Unix(stream.try_clone().expect("a socket can be shared")),
        }
    }

    /// The client may have been first.
    fn shut_down(&self) {
        let _ = match self {
            Self::Tcp(stream) => stream.shutdown(Shutdown::Both),
            Self::Unix(stream) => stream.shutdown(Shutdown::Both),
        };
    }
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(buffer),
            Self::Unix(stream) => stream.read(buffer),
        }
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write(bytes),
            Self::Unix(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
