//! The server at which people log in, for runtimes that are told so.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread::{self, JoinHandle};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use codex::engine::client_options::ClientOptions;
use serde_json::{Value, json};
use tiny_http::{Request, Response, Server};

/// The code that a person types on another device.
pub const USER_CODE: &str = "ABCD-1234";

/// What the person does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Person {
    /// Nothing yet.
    Waits,
    /// Agrees.
    Agrees,
    /// Agrees, and then the server grants nothing.
    IsRefused,
}

/// Serves until it is dropped.
pub struct Issuer {
    server: Arc<Server>,
    person: Arc<AtomicU8>,
    thread: Option<JoinHandle<()>>,
}

impl Issuer {
    /// A server of its own on a loopback port.
    pub fn start(person: Person) -> Self {
        let server = Arc::new(Server::http("127.0.0.1:0").expect("a loopback port"));
        let person = Arc::new(AtomicU8::new(person as u8));
        let (served, does) = (Arc::clone(&server), Arc::clone(&person));
        let thread = thread::spawn(move || served.incoming_requests().for_each(|request| answer(request, &does)));
        Self { server, person, thread: Some(thread) }
    }

    /// From now on the person does this.
    pub fn set(&self, person: Person) {
        self.person.store(person as u8, Ordering::SeqCst);
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("http://{}", self.server.server_addr())
    }

    /// Has a runtime log in here.
    pub fn serve(&self, options: &mut ClientOptions) {
        options.set_env("CODEX_APP_SERVER_LOGIN_ISSUER", Some(&self.url())).expect("a variable");
        options.add_config(&format!("chatgpt_base_url=\"{}\"", self.url())).expect("a configuration override");
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.server.unblock();
        let _ = self.thread.take().expect("dropped once").join();
    }
}

fn answer(request: Request, person: &AtomicU8) {
    let does = person.load(Ordering::SeqCst);
    let (status, body) = match request.url() {
        "/api/accounts/deviceauth/usercode" => {
            (200, json!({"device_auth_id": "device", "user_code": USER_CODE, "interval": "1"}))
        }
        "/api/accounts/deviceauth/token" if does == Person::Waits as u8 => (403, json!({})),
        "/api/accounts/deviceauth/token" => {
            (200, json!({"authorization_code": "code", "code_challenge": "c", "code_verifier": "v"}))
        }
        "/oauth/token" if does == Person::IsRefused as u8 => (400, json!({"error": "invalid_grant"})),
        "/oauth/token" => {
            (200, json!({"id_token": token(), "access_token": token(), "refresh_token": "r", "expires_in": 3600}))
        }
        "/api/codex/usage" => (200, usage()),
        _ => (404, json!({})),
    };
    let _ = request.respond(Response::from_string(body.to_string()).with_status_code(status));
}

/// How much of what the person may use is used.
pub const USED_PERCENT: u8 = 42;

fn usage() -> Value {
    let window = json!({"used_percent": USED_PERCENT, "limit_window_seconds": 18_000, "reset_after_seconds": 60,
        "reset_at": 2_000_000_000});
    let limit = json!({"allowed": true, "limit_reached": false, "primary_window": window, "secondary_window": null});
    json!({"plan_type": "pro", "rate_limit": limit, "credits": null})
}

/// A token that nobody signed.
pub fn token() -> String {
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let account = json!({"chatgpt_plan_type": "pro", "chatgpt_account_id": "account", "chatgpt_user_id": "user"});
    let claims = json!({"email": "a@example.com", "exp": 4_000_000_000_u64, "https://api.openai.com/auth": account});
    format!("{}.{}.{}", part(json!({"alg": "none"})), part(claims), part(json!("sig")))
}

/// The browser comes back from the address of a login, with a code, and goes where the runtime sends it then.
pub fn come_back_from(url: &str) {
    let parameter = |name: &str| {
        let rest = url.split_once(&format!("{name}=")).expect(name).1;
        rest.split('&').next().expect("a value").replace("%3A", ":").replace("%2F", "/")
    };
    let answer = get(&format!("{}?code=x&state={}", parameter("redirect_uri"), parameter("state")));
    let next =
        answer.lines().find_map(|line| line.split_once(": ").filter(|(name, _)| name.eq_ignore_ascii_case("location")));
    if let Some((_, next)) = next {
        get(next);
    }
}

fn get(url: &str) -> String {
    let (host, path) = url.strip_prefix("http://").and_then(|url| url.split_once('/')).expect("a loopback address");
    let mut browser = TcpStream::connect(host).expect("the runtime listens for the browser");
    write!(browser, "GET /{path} HTTP/1.0\r\nHost: {host}\r\n\r\n").expect("sent");
    let mut answer = String::new();
    browser.read_to_string(&mut answer).expect("the runtime answers the browser");
    answer
}
