//! A client: the connection to one runtime, and everything that is asked of it directly.

use std::sync::Arc;
use std::time::Duration;

use once_cell::sync::OnceCell;

use super::approach::{Approach, Environment, Provisions, heed_environment};
use super::call::{call, check_method};
use super::callbacks::{Callbacks, Capacity};
use super::client_options::{ClientInfo, ClientOptions, ExperimentalApi, RequestHandler};
use super::connection::{Anchor, Answering, Connection, Deadline, USUAL_PATIENCE};
use super::error::{Error, Result, Status};
use super::host_json::parse_params;
use super::json::{Object, quote};
use super::log::Log;
use super::read::read;
use super::session::{Announce, Interest, Introduced, Session, Wakeup};
use super::text::ZString;
use super::tools::{Tool, Tools};
use super::transport::{Recorder, Redactor, Tap};
use crate::sys::WakeupFd;

pub use super::call::Timeout;
pub use super::read::Read;

/// How many log messages and traces may wait for the host.
const OBSERVED: usize = 4096;

/// What a runtime has that may take as long as it likes: no clock counts for ever.
const LONGEST_PATIENCE: Duration = Duration::from_secs(365 * 24 * 3600);

impl Timeout {
    /// How long a runtime may take to end by itself when its client is closed.
    pub fn patience(self) -> Duration {
        match self {
            Self::Default => USUAL_PATIENCE,
            Self::Never => LONGEST_PATIENCE,
            Self::After(time) => time.min(LONGEST_PATIENCE),
        }
    }
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
        let client = Self::begin_as(options, Announce::Event)?;
        client.connection().serve_at_once();
        Ok(client)
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
        call(self.connection(), method, &parse_params(params)?.to_json(), timeout)
    }

    /// Calls a method of the runtime; the answer becomes an event of the client queue.
    pub fn begin_call(&self, method: &str, params: Option<&str>, timeout: Timeout, user_data: usize) -> Result<u64> {
        let params = parse_params(params)?.to_json();
        check_method(method)?;
        let now = self.connection().now();
        let mut session = self.connection().session()?;
        let deadline = timeout.deadline(now, session.default_deadline(now));
        session.begin_event_call(method, &params, deadline, user_data)
    }

    /// Sends a notification to the runtime.
    pub fn notify(&self, method: &str, params: Option<&str>) -> Result<()> {
        check_method(method)?;
        let params = params.map(|params| parse_params(Some(params))).transpose()?.map(|params| params.to_json());
        self.connection().session()?.notify(method, params.as_deref())
    }

    /// Takes the next event that belongs to no turn handle.
    pub fn next_event(&self, deadline: Deadline) -> Result<Read> {
        read(self.connection(), Interest::Client, deadline, Session::next_client_event)
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

fn reach(options: &ClientOptions, approach: Approach) -> Result<(Arc<Connection>, Introduced)> {
    let record = |file| Recorder::create(file, approach.company());
    let recorder = options.record.as_deref().map(record).transpose()?;
    let observers = observers(options)?;
    let seed = u64::from(std::process::id()) ^ u64::try_from(started_at().as_nanos()).unwrap_or(1);
    let config = options.session_config(seed);
    let redactor = config.redactor.clone();
    let log = log_of(options, &observers, redactor.clone());
    let tap = tap_of(options, &observers, recorder, redactor.clone());
    let answering = Answering { handler: options.request_handler.clone(), threads: options.callback_threads };
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
    let info = Object::new().with_string("name", name).with_raw("title", title).with_string("version", version);
    let experimental = options.experimental_api == ExperimentalApi::Enabled;
    let opt_out: Vec<String> = options.notification_opt_out.iter().map(|method| quote(method)).collect();
    let capabilities = Object::new()
        .with_raw("experimentalApi", experimental.to_string())
        .with_raw("optOutNotificationMethods", format!("[{}]", opt_out.join(",")));
    Object::new().with_raw("clientInfo", info.to_json()).with_raw("capabilities", capabilities.to_json()).to_json()
}
