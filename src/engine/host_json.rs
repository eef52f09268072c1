//! JSON that the host gives as text.

use super::error::{Error, Result, Status};
use super::json::{JsonError, Object, ObjectError, minify};

/// What stands for the JSON of params that a setter failed on: no JSON at all, so that nobody sends it, and recognised by the
/// call that it is given to.
const FAILED: &str = "!params ";

/// The text that makes a call fail with `failure`.
pub fn failed_text(failure: &Error) -> String {
    let word = if failure.status() == Status::InvalidJson { "json" } else { "argument" };
    format!("{FAILED}{word} {}", failure.message())
}

/// The failure that a text stands for, if it does.
pub fn failure_of(text: &str) -> Option<Error> {
    let (word, message) = text.strip_prefix(FAILED)?.split_once(' ')?;
    let status = if word == "json" { Status::InvalidJson } else { Status::InvalidArgument };
    Some(Error::new(status, message))
}

/// JSON of any kind, on one line; a text that stands for a failure gives that failure.
pub fn checked_json(what: &str, text: &str) -> Result<String> {
    failure_of(text).map_or(Ok(()), Err)?;
    minify(text).map_err(|error| invalid(what, &error))
}

/// The members of an object, which has none when there is no text.
pub(super) fn parse_object(what: &str, text: Option<&str>) -> Result<Object> {
    let Some(text) = text else { return Ok(Object::new()) };
    failure_of(text).map_or(Ok(()), Err)?;
    Object::parse(text).map_err(|error| match error {
        ObjectError::Json(error) => invalid(what, &error),
        ObjectError::NotAnObject { .. } => Error::invalid_argument(format!("{what} must be a JSON object: {error}")),
    })
}

/// The parameters of a call, as members. The runtime expects an object wherever it expects anything.
pub(super) fn parse_params(params: Option<&str>) -> Result<Object> {
    parse_object("the params", params)
}

fn invalid(what: &str, error: &JsonError) -> Error {
    Error::new(Status::InvalidJson, format!("{what} cannot be read as JSON: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(text: &str) -> Result<String> {
        parse_params(Some(text)).map(|params| params.to_json())
    }

    #[test]
    fn a_text_of_the_hosts_is_put_on_one_line() {
        assert_eq!(checked_json("x", "{\n  \"a\": [1, \"b c\"]\n}").unwrap(), r#"{"a":[1,"b c"]}"#);
    }

    #[test]
    fn params_must_be_an_object() {
        assert_eq!(params("{ \"a\": [1, 2.50] }").unwrap(), r#"{"a":[1,2.50]}"#);
        assert_eq!(parse_params(None).unwrap().to_json(), "{}");
        assert_eq!(params("[]").unwrap_err().status(), Status::InvalidArgument);
    }

    #[test]
    fn a_text_that_is_no_json_is_refused_with_its_place() {
        const TEXT: &str = "{\n \"a\" 1}";
        for (what, told) in [("x", checked_json("x", TEXT).map(drop)), ("the params", params(TEXT).map(drop))] {
            let error = told.unwrap_err();
            assert_eq!(error.status(), Status::InvalidJson);
            assert!(error.message().starts_with(&format!("{what} cannot be read as JSON: ")), "{}", error.message());
            assert!(error.message().contains("line 2, column"), "{}", error.message());
        }
    }

    #[test]
    fn params_that_a_setter_failed_on_fail_the_call_with_that() {
        let failure = Error::new(Status::InvalidJson, "the value of \"x\" is no JSON");
        for told in
            [checked_json("x", &failed_text(&failure)).unwrap_err(), params(&failed_text(&failure)).unwrap_err()]
        {
            assert_eq!((told.status(), told.message()), (failure.status(), failure.message()));
        }
    }
}
