use scripted_model::Response;
use serde_json::json;

use crate::stage::{live, show};

#[test]
fn structured_asks_for_a_form_and_reads_its_fields() {
    let file = |path: &str, lines: u32, generated: bool| json!({"path": path, "lines": lines, "generated": generated});
    let answer = json!({"files": [file("src/lib.rs", 1200, false), file("include/codex.h", 2500, true)]});
    live([Response::text([answer.to_string()])], |world| {
        let shown = show("structured", &["Which are the longest?"], world);
        assert_eq!(shown, "    1200  src/lib.rs\n    2500  include/codex.h (generated)\n");
        let format = world.model.requests()[0].body()["text"]["format"].clone();
        assert_eq!(format["type"], "json_schema");
        assert_eq!(format["schema"]["properties"]["files"]["items"]["properties"]["lines"]["type"], "integer");
    });
}
