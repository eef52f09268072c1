//! The parameters that the library adds to those of the protocol: `approvalMode`, `sandbox`, `includeTurns`, `limits`, `raw`.

use super::error::{Error, Result};
use super::host_json::parse_object;
use super::json::{Object, kind_name, member, string};
use super::limits::Limits;

/// The sandbox of a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TurnSandbox {
    /// What the params say, or else that of the turn before.
    AsSaid,
    /// The workspace can be written, and all else is as the runtime is configured.
    ConfiguredWorkspace,
}

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

/// Puts the parameters of a turn into the words of the protocol, but for a sandbox whose policy must be asked for.
pub(super) fn translate_for_turn(params: &mut Object) -> Result<TurnSandbox> {
    translate_approval_mode(params)?;
    let mode = params.take("sandbox").map(|mode| sandbox_word(&mode)).transpose()?;
    let (policy, sandbox) = match mode.as_deref() {
        Some("read-only") => (Some(r#"{"type":"readOnly","networkAccess":false}"#), TurnSandbox::AsSaid),
        Some("danger-full-access") => (Some(r#"{"type":"dangerFullAccess"}"#), TurnSandbox::AsSaid),
        Some(_) => (None, TurnSandbox::ConfiguredWorkspace),
        None => (None, TurnSandbox::AsSaid),
    };
    if let Some(policy) = policy {
        params.set_raw("sandboxPolicy", policy);
    }
    unwrap_raw(params)?;
    Ok(sandbox)
}

/// The parameters of input for a turn that runs: what counts from the beginning of a turn cannot be changed by it, and the
/// runtime would pass over it without a word.
pub(super) fn translate_for_steering(params: &mut Object) -> Result<()> {
    const FROM_THE_BEGINNING: [&str; 4] = ["approvalMode", "sandbox", "limits", "toolOutput"];
    if let Some(field) = FROM_THE_BEGINNING.into_iter().find(|field| params.contains(field)) {
        return Err(Error::invalid_argument(format!(
            "{field} belongs to the beginning of a turn, and this one runs already: wait for its end or interrupt it, and start another"
        )));
    }
    unwrap_raw(params)
}

/// The policy of a thread that was opened in a workspace that can be written.
pub(super) fn workspace_of_thread(info: &str) -> Option<&str> {
    let policy = member(info, "sandbox")?;
    (member(policy, "type") == Some("\"workspaceWrite\"")).then_some(policy)
}

/// The policy that the configuration of the runtime makes of a workspace that can be written. The roots are not in it: the
/// runtime adds those that are configured to any policy, and to this one only those.
pub(super) fn workspace_of_config(answer: &str) -> String {
    const FIELDS: [(&str, &str); 3] = [
        ("network_access", "networkAccess"),
        ("exclude_tmpdir_env_var", "excludeTmpdirEnvVar"),
        ("exclude_slash_tmp", "excludeSlashTmp"),
    ];
    let configured = member(answer, "config").and_then(|config| member(config, "sandbox_workspace_write"));
    let mut policy = Object::new();
    policy.set_string("type", "workspaceWrite");
    for (name, field) in FIELDS {
        if let Some(value) = configured.and_then(|configured| member(configured, name)) {
            policy.set_raw(field, value);
        }
    }
    policy.to_json()
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
    params.extend(parse_object("the raw fields", Some(&raw))?);
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
        translate_for_turn(&mut params).map(|_| params.to_json())
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
    fn a_turn_that_runs_is_given_nothing_that_belongs_to_its_beginning() {
        for field in ["approvalMode", "sandbox", "limits", "toolOutput"] {
            let mut params = Object::parse(&format!(r#"{{"{field}":{{}}}}"#)).unwrap();
            let error = translate_for_steering(&mut params).unwrap_err();
            assert!(error.message().starts_with(field), "{error}");
        }
        let mut params = Object::parse(r#"{"clientUserMessageId":"m","raw":{"limits":1}}"#).unwrap();
        translate_for_steering(&mut params).unwrap();
        assert_eq!(params.to_json(), r#"{"clientUserMessageId":"m","limits":1}"#);
    }

    #[test]
    fn a_workspace_of_a_turn_is_as_it_is_configured() {
        let mut params = Object::parse(r#"{"sandbox":"workspace-write"}"#).unwrap();
        assert_eq!(translate_for_turn(&mut params).unwrap(), TurnSandbox::ConfiguredWorkspace);
        assert_eq!(params.to_json(), "{}");
        let configured = r#"{"writable_roots":["/a"],"network_access":true,"exclude_slash_tmp":true}"#;
        assert_eq!(
            workspace_of_config(&format!(r#"{{"config":{{"sandbox_workspace_write":{configured}}}}}"#)),
            r#"{"type":"workspaceWrite","networkAccess":true,"excludeSlashTmp":true}"#
        );
        for nothing in [r#"{"config":{"sandbox_workspace_write":null}}"#, r#"{"config":{}}"#] {
            assert_eq!(workspace_of_config(nothing), r#"{"type":"workspaceWrite"}"#);
        }
    }

    #[test]
    fn a_thread_in_a_workspace_has_its_policy() {
        let policy = r#"{"type":"workspaceWrite","networkAccess":true}"#;
        assert_eq!(workspace_of_thread(&format!(r#"{{"sandbox":{policy}}}"#)), Some(policy));
        assert_eq!(workspace_of_thread(r#"{"sandbox":{"type":"readOnly"}}"#), None);
        assert_eq!(workspace_of_thread("{}"), None);
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
