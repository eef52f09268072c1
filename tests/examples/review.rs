use fake_runtime::{Action, Script, Turn};
use serde_json::json;

use crate::stage::show;
use crate::support::fake;

#[test]
fn review_shows_what_the_reviewer_runs_and_what_it_found() {
    let command = json!({"type": "commandExecution", "id": "call", "command": "git diff main"});
    let turn = Turn { items: vec![command], deltas: Some(vec!["No findings.".into()]), ..Turn::default() };
    fake::play(Script::new().on("review/start", [Action::turn(turn)]), |fake| {
        assert_eq!(show("review", &["main"], fake), "$ git diff main\n\nNo findings.\n");
        assert_eq!(fake.calls("review/start")[0]["target"], json!({"type": "baseBranch", "branch": "main"}));
    });
}
