use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use fake_runtime::{Action, FinishTurn, Flood, Pace, PerWrite, Script, Turn, Turns};
use serde_json::{Value, json};

use crate::client::Client;

fn flooded(flood: Flood) -> (Client, Vec<Value>) {
    let actions = [Action::turn(Turn::held()), Action::flood(flood), Action::finish_turn(FinishTurn::default())];
    let (mut client, thread) = Client::with_thread(&Script::new().on("turn/start", actions));
    client.start_turn(2, &thread, "hello");
    let messages = client.until("turn/completed");
    let deltas = messages.into_iter();
    let deltas = deltas.filter(|message| message["method"] == "item/agentMessage/delta");
    let deltas = deltas.collect();
    (client, deltas)
}

#[test]
fn a_buffered_flood_has_exactly_its_count() {
    let (_, deltas) = flooded(Flood { count: 30_001, text_bytes: 12, ..Flood::default() });
    assert_eq!(deltas.len(), 30_001);
    assert!(deltas.iter().all(|delta| delta == &deltas[0]));
    assert_eq!(deltas[0]["params"]["delta"], "xxxxxxxxxxxx");
    assert_eq!(deltas[0]["params"]["itemId"], "msg_1_0");
}

#[test]
fn a_flood_message_by_message_has_exactly_its_count() {
    let (_, deltas) = flooded(Flood { count: 503, per_write: PerWrite::Message, pause_us: 10, ..Flood::default() });
    assert_eq!(deltas.len(), 503);
}

#[test]
fn a_flood_can_tell_the_time_of_each_message() {
    let (_, deltas) = flooded(Flood { count: 5_000, text: Some("$nowUs $text".to_owned()), ..Flood::default() });
    let times = deltas.iter().map(|delta| {
        let text = delta["params"]["delta"].as_str().expect("a text");
        let time = text.strip_suffix(" hello").map(str::parse::<u64>);
        time.expect("the user's text").expect("a time")
    });
    let times: Vec<u64> = times.collect();
    assert_eq!(times.len(), 5_000);
    assert!(times.is_sorted());
    assert!(times[0] < times[4_999]);
}

#[test]
fn a_flood_can_be_of_any_method() {
    let flood = Flood {
        count: 3,
        method: Some("item/commandExecution/outputDelta".to_owned()),
        params: Some(json!({"threadId": "$threadId", "delta": "$nowUs"})),
        ..Flood::default()
    };
    let script = Script::new().on("ask", [Action::flood(flood), Action::reply(1)]);
    let mut client = Client::start(&script);
    client.request(1, "ask", json!({"threadId": "T"}));
    for _ in 0..3 {
        let message = client.next();
        assert_eq!(message["method"], "item/commandExecution/outputDelta");
        assert_eq!(message["params"]["threadId"], "T");
    }
    assert_eq!(client.next()["result"], 1);
}

#[test]
fn a_flood_ends_with_its_turn() {
    let endless = Flood { count: u64::MAX, ..Flood::default() };
    let actions = [Action::turn(Turn::held()), Action::flood(endless)];
    let (mut client, thread) = Client::with_thread(&Script::new().on("turn/start", actions));
    client.start_turn(2, &thread, "hello");
    client.until("item/agentMessage/delta");
    client.request(3, "turn/interrupt", json!({"threadId": thread, "turnId": ""}));
    let messages = client.until("turn/completed");
    let ended = messages.last().expect("the last message");
    assert_eq!(ended["params"]["turn"]["status"], "interrupted");
    client.assert_quiet();
}

const TURNS: i64 = 1_000;

/// Starts a thousand threads with a held turn each, and returns the turns by thread.
fn open_turns(client: &mut Client) -> HashMap<String, Value> {
    let mut threads = HashMap::new();
    for id in 1..=TURNS {
        let thread = client.start_thread(id);
        client.start_turn(TURNS + id, &thread, "hello");
        let turn = client.next()["result"]["turn"]["id"].clone();
        client.until("item/completed");
        assert_eq!(client.next()["method"], "item/started");
        threads.insert(thread, turn);
    }
    threads
}

#[test]
fn a_thousand_turns_are_open_at_once_until_they_are_interrupted() {
    let script = Script::new().on("turn/start", [Action::turn(Turn::held())]);
    let mut client = Client::greet(&script);
    let turns = open_turns(&mut client);
    client.assert_quiet();
    for (thread, turn) in &turns {
        client.request(5_000, "turn/interrupt", json!({"threadId": thread, "turnId": turn}));
    }
    let mut ended = HashMap::new();
    for _ in &turns {
        let messages = client.until("turn/completed");
        let params = &messages[2]["params"];
        assert_eq!(params["turn"]["status"], "interrupted");
        let thread = params["threadId"].as_str().expect("a thread");
        ended.insert(thread.to_owned(), params["turn"]["id"].clone());
    }
    assert_eq!(ended, turns);
}

#[test]
fn a_thousand_scripts_can_wait_at_once() {
    let actions =
        [Action::request("ask-$id", "approve", json!({})), Action::wait_answer("ask-$id"), Action::reply("$id")];
    let mut client = Client::start(&Script::new().on("ask", actions));
    for id in 0..TURNS {
        client.request(id, "ask", json!({}));
        assert_eq!(client.next()["id"], format!("ask-{id}"));
    }
    for id in (0..TURNS).rev() {
        client.send(&json!({"id": format!("ask-{id}"), "result": {}}));
    }
    let answered: HashSet<Value> = (0..TURNS).map(|_| client.next()["id"].clone()).collect();
    assert_eq!(answered.len(), 1_000);
}

#[test]
fn paced_deltas_go_around_all_open_turns() {
    let pace = Pace { events_per_second: 5_000, seconds: 0.5, turns: Turns::All };
    let script = Script::new()
        .on("turn/start", [Action::turn(Turn::held())])
        .on("pace", [Action::pace(pace), Action::reply("done")]);
    let mut client = Client::greet(&script);
    let turns = open_turns(&mut client);
    let begin = Instant::now();
    client.request(9_000, "pace", json!({}));
    let mut counts: HashMap<Value, usize> = HashMap::new();
    let mut times = Vec::new();
    for _ in 0..2_500 {
        let message = client.next();
        let params = &message["params"];
        let time = params["delta"].as_str().and_then(|text| text.strip_suffix(' '));
        times.push(time.expect("a time").parse::<u64>().expect("a number"));
        *counts.entry(params["turnId"].clone()).or_default() += 1;
    }
    assert_eq!(client.next()["result"], "done");
    assert!(times.is_sorted());
    assert!(begin.elapsed() >= Duration::from_millis(499), "the last delta is due after half a second");
    assert_eq!(counts.len(), turns.len());
    assert!(counts.values().all(|count| (2..=3).contains(count)));
}

#[test]
fn paced_deltas_can_stay_in_one_turn() {
    let pace = Pace { events_per_second: 1_000, seconds: 0.02, turns: Turns::This };
    let script = Script::new().then_on("turn/start", [Action::turn(Turn::held())]).then_on(
        "turn/start",
        [Action::turn(Turn::held()), Action::pace(pace), Action::finish_turn(FinishTurn::default())],
    );
    let (mut client, first) = Client::with_thread(&script);
    let second = client.start_thread(2);
    client.start_turn(3, &first, "one");
    client.start_turn(4, &second, "two");
    let messages = client.until("turn/completed");
    let deltas = messages.iter();
    let deltas = deltas.filter(|message| message["method"] == "item/agentMessage/delta");
    let threads: Vec<_> = deltas.map(|delta| &delta["params"]["threadId"]).collect();
    assert_eq!(threads, vec![second.as_str(); 20]);
}
