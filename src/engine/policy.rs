//! The parameters that the library adds to those of the protocol: `approvalMode`, `sandbox`, `includeTurns`, `limits`, `raw`.

use super::client::parse_object;
use super::error::{Error, Result};
use super::json::{Object, kind_name, string};
use super::limits::Limits;

/// Takes `limits` out of the parameters of a call.
pub(super) fn take_limits(params: &mut Object, base: Limits) -> Result<Limits> {
    match params.take("limits").filter(|limits| limits != "null") {
        Some(limits) => base.changed_by(&limits),
        None => Ok(base),
    }
}

/// Puts the parameters of a thread into the words of the protocol.
pub(super) fn translate_for_thread(params: &mut Object) -> Result<()> {
    translate_approval_mode(params)?;
    if let Some(mode) = params.get("sandbox") {
        sandbox_word(mode)?;
    }
    if let Some(include) = params.take("includeTurns") {
        let exclude = match &*include {
            "true" => "false",
            "false" => "true",
            _ => return Err(Error::invalid_argument(format!("includeTurns is true or false, not {include}"))),
        };
        params.set_raw("excludeTurns", exclude);
    }
    unwrap_raw(params)
}

/// Puts the parameters of a turn into the words of the protocol.
pub(super) fn translate_for_turn(params: &mut Object) -> Result<()> {
    translate_approval_mode(params)?;
    if let Some(mode) = params.take("sandbox") {
        let policy = match &*sandbox_word(&mode)? {
            "read-only" => r#"{"type":"readOnly","networkAccess":false}"#,
            "workspace-write" => r#"{"type":"workspaceWrite"}"#,
            _ => r#"{"type":"dangerFullAccess"}"#,
        };
        params.set_raw("sandboxPolicy", policy);
    }
    unwrap_raw(params)
}

fn translate_approval_mode(params: &mut Object) -> Result<()> {
    let Some(mode) = params.take("approvalMode") else { return Ok(()) };
    match string(&mode).as_deref() {
        Some("ask") => set_approvals(params, "on-request", Some("user")),
        Some("autoReview") => set_approvals(params, "on-request", Some("auto_review")),
        Some("denyAll") => set_approvals(params, "never", None),
        _ => {
            return Err(Error::invalid_argument(format!(
                "approvalMode is \"ask\", \"autoReview\" or \"denyAll\", not {mode}"
            )));
        }
    }
    Ok(())
}

fn set_approvals(params: &mut Object, policy: &str, reviewer: Option<&str>) {
    params.set_string("approvalPolicy", policy);
    if let Some(reviewer) = reviewer {
        params.set_string("approvalsReviewer", reviewer);
    }
}

fn sandbox_word(mode: &str) -> Result<String> {
    const WORDS: [&str; 3] = ["read-only", "workspace-write", "danger-full-access"];
    string(mode).filter(|word| WORDS.contains(&&**word)).ok_or_else(|| {
        Error::invalid_argument(format!(
            "sandbox is \"read-only\", \"workspace-write\" or \"danger-full-access\", not {mode}"
        ))
    })
}

/// Fields that are handed to the runtime untouched, whatever their names.
pub(super) fn unwrap_raw(params: &mut Object) -> Result<()> {
    let Some(raw) = params.take("raw") else { return Ok(()) };
    if !raw.starts_with('{') {
        return Err(Error::invalid_argument(format!("raw must be a JSON object, not {}", kind_name(&raw))));
    }
    params.extend(parse_object("raw fields", Some(&raw))?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thread(params: &str) -> Result<String> {
        let mut params = Object::parse(params).unwrap();
        translate_for_thread(&mut params).map(|()| params.to_json())
    }

    fn turn(params: &str) -> Result<String> {
        let mut params = Object::parse(params).unwrap();
        translate_for_turn(&mut params).map(|()| params.to_json())
    }

    #[test]
    fn approval_modes_become_policy_and_reviewer() {
        let ask = r#"{"approvalPolicy":"on-request","approvalsReviewer":"user"}"#;
        assert_eq!(thread(r#"{"approvalMode":"ask"}"#).unwrap(), ask);
        assert_eq!(turn(r#"{"approvalMode":"ask"}"#).unwrap(), ask);
        assert_eq!(turn(r#"{"approvalMode":"denyAll"}"#).unwrap(), r#"{"approvalPolicy":"never"}"#);
        assert!(thread(r#"{"approvalMode":"yes"}"#).is_err());
    }

    #[test]
    fn the_sandbox_is_a_word_for_a_thread_and_a_policy_for_a_turn() {
        assert_eq!(thread(r#"{"sandbox":"read-only"}"#).unwrap(), r#"{"sandbox":"read-only"}"#);
        assert_eq!(
            turn(r#"{"sandbox":"danger-full-access"}"#).unwrap(),
            r#"{"sandboxPolicy":{"type":"dangerFullAccess"}}"#
        );
        assert!(turn(r#"{"sandbox":"full-access"}"#).is_err());
        assert!(thread(r#"{"sandbox":5}"#).is_err());
    }

    #[test]
    fn a_sandbox_of_a_turn_says_nothing_of_the_roots_and_the_network_that_are_configured() {
        assert_eq!(turn(r#"{"sandbox":"workspace-write"}"#).unwrap(), r#"{"sandboxPolicy":{"type":"workspaceWrite"}}"#);
    }

    #[test]
    fn include_turns_is_said_only_when_asked() {
        assert_eq!(thread("{}").unwrap(), "{}");
        assert_eq!(thread(r#"{"includeTurns":true}"#).unwrap(), r#"{"excludeTurns":false}"#);
        assert_eq!(thread(r#"{"includeTurns":false}"#).unwrap(), r#"{"excludeTurns":true}"#);
    }

    #[test]
    fn raw_fields_and_unknown_fields_pass_untouched() {
        let params = r#"{"future":{"x":1.50},"raw":{"sandbox":{"new":true},"limits":1}}"#;
        assert_eq!(turn(params).unwrap(), r#"{"future":{"x":1.50},"sandbox":{"new":true},"limits":1}"#);
        assert!(turn(r#"{"raw":[]}"#).is_err());
    }
}
