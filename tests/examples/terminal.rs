use std::process::Command;

use fake_runtime::{Action, FinishTurn, Script, Turn};
use scripted_model::{Message, Response};
use serde_json::{Value, json};

use crate::pty::Terminal;
use crate::stage::{End, Stage, command, end, live, start, type_in};
use crate::support::fake;
use crate::support::follow::eventually;
use crate::support::real::{World, signal};

const PROMPT: &str = "\n>";
const CHOICE: &str = "[y]es, [n]o, [a]lways in this conversation?";
const CTRL_C: &str = "\x03";
const CTRL_D: &str = "\x04";
const CTRL_Z: &str = "\x1a";

/// A chat whose person is asked for the first message.
fn chat(stage: &impl Stage) -> Terminal {
    chat_with(stage, &[])
}

fn chat_with(stage: &impl Stage, arguments: &[&str]) -> Terminal {
    prompted(&command("terminal", arguments, stage))
}

fn prompted(program: &Command) -> Terminal {
    let mut terminal = Terminal::run(program);
    terminal.ends_with(PROMPT);
    terminal
}

/// A chat that is a job of its shell.
fn chat_as_job(world: &World) -> Terminal {
    let mut terminal = Terminal::run_as_job(&command("terminal", &[], world));
    terminal.ends_with(PROMPT);
    terminal
}

/// Stops a job and goes on with it.
fn stop_and_go_on(terminal: &mut Terminal) {
    terminal.types(CTRL_Z);
    terminal.shows("[stopped]");
    terminal.types("\n");
}

/// A chat that waits for the model, and lets nobody type meanwhile.
fn thinking(world: &World) -> Terminal {
    let mut terminal = chat(world);
    terminal.types("Count.\n");
    terminal.shows("thinking");
    assert!(!terminal.is_as_before());
    terminal
}

/// An answer that waits behind a text until the test lets it go on.
fn held(before: &str, after: &str) -> Response {
    Response::new().message(Message::streamed([before]).phase("final_answer").gate("rest").delta(after))
}

/// Half an answer, and then nothing more.
fn half() -> Response {
    Response::new().message(Message::new("Half").hang())
}

/// Leaves a mark where the sandbox does not allow it.
fn mark() -> Value {
    json!({"cmd": "echo mark >> marks", "sandbox_permissions": "require_escalated", "justification": "to be sure"})
}

/// The model wants that.
fn marks(call_id: &str) -> Response {
    Response::new().call_exec(call_id, mark())
}

fn marks_in(world: &World) -> usize {
    std::fs::read_to_string(world.work().join("marks")).unwrap_or_default().lines().count()
}

fn done() -> Response {
    Response::text(["Done."])
}

/// The processes of a world that run this program.
fn running(world: &World, program: &str) -> Vec<u32> {
    let is_it =
        |pid: &u32| std::fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.trim() == program);
    world.processes().into_iter().filter(is_it).collect()
}

/// Waits until a process has stopped.
fn has_stopped(pid: u32) {
    let status = || std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it is there");
    eventually("it has stopped", || status().contains("State:\tT"));
}

#[test]
fn terminal_streams_an_answer_and_tells_the_tokens() {
    live([held("A clock", ", I think.")], |world| {
        let mut terminal = chat(world);
        terminal.types("What is this?\n");
        terminal.ends_with("> What is this?\nA clock");
        world.model.gate("rest").release();
        let shown = terminal.ends_with(PROMPT);
        assert!(shown.contains("\nA clock, I think.\n10 tokens in (0 cached), 5 out, "), "{shown}");
        assert!(shown.contains("15 in this conversation\n>"), "{shown}");
    });
}

#[test]
fn terminal_shows_a_spinner_while_it_waits_and_takes_it_away() {
    live([held("", "Hello.")], |world| {
        let mut terminal = chat(world);
        terminal.types("Hello?\n");
        for frame in ["| ", "/ ", "- ", "\\ "] {
            terminal.until(frame, |screen| {
                screen.lines().last().is_some_and(|line| line.starts_with(frame) && line.contains("thinking"))
            });
        }
        world.model.gate("rest").release();
        let shown = terminal.ends_with(PROMPT);
        assert!(shown.contains("> Hello?\nHello.\n10 tokens"), "{shown}");
    });
}

#[test]
fn terminal_shows_a_command_and_runs_it_when_told_so() {
    live([marks("1"), done()], |world| {
        let mut terminal = chat(world);
        terminal.types("go\n");
        let asked = terminal.ends_with(CHOICE);
        assert!(asked.contains("echo mark >> marks") && asked.contains("because: to be sure\n"), "{asked}");
        assert!(asked.contains(&format!("in {}", world.work().display())), "{asked}");
        assert_eq!(marks_in(world), 0);
        terminal.types("y\n");
        terminal.shows("\nDone.\n");
        assert_eq!(marks_in(world), 1);
    });
}

#[test]
fn terminal_does_not_ask_again_for_what_is_always_allowed() {
    live([marks("1"), marks("2"), done()], |world| {
        let mut terminal = chat(world);
        terminal.types("go\n");
        terminal.ends_with(CHOICE);
        terminal.types("always\n");
        let shown = terminal.shows("\nDone.\n");
        assert_eq!((shown.matches(CHOICE).count(), marks_in(world)), (1, 2));
    });
}

#[test]
fn terminal_shows_a_diff_and_changes_nothing_when_told_no() {
    let changes = ["*** Update File: poem.txt", "@@", "-roses", "+violets", "*** Add File: new.txt", "+fresh"];
    let patch = format!("*** Begin Patch\n{}\n*** End Patch\n", changes.join("\n"));
    live([Response::new().apply_patch("1", patch), done()], |world| {
        let poem = world.work().join("poem.txt");
        std::fs::write(&poem, "roses\n").expect("a file");
        let mut terminal = chat(world);
        terminal.types("go\n");
        let asked = terminal.ends_with(CHOICE);
        for part in ["update ", "poem.txt\n", "\n-roses\n+violets\n", "add ", "new.txt\n+fresh\n"] {
            assert!(asked.contains(part), "{part:?} is missing:\n{asked}");
        }
        assert!(terminal.is_styled("+violets") && terminal.is_styled("-roses"));
        terminal.types("n\n");
        terminal.shows("\nDone.\n");
        assert_eq!(std::fs::read_to_string(&poem).expect("the poem"), "roses\n");
    });
}

#[test]
fn terminal_asks_again_when_the_answer_is_neither_yes_nor_no_nor_always() {
    live([marks("1"), done()], |world| {
        let mut terminal = chat(world);
        terminal.types("go\n");
        terminal.ends_with(CHOICE);
        terminal.types("yse\n");
        terminal.until("asked again", |screen| screen.matches(CHOICE).count() == 2);
        terminal.types("n\n");
        terminal.shows("\nDone.\n");
        assert_eq!(marks_in(world), 0);
    });
}

#[test]
fn terminal_takes_what_was_typed_before_a_question_for_no_answer() {
    let waits = Response::new().message(Message::new("Wait").gate("rest"));
    live([waits.call_exec("1", mark()), done()], |world| {
        let mut terminal = chat(world);
        terminal.types("go\n");
        terminal.shows("\nWait");
        terminal.types("y\ny\n");
        world.model.gate("rest").release();
        terminal.ends_with(CHOICE);
        assert_eq!(marks_in(world), 0);
        terminal.types("n\n");
        terminal.shows("\nDone.\n");
    });
}

#[test]
fn terminal_shows_control_characters_as_question_marks() {
    let command = json!({"cmd": "echo evil\r\x1b[2Kecho good", "sandbox_permissions": "require_escalated"});
    live([Response::new().call_exec("1", command), done()], |world| {
        let mut terminal = chat(world);
        terminal.types("go\n");
        let asked = terminal.ends_with(CHOICE);
        assert!(asked.contains("echo evil??[2Kecho good"), "{asked}");
        terminal.types("n\n");
        terminal.shows("\nDone.\n");
    });
}

#[test]
fn terminal_interrupts_the_turn_at_ctrl_c_and_goes_on() {
    live([half(), Response::text(["Here."])], |world| {
        let mut terminal = chat(world);
        terminal.types("Count.\n");
        terminal.shows("\nHalf");
        terminal.types(CTRL_C);
        terminal.shows("the turn was interrupted\n");
        terminal.ends_with(PROMPT);
        terminal.types("Are you there?\n");
        terminal.shows("\nHere.\n");
    });
}

#[test]
fn terminal_interrupts_the_turn_at_ctrl_c_while_it_asks() {
    live([marks("1"), done()], |world| {
        let mut terminal = chat(world);
        terminal.types("go\n");
        terminal.ends_with(CHOICE);
        terminal.types(CTRL_C);
        terminal.shows("the turn was interrupted\n");
        terminal.ends_with(PROMPT);
        assert_eq!(marks_in(world), 0);
    });
}

#[test]
fn terminal_quits_at_the_second_ctrl_c_and_leaves_everything_as_it_was() {
    live([Response::hang()], |world| {
        let mut terminal = thinking(world);
        terminal.types(CTRL_C);
        terminal.shows("Ctrl-C once more quits.");
        terminal.types(CTRL_C);
        terminal.shows("[ended with 0]");
        assert_eq!((terminal.is_as_before(), running(world, "codex")), (true, vec![]));
    });
}

#[test]
fn terminal_asks_before_it_quits_at_ctrl_c_at_the_prompt() {
    live([done()], |world| {
        let hint = "Ctrl-C once more quits, and so does Ctrl-D.\n>";
        let mut terminal = chat(world);
        terminal.types(CTRL_C);
        terminal.ends_with(hint);
        terminal.types("Are you there?\n");
        terminal.shows("\nDone.\n");
        terminal.ends_with(PROMPT);
        terminal.types(CTRL_C);
        terminal.ends_with(hint);
        terminal.types(CTRL_C);
        terminal.shows("[ended with 0]");
        assert_eq!((terminal.is_as_before(), running(world, "codex")), (true, vec![]));
    });
}

#[test]
fn terminal_comes_back_to_its_prompt_after_it_was_stopped() {
    live([done()], |world| {
        let mut terminal = chat_as_job(world);
        stop_and_go_on(&mut terminal);
        terminal.ends_with(PROMPT);
        terminal.types("Are you there?\n");
        terminal.shows("\n> Are you there?\nDone.\n");
        terminal.ends_with(PROMPT);
        terminal.types(CTRL_D);
        terminal.shows("[ended with 0]");
        assert!(terminal.is_as_before());
    });
}

#[test]
fn terminal_asks_again_after_it_was_stopped() {
    live([marks("1"), done()], |world| {
        let mut terminal = chat_as_job(world);
        terminal.types("go\n");
        terminal.ends_with(CHOICE);
        stop_and_go_on(&mut terminal);
        let asked = terminal.until("asked again", |screen| screen.matches(CHOICE).count() == 2);
        assert_eq!(asked.matches("echo mark >> marks").count(), 2, "{asked}");
        terminal.types("y\n");
        terminal.shows(&format!("{CHOICE} y\n"));
        terminal.shows("\nDone.\n");
        assert_eq!(marks_in(world), 1);
    });
}

#[test]
fn terminal_leaves_everything_as_it_was_when_it_is_told_to_end() {
    let signals = [("TERM", 143), ("HUP", 129), ("QUIT", 131)];
    live(signals.map(|_| Response::hang()), move |world| {
        for (name, status) in signals {
            let mut terminal = thinking(world);
            assert!(signal(running(world, "terminal")[0], name));
            terminal.shows(&format!("[ended with {status}]"));
            assert_eq!((terminal.is_as_before(), running(world, "codex")), (true, vec![]), "{name}");
        }
    });
}

#[test]
fn terminal_tells_that_the_runtime_died_and_ends() {
    live([Response::hang()], |world| {
        let mut terminal = thinking(world);
        assert!(signal(running(world, "codex")[0], "KILL"));
        let shown = terminal.shows("[ended with 1]");
        assert!(shown.contains("signal 9"), "{shown}");
        assert!(terminal.is_as_before());
    });
}

#[test]
fn terminal_quits_at_the_end_of_input() {
    live([], |world| {
        let mut terminal = chat(world);
        assert!(!running(world, "codex").is_empty());
        terminal.types(CTRL_D);
        let shown = terminal.shows("[ended with 0]");
        assert!(!shown.contains("Go on with"), "nothing was said that could be gone on with:\n{shown}");
        assert_eq!(running(world, "codex"), Vec::<u32>::new());
    });
}

#[test]
fn terminal_goes_on_with_the_newest_conversation_or_with_the_one_that_is_named() {
    live([Response::text(["Blue."]), Response::text(["Blue, still."]), Response::text(["As I said."])], |world| {
        let mut first = chat(world);
        first.types("Which colour?\n");
        first.shows("\nBlue.\n");
        first.ends_with(PROMPT);
        first.types(CTRL_D);
        let shown = first.shows("[ended with 0]");
        let id = shown.split("Go on with: terminal --resume ").nth(1).expect("the id").lines().next().expect("a line");

        for (arguments, answer) in [(vec!["--resume"], "\nBlue, still.\n"), (vec!["--resume", id], "\nAs I said.\n")] {
            let mut next = chat_with(world, &arguments);
            next.types("And now?\n");
            next.shows(answer);
            next.ends_with(PROMPT);
            next.types(CTRL_D);
            next.shows(&format!("--resume {id}\n[ended with 0]"));
            let asked = world.model.requests().pop().expect("the model was asked").user_texts();
            assert!(asked.contains(&"Which colour?".to_owned()), "{asked:?}");
        }
    });
}

#[test]
fn terminal_takes_pasted_lines_for_one_message() {
    live([done()], |world| {
        let mut terminal = chat(world);
        let pid = running(world, "terminal")[0];
        assert!(signal(pid, "STOP"));
        has_stopped(pid);
        terminal.types("first\nsecond\n");
        // The kernel shows what it has taken.
        terminal.shows("first\nsecond");
        assert!(signal(pid, "CONT"));
        terminal.shows("\nDone.\n");
        assert_eq!(world.model.requests()[0].last_user_text(), "first\nsecond");
    });
}

#[test]
fn terminal_uses_no_colour_when_it_is_told_so() {
    live([], |world| {
        let coloured = chat(world);
        let plain = prompted(command("terminal", &[], world).env("NO_COLOR", "1"));
        assert_eq!((coloured.is_styled("gpt-5.5"), plain.is_styled("gpt-5.5")), (true, false));
    });
}

#[test]
fn terminal_is_plain_text_without_a_terminal() {
    live([Response::text(["A clock."]), Response::text(["In C."])], |world| {
        let mut chat = start("terminal", &[], world);
        type_in(&mut chat, "What is this?\nIn which language?\n");
        let End { code, shown, complaint } = end(chat);
        assert_eq!((code, complaint.as_str()), (Some(0), ""));
        assert!(shown.contains("\nA clock.\n10 tokens in") && shown.contains("\nIn C.\n10 tokens in"), "{shown}");
        assert!(!shown.contains('\x1b') && !shown.contains('\r'), "{shown:?}");
    });
}

#[test]
fn terminal_tells_why_it_cannot_start() {
    live([], |world| {
        let mut terminal = Terminal::run(command("terminal", &[], world).env("CODEX_PATH", "/nowhere/codex"));
        let shown = terminal.shows("[ended with 1]");
        assert!(shown.contains("/nowhere/codex"), "{shown}");
    });
}

#[test]
fn terminal_asks_one_question_after_the_other() {
    live([marks("1").call_exec("2", mark()), done()], |world| {
        let mut terminal = chat(world);
        terminal.types("go\n");
        terminal.ends_with(CHOICE);
        terminal.types("y\n");
        terminal.until("asked again", |screen| screen.matches(CHOICE).count() == 2);
        terminal.types("n\n");
        terminal.shows("\nDone.\n");
        assert_eq!(marks_in(world), 1);
    });
}

/// A runtime whose turns do this, and then say that they are done.
fn scripted(actions: impl IntoIterator<Item = Action>) -> Script {
    let done = Turn { deltas: Some(vec!["Done.".into()]), ..Turn::default() };
    let ends = Action::finish_turn(FinishTurn { with: done, ..FinishTurn::default() });
    let turn: Vec<Action> = [Action::turn(Turn::held())].into_iter().chain(actions).chain([ends]).collect();
    Script::new().on("turn/start", turn)
}

fn asks(id: u64, method: &str, more: Value) -> Action {
    let mut params = json!({"threadId": "$threadId", "turnId": "$turnId", "itemId": "call"});
    let more = more.as_object().expect("an object").clone();
    params.as_object_mut().expect("an object").extend(more);
    Action::request(id, method, params)
}

fn asks_to_run(id: u64, command: &str) -> Action {
    asks(id, "item/commandExecution/requestApproval", json!({"command": command}))
}

fn is_settled(id: u64) -> Action {
    Action::notify("serverRequest/resolved", json!({"threadId": "$threadId", "requestId": id}))
}

#[test]
fn terminal_lets_go_of_questions_that_were_settled_elsewhere() {
    let asked = [asks_to_run(1, "first"), asks_to_run(2, "second"), asks_to_run(3, "third"), Action::stop()];
    let settled = [is_settled(1), is_settled(3), Action::wait_answer(2)];
    fake::play(scripted(asked.into_iter().chain(settled)), |fake| {
        let mut terminal = chat(fake);
        terminal.types("go\n");
        assert!(terminal.ends_with(CHOICE).contains("$ first"));
        let runtime = fake.processes()[0];
        has_stopped(runtime);
        assert!(signal(runtime, "CONT"));
        terminal.until("the second", |screen| screen.contains("$ second") && screen.trim_end().ends_with(CHOICE));
        terminal.types("y\n");
        let shown = terminal.shows("\nDone.\n");
        assert!(!shown.contains("$ third"), "{shown}");
        let answers = fake.answers();
        assert!(answers.len() == 1 && answers[0].contains("accept") && answers[0].contains("\"id\":2"), "{answers:?}");
    });
}

#[test]
fn terminal_shows_other_requests_as_they_are() {
    let permissions = json!({"permissions": {"network": {"enabled": true}}, "reason": "to download"});
    let asked = [asks(1, "item/permissions/requestApproval", permissions), Action::wait_answer(1)];
    fake::play(scripted(asked), |fake| {
        let mut terminal = chat(fake);
        terminal.types("go\n");
        let shown = terminal.ends_with(CHOICE);
        for part in ["\nitem/permissions/requestApproval\n", "\"network\"", "\nbecause: to download\n"] {
            assert!(shown.contains(part), "{part:?} is missing:\n{shown}");
        }
        terminal.types("y\n");
        terminal.shows("\nDone.\n");
        assert!(fake.answers()[0].contains(r#"{"network":{"enabled":true}}"#), "{:?}", fake.answers());
    });
}

#[test]
fn terminal_declines_what_cannot_be_answered_with_yes_and_says_why() {
    let question = json!({"questions": [{"id": "colour", "header": "Colour", "question": "Which?", "options": []}]});
    let asked = [asks(1, "item/tool/requestUserInput", question), Action::wait_answer(1)];
    fake::play(scripted(asked), |fake| {
        let mut terminal = chat(fake);
        terminal.types("go\n");
        terminal.ends_with(CHOICE);
        terminal.types("y\n");
        let shown = terminal.shows("\nDone.\n");
        assert_eq!(shown.matches("item/tool/requestUserInput").count(), 2, "the question and the complaint: {shown}");
        assert!(fake.answers()[0].contains(r#""answers":{}"#), "{:?}", fake.answers());
    });
}

#[test]
fn terminal_tells_that_the_runtime_tries_again() {
    let error = json!({"message": "the stream was cut", "codexErrorInfo": null, "additionalDetails": null});
    let retry = json!({"error": error, "willRetry": true, "threadId": "$threadId", "turnId": "$turnId"});
    fake::play(scripted([Action::notify("error", retry)]), |fake| {
        let mut terminal = chat(fake);
        terminal.types("go\n");
        terminal.shows("\nthe stream was cut\nDone.\n");
    });
}

#[test]
fn terminal_begins_a_conversation_when_there_is_none_to_go_on_with() {
    live([done()], |world| {
        let mut terminal = chat_with(world, &["--resume"]);
        assert!(terminal.screen().contains("There is no conversation of this directory yet: this is the first.\n"));
        terminal.types("go\n");
        terminal.shows("\nDone.\n");
    });
}

#[test]
fn terminal_tells_that_there_is_no_conversation_with_an_id() {
    live([], |world| {
        let id = "01997b10-0000-7000-8000-000000000000";
        let mut terminal = Terminal::run(&command("terminal", &["--resume", id], world));
        let shown = terminal.shows("[ended with 1]");
        assert!(shown.contains(id) && terminal.is_as_before(), "{shown}");
    });
}

#[test]
fn terminal_tells_how_it_is_used() {
    live([], |world| {
        for arguments in [vec!["--help"], vec!["--resume", "one", "two"]] {
            let End { code, shown, complaint } = end(start("terminal", &arguments, world));
            assert_eq!((code, shown.as_str()), (Some(1), ""));
            assert_eq!(complaint, "usage: terminal [--resume [ID]]\n");
        }
    });
}
