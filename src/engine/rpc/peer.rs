//! Which call an answer belongs to, how many calls may be under way, how long each may take, and when it is sent again.

use std::collections::{HashMap, VecDeque};
use std::time::Instant;

use super::backoff::Backoff;
use super::deadline::CallDeadline;
use super::envelope::{Outcome, RpcId};
use super::outbox::{Line, Outbox};
use crate::engine::json::push_quoted;

/// How many calls may be under way at once. The runtime drops answers when some 128 are, so the rest wait here, in order.
const WINDOW: usize = 64;

/// How many abandoned calls are remembered, so that a late answer is still understood.
const ABANDONED: usize = 1024;

/// Identifies a call for as long as the connection lives, whatever ids its attempts have on the wire.
pub type CallId = u64;

#[derive(Debug)]
struct Call<P> {
    purpose: P,
    method: String,
    params: String,
    deadline: Option<CallDeadline>,
    attempts: u32,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Waiting,
    Sent(i64),
    Retry(Instant),
}

/// What is to be said later.
#[derive(Debug)]
enum Waiting {
    Call(CallId),
    /// The line of a notification.
    Notification(String),
}

impl Waiting {
    fn call(&self) -> Option<CallId> {
        match self {
            Self::Call(id) => Some(*id),
            Self::Notification(_) => None,
        }
    }
}

/// What became of an answer.
#[derive(Debug)]
pub enum Answered<P> {
    /// It ends the call of this method that was made for this purpose.
    Call(P, String),
    /// It came after the call had been given up.
    Late(P),
    /// The runtime was overloaded; the call will be made again.
    Again,
    /// No call has this id.
    Unknown,
}

/// A call whose deadline has passed.
#[derive(Debug)]
pub struct Expired<P> {
    /// What it was made for.
    pub purpose: P,
    /// The name of its method.
    pub method: String,
    /// Until when it could go on.
    pub deadline: Option<CallDeadline>,
    /// Whether the runtime refused it as overloaded until the end.
    pub overloaded: bool,
}

/// One side of the conversation. `P` is what the owner wants to remember with each call.
#[derive(Debug)]
pub struct Peer<P> {
    calls: HashMap<CallId, Call<P>>,
    sent: HashMap<i64, CallId>,
    waiting: VecDeque<Waiting>,
    abandoned: VecDeque<(i64, P)>,
    /// What the parameters and lines of those that wait occupy.
    waiting_bytes: usize,
    outbox: Outbox,
    next_call: CallId,
    next_wire_id: i64,
    backoff: Backoff,
    retries: u64,
    gate: Gate,
}

/// Whether anything but answers may go out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gate {
    Open,
    Held,
}

impl<P: Clone> Peer<P> {
    /// A peer that has nothing under way. `seed` decides the jitter of repetitions.
    pub fn new(seed: u64) -> Self {
        Self {
            calls: HashMap::new(),
            sent: HashMap::new(),
            waiting: VecDeque::new(),
            abandoned: VecDeque::new(),
            waiting_bytes: 0,
            outbox: Outbox::default(),
            next_call: 1,
            next_wire_id: 1,
            backoff: Backoff::new(seed),
            retries: 0,
            gate: Gate::Open,
        }
    }

    /// Calls and notifications wait from now on until [`Peer::release`].
    pub fn hold(&mut self) {
        self.gate = Gate::Held;
    }

    /// Sends a notification, then what has waited, in the order in which it was said.
    pub fn release(&mut self, first: &str) {
        self.gate = Gate::Open;
        self.notify(first, None);
        self.fill_window();
    }

    /// Makes a call. `params` must be a JSON value on one line.
    pub fn call(&mut self, method: &str, params: &str, deadline: Option<CallDeadline>, purpose: P) -> CallId {
        let id = self.next_call;
        self.next_call += 1;
        let call = Call {
            purpose,
            method: method.into(),
            params: params.into(),
            deadline,
            attempts: 0,
            state: State::Waiting,
        };
        self.waiting_bytes += call.params.len();
        self.calls.insert(id, call);
        self.waiting.push_back(Waiting::Call(id));
        self.fill_window();
        id
    }

    /// Sends a notification.
    pub fn notify(&mut self, method: &str, params: Option<&str>) {
        let line = line(None, method, params);
        match self.gate {
            Gate::Open => self.outbox.push(Line::Own, line),
            Gate::Held => {
                self.waiting_bytes += line.len();
                self.waiting.push_back(Waiting::Notification(line));
            }
        }
    }

    /// Answers a request of the runtime with a result.
    pub fn answer(&mut self, id: &RpcId, result: &str) {
        self.outbox.push(Line::Reply, format!("{{\"id\":{id},\"result\":{result}}}"));
    }

    /// Answers a request of the runtime with an error.
    pub fn refuse(&mut self, id: &RpcId, code: i64, message: &str) {
        let mut text = format!("{{\"id\":{id},\"error\":{{\"code\":{code},\"message\":");
        push_quoted(&mut text, message);
        text.push_str("}}");
        self.outbox.push(Line::Reply, text);
    }

    /// The next line to write, without its line feed.
    pub fn next_line(&mut self) -> Option<String> {
        self.outbox.pop()
    }

    /// Whether there is a line to write.
    pub fn has_lines(&self) -> bool {
        !self.outbox.is_empty()
    }

    /// What calls and notifications occupy that are not written yet.
    pub fn unwritten_bytes(&self) -> usize {
        self.outbox.own_bytes() + self.waiting_bytes
    }

    /// The same of answers.
    pub fn unwritten_reply_bytes(&self) -> usize {
        self.outbox.reply_bytes()
    }

    /// Takes an answer of the runtime.
    pub fn answered(&mut self, now: Instant, id: &RpcId, outcome: &Outcome<'_>) -> Answered<P> {
        let RpcId::Number(wire_id) = *id else { return Answered::Unknown };
        let Some(call_id) = self.sent.remove(&wire_id) else { return self.answered_late(wire_id) };
        if matches!(outcome, Outcome::Error(error) if error.may_be_repeated()) && self.retry(now, call_id) {
            self.fill_window();
            return Answered::Again;
        }
        self.fill_window();
        self.calls.remove(&call_id).map_or(Answered::Unknown, |call| Answered::Call(call.purpose, call.method))
    }

    fn answered_late(&mut self, wire_id: i64) -> Answered<P> {
        let Some(position) = self.abandoned.iter().position(|(id, _)| *id == wire_id) else { return Answered::Unknown };
        self.abandoned.remove(position).map_or(Answered::Unknown, |(_, purpose)| Answered::Late(purpose))
    }

    /// An overloaded runtime did not execute the call, so it is made again while its deadline allows.
    fn retry(&mut self, now: Instant, id: CallId) -> bool {
        let Some(call) = self.calls.get_mut(&id) else { return false };
        let at = now + self.backoff.delay(call.attempts);
        if call.deadline.is_some_and(|deadline| at >= deadline.at) {
            return false;
        }
        self.retries += 1;
        call.state = State::Retry(at);
        true
    }

    /// Ends the calls whose deadline has passed and sends again those whose pause is over.
    pub fn tick(&mut self, now: Instant) -> Vec<Expired<P>> {
        let due = |call: &Call<P>| matches!(call.state, State::Retry(at) if at <= now);
        let mut again: Vec<CallId> = self.calls.iter().filter(|(_, call)| due(call)).map(|(id, _)| *id).collect();
        again.sort_unstable();
        for id in again {
            if let Some(call) = self.calls.get_mut(&id) {
                call.state = State::Waiting;
                self.waiting_bytes += call.params.len();
                self.waiting.push_back(Waiting::Call(id));
            }
        }
        let over = |call: &Call<P>| call.deadline.is_some_and(|deadline| deadline.at <= now);
        let mut expired: Vec<CallId> = self.calls.iter().filter(|(_, call)| over(call)).map(|(id, _)| *id).collect();
        expired.sort_unstable();
        let expired = expired.into_iter().filter_map(|id| self.abandon(id)).collect();
        self.fill_window();
        expired
    }

    /// Gives up a call. An answer that still comes is reported as late.
    pub fn abandon(&mut self, id: CallId) -> Option<Expired<P>> {
        let call = self.calls.remove(&id)?;
        if call.state == State::Waiting {
            self.waiting_bytes -= call.params.len();
            self.waiting.retain(|waiting| waiting.call() != Some(id));
        }
        if let State::Sent(wire_id) = call.state {
            self.sent.remove(&wire_id);
            self.abandoned.push_back((wire_id, call.purpose.clone()));
            if self.abandoned.len() > ABANDONED {
                self.abandoned.pop_front();
            }
        }
        let overloaded = call.attempts > 1 || matches!(call.state, State::Retry(_));
        Some(Expired { purpose: call.purpose, method: call.method, deadline: call.deadline, overloaded })
    }

    /// Gives up every call, in the order in which they were made, and what was to be said.
    pub fn abandon_all(&mut self) -> Vec<Expired<P>> {
        let mut ids: Vec<CallId> = self.calls.keys().copied().collect();
        ids.sort_unstable();
        let expired = ids.into_iter().filter_map(|id| self.abandon(id)).collect();
        self.waiting.clear();
        self.waiting_bytes = 0;
        expired
    }

    /// When [`Peer::tick`] has something to do next.
    pub fn next_deadline(&self) -> Option<Instant> {
        let retry = |call: &Call<P>| match call.state {
            State::Retry(at) => Some(at),
            State::Waiting | State::Sent(_) => None,
        };
        self.calls.values().flat_map(|call| [call.deadline.map(|deadline| deadline.at), retry(call)]).flatten().min()
    }

    /// The calls that were not sent yet, in order: each with its method and its parameters.
    pub fn waiting(&self) -> impl Iterator<Item = (CallId, &str, &str)> {
        let call = |id: CallId| self.calls.get(&id).map(|call| (id, &*call.method, &*call.params));
        self.waiting.iter().filter_map(Waiting::call).filter_map(call)
    }

    /// How many calls are under way or wait for their turn.
    pub fn outstanding(&self) -> usize {
        self.calls.len()
    }

    /// How often a call was made again because the runtime was overloaded.
    pub fn retries(&self) -> u64 {
        self.retries
    }

    fn fill_window(&mut self) {
        while self.gate == Gate::Open && self.sent.len() < WINDOW {
            match self.waiting.pop_front() {
                Some(Waiting::Call(id)) => self.send(id),
                Some(Waiting::Notification(line)) => {
                    self.waiting_bytes -= line.len();
                    self.outbox.push(Line::Own, line);
                }
                None => return,
            }
        }
    }

    fn send(&mut self, id: CallId) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        let wire_id = self.next_wire_id;
        self.next_wire_id += 1;
        self.waiting_bytes -= call.params.len();
        call.state = State::Sent(wire_id);
        call.attempts += 1;
        self.sent.insert(wire_id, id);
        self.outbox.push(Line::Own, line(Some(wire_id), &call.method, Some(&call.params)));
    }
}

fn line(id: Option<i64>, method: &str, params: Option<&str>) -> String {
    let mut text = String::with_capacity(method.len() + params.map_or(0, str::len) + 48);
    text.push('{');
    if let Some(id) = id {
        text.push_str(&format!("\"id\":{id},"));
    }
    text.push_str("\"method\":");
    push_quoted(&mut text, method);
    if let Some(params) = params {
        text.push_str(",\"params\":");
        text.push_str(params);
    }
    text.push('}');
    text
}

#[cfg(test)]
mod tests {
    use super::super::envelope::OVERLOADED;
    use super::*;
    use crate::engine::rpc::RpcError;
    use std::borrow::Cow;
    use std::time::Duration;

    const OVERLOAD: Outcome<'_> = Outcome::Error(RpcError {
        code: OVERLOADED,
        message: Cow::Borrowed("Server overloaded; retry later."),
        data: None,
    });

    fn peer() -> (Peer<&'static str>, Instant) {
        (Peer::new(1), Instant::now())
    }

    fn lines(peer: &mut Peer<&'static str>) -> Vec<String> {
        std::iter::from_fn(|| peer.next_line()).collect()
    }

    #[test]
    fn answers_find_their_calls_in_any_order() {
        let (mut peer, now) = peer();
        peer.call("a", "{}", None, "first");
        peer.call("b", "{\"x\":1}", None, "second");
        assert_eq!(
            lines(&mut peer),
            [r#"{"id":1,"method":"a","params":{}}"#, r#"{"id":2,"method":"b","params":{"x":1}}"#]
        );
        assert!(matches!(peer.answered(now, &RpcId::Number(2), &Outcome::Result("{}")), Answered::Call("second", _)));
        assert!(matches!(peer.answered(now, &RpcId::Number(1), &Outcome::Result("{}")), Answered::Call("first", _)));
        assert!(matches!(peer.answered(now, &RpcId::Number(1), &Outcome::Result("{}")), Answered::Unknown));
        assert!(matches!(peer.answered(now, &RpcId::Text("1".into()), &Outcome::Result("{}")), Answered::Unknown));
    }

    #[test]
    fn at_most_64_calls_are_under_way_and_the_rest_keep_their_order() {
        let (mut peer, now) = peer();
        for _ in 0..100 {
            peer.call("m", "{}", None, "call");
        }
        assert_eq!(lines(&mut peer).len(), WINDOW);
        peer.answered(now, &RpcId::Number(5), &Outcome::Result("{}"));
        assert_eq!(lines(&mut peer), [r#"{"id":65,"method":"m","params":{}}"#]);
        assert_eq!(peer.outstanding(), 99);
    }

    #[test]
    fn what_is_held_goes_out_in_order_when_released() {
        let (mut peer, _) = peer();
        peer.call("first", "{}", None, "first");
        peer.hold();
        peer.call("second", "{}", None, "second");
        peer.notify("third", None);
        peer.call("fourth", "{}", None, "fourth");
        assert_eq!(lines(&mut peer).len(), 1);
        peer.release("ready");
        let said = lines(&mut peer);
        let held = [
            r#"{"method":"ready"}"#,
            r#"{"id":2,"method":"second","params":{}}"#,
            r#"{"method":"third"}"#,
            r#"{"id":3,"method":"fourth","params":{}}"#,
        ];
        assert_eq!((said.as_slice(), peer.unwritten_bytes()), (held.map(str::to_owned).as_slice(), 0));
    }

    #[test]
    fn an_overloaded_runtime_is_asked_again_after_a_pause() {
        let (mut peer, now) = peer();
        peer.call("m", "{}", Some((now + Duration::from_secs(60)).into()), "call");
        assert_eq!(lines(&mut peer).len(), 1);
        assert!(matches!(peer.answered(now, &RpcId::Number(1), &OVERLOAD), Answered::Again));
        assert!(lines(&mut peer).is_empty());
        let at = peer.next_deadline().unwrap();
        assert!(at > now && at <= now + Duration::from_millis(100));
        assert!(peer.tick(at).is_empty());
        assert_eq!(lines(&mut peer), [r#"{"id":2,"method":"m","params":{}}"#]);
        assert_eq!(peer.retries(), 1);
    }

    #[test]
    fn repetition_stops_where_the_deadline_would_pass() {
        let (mut peer, now) = peer();
        peer.call("m", "{}", Some((now + Duration::from_millis(1)).into()), "call");
        assert!(matches!(peer.answered(now, &RpcId::Number(1), &OVERLOAD), Answered::Call("call", _)));
    }

    #[test]
    fn a_call_without_an_answer_ends_at_its_deadline_and_a_late_answer_is_recognised() {
        let (mut peer, now) = peer();
        let deadline = now + Duration::from_secs(3);
        peer.call("m", "{}", Some(deadline.into()), "call");
        assert_eq!(peer.next_deadline(), Some(deadline));
        assert!(peer.tick(now).is_empty());
        let expired = peer.tick(deadline);
        assert_eq!((expired.len(), expired[0].purpose, &*expired[0].method), (1, "call", "m"));
        assert!(matches!(peer.answered(now, &RpcId::Number(1), &Outcome::Result("{}")), Answered::Late("call")));
    }

    #[test]
    fn what_is_not_written_yet_is_counted_until_it_is_or_is_given_up() {
        let (mut peer, now) = peer();
        for _ in 0..=WINDOW {
            peer.call("m", &format!("\"{}\"", "x".repeat(1000)), Some(now.into()), "call");
        }
        peer.notify("n", Some("{}"));
        assert!(peer.unwritten_bytes() > 1000 * (WINDOW + 1));
        let written: usize = lines(&mut peer).iter().map(String::len).sum();
        assert!(written > 1000 * WINDOW);
        assert_eq!(peer.unwritten_bytes(), 1002, "the call beyond the window");
        peer.tick(now);
        assert_eq!(peer.unwritten_bytes(), 0);
    }

    #[test]
    fn a_call_that_is_made_again_is_counted_again() {
        let (mut peer, now) = peer();
        peer.call("m", "{}", None, "call");
        let written = peer.next_line().unwrap().len();
        assert!(matches!(peer.answered(now, &RpcId::Number(1), &OVERLOAD), Answered::Again));
        assert_eq!(peer.unwritten_bytes(), 0);
        peer.tick(peer.next_deadline().unwrap());
        assert_eq!(peer.unwritten_bytes(), written);
    }

    #[test]
    fn answers_are_counted_apart() {
        let (mut peer, _) = peer();
        peer.answer(&RpcId::Number(1), "{}");
        assert_eq!((peer.unwritten_bytes(), peer.unwritten_reply_bytes()), (0, r#"{"id":1,"result":{}}"#.len()));
        peer.next_line();
        assert_eq!(peer.unwritten_reply_bytes(), 0);
    }

    #[test]
    fn what_is_given_up_frees_its_place_in_the_window() {
        let (mut peer, now) = peer();
        for _ in 0..WINDOW {
            peer.call("m", "{}", Some(now.into()), "call");
        }
        peer.call("next", "{}", None, "next");
        lines(&mut peer);
        assert_eq!(peer.tick(now).len(), WINDOW);
        assert_eq!(lines(&mut peer), [r#"{"id":65,"method":"next","params":{}}"#]);
    }

    #[test]
    fn errors_are_answered_as_errors() {
        let (mut peer, _) = peer();
        peer.refuse(&RpcId::Text("a\"b".into()), -32601, "no \"such\" method");
        assert_eq!(lines(&mut peer), [r#"{"id":"a\"b","error":{"code":-32601,"message":"no \"such\" method"}}"#]);
    }
}
