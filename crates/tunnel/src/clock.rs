//! Noticing that the machine slept.

use std::sync::Arc;
use std::time::Duration;

/// Tells how long the machine has been suspended since it started.
///
/// Timers run on the monotonic clock, which stands still during suspend; what the boot-time clock
/// has in excess of it is the time slept.
#[derive(Clone)]
pub struct SuspendClock(Arc<dyn Fn() -> Duration + Send + Sync>);

impl SuspendClock {
    /// The clocks of the system.
    pub fn system() -> Self {
        Self(Arc::new(suspended))
    }

    /// Takes a function that returns the total time slept; for tests.
    pub fn from_fn(slept: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        Self(Arc::new(slept))
    }

    /// The total time slept so far.
    pub fn suspended(&self) -> Duration {
        (self.0)()
    }
}

impl Default for SuspendClock {
    fn default() -> Self {
        Self::system()
    }
}

impl std::fmt::Debug for SuspendClock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("SuspendClock").finish_non_exhaustive()
    }
}

#[cfg(target_os = "linux")]
fn suspended() -> Duration {
    use rustix::time::{ClockId, clock_gettime};

    let boot = clock_gettime(ClockId::Boottime);
    let monotonic = clock_gettime(ClockId::Monotonic);
    let seconds = boot.tv_sec.saturating_sub(monotonic.tv_sec);
    let nanos = boot.tv_nsec.saturating_sub(monotonic.tv_nsec);
    let total = i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
    // The two readings are not simultaneous, so the difference may be slightly negative.
    Duration::from_nanos(u64::try_from(total).unwrap_or(0))
}

/// Elsewhere wall time stands in: it runs on during suspend, and what it has in excess of the
/// monotonic clock since the first call counts as sleep. A clock set by hand counts too, which
/// costs one needless reconnection.
#[cfg(not(target_os = "linux"))]
fn suspended() -> Duration {
    use std::sync::OnceLock;
    use std::time::{Instant, SystemTime};

    static START: OnceLock<(SystemTime, Instant)> = OnceLock::new();
    let (wall, monotonic) = START.get_or_init(|| (SystemTime::now(), Instant::now()));
    wall.elapsed().unwrap_or_default().saturating_sub(monotonic.elapsed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_awake_machine_does_not_fall_asleep() {
        let clock = SuspendClock::system();
        let before = clock.suspended();
        let after = clock.suspended();
        assert!(after.abs_diff(before) < Duration::from_millis(500));
    }
}
