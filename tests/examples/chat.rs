use scripted_model::Response;

use crate::stage::{End, end, live, output, start, type_in};

#[test]
fn chat_takes_line_after_line_and_the_agent_knows_what_was_said() {
    live([Response::text(["A ", "clock."]), Response::text(["In C."])], |world| {
        let mut chat = start("chat", &[], world);
        type_in(&mut chat, "What is this?\nIn which language?\n");
        assert_eq!(output(chat), "> A clock.\n> In C.\n> ");
        let asked = world.model.requests().pop().expect("the model was asked").user_texts();
        assert!(asked.ends_with(&["What is this?".to_owned(), "In which language?".to_owned()]), "{asked:?}");
    });
}

#[test]
fn chat_goes_on_after_a_turn_that_failed() {
    live([Response::usage_limit_reached(), Response::text(["Yes."])], |world| {
        let mut chat = start("chat", &[], world);
        type_in(&mut chat, "Are you there?\nAnd now?\n");
        let End { code, shown, complaint } = end(chat);
        assert_eq!((code, shown.as_str()), (Some(0), "> \n> Yes.\n> "));
        assert!(complaint.starts_with("chat: ") && complaint.contains("usage limit"), "{complaint}");
    });
}
