//! One message, as far as routing needs it: the method, the ids, and where the rest lies.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::scan::scan;
use crate::engine::json::member;

/// The id of a request. The runtime counts its own from 0; both sides may use numbers and strings.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum RpcId {
    /// A whole number.
    Number(i64),
    /// A string.
    Text(String),
}

impl fmt::Display for RpcId {
    /// As JSON.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => f.write_str(&crate::engine::json::quote(text)),
        }
    }
}

/// The ids by which a notification is routed; "" where there is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ids<'a> {
    /// `threadId`, or the id of `thread`.
    pub thread: Cow<'a, str>,
    /// `turnId`, or the id of `turn`.
    pub turn: Cow<'a, str>,
    /// `itemId`, or the id of `item`.
    pub item: Cow<'a, str>,
}

/// A method with its parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification<'a> {
    /// The name of the method.
    pub method: Cow<'a, str>,
    /// The parameters, byte for byte; `{}` when there are none.
    pub params: &'a str,
    /// When the runtime sent it, in milliseconds since 1970; 0 when it does not say.
    pub emitted_at_ms: i64,
    /// What it is routed by.
    pub ids: Ids<'a>,
    /// The text of the parameter `delta`, byte for byte.
    pub delta: Option<&'a str>,
}

/// The error of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RpcError<'a> {
    /// The JSON-RPC code.
    pub code: i64,
    /// The sentence of the runtime.
    pub message: Cow<'a, str>,
    /// The `data`, byte for byte.
    pub data: Option<&'a str>,
}

/// What a runtime answers that is too busy for a call, and has not executed it.
pub(crate) const OVERLOADED: i64 = -32001;

impl RpcError<'_> {
    /// Whether the call may be made again without asking anybody: an overload, unless it says that it is final. Of no other
    /// code is it known that nothing was done.
    pub fn may_be_repeated(&self) -> bool {
        self.code == OVERLOADED && self.says_retryable() != Some("false")
    }

    /// Whether the same call may be answered otherwise a little later, also where the runtime alone says so.
    pub fn is_retryable(&self) -> bool {
        self.may_be_repeated() || self.says_retryable() == Some("true")
    }

    fn says_retryable(&self) -> Option<&str> {
        self.data.and_then(|data| member(data, "retryable"))
    }
}

/// What a call was answered with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome<'a> {
    /// The `result`, byte for byte.
    Result(&'a str),
    /// The `error`.
    Error(RpcError<'a>),
}

/// One message of the runtime.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Envelope<'a> {
    /// Needs no answer.
    Notification(Notification<'a>),
    /// Waits for an answer under its id.
    Request(RpcId, Notification<'a>),
    /// Answers a call of ours.
    Answer(RpcId, Outcome<'a>),
}

#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow, default)]
    method: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    params: Option<&'a RawValue>,
    #[serde(borrow, default)]
    result: Option<&'a RawValue>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "emittedAtMs")]
    emitted_at_ms: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireParams<'a> {
    #[serde(borrow, default)]
    thread_id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    turn_id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    item_id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    thread: Option<&'a RawValue>,
    #[serde(borrow, default)]
    turn: Option<&'a RawValue>,
    #[serde(borrow, default)]
    item: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct WireId<'a> {
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct WireError<'a> {
    #[serde(default)]
    code: i64,
    #[serde(borrow, default)]
    message: Cow<'a, str>,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
}

impl<'a> Envelope<'a> {
    /// Reads one line. `Err` says why it is no message of the protocol.
    pub fn read(line: &'a str) -> Result<Self, String> {
        scan(line).map_or_else(|| Self::read_unusual(line), Ok)
    }

    /// What the quick scanner leaves.
    fn read_unusual(line: &'a str) -> Result<Self, String> {
        if !line.trim_start().starts_with('{') {
            return Err("it is no JSON object".into());
        }
        let wire: Wire<'a> = serde_json::from_str(line).map_err(|error| error.to_string())?;
        let id = wire.id.map(|raw| read_id(raw.get())).transpose()?;
        match (wire.method, id) {
            (Some(method), id) => {
                let params = wire.params.map_or("{}", RawValue::get);
                let emitted_at_ms = wire.emitted_at_ms.and_then(|raw| raw.get().parse().ok()).unwrap_or(0);
                let delta = member(params, "delta");
                let notification = Notification { method, params, emitted_at_ms, ids: Ids::of(params), delta };
                Ok(match id {
                    Some(id) => Self::Request(id, notification),
                    None => Self::Notification(notification),
                })
            }
            (None, Some(id)) => Ok(Self::Answer(id, read_outcome(wire.result, wire.error))),
            (None, None) => Err("it has neither a method nor an id".into()),
        }
    }
}

impl<'a> Ids<'a> {
    /// The ids in the parameters of a notification. What has another shape than expected counts as absent.
    pub fn of(params: &'a str) -> Self {
        // An array would be read as a struct, member by member.
        let is_object = params.trim_start().starts_with('{');
        let wire: WireParams<'a> =
            if is_object { serde_json::from_str(params).unwrap_or_default() } else { WireParams::default() };
        Self {
            thread: either(wire.thread_id, wire.thread),
            turn: either(wire.turn_id, wire.turn),
            item: either(wire.item_id, wire.item),
        }
    }
}

fn either<'a>(id: Option<&'a RawValue>, object: Option<&'a RawValue>) -> Cow<'a, str> {
    let nested = || object.and_then(|raw| serde_json::from_str::<WireId<'a>>(raw.get()).ok()).and_then(|wire| wire.id);
    id.and_then(read_text).or_else(|| nested().and_then(read_text)).unwrap_or_default()
}

fn read_text(raw: &RawValue) -> Option<Cow<'_, str>> {
    #[derive(Deserialize)]
    struct Text<'a>(#[serde(borrow)] Cow<'a, str>);
    serde_json::from_str::<Text<'_>>(raw.get()).ok().map(|text| text.0)
}

fn read_id(raw: &str) -> Result<RpcId, String> {
    if let Ok(number) = raw.parse() {
        return Ok(RpcId::Number(number));
    }
    serde_json::from_str(raw)
        .map(RpcId::Text)
        .map_err(|_| format!("its id is {raw}, neither a whole number nor a string"))
}

fn read_outcome<'a>(result: Option<&'a RawValue>, error: Option<&'a RawValue>) -> Outcome<'a> {
    let Some(error) = error.filter(|raw| raw.get() != "null") else {
        return Outcome::Result(result.map_or("null", RawValue::get));
    };
    let known = if error.get().starts_with('{') { serde_json::from_str(error.get()).ok() } else { None };
    let wire: WireError<'a> = known.unwrap_or(WireError {
        code: 0,
        message: Cow::Borrowed("the runtime answered with an error of an unknown shape"),
        data: Some(error),
    });
    Outcome::Error(RpcError { code: wire.code, message: wire.message, data: wire.data.map(RawValue::get) })
}

#[cfg(test)]
mod differential;

#[cfg(test)]
mod tests {
    use super::*;

    fn notification(line: &str) -> Notification<'_> {
        match Envelope::read(line).unwrap() {
            Envelope::Notification(notification) => notification,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn ids_are_found_beside_and_inside_their_objects() {
        let beside =
            notification(r#"{"method":"m","params":{"threadId":"t","turnId":"u","itemId":"i"},"emittedAtMs":5}"#);
        assert_eq!((&*beside.ids.thread, &*beside.ids.turn, &*beside.ids.item), ("t", "u", "i"));
        assert_eq!(beside.emitted_at_ms, 5);
        let inside = notification(
            r#"{"params":{"item":{"id":"i"},"turn":{"x":[1],"id":"u"},"thread":{"id":"t"}},"method":"m"}"#,
        );
        assert_eq!((&*inside.ids.thread, &*inside.ids.turn, &*inside.ids.item), ("t", "u", "i"));
    }

    #[test]
    fn params_are_kept_byte_for_byte() {
        assert_eq!(
            notification(r#"{"method":"m","params":{ "a" : 1.50 , "b":"\u00e9" }}"#).params,
            r#"{ "a" : 1.50 , "b":"\u00e9" }"#
        );
        assert_eq!(notification(r#"{"method":"m"}"#).params, "{}");
    }

    #[test]
    fn ids_of_an_unexpected_shape_count_as_absent() {
        let odd = notification(r#"{"method":"m","params":{"threadId":5,"turn":"x","item":{"id":null}}}"#);
        assert_eq!(odd.ids, Ids::default());
        assert_eq!(notification(r#"{"method":"m","params":["t","u"]}"#).ids, Ids::default());
    }

    #[test]
    fn zero_is_an_id_like_any_other() {
        let line = r#"{"method":"item/tool/call","id":0,"params":{}}"#;
        assert!(matches!(Envelope::read(line), Ok(Envelope::Request(RpcId::Number(0), _))));
        assert_eq!(
            Envelope::read(r#"{"id":0,"result":{}}"#),
            Ok(Envelope::Answer(RpcId::Number(0), Outcome::Result("{}")))
        );
    }

    #[test]
    fn an_error_of_an_unknown_shape_is_still_an_error() {
        let Ok(Envelope::Answer(_, Outcome::Error(error))) = Envelope::read(r#"{"id":"x","error":[1]}"#) else {
            panic!()
        };
        assert_eq!(error.data, Some("[1]"));
    }

    #[test]
    fn what_is_no_message_is_refused_with_a_reason() {
        for line in ["", "{", "[]", "[\"m\",1]", "\"x\"", "{}", "{\"id\":1.5,\"result\":1}", "{\"id\":null}"] {
            assert!(Envelope::read(line).is_err(), "{line}");
        }
    }
}
