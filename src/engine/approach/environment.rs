//! The variables of a process.

use std::env;
use std::ffi::{OsStr, OsString};
use std::iter;
use std::path::{Path, PathBuf};

/// The variables that a process sees, or is to see.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Environment(Vec<(OsString, OsString)>);

impl Environment {
    /// What this process sees now. Reading it races with a host that changes it on another thread.
    pub fn of_this_process() -> Self {
        Self(env::vars_os().collect())
    }

    /// The value of a variable.
    pub fn get(&self, name: &str) -> Option<&OsStr> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_os_str())
    }

    /// Sets a variable, or takes it away.
    pub fn set(&mut self, name: OsString, value: Option<OsString>) {
        self.0.retain(|(known, _)| *known != name);
        self.0.extend(value.map(|value| (name, value)));
    }

    /// The directories of the PATH; nothing when it is not set. An empty entry, which means the current directory, is none.
    pub fn search_path(&self) -> Option<impl Iterator<Item = PathBuf>> {
        let path = self.get("PATH")?;
        Some(env::split_paths(path).filter(|directory| !directory.as_os_str().is_empty()))
    }

    /// Puts a directory in front of the PATH. A process without one searches the system's directories, and goes on so.
    pub fn search_first(&mut self, directory: &Path) {
        let Some(path) = self.get("PATH") else { return };
        let others = env::split_paths(path).filter(|other| other != directory);
        if let Ok(path) = env::join_paths(iter::once(directory.to_owned()).chain(others)) {
            self.set("PATH".into(), Some(path));
        }
    }
}

impl From<Environment> for Vec<(OsString, OsString)> {
    fn from(environment: Environment) -> Self {
        environment.0
    }
}

impl<const COUNT: usize> From<[(&str, &str); COUNT]> for Environment {
    fn from(variables: [(&str, &str); COUNT]) -> Self {
        Self(variables.map(|(name, value)| (name.into(), value.into())).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_searched_first_is_searched_once() {
        let mut environment = Environment::from([("PATH", "/bin:/tools::/sbin")]);
        environment.search_first(Path::new("/tools"));
        assert_eq!(environment, Environment::from([("PATH", "/tools:/bin::/sbin")]));
        environment.search_first(Path::new("/with:colon"));
        assert_eq!(environment, Environment::from([("PATH", "/tools:/bin::/sbin")]));
    }

    #[test]
    fn a_process_without_a_path_gets_none() {
        let mut environment = Environment::default();
        environment.search_first(Path::new("/tools"));
        assert_eq!(environment, Environment::default());
    }
}
