//! Sends one response, event by event, with its waits.

use std::io;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::body::{Body, Bytes, Frame};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::gate::Gates;
use crate::response::{End, Script};
use crate::sse;
use crate::step::{CustomCall, FunctionCall, Message, Part, Reasoning, Step, Wait};

/// The body of a streamed answer. The response plays as long as the body is there.
pub(crate) struct Stream {
    pieces: mpsc::Receiver<Piece>,
    player: JoinHandle<()>,
    state: State,
}

enum Piece {
    Bytes(Bytes),
    Cut,
}

enum State {
    Open,
    Cutting,
}

impl Stream {
    /// `number` makes the ids of this response different from those of all others.
    pub(crate) fn play(script: Script, number: usize, gates: Arc<Gates>) -> Self {
        let (sender, pieces) = mpsc::channel(256);
        let player = Player { outlet: Outlet::new(sender, &script.end), gates, number, index: 0 };
        Self { pieces, player: tokio::spawn(player.run(script)), state: State::Open }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.player.abort();
    }
}

impl Body for Stream {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if let State::Cutting = self.state {
            return Poll::Ready(Some(Err(io::Error::other("The script cuts this stream."))));
        }
        match ready!(self.pieces.poll_recv(context)) {
            None => Poll::Ready(None),
            Some(Piece::Bytes(bytes)) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
            Some(Piece::Cut) => {
                // An error drops what is not written yet; a body with nothing to send makes hyper write it first.
                self.state = State::Cutting;
                context.waker().wake_by_ref();
                Poll::Pending
            }
        }
    }
}

/// Nothing more can be sent: the stream is cut, or the client has gone.
struct Ended;

struct Outlet {
    sender: mpsc::Sender<Piece>,
    limit: Limit,
}

#[derive(Clone, Copy)]
enum Limit {
    None,
    Events(usize),
}

impl Outlet {
    fn new(sender: mpsc::Sender<Piece>, end: &End) -> Self {
        let limit = match end {
            End::CutAfter(events) => Limit::Events(*events),
            _ => Limit::None,
        };
        Self { sender, limit }
    }

    async fn event(&mut self, event: &Value) -> Result<(), Ended> {
        match &mut self.limit {
            Limit::None => {}
            Limit::Events(0) => return self.cut().await,
            Limit::Events(left) => *left -= 1,
        }
        self.bytes(sse::encode(event)).await
    }

    async fn bytes(&mut self, bytes: Bytes) -> Result<(), Ended> {
        self.send(Piece::Bytes(bytes)).await
    }

    async fn cut(&mut self) -> Result<(), Ended> {
        self.send(Piece::Cut).await?;
        Err(Ended)
    }

    async fn send(&mut self, piece: Piece) -> Result<(), Ended> {
        self.sender.send(piece).await.map_err(|_| Ended)
    }
}

struct Player {
    outlet: Outlet,
    gates: Arc<Gates>,
    number: usize,
    index: usize,
}

impl Player {
    async fn run(mut self, script: Script) {
        // An early end is what the script or the client wanted.
        let _ = self.perform(&script).await;
    }

    async fn perform(&mut self, script: &Script) -> Result<(), Ended> {
        let id = format!("resp_{}", self.number);
        self.outlet.event(&sse::created(&id)).await?;
        for step in &script.steps {
            self.step(step).await?;
        }
        match sse::last(&id, &script.end, &script.usage) {
            Some(event) => self.outlet.event(&event).await,
            None => self.outlet.cut().await,
        }
    }

    async fn step(&mut self, step: &Step) -> Result<(), Ended> {
        match step {
            Step::Message(message) => self.message(message).await?,
            Step::Reasoning(reasoning) => self.reasoning(reasoning).await?,
            Step::Call(call) => self.call(call).await?,
            Step::CustomCall(call) => self.custom_call(call).await?,
            Step::Item(item) => self.whole_item(item).await?,
            Step::Event(event) => self.outlet.event(event).await?,
            Step::Garbage(line) => self.outlet.bytes(format!("{line}\n\n").into()).await?,
            Step::Pause(time) => pause(*time).await,
            Step::Gate(name) => self.gates.pass(name).await,
            Step::Hang(_) => forever().await,
        }
        Ok(())
    }

    async fn message(&mut self, message: &Message) -> Result<(), Ended> {
        let (index, made) = self.next_item("msg");
        let id = message.id.as_deref().unwrap_or(&made);
        let phase = message.phase.as_deref();
        let open = sse::message(id, phase, json!([]));
        self.outlet.event(&sse::item_added(index, &open)).await?;
        let mut pace = Duration::ZERO;
        for part in &message.parts {
            match part {
                Part::Delta(text) => {
                    pause(mem::replace(&mut pace, message.pace)).await;
                    self.delta(index, id, text).await?;
                }
                Part::Wait(wait) => self.wait(wait).await,
            }
        }
        let done = sse::message(id, phase, sse::output_text(&message.full_text()));
        self.outlet.event(&sse::item_done(index, &done)).await
    }

    async fn delta(&mut self, index: usize, id: &str, text: &str) -> Result<(), Ended> {
        self.outlet.event(&sse::text_delta(index, id, text)).await
    }

    async fn wait(&self, wait: &Wait) {
        match wait {
            Wait::Pause(time) => pause(*time).await,
            Wait::Gate(name) => self.gates.pass(name).await,
            Wait::Hang(_) => forever().await,
        }
    }

    async fn reasoning(&mut self, reasoning: &Reasoning) -> Result<(), Ended> {
        let (index, id) = self.next_item("rs");
        let outlet = &mut self.outlet;
        outlet.event(&sse::item_added(index, &sse::open_reasoning(&id))).await?;
        for (part, text) in reasoning.summary.iter().enumerate() {
            outlet.event(&sse::summary_part_added(index, &id, part)).await?;
            outlet.event(&sse::summary_delta(index, &id, part, text)).await?;
        }
        if !reasoning.text.is_empty() {
            outlet.event(&sse::reasoning_delta(index, &id, &reasoning.text)).await?;
        }
        outlet.event(&sse::item_done(index, &sse::reasoning(&id, reasoning))).await
    }

    async fn call(&mut self, call: &FunctionCall) -> Result<(), Ended> {
        let (index, id) = self.next_item("fc");
        let call_id = self.call_id(index, call.call_id.as_deref());
        let item = sse::function_call(&id, &call_id, call);
        self.outlet.event(&sse::item_done(index, &item)).await
    }

    async fn custom_call(&mut self, call: &CustomCall) -> Result<(), Ended> {
        let (index, id) = self.next_item("ctc");
        let call_id = self.call_id(index, call.call_id.as_deref());
        let item = sse::custom_call(&id, &call_id, call);
        self.outlet.event(&sse::item_done(index, &item)).await
    }

    async fn whole_item(&mut self, item: &Value) -> Result<(), Ended> {
        let (index, _) = self.next_item("item");
        self.outlet.event(&sse::item_done(index, item)).await
    }

    fn next_item(&mut self, prefix: &str) -> (usize, String) {
        let index = self.index;
        self.index += 1;
        (index, format!("{prefix}_{}_{index}", self.number))
    }

    fn call_id(&self, index: usize, scripted: Option<&str>) -> String {
        match scripted {
            Some(id) => id.to_owned(),
            None => format!("call_{}_{index}", self.number),
        }
    }
}

// A timer of no time at all would still wait for the next millisecond.
async fn pause(time: Duration) {
    if !time.is_zero() {
        sleep(time).await;
    }
}

/// The player is dropped with its body, which ends this wait.
async fn forever() {
    std::future::pending().await
}
