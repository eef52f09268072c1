use scripted_model::{Message, Response};
use serde_json::json;

use crate::stage::{End, end, live, start};

#[test]
fn errors_tells_which_limit_was_crossed_and_what_was_done_until_then() {
    let counts = |at: u32| Response::new().call_exec(format!("call_{at}"), json!({"cmd": format!("echo file {at}")}));
    live((1..=4).map(counts), |world| {
        let End { code, shown, .. } = end(start("errors", &["Count."], world));
        assert_eq!(code, Some(1));
        assert!(shown.starts_with("CODEX_ERROR_LIMIT: "), "{shown}");
        assert!(shown.contains("\nWhat to do: ask for less, or allow more\n"), "{shown}");
        assert!(shown.contains("\nIt was ended by: toolLimit. Until then:\n  userMessage"), "{shown}");
        // The call that crosses the limit begins, and may have come to its end before the interrupt.
        assert!(shown.contains("echo file 3"), "{shown}");
    });
}

#[test]
fn errors_tells_why_a_turn_failed_and_what_was_still_unfinished() {
    let breaks = Response::new().message(Message::new("The first half"));
    let fails = |response: Response| response.failed("server_error", "the model is ill");
    live([fails(breaks)], |world| {
        let End { code, shown, .. } = end(start("errors", &["Count."], world));
        assert_eq!(code, Some(1));
        assert!(shown.starts_with("CODEX_ERROR_TURN_FAILED: "), "{shown}");
        assert!(shown.contains("the model is ill") && shown.contains("The first half"), "{shown}");
        assert!(shown.contains("It was ended by: failed. "), "{shown}");
    });
}
