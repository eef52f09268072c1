//! Encrypted endpoints. Each test is a process of its own, which trusts the authorities in a file of this test only.

use std::any::type_name;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use codex::engine::client::{Client, Timeout};
use codex::engine::endpoint::{BearerToken, Endpoint};
use codex::engine::error::{Error, Status};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, date_time_ymd,
};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::json;
use tungstenite::WebSocket;

use crate::support::alone::alone_with;
use crate::support::fake::ask;
use crate::support::follow::{PATIENCE, listen, next_of_client, parsed};
use crate::support::listening::options_for;
use crate::support::peer::{Peer, answer, goodbye, hear, read_head, say};
use crate::support::real::info;

type Encrypted = StreamOwned<ServerConnection, TcpStream>;

/// Where a test trusts authorities; it is told to the process of the test.
const TRUST: &str = "SSL_CERT_FILE";

/// Runs a test in a process of its own, which trusts what it writes into a file of its own.
fn trusting<F: FnOnce() + Send + 'static>(test: F) {
    let name = type_name::<F>().trim_end_matches("::{{closure}}").rsplit("::").next().expect("a name");
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("trusted-by-{name}.pem"));
    alone_with(&[(TRUST, file.to_str()), ("SSL_CERT_DIR", None)], test);
}

/// What the authority of a test calls itself.
const NAME: &str = "the authority of a test";

/// Somebody who issues certificates.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// One that the process of this test trusts.
    fn trusted() -> Self {
        let authority = Self::new(NAME);
        std::fs::write(std::env::var_os(TRUST).unwrap(), authority.0.pem()).unwrap();
        authority
    }

    /// A server with a certificate of this authority.
    fn certifies(&self, change: impl FnOnce(&mut CertificateParams)) -> Arc<ServerConfig> {
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let mut params = CertificateParams::new(names).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        let provider = rustls::crypto::ring::default_provider();
        let config =
            ServerConfig::builder_with_provider(provider.into()).with_safe_default_protocol_versions().unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        config.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], key).unwrap().into()
    }
}

/// Serves one client with encryption.
fn encrypted(config: Arc<ServerConfig>, serve: impl FnOnce(Encrypted) + Send + 'static) -> Peer {
    Peer::raw(|stream| serve(StreamOwned::new(ServerConnection::new(config).unwrap(), stream)))
}

/// A runtime up to its introduction.
fn runtime(config: Arc<ServerConfig>, serve: impl FnOnce(WebSocket<Encrypted>) + Send + 'static) -> Peer {
    encrypted(config, |stream| {
        let mut socket = tungstenite::accept(stream).expect("a WebSocket is opened");
        answer(&mut socket, "initialize", json!({"userAgent": "codex/0.169.0 (Debian)"}));
        assert_eq!(hear(&mut socket)["method"], "initialized");
        serve(socket);
    })
}

/// Whoever is refused never gets so far as to say anything.
fn never_spoken_to(mut stream: Encrypted) {
    assert!(!matches!(stream.read(&mut [0]), Ok(1..)));
}

fn url(peer: &Peer, host: &str) -> String {
    peer.url().replace("ws://127.0.0.1", &format!("wss://{host}"))
}

fn refusal(peer: &Peer) -> Error {
    let mut options = options_for(&url(peer, "localhost"));
    options.bearer_token = Some(BearerToken::new("plainlyhiddenword").unwrap());
    let error = Client::connect(&options).unwrap_err();
    assert!(!error.to_json().contains("plainlyhiddenword"));
    error
}

#[track_caller]
fn assert_told(error: &Error, reason: &str, part: &str) {
    assert_eq!((error.status(), error.reason()), (Status::Transport, reason), "{error}");
    assert!(error.message().contains("wss://localhost:") && error.message().contains(part), "{error}");
}

#[test]
fn a_name_and_an_address_are_reached_with_encryption() {
    trusting(|| {
        let authority = Authority::trusted();
        for host in ["localhost", "127.0.0.1"] {
            let peer = runtime(authority.certifies(|_| ()), |mut socket| {
                let call = hear(&mut socket);
                say(&mut socket, &json!({"id": call["id"], "result": call["params"]}));
                assert_eq!(goodbye(&mut socket), Some(1000));
            });
            let client = Client::connect(&options_for(&url(&peer, host))).unwrap();
            assert_eq!(info(&client)["endpoint"], url(&peer, host));
            let long = json!({"text": "0123456789".repeat(300_000)});
            let answer = client.call("echo", Some(&long.to_string()), Timeout::After(PATIENCE)).unwrap();
            assert_eq!(parsed(&answer), long);
            client.close(PATIENCE).unwrap();
        }
    });
}

#[test]
fn the_token_goes_out_encrypted() {
    trusting(|| {
        let peer = encrypted(Authority::trusted().certifies(|_| ()), |mut stream| {
            let head = read_head(&mut stream);
            assert!(head.contains("\r\nAuthorization: Bearer plainlyhiddenword\r\n"), "{head}");
            let _ = stream.write_all(b"HTTP/1.1 401 Unauthorized\r\n\r\n");
        });
        assert_eq!(refusal(&peer).status(), Status::Auth);
    });
}

#[test]
fn a_certificate_of_an_unknown_issuer_is_told() {
    trusting(|| {
        Authority::trusted();
        for name in ["another authority", NAME] {
            let peer = encrypted(Authority::new(name).certifies(|_| ()), never_spoken_to);
            assert_told(&refusal(&peer), "certificateUnknownIssuer", "SSL_CERT_FILE");
        }
    });
}

#[test]
fn a_certificate_that_has_expired_is_told() {
    trusting(|| {
        let old = Authority::trusted().certifies(|params| {
            params.not_before = date_time_ymd(2001, 1, 1);
            params.not_after = date_time_ymd(2002, 1, 1);
        });
        assert_told(&refusal(&encrypted(old, never_spoken_to)), "certificateExpired", "has expired");
    });
}

#[test]
fn a_certificate_that_is_not_valid_yet_is_told() {
    trusting(|| {
        let early = Authority::trusted().certifies(|params| {
            params.not_before = date_time_ymd(2901, 1, 1);
            params.not_after = date_time_ymd(2902, 1, 1);
        });
        assert_told(&refusal(&encrypted(early, never_spoken_to)), "certificateNotYetValid", "not valid yet");
    });
}

#[test]
fn a_certificate_for_another_name_is_told() {
    trusting(|| {
        let other = Authority::trusted().certifies(|params| {
            params.subject_alt_names =
                CertificateParams::new(["elsewhere.example".to_owned()]).unwrap().subject_alt_names;
        });
        let error = refusal(&encrypted(other, never_spoken_to));
        assert_told(&error, "certificateWrongName", "another name than localhost");
    });
}

#[test]
fn a_certificate_that_is_not_for_servers_is_told() {
    trusting(|| {
        let client = Authority::trusted()
            .certifies(|params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth]);
        assert_told(&refusal(&encrypted(client, never_spoken_to)), "certificateInvalid", "is not acceptable");
    });
}

#[test]
fn a_server_without_tls_is_told() {
    trusting(|| {
        Authority::trusted();
        let plain = Peer::raw(|mut stream| {
            stream.read_exact(&mut [0]).unwrap();
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        });
        assert_told(&refusal(&plain), "tlsFailed", "does it speak TLS?");
    });
}

#[test]
fn without_any_authority_nobody_is_trusted() {
    trusting(|| {
        std::fs::write(std::env::var_os(TRUST).unwrap(), "").unwrap();
        let error = Client::connect(&options_for("wss://localhost:1")).unwrap_err();
        assert_told(&error, "certificatesMissing", "ca-certificates");
    });
}

#[test]
fn a_server_with_tls_that_is_reached_without_is_told() {
    trusting(|| {
        let peer = encrypted(Authority::trusted().certifies(|_| ()), never_spoken_to);
        let error = Client::connect(&peer.options()).unwrap_err();
        assert_eq!((error.status(), error.reason()), (Status::Transport, "handshakeFailed"), "{error}");
    });
}

#[test]
fn the_deadline_of_connecting_counts_for_a_server_that_says_nothing() {
    trusting(|| {
        Authority::trusted();
        let silent = Peer::raw(|mut stream| drop(stream.read_to_end(&mut Vec::new())));
        let mut options = options_for(&url(&silent, "localhost"));
        options.connect_timeout = Some(Duration::from_millis(300));
        assert_eq!(Client::connect(&options).unwrap_err().status(), Status::TimedOut);
    });
}

#[test]
fn a_flood_is_read_whole_and_in_order() {
    trusting(|| {
        const MESSAGES: usize = 20_000;
        let peer = runtime(Authority::trusted().certifies(|_| ()), |mut socket| {
            answer(&mut socket, "begin", json!({}));
            let padding = "x".repeat(500);
            for number in 0..MESSAGES {
                say(&mut socket, &json!({"method": "future/event", "params": {"number": number, "padding": padding}}));
            }
            say(&mut socket, &json!({"method": "future/end", "params": {}}));
            goodbye(&mut socket);
        });
        let client = Client::connect(&options_for(&url(&peer, "localhost"))).unwrap();
        listen(&client);
        ask(&client, "begin").unwrap();
        for number in 0..MESSAGES {
            let event = next_of_client(&client).expect("an event");
            assert_eq!(parsed(event.json_str())["number"], number);
        }
    });
}

#[test]
fn a_server_that_is_gone_is_told() {
    trusting(|| {
        let peer = runtime(Authority::trusted().certifies(|_| ()), drop);
        let Ok(Endpoint::WebSocket(address)) = Endpoint::parse(&url(&peer, "localhost")) else { panic!("an address") };
        let client = Client::connect(&options_for(&address.to_string())).unwrap();
        let error = ask(&client, "anything").unwrap_err();
        assert_told(&error, "connectionLost", "was lost");
    });
}
