//! From an endpoint to a WebSocket that stands.

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::net::{TcpSocket, UnixSocket};
use tokio::time::{sleep, timeout};

use super::handshake::{Request, shake_hands};
use super::resolve::addresses_of;
use super::tls::Tls;
use super::wire::Wire;
use super::{Dialed, Stream};
use crate::engine::endpoint::{BearerToken, Endpoint, Privacy, WebAddress};
use crate::engine::error::{Error, Result, Status};
use crate::sys::above_standard_streams;

/// How long one address of several may take.
const ATTEMPT: Duration = Duration::from_secs(5);

/// How long to wait before another attempt at a socket that is crowded.
const FULL: Duration = Duration::from_millis(20);

/// Everything that is needed to reach a runtime behind a socket.
#[derive(Debug)]
pub struct Destination {
    endpoint: String,
    place: Place,
    token: Option<BearerToken>,
    tls: Option<Tls>,
}

#[derive(Debug)]
enum Place {
    File(PathBuf),
    Network(WebAddress),
}

impl Destination {
    /// A socket of the file system.
    pub fn file(path: &Path, token: Option<BearerToken>) -> Self {
        Self { endpoint: Endpoint::Unix(path.into()).to_string(), place: Place::File(path.into()), token, tls: None }
    }

    /// A port. Whom this system trusts is read here, if that is needed.
    pub fn network(address: &WebAddress, token: Option<BearerToken>) -> Result<Self> {
        let endpoint = address.to_string();
        let tls = match address.privacy {
            Privacy::Open => None,
            Privacy::Encrypted => Some(Tls::new(&endpoint, &address.host)?),
        };
        Ok(Self { endpoint, place: Place::Network(address.clone()), token, tls })
    }

    /// Where that is, without anything secret.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    pub(super) async fn dial(self) -> Result<Dialed> {
        let socket = match &self.place {
            Place::File(path) => open_file(path).await,
            Place::Network(address) => open_port(address).await,
        };
        let wire = self.reached(socket)?;
        let Self { endpoint, place, token, tls } = self;
        let (host, target) = match &place {
            Place::File(_) => ("localhost".to_owned(), "/"),
            Place::Network(address) => (address.host_header(), address.target.as_str()),
        };
        let mut stream: Box<dyn Stream> = match tls {
            Some(tls) => tls.encrypt(wire).await?,
            None => Box::new(wire),
        };
        let request = Request { endpoint: &endpoint, host: &host, target, token: token.as_ref() };
        let came = shake_hands(&mut stream, &request).await?;
        Ok((stream, came))
    }

    fn reached(&self, socket: io::Result<OwnedFd>) -> Result<Wire> {
        socket.and_then(Wire::new).map_err(|error| {
            let advice = match (&self.place, error.kind()) {
                (_, io::ErrorKind::PermissionDenied) => "",
                (Place::File(path), _) => &format!(" Does `codex app-server --listen unix://{}` run?", path.display()),
                (Place::Network(_), io::ErrorKind::ConnectionRefused) => " Does `codex app-server --listen` run there?",
                (Place::Network(_), _) => "",
            };
            let message = format!("{} cannot be reached: {error}.{advice}", self.endpoint);
            Error::new(Status::Transport, message).with_reason("connectFailed").retryable()
        })
    }
}

async fn open_file(path: &Path) -> io::Result<OwnedFd> {
    loop {
        let socket = above_standard_streams(UnixSocket::new_stream)??;
        match socket.connect(path).await {
            // As many wait already as may: here the system tells so instead of letting another one wait.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => sleep(FULL).await,
            connected => return Ok(connected?.into_std()?.into()),
        }
    }
}

async fn open_port(address: &WebAddress) -> io::Result<OwnedFd> {
    let addresses = addresses_of(address).await?;
    let mut failure = io::Error::new(io::ErrorKind::NotFound, "its host has no address");
    for (number, address) in addresses.iter().enumerate() {
        let is_last = number + 1 == addresses.len();
        let attempt = open_address(*address);
        let opened = if is_last { attempt.await } else { timeout(ATTEMPT, attempt).await.unwrap_or_else(too_late) };
        match opened {
            Ok(socket) => return Ok(socket),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

fn too_late(_: tokio::time::error::Elapsed) -> io::Result<OwnedFd> {
    Err(io::ErrorKind::TimedOut.into())
}

async fn open_address(address: SocketAddr) -> io::Result<OwnedFd> {
    let new = || if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() };
    let socket = above_standard_streams(new)??;
    socket.set_nodelay(true)?;
    // A machine that is gone says nothing: this way the system finds out.
    socket.set_keepalive(true)?;
    Ok(socket.connect(address).await?.into_std()?.into())
}
