//! Where the runtime is: to be started, behind a socket, or in a recording.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::path::{Path, PathBuf};

use super::error::{Error, Result};

/// What an endpoint may look like, for whoever wrote another.
const FORMS: &str = "write stdio:, unix:/path, ws://host:port, wss://host or replay:file.jsonl";

/// Where the runtime is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// It is started as a child process.
    Stdio,
    /// It listens on a socket of the file system.
    Unix(PathBuf),
    /// It listens on a port.
    WebSocket(WebAddress),
    /// There is none: what one said once is played back.
    Replay(PathBuf),
}

/// Where a runtime listens on the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebAddress {
    /// Whether what is said can be read on the way.
    pub privacy: Privacy,
    /// Its name, or its number without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// What is asked for there, with a query, which may hold a secret.
    pub target: String,
}

/// Whether what is said can be read on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Privacy {
    /// It can: `ws:`.
    Open,
    /// It cannot: `wss:`.
    Encrypted,
}

impl Privacy {
    fn scheme(self) -> &'static str {
        match self {
            Self::Open => "ws",
            Self::Encrypted => "wss",
        }
    }

    fn default_port(self) -> u16 {
        match self {
            Self::Open => 80,
            Self::Encrypted => 443,
        }
    }
}

impl Endpoint {
    /// The endpoint that a URL names.
    pub fn parse(url: &str) -> Result<Self> {
        let Some((scheme, rest)) = url.split_once(':') else {
            return Err(refused(url, "it names no scheme"));
        };
        match scheme.to_ascii_lowercase().as_str() {
            "stdio" if rest.is_empty() || rest == "//" => Ok(Self::Stdio),
            "stdio" => Err(refused(url, "nothing follows stdio:")),
            "unix" => Ok(Self::Unix(socket_path(url, rest)?)),
            "ws" => WebAddress::parse(url, Privacy::Open, rest).map(Self::WebSocket),
            "wss" => WebAddress::parse(url, Privacy::Encrypted, rest).map(Self::WebSocket),
            "replay" if rest.is_empty() => Err(refused(url, "the path of a recording follows replay:")),
            "replay" => Ok(Self::Replay(rest.into())),
            _ => Err(refused(url, "its scheme is unknown")),
        }
    }
}

impl fmt::Display for Endpoint {
    /// Without a query, which may hold a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = |path: &Path| path.display().to_string();
        match self {
            Self::Stdio => f.write_str("stdio:"),
            Self::Unix(socket) => write!(f, "unix:{}", path(socket)),
            Self::WebSocket(address) => address.fmt(f),
            Self::Replay(file) => write!(f, "replay:{}", path(file)),
        }
    }
}

impl WebAddress {
    fn parse(url: &str, privacy: Privacy, rest: &str) -> Result<Self> {
        let rest = rest.strip_prefix("//").ok_or_else(|| refused(url, "a host follows after two slashes"))?;
        let (authority, target) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        if authority.contains('@') {
            return Err(refused(
                url,
                "a name or a password cannot be a part of it: use codex_client_options_set_bearer_token",
            ));
        }
        if !target.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#') {
            return Err(refused(
                url,
                "its path holds a blank, a # or what is no ASCII: write them as %20 and the like",
            ));
        }
        let (host, port) =
            split_port(authority).ok_or_else(|| refused(url, "its port is no number from 1 to 65535"))?;
        let host = host_of(host).ok_or_else(|| refused(url, "its host is neither a name nor an address"))?;
        let port = port.unwrap_or(privacy.default_port());
        let slash = if target.starts_with('/') { "" } else { "/" };
        Ok(Self { privacy, host, port, target: format!("{slash}{target}") })
    }

    /// The host and the port, as they stand in a URL.
    pub fn authority(&self) -> String {
        let Self { host, port, .. } = self;
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
    }

    /// The host as HTTP wants to hear it: without a port that goes without saying.
    pub fn host_header(&self) -> String {
        let authority = self.authority();
        let usual = format!(":{}", self.privacy.default_port());
        authority.strip_suffix(&usual).map_or_else(|| authority.clone(), str::to_owned)
    }

    /// Whether nothing that is sent there leaves this machine.
    pub fn is_loopback(&self) -> bool {
        self.is_localhost() || self.host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
    }

    /// Whether it is this machine by name, which is not looked up: whoever answers such questions could say another.
    pub fn is_localhost(&self) -> bool {
        self.host.eq_ignore_ascii_case("localhost")
    }
}

impl fmt::Display for WebAddress {
    /// Without a query, which may hold a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.target.split('?').next().filter(|path| *path != "/").unwrap_or_default();
        write!(f, "{}://{}{path}", self.privacy.scheme(), self.authority())
    }
}

/// `unix:/path` and `unix:///path` are the same.
fn socket_path(url: &str, rest: &str) -> Result<PathBuf> {
    let path = rest.strip_prefix("//").unwrap_or(rest);
    if path.starts_with('/') && path.len() > 1 {
        Ok(path.into())
    } else {
        Err(refused(url, "the path of a socket, from the root on, follows unix:"))
    }
}

/// The host and its port, if there is one; `None` when that is no port.
fn split_port(authority: &str) -> Option<(&str, Option<u16>)> {
    let behind_host = authority.rfind(']').map_or(0, |bracket| bracket + 1);
    let Some(colon) = authority[behind_host..].rfind(':').map(|colon| behind_host + colon) else {
        return Some((authority, None));
    };
    let port = authority[colon + 1..].parse().ok().filter(|port| *port > 0)?;
    Some((&authority[..colon], Some(port)))
}

/// A name, or an address without its brackets.
fn host_of(host: &str) -> Option<String> {
    if let Some(bracketed) = host.strip_prefix('[') {
        return bracketed.strip_suffix(']')?.parse().ok().map(|address: Ipv6Addr| address.to_string());
    }
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    (!host.is_empty() && host.bytes().all(is_name)).then(|| host.to_owned())
}

/// What stands before an @ or behind a ? may be a secret.
fn refused(url: &str, why: &str) -> Error {
    let shown = url.split('?').next().unwrap_or_default();
    let shown = match shown.rsplit_once('@') {
        Some((credentials, rest)) => {
            format!("{}[removed]@{rest}", &credentials[..credentials.find("//").map_or(0, |at| at + 2)])
        }
        None => shown.to_owned(),
    };
    Error::invalid_argument(format!("the endpoint cannot be `{shown}`: {why}; {FORMS}"))
}

/// What a runtime behind a socket wants to see before it talks. Never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct BearerToken(String);

impl BearerToken {
    /// A token, which must fit into a header.
    pub fn new(token: &str) -> Result<Self> {
        if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Error::invalid_argument(
                "a bearer token is one word of visible ASCII characters; is there a line end at its end?",
            ));
        }
        Ok(Self(token.into()))
    }

    /// What to send, and what is never to be shown.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for BearerToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[removed]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(url: &str) -> String {
        Endpoint::parse(url).map_or_else(|error| error.message().to_owned(), |endpoint| endpoint.to_string())
    }

    fn address(url: &str) -> WebAddress {
        match Endpoint::parse(url) {
            Ok(Endpoint::WebSocket(address)) => address,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_form_of_an_endpoint_is_understood() {
        for (url, endpoint) in [
            ("stdio:", "stdio:"),
            ("stdio://", "stdio:"),
            ("unix:/run/codex.sock", "unix:/run/codex.sock"),
            ("unix:///run/codex.sock", "unix:/run/codex.sock"),
            ("ws://127.0.0.1:4500", "ws://127.0.0.1:4500"),
            ("WS://localhost:4500/", "ws://localhost:4500"),
            ("ws://[::1]:4500/a/b?x=1", "ws://[::1]:4500/a/b"),
            ("ws://host", "ws://host:80"),
            ("wss://codex.example.com", "wss://codex.example.com:443"),
            ("wss://codex.example.com:8443?token=x", "wss://codex.example.com:8443"),
            ("replay:turn.jsonl", "replay:turn.jsonl"),
        ] {
            assert_eq!(shown(url), endpoint, "{url}");
        }
    }

    #[test]
    fn what_is_asked_for_keeps_its_query() {
        assert_eq!(address("ws://h/a?b=c").target, "/a?b=c");
        assert_eq!(address("ws://h?b=c").target, "/?b=c");
        assert_eq!(address("ws://h").target, "/");
    }

    #[test]
    fn what_is_no_endpoint_is_refused_with_a_reason() {
        for (url, why) in [
            ("", "no scheme"),
            ("/run/codex.sock", "no scheme"),
            ("http://host", "scheme is unknown"),
            ("stdio:x", "nothing follows"),
            ("unix:", "from the root on"),
            ("unix:/", "from the root on"),
            ("unix:codex.sock", "from the root on"),
            ("unix://codex.sock", "from the root on"),
            ("ws:host", "two slashes"),
            ("ws://", "neither a name nor an address"),
            ("ws://:80", "neither a name nor an address"),
            ("ws://ho st:80", "neither a name nor an address"),
            ("ws://höst:80", "neither a name nor an address"),
            ("ws://[1.2.3.4]:80", "neither a name nor an address"),
            ("ws://[::1:80", "neither a name nor an address"),
            ("ws://::1", "neither a name nor an address"),
            ("ws://host:0", "no number from 1 to 65535"),
            ("ws://host:65536", "no number from 1 to 65535"),
            ("ws://host:", "no number from 1 to 65535"),
            ("ws://host:x", "no number from 1 to 65535"),
            ("ws://host/a b", "holds a blank"),
            ("ws://host/#a", "holds a blank"),
            ("ws://host/\r\nX: y", "holds a blank"),
            ("replay:", "the path of a recording"),
        ] {
            let error = Endpoint::parse(url).expect_err(url);
            assert_eq!(error.status(), crate::engine::error::Status::InvalidArgument);
            assert!(error.message().contains(why) && error.message().contains(FORMS), "{url}: {error}");
        }
    }

    #[test]
    fn what_may_be_secret_in_a_url_is_not_told() {
        for url in ["ws://me:hush@host:80", "ws://hush@host:80/x?hush", "ws://host:x?k=hush", "http://a@hush@host"] {
            assert!(!shown(url).contains("hush") && shown(url).contains("host"), "{}", shown(url));
        }
        let token = BearerToken::new("hush").unwrap();
        assert_eq!(format!("{token:?}"), "[removed]");
    }

    #[test]
    fn this_machine_is_known_by_its_names_and_addresses() {
        for url in ["ws://localhost", "ws://LOCALHOST:1", "ws://127.0.0.1", "ws://127.8.9.1", "ws://[::1]"] {
            assert!(address(url).is_loopback(), "{url}");
        }
        for url in ["ws://localhost.example.com", "ws://10.0.0.1", "ws://0.0.0.0", "ws://[::]", "ws://127.0.0.1.nip.io"]
        {
            assert!(!address(url).is_loopback(), "{url}");
        }
    }

    #[test]
    fn a_token_that_is_no_word_is_refused_and_not_told() {
        for token in ["", "hush\n", "hu sh", "hush\r\nX: y", "hüsh"] {
            let error = BearerToken::new(token).unwrap_err();
            assert!(!error.message().contains("hu"), "{error}");
        }
    }
}
