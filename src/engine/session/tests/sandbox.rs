use super::*;

const INFO: &str = r#""cwd":"/work","sandbox":{"type":"readOnly","networkAccess":false}"#;

impl Talk {
    /// A thread that the runtime has opened and told this about.
    fn opened(&mut self, info: &str) -> ThreadKey {
        let (key, _) = self.session.open_thread("thread/start", "{}", None, Announce::Nothing).unwrap();
        let id = self.written()[0]["id"].clone();
        let info: Value = serde_json::from_str(&format!("{{\"thread\":{{\"id\":\"{THREAD}\"}},{info}}}")).unwrap();
        self.hear(json!({"id": id, "result": info}));
        key
    }

    /// Begins a turn in a workspace that can be written.
    fn begin_in_workspace(&mut self, thread: ThreadKey) -> HandleId {
        let start =
            TurnStart { params: r#"{"input":[]}"#, sandbox: TurnSandbox::ConfiguredWorkspace, ..plain_start(thread) };
        self.session.start_turn(self.now, &start).unwrap()
    }

    /// The one line that was written, which calls this method.
    fn called(&mut self, method: &str) -> Value {
        let written = self.written();
        assert_eq!((written.len(), written[0]["method"].as_str()), (1, Some(method)), "{written:?}");
        written[0].clone()
    }

    fn configured(&mut self, asked: &Value) {
        let configured = json!({"network_access": true, "exclude_slash_tmp": true, "writable_roots": ["/a"]});
        self.hear(json!({"id": asked["id"], "result": {"config": {"sandbox_workspace_write": configured}}}));
    }
}

#[test]
fn what_is_configured_is_asked_for_and_said_again() {
    let mut talk = Talk::new();
    let thread = talk.opened(INFO);
    let handle = talk.begin_in_workspace(thread);
    let asked = talk.called("config/read");
    assert_eq!(asked["params"], json!({"cwd": "/work"}));
    talk.configured(&asked);
    let start = talk.called("turn/start");
    let policy = json!({"type": "workspaceWrite", "networkAccess": true, "excludeSlashTmp": true});
    assert_eq!(start["params"], json!({"threadId": THREAD, "input": [], "sandboxPolicy": policy}));
    talk.answer_start(start["id"].as_i64().unwrap(), TURN);
    talk.turn_completed("completed");
    assert_eq!(talk.end(handle).1, None);
}

#[test]
fn a_thread_that_is_in_such_a_sandbox_keeps_its_own() {
    let mut talk = Talk::new();
    let policy = json!({"type": "workspaceWrite", "writableRoots": ["/a"], "networkAccess": true});
    let thread = talk.opened(&format!("\"sandbox\":{policy}"));
    talk.begin_in_workspace(thread);
    assert_eq!(talk.called("turn/start")["params"]["sandboxPolicy"], policy);
}

#[test]
fn a_turn_whose_sandbox_cannot_be_known_does_not_start() {
    let mut talk = Talk::new();
    let thread = talk.thread(THREAD);
    let handle = talk.begin_in_workspace(thread);
    let asked = talk.called("config/read");
    assert_eq!(asked["params"], json!({"cwd": null}));
    talk.hear(json!({"id": asked["id"], "error": {"code": -32603, "message": "no"}}));
    assert_eq!(talk.end(handle), (None, Some(Status::Rpc)));
    assert!(talk.written().is_empty());
}

#[test]
fn a_turn_that_waits_for_its_sandbox_can_be_interrupted_and_lost() {
    let mut talk = Talk::new();
    let thread = talk.opened(INFO);
    let (interrupted, lost) = (talk.begin_in_workspace(thread), talk.begin_in_workspace(thread));
    let asked = talk.written();
    talk.session.interrupt_turn(talk.now, interrupted);
    assert!(talk.written().is_empty(), "there is nothing to interrupt yet");
    talk.configured(&asked[0]);
    assert_eq!(talk.written_methods(), ["turn/start", "turn/interrupt"]);
    talk.session.lost(talk.now, Error::new(Status::Transport, "killed"));
    assert_eq!(talk.end(lost), (None, Some(Status::Transport)));
}

#[test]
fn a_sandbox_that_is_told_behind_what_nobody_reads_is_read_all_the_same() {
    let mut talk = Talk::with(|config| config.max_queued_bytes = 1000);
    let thread = talk.opened(INFO);
    talk.running(Delivery::Kept, Limits::default());
    talk.message(&"x".repeat(2000));
    assert!(!talk.session.may_read(talk.now));
    talk.begin_in_workspace(thread);
    assert!(talk.session.may_read(talk.now));
}
