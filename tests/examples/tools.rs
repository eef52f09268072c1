use fake_runtime::{Action, FinishTurn, Script, Turn};
use scripted_model::Response;
use serde_json::json;

use crate::stage::{live, show};
use crate::support::fake;

#[test]
fn tools_lets_the_agent_look_things_up_in_a_table_of_the_program() {
    let call = json!({"threadId": "$threadId", "turnId": "$turnId", "callId": "call-1", "namespace": null,
        "tool": "find_orders", "arguments": {"customer": "Ada"}});
    let asks = Action::request(7, "item/tool/call", call);
    let says =
        FinishTurn { with: Turn { text: Some("Ada owes 92.15.".into()), ..Turn::default() }, ..FinishTurn::default() };
    let turn = [Action::turn(Turn::held()), asks, Action::wait_answer(7), Action::finish_turn(says)];
    fake::play(Script::new().on("turn/start", turn), |fake| {
        let shown = show("tools", &[], fake);
        assert_eq!(shown, "[looked up Ada: 3 orders]\nAda owes 92.15.\n");
        assert_eq!(fake.calls("thread/start")[0]["dynamicTools"][0]["name"], "find_orders");
        let answer = &fake.answers()[0];
        for row in ["loom cards: 12.50, paid", "brass wheels: 89.00, open", "ink: 3.15, open"] {
            assert!(answer.contains(row), "{answer}");
        }
        assert!(!answer.contains("tea"), "{answer}");
    });
}

#[test]
fn tools_answers_a_model_that_asks_through_the_real_runtime() {
    let asks = Response::new().call("1", "find_orders", json!({"customer": "Ada"}));
    live([asks, Response::text(["Ada owes 92.15."])], |world| {
        assert_eq!(show("tools", &[], world), "[looked up Ada: 3 orders]\nAda owes 92.15.\n");
        assert!(world.told("1").contains("brass wheels: 89.00, open"), "{}", world.told("1"));
    });
}
