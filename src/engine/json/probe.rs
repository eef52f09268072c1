//! Reading one thing out of a JSON text that is known to be valid.

use super::text::{members, unescape_str};

/// The text of a member's value; `None` when `object` is no object or has no such member.
pub fn member<'a>(object: &'a str, key: &str) -> Option<&'a str> {
    members(object)?.find(|member| member.key == key).map(|member| member.value)
}

/// The content of a JSON string; `None` when `raw` is none.
pub fn string(raw: &str) -> Option<String> {
    let inside = raw.strip_prefix('"')?.strip_suffix('"')?;
    Some(unescape_str(inside).into_owned())
}

/// `text` with `new` in the place of `part`, which is a piece of it, not a copy.
pub fn spliced(text: &str, part: &str, new: &str) -> String {
    let at = part.as_ptr().addr() - text.as_ptr().addr();
    [&text[..at], new, &text[at + part.len()..]].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_is_found_in_any_place() {
        assert_eq!(member(r#"{"a":[{"b":1}],"b":"x\n"}"#, "b"), Some(r#""x\n""#));
        assert_eq!(member(r#"{"a":1}"#, "b"), None);
        assert_eq!(member("[1]", "b"), None);
    }

    #[test]
    fn a_value_is_replaced_in_its_place() {
        let text = r#"{"a":1,"b":[1],"c":1}"#;
        assert_eq!(spliced(text, member(text, "c").unwrap(), "{}"), r#"{"a":1,"b":[1],"c":{}}"#);
        assert_eq!(spliced(text, text, ""), "");
    }

    #[test]
    fn only_a_string_has_a_content() {
        assert_eq!(string(r#""x\n""#).as_deref(), Some("x\n"));
        assert_eq!(string("5"), None);
    }
}
