//! Waiting for what another process does, with a guard against hanging.

use std::time::{Duration, Instant};

/// How long a test waits for anything before it calls it hanging.
///
/// A guard only: it is far above what a loaded machine needs, and no test measures by it.
pub(crate) const PATIENCE: Duration = Duration::from_mins(2);

/// Asks `attempt` until it yields something.
///
/// # Panics
/// When nothing has come after [`PATIENCE`]; `what` says what was awaited.
pub(crate) fn until<T>(what: &str, mut attempt: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = attempt() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
