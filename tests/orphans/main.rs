//! However a client ends, nothing of what its runtime started lives on, and nobody else is signalled. Each test starts a host
//! in a process of its own, with the real runtime and real commands.
#![cfg(target_os = "linux")]

#[path = "../support/mod.rs"]
mod support;

mod agent;
mod host;
mod witness;

use std::thread;
use std::time::{Duration, Instant};

use host::{Ending, Host, Role};
use witness::Witness;

use crate::support::fake::in_time;
use crate::support::real::Version;

/// How long something of a tree may live after its end.
const LEFT: Duration = Duration::from_secs(2);

/// Makes a test of each way to end.
macro_rules! nothing_is_left {
    ($($name:ident: $ending:expr),+ $(,)?) => {
        $(#[test]
        fn $name() {
            match host::role() {
                Role::Host(version) => host::live(version, $ending),
                Role::Test => in_time(|| leaves_nothing(stringify!($name), $ending)),
            }
        })+
    };
}

nothing_is_left! {
    of_a_client_that_is_closed: Ending::Closes,
    of_a_client_that_is_freed: Ending::Frees,
    of_a_runtime_that_is_killed: Ending::RuntimeIsKilled,
    of_a_runtime_that_crashes: Ending::RuntimeCrashes,
    of_a_runtime_that_reads_nothing_when_its_client_is_closed: Ending::ClosesDeafRuntime,
    of_a_runtime_that_reads_nothing_when_its_client_is_freed: Ending::FreesDeafRuntime,
    of_a_host_that_is_killed: Ending::HostIsKilled,
    of_a_host_that_exits_in_an_event_callback: Ending::ExitsInEventCallback,
    of_a_host_that_exits_in_a_request_handler: Ending::ExitsInRequestHandler,
    of_a_host_that_exits_right_after_it_freed_its_client: Ending::FreesAndExits,
}

fn leaves_nothing(test: &str, ending: Ending) {
    for version in [Version::Pinned, Version::Old] {
        leaves_nothing_of(version, test, ending);
    }
}

fn leaves_nothing_of(version: Version, test: &str, ending: Ending) {
    let mut host = Host::start(test, version);
    let witnesses = Witness::around(host.tree());
    host.end(ending);
    let ended = Instant::now();
    let alive = || host.tree().alive(ending.reach());
    while !alive().is_empty() && ended.elapsed() < ending.patience() + LEFT {
        thread::sleep(Duration::from_millis(10));
    }
    let left = alive();
    assert!(left.is_empty(), "{version:?}: {:?} after the end there is still: {left:#?}", ended.elapsed());
    witnesses.iter().for_each(Witness::assert_untouched);
}
