//! What must never be shown: API keys and tokens, in traces, in logs, in what a runtime says before it dies, in `Debug`.

use std::fmt;

use super::text::{Cursor, unescape_str};

/// Stands in the place of a secret.
pub(crate) const REMOVED: &str = "[removed]";

/// Endings of names, without case and punctuation, whose values are secrets: `OPENAI_API_KEY`, `x-api-key`, `accessToken`.
const ENDINGS: &[&str] = &[
    "apikey",
    "accesstoken",
    "authtoken",
    "bearertoken",
    "idtoken",
    "refreshtoken",
    "sessiontoken",
    "authorization",
    "password",
    "secret",
    "authurl",
    "usercode",
];

/// A name that is a secret's only as a whole: `inputTokens` and `nextToken` are none.
const WHOLE: &str = "token";

/// Endings of names of variables, which are written in capitals, whose values are secrets: `GITHUB_TOKEN`, `SIGNING_KEY`.
const VARIABLE_ENDINGS: &[&str] = &["_KEY", "_PASS", "_TOKEN"];

/// What a token begins with, and how long the rest is at least.
const TOKENS: &[(&str, usize)] = &[("sk-", 8), ("eyJ", 20)];

/// What stands before a token.
const SCHEME: &str = "bearer ";
const SHORTEST_BEARER: usize = 8;

/// A text without secrets: values of members that are called like one, where the text is JSON, and tokens anywhere.
pub fn without_secrets(text: &str) -> String {
    without_secrets_telling(text, |_| ())
}

/// The same; `tell` is given the value, in JSON, of each member that is called like a secret.
pub fn without_secrets_telling(text: &str, tell: impl FnMut(&str)) -> String {
    without_tokens(&without_members(text, tell))
}

fn without_members(text: &str, mut tell: impl FnMut(&str)) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(quote) = rest.find('"') {
        clean.push_str(&rest[..quote]);
        rest = &rest[quote..];
        let mut cursor = Cursor::new(rest);
        let Some(key) = cursor.skip_string() else { break };
        clean.push_str(&rest[..cursor.position()]);
        rest = &rest[cursor.position()..];
        rest = skip_secret(key, rest, &mut clean, &mut tell);
    }
    clean.push_str(rest);
    clean
}

/// Replaces the value behind `key` in `rest`, if it is a secret; gives what comes after it.
fn skip_secret<'a>(key: &str, rest: &'a str, clean: &mut String, tell: &mut impl FnMut(&str)) -> &'a str {
    let mut cursor = Cursor::new(rest);
    let is_member = cursor.take(b':').is_some();
    if !is_member || !is_secret_name(&unescape_str(key)) || !matches!(cursor.peek(), Some(b'"' | b'[' | b'{')) {
        return rest;
    }
    clean.push_str(":\"");
    clean.push_str(REMOVED);
    clean.push('"');
    // A value that does not end was cut off: what there is of it is all of the rest.
    let Some(value) = cursor.skip_value() else { return "" };
    tell(value);
    &rest[cursor.position()..]
}

/// Whether what is called like this is a secret.
pub fn is_secret_name(name: &str) -> bool {
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    let is_variable = !name.contains(char::is_lowercase) && VARIABLE_ENDINGS.iter().any(|it| name.ends_with(it));
    plain == WHOLE || is_variable || ENDINGS.iter().any(|ending| plain.ends_with(ending))
}

fn without_tokens(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((start, end)) = first_token(rest) {
        clean.push_str(&rest[..start]);
        clean.push_str(REMOVED);
        rest = &rest[end..];
    }
    clean.push_str(rest);
    clean
}

/// Where the first token of a text begins and ends.
fn first_token(text: &str) -> Option<(usize, usize)> {
    let bytes = text.as_bytes();
    (0..bytes.len()).find_map(|at| token_at(bytes, at))
}

fn token_at(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    if at > 0 && bytes[at - 1].is_ascii_alphanumeric() {
        return None;
    }
    let rest = &bytes[at..];
    let scheme = rest.get(..SCHEME.len()).is_some_and(|start| start.eq_ignore_ascii_case(SCHEME.as_bytes()));
    if scheme {
        let start = at + SCHEME.len();
        let length = length_of_token(&bytes[start..]);
        return (length >= SHORTEST_BEARER).then_some((start, start + length));
    }
    let (prefix, least) = TOKENS.iter().find(|(prefix, _)| rest.starts_with(prefix.as_bytes()))?;
    let length = length_of_token(rest);
    (length >= prefix.len() + least).then_some((at, at + length))
}

fn length_of_token(bytes: &[u8]) -> usize {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(byte);
    bytes.iter().position(|byte| !is_part(byte)).unwrap_or(bytes.len())
}

/// A text that may hold secrets, as `Debug` may show it.
pub struct Shown<'a>(pub &'a str);

impl fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&without_secrets(self.0), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_removed_wherever_they_are() {
        let message = r#"{"id":1,"params":{"type":"apiKey","apiKey":"sk-1","deep":[{"accessToken" : "a\"b","x":1}],"token":null}}"#;
        let expected = r#"{"id":1,"params":{"type":"apiKey","apiKey":"[removed]","deep":[{"accessToken":"[removed]","x":1}],"token":null}}"#;
        assert_eq!(without_secrets(message), expected);
    }

    #[test]
    fn a_secret_is_known_by_the_end_of_its_name_in_any_spelling() {
        for name in [
            "OPENAI_API_KEY",
            "x-api-key",
            "Authorization",
            "refresh_token",
            "clientSecret",
            "token",
            "authUrl",
            "GITHUB_TOKEN",
        ] {
            assert!(is_secret_name(name), "{name}");
        }
        for name in
            ["inputTokens", "totalTokens", "tokenUsage", "nextToken", "next_token", "cache_key", "key", "secretary", ""]
        {
            assert!(!is_secret_name(name), "{name}");
        }
        let message = r#"{"env":{"OPENAI_API_KEY":"x","HOME":"/"},"isSecret":true,"headers":{"X-Api-Key":["y"]}}"#;
        let expected =
            r#"{"env":{"OPENAI_API_KEY":"[removed]","HOME":"/"},"isSecret":true,"headers":{"X-Api-Key":"[removed]"}}"#;
        assert_eq!(without_secrets(message), expected);
    }

    #[test]
    fn a_secret_in_a_message_that_was_cut_off_is_removed_too() {
        assert_eq!(without_secrets(r#"{"apiKey":"sk"#), r#"{"apiKey":"[removed]""#);
        assert_eq!(without_secrets(r#"{"apiKey":{"a":"#), r#"{"apiKey":"[removed]""#);
    }

    #[test]
    fn the_values_of_secret_members_are_told() {
        let mut told = Vec::new();
        let message = r#"{"apiKey":"sk-1","deep":{"token": ["a","b"]},"text":"Bearer abcdefgh","password":null}"#;
        without_secrets_telling(message, |value| told.push(value.to_owned()));
        assert_eq!(told, [r#""sk-1""#, r#"["a","b"]"#]);
    }

    #[test]
    fn tokens_are_removed_from_any_text() {
        let jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln";
        assert_eq!(without_secrets("key=sk-proj-0123456789, more"), "key=[removed], more");
        assert_eq!(without_secrets("authorization: BEARER abcdefgh=\n"), "authorization: BEARER [removed]\n");
        assert_eq!(without_secrets(&format!("{jwt} é {jwt}")), "[removed] é [removed]");
    }

    #[test]
    fn a_text_without_secrets_stays_as_it_is() {
        let texts = [
            r#"{"method":"x","params":{"text":"the \"apiKey\": none"}}"#,
            "not json \" at all",
            "a task-runner-with-a-long-name, a bearer of news, sk-short, eyJ",
            "é€😀",
            "",
        ];
        for text in texts {
            assert_eq!(without_secrets(text), text);
        }
    }
}
