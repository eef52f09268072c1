use fake_runtime::{Action, Script};
use serde_json::json;

use crate::stage::show;
use crate::support::fake;

#[test]
fn login_shows_the_code_and_waits_for_the_person() {
    let begun = json!({"type": "chatgptDeviceCode", "loginId": "login-1", "userCode": "ABCD-1234",
                       "verificationUrl": "https://example.com/device"});
    let ended = json!({"loginId": "login-1", "success": true, "error": null});
    let script = Script::new()
        .on(
            "account/login/start",
            [Action::reply(begun), Action::sleep_ms(50), Action::notify("account/login/completed", ended)],
        )
        .on("account/read", [Action::reply(json!({"account": {"type": "chatgpt"}}))]);
    fake::play(script, |fake| {
        let expected = "Open https://example.com/device on any device and type ABCD-1234\n\
                        Logged in: {\"account\":{\"type\":\"chatgpt\"}}\n";
        assert_eq!(show("login", &[], fake), expected);
    });
}
