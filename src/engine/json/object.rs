//! One object to be sent, as its members: their order is kept and their values stay text.

use std::collections::HashMap;
use std::fmt;

use super::secret::Shown;
use super::text::{JsonError, kind_name, members, minify, push_quoted, quote, unescape_str};

/// An ordered list of members whose values are minified JSON texts. A key occurs once.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Object {
    members: Vec<(String, String)>,
}

/// Why a text is no object that can be sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ObjectError {
    /// The text is not JSON, or not JSON that the runtime would read.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// The text is JSON of another kind.
    #[error("expected an object, found {found}")]
    NotAnObject {
        /// What it is: "an array".
        found: &'static str,
    },
}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Shown(&self.to_json()).fmt(f)
    }
}

impl Object {
    /// Without members.
    pub fn new() -> Self {
        Self::default()
    }

    /// The members of the object that `text` is. Of two with the same key the last wins, in the place of the first.
    ///
    /// The text is checked and its values are shortened as by [`minify`]; number and string text stays as it is.
    pub fn parse(text: &str) -> Result<Self, ObjectError> {
        let text = minify(text)?;
        let Some(found) = members(&text) else {
            return Err(ObjectError::NotAnObject { found: kind_name(&text) });
        };
        let mut object = Self::new();
        object.merge(found.map(|member| (unescape_str(member.key).into_owned(), member.value.to_owned())));
        Ok(object)
    }

    /// The JSON text of a member's value.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.position(key).map(|at| self.members[at].1.as_str())
    }

    /// Whether there is a member of this name.
    pub fn contains(&self, key: &str) -> bool {
        self.position(key).is_some()
    }

    /// Removes a member and gives the JSON text of its value.
    pub fn take(&mut self, key: &str) -> Option<String> {
        self.position(key).map(|at| self.members.remove(at).1)
    }

    /// Sets a member to a JSON text, which must be valid and without line breaks. A member that exists keeps its place.
    pub fn set_raw(&mut self, key: impl Into<String>, value: impl Into<String>) {
        let key = key.into();
        match self.position(&key) {
            Some(at) => self.members[at].1 = value.into(),
            None => self.members.push((key, value.into())),
        }
    }

    /// Sets a member to a string.
    pub fn set_string(&mut self, key: impl Into<String>, value: &str) {
        self.set_raw(key, quote(value));
    }

    /// The same with a member that is a JSON text, as [`Object::set_raw`].
    pub fn with_raw(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.set_raw(key, value);
        self
    }

    /// The same with a member that is a string.
    pub fn with_string(mut self, key: impl Into<String>, value: &str) -> Self {
        self.set_string(key, value);
        self
    }

    /// Whether there are no members.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// How many members there are.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// The members in their order: key and JSON text of the value.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.members.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// Sets every member of `other`, in its order.
    pub fn extend(&mut self, other: Self) {
        self.merge(other.members);
    }

    /// The object as JSON, on one line.
    pub fn to_json(&self) -> String {
        let size = self.members.iter().map(|(key, value)| key.len() + value.len() + 4).sum::<usize>();
        let mut json = String::with_capacity(size + 2);
        json.push('{');
        for (n, (key, value)) in self.members.iter().enumerate() {
            if n > 0 {
                json.push(',');
            }
            push_quoted(&mut json, key);
            json.push(':');
            json.push_str(value);
        }
        json.push('}');
        json
    }

    fn position(&self, key: &str) -> Option<usize> {
        self.members.iter().position(|(name, _)| name == key)
    }

    /// Finds known keys through an index: a host's object may have any number of members.
    fn merge(&mut self, incoming: impl IntoIterator<Item = (String, String)>) {
        let mut places: HashMap<String, usize> =
            self.members.iter().enumerate().map(|(at, (key, _))| (key.clone(), at)).collect();
        for (key, value) in incoming {
            let place = *places.entry(key.clone()).or_insert(self.members.len());
            match self.members.get_mut(place) {
                Some(member) => member.1 = value,
                None => self.members.push((key, value)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keep_their_number_and_string_text_on_one_line() {
        let object = Object::parse("{ \"a\" : 1.50,\n\"b\" : [ 1E2, \" \\u00e9\\/ \" ] }").unwrap();
        assert_eq!(object.get("a"), Some("1.50"));
        assert_eq!(object.get("b"), Some("[1E2,\" \\u00e9\\/ \"]"));
        assert_eq!(object.to_json(), "{\"a\":1.50,\"b\":[1E2,\" \\u00e9\\/ \"]}");
    }

    #[test]
    fn the_last_of_two_equal_keys_wins_however_it_is_written() {
        let object = Object::parse(r#"{"a":1,"b":2,"\u0061":3}"#).unwrap();
        assert_eq!(object.to_json(), r#"{"a":3,"b":2}"#);
    }

    #[test]
    fn what_is_not_an_object_is_refused_by_its_kind() {
        let refusal = |text: &str| Object::parse(text).unwrap_err().to_string();
        assert_eq!(refusal("[1]"), "expected an object, found an array");
        assert_eq!(refusal(" null"), "expected an object, found null");
        assert_eq!(refusal("{\"a\":\n,}"), "expected value at line 2, column 1");
        assert!(matches!(Object::parse(r#"{"a":"\ud800"}"#), Err(ObjectError::Json(_))));
    }

    #[test]
    fn setting_a_member_keeps_its_place() {
        let mut object = Object::parse(r#"{"a":1,"b":2}"#).unwrap();
        object.set_raw("a", "[]");
        object.set_string("c\"", "line\n");
        assert_eq!(object.to_json(), r#"{"a":[],"b":2,"c\"":"line\n"}"#);
        assert_eq!(object.len(), 3);
    }

    #[test]
    fn taking_a_member_removes_it() {
        let mut object = Object::parse(r#"{"a":1,"b":"x"}"#).unwrap();
        assert_eq!(object.take("b").as_deref(), Some("\"x\""));
        assert_eq!(object.take("b"), None);
        assert!(object.contains("a") && !object.contains("b"));
        assert_eq!(object.to_json(), r#"{"a":1}"#);
    }

    #[test]
    fn extending_overrides_and_appends() {
        let mut object = Object::parse(r#"{"a":1,"b":2}"#).unwrap();
        object.extend(Object::parse(r#"{"c":3,"a":4}"#).unwrap());
        assert_eq!(object.to_json(), r#"{"a":4,"b":2,"c":3}"#);
    }

    #[test]
    fn an_empty_object_is_braces() {
        assert!(Object::parse(" { } ").unwrap().is_empty());
        assert_eq!(Object::new().to_json(), "{}");
        assert_eq!(Object::new().iter().count(), 0);
    }
}
