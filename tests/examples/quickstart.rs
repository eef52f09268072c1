use scripted_model::{Message, Response};
use serde_json::json;

use crate::stage::{live, show};

#[test]
fn quickstart_shows_the_answer_the_items_the_usage_and_the_whole_result() {
    let looks = Response::new().message(Message::new("I look.").phase("commentary"));
    live([looks.call_exec("call_1", json!({"cmd": "ls"})), Response::text(["An empty ", "one."])], |world| {
        let shown = show("quickstart", &["What is here?"], world);
        assert!(shown.starts_with("I look.An empty one.\n\nThe turn is completed. Its items:\n"), "{shown}");
        for line in ["  userMessage       What is here?\n", "  commandExecution  ", "Tokens: 20 in, 10 out.\n"] {
            assert!(shown.contains(line), "{line} is missing in {shown}");
        }
        assert!(shown.contains(r#""finalResponse":"An empty one.""#), "{shown}");
    });
}
