//! What the runtime is started with.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use super::environment::Environment;
use super::locator;
use super::recordings::VARIABLES;
use crate::engine::client_options::{ClientOptions, Inherit};
use crate::engine::error::{Error, Result, Status};

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

impl Launch {
    /// What `options` ask for, in a process that sees `own`.
    pub fn prepare(options: &ClientOptions, own: Environment) -> Result<Self> {
        let (program, args) = match &options.command {
            Some(command) => locator::find_command(command, &own)?,
            None => (locator::find_runtime(options.codex_path.as_deref(), &own)?, arguments(options)),
        };
        check_directory(options.cwd.as_deref())?;
        let mut env = environment(options, own);
        if let Some(tools) = locator::tools_of(&program) {
            env.search_first(&tools);
        }
        Ok(Self { program, args, env: env.into(), cwd: options.cwd.clone() })
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
        Inherit::Nothing => Environment::default(),
    };
    VARIABLES.iter().for_each(|ours| env.set(ours.into(), None));
    let home = options.codex_home.iter().map(|home| (OsString::from("CODEX_HOME"), Some(home.clone())));
    for (name, value) in home.chain(options.env.iter().cloned()) {
        env.set(name, value);
    }
    env
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_set_unset_and_inherited_as_asked() {
        let mut options = ClientOptions { codex_home: Some("/home".into()), ..ClientOptions::default() };
        options.set_env("A", Some("2")).unwrap();
        options.set_env("B", None).unwrap();
        let env = environment(&options, [("A", "1"), ("B", "1"), ("C", "1")].into());
        assert_eq!(env, [("C", "1"), ("CODEX_HOME", "/home"), ("A", "2")].into());
        options.inherit = Inherit::Nothing;
        assert_eq!(environment(&options, [("C", "1")].into()), [("CODEX_HOME", "/home"), ("A", "2")].into());
    }

    #[test]
    fn overrides_come_before_the_command_of_the_runtime() {
        let mut options = ClientOptions::default();
        options.add_config("model=\"x\"").unwrap();
        assert_eq!(arguments(&options), ["--config", "model=\"x\"", "app-server"]);
        assert!(options.add_config("no equals sign").is_err());
    }
}
