//! What the runtimes know and do not know: fields that came later than the oldest runtime, and values that went.
//!
//! A runtime ignores a field that it does not know without a word, so such a call is refused before it is sent. The tables hold
//! what differs between released runtimes; a test compares them with the schemas that the runtimes give of themselves.

use std::fmt;

use super::error::{Error, Result, Status};
use super::json::{member, members, string};

/// A released version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Release(u32, u32, u32);

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

/// Fields by method, with the release that was the first to know them.
const FIELDS: &[(Release, &str, &[&str])] = &[
    (Release(0, 151, 0), "turn/start", &["serviceTierForTurn", "toolOutput", "turnTrigger"]),
    (Release(0, 151, 0), "thread/resume", &["excludeTurns"]),
    (Release(0, 151, 0), "thread/fork", &["excludeTurns"]),
    (Release(0, 164, 0), "thread/fork", &["experimentalDisablePredictionMcp"]),
    (Release(0, 164, 0), "thread/realtime/start", &["voiceSessionId"]),
    (Release(0, 164, 0), "turn/start", &["responsesapiClientMetadataPatch"]),
    (Release(0, 164, 0), "turn/steer", &["responsesapiClientMetadataPatch"]),
    (Release(0, 165, 0), "thread/fork", &["attachToSource"]),
    (Release(0, 165, 0), "thread/list", &["attachedToThreadId"]),
    (Release(0, 165, 0), "thread/sample", &["threadSource"]),
    (Release(0, 166, 0), "hooks/list", &["threadId"]),
    (Release(0, 169, 0), "account/gatewayOAuth/login", &["deviceAuth", "modelProvider"]),
    (Release(0, 169, 0), "account/gatewayOAuth/read", &["modelProvider"]),
    (Release(0, 169, 0), "mcpServer/resource/read", &["_meta"]),
    (Release(0, 169, 0), "model/list", &["modelProvider"]),
    (Release(0, 169, 0), "thread/items/list", &["deferOutput"]),
    (Release(0, 169, 0), "thread/list", &["currentAccountOnly", "includeAttachedThreads"]),
    (Release(0, 169, 0), "thread/queue/add", &["responsesapiClientMetadata"]),
    (Release(0, 169, 0), "thread/queue/update", &["responsesapiClientMetadata"]),
    (Release(0, 169, 0), "thread/sample", &["allowInProgressTurn", "interruptOnCancel"]),
    (Release(0, 169, 0), "thread/search", &["currentAccountOnly", "includeAttachedThreads"]),
    (Release(0, 169, 0), "thread/settings/update", &["environments"]),
    (Release(0, 169, 0), "turn/settings/update", &["environments"]),
];

/// A value that runtimes do not take any more.
struct Retired {
    since: Release,
    methods: &'static [&'static str],
    /// The member that has it, or a member of a member.
    field: &'static [&'static str],
    value: &'static str,
    instead: &'static str,
}

const THREADS: &[&str] = &["thread/start", "thread/resume", "thread/fork"];
const THREADS_AND_TURNS: &[&str] =
    &["thread/start", "thread/resume", "thread/fork", "turn/start", "thread/settings/update"];

const RETIRED: &[Retired] = &[
    Retired {
        since: Release(0, 163, 0),
        methods: THREADS_AND_TURNS,
        field: &["approvalPolicy"],
        value: "on-failure",
        instead: "use \"on-request\", by which the agent asks when it needs more than the sandbox allows",
    },
    Retired {
        since: Release(0, 163, 0),
        methods: THREADS,
        field: &["config", "approval_policy"],
        value: "untrusted",
        instead: INSTEAD_OF_UNTRUSTED,
    },
    Retired {
        since: Release(0, 166, 0),
        methods: &["review/start"],
        field: &["delivery"],
        value: "detached",
        instead: "start or fork a thread and review on that one, with the delivery \"inline\"",
    },
];

const INSTEAD_OF_UNTRUSTED: &str =
    "use approval_policy=\"on-request\", or pass \"approvalPolicy\":\"untrusted\" when a thread is started";

/// Which runtime answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuntimeVersion {
    /// A release, or a build after it.
    Release(Reported),
    /// Built from source: it may know anything.
    Source,
    /// It says something that is no version.
    Unknown(String),
}

/// A version as the runtime reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reported {
    release: Release,
    stage: Stage,
    text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Before the release: what came with it may be missing.
    Before,
    Released,
}

impl RuntimeVersion {
    /// The version that a text tells.
    pub fn of(text: &str) -> Self {
        let text = text.trim().to_owned();
        match read(&text) {
            Some((Release(0, 0, 0), _)) => Self::Source,
            Some((release, stage)) => Self::Release(Reported { release, stage, text }),
            None => Self::Unknown(text),
        }
    }

    fn knows(&self, since: Release) -> bool {
        match self {
            Self::Release(Reported { release, stage: Stage::Before, .. }) => *release > since,
            Self::Release(Reported { release, stage: Stage::Released, .. }) => *release >= since,
            Self::Source => true,
            Self::Unknown(_) => false,
        }
    }

    fn has_retired(&self, since: Release) -> bool {
        matches!(self, Self::Release(reported) if reported.release >= since)
    }
}

impl fmt::Display for RuntimeVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Release(reported) => write!(f, "{}", reported.text),
            Self::Source => f.write_str("0.0.0"),
            Self::Unknown(text) => write!(f, "\"{text}\", which is no version"),
        }
    }
}

/// `0.151.0`, `0.151.0-alpha.6`, `0.151.0.post1`.
fn read(text: &str) -> Option<(Release, Stage)> {
    let mut numbers = text.splitn(3, '.');
    let major = numbers.next()?.parse().ok()?;
    let minor = numbers.next()?.parse().ok()?;
    let rest = numbers.next()?;
    let end = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
    let (patch, suffix) = rest.split_at(end);
    let is_released = suffix.is_empty() || suffix.starts_with('+') || suffix.starts_with(".post");
    let stage = if is_released { Stage::Released } else { Stage::Before };
    Some((Release(major, minor, patch.parse().ok()?), stage))
}

/// Fails a call that this runtime would not understand, by the name of what it does not know.
pub fn check(runtime: &RuntimeVersion, method: &str, params: &str) -> Result<()> {
    check_fields(runtime, method, params)?;
    check_values(runtime, method, params)
}

fn check_fields(runtime: &RuntimeVersion, method: &str, params: &str) -> Result<()> {
    let later = FIELDS.iter().filter(|(since, of, _)| *of == method && !runtime.knows(*since));
    let later: Vec<(Release, &str)> =
        later.flat_map(|(since, _, fields)| fields.iter().map(|field| (*since, *field))).collect();
    if later.is_empty() {
        return Ok(());
    }
    let mut unknown: Vec<(Release, &str)> = Vec::new();
    for given in members(params).into_iter().flatten().filter(|given| given.value != "null") {
        unknown.extend(later.iter().filter(|(_, field)| *field == given.key));
    }
    let Some(since) = unknown.iter().map(|(since, _)| *since).max() else { return Ok(()) };
    let names: Vec<&str> = unknown.iter().map(|(_, field)| *field).collect();
    let message = format!(
        "{method} with {} needs the Codex runtime {since} or newer, and the one that is connected is {runtime}; install a newer one, or leave that out",
        names.join(", ")
    );
    Err(Error::new(Status::RuntimeUnsupported, message).with_reason("unsupportedParams"))
}

fn check_values(runtime: &RuntimeVersion, method: &str, params: &str) -> Result<()> {
    for retired in RETIRED.iter().filter(|retired| retired.methods.contains(&method)) {
        let value = retired.field.iter().try_fold(params, |object, key| member(object, key)).and_then(string);
        if value.as_deref() == Some(retired.value) && runtime.has_retired(retired.since) {
            let message = format!(
                "{method} with {} \"{}\": the Codex runtime {runtime} has retired that value; {}",
                retired.field.join("."),
                retired.value,
                retired.instead
            );
            return Err(Error::new(Status::RuntimeUnsupported, message).with_reason("retiredValue"));
        }
    }
    Ok(())
}

/// What to do about a configuration with which a runtime refused to start, from its standard error.
pub fn advice_on_start(stderr: &str) -> Option<&'static str> {
    let is_retired = stderr.contains("approval_policy = \"untrusted\" is no longer supported");
    is_retired.then_some(INSTEAD_OF_UNTRUSTED)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(version: &str, method: &str, params: &str) -> Option<Error> {
        check(&RuntimeVersion::of(version), method, params).err()
    }

    #[test]
    fn a_field_that_came_later_is_refused_by_name() {
        for version in ["0.147.0", "0.149.0", "0.151.0-alpha.6", "unknown", ""] {
            for field in ["toolOutput", "turnTrigger", "serviceTierForTurn"] {
                let error = refusal(version, "turn/start", &format!("{{\"threadId\":\"t\",\"{field}\":\"x\"}}"));
                let error = error.unwrap_or_else(|| panic!("{field} with {version}"));
                assert_eq!((error.status(), error.reason()), (Status::RuntimeUnsupported, "unsupportedParams"));
                let named = [field, "0.151.0 or newer", version];
                assert!(named.iter().all(|word| error.message().contains(word)), "{error}");
            }
            assert!(refusal(version, "thread/resume", r#"{"excludeTurns":false}"#).is_some());
        }
        let both =
            refusal("0.163.0", "thread/fork", r#"{"attachToSource":true,"experimentalDisablePredictionMcp":true}"#);
        let message = both.unwrap().message().to_owned();
        assert!(message.contains("attachToSource, experimentalDisablePredictionMcp needs the Codex runtime 0.165.0"));
    }

    #[test]
    fn a_runtime_that_knows_a_field_gets_it() {
        for version in ["0.151.0", "0.153.0", "0.154.0-alpha.1", "0.154.0-alpha.1.2", "0.151.0.post1", "1.0.0", "0.0.0"]
        {
            assert!(refusal(version, "turn/start", r#"{"toolOutput":{}}"#).is_none(), "{version}");
        }
    }

    #[test]
    fn a_field_of_a_method_that_came_later_too_is_refused_by_name() {
        let sample = |version, field: &str| refusal(version, "thread/sample", &format!("{{\"{field}\":true}}"));
        assert!(sample("0.164.0", "threadSource").is_some() && sample("0.165.0", "threadSource").is_none());
        assert!(sample("0.166.0", "interruptOnCancel").is_some() && sample("0.169.0", "interruptOnCancel").is_none());
    }

    #[test]
    fn ordinary_calls_go_to_any_runtime() {
        for version in ["0.100.0", "unknown", ""] {
            assert!(refusal(version, "turn/start", r#"{"input":[],"toolOutput":null,"future":1}"#).is_none());
            assert!(refusal(version, "future/method", r#"{"toolOutput":1}"#).is_none());
        }
    }

    #[test]
    fn a_retired_value_is_refused_with_what_replaced_it() {
        for (method, params, instead) in [
            ("turn/start", r#"{"approvalPolicy":"on-failure"}"#, "use \"on-request\""),
            ("thread/start", r#"{"config":{"approval_policy":"untrusted"}}"#, "use approval_policy=\"on-request\""),
            ("review/start", r#"{"delivery":"detached"}"#, "start or fork a thread"),
        ] {
            let error = refusal("0.169.0", method, params).unwrap();
            assert_eq!((error.status(), error.reason()), (Status::RuntimeUnsupported, "retiredValue"));
            assert!(error.message().contains(instead) && error.message().contains("0.169.0"), "{error}");
        }
        assert!(refusal("0.165.0", "review/start", r#"{"delivery":"detached"}"#).is_none());
        assert!(refusal("0.169.0", "thread/start", r#"{"approvalPolicy":"untrusted"}"#).is_none());
        assert!(refusal("0.169.0", "thread/start", r#"{"approvalPolicy":{"granular":{}}}"#).is_none());
    }

    #[test]
    fn a_start_that_failed_for_a_retired_value_is_told_what_replaced_it() {
        let stderr = "Error: approval_policy = \"untrusted\" is no longer supported; remove this setting";
        assert_eq!(advice_on_start(stderr), Some(INSTEAD_OF_UNTRUSTED));
        assert_eq!(advice_on_start("Error: something else"), None);
    }
}
