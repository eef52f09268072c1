use super::*;

const TERMINATE: &str = "thread/backgroundTerminals/terminate";

impl Talk {
    fn command(&mut self, id: &str, process_id: Option<&str>) {
        let item = json!({"type": "commandExecution", "id": id, "processId": process_id, "status": "inProgress"});
        self.event("item/started", json!({ "item": item }));
    }

    fn command_over(&mut self, id: &str) {
        let item = json!({"type": "commandExecution", "id": id, "status": "failed"});
        self.event("item/completed", json!({ "item": item }));
    }

    /// A turn with a command that runs, which the host has interrupted and the runtime has reported as such.
    fn interrupted(&mut self) -> HandleId {
        let handle = self.running(Delivery::Kept, Limits::default());
        self.command("c", Some("77"));
        self.session.interrupt_turn(self.now, handle);
        assert_eq!(self.written_methods(), ["turn/interrupt"]);
        self.turn_completed("interrupted");
        handle
    }

    /// The ids of the calls that end commands, and the processes that they name.
    fn terminated(&mut self) -> Vec<(i64, String)> {
        let calls = self.written().into_iter().filter(|line| line["method"] == TERMINATE);
        calls
            .map(|line| {
                assert_eq!(line["params"]["threadId"], THREAD);
                (line["id"].as_i64().unwrap(), line["params"]["processId"].as_str().unwrap().to_owned())
            })
            .collect()
    }
}

fn with_commands() -> Talk {
    Talk::with(|config| config.interrupts = Interrupts::TurnAndCommands)
}

fn items(result: Option<Value>) -> usize {
    result.unwrap()["items"].as_array().unwrap().len()
}

#[test]
fn an_interrupt_leaves_commands_alone_unless_the_options_say_otherwise() {
    let mut talk = Talk::new();
    let handle = talk.interrupted();
    assert_eq!(talk.end(handle).1, Some(Status::TurnInterrupted));
    assert!(talk.written().is_empty());
}

#[test]
fn an_interrupt_that_ends_commands_waits_for_their_items() {
    let mut talk = with_commands();
    let handle = talk.interrupted();
    let [(call, process)] = &talk.terminated()[..] else { panic!("one command is ended") };
    assert_eq!(process, "77");
    talk.hear(json!({"id": call, "result": {"terminated": true}}));
    assert!(talk.runs(handle));
    talk.command_over("c");
    let (result, status) = talk.end(handle);
    assert_eq!((items(result), status), (1, Some(Status::TurnInterrupted)));
    let kinds = talk.kinds(handle);
    assert!(kinds.ends_with(&[EventKind::TurnCompleted, EventKind::ItemCompleted, EventKind::TurnEnded]), "{kinds:?}");
}

#[test]
fn a_limit_always_takes_the_commands_along() {
    let limits = Limits::default().changed_by(r#"{"timeoutMs":2000}"#).unwrap();
    let mut talk = Talk::new();
    let handle = talk.running(Delivery::Discarded, limits);
    talk.command("a", Some("1"));
    talk.command("b", Some("2"));
    talk.pass(seconds(2));
    talk.turn_completed("interrupted");
    let processes: Vec<String> = talk.terminated().into_iter().map(|(_, process)| process).collect();
    assert_eq!(processes, ["1", "2"]);
    talk.command_over("b");
    assert!(talk.runs(handle));
    talk.command_over("a");
    let (result, status) = talk.end(handle);
    assert_eq!((items(result), status), (2, Some(Status::TurnTimedOut)));
}

#[test]
fn a_command_that_is_over_or_unknown_or_cannot_be_ended_is_not_waited_for() {
    for answer in [json!({"result": {"terminated": false}}), json!({"error": {"code": -32600, "message": "no"}})] {
        let mut talk = with_commands();
        let handle = talk.interrupted();
        let (call, _) = talk.terminated()[0];
        let mut line = answer.clone();
        line["id"] = call.into();
        talk.hear(line);
        assert!(!talk.runs(handle), "{answer}");
    }
    let mut talk = with_commands();
    let handle = talk.running(Delivery::Kept, Limits::default());
    talk.command("waits for approval", None);
    talk.session.interrupt_turn(talk.now, handle);
    talk.turn_completed("interrupted");
    assert!(!talk.runs(handle));
}

#[test]
fn a_runtime_that_does_not_end_commands_is_waited_for_two_seconds() {
    let mut talk = with_commands();
    let handle = talk.interrupted();
    talk.pass(Duration::from_millis(1999));
    assert!(talk.runs(handle));
    talk.pass(Duration::from_millis(1));
    assert_eq!(talk.end(handle).1, Some(Status::TurnInterrupted));
}

#[test]
fn a_runtime_that_does_not_obey_is_told_to_end_the_commands_all_the_same() {
    let mut talk = with_commands();
    let handle = talk.running(Delivery::Discarded, Limits::default());
    talk.command("c", Some("77"));
    talk.session.interrupt_turn(talk.now, handle);
    talk.pass(seconds(5));
    assert!(!talk.runs(handle));
    assert_eq!(talk.terminated().len(), 1);
}

#[test]
fn commands_end_although_the_handle_is_gone() {
    let mut talk = with_commands();
    let handle = talk.running(Delivery::Kept, Limits::default());
    talk.command("c", Some("77"));
    talk.session.interrupt_turn(talk.now, handle);
    talk.session.free_turn(talk.now, handle);
    talk.turn_completed("interrupted");
    assert_eq!(talk.terminated().len(), 1);
    talk.command_over("c");
    assert!(talk.session.stats_json().contains("\"turnsOpen\":0"), "{}", talk.session.stats_json());
}

#[test]
fn a_runtime_that_is_lost_while_it_ends_commands_has_told_how_the_turn_ended() {
    let mut talk = with_commands();
    let handle = talk.interrupted();
    talk.session.lost(talk.now, Error::new(Status::Transport, "killed"));
    assert_eq!(talk.end(handle).1, Some(Status::TurnInterrupted));
}
