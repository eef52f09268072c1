//! The HTTP server and the model that owns it.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::header::HeaderMap;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::{TcpListener as AsyncListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;

use crate::answer::{self, Answer};
use crate::control;
use crate::gate::{Gate, Gates};
use crate::play::Stream;
use crate::queue::Queue;
use crate::record::{RESPONSES, Record, Request};
use crate::response::{Response, Start};

/// A model that says what a test queued, on a loopback port of its own. It ends when it is dropped.
#[derive(Debug)]
pub struct ScriptedModel {
    port: u16,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<Infallible>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
pub(crate) struct Shared {
    pub(crate) record: Record,
    pub(crate) gates: Arc<Gates>,
    queue: Mutex<Queue>,
}

impl Shared {
    pub(crate) fn with_queue<R>(&self, act: impl FnOnce(&mut Queue) -> R) -> R {
        act(&mut self.queue.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl ScriptedModel {
    /// Starts a model without any response.
    ///
    /// # Panics
    ///
    /// When the system has no port or no thread left.
    pub fn start() -> Self {
        let listener = listen().expect("The scripted model could not listen on a loopback port");
        let port = listener.local_addr().expect("A listener has an address").port();
        let shared = Arc::new(Shared::default());
        let (stop, stopped) = oneshot::channel();
        let runtime =
            Builder::new_current_thread().enable_all().build().expect("The scripted model could not start its runtime");
        let served = Arc::clone(&shared);
        let thread = thread::Builder::new()
            .name("scripted-model".to_owned())
            .spawn(move || serve(&runtime, listener, served, stopped))
            .expect("The scripted model could not start its thread");
        Self { port, shared, stop: Some(stop), thread: Some(thread) }
    }

    /// The base URL for the runtime, such as `http://127.0.0.1:40000/v1`.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/v1", self.port)
    }

    /// Queues a response for the next request that has none of its own.
    pub fn queue(&self, response: Response) {
        self.shared.with_queue(|queue| queue.push(response));
    }

    /// Queues a response for the next request whose last user message contains the text. So threads that run at the
    /// same time each get their own.
    pub fn queue_for(&self, needle: &str, response: Response) {
        self.queue(response.for_text(needle));
    }

    /// Sets what answers a request when nothing is queued for it. Without this the answer is the HTTP status 500.
    pub fn answer_with(&self, answer: impl Fn(&Request) -> Response + Send + 'static) {
        self.shared.with_queue(|queue| queue.set_fallback(Box::new(answer)));
    }

    /// The gate of this name, whether or not a response with it is queued already.
    pub fn gate(&self, name: &str) -> Gate {
        Gate::new(name, Arc::clone(&self.shared.gates))
    }

    /// The requests for a response so far, oldest first.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.record.turn_requests()
    }

    /// Every request so far, oldest first; also those for the list of models.
    pub fn all_requests(&self) -> Vec<Request> {
        self.shared.record.all()
    }

    /// Blocks until there were this many requests for a response, and gives them.
    ///
    /// # Panics
    ///
    /// When there are fewer after the time.
    pub fn wait_for_requests(&self, count: usize, timeout: Duration) -> Vec<Request> {
        let arrived = self.shared.record.wait(count, timeout);
        let requests = self.requests();
        assert!(
            arrived,
            "The model was asked for {} responses within {timeout:?}, but the test waits for {count}.",
            requests.len()
        );
        requests
    }

    /// The `key=value` overrides (each for one `-c` of the runtime) that make this the only model.
    pub fn codex_config(&self) -> Vec<String> {
        let provider = format!(
            r#"model_providers.mock={{name="mock",base_url="{}",wire_api="responses",request_max_retries=0,stream_max_retries=0,supports_websockets=false}}"#,
            self.url()
        );
        [
            r#"model="gpt-5.5""#,
            r#"model_provider="mock""#,
            &provider,
            "features.shell_snapshot=false",
            "features.plugins=false",
        ]
        .map(str::to_owned)
        .to_vec()
    }
}

impl Drop for ScriptedModel {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic of the server was printed already, and to panic in a drop would hide what the test says.
            let _ = thread.join();
        }
    }
}

fn listen() -> io::Result<TcpListener> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Serves until the model is dropped; the end of the runtime drops all connections.
fn serve(runtime: &Runtime, listener: TcpListener, shared: Arc<Shared>, stopped: oneshot::Receiver<Infallible>) {
    runtime.block_on(async {
        let listener = AsyncListener::from_std(listener).expect("The listener belongs to this runtime");
        tokio::spawn(accept(listener, shared));
        let Err(_) = stopped.await;
    });
}

async fn accept(listener: AsyncListener, shared: Arc<Shared>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(tokio::spawn(connection(stream, Arc::clone(&shared)))),
            // Out of descriptors, or a client that left at once: both pass.
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}

async fn connection(stream: TcpStream, shared: Arc<Shared>) {
    // Without it a delta could wait for the acknowledgement of the one before.
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| receive(Arc::clone(&shared), request));
    // A connection that breaks is a client that left or a stream that a script cuts.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn receive(shared: Arc<Shared>, request: hyper::Request<Incoming>) -> Result<Answer, hyper::Error> {
    let (head, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    if let Some(action) = head.uri.path().strip_prefix("/control/") {
        let query = head.uri.query().unwrap_or_default();
        return Ok(control::answer(&shared, &head.method, action, query, &body).await);
    }
    let request = Request {
        method: head.method.to_string(),
        path: head.uri.path().to_owned(),
        headers: lower_cased(&head.headers),
        body: serde_json::from_slice(&body).unwrap_or(Value::Null),
    };
    let number = shared.record.add(request.clone());
    match (&head.method, head.uri.path()) {
        (&Method::POST, RESPONSES) => Ok(respond(&shared, &request, number).await),
        (&Method::GET, "/v1/models") => Ok(models()),
        (method, path) => {
            Ok(answer::refusal(StatusCode::NOT_FOUND, format!("The scripted model has nothing at {method} {path}.")))
        }
    }
}

fn lower_cased(headers: &HeaderMap) -> BTreeMap<String, String> {
    let mut all = BTreeMap::<String, String>::new();
    for (name, value) in headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        all.entry(name.as_str().to_owned())
            .and_modify(|values| *values = format!("{values}, {value}"))
            .or_insert_with(|| value.into_owned());
    }
    all
}

fn models() -> Answer {
    let model = json!({"id": "gpt-5.5", "object": "model", "owned_by": "scripted-model"});
    answer::json(&json!({"object": "list", "data": [model]}))
}

async fn respond(shared: &Shared, request: &Request, number: usize) -> Answer {
    let Some(response) = shared.with_queue(|queue| queue.take(request)) else {
        return nothing_queued(request);
    };
    let mut answer = match response.start {
        Start::Hang => future::pending().await,
        Start::Http(scripted) => answer::scripted(&scripted),
        Start::Stream => {
            let gates = Arc::clone(&shared.gates);
            answer::stream(Stream::play(response.script, number, gates))
        }
    };
    answer.headers_mut().extend(response.headers);
    answer
}

fn nothing_queued(request: &Request) -> Answer {
    let message = format!(
        "The scripted model has no response queued for a request about {:?}: queue one before the \
         turn starts, and one more for every response that makes a call.",
        request.topic()
    );
    // The runtime hides the text of a status 500 from its client.
    eprintln!("{message}");
    answer::refusal(StatusCode::INTERNAL_SERVER_ERROR, message)
}
