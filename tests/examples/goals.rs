use fake_runtime::{Action, Script};
use serde_json::json;

use crate::stage::show;
use crate::support::fake;

#[test]
fn goals_shows_what_all_turns_of_a_goal_say_and_what_they_took() {
    let ids = |params: serde_json::Value| {
        let mut params = params;
        params["threadId"] = "$threadId".into();
        params
    };
    let turn = |id: &str, method: &str, status: &str, at: i64| {
        let turn = json!({"id": id, "status": status, "startedAt": at, "completedAt": at + 1, "error": null});
        Action::notify(method, ids(json!({ "turn": turn })))
    };
    let says = |id: &str, text: &str| {
        let item = json!({"type": "agentMessage", "id": text, "phase": "final_answer", "text": text});
        let usage = json!({"last": {"totalTokens": 15}});
        [
            Action::notify("item/agentMessage/delta", ids(json!({"turnId": id, "itemId": text, "delta": text}))),
            Action::notify("item/completed", ids(json!({"turnId": id, "item": item}))),
            Action::notify("thread/tokenUsage/updated", ids(json!({"turnId": id, "tokenUsage": usage}))),
        ]
    };
    let goal = |status: &str| Action::notify("thread/goal/updated", ids(json!({"goal": {"status": status}})));
    let first = [turn("one", "turn/started", "inProgress", 100)].into_iter().chain(says("one", "half of it"));
    let second = [turn("two", "turn/started", "inProgress", 102)].into_iter().chain(says("two", "all of it"));
    let pursued = [Action::reply(json!({"goal": {"status": "active"}})), goal("active")]
        .into_iter()
        .chain(first)
        .chain([turn("one", "turn/completed", "completed", 100)])
        .chain(second)
        .chain([goal("complete"), turn("two", "turn/completed", "completed", 102)]);
    let script = Script::new()
        .on("thread/goal/clear", [Action::reply(json!({"cleared": false}))])
        .on("thread/goal/set", pursued);
    fake::play(script, |fake| {
        let shown = show("goals", &["Do it all."], fake);
        assert_eq!(shown, "half of it\nall of it\n\nThe goal took 30 tokens in 3 seconds.\n");
        assert_eq!(fake.calls("thread/goal/set")[0]["objective"], "Do it all.");
    });
}
