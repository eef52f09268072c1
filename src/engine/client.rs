//! A client: the connection to one runtime, and everything that is asked of it directly.

use std::sync::Arc;
use std::time::{Duration, Instant};

use once_cell::sync::OnceCell;

use super::approach::{Approach, Environment, Provisions, heed_environment};
use super::callbacks::{Callbacks, Capacity};
use super::client_options::{ClientInfo, ClientOptions, ExperimentalApi, RequestHandler};
use super::connection::{Anchor, Answering, Connection, Deadline};
use super::error::{Error, Result, Status};
use super::event::Event;
use super::json::{self, Object, quote};
use super::log::Log;
use super::params::failure_of;
use super::queue::Next;
use super::request::Request;
use super::session::{Announce, Asks, Config, Interest, Introduced, Wakeup};
use super::text::ZString;
use super::tools::{Tool, Tools};
use super::transport::{Recorder, Redactor, Tap};
use crate::sys::WakeupFd;

/// How many log messages and traces may wait for the host.
const OBSERVED: usize = 4096;

/// How long a call may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timeout {
    /// As long as the options say.
    Default,
    /// As long as it takes.
    Never,
    /// No longer than this.
    After(Duration),
}

/// What a reader of events finds.
#[derive(Debug)]
pub enum Read {
    /// An event.
    Event(Box<Event>),
    /// Nothing within the time given, or the reader was woken.
    TimedOut,
    /// Nothing will come any more.
    End,
}

/// One runtime and the connection to it.
#[derive(Clone, Debug)]
pub struct Client {
    anchor: Arc<Anchor>,
    info: Arc<OnceCell<ZString>>,
}

impl Client {
    /// Reaches the runtime and waits until it is ready.
    pub fn connect(options: &ClientOptions) -> Result<Self> {
        let client = Self::begin_as(options, Announce::Nothing)?;
        let ready = client.connection().wait(Interest::State, Deadline::Never, |session| session.connected())?;
        ready.unwrap_or_else(|| Err(Error::closed()))?;
        Ok(client)
    }

    /// Begins to reach the runtime and returns at once: calls wait inside until it is ready.
    pub fn begin(options: &ClientOptions) -> Result<Self> {
        Self::begin_as(options, Announce::Event)
    }

    fn begin_as(options: &ClientOptions, announce: Announce) -> Result<Self> {
        if let Some(failure) = &options.first_failure {
            return Err(failure.clone());
        }
        // Here and nowhere else: reading it races with a host that changes it on another thread.
        let environment = Environment::of_this_process();
        let options = &*heed_environment(options, &environment);
        let (connection, introduced) = reach(options, Approach::prepare(options, environment)?)?;
        let anchor = Anchor::new(connection);
        let connection = anchor.connection();
        let now = connection.now();
        let params = initialize_params(options);
        let info = connection.session()?.introduce(now, introduced, &params, options.connect_timeout, announce);
        Ok(Self { anchor, info })
    }

    /// What keeps the connection.
    pub fn anchor(&self) -> &Arc<Anchor> {
        &self.anchor
    }

    /// The connection.
    pub fn connection(&self) -> &Arc<Connection> {
        self.anchor.connection()
    }

    /// Who the runtime is, as JSON; `None` until it is ready.
    pub fn info(&self) -> Option<&ZString> {
        self.info.get()
    }

    /// Figures about the connection, as JSON.
    pub fn stats_json(&self) -> Result<String> {
        Ok(self.connection().session()?.stats_json())
    }

    /// Closes the client: everything ends, and the runtime is killed after `patience`. Returns when it is gone.
    pub fn close(&self, patience: Duration) -> Result<()> {
        let connection = self.connection();
        if connection.session()?.is_over() {
            return Ok(());
        }
        let deadline = Deadline::At(connection.now() + patience);
        connection.ensure_may_wait(Interest::State)?;
        connection.close(patience);
        connection.wait_closed(deadline)
    }

    /// Calls a method of the runtime and waits for the result, which is handed out verbatim.
    pub fn call(&self, method: &str, params: Option<&str>, timeout: Timeout) -> Result<String> {
        call(self.connection(), method, &checked_params(params)?, timeout)
    }

    /// Calls a method of the runtime; the answer becomes an event of the client queue.
    pub fn begin_call(&self, method: &str, params: Option<&str>, timeout: Timeout, user_data: usize) -> Result<u64> {
        let params = checked_params(params)?;
        check_method(method)?;
        let now = self.connection().now();
        let mut session = self.connection().session()?;
        let deadline = deadline_of(timeout, now, session.default_deadline(now));
        session.begin_event_call(method, &params, deadline, user_data)
    }

    /// Sends a notification to the runtime.
    pub fn notify(&self, method: &str, params: Option<&str>) -> Result<()> {
        check_method(method)?;
        let params = params.map(|params| checked_params(Some(params))).transpose()?;
        self.connection().session()?.notify(method, params.as_deref())
    }

    /// Takes the next event that belongs to no turn handle.
    pub fn next_event(&self, deadline: Deadline) -> Result<Read> {
        let next = self.connection().wait(Interest::Client, deadline, |session| found(session.next_client_event()))?;
        read(self.connection(), next)
    }

    /// Has `wakeup` rung when the client queue gets something. When this returns, the former one is rung no more.
    pub fn set_wakeup(&self, wakeup: Option<Arc<Wakeup>>) -> Result<()> {
        let former = self.connection().session()?.set_wakeup(wakeup);
        if let Some(former) = former {
            former.silence();
        }
        self.connection().serve_at_once();
        Ok(())
    }

    /// A descriptor that is readable while the client queue has something; the same at every call.
    pub fn wakeup_fd(&self) -> Result<Option<Arc<WakeupFd>>> {
        let fd = self.connection().session()?.wakeup_fd(|| WakeupFd::new().ok());
        self.connection().serve_at_once();
        Ok(fd)
    }

    /// Adds a function of the host that the agent can call, on threads that are started from now on. `schema` describes its
    /// arguments. Without a function, its calls go where other requests go.
    pub fn add_tool(
        &self,
        name: &str,
        description: &str,
        schema: Option<&str>,
        function: Option<Arc<RequestHandler>>,
    ) -> Result<()> {
        self.connection().add_tool(Tool::new(name, description, schema, function)?)
    }

    /// The functions of the host that the agent can call.
    pub(super) fn tools(&self) -> Result<Tools> {
        Ok(self.connection().session()?.tools().clone())
    }

    /// Makes a reader of the client queue that waits, or else the next one, return.
    pub fn wake(&self) -> Result<()> {
        self.connection().session()?.wake_client();
        Ok(())
    }
}

/// Calls a method and waits for the result.
pub(super) fn call(connection: &Arc<Connection>, method: &str, params: &str, timeout: Timeout) -> Result<String> {
    check_method(method)?;
    let _coming = connection.about_to_wait();
    let now = connection.now();
    let call = {
        let mut session = connection.session()?;
        let deadline = deadline_of(timeout, now, session.default_deadline(now));
        session.begin_call(method, params, deadline)?
    };
    match connection.wait(Interest::Call(call), Deadline::Never, |session| session.take_answer(call)) {
        Ok(Some(answer)) => answer,
        Ok(None) => Err(Error::new(Status::Internal, "a call without a deadline ended without an answer")),
        Err(error) => {
            connection.session()?.forget_call(call);
            Err(error)
        }
    }
}

/// What a look into a queue found; `None` to look again later.
pub(super) fn found(next: Next) -> Option<Next> {
    (!matches!(next, Next::Empty)).then_some(next)
}

/// The event that a reader found, with the request that it may carry.
pub(super) fn read(connection: &Arc<Connection>, next: Option<Next>) -> Result<Read> {
    Ok(match next {
        Some(Next::Event(event)) => {
            if event.kind() == super::event::EventKind::Request {
                attach_request(connection, &event)?;
            }
            Read::Event(event)
        }
        Some(Next::End) => Read::End,
        Some(Next::Woken | Next::Empty) | None => Read::TimedOut,
    })
}

fn attach_request(connection: &Arc<Connection>, event: &Event) -> Result<()> {
    let question = connection.session()?.take_question(connection.now(), event.request_id());
    if let Some(snapshot) = question {
        event.attach_request(Request::new(Arc::clone(connection), snapshot));
    }
    Ok(())
}

fn deadline_of(timeout: Timeout, now: Instant, default: Option<Instant>) -> Option<Instant> {
    match timeout {
        Timeout::Default => default,
        Timeout::Never => None,
        Timeout::After(duration) => now.checked_add(duration),
    }
}

/// A method that the runtime cannot read is never answered.
fn check_method(method: &str) -> Result<()> {
    if method.is_empty() {
        Err(Error::invalid_argument("the method is empty; name one, like model/list"))
    } else {
        Ok(())
    }
}

/// The parameters on one line. The runtime expects an object wherever it expects anything.
pub(super) fn checked_params(params: Option<&str>) -> Result<String> {
    Ok(parse_params(params)?.to_json())
}

/// The parameters of a call, as members.
pub(super) fn parse_params(params: Option<&str>) -> Result<Object> {
    parse_object("params", params)
}

/// The members of an object that the host gave as JSON.
pub(super) fn parse_object(what: &str, text: Option<&str>) -> Result<Object> {
    let Some(text) = text else { return Ok(Object::new()) };
    if let Some(failure) = failure_of(text) {
        return Err(failure);
    }
    Object::parse(text).map_err(|error| match error {
        json::ObjectError::Json(error) => {
            Error::new(Status::InvalidJson, format!("{what} are not valid JSON: {error}"))
        }
        json::ObjectError::NotAnObject { .. } => {
            Error::invalid_argument(format!("{what} must be a JSON object: {error}"))
        }
    })
}

fn reach(options: &ClientOptions, approach: Approach) -> Result<(Arc<Connection>, Introduced)> {
    let record = |file| Recorder::create(file, approach.company());
    let recorder = options.record.as_deref().map(record).transpose()?;
    let observers = observers(options)?;
    let redactor = Redactor::of(options.secrets());
    let log = log_of(options, &observers, redactor.clone());
    let tap = tap_of(options, &observers, recorder, redactor.clone());
    let answering = Answering { handler: options.request_handler.clone(), threads: options.callback_threads };
    let seed = u64::from(std::process::id()) ^ u64::try_from(started_at().as_nanos()).unwrap_or(1);
    let config = Config {
        request_timeout: options.request_timeout,
        answer_timeout: options.answer_timeout,
        max_queued_bytes: options.max_queued_bytes,
        queues: options.queues,
        interrupts: options.interrupts,
        limits: options.limits,
        asks: if answering.handler.is_some() { Asks::Handler } else { Asks::Reader },
        seed,
    };
    let provisions = Provisions { max_message_bytes: options.max_message_bytes, seed, redactor, log: log.clone() };
    let mut introduced = None;
    let connection = Connection::open(config, log, tap, answering, observers.into_iter().collect(), || {
        let (transport, at_the_other_end) = approach.open(provisions)?;
        introduced = Some(at_the_other_end);
        Ok(transport)
    })?;
    let introduced = introduced.ok_or_else(|| Error::new(Status::Internal, "a connection was opened to nobody"))?;
    Ok((connection, introduced))
}

/// Something that differs between two processes of the same id.
fn started_at() -> Duration {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default()
}

/// The thread for logs and traces, if the host wants either.
fn observers(options: &ClientOptions) -> Result<Option<Arc<Callbacks>>> {
    if options.log.is_none() && options.trace.is_none() {
        return Ok(None);
    }
    Callbacks::start("codex-log", 1, Capacity::Bounded(OBSERVED)).map(Some).map_err(no_thread)
}

fn log_of(options: &ClientOptions, observers: &Option<Arc<Callbacks>>, redactor: Redactor) -> Log {
    match (&options.log, observers) {
        (Some((level, sink)), Some(callbacks)) => {
            let sink = Arc::clone(sink);
            let clean = move |level, target: &str, message: &str| sink(level, target, &redactor.clean_text(message));
            Log::new(*level, Arc::new(clean), Arc::clone(callbacks))
        }
        _ => Log::default(),
    }
}

fn tap_of(
    options: &ClientOptions,
    observers: &Option<Arc<Callbacks>>,
    recorder: Option<Recorder>,
    redactor: Redactor,
) -> Tap {
    let trace = options.trace.as_ref().zip(observers.as_ref());
    Tap::new(trace.map(|(sink, callbacks)| (Arc::clone(sink), Arc::clone(callbacks))), recorder, redactor)
}

fn no_thread(error: std::io::Error) -> Error {
    Error::new(Status::RuntimeStart, format!("the system gave no thread for the client's callbacks: {error}"))
}

fn initialize_params(options: &ClientOptions) -> String {
    let ClientInfo { name, title, version } = &options.client_info;
    let title = title.as_deref().map_or_else(|| "null".to_owned(), quote);
    let opt_out: Vec<String> = options.notification_opt_out.iter().map(|method| quote(method)).collect();
    format!(
        "{{\"clientInfo\":{{\"name\":{},\"title\":{title},\"version\":{}}},\"capabilities\":{{\"experimentalApi\":{},\
         \"optOutNotificationMethods\":[{}]}}}}",
        quote(name),
        quote(version),
        options.experimental_api == ExperimentalApi::Enabled,
        opt_out.join(",")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn params_must_be_an_object() {
        assert_eq!(checked_params(Some("{ \"a\": [1, 2.50] }")).unwrap(), r#"{"a":[1,2.50]}"#);
        assert_eq!(checked_params(None).unwrap(), "{}");
        assert_eq!(checked_params(Some("[]")).unwrap_err().status(), Status::InvalidArgument);
        let error = checked_params(Some("{\n \"a\" 1}")).unwrap_err();
        assert_eq!(error.status(), Status::InvalidJson);
        assert!(error.message().contains("line 2"), "{}", error.message());
    }

    #[test]
    fn params_that_a_setter_failed_on_fail_the_call_with_that() {
        let failure = Error::new(Status::InvalidJson, "the value of \"x\" is no JSON");
        let told = checked_params(Some(&super::super::params::failed_text(&failure))).unwrap_err();
        assert_eq!((told.status(), told.message()), (failure.status(), failure.message()));
    }
}
