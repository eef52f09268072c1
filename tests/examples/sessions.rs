use fake_runtime::{Action, Script, Turn};
use scripted_model::Response;
use serde_json::json;

use crate::stage::{live, show};
use crate::support::fake;

fn says(text: &str) -> Action {
    Action::turn(Turn { deltas: Some(vec![text.into()]), ..Turn::default() })
}

#[test]
fn sessions_lists_what_is_stored_page_by_page() {
    let page = |id: &str, name: Option<&str>, next: Option<&str>| {
        let thread = json!({"id": id, "name": name, "preview": "a colour?"});
        [Action::reply(json!({"data": [thread], "nextCursor": next}))]
    };
    let script = Script::new()
        .then_on("thread/list", page("thread-1", Some("colours"), Some("after-1")))
        .then_on("thread/list", page("thread-2", None, None));
    fake::play(script, |fake| {
        assert_eq!(show("sessions", &[], fake), "thread-1  colours\nthread-2  a colour?\n");
        assert_eq!(fake.calls("thread/list"), [json!({}), json!({"cursor": "after-1"})]);
    });
}

#[test]
fn sessions_goes_on_with_a_conversation_or_with_its_copy() {
    let copy = Action::reply(json!({"thread": {"id": "thread-2"}}));
    fake::play(Script::new().on("turn/start", [says("blue")]).on("thread/fork", [copy]), |fake| {
        assert_eq!(show("sessions", &["resume", "thread-1", "And now?"], fake), "[thread-1] blue\n");
        assert_eq!(show("sessions", &["fork", "thread-1", "And if not?"], fake), "[thread-2] blue\n");
        assert_eq!(fake.calls("thread/fork"), [json!({"threadId": "thread-1"})]);
    });
}

#[test]
fn sessions_puts_a_conversation_away() {
    fake::play(Script::new().on("thread/archive", [Action::reply(json!({}))]), |fake| {
        assert_eq!(show("sessions", &["archive", "thread-1"], fake), "");
        assert_eq!(fake.calls("thread/archive"), [json!({"threadId": "thread-1"})]);
    });
}

#[test]
fn sessions_copies_lists_and_puts_away_what_the_real_runtime_has_stored() {
    live(["Blue.", "Blue, still.", "Or red."].map(|answer| Response::text([answer])), |world| {
        let id = |shown: &str| shown[1..].split(']').next().expect("an id").to_owned();
        let of = |arguments: &[&str]| show("sessions", arguments, world);
        show("quickstart", &["Which colour?"], world);
        let first = of(&[]).split("  ").next().expect("an id").to_owned();
        assert_eq!(of(&["resume", &first, "And now?"]), format!("[{first}] Blue, still.\n"));
        let copy = id(&of(&["fork", &first, "And if not?"]));
        assert_ne!(copy, first);
        let asked = world.model.requests().pop().expect("the model was asked").user_texts();
        assert!(
            ["Which colour?", "And now?", "And if not?"].iter().all(|it| asked.contains(&(*it).to_owned())),
            "{asked:?}"
        );
        let listed = of(&[]);
        assert!(listed.contains(&first) && listed.contains(&copy) && listed.contains("Which colour?"), "{listed}");
        assert_eq!(of(&["archive", &copy]), "");
        assert!(!of(&[]).contains(&copy));
    });
}
