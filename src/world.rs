//! What a program goes by beside its arguments: the machine's clocks, and how tunnels behave. Tests
//! have programs of their own that go by others.

use std::fmt;
use std::sync::Arc;

use adit_aws::Clock;
use adit_tunnel::{SuspendClock, TunnelOptions};

type Tune = Arc<dyn Fn(&mut TunnelOptions) + Send + Sync>;

/// The clocks, and what is changed about tunnels; by default the system's, and nothing.
#[derive(Clone, Default)]
pub struct World {
    pub(crate) clock: Clock,
    pub(crate) suspend: SuspendClock,
    /// The clock of limits.
    pub(crate) limits: SuspendClock,
    tune: Option<Tune>,
}

impl World {
    /// One that goes by these clocks.
    pub fn of(clock: Clock, suspend: SuspendClock) -> Self {
        Self { clock, limits: suspend.clone(), suspend, tune: None }
    }

    /// Has limits go by another clock than the one by which tunnels notice that the machine slept.
    #[must_use]
    pub fn limited(self, limits: SuspendClock) -> Self {
        Self { limits, ..self }
    }

    /// Changes the options of every tunnel.
    #[must_use]
    pub fn tuned(self, tune: impl Fn(&mut TunnelOptions) + Send + Sync + 'static) -> Self {
        Self { tune: Some(Arc::new(tune)), ..self }
    }

    /// The options of a tunnel in it.
    pub(crate) fn tune(&self, options: &mut TunnelOptions) {
        options.clock = self.suspend.clone();
        if let Some(tune) = &self.tune {
            tune(options);
        }
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World").field("clock", &self.clock).finish_non_exhaustive()
    }
}
