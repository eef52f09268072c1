use super::*;

fn at(line: usize) -> Place {
    Place { line, ms: 0 }
}

/// `>` the host sends, `<` the runtime sends, `closed`, `ended`; each is a line, from line 2 on.
fn play(lines: &[&str]) -> Play {
    let entry = |line: &&str| match line.split_once(' ') {
        Some((">", message)) => Entry::Sent(message.into()),
        Some(("<", message)) => Entry::Received(message.into()),
        _ if *line == "closed" => Entry::Closed,
        _ => Entry::Ended(Parted::default()),
    };
    Play::new(lines.iter().map(entry).enumerate().map(|(index, entry)| (at(index + 2), entry)).collect())
}

/// What is received now.
fn received(play: &mut Play) -> Vec<String> {
    let message = |cue| match cue {
        Cue::Message(message) => Some(message),
        _ => None,
    };
    std::iter::from_fn(|| message(play.cue())).collect()
}

fn refusal(play: &mut Play, message: &str) -> String {
    play.sent(message).unwrap_err().0
}

const ASKED: &str = r#"< {"id":0,"method":"item/commandExecution/requestApproval","params":{}}"#;
const ACCEPTED: &str = r#"> {"id":0,"result":{"decision":"accept","note":1}}"#;

#[test]
fn a_message_comes_once_the_host_has_sent_what_it_had_sent_before() {
    let mut play = play(&[
        r#"> {"id":1,"method":"a"}"#,
        r#"< {"id":1,"result":{}}"#,
        r#"< {"method":"n"}"#,
        r#"> {"id":2,"method":"b"}"#,
        r#"< {"method":"o"}"#,
    ]);
    assert!(received(&mut play).is_empty());
    play.sent(r#"{"id":1,"method":"a"}"#).unwrap();
    assert_eq!(received(&mut play), [r#"{"id":1,"result":{}}"#, r#"{"method":"n"}"#]);
    play.sent(r#"{"id":2,"method":"b"}"#).unwrap();
    assert_eq!(received(&mut play), [r#"{"method":"o"}"#]);
}

#[test]
fn an_answer_bears_the_id_that_the_host_gave_and_is_else_untouched() {
    let mut play = play(&[r#"> {"id":1,"method":"a"}"#, r#"< {"result":{ "id": 1 },"id": 1 }"#]);
    play.sent(r#"{"id":70,"method":"a"}"#).unwrap();
    assert_eq!(received(&mut play), [r#"{"result":{ "id": 1 },"id": 70 }"#]);
}

#[test]
fn an_answer_that_was_too_long_is_an_answer_too() {
    let skipped = |id: u32| (9000, format!("{{\"id\":{id},\"result\":{{\"x"));
    let (bytes, begins) = skipped(1);
    let call = Entry::Sent(r#"{"id":1,"method":"a"}"#.into());
    let mut play = Play::new(vec![(at(2), call), (at(3), Entry::Skipped { bytes, begins })]);
    play.sent(r#"{"id":70,"method":"a"}"#).unwrap();
    let (bytes, begins) = skipped(70);
    assert_eq!(play.cue(), Cue::Skipped { bytes, begins });
    assert_eq!(play.cue(), Cue::Wait);
}

#[test]
fn calls_of_several_threads_may_come_in_another_order() {
    let mut play = play(&[
        r#"> {"id":1,"method":"a"}"#,
        r#"> {"id":2,"method":"b"}"#,
        r#"< {"id":2,"result":2}"#,
        r#"< {"id":1,"result":1}"#,
    ]);
    play.sent(r#"{"id":1,"method":"b"}"#).unwrap();
    assert!(received(&mut play).is_empty());
    play.sent(r#"{"id":2,"method":"a"}"#).unwrap();
    assert_eq!(received(&mut play), [r#"{"id":1,"result":2}"#, r#"{"id":2,"result":1}"#]);
}

#[test]
fn what_is_said_to_a_thread_takes_the_place_of_what_was_said_to_it() {
    let mut play = play(&[
        r#"> {"id":1,"method":"turn/start","params":{"threadId":"x","input":"hi"}}"#,
        r#"> {"id":2,"method":"turn/start","params":{"threadId":"y","input":"ho"}}"#,
        r#"< {"id":1,"result":"x"}"#,
        r#"< {"id":2,"result":"y"}"#,
    ]);
    play.sent(r#"{"id":1,"method":"turn/start","params":{"threadId":"y","input":"hi"}}"#).unwrap();
    play.sent(r#"{"id":2,"method":"turn/start","params":{"threadId":"x","input":"hi"}}"#).unwrap();
    assert_eq!(received(&mut play), [r#"{"id":2,"result":"x"}"#, r#"{"id":1,"result":"y"}"#]);
}

#[test]
fn what_is_said_to_one_thread_is_matched_in_order_whatever_it_says() {
    let mut play = play(&[
        r#"> {"id":1,"method":"turn/start","params":{"threadId":"x","input":"one"}}"#,
        r#"< {"id":1,"result":1}"#,
        r#"> {"id":2,"method":"turn/start","params":{"threadId":"x","input":"two"}}"#,
    ]);
    play.sent(r#"{"id":1,"method":"turn/start","params":{"threadId":"x","input":"two"}}"#).unwrap();
    assert_eq!(received(&mut play).len(), 1);
}

#[test]
fn calls_of_no_thread_take_the_place_of_their_like() {
    let mut play = play(&[
        r#"> {"id":1,"method":"thread/start","params":{"cwd":"/a"}}"#,
        r#"> {"id":2,"method":"thread/start","params":{"cwd":"/b"}}"#,
        r#"< {"id":1,"result":"a"}"#,
        r#"< {"id":2,"result":"b"}"#,
    ]);
    play.sent(r#"{"id":1,"method":"thread/start","params":{"cwd":"/b"}}"#).unwrap();
    play.sent(r#"{"id":2,"method":"thread/start","params":{"cwd":"/c"}}"#).unwrap();
    assert_eq!(received(&mut play), [r#"{"id":2,"result":"a"}"#, r#"{"id":1,"result":"b"}"#]);
}

#[test]
fn other_params_are_remarked_and_played_on() {
    let mut play = play(&[r#"> {"id":1,"method":"a","params":{"cwd":"/there"}}"#, r#"< {"id":1,"result":{}}"#]);
    play.sent(r#"{"id":1,"method":"a","params":{"cwd":"/here"}}"#).unwrap();
    let remarks = play.take_remarks();
    assert_eq!(remarks.len(), 1);
    assert!(["line 2", "/there", "/here"].iter().all(|part| remarks[0].contains(part)), "{}", remarks[0]);
    assert_eq!(received(&mut play).len(), 1);
}

#[test]
fn a_call_that_was_not_recorded_is_told_with_what_was() {
    let mut play = play(&[r#"> {"id":1,"method":"turn/start","params":{"threadId":"x"}}"#]);
    let told = refusal(&mut play, r#"{"id":1,"method":"thread/list"}"#);
    assert!(["thread/list", "turn/start for thread \"x\"", "line 2"].iter().all(|part| told.contains(part)), "{told}");
    play.sent(r#"{"id":1,"method":"turn/start","params":{"threadId":"x"}}"#).unwrap();
    let told = refusal(&mut play, r#"{"id":2,"method":"turn/start"}"#);
    assert!(told.contains("ends in line 2"), "{told}");
}

#[test]
fn a_notification_takes_no_place_of_a_call() {
    let mut play = play(&[r#"> {"id":1,"method":"a"}"#]);
    assert!(refusal(&mut play, r#"{"method":"a"}"#).contains("line 2"));
}

#[test]
fn another_decision_is_a_mismatch_and_other_words_are_not() {
    let mut played = play(&[ASKED, ACCEPTED, r#"< {"method":"n"}"#]);
    assert_eq!(received(&mut played).len(), 1);
    let told = refusal(&mut played, r#"{"id":0,"result":{"decision":"decline"}}"#);
    for part in ["item/commandExecution/requestApproval", "accept", "decline", "line 3"] {
        assert!(told.contains(part), "{told}");
    }
    let mut played = play(&[ASKED, ACCEPTED, r#"< {"method":"n"}"#]);
    received(&mut played);
    played.sent(r#"{"id":0,"result":{"decision":"accept","note":2}}"#).unwrap();
    assert!(played.take_remarks()[0].contains("line 3"));
    assert_eq!(received(&mut played), [r#"{"method":"n"}"#]);
}

#[test]
fn an_error_instead_of_an_answer_is_another_decision() {
    let mut play = play(&[ASKED, ACCEPTED]);
    received(&mut play);
    assert!(refusal(&mut play, r#"{"id":0,"error":{"code":1,"message":"no"}}"#).contains("line 3"));
}

#[test]
fn ids_of_the_runtime_that_come_again_are_answered_in_order() {
    let mut play = play(&[ASKED, ACCEPTED, ASKED, r#"> {"id":0,"result":{"decision":"decline"}}"#, "ended"]);
    assert_eq!(received(&mut play).len(), 1);
    play.sent(&ACCEPTED[2..]).unwrap();
    assert_eq!(received(&mut play).len(), 1);
    play.sent(r#"{"id":0,"result":{"decision":"decline"}}"#).unwrap();
    assert_eq!(play.cue(), Cue::Ended(Parted::default()));
}

#[test]
fn the_end_comes_as_it_was_recorded() {
    let mut play = play(&[r#"< {"method":"n"}"#, "ended"]);
    assert_eq!(received(&mut play).len(), 1);
    assert_eq!(play.cue(), Cue::Ended(Parted::default()));
}

#[test]
fn what_comes_after_the_host_has_ended_the_connection_waits_for_that() {
    let mut play = play(&["closed", r#"< {"method":"n"}"#, "ended"]);
    assert_eq!(play.cue(), Cue::Wait);
    play.close();
    assert_eq!(received(&mut play).len(), 1);
    assert_eq!(play.cue(), Cue::Ended(Parted::default()));
}

#[test]
fn a_client_that_is_closed_too_early_leaves_a_remark() {
    let mut play = play(&[r#"> {"id":1,"method":"a"}"#, "closed", "ended"]);
    play.close();
    assert!(play.take_remarks()[0].contains("line 2"));
    assert_eq!(play.cue(), Cue::Ended(Parted::default()));
}

#[test]
fn a_recording_without_an_end_stays_open_unless_something_was_under_way() {
    let started = r#"< {"method":"turn/started","params":{"turn":{"id":"u"}}}"#;
    let completed = r#"< {"method":"turn/completed","params":{"turn":{"id":"u"}}}"#;
    let mut whole = play(&[started, completed]);
    received(&mut whole);
    assert_eq!(whole.cue(), Cue::Wait);
    let mut cut = play(&[started]);
    received(&mut cut);
    assert!(matches!(cut.cue(), Cue::CutOff(Mismatch(why)) if why.contains("turn u") && why.contains("line 2")));
    let mut unanswered = play(&[r#"> {"id":1,"method":"a"}"#]);
    unanswered.sent(r#"{"id":1,"method":"a"}"#).unwrap();
    assert!(matches!(unanswered.cue(), Cue::CutOff(Mismatch(why)) if why.contains("before a of line 2")));
}

#[test]
fn a_host_that_waits_for_what_comes_after_something_that_it_did_not_send_stands_still() {
    let lines = [
        r#"> {"id":1,"method":"first"}"#,
        r#"< {"id":1,"result":1}"#,
        r#"> {"id":2,"method":"second"}"#,
        r#"< {"id":2,"result":2}"#,
    ];
    let mut play = play(&lines);
    assert_eq!(play.cue(), Cue::Wait);
    assert_eq!(play.standstill(), None, "nobody waits yet");
    play.sent(r#"{"id":1,"method":"second"}"#).unwrap();
    assert_eq!(play.cue(), Cue::Wait);
    let Standstill { why: Mismatch(why), patience } = play.standstill().unwrap();
    assert_eq!(patience, STANDSTILL);
    assert!(["first", "line 2", "line 5"].iter().all(|part| why.contains(part)), "{why}");
    play.sent(r#"{"id":2,"method":"first"}"#).unwrap();
    received(&mut play);
    assert_eq!(play.standstill(), None);
}

#[test]
fn a_host_that_has_to_answer_a_question_takes_its_time() {
    let mut play = play(&[r#"> {"id":1,"method":"a"}"#, ASKED, ACCEPTED, r#"< {"id":1,"result":1}"#]);
    play.sent(r#"{"id":1,"method":"a"}"#).unwrap();
    assert_eq!(received(&mut play).len(), 1);
    assert_eq!((play.cue(), play.standstill()), (Cue::Wait, None));
}

#[test]
fn a_turn_that_the_recording_does_not_even_see_begin_is_in_the_middle_too() {
    let start = r#"> {"id":1,"method":"turn/start","params":{"threadId":"x"}}"#;
    let answer = r#"< {"id":1,"result":{"turn":{"id":"u","status":"inProgress"}}}"#;
    let completed = r#"< {"method":"turn/completed","params":{"turn":{"id":"u"}}}"#;
    let cue_behind = |lines: &[&str]| {
        let mut play = play(lines);
        play.sent(&start[2..]).unwrap();
        received(&mut play);
        play.cue()
    };
    assert!(matches!(cue_behind(&[start, answer]), Cue::CutOff(Mismatch(why)) if why.contains("turn u")));
    assert_eq!(cue_behind(&[start, answer, completed]), Cue::Wait);
    assert_eq!(cue_behind(&[start, completed, answer]), Cue::Wait, "answers may be late");
}

#[test]
fn a_turn_that_is_a_part_of_another_is_over_with_that() {
    let started = r#"< {"method":"turn/started","params":{"turn":{"id":"part","rootTurnId":"u"}}}"#;
    let completed = r#"< {"method":"turn/completed","params":{"turn":{"id":"u","rootTurnId":"u"}}}"#;
    let mut play = play(&[started, completed]);
    received(&mut play);
    assert_eq!(play.cue(), Cue::Wait);
}

#[test]
fn a_recording_of_thousands_of_turns_is_played_without_reading_it_anew_for_each() {
    const TURNS: usize = 20_000;
    let start = |id| format!(r#"{{"id":{id},"method":"turn/start","params":{{"threadId":"x","input":"{id}"}}}}"#);
    let lines: Vec<String> = (0..TURNS).map(|id| format!("> {}", start(id))).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let mut play = play(&lines);
    let (over, end) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        (0..TURNS).for_each(|id| play.sent(&start(id)).unwrap());
        over.send(play.take_remarks()).unwrap();
    });
    assert_eq!(end.recv_timeout(std::time::Duration::from_secs(60)), Ok(Vec::new()));
}
