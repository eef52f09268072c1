//! Wall clock times and fresh ids.

use std::process;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

static COUNTER: AtomicU64 = AtomicU64::new(0);

/// Milliseconds since 1970.
pub(crate) fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |time| time.as_secs() * 1_000 + u64::from(time.subsec_millis()))
}

/// An id in the form of a version 7 UUID, unique among the processes of this machine.
pub(crate) fn fresh_id() -> String {
    let ms = now_ms();
    let count = COUNTER.fetch_add(1, Ordering::Relaxed);
    format!(
        "{:08x}-{:04x}-7{:03x}-{:04x}-{:08x}{:04x}",
        (ms >> 16) & 0xffff_ffff,
        ms & 0xffff,
        (count >> 28) & 0xfff,
        0x8000 | ((count >> 16) & 0xfff),
        process::id(),
        count & 0xffff,
    )
}
