//! The limits beside a model of them that is too simple to be wrong.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::test_clock::origin;

const HOUR: u64 = 60 * 60;

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// The same rules over the whole history, in seconds from the start and looked up anew each time.
struct Model {
    idle: Option<u64>,
    ceiling: u64,
    activity: Vec<u64>,
    maximum: u64,
    /// Warnings that were told, or are not to be: the limit, its end, and how long before it.
    told: Vec<(Limit, u64, u64)>,
    ended: bool,
}

impl Model {
    fn ends(&self) -> Vec<(Limit, u64, u64)> {
        let last = *self.activity.iter().max().expect("the start");
        let idle = self.idle.map(|idle| (Limit::Idle, idle, last + idle));
        idle.into_iter().chain([(Limit::Maximum, self.maximum, self.maximum)]).collect()
    }

    fn due(&self, now: u64, limit: Limit) -> Vec<(Limit, u64, u64)> {
        let ends = self.ends();
        let (_, length, end) = ends.iter().find(|(it, ..)| *it == limit).expect("has it");
        [300, 60]
            .into_iter()
            .filter(|before| length > before && now + before >= *end)
            .map(|before| (limit, *end, before))
            .filter(|warning| !self.told.contains(warning))
            .collect()
    }

    fn handle(&mut self, now: u64) -> Vec<LimitEvent> {
        if self.ended {
            return Vec::new();
        }
        let mut passed: Vec<_> = self.ends().into_iter().filter(|(.., end)| *end <= now).collect();
        passed.sort_by_key(|(limit, _, end)| (*end, *limit == Limit::Idle));
        if let Some((limit, ..)) = passed.first() {
            self.ended = true;
            return vec![LimitEvent::Ended { limit: *limit }];
        }
        let mut events = Vec::new();
        for (limit, _, end) in self.ends() {
            let due = self.due(now, limit);
            if !due.is_empty() {
                events.push(LimitEvent::Warning { limit, left: s(end - now) });
            }
            self.told.extend(due);
        }
        events
    }

    /// The seconds that were granted.
    fn extend(&mut self, by: u64, now: u64) -> Option<u64> {
        if self.ended || self.ends().iter().any(|(.., end)| *end <= now) {
            return None;
        }
        let granted = by.min(self.ceiling.checked_sub(self.maximum).filter(|left| *left > 0)?);
        self.maximum += granted;
        if granted > 0 {
            self.told.extend(self.due(now, Limit::Maximum));
        }
        Some(granted)
    }
}

#[derive(Clone, Debug)]
enum Step {
    Wait(u64),
    /// To the moment that was asked for.
    Sleep,
    /// To one second before it.
    AlmostSleep,
    Byte {
        ago: u64,
    },
    Extend(u64),
    Look,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0_u64..400).prop_map(Step::Wait),
        1 => Just(Step::Wait(8 * HOUR)),
        6 => Just(Step::Sleep),
        2 => Just(Step::AlmostSleep),
        4 => prop_oneof![Just(0_u64), 0_u64..400].prop_map(|ago| Step::Byte { ago }),
        2 => prop_oneof![Just(0_u64), 0_u64..1000, Just(12 * HOUR)].prop_map(Step::Extend),
        2 => Just(Step::Look),
    ]
}

fn length() -> impl Strategy<Value = u64> {
    prop_oneof![
        Just(0),
        Just(60),
        Just(61),
        Just(300),
        Just(301),
        0_u64..2000,
        Just(12 * HOUR),
        Just(168 * HOUR)
    ]
}

proptest! {
    #[test]
    fn all_is_as_in_the_model(
        idle in proptest::option::of(length()),
        max in length(),
        ceiling in length(),
        steps in vec(step(), 0..60),
    ) {
        let start = origin();
        let config = LimitsConfig { idle: idle.map(s), max: s(max), ceiling: s(ceiling) };
        let mut limits = Limits::new(config, start);
        let mut model = Model {
            idle,
            ceiling,
            activity: vec![0],
            maximum: max.min(ceiling),
            told: Vec::new(),
            ended: false,
        };
        let mut now = 0;
        for step in steps {
            let asked = limits.poll_timeout().map_or(now, |at| (at - start).as_secs());
            match step {
                Step::Wait(seconds) => now += seconds,
                Step::Sleep => now = now.max(asked),
                Step::AlmostSleep => now = now.max(asked.saturating_sub(1)),
                Step::Byte { ago } => {
                    let at = now.saturating_sub(ago);
                    limits.activity(start + s(at));
                    model.activity.push(at);
                    // Telling it again changes nothing.
                    limits.activity(start + s(at));
                }
                Step::Extend(by) => {
                    let granted = limits.extend(s(by), start + s(now)).ok();
                    let expected = model.extend(by, now);
                    prop_assert_eq!(granted.map(|granted| granted.by), expected.map(s));
                    if let Some(granted) = granted {
                        prop_assert_eq!(granted.end, start + s(model.maximum));
                        prop_assert_eq!(granted.is_cut, granted.by < s(by));
                    }
                }
                Step::Look => {}
            }
            // Nothing comes of its own.
            prop_assert_eq!(limits.poll_event(), None);
            if !matches!(step, Step::Byte { .. } | Step::Extend(_)) {
                limits.handle_timeout(start + s(now));
                let events: Vec<_> = std::iter::from_fn(|| limits.poll_event()).collect();
                prop_assert_eq!(&events, &model.handle(now));
                match limits.poll_timeout() {
                    Some(at) => prop_assert!(!model.ended && at > start + s(now)),
                    None => prop_assert!(model.ended),
                }
            }
            if !model.ended {
                let left = limits.remaining(start + s(now));
                for (limit, _, end) in model.ends() {
                    let left = if limit == Limit::Idle { left.idle } else { Some(left.maximum) };
                    prop_assert_eq!(left, Some(s(end.saturating_sub(now))));
                }
            }
        }
    }
}
