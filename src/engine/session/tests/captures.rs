//! Recorded conversations with the real runtime go through the parser and the router, as if they happened now.

use std::collections::{HashMap, HashSet};

use super::*;

/// A recording that is played: the client's side is done by a session, whose ids stand for the recorded ones.
struct Played {
    talk: Talk,
    wire_ids: HashMap<String, i64>,
    turns: HashMap<HandleId, usize>,
    handles: Vec<HandleId>,
}

fn play(recording: &str) -> Played {
    let mut played = Played { talk: Talk::new(), wire_ids: HashMap::new(), turns: HashMap::new(), handles: Vec::new() };
    played.talk.session.open_client_queue();
    for line in recording.lines() {
        let entry: Value = serde_json::from_str(line).unwrap();
        match entry["dir"].as_str() {
            Some("c>s") => played.send(&entry["msg"]),
            Some("s>c") => played.receive(entry["msg"].clone()),
            _ => {}
        }
    }
    played
}

impl Played {
    fn send(&mut self, message: &Value) {
        let (Some(method), Some(id)) = (message["method"].as_str(), message.get("id")) else { return };
        let wire_id = if method == "turn/start" {
            self.start(&message["params"])
        } else {
            self.talk.session.begin_event_call(method, "{}", None, 0).unwrap();
            self.talk.written().pop().map(|line| line["id"].as_i64().unwrap())
        };
        self.wire_ids.extend(wire_id.map(|wire_id| (id.to_string(), wire_id)));
    }

    fn start(&mut self, params: &Value) -> Option<i64> {
        let start = plain_start(self.talk.thread(params["threadId"].as_str()?));
        self.handles.push(self.talk.session.start_turn(self.talk.now, &start).unwrap());
        self.talk.written().pop()?["id"].as_i64()
    }

    fn receive(&mut self, mut message: Value) {
        if message.get("method").is_none() {
            let Some(wire_id) = self.wire_ids.get(&message["id"].to_string()) else { return };
            message["id"] = (*wire_id).into();
        }
        self.talk.hear(message);
        for handle in self.handles.clone() {
            let items =
                self.talk.events(handle).iter().filter(|event| event.kind() == EventKind::ItemCompleted).count();
            *self.turns.entry(handle).or_default() += items;
        }
        self.talk.written();
    }
}

macro_rules! recordings {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../../../tests/data/", $name, ".jsonl")))),*]
    };
}

const RECORDINGS: &[(&str, &str)] = recordings![
    "04_turn_basic",
    "05b_turn_retry",
    "06_interrupt_steer",
    "07_approvals_command",
    "08_approvals_filechange",
    "09_approvals_misc",
    "11_dynamic_tools",
    "13_unix_ws_clientA",
    "16_misc_methods",
    "20_race_turn_started_before_response",
    "21_overload_400_pipelined",
    "22_interrupt_empty_turnid",
];

/// The turns that a recording says are complete.
fn completed_turns(recording: &str) -> HashSet<String> {
    let completed = |line: &str| {
        let entry: Value = serde_json::from_str(line).unwrap();
        let message = &entry["msg"];
        (entry["dir"] == "s>c" && message["method"] == "turn/completed")
            .then(|| message["params"]["turn"]["id"].as_str().unwrap().to_owned())
    };
    recording.lines().filter_map(completed).collect()
}

#[test]
fn every_line_of_every_recording_is_understood() {
    for (name, recording) in RECORDINGS {
        let played = play(recording);
        assert_eq!(played.talk.session.first_malformed, None, "{name}");
        assert!(played.talk.session.stats.received > 0, "{name}");
    }
}

#[test]
fn every_recorded_turn_that_was_completed_ends_with_all_its_items() {
    let mut ended = 0;
    for (name, recording) in RECORDINGS {
        let completed = completed_turns(recording);
        let played = play(recording);
        for (handle, items) in &played.turns {
            let id = played.talk.session.turn_id_cell(*handle);
            let Some(id) = id.get().map(|id| id.as_str().to_owned()).filter(|id| completed.contains(id)) else {
                continue;
            };
            let (result, _) = played.talk.end(*handle);
            let collected = result.unwrap()["items"].as_array().unwrap().len();
            assert!(collected >= *items, "{name}: turn {id} has {collected} items, its handle saw {items}");
            ended += 1;
        }
    }
    assert!(ended > 60, "only {ended} turns ended");
}

#[test]
fn the_recorded_turn_gives_the_result_that_the_runtime_reported() {
    let played = play(RECORDINGS[0].1);
    let (result, error) = played.talk.end(played.handles[0]);
    let result = result.unwrap();
    assert_eq!((error, &result["status"], &result["endedBy"]), (None, &"completed".into(), &"completed".into()));
    assert!(result["items"].as_array().unwrap().iter().any(|item| item["type"] == "reasoning"));
    assert!(result["usage"]["turn"]["totalTokens"].as_i64().unwrap() > 0);
    assert!(result["finalResponse"].is_string());
}
