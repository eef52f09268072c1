use super::*;
use crate::engine::rpc::RpcId;

fn delta(talk: &mut Talk, bytes: usize) {
    talk.event("item/agentMessage/delta", json!({"itemId": "i", "delta": "x".repeat(bytes)}));
}

#[test]
fn at_the_ceiling_nothing_more_is_read_until_somebody_reads() {
    let mut talk = Talk::with(|config| config.max_queued_bytes = 10_000);
    let handle = talk.running(Delivery::Kept, Limits::default());
    let mut before = 0;
    while talk.session.may_read(talk.now) {
        before = talk.session.queued_bytes;
        delta(&mut talk, 1000);
    }
    assert!(before < 10_000, "the last event alone crosses the ceiling, from {before} bytes");
    talk.session.next_turn_event(handle);
    talk.session.next_turn_event(handle);
    talk.session.next_turn_event(handle);
    talk.session.next_turn_event(handle);
    assert!(talk.session.may_read(talk.now));
}

#[test]
fn one_message_larger_than_the_ceiling_is_admitted_alone() {
    let mut talk = Talk::with(|config| config.max_queued_bytes = 1000);
    let handle = talk.running(Delivery::Kept, Limits::default());
    talk.events(handle);
    assert!(talk.session.may_read(talk.now));
    delta(&mut talk, 50_000);
    assert!(!talk.session.may_read(talk.now));
    assert_eq!(talk.events(handle).len(), 1);
    assert!(talk.session.may_read(talk.now));
}

#[test]
fn a_call_that_waits_reads_past_the_ceiling_and_then_names_the_unread_turn() {
    let mut talk = Talk::with(|config| config.max_queued_bytes = 1000);
    talk.running(Delivery::Kept, Limits::default());
    delta(&mut talk, 5000);
    assert!(!talk.session.may_read(talk.now));
    let call = talk.session.begin_call("m", "{}", None).unwrap();
    assert!(talk.session.may_read(talk.now));
    while talk.session.may_read(talk.now) {
        delta(&mut talk, 1 << 20);
    }
    let error = talk.session.take_answer(call).unwrap().unwrap_err();
    assert_eq!((error.status(), error.reason()), (Status::WouldDeadlock, "queueFull"));
    assert!(error.message().contains(TURN), "{}", error.message());
}

/// Fills the queue of a turn up to where text is merged, and reads what filled it when `say` has spoken.
fn near_the_ceiling(say: impl FnOnce(&mut Talk)) -> Vec<Event> {
    let mut talk = Talk::with(|config| config.max_queued_bytes = 100_000);
    let handle = talk.running(Delivery::Kept, Limits::default());
    delta(&mut talk, 76_000);
    let filled = talk.session.handles[handle].queue.len();
    say(&mut talk);
    assert!(talk.session.may_read(talk.now));
    talk.events(handle).split_off(filled)
}

fn say(talk: &mut Talk, method: &str, item: &str, delta: &str) {
    talk.event(method, json!({"itemId": item, "delta": delta}));
}

#[test]
fn near_the_ceiling_the_text_of_one_item_is_merged_into_one_event() {
    let events = near_the_ceiling(|talk| {
        for text in ["one ", "\"two\" ", "é\n"] {
            say(talk, "item/agentMessage/delta", "j", text);
        }
    });
    let [event] = &events[..] else { panic!("{events:?}") };
    assert_eq!((event.merged(), event.text_str()), (3, "one \"two\" é\n"));
    let params: Value = serde_json::from_str(event.json_str()).unwrap();
    assert_eq!(params["delta"], event.text_str());
    assert_eq!((&params["itemId"], &params["turnId"]), (&json!("j"), &json!(TURN)));
}

#[test]
fn what_is_not_text_of_one_item_stays_apart_and_in_order() {
    let events = near_the_ceiling(|talk| {
        say(talk, "item/agentMessage/delta", "j", "a");
        say(talk, "item/agentMessage/delta", "k", "b");
        say(talk, "item/commandExecution/outputDelta", "k", "c");
        talk.event("turn/diff/updated", json!({"diff": "d"}));
        say(talk, "item/commandExecution/outputDelta", "k", "e");
    });
    let texts: Vec<&str> = events.iter().map(Event::text_str).collect();
    assert_eq!(texts, ["a", "b", "c", "d", "e"]);
    assert!(events.iter().all(|event| event.merged() == 1));
}

#[test]
fn merged_text_counts_with_what_it_occupies_and_is_given_back() {
    let mut talk = Talk::with(|config| config.max_queued_bytes = 100_000);
    let handle = talk.running(Delivery::Kept, Limits::default());
    while talk.session.may_read(talk.now) {
        delta(&mut talk, 100);
    }
    assert!(talk.session.queued_bytes < 200_000);
    let deltas: u32 = talk.events(handle).iter().map(Event::merged).sum();
    assert!(deltas > 250, "{deltas} deltas of 100 bytes in 100,000 bytes");
    assert_eq!(talk.session.queued_bytes, 0);
}

#[test]
fn discarded_events_occupy_nothing() {
    let mut talk = Talk::new();
    talk.running(Delivery::Discarded, Limits::default());
    for _ in 0..1000 {
        delta(&mut talk, 1000);
    }
    assert_eq!(talk.session.queued_bytes, 0);
}

#[test]
fn waiting_for_the_end_lets_go_of_what_was_queued() {
    let mut talk = Talk::new();
    let handle = talk.running(Delivery::Kept, Limits::default());
    delta(&mut talk, 1000);
    talk.session.discard_turn_events(talk.now, handle);
    assert_eq!(talk.session.queued_bytes, 0);
    talk.turn_completed("completed");
    assert!(talk.events(handle).is_empty());
    assert!(matches!(talk.session.next_turn_event(handle), Next::End));
}

#[test]
fn a_host_that_reads_and_then_waits_keeps_its_events() {
    let mut talk = Talk::new();
    let handle = talk.running(Delivery::Kept, Limits::default());
    talk.session.next_turn_event(handle);
    delta(&mut talk, 10);
    talk.session.discard_turn_events(talk.now, handle);
    assert_eq!(talk.kinds(handle), [EventKind::MessageDelta]);
}

#[test]
fn the_client_queue_keeps_nothing_until_it_is_read() {
    let mut talk = Talk::new();
    talk.notify("account/updated", json!({}));
    assert!(talk.client_methods().is_empty());
    talk.notify("account/updated", json!({}));
    assert_eq!(talk.client_methods(), ["account/updated"]);
}

#[test]
fn a_client_that_was_begun_hears_that_it_is_connected_however_late_it_reads() {
    for (announce, heard) in [(Announce::Event, true), (Announce::Nothing, false)] {
        let mut talk = Talk::new();
        talk.session.introduce(talk.now, Introduced::started("/bin/codex", 7), "{}", None, announce);
        let id = talk.written()[0]["id"].clone();
        talk.hear(json!({"id": id, "result": {"userAgent": "codex/0.169.0 (Debian)"}}));
        let connected =
            matches!(talk.session.next_client_event(), Next::Event(event) if event.kind() == EventKind::Connected);
        assert_eq!(connected, heard, "{announce:?}");
    }
}

#[test]
fn unread_notifications_are_dropped_oldest_first_and_warnings_last() {
    let mut talk = Talk::with(|config| config.max_queued_bytes = 40_000);
    talk.session.open_client_queue();
    talk.notify("warning", json!({"message": "first of all"}));
    for number in 0..100 {
        talk.notify("future/notification", json!({"number": number, "pad": "x".repeat(1000)}));
    }
    assert!(talk.session.may_read(talk.now), "what belongs to nobody never holds the runtime back");
    let methods = talk.client_methods();
    assert_eq!(methods[0], "warning");
    assert!(methods.len() < 12);
    assert!(talk.session.stats_json().contains(&format!("\"eventsDropped\":{}", 101 - methods.len())));
}

#[test]
fn warnings_go_when_nothing_else_is_left_and_errors_like_them() {
    for kind in ["warning", "error"] {
        let mut talk = Talk::with(|config| config.max_queued_bytes = 40_000);
        talk.session.open_client_queue();
        for number in 0..100 {
            talk.notify(kind, json!({"message": "x".repeat(1000), "error": {"message": "x"}, "number": number}));
        }
        let left = talk.client_methods().len();
        assert!((1..12).contains(&left), "{left} of kind {kind} are left");
        assert!(talk.session.stats_json().contains(&format!("\"eventsDropped\":{}", 100 - left)));
    }
}

#[test]
fn what_somebody_waits_for_is_never_dropped() {
    let mut talk = Talk::with(|config| config.max_queued_bytes = 4_000);
    talk.session.introduce(talk.now, Introduced::started("/bin/codex", 7), "{}", None, Announce::Event);
    let id = talk.written()[0]["id"].clone();
    talk.hear(json!({"id": id, "result": {"userAgent": "codex/0.169.0 (Debian)"}}));
    for number in 0..20 {
        talk.session.begin_event_call("m", "{}", None, number).unwrap();
    }
    for call in talk.written().into_iter().filter(|call| call["method"] == "m") {
        talk.hear(json!({"id": call["id"], "result": "x".repeat(1000)}));
    }
    talk.notify("future/notification", json!({"pad": "x".repeat(1000)}));
    let kinds: Vec<EventKind> = std::iter::from_fn(|| talk.pop()).collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == EventKind::Response).count(), 20);
    assert_eq!((kinds[0], kinds.len()), (EventKind::Connected, 21), "the notification is gone");
}

#[test]
fn the_answer_to_a_begun_call_is_an_event() {
    let mut talk = Talk::new();
    let ok = talk.session.begin_event_call("a", "{}", None, 11).unwrap();
    let bad = talk.session.begin_event_call("b", "{}", Some((talk.now + seconds(3)).into()), 12).unwrap();
    let id = talk.written()[0]["id"].clone();
    talk.hear(json!({"id": id, "result": {"x": 1}}));
    talk.pass(seconds(3));
    let Next::Event(answer) = talk.session.next_client_event() else { panic!("the answer") };
    assert_eq!((answer.kind(), answer.call_id(), answer.user_data()), (EventKind::Response, ok, 11));
    assert_eq!((answer.json_str(), answer.error().is_none()), (r#"{"x":1}"#, true));
    let Next::Event(failure) = talk.session.next_client_event() else { panic!("the failure") };
    assert_eq!((failure.call_id(), failure.error().map(Error::status)), (bad, Some(Status::TimedOut)));
}

#[test]
fn the_last_event_of_a_client_is_that_it_is_closed() {
    let mut talk = Talk::new();
    talk.session.open_client_queue();
    talk.session.close(talk.now);
    talk.session.lost(talk.now, Error::new(Status::Transport, "gone"));
    let Next::Event(closed) = talk.session.next_client_event() else { panic!("the end") };
    assert_eq!((closed.kind(), closed.error().is_none()), (EventKind::Closed, true));
    assert!(matches!(talk.session.next_client_event(), Next::End));
}

#[test]
fn a_client_queue_that_is_first_read_after_the_end_still_says_why() {
    let mut talk = Talk::new();
    talk.session.lost(talk.now, Error::new(Status::Transport, "gone"));
    let Next::Event(closed) = talk.session.next_client_event() else { panic!("the end") };
    assert_eq!(closed.error().map(Error::status), Some(Status::Transport));
    assert!(matches!(talk.session.next_client_event(), Next::End));
}

#[test]
fn a_message_that_is_too_long_fails_the_call_that_it_answers() {
    let mut talk = Talk::new();
    let call = talk.session.begin_call("m", "{}", None).unwrap();
    let head = format!("{{\"id\":{},\"result\":{{\"data\":\"xxx", talk.written()[0]["id"]);
    talk.session.receive_oversized(talk.now, head.as_bytes(), b"xxx\"}}", 300 << 20);
    let error = talk.session.take_answer(call).unwrap().unwrap_err();
    assert_eq!((error.status(), error.reason()), (Status::Protocol, "messageTooLong"));
}

#[test]
fn a_message_that_is_too_long_and_answers_nothing_is_a_warning_with_its_error() {
    let mut talk = Talk::new();
    talk.session.open_client_queue();
    talk.session.receive_oversized(
        talk.now,
        br#"{"method":"thread/started","params":{"x":"xxx"#,
        b"xxx\"}}",
        300 << 20,
    );
    let Next::Event(warning) = talk.session.next_client_event() else { panic!("a warning") };
    let error = warning.error().unwrap();
    assert_eq!((warning.kind(), error.reason()), (EventKind::Warning, "messageTooLong"));
    assert_eq!(warning.json_str(), format!("{{\"message\":\"{}\"}}", warning.text_str()));
}

impl Talk {
    fn rings(&mut self) -> usize {
        self.session.take_effects().map_or(0, |effects| effects.wakeups.len())
    }

    fn pop(&mut self) -> Option<EventKind> {
        match self.session.next_client_event() {
            Next::Event(event) => Some(event.kind()),
            _ => None,
        }
    }
}

#[test]
fn a_wake_up_rings_once_each_time_the_queue_gets_something() {
    let mut talk = Talk::new();
    talk.session.set_wakeup(Some(Wakeup::new(|| ())));
    assert_eq!(talk.rings(), 0);
    for _ in 0..3 {
        talk.notify("account/updated", json!({}));
    }
    assert_eq!(talk.rings(), 1);
    while talk.pop().is_some() {}
    assert_eq!(talk.rings(), 0);
    talk.notify("account/updated", json!({}));
    assert_eq!(talk.rings(), 1);
    talk.session.set_wakeup(Some(Wakeup::new(|| ())));
    assert_eq!(talk.rings(), 1, "the queue is not empty");
}

#[test]
fn a_wake_up_that_was_replaced_rings_no_more() {
    let rung = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counter = Arc::clone(&rung);
    let wakeup = Wakeup::new(move || {
        counter.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
    });
    wakeup.ring();
    wakeup.silence();
    wakeup.ring();
    assert_eq!((rung.load(std::sync::atomic::Ordering::SeqCst), Arc::strong_count(&rung)), (1, 1));
}

#[test]
fn a_single_queue_gives_the_events_of_all_turns_in_the_order_in_which_they_came() {
    let mut talk = Talk::with(|config| config.queues = Queues::Single);
    talk.session.set_wakeup(Some(Wakeup::new(|| ())));
    let first = talk.running(Delivery::Kept, Limits::default());
    talk.notify("account/updated", json!({}));
    talk.message("one");
    talk.turn_completed("completed");
    assert_eq!(talk.rings(), 1);
    let kinds: Vec<EventKind> = std::iter::from_fn(|| talk.pop()).collect();
    use EventKind as Kind;
    assert_eq!(kinds, [Kind::TurnStarted, Kind::Other, Kind::ItemCompleted, Kind::TurnCompleted, Kind::TurnEnded]);
    assert_eq!(talk.end(first).1, None);
    assert_eq!(talk.session.queued_bytes, 0);
    talk.session.close(talk.now);
    talk.session.lost(talk.now, Error::closed());
    assert_eq!(talk.pop(), Some(Kind::Closed));
    assert!(matches!(talk.session.next_client_event(), Next::End));
}

#[test]
fn events_of_a_freed_handle_are_not_in_the_single_queue() {
    let mut talk = Talk::with(|config| config.queues = Queues::Single);
    let first = talk.running(Delivery::Kept, Limits::default());
    talk.message("gone");
    talk.session.free_turn(talk.now, first);
    assert!(!talk.session.client_has_something());
    let (second, id) = talk.begin(Delivery::Kept, Limits::default());
    talk.answer_start(id, "turn-2");
    talk.event("turn/completed", json!({"turn": {"id": "turn-2", "status": "completed"}}));
    assert_eq!(talk.pop(), Some(EventKind::TurnCompleted));
    assert!(!talk.runs(second));
}

#[test]
fn a_turn_whose_events_wait_to_be_read_is_not_silent() {
    let mut talk = Talk::with(|config| config.max_queued_bytes = 1000);
    let handle = talk.running(Delivery::Kept, Limits::default());
    delta(&mut talk, 5000);
    assert!(!talk.session.may_read(talk.now));
    talk.pass(seconds(3600));
    assert!(talk.written().is_empty() && talk.runs(handle));
    talk.events(handle);
    assert!(talk.session.may_read(talk.now));
    talk.pass(seconds(59));
    assert!(talk.written().is_empty());
    talk.pass(seconds(61));
    assert_eq!(talk.written_methods(), ["thread/read"]);
}

/// A turn that runs behind another one which nobody reads.
fn behind(talk: &mut Talk) -> HandleId {
    talk.running(Delivery::Kept, Limits::default());
    let thread = talk.thread("thread-2");
    let limits = Limits::default();
    let start = TurnStart { limits, delivery: Delivery::Discarded, ..plain_start(thread) };
    talk.session.start_turn(talk.now, &start).unwrap()
}

fn fill(talk: &mut Talk) {
    while talk.session.may_read(talk.now) {
        delta(talk, 1 << 20);
    }
}

#[test]
fn a_turn_behind_another_that_nobody_reads_ends_and_names_it() {
    let mut talk = Talk::with(|config| config.max_queued_bytes = 1000);
    let behind = behind(&mut talk);
    let id = talk.written()[0]["id"].as_i64().unwrap();
    talk.answer_start(id, "turn-2");
    fill(&mut talk);
    assert!(talk.runs(behind));
    talk.pass(seconds(60));
    fill(&mut talk);
    let ended = talk.session.turn_ended(behind).unwrap();
    let error = ended.error.as_ref().unwrap();
    assert_eq!((error.status(), error.reason()), (Status::WouldDeadlock, "queueFull"));
    assert!(error.message().contains(TURN) && ended.result.is_some());
}

#[test]
fn a_turn_that_cannot_start_behind_another_that_nobody_reads_says_so() {
    let mut talk = Talk::with(|config| config.max_queued_bytes = 1000);
    let behind = behind(&mut talk);
    fill(&mut talk);
    assert_eq!(talk.end(behind), (None, Some(Status::WouldDeadlock)));
}

#[test]
fn a_turn_that_cannot_start_behind_its_own_early_events_blames_nobody_for_not_reading() {
    let mut talk = Talk::with(|config| config.max_queued_bytes = 1000);
    let (handle, _) = talk.begin(Delivery::Kept, Limits::default());
    fill(&mut talk);
    let ended = talk.session.turn_ended(handle).expect("the turn could not start");
    let error = ended.error.as_ref().expect("a reason");
    assert_eq!((error.status(), error.reason()), (Status::WouldDeadlock, "queueFull"));
    let names = [THREAD, "came before the answer to the start", "raise max_queued_bytes"];
    assert!(names.iter().all(|words| error.message().contains(words)), "{error}");
    assert!(!error.message().contains("nobody reads"), "{error}");
}

#[test]
fn a_call_behind_an_unread_client_queue_says_that_this_is_to_be_read() {
    let mut talk = Talk::with(|config| config.max_queued_bytes = 1000);
    talk.session.open_client_queue();
    let call = talk.session.begin_call("m", "{}", None).unwrap();
    while talk.session.may_read(talk.now) {
        talk.notify("serverRequest/resolved", json!({"threadId": THREAD, "requestId": "x".repeat(1 << 20)}));
    }
    let error = talk.session.take_answer(call).unwrap().unwrap_err();
    assert!(error.message().contains("in the client queue; read them, or raise"), "{error}");
}

#[test]
fn a_thread_that_cannot_be_opened_behind_a_turn_that_nobody_reads_says_so() {
    let mut talk = Talk::with(|config| config.max_queued_bytes = 1000);
    talk.running(Delivery::Kept, Limits::default());
    let (thread, _) = talk.session.open_thread("thread/start", "{}", None, Announce::Nothing).unwrap();
    let id = talk.written()[0]["id"].clone();
    fill(&mut talk);
    let error = talk.session.thread_ready(thread).unwrap().unwrap_err();
    assert_eq!(error.reason(), "queueFull");
    talk.session.free_thread(thread);
    talk.hear(json!({"id": id, "result": {"thread": {"id": "late"}}}));
    assert_eq!(talk.session.threads.len(), 1, "only the thread of the unread turn");
}

#[test]
fn lines_that_are_kept_because_another_turn_may_have_joined_count_too() {
    let mut talk = Talk::with(|config| config.max_queued_bytes = 10_000);
    talk.running(Delivery::Discarded, Limits::default());
    let (joining, _) = talk.begin(Delivery::Kept, Limits::default());
    let mut kept = 0;
    while talk.runs(joining) {
        talk.session.may_read(talk.now);
        delta(&mut talk, 1 << 20);
        kept += 1;
        assert!(kept < 20, "{kept} MiB are kept");
    }
    let error = talk.session.turn_ended(joining).unwrap().error.clone().unwrap();
    assert_eq!(error.reason(), "queueFull");
    assert!(error.message().contains("came before the answer to the start"), "{error}");
    talk.events(joining);
    assert_eq!(talk.session.queued_bytes, 0);
}

#[test]
fn lines_that_are_replayed_are_not_kept_beside_the_events() {
    let mut talk = Talk::with(|config| config.max_queued_bytes = 100 << 20);
    let (handle, id) = talk.begin(Delivery::Kept, Limits::default());
    for _ in 0..10 {
        delta(&mut talk, 1 << 20);
    }
    talk.answer_start(id, TURN);
    assert_eq!(talk.events(handle).len(), 10);
    assert_eq!(talk.session.queued_bytes, 0);
    assert!(talk.session.stats.peak_queued_bytes < 12 << 20, "{} bytes", talk.session.stats.peak_queued_bytes);
}

const LARGE: usize = 1 << 20;

/// The parameters of a large message.
fn large() -> String {
    json!({"text": "x".repeat(LARGE)}).to_string()
}

fn is_refused(answer: Result<()>) -> bool {
    answer.is_err_and(|error| {
        let told = (error.status(), error.reason());
        assert_eq!(told, (Status::Overloaded, "outboxFull"), "{error}");
        true
    })
}

#[test]
fn what_a_runtime_does_not_read_is_refused_before_it_piles_up() {
    let mut talk = Talk::new();
    let (thread, large) = (talk.thread(THREAD), large());
    let taken = (0..200).filter(|_| talk.session.notify("m", Some(&large)).is_ok()).count();
    assert_eq!(taken, 7, "8 MiB are there for them");
    let begin = TurnStart { params: &large, ..plain_start(thread) };
    assert!(is_refused(talk.session.notify("m", Some(&large))));
    assert!(is_refused(talk.session.begin_call("m", &large, None).map(drop)));
    assert!(is_refused(talk.session.begin_event_call("m", &large, None, 0).map(drop)));
    assert!(is_refused(talk.session.open_thread("thread/start", &large, None, Announce::Nothing).map(drop)));
    assert!(is_refused(talk.session.start_turn(talk.now, &begin).map(drop)));
    talk.written();
    talk.session.start_turn(talk.now, &begin).unwrap();
}

#[test]
fn a_message_of_any_length_may_wait_alone() {
    let mut talk = Talk::new();
    let long = json!({"text": "x".repeat(20 * LARGE)}).to_string();
    talk.session.notify("m", Some(&long)).unwrap();
    assert!(is_refused(talk.session.notify("m", Some("{}"))));
}

#[test]
fn turns_that_wait_for_their_thread_count_as_unwritten() {
    let mut talk = Talk::new();
    let (thread, _) = talk.session.open_thread("thread/start", "{}", None, Announce::Nothing).unwrap();
    let large = large();
    let begin = TurnStart { params: &large, ..plain_start(thread) };
    let begun = (0..20).filter(|_| talk.session.start_turn(talk.now, &begin).is_ok()).count();
    assert_eq!(begun, 7);
}

#[test]
fn answers_and_interrupts_get_past_what_is_not_read() {
    let mut talk = Talk::new();
    let handle = talk.running(Delivery::Kept, Limits::default());
    while talk.session.notify("m", Some(&large())).is_ok() {}
    talk.session.tell_time(&RpcId::Number(1), 0);
    talk.session.interrupt_turn(talk.now, handle);
    let said = talk.written_methods();
    assert!(said.contains(&"answer".to_owned()) && said.contains(&"turn/interrupt".to_owned()), "{said:?}");
}
