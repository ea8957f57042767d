//! How long an open tunnel may go on: kept to by one, asked and extended by others.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use adit_tunnel::{ExtendError, LimitEvent, Limits, LimitsConfig, Remaining, SuspendClock};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use crate::ui::{long_span, moment};

/// The limits of one open tunnel; clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct Leash(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    config: LimitsConfig,
    state: Mutex<State>,
    /// Wakes whoever keeps to the limits.
    changed: Notify,
}

#[derive(Debug)]
struct State {
    limits: Limits,
    clock: SuspendClock,
    start: Instant,
    /// What had slept before, and is of no account.
    slept_before: Duration,
    /// What has slept since.
    slept: Duration,
    /// The payload byte that moved last.
    seen: Option<Instant>,
    /// By how much it was extended in all.
    granted: Duration,
    /// What nobody has told yet.
    extended: VecDeque<Extended>,
}

/// What is left of a tunnel's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Left {
    /// Until it is closed if nothing moves.
    pub(crate) idle: Option<Duration>,
    /// Until it is closed in any case.
    pub(crate) maximum: Duration,
    /// Until it would be closed, however often it was extended.
    pub(crate) ceiling: Duration,
}

/// An extension that was granted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Extended {
    /// When the maximum is reached now, in RFC 3339.
    pub(crate) until: String,
    pub(crate) by_s: u64,
    /// Whether the ceiling left less than was asked for.
    pub(crate) cut: bool,
}

impl fmt::Display for Extended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { until, by_s, cut } = self;
        write!(f, "extended by {}", long_span(Duration::from_secs(*by_s)))?;
        if *cut {
            write!(f, ", all that its ceiling leaves")?;
        }
        write!(f, "; open until {until} at the longest")
    }
}

impl Leash {
    /// Begins now.
    pub(super) fn new(config: LimitsConfig, clock: SuspendClock) -> Self {
        let slept_before = clock.suspended();
        let start = Instant::now();
        Self(Arc::new(Inner {
            config,
            state: Mutex::new(State {
                limits: Limits::new(config, start),
                clock,
                start,
                slept_before,
                slept: Duration::ZERO,
                seen: None,
                granted: Duration::ZERO,
                extended: VecDeque::new(),
            }),
            changed: Notify::new(),
        }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is left at this moment, as far as is known of what has moved.
    pub(crate) fn left(&self) -> Left {
        let state = self.state();
        let (now, _) = state.now();
        let Remaining { idle, maximum } = state.limits.remaining(now);
        let ceiling = (state.start + self.0.config.ceiling).saturating_duration_since(now);
        Left { idle, maximum, ceiling: ceiling.max(maximum) }
    }

    /// The longest that the tunnel lasts as things stand.
    pub(crate) fn whole(&self) -> Duration {
        let LimitsConfig { max, ceiling, .. } = self.0.config;
        max.min(ceiling) + self.state().granted
    }

    /// How much an extension adds of which nobody says how long it is to be: the whole time once
    /// more, or what the ceiling leaves. Nothing where it leaves nothing.
    pub(crate) fn step(&self) -> Option<Duration> {
        let left = self.left();
        Some(self.0.config.max.min(left.ceiling.saturating_sub(left.maximum)))
            .filter(|step| !step.is_zero())
    }

    /// Moves the maximum's end; by the whole time once more where nobody says by how much.
    pub(crate) fn extend(&self, by: Option<Duration>) -> Result<Extended, ExtendError> {
        let mut state = self.state();
        let (now, _) = state.now();
        let by = by.unwrap_or(self.0.config.max);
        let granted = state.limits.extend(by, now)?;
        let extended = Extended {
            until: moment(SystemTime::now() + granted.end.saturating_duration_since(now)),
            by_s: granted.by.as_secs(),
            cut: granted.is_cut,
        };
        state.granted += granted.by;
        state.extended.push_back(extended.clone());
        drop(state);
        self.0.changed.notify_one();
        Ok(extended)
    }

    /// Does what is due, after a byte has moved at `last`. Gives what has come of it, or how long
    /// nothing is due if nobody extends it.
    pub(super) fn turn(&self, last: Option<Instant>) -> Turn {
        let mut state = self.state();
        if let Some(extended) = state.extended.pop_front() {
            return Turn::Extended(extended);
        }
        let (now, slept) = state.now();
        if last != state.seen
            && let Some(at) = last
        {
            // Nobody knows whether it moved before a sleep that is noticed only now, or after: the
            // sleep counts.
            let slept_before = state.slept;
            state.limits.activity(at + slept_before);
            state.seen = last;
        }
        state.slept = slept;
        state.limits.handle_timeout(now);
        if let Some(event) = state.limits.poll_event() {
            return Turn::Event(event);
        }
        let due = state.limits.poll_timeout();
        Turn::Nothing(due.map(|at| at.saturating_duration_since(now)))
    }

    /// Waits until somebody has extended it.
    pub(super) async fn changed(&self) {
        self.0.changed.notified().await;
    }
}

impl State {
    /// The time by the clock that runs while the machine sleeps, and how long it has slept.
    fn now(&self) -> (Instant, Duration) {
        let slept = self.clock.suspended().saturating_sub(self.slept_before);
        (Instant::now() + slept, slept)
    }
}

/// What has come of looking at the limits.
#[derive(Debug)]
pub(super) enum Turn {
    Extended(Extended),
    Event(LimitEvent),
    /// For so long, as far as is known.
    Nothing(Option<Duration>),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leash(max: u64, ceiling: u64) -> Leash {
        let minutes = Duration::from_mins;
        let config =
            LimitsConfig { idle: Some(minutes(20)), max: minutes(max), ceiling: minutes(ceiling) };
        Leash::new(config, SuspendClock::from_fn(|| Duration::ZERO))
    }

    #[test]
    fn it_is_extended_by_itself_up_to_the_ceiling() {
        let leash = leash(60, 150);
        assert_eq!(leash.step(), Some(Duration::from_hours(1)));
        let first = leash.extend(None).unwrap();
        assert_eq!((first.by_s, first.cut), (3600, false));
        assert_eq!(leash.step(), Some(Duration::from_mins(30)));
        let second = leash.extend(None).unwrap();
        assert_eq!((second.by_s, second.cut), (1800, true));
        assert_eq!(leash.step(), None);
        assert!(matches!(leash.extend(None), Err(ExtendError::AtCeiling { .. })));
        let left = leash.left();
        assert_eq!(left.maximum, left.ceiling);
        assert!(left.idle <= Some(Duration::from_mins(20)));
        // Both are told, in their order.
        for expected in [first, second] {
            assert!(matches!(leash.turn(None), Turn::Extended(told) if told == expected));
        }
        assert!(matches!(leash.turn(None), Turn::Nothing(Some(_))));
    }

    #[tokio::test]
    async fn whoever_keeps_to_it_hears_of_an_extension() {
        let leash = leash(60, 120);
        leash.extend(Some(Duration::from_mins(5))).unwrap();
        leash.changed().await;
        assert!(matches!(leash.turn(None), Turn::Extended(told) if told.by_s == 300));
    }

    #[test]
    fn what_moved_just_before_a_sleep_does_not_shorten_it() {
        let slept = Arc::new(Mutex::new(Duration::ZERO));
        let clock = {
            let slept = Arc::clone(&slept);
            SuspendClock::from_fn(move || *slept.lock().unwrap())
        };
        let hours = Duration::from_hours;
        let config = LimitsConfig {
            idle: Some(Duration::from_mins(20)),
            max: hours(12),
            ceiling: hours(12),
        };
        let leash = Leash::new(config, clock);
        let sleep = |minutes| *slept.lock().unwrap() += Duration::from_mins(minutes);
        // A byte moves, the machine sleeps, and only then somebody looks.
        let byte = Some(Instant::now());
        sleep(10);
        assert!(matches!(leash.turn(byte), Turn::Nothing(_)));
        let idle = leash.left().idle.unwrap();
        assert!(idle <= Duration::from_mins(10), "{idle:?}");
        // What moves from here on is known to be behind the sleep.
        let byte = Some(Instant::now());
        assert!(matches!(leash.turn(byte), Turn::Nothing(_)));
        assert!(leash.left().idle.unwrap() > Duration::from_mins(19));
        sleep(20);
        let over = leash.turn(byte);
        assert!(matches!(over, Turn::Event(LimitEvent::Ended { .. })), "{over:?}");
    }

    #[test]
    fn one_without_a_ceiling_of_its_own_is_not_extended() {
        assert_eq!(leash(60, 60).step(), None);
    }
}
