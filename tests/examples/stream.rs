use std::process::Child;

use scripted_model::{Message, Response};

use crate::stage::{End, end, live, output, read_until, start, type_in};
use crate::support::real::signal;

const ASKS: &str = "What instead? (Enter alone: stop) ";

fn says_half() -> Response {
    Response::new().message(Message::new("Half").hang())
}

fn press_ctrl_c(stream: &mut Child) {
    assert!(signal(stream.id(), "INT"));
    read_until(stream, ASKS);
}

#[test]
fn stream_steers_the_running_turn_with_what_is_typed_after_ctrl_c() {
    live([says_half(), Response::text(["Otherwise."])], |world| {
        let mut stream = start("stream", &["Count."], world);
        read_until(&mut stream, "Half");
        press_ctrl_c(&mut stream);
        type_in(&mut stream, "Count backwards.\n");
        let shown = output(stream);
        assert!(shown.contains("Otherwise.\n\nThe turn is completed.\n"), "{shown}");
        assert_eq!(world.model.requests()[1].last_user_text(), "Count backwards.");
    });
}

#[test]
fn stream_interrupts_the_running_turn_when_nothing_is_typed_after_ctrl_c() {
    live([says_half()], |world| {
        let mut stream = start("stream", &["Count."], world);
        read_until(&mut stream, "Half");
        press_ctrl_c(&mut stream);
        type_in(&mut stream, "\n");
        let End { code, shown, complaint } = end(stream);
        assert_eq!((code, shown.as_str()), (Some(1), "\n\nThe turn is interrupted.\n"));
        assert_eq!(complaint, "stream: the turn was interrupted\n");
    });
}
