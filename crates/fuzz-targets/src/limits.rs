mod model;

use std::time::Duration;

use adit_engine::{Limit, Limits, LimitsConfig};
use arbitrary::{Result, Unstructured};

use self::model::Model;
use crate::engine::origin;

/// The most steps of one run.
const STEPS: usize = 200;

/// A tunnel's limits beside a model of them: the same events at the same times, extensions included.
pub fn limits(input: &[u8]) {
    // An input that is too short ends early, and all before it counts.
    let _ended = run(&mut Unstructured::new(input));
}

pub(crate) const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A length in milliseconds, most of them near to where something happens.
fn length(u: &mut Unstructured<'_>) -> Result<u64> {
    const MINUTE: u64 = 60_000;
    Ok(match u.arbitrary::<u8>()? % 8 {
        0 => 0,
        1 => MINUTE + u64::from(u.arbitrary::<u8>()? % 3) - 1,
        2 => 5 * MINUTE + u64::from(u.arbitrary::<u8>()? % 3) - 1,
        3 => u64::from(u.arbitrary::<u8>()?) * 1000,
        4 => u64::from(u.arbitrary::<u16>()?),
        5 => u64::from(u.arbitrary::<u8>()?) * MINUTE,
        6 => u64::from(u.arbitrary::<u32>()?),
        _ => 12 * 60 * MINUTE,
    })
}

fn run(u: &mut Unstructured<'_>) -> Result<()> {
    let idle = if u.arbitrary::<u8>()? % 4 > 0 { Some(length(u)?) } else { None };
    let (max, ceiling) = (length(u)?, length(u)?);
    let start = origin();
    let config = LimitsConfig { idle: idle.map(ms), max: ms(max), ceiling: ms(ceiling) };
    let mut limits = Limits::new(config, start);
    let mut model = Model::new(idle, max, ceiling);
    let mut now = 0;
    for _ in 0..STEPS {
        if u.is_empty() {
            break;
        }
        let asked = limits.poll_timeout().map_or(now, |at| (at - start).as_millis() as u64);
        let step = u.arbitrary::<u8>()? % 8;
        match step {
            0 => now += length(u)?,
            1 => now = now.max(asked),
            2 => now = now.max(asked.saturating_sub(1)),
            3 | 4 => {
                let at = if step == 3 { now } else { now.saturating_sub(length(u)?) };
                limits.activity(start + ms(at));
                model.activity(at);
                // Telling it again changes nothing.
                limits.activity(start + ms(at));
            }
            5 => extend(&mut limits, &mut model, length(u)?, now),
            _ => {}
        }
        assert_eq!(limits.poll_event(), None, "an event came without a call");
        if !matches!(step, 3..=5) {
            limits.handle_timeout(start + ms(now));
            // Two limits, so two warnings at most; an end comes alone.
            let events: Vec<_> = std::iter::from_fn(|| limits.poll_event()).take(4).collect();
            assert_eq!(events, model.handle(now), "at {now}");
            match limits.poll_timeout() {
                Some(at) => assert!(!model.has_ended() && at > start + ms(now)),
                None => assert!(model.has_ended()),
            }
        }
        if !model.has_ended() {
            let left = limits.remaining(start + ms(now));
            for (limit, _, end) in model.ends() {
                let left = if limit == Limit::Idle { left.idle } else { Some(left.maximum) };
                assert_eq!(left, Some(ms(end.saturating_sub(now))), "{limit:?} at {now}");
            }
        }
    }
    Ok(())
}

fn extend(limits: &mut Limits, model: &mut Model, by: u64, now: u64) {
    let granted = limits.extend(ms(by), origin() + ms(now)).ok();
    let expected = model.extend(by, now);
    assert_eq!(granted.map(|granted| granted.by), expected.map(ms));
    if let Some(granted) = granted {
        assert_eq!(granted.end, origin() + ms(model.maximum()));
        assert_eq!(granted.is_cut, granted.by < ms(by));
    }
}
