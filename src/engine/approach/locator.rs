//! Where the runtime is.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::environment::Environment;
use super::npm;
use crate::engine::error::{Error, Result, Status};
use crate::sys;

/// Names the executable for programs whose user has it in an unusual place.
const PATH_VARIABLE: &str = "CODEX_PATH";

pub(super) const EXECUTABLE: &str = if cfg!(windows) { "codex.exe" } else { "codex" };

/// The runtime: the path of the options, else of the variable, else what is shipped beside the library, else what is on the PATH.
pub fn find_runtime(explicit: Option<&Path>, own: &Environment) -> Result<PathBuf> {
    let found = Search::default().runtime(explicit, own, sys::own_directory)?;
    Ok(npm::native_executable(&found).unwrap_or(found))
}

/// The program of a command, and its arguments.
pub fn find_command(command: &[OsString], own: &Environment) -> Result<(PathBuf, Vec<OsString>)> {
    let (program, args) = command.split_first().ok_or_else(|| Error::invalid_argument("the command has no program"))?;
    let mut search = Search::default();
    let found = if Path::new(program).components().count() > 1 {
        search.check(PathBuf::from(program))
    } else {
        search.path(program, own)
    };
    let found = found.ok_or_else(|| search.not_found(&program.to_string_lossy()))?;
    Ok((found, args.to_vec()))
}

/// The programs that are packaged with a runtime, for it to find on its PATH.
pub fn tools_of(runtime: &Path) -> Option<PathBuf> {
    let runtime = runtime.canonicalize().ok()?;
    let tools = runtime.parent()?.parent()?.join("codex-path");
    tools.is_dir().then_some(tools)
}

/// A search, and where it was in vain.
#[derive(Default)]
struct Search {
    places: Vec<String>,
}

impl Search {
    fn runtime(
        &mut self,
        explicit: Option<&Path>,
        own: &Environment,
        library: impl FnOnce() -> Option<PathBuf>,
    ) -> Result<PathBuf> {
        if let Some(path) = explicit {
            return self.check(path.to_owned()).ok_or_else(|| self.not_found("codex"));
        }
        if let Some(path) = own.get(PATH_VARIABLE).filter(|path| !path.is_empty()) {
            let named = self.check(PathBuf::from(path));
            return named.ok_or_else(|| self.not_found(&format!("codex, named by {PATH_VARIABLE}")));
        }
        self.places.push(format!("{PATH_VARIABLE} (not set)"));
        let shipped = self.shipped(library());
        shipped.or_else(|| self.path(OsStr::new(EXECUTABLE), own)).ok_or_else(|| self.not_found("codex"))
    }

    /// What an application ships with the library, or with the program that the library is linked into.
    fn shipped(&mut self, library: Option<PathBuf>) -> Option<PathBuf> {
        let Some(directory) = library else {
            self.places.push("beside the library (the system does not tell where that is)".into());
            return None;
        };
        let beside = directory.join("codex/bin").join(EXECUTABLE);
        let of_prefix = directory.parent().map(|prefix| prefix.join("libexec/codex/bin").join(EXECUTABLE));
        [beside].into_iter().chain(of_prefix).find_map(|place| self.check(place))
    }

    fn path(&mut self, program: &OsStr, own: &Environment) -> Option<PathBuf> {
        let Some(mut directories) = own.search_path() else {
            self.places.push("PATH (not set)".into());
            return None;
        };
        directories.find_map(|directory| self.check(directory.join(program)))
    }

    fn check(&mut self, path: PathBuf) -> Option<PathBuf> {
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
        self.places.push(format!("{} ({why})", path.display()));
        None
    }

    fn not_found(&self, what: &str) -> Error {
        let message = format!(
            "the executable {what} was not found; searched: {}; install it with `npm install -g @openai/codex`, ship it \
             beside the library with codex-fetch-runtime, or name it with codex_client_options_set_codex_path or the \
             variable {PATH_VARIABLE}",
            self.places.join(", ")
        );
        Error::new(Status::RuntimeNotFound, message)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::sys::testing::{ScratchDir, executable_file};

    /// Searches for a library that lies in `prefix`/lib.
    fn search(own: &Environment, prefix: &Path) -> Result<PathBuf> {
        Search::default().runtime(None, own, || Some(prefix.join("lib")))
    }

    #[test]
    fn every_place_that_was_searched_is_listed_in_order() {
        let own = Environment::from([("PATH", "/nowhere/a:/nowhere/b")]);
        let error = search(&own, Path::new("/nowhere")).unwrap_err();
        assert_eq!(error.status(), Status::RuntimeNotFound);
        let places = "searched: CODEX_PATH (not set), /nowhere/lib/codex/bin/codex (missing), \
                      /nowhere/libexec/codex/bin/codex (missing), /nowhere/a/codex (missing), /nowhere/b/codex (missing);";
        assert!(error.message().contains(places), "{}", error.message());
    }

    #[test]
    fn a_library_whose_place_is_unknown_leaves_the_path() {
        let error = Search::default().runtime(None, &Environment::default(), || None).unwrap_err();
        let places = "beside the library (the system does not tell where that is), PATH (not set)";
        assert!(error.message().contains(places), "{}", error.message());
    }

    #[test]
    fn a_named_executable_is_never_replaced_by_another() {
        let named = Environment::from([("CODEX_PATH", "/nowhere/codex"), ("PATH", "/bin")]);
        assert!(find_runtime(None, &named).unwrap_err().message().contains("/nowhere/codex (missing)"));
        let named = Environment::from([("CODEX_PATH", "/bin/sh")]);
        let error = find_runtime(Some(Path::new("/tmp")), &named).unwrap_err();
        assert!(error.message().contains("/tmp (a directory)"), "{}", error.message());
    }

    #[test]
    fn what_is_shipped_comes_behind_the_variable_and_before_the_path() {
        let prefix = ScratchDir::new();
        let places =
            ["lib/codex/bin/codex", "libexec/codex/bin/codex", "bin/codex"].map(|place| prefix.path().join(place));
        places.iter().for_each(|place| executable_file(place, ""));
        let path = prefix.path().join("bin").to_str().unwrap().to_owned();
        let own = Environment::from([("PATH", path.as_str())]);
        for place in &places {
            assert_eq!(search(&own, prefix.path()).unwrap(), *place);
            fs::remove_file(place).unwrap();
        }
        executable_file(&places[0], "");
        let named = Environment::from([("CODEX_PATH", "/bin/sh")]);
        assert_eq!(search(&named, prefix.path()).unwrap(), Path::new("/bin/sh"));
    }

    #[test]
    fn the_tools_of_a_runtime_lie_in_its_package() {
        let package = ScratchDir::new();
        let runtime = package.path().join("bin/codex");
        executable_file(&runtime, "");
        assert_eq!(tools_of(&runtime), None);
        let tools = package.path().join("codex-path");
        fs::create_dir(&tools).unwrap();
        assert_eq!(tools_of(&runtime), Some(tools.canonicalize().unwrap()));
    }
}
