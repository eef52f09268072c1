use std::io::Write;

use fake_runtime::{Action, Script, Turn};

use crate::stage::{output, start};
use crate::support::fake;

#[test]
fn poll_shows_two_turns_and_interrupts_the_one_whose_number_is_typed() {
    let held = Turn { deltas: Some(vec!["held".into()]), ..Turn::held() };
    let short = Turn { deltas: Some(vec!["short".into()]), ..Turn::default() };
    let script = Script::new().then_on("turn/start", [Action::turn(held)]).then_on("turn/start", [Action::turn(short)]);
    fake::play(script, |fake| {
        let mut poll = start("poll", &[], fake);
        let mut keyboard = poll.stdin.take().expect("a pipe");
        keyboard.write_all(b"1\n").expect("the example reads");
        let shown = output(poll);
        drop(keyboard);
        assert!(shown.contains("[1: the turn was interrupted]"), "{shown}");
        assert!(shown.contains("[2] short") && shown.contains("[2 is done]"), "{shown}");
    });
}

#[test]
fn the_end_of_its_input_interrupts_both_turns_of_poll() {
    let script = Script::new().on("turn/start", [Action::turn(Turn::held())]);
    fake::play(script, |fake| {
        let mut poll = start("poll", &[], fake);
        drop(poll.stdin.take());
        let shown = output(poll);
        for number in [1, 2] {
            assert!(shown.contains(&format!("[{number}: the turn was interrupted]")), "{shown}");
        }
    });
}
