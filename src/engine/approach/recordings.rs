//! Recordings of programs that know nothing of them: what the environment says.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use super::environment::Environment;
use crate::engine::client_options::ClientOptions;
use crate::engine::endpoint::Endpoint;

/// Names the file that a client is recorded in.
const RECORD: &str = "CODEX_RECORD";
/// Names the recording that is played back in the place of a runtime that would be started.
const REPLAY: &str = "CODEX_REPLAY";
/// What the runtime, and what it starts, is not to see: it would write the same file.
pub(super) const VARIABLES: [&str; 2] = [RECORD, REPLAY];

/// Stands for the number of the client.
const NUMBER: &str = "%n";

/// The options of a client, and what the environment says where they say nothing.
pub fn heed_environment<'a>(options: &'a ClientOptions, environment: &Environment) -> Cow<'a, ClientOptions> {
    static CLIENTS: AtomicU64 = AtomicU64::new(1);
    let number = CLIENTS.fetch_add(1, Ordering::Relaxed);
    heed(options, number, environment)
}

fn heed<'a>(options: &'a ClientOptions, number: u64, environment: &Environment) -> Cow<'a, ClientOptions> {
    let file = |name| environment.get(name).filter(|file| !file.is_empty()).map(|file| numbered(file, number));
    let replay = file(REPLAY).filter(|_| options.endpoint == Endpoint::Stdio);
    let is_played_back = matches!(options.endpoint, Endpoint::Replay(_));
    let record = file(RECORD).filter(|_| options.record.is_none() && !is_played_back);
    if replay.is_none() && record.is_none() {
        return Cow::Borrowed(options);
    }
    let mut options = options.clone();
    if let Some(file) = replay {
        options.endpoint = Endpoint::Replay(file);
    }
    options.record = record.or(options.record);
    Cow::Owned(options)
}

fn numbered(file: &OsStr, number: u64) -> PathBuf {
    match file.to_str() {
        Some(name) => name.replace(NUMBER, &number.to_string()).into(),
        None => file.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heeded(options: &ClientOptions, variables: &[(&str, &str)]) -> (String, Option<PathBuf>) {
        let mut environment = Environment::default();
        variables.iter().for_each(|(name, file)| environment.set(name.into(), Some(file.into())));
        let heeded = heed(options, 7, &environment);
        (heeded.endpoint.to_string(), heeded.record.clone())
    }

    #[test]
    fn a_client_whose_options_say_nothing_is_recorded_or_played_back() {
        let options = ClientOptions::default();
        assert_eq!(heeded(&options, &[]), ("stdio:".into(), None));
        assert_eq!(heeded(&options, &[(RECORD, "a"), (REPLAY, "")]), ("stdio:".into(), Some("a".into())));
        assert_eq!(heeded(&options, &[(REPLAY, "b")]), ("replay:b".into(), None));
    }

    #[test]
    fn each_client_has_a_file_of_its_own_where_the_name_says_so() {
        let options = ClientOptions::default();
        assert_eq!(heeded(&options, &[(RECORD, "a-%n.jsonl")]).1, Some("a-7.jsonl".into()));
        assert_eq!(heeded(&options, &[(REPLAY, "a-%n.jsonl")]).0, "replay:a-7.jsonl");
    }

    #[test]
    fn what_the_options_say_comes_first() {
        let named = ClientOptions { record: Some("own".into()), ..ClientOptions::default() };
        assert_eq!(heeded(&named, &[(RECORD, "a")]).1, Some("own".into()));
        let elsewhere = ClientOptions { endpoint: Endpoint::Unix("/s".into()), ..ClientOptions::default() };
        assert_eq!(heeded(&elsewhere, &[(REPLAY, "b")]).0, "unix:/s");
        let played = ClientOptions { endpoint: Endpoint::Replay("own".into()), ..ClientOptions::default() };
        assert_eq!(heeded(&played, &[(RECORD, "a"), (REPLAY, "b")]), ("replay:own".into(), None));
    }
}
