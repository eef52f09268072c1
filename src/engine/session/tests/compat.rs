use super::*;

const NEW_FIELD: &str = r#"{"responsesapiClientMetadataPatch":{"a":"b"}}"#;

impl Talk {
    /// A connection on which the client has introduced itself.
    fn connecting() -> (Self, i64) {
        let mut talk = Self::new();
        talk.session.introduce(talk.now, Introduced::started("/bin/codex", 7), "{}", None, Announce::Nothing);
        let id = talk.written()[0]["id"].as_i64().unwrap();
        (talk, id)
    }

    fn introduces_itself(&mut self, id: i64, version: &str) {
        self.hear(json!({"id": id, "result": {"userAgent": format!("codex/{version} (Debian)")}}));
        assert_eq!(self.written_methods()[0], "initialized");
    }

    /// A connection to the runtime of this version.
    fn connected(version: &str) -> Self {
        let (mut talk, id) = Self::connecting();
        talk.introduces_itself(id, version);
        talk
    }

    fn begin_with(&mut self, params: &str) -> HandleId {
        let start = TurnStart { params, ..plain_start(self.thread(THREAD)) };
        self.session.start_turn(self.now, &start).unwrap()
    }
}

#[test]
fn what_the_runtime_does_not_know_is_refused_before_anything_is_written() {
    let mut talk = Talk::connected("0.163.0");
    let handle = talk.begin_with(NEW_FIELD);
    assert_eq!(talk.end(handle), (None, Some(Status::RuntimeUnsupported)));
    for refused in [
        talk.session.begin_call("turn/steer", NEW_FIELD, None).map(drop),
        talk.session.begin_event_call("turn/start", NEW_FIELD, None, 0).map(drop),
        talk.session.open_thread("thread/fork", r#"{"attachToSource":true}"#, None, Announce::Nothing).map(drop),
    ] {
        assert_eq!(refused.unwrap_err().status(), Status::RuntimeUnsupported);
    }
    assert!(talk.written().is_empty());
    talk.begin_with("{}");
    assert_eq!(talk.written_methods(), ["turn/start"]);
}

#[test]
fn a_runtime_that_knows_it_gets_it() {
    let mut talk = Talk::connected("0.169.0");
    talk.begin_with(NEW_FIELD);
    assert_eq!(talk.written_methods(), ["turn/start"]);
}

#[test]
fn calls_made_before_the_runtime_has_told_its_version_are_refused_then() {
    let (mut talk, id) = Talk::connecting();
    let refused = talk.session.begin_call("turn/steer", NEW_FIELD, None).unwrap();
    let sent = talk.session.begin_call("turn/steer", "{}", None).unwrap();
    let handle = talk.begin_with(NEW_FIELD);
    assert!(talk.written().is_empty());
    talk.hear(json!({"id": id, "result": {"userAgent": "codex/0.163.0 (Debian)"}}));
    assert_eq!(talk.session.take_answer(refused).unwrap().unwrap_err().status(), Status::RuntimeUnsupported);
    assert_eq!(talk.end(handle), (None, Some(Status::RuntimeUnsupported)));
    assert!(talk.session.take_answer(sent).is_none());
    assert_eq!(talk.written_methods(), ["initialized", "turn/steer"]);
}

#[test]
fn a_turn_that_waits_for_its_thread_is_refused_when_that_is_open() {
    let mut talk = Talk::connected("0.163.0");
    let (thread, _) = talk.session.open_thread("thread/start", "{}", None, Announce::Nothing).unwrap();
    let open = talk.written()[0]["id"].clone();
    let start = TurnStart { params: NEW_FIELD, ..plain_start(thread) };
    let handle = talk.session.start_turn(talk.now, &start).unwrap();
    talk.hear(json!({"id": open, "result": {"thread": {"id": THREAD}}}));
    assert_eq!(talk.end(handle), (None, Some(Status::RuntimeUnsupported)));
    assert!(talk.written().is_empty());
}
