//! Every notification of the runtime has a kind of event, or is left to its method on purpose.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use codex::engine::event::EventKind;
use codex::engine::method::Method;

use crate::support::follow::parsed;
use crate::support::real::{Version, World, on_both_runtimes};

on_both_runtimes! {
    every_notification_has_a_kind_or_is_left_to_its_method_on_purpose,
}

/// Events of the kind Other: their methods say what they are, and a kind of their own would say no more.
const OTHER: &[&str] = &[
    // Details of an item, a turn or a review by the runtime, which the item itself tells in the end.
    "autoApprovalReview/strictReviewRequired",
    "hook/completed",
    "hook/started",
    "item/autoApprovalReview/completed",
    "item/autoApprovalReview/started",
    "item/commandExecution/terminalInteraction",
    "item/fileChange/patchUpdated",
    "item/mcpToolCall/progress",
    "item/plan/delta",
    "item/reasoning/summaryPartAdded",
    "model/rerouted",
    "model/safetyBuffering/updated",
    "model/verification",
    "turn/moderationMetadata",
    // What became of a thread.
    "thread/archived",
    "thread/attachment/updated",
    "thread/closed",
    "thread/compacted",
    "thread/deleted",
    "thread/environment/connected",
    "thread/environment/disconnected",
    "thread/goal/cleared",
    "thread/goal/updated",
    "thread/name/updated",
    "thread/prediction/updated",
    "thread/project/updated",
    "thread/queue/changed",
    "thread/readState/changed",
    "thread/reverted",
    "thread/section/changed",
    "thread/settings/updated",
    "thread/started",
    "thread/status/changed",
    "thread/unarchived",
    // Talking by voice.
    "thread/realtime/closed",
    "thread/realtime/error",
    "thread/realtime/item/completed",
    "thread/realtime/item/started",
    "thread/realtime/item/transcript/delta",
    "thread/realtime/itemAdded",
    "thread/realtime/outputAudio/delta",
    "thread/realtime/sdp",
    "thread/realtime/started",
    "thread/realtime/transcript/delta",
    "thread/realtime/transcript/done",
    // The account and the surroundings of the runtime.
    "account/gatewayOAuth/changed",
    "account/login/completed",
    "account/rateLimits/updated",
    "account/updated",
    "app/list/updated",
    "externalAgentConfig/import/completed",
    "externalAgentConfig/import/progress",
    "mcpServer/event/stream/notification",
    "mcpServer/oauthLogin/completed",
    "mcpServer/startupStatus/updated",
    "modelProvider/authRecoveryCompleted",
    "modelProvider/authRecoveryStarted",
    "project/changed",
    "remoteControl/status/changed",
    "skills/changed",
    "windows/worldWritableWarning",
    "windowsSandbox/setupCompleted",
    // Answers in parts to calls that name their own ids.
    "command/exec/outputDelta",
    "fs/changed",
    "fuzzyFileSearch/sessionCompleted",
    "fuzzyFileSearch/sessionUpdated",
    "process/exited",
    "process/outputDelta",
];

/// The methods of a runtime's notifications, as it describes them itself.
fn described(world: &World) -> BTreeSet<String> {
    let schema = world.work().join("schema");
    let mut describe = Command::new(world.version().executable());
    describe.args(["app-server", "generate-json-schema", "--experimental", "--out"]).arg(&schema);
    let done = describe.env("CODEX_HOME", world.codex_home()).output().expect("the runtime can be run");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let text = fs::read_to_string(schema.join("ServerNotification.json")).expect("the schema of notifications");
    let variants = parsed(&text)["oneOf"].as_array().expect("variants").clone();
    let methods = variants.iter().map(|variant| variant["properties"]["method"]["enum"][0].as_str());
    methods.map(|method| method.expect("a method").to_owned()).collect()
}

fn is_mapped(method: &str) -> bool {
    Method::of(method).kind != EventKind::Other
}

fn every_notification_has_a_kind_or_is_left_to_its_method_on_purpose(world: &World) {
    let described = described(world);
    assert!(described.contains("turn/completed"), "{described:?}");
    let forgotten: Vec<_> =
        described.iter().filter(|method| !is_mapped(method) && !OTHER.contains(&method.as_str())).collect();
    assert!(forgotten.is_empty(), "map them in src/engine/method.rs, or add them to this list: {forgotten:?}");
}

#[test]
fn the_list_of_others_names_what_a_runtime_sends_and_nothing_that_has_a_kind() {
    let of = |version| described(&World::new(version));
    let sent: BTreeSet<_> = of(Version::Pinned).union(&of(Version::Old)).cloned().collect();
    let stale: Vec<_> = OTHER.iter().filter(|method| is_mapped(method) || !sent.contains(**method)).collect();
    assert!(stale.is_empty(), "remove them from this list: {stale:?}");
}
