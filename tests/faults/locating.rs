//! Which executable is started, and what it finds on its PATH.

use std::env;
use std::env::consts::{ARCH, OS};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use codex::engine::client::Client;
use codex::engine::client_options::{ClientOptions, Inherit};
use codex::engine::error::Status;
use fake_runtime::Script;

use crate::support::alone::alone_with;
use crate::support::fake::{Fake, executable, play};
use crate::support::real::pid;

/// The scripted runtime in a package of the given root, with tools.
fn package(root: &Path) -> PathBuf {
    let runtime = root.join("bin/codex");
    fs::create_dir_all(root.join("bin")).unwrap();
    fs::create_dir_all(root.join("codex-path")).unwrap();
    fs::hard_link(executable(), &runtime).unwrap();
    runtime.canonicalize().unwrap()
}

/// The script that npm puts on the PATH, and the native executable of its package.
fn npm_install(prefix: &Path) -> (PathBuf, PathBuf) {
    let (platform, target) = match (OS, ARCH) {
        ("linux", "x86_64") => ("codex-linux-x64", "x86_64-unknown-linux-musl"),
        ("linux", "aarch64") => ("codex-linux-arm64", "aarch64-unknown-linux-musl"),
        other => panic!("the test does not know what the package for {other:?} is called"),
    };
    let scope = prefix.join("lib/node_modules/@openai");
    let script = scope.join("codex/bin/codex.js");
    fs::create_dir_all(script.parent().unwrap()).unwrap();
    fs::write(&script, "#!/usr/bin/env node\n").unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let link = prefix.join("codex");
    symlink(script, &link).unwrap();
    (link, package(&scope.join("codex/node_modules/@openai").join(platform).join("vendor").join(target)))
}

fn program_of(client: &Client) -> PathBuf {
    fs::read_link(format!("/proc/{}/exe", pid(client))).unwrap()
}

fn search_path_of(client: &Client) -> Option<String> {
    let variables = fs::read_to_string(format!("/proc/{}/environ", pid(client))).unwrap();
    variables.split('\0').find_map(|variable| variable.strip_prefix("PATH=").map(str::to_owned))
}

fn client_of(fake: &Fake, runtime: &Path) -> Client {
    fake.client_with(|options| options.codex_path = Some(runtime.to_owned()))
}

#[test]
fn every_place_that_was_searched_is_listed() {
    alone_with(&[("CODEX_PATH", None), ("PATH", Some("/nowhere/a:/nowhere/b"))], || {
        let error = Client::connect(&ClientOptions::default()).unwrap_err();
        assert_eq!(error.status(), Status::RuntimeNotFound);
        let own_file = env::current_exe().unwrap();
        let beside = format!("{}/codex/bin/codex (missing)", own_file.parent().unwrap().display());
        for place in ["CODEX_PATH (not set)", &beside, "/nowhere/a/codex (missing)", "/nowhere/b/codex (missing)"] {
            assert!(error.message().contains(place), "{}", error.message());
        }
    });
}

#[test]
fn a_script_of_npm_is_followed_and_no_node_stays_in_between() {
    play(Script::new(), |fake| {
        let (link, native) = npm_install(fake.root());
        assert_eq!(program_of(&client_of(fake, &link)), native);
    });
}

#[test]
fn the_tools_of_the_package_come_first_on_the_path_of_the_runtime() {
    play(Script::new(), |fake| {
        let runtime = package(fake.root());
        let tools = fake.root().join("codex-path").canonicalize().unwrap();
        let own = env::var("PATH").unwrap();
        assert_eq!(search_path_of(&client_of(fake, &runtime)), Some(format!("{}:{own}", tools.display())));

        let client = fake.client_with(|options| {
            options.codex_path = Some(runtime.clone());
            options.set_env("PATH", Some("/bin")).unwrap();
        });
        assert_eq!(search_path_of(&client), Some(format!("{}:/bin", tools.display())));
    });
}

#[test]
fn a_runtime_without_tools_or_without_a_path_keeps_what_it_was_given() {
    play(Script::new(), |fake| {
        assert_eq!(search_path_of(&fake.client()), env::var("PATH").ok());
        let runtime = package(fake.root());
        let client = fake.client_with(|options| {
            options.codex_path = Some(runtime.clone());
            options.inherit = Inherit::Nothing;
        });
        assert_eq!(search_path_of(&client), None);
    });
}
