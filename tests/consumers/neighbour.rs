//! Another static library in Rust, with a standard library of its own.

use std::panic::{self, catch_unwind};
use std::thread;

/// Whether its threads, its allocations and its panics work.
#[unsafe(no_mangle)]
pub extern "C" fn neighbour_works() -> bool {
    panic::set_hook(Box::new(|_| ()));
    let panicked = catch_unwind(|| panic!("{}", "on purpose".repeat(2))).is_err();
    let threaded = thread::spawn(|| vec![1; 1000].iter().sum::<i32>()).join();
    panicked && threaded.is_ok_and(|sum| sum == 1000)
}
