//! What this process has, as the system counts it.

use std::fs;
use std::process;
use std::thread;
use std::time::{Duration, Instant};

use codex::sys::MARKER;

/// With one arena for all threads, the allocator can give back what is free.
pub const VARIABLES: [(&str, Option<&str>); 1] = [("MALLOC_ARENA_MAX", Some("1"))];

/// How much memory may stay in pieces between what is in use, and in the stacks that are kept for threads to come.
const SLACK: u64 = 1 << 20;

/// How long it may take to give something back.
const PATIENCE: Duration = Duration::from_secs(10);

/// What this process has.
#[derive(Debug)]
#[allow(dead_code)] // All of it is shown when a test fails.
pub struct Possessions {
    descriptors: usize,
    threads: usize,
    /// Its children, dead or alive, and what they left behind.
    processes: Vec<u32>,
    resident: u64,
}

/// What this process has now.
pub fn now() -> Possessions {
    Possessions { descriptors: entries("fd"), threads: entries("task"), processes: processes(), resident: resident() }
}

impl Possessions {
    /// The same, with the memory of another time: code that runs for the first time leaves things that are needed again.
    pub fn with_memory_of(self, other: Self) -> Self {
        Self { resident: other.resident, ..self }
    }

    /// Whether nothing was added since. What is given back may take a moment.
    pub fn were_given_back(&self) -> bool {
        let is_more = |now: Self| {
            now.descriptors > self.descriptors
                || now.threads > self.threads
                || !now.processes.is_empty()
                || now.resident > self.resident + SLACK
        };
        let deadline = Instant::now() + PATIENCE;
        while is_more(now()) {
            if Instant::now() > deadline {
                return false;
            }
            thread::sleep(Duration::from_millis(20));
        }
        true
    }
}

fn entries(directory: &str) -> usize {
    fs::read_dir(format!("/proc/self/{directory}")).expect("this process").count()
}

fn processes() -> Vec<u32> {
    let all = fs::read_dir("/proc").expect("the processes of this machine").flatten();
    let pids = all.filter_map(|process| process.file_name().to_str()?.parse().ok());
    pids.filter(|pid| is_child(*pid) || is_marked(*pid)).collect()
}

fn is_child(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields = stat.rsplit_once(") ").map(|(_, fields)| fields.split(' '));
    fields.and_then(|mut fields| fields.nth(1)).is_some_and(|parent| parent == process::id().to_string())
}

fn is_marked(pid: u32) -> bool {
    let marker = format!("{MARKER}={}-", process::id());
    let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    environment.split(|byte| *byte == 0).any(|variable| variable.starts_with(marker.as_bytes()))
}

/// The memory of this process alone, without what the allocator keeps in reserve.
#[allow(unsafe_code)] // The standard library has no safe form of it.
fn resident() -> u64 {
    #[cfg(target_env = "gnu")]
    // SAFETY: the call has no preconditions.
    unsafe {
        libc::malloc_trim(0)
    };
    let status = fs::read_to_string("/proc/self/status").expect("the status of this process");
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).expect("its memory");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
}
