//! How long to wait before an overloaded runtime is asked again.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(100);
const CAP: Duration = Duration::from_secs(2);

/// Capped exponential delays with jitter, so that many clients do not come back at the same moment.
#[derive(Debug)]
pub struct Backoff {
    random: u64,
}

impl Backoff {
    /// `seed` decides the jitter.
    pub fn new(seed: u64) -> Self {
        Self { random: seed | 1 }
    }

    /// The delay before attempt number `attempt` (1 is the first repetition): between half of the step and the step.
    pub fn delay(&mut self, attempt: u32) -> Duration {
        let step = FIRST.saturating_mul(1 << attempt.saturating_sub(1).min(16)).min(CAP);
        let half = step / 2;
        let spread = u64::try_from(half.as_micros()).unwrap_or(u64::MAX).max(1);
        half + Duration::from_micros(self.next() % spread)
    }

    fn next(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_up_to_the_cap_and_never_beyond() {
        let mut backoff = Backoff::new(7);
        for attempt in 1..40 {
            let step = FIRST.saturating_mul(1 << (attempt - 1).min(16)).min(CAP);
            let delay = backoff.delay(attempt);
            assert!(delay >= step / 2 && delay <= step, "attempt {attempt}: {delay:?}");
        }
    }
}
