//! The builder of the params of a call, for hosts without a JSON library.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::error::{Error, Status};
use super::json::{
    JsonError, MAX_SENT_DEPTH, Object, Shown, decode_pointer_token, kind_name, minify, nesting, push_quoted, quote,
};

const INPUT: &str = "input";
const TOOL_OUTPUT: &str = "toolOutput";

/// Why a setter changed nothing.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ParamsError {
    /// The key is empty.
    #[error("the key of a field is empty; give the name of the field, or a JSON Pointer such as \"/config/model\"")]
    EmptyKey,
    /// The key begins like a JSON Pointer and is none.
    #[error("the key \"{key}\" is not a JSON Pointer: \"~\" must be written as \"~0\" and a \"/\" in a name as \"~1\"")]
    InvalidPointer {
        /// The key as it was given.
        key: String,
    },
    /// The way to the key leads through something that has no fields.
    #[error("the key \"{key}\" cannot be set, because \"{place}\" is {found} and not an object")]
    NotAnObject {
        /// The key as it was given.
        key: String,
        /// The part of the key that leads to the obstacle.
        place: String,
        /// What is there: "an array".
        found: &'static str,
    },
    /// The object would be nested so deeply that the runtime drops it without an answer.
    #[error(
        "the key \"{key}\" cannot be set: the params would be nested {depth} levels deep, and {MAX_SENT_DEPTH} is the most that can be sent"
    )]
    TooDeep {
        /// The key as it was given.
        key: String,
        /// How deep the params would be.
        depth: usize,
    },
    /// The value is not JSON.
    #[error("the value of \"{key}\" is not acceptable JSON: {error}")]
    InvalidJson {
        /// The key as it was given.
        key: String,
        /// What is wrong, and where.
        error: JsonError,
    },
    /// The value is infinite or not a number.
    #[error("the value of \"{key}\" is {value}, which JSON cannot express; give a finite number")]
    NotFinite {
        /// The key as it was given.
        key: String,
        /// The value.
        value: f64,
    },
    /// An input item is added where "input" is not a list.
    #[error(
        "no input item can be added, because \"input\" was set to {found}; set it to an array, or leave it to the functions that add items"
    )]
    InputIsNotAnArray {
        /// What it is: "a string".
        found: &'static str,
    },
    /// An input item is added beside an external message.
    #[error(
        "no input item can be added, because these params hold an external message, which is sent alone; use params of its own for it"
    )]
    InputBesideExternalMessage,
    /// An external message is set beside input.
    #[error(
        "the external message cannot be set, because these params hold \"input\", and such a message is sent alone; use params of its own for it"
    )]
    ExternalMessageBesideInput,
    /// An external message names no tool.
    #[error(
        "the external message has a blank tool name; give the name of the tool or system that the message comes from"
    )]
    BlankToolName,
    /// The type of an image is none.
    #[error("\"{mime_type}\" is not the MIME type of an image; give one such as \"image/png\"")]
    NotAnImageType {
        /// The type as it was given.
        mime_type: String,
    },
    /// An image has no bytes.
    #[error("the image of type \"{mime_type}\" has no bytes; give the contents of an image file")]
    EmptyImage {
        /// The type as it was given.
        mime_type: String,
    },
}

impl From<ParamsError> for Error {
    fn from(failure: ParamsError) -> Self {
        let status = match failure {
            ParamsError::InvalidJson { .. } => Status::InvalidJson,
            _ => Status::InvalidArgument,
        };
        Self::new(status, failure.to_string())
    }
}

/// The fields of an object to be sent.
///
/// A key that begins with `/` is a JSON Pointer (RFC 6901) and creates the objects on its way; any other key is the name
/// of a field. Setting a field again replaces it. A setter that fails changes nothing.
#[derive(Clone, Default)]
pub struct Params {
    fields: Fields,
}

impl fmt::Debug for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Shown(&self.json()).fmt(f)
    }
}

impl Params {
    /// Without fields.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a field to a string.
    pub fn set_string(&mut self, key: &str, value: &str) -> Result<(), ParamsError> {
        self.set(key, quote(value))
    }

    /// Sets a field to an integer.
    pub fn set_int(&mut self, key: &str, value: i64) -> Result<(), ParamsError> {
        self.set(key, value.to_string())
    }

    /// Sets a field to a number, which must be finite.
    pub fn set_double(&mut self, key: &str, value: f64) -> Result<(), ParamsError> {
        match serde_json::Number::from_f64(value) {
            Some(number) => self.set(key, number.to_string()),
            None => Err(ParamsError::NotFinite { key: key.to_owned(), value }),
        }
    }

    /// Sets a field to a boolean.
    pub fn set_bool(&mut self, key: &str, value: bool) -> Result<(), ParamsError> {
        self.set(key, value.to_string())
    }

    /// Sets a field to a JSON text of any kind. Number and string text stays as it is.
    pub fn set_json(&mut self, key: &str, json: &str) -> Result<(), ParamsError> {
        match minify(json) {
            Ok(short) => self.set(key, short),
            Err(error) => Err(ParamsError::InvalidJson { key: key.to_owned(), error }),
        }
    }

    /// Adds a text to the input of the turn.
    pub fn add_text(&mut self, text: &str) -> Result<(), ParamsError> {
        self.add_item("text", &[("text", text)])
    }

    /// Adds an image to the input of the turn by its URL. The runtime accepts data URLs.
    pub fn add_image_url(&mut self, url: &str) -> Result<(), ParamsError> {
        self.add_item("image", &[("url", url)])
    }

    /// Adds an image to the input of the turn by its path, which the runtime reads: a relative one is relative to the
    /// working directory of the runtime's process.
    pub fn add_image_file(&mut self, path: &str) -> Result<(), ParamsError> {
        self.add_item("localImage", &[("path", path)])
    }

    /// Adds an image to the input of the turn by its contents, as a data URL.
    pub fn add_image_bytes(&mut self, bytes: &[u8], mime_type: &str) -> Result<(), ParamsError> {
        match data_url(bytes, mime_type) {
            Ok(url) => self.add_image_url(&url),
            Err(error) => Err(error),
        }
    }

    /// Adds a skill to the input of the turn. The runtime ignores a path that it does not know.
    pub fn add_skill(&mut self, name: &str, path: &str) -> Result<(), ParamsError> {
        self.add_item("skill", &[("name", name), ("path", path)])
    }

    /// Adds a mention of an app or a plugin to the input of the turn.
    pub fn add_mention(&mut self, name: &str, path: &str) -> Result<(), ParamsError> {
        self.add_item("mention", &[("name", name), ("path", path)])
    }

    /// The object as JSON, on one line.
    pub fn json(&self) -> String {
        let mut json = String::new();
        self.fields.push_json(&mut json);
        json
    }

    fn set(&mut self, key: &str, value: String) -> Result<(), ParamsError> {
        let path = path_of(key)?;
        let depth = path.len() + nesting(&value);
        if depth > MAX_SENT_DEPTH {
            return Err(ParamsError::TooDeep { key: key.to_owned(), depth });
        }
        self.fields.set(&path, Field::Raw(value)).map_err(|obstacle| obstacle.on_the_way_to(key, path.len()))
    }

    fn add_item(&mut self, kind: &str, fields: &[(&str, &str)]) -> Result<(), ParamsError> {
        if self.fields.get(TOOL_OUTPUT).is_some() {
            return Err(ParamsError::InputBesideExternalMessage);
        }
        let mut item = Object::new();
        item.set_string("type", kind);
        for &(key, value) in fields {
            item.set_string(key, value);
        }
        let Some(input) = self.fields.get_mut(INPUT) else {
            self.fields.put(INPUT, Field::Raw(format!("[{}]", item.to_json())));
            return Ok(());
        };
        input.append(&item.to_json()).map_err(|found| ParamsError::InputIsNotAnArray { found })
    }

    /// Makes the output of a tool, instead of a person's input, what the turn begins with.
    pub fn set_external_message(
        &mut self,
        tool_name: &str,
        namespace: Option<&str>,
        content: &str,
    ) -> Result<(), ParamsError> {
        if tool_name.trim().is_empty() {
            return Err(ParamsError::BlankToolName);
        }
        if self.fields.get(INPUT).is_some_and(|input| !input.is_empty_array()) {
            return Err(ParamsError::ExternalMessageBesideInput);
        }
        let mut message = Object::new();
        message.set_string("name", tool_name);
        if let Some(namespace) = namespace {
            message.set_string("namespace", namespace);
        }
        message.set_string("output", content);
        self.fields.put(INPUT, Field::Raw("[]".to_owned()));
        self.fields.put(TOOL_OUTPUT, Field::Raw(message.to_json()));
        Ok(())
    }
}

/// The names that `key` leads through, at least one.
fn path_of(key: &str) -> Result<Vec<String>, ParamsError> {
    if key.is_empty() {
        return Err(ParamsError::EmptyKey);
    }
    let Some(pointer) = key.strip_prefix('/') else {
        return Ok(vec![key.to_owned()]);
    };
    let names = pointer.split('/').map(|token| decode_pointer_token(token).map(String::from));
    names.collect::<Option<_>>().ok_or_else(|| ParamsError::InvalidPointer { key: key.to_owned() })
}

fn data_url(bytes: &[u8], mime_type: &str) -> Result<String, ParamsError> {
    let subtype = mime_type.strip_prefix("image/").unwrap_or_default();
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'+' | b'_');
    if subtype.is_empty() || !subtype.bytes().all(is_token) {
        return Err(ParamsError::NotAnImageType { mime_type: mime_type.to_owned() });
    }
    if bytes.is_empty() {
        return Err(ParamsError::EmptyImage { mime_type: mime_type.to_owned() });
    }
    let mut url = format!("data:{mime_type};base64,");
    BASE64.encode_string(bytes, &mut url);
    Ok(url)
}

/// What stands where an object would be needed, and how many names of the path were still to be followed.
struct Obstacle {
    names_left: usize,
    found: &'static str,
}

impl Obstacle {
    fn on_the_way_to(self, key: &str, names: usize) -> ParamsError {
        let end = key.match_indices('/').nth(names - self.names_left).map_or(key.len(), |(slash, _)| slash);
        ParamsError::NotAnObject { key: key.to_owned(), place: key[..end].to_owned(), found: self.found }
    }
}

/// The value of a field: text until something inside it is set.
#[derive(Clone)]
enum Field {
    Raw(String),
    Object(Fields),
}

impl Field {
    /// The objects that lead to `value` when nothing is there yet.
    fn nested(path: &[String], value: Field) -> Self {
        path.iter().rev().fold(value, |inner, name| Self::Object(Fields(vec![(name.clone(), inner)])))
    }

    fn set(&mut self, path: &[String], value: Field) -> Result<(), Obstacle> {
        match self {
            Self::Object(fields) => fields.set(path, value),
            Self::Raw(text) => {
                let found = kind_name(text);
                let mut fields = Fields::open(text).ok_or(Obstacle { names_left: path.len(), found })?;
                fields.set(path, value)?;
                *self = Self::Object(fields);
                Ok(())
            }
        }
    }

    fn is_empty_array(&self) -> bool {
        match self {
            Self::Raw(text) => text == "[]",
            Self::Object(_) => false,
        }
    }

    /// Appends an element; what it is instead when it is no array.
    fn append(&mut self, element: &str) -> Result<(), &'static str> {
        match self {
            Self::Object(_) => Err("an object"),
            Self::Raw(text) if !text.starts_with('[') => Err(kind_name(text)),
            Self::Raw(text) => {
                text.pop();
                if text.len() > 1 {
                    text.push(',');
                }
                text.push_str(element);
                text.push(']');
                Ok(())
            }
        }
    }

    fn push_json(&self, json: &mut String) {
        match self {
            Self::Raw(text) => json.push_str(text),
            Self::Object(fields) => fields.push_json(json),
        }
    }
}

/// Fields in the order in which they were first set.
#[derive(Clone, Default)]
struct Fields(Vec<(String, Field)>);

impl Fields {
    /// The members of the object that `text`, valid and short, is.
    fn open(text: &str) -> Option<Self> {
        let object = Object::parse(text).ok()?;
        Some(Self(object.iter().map(|(name, value)| (name.to_owned(), Field::Raw(value.to_owned()))).collect()))
    }

    fn get(&self, name: &str) -> Option<&Field> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, field)| field)
    }

    fn get_mut(&mut self, name: &str) -> Option<&mut Field> {
        self.0.iter_mut().find(|(known, _)| known == name).map(|(_, field)| field)
    }

    fn put(&mut self, name: &str, field: Field) {
        match self.get_mut(name) {
            Some(known) => *known = field,
            None => self.0.push((name.to_owned(), field)),
        }
    }

    fn set(&mut self, path: &[String], value: Field) -> Result<(), Obstacle> {
        let [name, inner @ ..] = path else {
            return Ok(());
        };
        match self.get_mut(name) {
            Some(field) if !inner.is_empty() => field.set(inner, value),
            _ => {
                self.put(name, Field::nested(inner, value));
                Ok(())
            }
        }
    }

    fn push_json(&self, json: &mut String) {
        json.push('{');
        for (n, (name, field)) in self.0.iter().enumerate() {
            if n > 0 {
                json.push(',');
            }
            push_quoted(json, name);
            json.push(':');
            field.push_json(json);
        }
        json.push('}');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use serde_json::{Value, json};

    fn value(params: &Params) -> Value {
        serde_json::from_str(&params.json()).unwrap()
    }

    /// Expects the setter to fail, to change nothing and to have its failure kept; gives the sentence.
    fn refusal(params: &mut Params, set: impl FnOnce(&mut Params) -> Result<(), ParamsError>) -> String {
        let before = params.json();
        let error = set(params).unwrap_err();
        assert_eq!(params.json(), before);
        error.to_string()
    }

    #[test]
    fn fields_keep_the_order_in_which_they_were_set() {
        let mut params = Params::new();
        assert_eq!(params.json(), "{}");
        params.set_string("model", "gpt\"\n").unwrap();
        params.set_int("n", i64::MIN).unwrap();
        params.set_double("x", 2.0).unwrap();
        params.set_bool("ephemeral", true).unwrap();
        params.set_json("schema", " { \"a\" : [ 1.50, \"b c\" ] }\n").unwrap();
        params.set_int("n", 7).unwrap();
        assert_eq!(params.json(), r#"{"model":"gpt\"\n","n":7,"x":2.0,"ephemeral":true,"schema":{"a":[1.50,"b c"]}}"#);
    }

    #[test]
    fn a_pointer_creates_the_objects_on_its_way() {
        let mut params = Params::new();
        params.set_bool("/config/tools/update_plan/enabled", true).unwrap();
        params.set_string("/config/a~1b", "slash").unwrap();
        params.set_int("/config/~0/", 1).unwrap();
        params.set_int("/top", 2).unwrap();
        params.set_int("plain~key", 3).unwrap();
        assert_eq!(
            value(&params),
            json!({
                "config": {"tools": {"update_plan": {"enabled": true}}, "a/b": "slash", "~": {"": 1}},
                "top": 2,
                "plain~key": 3,
            })
        );
    }

    #[test]
    fn a_pointer_opens_an_object_that_was_set_as_json() {
        let mut params = Params::new();
        params.set_json("config", r#"{"a":{"b":1.50},"c":"\u00e9"}"#).unwrap();
        params.set_int("/config/a/d", 2).unwrap();
        params.set_string("/config/c", "new").unwrap();
        assert_eq!(params.json(), r#"{"config":{"a":{"b":1.50,"d":2},"c":"new"}}"#);
        params.set_json("config", "{}").unwrap();
        assert_eq!(params.json(), r#"{"config":{}}"#);
    }

    #[test]
    fn a_pointer_through_what_is_no_object_is_refused_by_its_name() {
        let mut params = Params::new();
        params.set_json("config", r#"{"a":[1],"b":{"c":"text"}}"#).unwrap();
        params.set_int("/open/n", 1).unwrap();
        params.add_text("hello").unwrap();
        let mut refuse = |key: &str| refusal(&mut params, |params| params.set_int(key, 1));
        assert_eq!(
            refuse("/config/a/0"),
            "the key \"/config/a/0\" cannot be set, because \"/config/a\" is an array and not an object"
        );
        assert_eq!(
            refuse("/config/b/c/d/e"),
            "the key \"/config/b/c/d/e\" cannot be set, because \"/config/b/c\" is a string and not an object"
        );
        assert_eq!(
            refuse("/open/n/x"),
            "the key \"/open/n/x\" cannot be set, because \"/open/n\" is a number and not an object"
        );
        assert_eq!(
            refuse("/input/0"),
            "the key \"/input/0\" cannot be set, because \"/input\" is an array and not an object"
        );
    }

    #[test]
    fn a_refused_pointer_leaves_an_object_as_it_was_written() {
        let mut params = Params::new();
        params.set_json("config", r#"{"a":1,"a":2}"#).unwrap();
        assert!(params.set_int("/config/a/b", 1).is_err());
        assert_eq!(params.json(), r#"{"config":{"a":1,"a":2}}"#);
    }

    #[test]
    fn a_key_that_names_nothing_is_refused() {
        let mut params = Params::new();
        assert!(refusal(&mut params, |params| params.set_int("", 1)).starts_with("the key of a field is empty;"));
        for key in ["/a~", "/a~2b", "/~~/x"] {
            let sentence = refusal(&mut params, |params| params.set_int(key, 1));
            assert!(sentence.starts_with(&format!("the key \"{key}\" is not a JSON Pointer")), "{sentence}");
        }
    }

    #[test]
    fn what_json_cannot_express_is_refused() {
        let mut params = Params::new();
        for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            refusal(&mut params, |params| params.set_double("x", number));
        }
        assert_eq!(
            refusal(&mut params, |params| params.set_json("schema", "{\"a\":\n}")),
            "the value of \"schema\" is not acceptable JSON: expected value at line 2, column 1"
        );
        refusal(&mut params, |params| params.set_json("s", r#""\ud800""#));
    }

    #[test]
    fn params_that_the_runtime_would_drop_are_refused() {
        let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
        let pointer = |levels: usize| "/a".repeat(levels);
        let mut params = Params::new();
        params.set_json("deepest", &nested(MAX_SENT_DEPTH - 1)).unwrap();
        params.set_int(&pointer(MAX_SENT_DEPTH), 1).unwrap();
        assert_eq!(super::super::json::nesting(&params.json()), MAX_SENT_DEPTH);
        refusal(&mut params, |params| params.set_json("x", &nested(MAX_SENT_DEPTH)));
        refusal(&mut params, |params| params.set_int(&pointer(MAX_SENT_DEPTH + 1), 1));
        refusal(&mut params, |params| params.set_int(&pointer(1_000_000), 1));
    }

    #[test]
    fn input_items_keep_their_order_and_have_the_form_of_the_protocol() {
        let mut params = Params::new();
        params.add_text("line\n").unwrap();
        params.add_image_url("data:image/gif;base64,R0lG").unwrap();
        params.add_image_file("/tmp/a \"b\".png").unwrap();
        params.add_image_bytes(b"\x89PNG", "image/png").unwrap();
        params.add_skill("demo", "/s/SKILL.md").unwrap();
        params.add_mention("app", "app://x").unwrap();
        assert_eq!(
            value(&params),
            json!({"input": [
                {"type": "text", "text": "line\n"},
                {"type": "image", "url": "data:image/gif;base64,R0lG"},
                {"type": "localImage", "path": "/tmp/a \"b\".png"},
                {"type": "image", "url": "data:image/png;base64,iVBORw=="},
                {"type": "skill", "name": "demo", "path": "/s/SKILL.md"},
                {"type": "mention", "name": "app", "path": "app://x"},
            ]})
        );
    }

    #[test]
    fn items_are_added_behind_an_input_that_was_set() {
        let mut params = Params::new();
        params.set_json("input", "[ ]").unwrap();
        params.add_text("a").unwrap();
        params.set_json("input", r#"[{"type":"audio","url":"x"}]"#).unwrap();
        params.add_text("b").unwrap();
        assert_eq!(params.json(), r#"{"input":[{"type":"audio","url":"x"},{"type":"text","text":"b"}]}"#);
    }

    #[test]
    fn an_item_beside_an_input_that_is_no_array_is_refused() {
        let mut params = Params::new();
        params.set_string("input", "text").unwrap();
        let sentence = refusal(&mut params, |params| params.add_text("more"));
        assert!(
            sentence.starts_with("no input item can be added, because \"input\" was set to a string;"),
            "{sentence}"
        );
        params.set_int("/input", 1).unwrap();
        refusal(&mut params, |params| params.add_text("more"));
    }

    #[test]
    fn an_image_must_have_bytes_and_a_type() {
        let mut params = Params::new();
        for mime_type in ["", "png", "image/", "text/plain", "image/png;base64,", "image/a,b", "IMAGE/png "] {
            let sentence = refusal(&mut params, |params| params.add_image_bytes(b"x", mime_type));
            assert!(sentence.contains("is not the MIME type of an image"), "{sentence}");
        }
        let sentence = refusal(&mut params, |params| params.add_image_bytes(b"", "image/png"));
        assert!(sentence.starts_with("the image of type \"image/png\" has no bytes;"), "{sentence}");
        params.add_image_bytes(b"x", "image/svg+xml").unwrap();
    }

    #[test]
    fn an_external_message_is_a_tool_output_with_an_empty_input() {
        let mut params = Params::new();
        params.set_external_message("mail", Some("inbox"), "You have \"mail\".").unwrap();
        assert_eq!(
            params.json(),
            r#"{"input":[],"toolOutput":{"name":"mail","namespace":"inbox","output":"You have \"mail\"."}}"#
        );
        params.set_external_message("mail", None, "").unwrap();
        assert_eq!(params.json(), r#"{"input":[],"toolOutput":{"name":"mail","output":""}}"#);
    }

    #[test]
    fn an_external_message_without_a_tool_name_is_refused() {
        for name in ["", " \t\n"] {
            let sentence = refusal(&mut Params::new(), |params| params.set_external_message(name, None, "x"));
            assert!(sentence.starts_with("the external message has a blank tool name;"), "{sentence}");
        }
    }

    #[test]
    fn an_external_message_is_sent_alone() {
        let mut params = Params::new();
        params.add_text("hello").unwrap();
        let sentence = refusal(&mut params, |params| params.set_external_message("mail", None, "x"));
        assert!(sentence.contains("these params hold \"input\""), "{sentence}");

        let mut params = Params::new();
        params.set_external_message("mail", None, "x").unwrap();
        let sentence = refusal(&mut params, |params| params.add_text("hello"));
        assert!(sentence.contains("these params hold an external message"), "{sentence}");
    }
}
