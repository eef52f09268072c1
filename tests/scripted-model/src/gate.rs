//! Named gates: places in a response where the model waits for the test.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::watched::Watched;

#[derive(Clone, Copy, Debug, Default)]
struct State {
    reached: bool,
    released: bool,
}

/// All gates of one model; a gate exists as soon as somebody names it.
#[derive(Debug, Default)]
pub(crate) struct Gates(Watched<HashMap<String, State>>);

impl Gates {
    pub(crate) fn release(&self, name: &str) {
        self.change(name, |gate| gate.released = true);
    }

    /// Marks the gate as reached and waits for its release.
    pub(crate) async fn pass(&self, name: &str) {
        self.change(name, |gate| gate.reached = true);
        self.0.until(|gates| gates[name].released).await;
    }

    pub(crate) async fn until_reached(&self, name: &str) {
        self.0.until(|gates| is_reached(gates, name)).await;
    }

    fn change(&self, name: &str, change: impl FnOnce(&mut State)) {
        self.0.update(|gates| change(gates.entry(name.to_owned()).or_default()));
    }
}

fn is_reached(gates: &HashMap<String, State>, name: &str) -> bool {
    gates.get(name).is_some_and(|gate| gate.reached)
}

/// A place in a response where the model stops until the test releases it.
///
/// A gate that is released stays open: whatever reaches it later passes at once.
#[derive(Clone, Debug)]
pub struct Gate {
    name: String,
    gates: Arc<Gates>,
}

impl Gate {
    pub(crate) fn new(name: &str, gates: Arc<Gates>) -> Self {
        Self { name: name.to_owned(), gates }
    }

    /// Opens the gate for the response that waits there and for all that come later.
    pub fn release(&self) {
        self.gates.release(&self.name);
    }

    /// Blocks until a response has sent everything before the gate.
    ///
    /// # Panics
    ///
    /// When no response reaches the gate within the time.
    pub fn wait_until_reached(&self, timeout: Duration) {
        let name = &self.name;
        let reached = self.gates.0.wait(timeout, |gates| is_reached(gates, name));
        assert!(
            reached,
            "No response reached the gate {name:?} within {timeout:?}: queue a response that has this gate, \
             and let the runtime ask for it."
        );
    }
}
