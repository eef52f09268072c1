use super::*;
use crate::engine::client_options::RequestHandler;
use crate::engine::request::{Scope, ToolOutcome};
use crate::engine::rpc::RpcId;
use crate::engine::tools::Tool;

const COMMAND: &str = "item/commandExecution/requestApproval";

impl Talk {
    fn ask(&mut self, id: i64, method: &str) {
        self.ask_with(id, method, json!({}));
    }

    fn ask_with(&mut self, id: i64, method: &str, mut params: Value) {
        for (key, value) in [("threadId", THREAD), ("turnId", TURN), ("itemId", "c")] {
            params[key] = value.into();
        }
        self.hear(json!({"id": id, "method": method, "params": params}));
    }

    fn call_tool(&mut self, id: i64, name: &str) {
        self.ask_with(id, "item/tool/call", json!({"callId": "c", "namespace": null, "tool": name, "arguments": {}}));
    }

    /// Adds a tool that is a function of the host, or whose calls are requests like any other.
    fn add_tool(&mut self, name: &str, function: Option<Arc<RequestHandler>>) {
        let tool = Tool::new(name, "does it", None, function).unwrap();
        self.session.add_tool(tool.into()).unwrap();
    }

    /// The ids of the requests that functions of the host were handed, each with the word for its function.
    fn handed(&mut self) -> Vec<(QuestionId, &'static str)> {
        let asked = self.session.take_effects().map(|effects| effects.asked).unwrap_or_default();
        let word = |recipient: &Recipient| match recipient {
            Recipient::Handler => "handler",
            Recipient::Tool(_) => "tool",
        };
        asked.iter().map(|(recipient, snapshot, _)| (snapshot.id, word(recipient))).collect()
    }

    /// The request of the next event of a handle.
    fn delivered(&mut self, handle: HandleId) -> QuestionId {
        let event = self.events(handle).into_iter().find(|event| event.kind() == EventKind::Request).unwrap();
        assert!(self.session.take_question(self.now, event.request_id()).is_some());
        event.request_id()
    }

    fn answers(&mut self) -> Vec<Value> {
        self.written().into_iter().filter(|line| line.get("method").is_none()).collect()
    }
}

fn resolved(events: &[Event], id: QuestionId) -> bool {
    events.iter().any(|event| event.kind() == EventKind::RequestResolved && event.request_id() == id)
}

#[test]
fn an_approval_is_answered_in_its_own_words_and_confirmed() {
    let mut talk = Talk::new();
    let handle = talk.running(Delivery::Kept, Limits::default());
    talk.ask(0, COMMAND);
    let id = talk.delivered(handle);
    talk.session.answer(talk.now, id, &Answer::Approve(Scope::Once)).unwrap();
    assert_eq!(talk.answers(), [json!({"id": 0, "result": {"decision": "accept"}})]);
    let twice = talk.session.answer(talk.now, id, &Answer::Decline).unwrap_err();
    assert_eq!(twice.status(), Status::AlreadyAnswered);
    talk.notify("serverRequest/resolved", json!({"threadId": THREAD, "requestId": 0}));
    assert!(resolved(&talk.events(handle), id));
}

#[test]
fn an_answer_that_does_not_fit_leaves_the_request_open() {
    let mut talk = Talk::new();
    let handle = talk.running(Delivery::Kept, Limits::default());
    talk.ask(0, "item/tool/call");
    let id = talk.delivered(handle);
    let error = talk.session.answer(talk.now, id, &Answer::Approve(Scope::Once)).unwrap_err();
    assert_eq!(error.status(), Status::InvalidArgument);
    talk.session.answer(talk.now, id, &Answer::Decline).unwrap();
    assert_eq!(talk.answers()[0]["result"]["success"], false);
    assert!(resolved(&talk.events(handle), id), "the runtime does not confirm tool calls");
}

#[test]
fn what_nobody_listens_to_is_declined_at_once() {
    let mut talk = Talk::new();
    talk.running(Delivery::Discarded, Limits::default());
    talk.ask(3, COMMAND);
    assert_eq!(talk.answers(), [json!({"id": 3, "result": {"decision": "decline"}})]);
}

#[test]
fn a_request_without_a_turn_handle_goes_to_the_client_queue_if_it_is_read() {
    let mut talk = Talk::new();
    talk.ask(1, COMMAND);
    assert_eq!(talk.answers().len(), 1, "nobody reads");
    talk.session.open_client_queue();
    talk.ask(2, COMMAND);
    assert!(talk.answers().is_empty());
    assert_eq!(talk.client_methods(), [COMMAND]);
}

#[test]
fn a_request_that_nobody_reads_is_declined_after_a_minute() {
    let mut talk = Talk::new();
    talk.running(Delivery::Kept, Limits::default());
    talk.ask(0, COMMAND);
    talk.pass(seconds(59));
    assert!(talk.answers().is_empty());
    talk.pass(seconds(1));
    assert_eq!(talk.answers(), [json!({"id": 0, "result": {"decision": "decline"}})]);
}

#[test]
fn a_host_that_waits_without_reading_declines() {
    let mut talk = Talk::new();
    let handle = talk.running(Delivery::Kept, Limits::default());
    talk.ask(0, COMMAND);
    talk.session.discard_turn_events(talk.now, handle);
    assert_eq!(talk.answers(), [json!({"id": 0, "result": {"decision": "decline"}})]);
}

#[test]
fn a_request_that_is_let_go_is_declined() {
    let mut talk = Talk::new();
    let handle = talk.running(Delivery::Kept, Limits::default());
    talk.ask(0, COMMAND);
    let id = talk.delivered(handle);
    talk.session.release_question(talk.now, id);
    assert_eq!(talk.answers(), [json!({"id": 0, "result": {"decision": "decline"}})]);
}

#[test]
fn the_answer_timeout_declines_what_the_host_keeps() {
    let mut talk = Talk::with(|config| config.answer_timeout = Some(seconds(10)));
    let handle = talk.running(Delivery::Kept, Limits::default());
    talk.ask(0, COMMAND);
    talk.delivered(handle);
    talk.pass(seconds(9));
    assert!(talk.answers().is_empty());
    talk.pass(seconds(1));
    assert_eq!(talk.answers().len(), 1);
}

#[test]
fn a_host_that_has_a_request_may_take_longer_than_a_minute() {
    let mut talk = Talk::with(|config| config.answer_timeout = Some(seconds(120)));
    let handle = talk.running(Delivery::Kept, Limits::default());
    talk.ask(0, COMMAND);
    talk.delivered(handle);
    talk.pass(seconds(119));
    assert!(talk.answers().is_empty());
}

#[test]
fn the_end_of_a_turn_cancels_its_requests_before_the_last_event() {
    let mut talk = Talk::new();
    let handle = talk.running(Delivery::Kept, Limits::default());
    talk.ask(0, COMMAND);
    let id = talk.delivered(handle);
    let snapshot = talk.session.take_question(talk.now, id).unwrap();
    talk.session.set_cancel_hook(&snapshot, CancelHook::new(|| ()));
    talk.turn_completed("interrupted");
    assert!(snapshot.fate.is_cancelled());
    assert_eq!(talk.session.take_effects().unwrap().cancelled.len(), 1);
    let kinds = talk.kinds(handle);
    assert_eq!(kinds, [EventKind::TurnCompleted, EventKind::RequestResolved, EventKind::TurnEnded]);
    let late = talk.session.answer(talk.now, id, &Answer::Decline).unwrap_err();
    assert_eq!(late.status(), Status::AlreadyAnswered);
    assert!(talk.answers().is_empty());
}

#[test]
fn the_end_of_a_request_says_of_which_turn_it_was_whoever_tells_it() {
    for tell in [
        |talk: &mut Talk| talk.notify("serverRequest/resolved", json!({"threadId": THREAD, "requestId": 0})),
        |talk: &mut Talk| talk.turn_completed("interrupted"),
    ] {
        let mut talk = Talk::new();
        let handle = talk.running(Delivery::Kept, Limits::default());
        talk.ask(0, COMMAND);
        talk.delivered(handle);
        tell(&mut talk);
        let events = talk.events(handle);
        let end =
            events.iter().find(|event| event.kind() == EventKind::RequestResolved).expect("the request is resolved");
        assert_eq!((end.thread_id(), end.turn_id()), (&b"thread-1\0"[..], &b"turn-1\0"[..]));
    }
}

#[test]
fn an_answer_of_somebody_else_cancels() {
    let mut talk = Talk::new();
    let handle = talk.running(Delivery::Kept, Limits::default());
    talk.ask(0, COMMAND);
    let id = talk.delivered(handle);
    talk.notify("serverRequest/resolved", json!({"threadId": THREAD, "requestId": 0}));
    assert_eq!(talk.session.answer(talk.now, id, &Answer::Decline).unwrap_err().status(), Status::AlreadyAnswered);
}

#[test]
fn the_ids_of_both_sides_may_overlap() {
    let mut talk = Talk::new();
    let handle = talk.running(Delivery::Kept, Limits::default());
    let call = talk.session.begin_call("m", "{}", None).unwrap();
    let wire_id = talk.written()[0]["id"].as_i64().unwrap();
    talk.ask(wire_id, COMMAND);
    talk.hear(json!({"id": wire_id, "result": {"mine": true}}));
    assert_eq!(talk.session.take_answer(call).unwrap().unwrap(), r#"{"mine":true}"#);
    talk.delivered(handle);
}

#[test]
fn cancelling_ends_the_turn_whatever_was_asked() {
    for (method, expected) in
        [(COMMAND, json!({"decision": "cancel"})), ("item/tool/requestUserInput", json!({"answers": {}}))]
    {
        let mut talk = Talk::new();
        let handle = talk.running(Delivery::Kept, Limits::default());
        talk.ask(0, method);
        let id = talk.delivered(handle);
        talk.session.answer(talk.now, id, &Answer::CancelTurn).unwrap();
        let written = talk.written();
        assert_eq!(written[0]["result"], expected);
        assert_eq!(written[1]["method"], "turn/interrupt");
    }
}

#[test]
fn an_approval_knows_the_item_that_it_is_about() {
    let mut talk = Talk::new();
    let handle = talk.running(Delivery::Kept, Limits::default());
    let item = json!({"type": "fileChange", "id": "c", "changes": [{"diff": "+x"}]});
    talk.event("item/started", json!({ "item": item }));
    talk.ask(0, "item/fileChange/requestApproval");
    let id = talk.delivered(handle);
    let snapshot = talk.session.take_question(talk.now, id).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&snapshot.item.unwrap()).unwrap(), item);
    assert_eq!(snapshot.user_data, 7);
}

#[test]
fn closing_declines_what_is_open_and_ends_the_turns() {
    let mut talk = Talk::new();
    let handle = talk.running(Delivery::Kept, Limits::default());
    talk.ask(0, COMMAND);
    talk.session.close(talk.now);
    assert_eq!(talk.answers(), [json!({"id": 0, "result": {"decision": "decline"}})]);
    assert_eq!(talk.end(handle).1, Some(Status::Closed));
    assert_eq!(talk.session.begin_call("m", "{}", None).unwrap_err().status(), Status::Closed);
}

#[test]
fn a_tool_call_that_is_declined_with_its_handle_leaves_nothing_behind() {
    let mut talk = Talk::new();
    let handle = talk.running(Delivery::Kept, Limits::default());
    talk.ask(0, "item/tool/call");
    talk.session.free_turn(talk.now, handle);
    assert_eq!(talk.answers()[0]["result"]["success"], false);
    assert_eq!(talk.session.queued_bytes, 0);
}

#[test]
fn an_answer_does_not_wait_behind_calls_that_are_held_back() {
    let mut talk = Talk::new();
    talk.running(Delivery::Discarded, Limits::default());
    for _ in 0..200 {
        talk.session.begin_call("m", "{}", None).unwrap();
    }
    assert!(talk.written().len() < 200, "the runtime is not asked everything at once");
    talk.ask(0, COMMAND);
    assert_eq!(talk.answers().len(), 1);
}

fn function() -> Option<Arc<RequestHandler>> {
    Some(Arc::new(|_request| ()))
}

fn told(text: &str) -> Value {
    json!({"contentItems": [{"type": "inputText", "text": text}], "success": false})
}

#[test]
fn a_tool_call_goes_to_its_function_before_anybody_else() {
    for asks in [Asks::Handler, Asks::Reader] {
        let mut talk = Talk::with(|config| config.asks = asks);
        let handle = talk.running(Delivery::Read, Limits::default());
        talk.add_tool("weather", function());
        talk.call_tool(0, "weather");
        let [(id, "tool")] = talk.handed()[..] else { panic!("the function of the tool is asked") };
        assert!(!talk.kinds(handle).contains(&EventKind::Request));
        talk.session.answer(talk.now, id, &Answer::Text(ToolOutcome::Success, "22".into())).unwrap();
        assert_eq!(talk.answers()[0]["result"]["contentItems"][0]["text"], "22");
        assert!(resolved(&talk.events(handle), id));
    }
}

#[test]
fn the_call_of_a_tool_without_a_function_goes_where_other_requests_go() {
    let mut talk = Talk::with(|config| config.asks = Asks::Handler);
    talk.running(Delivery::Kept, Limits::default());
    talk.add_tool("weather", None);
    talk.call_tool(0, "weather");
    talk.call_tool(1, "unknown");
    assert!(matches!(talk.handed()[..], [(_, "handler"), (_, "handler")]));
    let mut talk = Talk::new();
    let handle = talk.running(Delivery::Kept, Limits::default());
    talk.add_tool("weather", None);
    talk.call_tool(0, "weather");
    talk.delivered(handle);
    assert!(talk.handed().is_empty() && talk.answers().is_empty());
}

#[test]
fn a_function_is_asked_although_nobody_listens_to_the_turn() {
    let mut talk = Talk::new();
    talk.running(Delivery::Discarded, Limits::default());
    talk.add_tool("weather", function());
    talk.call_tool(0, "weather");
    assert!(matches!(talk.handed()[..], [(_, "tool")]));
    assert!(talk.answers().is_empty());
}

#[test]
fn a_model_is_told_that_its_call_was_let_go_or_not_answered_in_time() {
    let mut talk = Talk::with(|config| config.answer_timeout = Some(seconds(10)));
    talk.running(Delivery::Kept, Limits::default());
    talk.add_tool("weather", function());
    talk.call_tool(0, "weather");
    let (id, _) = talk.handed()[0];
    talk.session.release_question(talk.now, id);
    assert_eq!(talk.answers()[0]["result"], told("The application gave no answer to this call."));
    talk.call_tool(1, "weather");
    let (id, _) = talk.handed()[0];
    talk.pass(seconds(10));
    assert_eq!(talk.answers()[0]["result"], told("The application did not answer this call in time."));
    let late = talk.session.answer(talk.now, id, &Answer::Text(ToolOutcome::Success, "22".into())).unwrap_err();
    assert_eq!(late.status(), Status::AlreadyAnswered);
}

#[test]
fn the_time_is_told_without_asking_the_host() {
    let mut talk = Talk::with(|config| config.asks = Asks::Handler);
    talk.session.open_client_queue();
    talk.hear(json!({"id": 5, "method": "currentTime/read", "params": {"threadId": THREAD}}));
    let effects = talk.session.take_effects().unwrap();
    assert!(effects.asked.is_empty());
    effects.clocks.iter().for_each(|id| talk.session.tell_time(id, 1_781_717_655));
    assert_eq!(talk.written(), [json!({"id": 5, "result": {"currentTimeAt": 1_781_717_655}})]);
    assert!(talk.client_methods().is_empty());
}

#[test]
fn an_approval_of_the_first_protocol_knows_its_conversation_and_is_resolved() {
    let mut talk = Talk::new();
    talk.session.open_client_queue();
    let params = json!({"conversationId": THREAD, "callId": "c", "command": ["ls"], "cwd": "/"});
    talk.hear(json!({"id": 3, "method": "execCommandApproval", "params": params}));
    let Next::Event(event) = talk.session.next_client_event() else { panic!("a request") };
    let asked = talk.session.take_question(talk.now, event.request_id()).unwrap();
    assert_eq!((asked.kind, &*asked.thread_id), (RequestKind::Command, THREAD));
    talk.session.answer(talk.now, asked.id, &Answer::Approve(Scope::Once)).unwrap();
    assert_eq!(talk.answers(), [json!({"id": 3, "result": {"decision": "approved"}})]);
    assert_eq!(talk.client_methods(), ["serverRequest/resolved"]);
}

/// Every kind of request, with params that fit it.
fn kinds() -> Vec<(&'static str, Value)> {
    vec![
        (COMMAND, json!({"command": "ls"})),
        ("item/fileChange/requestApproval", json!({})),
        ("item/permissions/requestApproval", json!({"permissions": {"network": {"enabled": true}}})),
        ("item/tool/requestUserInput", json!({"questions": [{"id": "q"}]})),
        ("mcpServer/elicitation/request", json!({"mode": "form"})),
        ("mcpServer/elicitation/request", json!({"_meta": {"codex_approval_kind": "mcp_tool_call"}})),
        ("item/tool/call", json!({"tool": "t", "arguments": {}})),
        ("account/chatgptAuthTokens/refresh", json!({})),
        ("attestation/generate", json!({})),
        ("execCommandApproval", json!({})),
        ("applyPatchApproval", json!({})),
        ("future/ask", json!({})),
    ]
}

#[test]
fn whatever_becomes_of_a_request_it_is_answered_once_and_resolved_once() {
    type Fate = fn(&mut Talk, QuestionId);
    let fates: [(&str, Fate); 6] = [
        ("declined", |talk, id| talk.session.answer(talk.now, id, &Answer::Decline).unwrap()),
        ("cancelled", |talk, id| talk.session.answer(talk.now, id, &Answer::CancelTurn).unwrap()),
        ("answered in the runtime's words", |talk, id| {
            talk.session.answer(talk.now, id, &Answer::Result("{}".into())).unwrap();
        }),
        ("failed", |talk, id| talk.session.answer(talk.now, id, &Answer::Error(-1, "no".into())).unwrap()),
        ("freed", |talk, id| talk.session.release_question(talk.now, id)),
        ("never answered", |talk, _| talk.pass(seconds(10))),
    ];
    for (method, params) in kinds() {
        for (fate, happens) in fates {
            let mut talk = Talk::with(|config| config.answer_timeout = Some(seconds(10)));
            let handle = talk.running(Delivery::Kept, Limits::default());
            talk.ask_with(0, method, params.clone());
            let id = talk.delivered(handle);
            happens(&mut talk, id);
            assert_eq!(talk.answers().len(), 1, "{method} {fate}");
            let late = talk.session.answer(talk.now, id, &Answer::Decline).unwrap_err();
            assert_eq!(late.status(), Status::AlreadyAnswered, "{method} {fate}");
            talk.session.release_question(talk.now, id);
            let asked = RequestKind::of(method, &params.to_string());
            if asked.is_confirmed_by_runtime(method) {
                talk.notify("serverRequest/resolved", json!({"threadId": THREAD, "requestId": 0}));
            }
            let events = talk.events(handle);
            let resolutions = events.iter().filter(|event| event.kind() == EventKind::RequestResolved);
            assert_eq!(resolutions.map(Event::request_id).collect::<Vec<_>>(), [id], "{method} {fate}");
            assert!(talk.answers().is_empty(), "{method} {fate}");
        }
    }
}

#[test]
fn the_end_of_the_turn_or_of_the_runtime_cancels_every_kind_of_request() {
    type End = fn(&mut Talk);
    let ends: [End; 2] = [
        |talk| talk.turn_completed("interrupted"),
        |talk| talk.session.lost(talk.now, Error::new(Status::Transport, "killed")),
    ];
    for (method, params) in kinds() {
        for end in ends {
            let mut talk = Talk::new();
            let handle = talk.running(Delivery::Kept, Limits::default());
            talk.ask_with(0, method, params.clone());
            let id = talk.delivered(handle);
            let snapshot = talk.session.take_question(talk.now, id).unwrap();
            end(&mut talk);
            assert!(snapshot.fate.is_cancelled(), "{method}");
            assert!(resolved(&talk.events(handle), id), "{method}");
            let late = talk.session.answer(talk.now, id, &Answer::Decline).unwrap_err();
            assert_eq!(late.status(), Status::AlreadyAnswered, "{method}");
            assert!(talk.answers().is_empty(), "{method}");
        }
    }
}

#[test]
fn what_a_turn_asks_before_anybody_attaches_to_it_is_asked_of_whoever_does() {
    let mut talk = Talk::new();
    let thread = talk.resumed_while_active();
    talk.ask(7, COMMAND);
    assert!(talk.answers().is_empty());
    let handle = talk.attach(thread, TURN, json!([]));
    let id = talk.delivered(handle);
    talk.session.answer(talk.now, id, &Answer::Approve(Scope::Once)).unwrap();
    assert_eq!(talk.answers(), [json!({"id": 7, "result": {"decision": "accept"}})]);
    talk.notify("serverRequest/resolved", json!({"threadId": THREAD, "requestId": 7}));
    assert!(resolved(&talk.events(handle), id));
}

#[test]
fn what_a_turn_asks_that_nobody_attaches_to_is_declined_in_the_end() {
    let mut talk = Talk::new();
    talk.resumed_while_active();
    talk.ask(7, COMMAND);
    talk.pass(seconds(59));
    assert!(talk.answers().is_empty());
    talk.pass(seconds(2));
    assert_eq!(talk.answers(), [json!({"id": 7, "result": {"decision": "decline"}})]);
}

#[test]
fn what_a_turn_asked_that_is_over_needs_no_answer_although_nobody_attached_to_it() {
    let mut talk = Talk::new();
    talk.resumed_while_active();
    talk.ask(7, COMMAND);
    talk.turn_completed("completed");
    talk.pass(seconds(120));
    assert!(talk.answers().is_empty());
}

#[test]
fn once_the_thread_rests_what_nobody_listens_to_is_declined_at_once_again() {
    let mut talk = Talk::new();
    talk.resumed_while_active();
    talk.turn_completed("completed");
    talk.ask(8, COMMAND);
    assert_eq!(talk.answers(), [json!({"id": 8, "result": {"decision": "decline"}})]);
}

#[test]
fn an_answer_that_comes_too_late_is_told_what_happened_instead() {
    type Happens = fn(&mut Talk, QuestionId);
    fn resolve(talk: &mut Talk) {
        talk.notify("serverRequest/resolved", json!({"threadId": THREAD, "requestId": 0}));
    }
    let fates: [(&str, Happens); 7] = [
        ("alreadyAnswered", |talk, id| talk.session.answer(talk.now, id, &Answer::Decline).unwrap()),
        ("answeredElsewhere", |talk, _| resolve(talk)),
        ("turnEnded", |talk, _| {
            let handle = talk.session.handles.iter().next().unwrap().0;
            talk.session.interrupt_turn(talk.now, handle);
            resolve(talk);
        }),
        ("turnEnded", |talk, _| talk.turn_completed("interrupted")),
        ("turnEnded", |talk, _| talk.session.lost(talk.now, Error::new(Status::Transport, "killed"))),
        ("answerTimeout", |talk, _| talk.pass(seconds(10))),
        ("requestDeclined", |talk, _| talk.session.close(talk.now)),
    ];
    for (reason, happens) in fates {
        let mut talk = Talk::with(|config| config.answer_timeout = Some(seconds(10)));
        let handle = talk.running(Delivery::Kept, Limits::default());
        talk.ask(0, COMMAND);
        let id = talk.delivered(handle);
        let snapshot = talk.session.take_question(talk.now, id).unwrap();
        assert!(snapshot.fate.refusal().is_none());
        happens(&mut talk, id);
        talk.session.lost(talk.now, Error::new(Status::Transport, "killed"));
        let refusal = snapshot.fate.refusal().unwrap();
        assert_eq!((refusal.status(), refusal.reason()), (Status::AlreadyAnswered, reason));
        assert_eq!(snapshot.fate.is_cancelled(), reason != "alreadyAnswered");
    }
}

/// How many hooks are to be called.
fn hooks_called(talk: &mut Talk) -> usize {
    talk.session.take_effects().map_or(0, |effects| effects.cancelled.len())
}

#[test]
fn a_request_that_the_host_answered_calls_no_hook_however_late_that_is_set() {
    let mut talk = Talk::new();
    let handle = talk.running(Delivery::Kept, Limits::default());
    talk.ask(0, COMMAND);
    let id = talk.delivered(handle);
    let snapshot = talk.session.take_question(talk.now, id).unwrap();
    let set = |talk: &mut Talk| talk.session.set_cancel_hook(&snapshot, CancelHook::new(|| ()));
    talk.session.answer(talk.now, id, &Answer::Decline).unwrap();
    set(&mut talk);
    talk.notify("serverRequest/resolved", json!({"threadId": THREAD, "requestId": 0}));
    set(&mut talk);
    talk.turn_completed("completed");
    set(&mut talk);
    assert_eq!(hooks_called(&mut talk), 0);
}

#[test]
fn a_hook_is_called_at_once_when_the_library_has_declined_and_the_runtime_not_confirmed_it() {
    let mut talk = Talk::with(|config| config.answer_timeout = Some(seconds(10)));
    let handle = talk.running(Delivery::Kept, Limits::default());
    talk.ask(0, COMMAND);
    let id = talk.delivered(handle);
    let snapshot = talk.session.take_question(talk.now, id).unwrap();
    talk.pass(seconds(10));
    talk.session.set_cancel_hook(&snapshot, CancelHook::new(|| ()));
    assert_eq!(hooks_called(&mut talk), 1);
}

/// A client of a runtime that others use too, which has the thread open.
fn in_company() -> Talk {
    let mut talk = Talk::new();
    talk.session.introduce(talk.now, Introduced::shared(), "{}", None, Announce::Nothing);
    talk.hear(json!({"id": 1, "result": {"userAgent": "codex/0.169.0 (Debian)"}}));
    talk.written();
    talk
}

#[test]
fn what_the_turn_of_another_client_asks_is_not_declined_because_nobody_listens_here() {
    let mut talk = in_company();
    talk.ask(7, COMMAND);
    talk.pass(seconds(120));
    talk.session.close(talk.now);
    assert!(talk.answers().is_empty());
}

#[test]
fn what_a_turn_of_this_client_asks_is_declined_in_company_too_when_it_has_let_it_go() {
    let mut talk = in_company();
    let handle = talk.running(Delivery::Kept, Limits::default());
    talk.session.free_turn(talk.now, handle);
    talk.ask(7, COMMAND);
    assert_eq!(talk.answers(), [json!({"id": 7, "result": {"decision": "decline"}})]);
    talk.turn_completed("completed");
    talk.ask(8, COMMAND);
    assert!(talk.answers().is_empty(), "the next turn may be anybody's");
}

#[test]
fn what_the_turn_of_another_client_asked_is_left_to_that_by_one_that_attached_and_closes() {
    let mut talk = in_company();
    let thread = talk.resumed_while_active();
    let handle = talk.attach(thread, TURN, json!([]));
    talk.ask(7, COMMAND);
    talk.delivered(handle);
    talk.session.close(talk.now);
    assert!(talk.answers().is_empty());
}

/// Has the runtime ask so many times, with so many bytes each; returns how many it was refused.
fn ask_often(talk: &mut Talk, times: i64, bytes: usize) -> usize {
    for id in 0..times {
        talk.ask_with(id, COMMAND, json!({"command": "x".repeat(bytes)}));
    }
    talk.answers().iter().filter(|answer| answer["error"]["code"] == -32001).count()
}

#[test]
fn a_runtime_that_asks_without_end_is_refused_and_nothing_more_is_kept() {
    let mut talk = Talk::new();
    talk.running(Delivery::Kept, Limits::default());
    assert_eq!(ask_often(&mut talk, 3000, 10), 3000 - 1024);
    assert_eq!(talk.session.questions.len(), 1024);
}

#[test]
fn requests_that_are_large_are_refused_sooner_and_one_alone_never() {
    let mut talk = Talk::new();
    let handle = talk.running(Delivery::Kept, Limits::default());
    assert_eq!(ask_often(&mut talk, 20, 1 << 20), 20 - 7, "8 MiB are there for them");
    talk.session.free_turn(talk.now, handle);
    talk.turn_completed("completed");
    let mut talk = Talk::new();
    talk.running(Delivery::Kept, Limits::default());
    assert_eq!(ask_often(&mut talk, 1, 10 << 20), 0);
}

#[test]
fn a_runtime_that_confirms_nothing_may_be_answered_for_ever() {
    let mut talk = Talk::new();
    let handle = talk.running(Delivery::Kept, Limits::default());
    for id in 0..5000 {
        talk.ask(id, COMMAND);
        let request = talk.delivered(handle);
        talk.session.answer(talk.now, request, &Answer::Decline).unwrap();
        assert!(talk.answers()[0]["error"].is_null(), "request {id} was refused");
    }
    assert!(talk.session.questions.len() <= 1024);
}

#[test]
fn requests_that_wait_for_a_function_count_although_they_are_over() {
    let mut talk = Talk::with(|config| config.asks = Asks::Handler);
    talk.running(Delivery::Discarded, Limits::default());
    let mut waiting = Vec::new();
    let mut refused = 0;
    for id in 0..3000 {
        talk.ask(id, COMMAND);
        talk.notify("serverRequest/resolved", json!({"threadId": THREAD, "requestId": id}));
        waiting.extend(talk.session.take_effects().map(|effects| effects.asked).unwrap_or_default());
        refused += talk.answers().len();
    }
    assert_eq!((talk.session.questions.len(), waiting.len(), refused), (0, 1024, 3000 - 1024));
    waiting.clear();
    talk.ask(0, COMMAND);
    assert!(talk.answers().is_empty(), "there is room again");
}

#[test]
fn nothing_is_read_while_the_runtime_reads_no_answer() {
    let mut talk = Talk::new();
    while talk.session.may_read(talk.now) {
        talk.session.tell_time(&RpcId::Number(1), 0);
    }
    assert!(talk.session.peer.unwritten_reply_bytes() <= (8 << 20) + 100);
    talk.session.take_effects();
    talk.session.driver_sleeps(std::task::Waker::noop());
    talk.session.driver_sleeps(std::task::Waker::noop());
    talk.session.next_line();
    assert!(talk.session.may_read(talk.now));
    assert!(talk.session.take_effects().unwrap().demanded, "whoever drives looks again");
}
