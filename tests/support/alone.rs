//! Tests that need a process of their own, because they look at what belongs to the whole process, or change it.

use std::any::type_name;
use std::env;
use std::process::{Command, Output};

use super::fake::in_time;

const ALONE: &str = "LIBCODEX_TEST_ALONE";

/// Runs the calling test in a process of its own; it fails instead of hanging.
pub fn alone<F: FnOnce() + Send + 'static>(test: F) {
    alone_with(&[], test);
}

/// The same with variables set, or unset.
pub fn alone_with<F: FnOnce() + Send + 'static>(variables: &[(&str, Option<&str>)], test: F) {
    if env::var_os(ALONE).is_some() {
        return in_time(test);
    }
    assert_passed(&rerun::<F>(variables));
}

/// The same for a test during which nothing may be printed.
pub fn silently_alone<F: FnOnce() + Send + 'static>(test: F) {
    if env::var_os(ALONE).is_some() {
        return in_time(test);
    }
    let output = rerun::<F>(&[]);
    assert_passed(&output);
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

/// Runs this program again with nothing but the test that `F` is the body of.
fn rerun<F>(variables: &[(&str, Option<&str>)]) -> Output {
    let path = type_name::<F>().trim_end_matches("::{{closure}}");
    let (_, name) = path.split_once("::").expect("a test has a path");
    let mut command = Command::new(env::current_exe().expect("the path of this program"));
    command.args([name, "--exact", "--nocapture", "--test-threads=1"]).env(ALONE, "1");
    for (name, value) in variables {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.output().expect("this program runs")
}

fn assert_passed(output: &Output) {
    let said = String::from_utf8_lossy(&output.stdout);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "{}\n{said}\n{complaint}", output.status);
}
