//! How npm installs the runtime: `codex` is a script for Node.js, which starts the native executable of another package.

use std::env::consts::{ARCH, OS};
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use super::locator::EXECUTABLE;
use crate::sys;

/// Where the script lies in its package.
const SCRIPT: &str = "bin/codex.js";

/// Longer than any launcher that a package manager writes.
const LONGEST_LAUNCHER: u64 = 8192;

/// The native executable that `program` would start through Node.js; nothing when it is no such script.
pub fn native_executable(program: &Path) -> Option<PathBuf> {
    let script = script_behind(program)?;
    let package = script.parent()?.parent()?;
    let (platform, target) = platform()?;
    let elsewhere = package.ancestors().map(|above| above.join("node_modules/@openai").join(platform));
    let executable_in = |root: PathBuf| root.join("vendor").join(target).join("bin").join(EXECUTABLE);
    elsewhere.chain([package.to_owned()]).map(executable_in).find(|file| sys::is_executable_file(file))
}

/// The package of this platform, and the name that its compiler has for it.
fn platform() -> Option<(&'static str, &'static str)> {
    match (OS, ARCH) {
        ("linux" | "android", "x86_64") => Some(("codex-linux-x64", "x86_64-unknown-linux-musl")),
        ("linux" | "android", "aarch64") => Some(("codex-linux-arm64", "aarch64-unknown-linux-musl")),
        ("macos", "x86_64") => Some(("codex-darwin-x64", "x86_64-apple-darwin")),
        ("macos", "aarch64") => Some(("codex-darwin-arm64", "aarch64-apple-darwin")),
        ("windows", "x86_64") => Some(("codex-win32-x64", "x86_64-pc-windows-msvc")),
        ("windows", "aarch64") => Some(("codex-win32-arm64", "aarch64-pc-windows-msvc")),
        _ => None,
    }
}

/// npm and bun link to the script; pnpm and yarn, and npm on Windows, write a launcher that names it.
fn script_behind(program: &Path) -> Option<PathBuf> {
    let linked = fs::canonicalize(program).ok()?;
    if linked.ends_with(SCRIPT) {
        return Some(linked);
    }
    let named = script_named_in(&text_of(program)?)?;
    fs::canonicalize(program.parent()?.join(named)).ok().filter(|script| script.ends_with(SCRIPT))
}

fn text_of(launcher: &Path) -> Option<String> {
    let mut text = String::new();
    File::open(launcher).ok()?.take(LONGEST_LAUNCHER).read_to_string(&mut text).ok()?;
    Some(text)
}

/// The script, as the launcher finds it from its own directory: `"$basedir/../codex.js"`, `"%dp0%\..\codex.js"`.
fn script_named_in(launcher: &str) -> Option<PathBuf> {
    let quoted = launcher.split('"').find(|quoted| quoted.ends_with("codex.js"))?;
    let (own_directory, script) = quoted.split_once(['/', '\\'])?;
    matches!(own_directory, "$basedir" | "%dp0%" | "%~dp0").then(|| script.replace('\\', "/").into())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::sys::testing::{ScratchDir, executable_file};

    /// A package as npm installs it, with its native executable in the directory of modules given.
    fn install(scratch: &ScratchDir, modules: &str) -> PathBuf {
        let (platform, target) = platform().unwrap();
        let script = scratch.path().join("lib/node_modules/@openai/codex").join(SCRIPT);
        executable_file(&script, "#!/usr/bin/env node");
        let package = scratch.path().join("lib").join(modules).join("@openai").join(platform);
        let native = package.join("vendor").join(target).join("bin").join(EXECUTABLE);
        executable_file(&native, "");
        native
    }

    fn launcher(scratch: &ScratchDir, text: &str) -> PathBuf {
        let path = scratch.path().join("bin/codex");
        executable_file(&path, text);
        path
    }

    #[test]
    fn a_link_to_the_script_leads_to_the_executable_beside_or_inside_of_its_package() {
        for modules in ["node_modules", "node_modules/@openai/codex/node_modules"] {
            let scratch = ScratchDir::new();
            let native = install(&scratch, modules);
            let link = scratch.path().join("codex");
            symlink("lib/node_modules/@openai/codex/bin/codex.js", &link).unwrap();
            assert_eq!(native_executable(&link), Some(fs::canonicalize(native).unwrap()));
        }
    }

    #[test]
    fn a_launcher_that_names_the_script_leads_to_the_executable() {
        let scratch = ScratchDir::new();
        let native = install(&scratch, "node_modules");
        let named = [
            r#"exec node "$basedir/../lib/node_modules/@openai/codex/bin/codex.js" "$@""#,
            r#""%_prog%" "%dp0%\..\lib\node_modules\@openai\codex\bin\codex.js" %*"#,
        ];
        for text in named {
            let launcher = launcher(&scratch, text);
            assert_eq!(native_executable(&launcher), Some(fs::canonicalize(&native).unwrap()), "{text}");
        }
    }

    #[test]
    fn a_script_without_its_executable_and_other_programs_stay_what_they_are() {
        let scratch = ScratchDir::new();
        let native = install(&scratch, "node_modules");
        assert_eq!(native_executable(&native), None);
        assert_eq!(native_executable(Path::new("/bin/sh")), None);
        assert_eq!(native_executable(&launcher(&scratch, r#"exec "$elsewhere/bin/codex.js""#)), None);
        fs::remove_file(&native).unwrap();
        assert_eq!(native_executable(&scratch.path().join("lib/node_modules/@openai/codex").join(SCRIPT)), None);
    }
}
