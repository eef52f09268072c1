//! Which executable is the runtime, and what it is started with.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};

use super::client_options::{ClientOptions, Inherit};
use super::error::{Error, Result, Status};
use crate::sys;

/// Names the executable for programs whose user has it in an unusual place.
const PATH_VARIABLE: &str = "CODEX_PATH";

const EXECUTABLE: &str = if cfg!(windows) { "codex.exe" } else { "codex" };

/// Everything that is needed to start the runtime.
pub struct Launch {
    /// The executable.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// Its whole environment.
    pub env: Vec<(OsString, OsString)>,
    /// The directory that it starts in.
    pub cwd: Option<PathBuf>,
}

impl fmt::Debug for Launch {
    /// Without arguments and variables, which may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Launch").field("program", &self.program).field("cwd", &self.cwd).finish_non_exhaustive()
    }
}

type Environment = Vec<(OsString, OsString)>;

impl Launch {
    /// What `options` ask for. The environment of the process is read here, on the caller's thread, and nowhere else.
    pub fn prepare(options: &ClientOptions) -> Result<Self> {
        let own: Environment = std::env::vars_os().collect();
        let (program, args) = match &options.command {
            Some(command) => command_line(command, &own)?,
            None => (find_runtime(options.codex_path.as_deref(), &own)?, arguments(options)),
        };
        check_directory(options.cwd.as_deref())?;
        Ok(Self { program, args, env: environment(options, own), cwd: options.cwd.clone() })
    }
}

/// Some systems tell only that starting failed, not why.
fn check_directory(cwd: Option<&Path>) -> Result<()> {
    let Some(missing) = cwd.filter(|cwd| !cwd.is_dir()) else { return Ok(()) };
    let message = format!("the runtime cannot start in {}: there is no such directory", missing.display());
    Err(Error::new(Status::RuntimeStart, message))
}

fn arguments(options: &ClientOptions) -> Vec<OsString> {
    let overrides = options.config.iter().flat_map(|entry| ["--config".into(), OsString::from(entry)]);
    overrides.chain(["app-server".into()]).collect()
}

fn environment(options: &ClientOptions, own: Environment) -> Environment {
    let mut env = match options.inherit {
        Inherit::Environment => own,
        Inherit::Nothing => Vec::new(),
    };
    let home = options.codex_home.iter().map(|home| (OsString::from("CODEX_HOME"), Some(home.clone())));
    for (name, value) in home.chain(options.env.iter().cloned()) {
        env.retain(|(known, _)| *known != name);
        env.extend(value.map(|value| (name, value)));
    }
    env
}

fn command_line(command: &[OsString], own: &Environment) -> Result<(PathBuf, Vec<OsString>)> {
    let (program, args) = command.split_first().ok_or_else(|| Error::invalid_argument("the command has no program"))?;
    let mut places = Vec::new();
    let found = if Path::new(program).components().count() > 1 {
        check(PathBuf::from(program), &mut places)
    } else {
        search_path(program, own, &mut places)
    };
    let program = found.ok_or_else(|| not_found(&program.to_string_lossy(), &places))?;
    Ok((program, args.to_vec()))
}

/// The path of the options, else the variable, else the PATH.
fn find_runtime(explicit: Option<&Path>, own: &Environment) -> Result<PathBuf> {
    let mut places = Vec::new();
    if let Some(path) = explicit {
        return check(path.to_owned(), &mut places).ok_or_else(|| not_found("codex", &places));
    }
    if let Some(path) = variable(own, PATH_VARIABLE).filter(|path| !path.is_empty()) {
        let named = check(PathBuf::from(path), &mut places);
        return named.ok_or_else(|| not_found(&format!("codex, named by {PATH_VARIABLE}"), &places));
    }
    places.push(format!("{PATH_VARIABLE} (not set)"));
    search_path(OsStr::new(EXECUTABLE), own, &mut places).ok_or_else(|| not_found("codex", &places))
}

fn search_path(program: &OsStr, own: &Environment, places: &mut Vec<String>) -> Option<PathBuf> {
    let Some(path) = variable(own, "PATH") else {
        places.push("PATH (not set)".into());
        return None;
    };
    let directories = std::env::split_paths(path).filter(|directory| !directory.as_os_str().is_empty());
    directories.map(|directory| directory.join(program)).find_map(|candidate| check(candidate, places))
}

fn check(path: PathBuf, places: &mut Vec<String>) -> Option<PathBuf> {
    if sys::is_executable_file(&path) {
        return Some(path);
    }
    let why = if path.is_dir() {
        "a directory"
    } else if path.exists() {
        "not executable"
    } else {
        "missing"
    };
    places.push(format!("{} ({why})", path.display()));
    None
}

fn variable<'a>(own: &'a Environment, name: &str) -> Option<&'a OsStr> {
    own.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_os_str())
}

fn not_found(what: &str, places: &[String]) -> Error {
    let message = format!(
        "the executable {what} was not found; searched: {}. Install it with `npm install -g @openai/codex`, or name it \
         with set_codex_path or the variable {PATH_VARIABLE}",
        places.join(", ")
    );
    Error::new(Status::RuntimeNotFound, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(variables: &[(&str, &str)]) -> Environment {
        variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value))).collect()
    }

    #[test]
    fn every_place_that_was_searched_is_listed() {
        let error = find_runtime(None, &own(&[("PATH", "/nowhere/a:/nowhere/b")])).unwrap_err();
        assert_eq!(error.status(), Status::RuntimeNotFound);
        for place in ["CODEX_PATH (not set)", "/nowhere/a/codex (missing)", "/nowhere/b/codex (missing)"] {
            assert!(error.message().contains(place), "{}", error.message());
        }
    }

    #[test]
    fn a_named_executable_is_never_replaced_by_another() {
        let variables = own(&[("CODEX_PATH", "/nowhere/codex"), ("PATH", "/bin")]);
        assert!(find_runtime(None, &variables).unwrap_err().message().contains("/nowhere/codex (missing)"));
        let error = find_runtime(Some(Path::new("/tmp")), &own(&[("CODEX_PATH", "/bin/sh")])).unwrap_err();
        assert!(error.message().contains("/tmp (a directory)"), "{}", error.message());
    }

    #[test]
    fn variables_are_set_unset_and_inherited_as_asked() {
        let mut options = ClientOptions { codex_home: Some("/home".into()), ..ClientOptions::default() };
        options.set_env("A", Some("2")).unwrap();
        options.set_env("B", None).unwrap();
        let env = environment(&options, own(&[("A", "1"), ("B", "1"), ("C", "1")]));
        assert_eq!(env, own(&[("C", "1"), ("CODEX_HOME", "/home"), ("A", "2")]));
        options.inherit = Inherit::Nothing;
        assert_eq!(environment(&options, own(&[("C", "1")])), own(&[("CODEX_HOME", "/home"), ("A", "2")]));
    }

    #[test]
    fn overrides_come_before_the_command_of_the_runtime() {
        let mut options = ClientOptions::default();
        options.add_config("model=\"x\"").unwrap();
        assert_eq!(arguments(&options), ["--config", "model=\"x\"", "app-server"]);
        assert!(options.add_config("no equals sign").is_err());
    }
}
