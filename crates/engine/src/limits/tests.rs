use super::*;
use crate::test_clock::origin;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn config(idle: Option<u64>, max: u64, ceiling: u64) -> LimitsConfig {
    LimitsConfig { idle: idle.map(s), max: s(max), ceiling: s(ceiling) }
}

/// What a person or a peer does at some second.
enum Act {
    /// A byte moves.
    Byte,
    Extend(u64),
    /// The machine sleeps until this second.
    Sleep(u64),
}

/// A second, what is told then, and the seconds that are left.
type Told = (u64, &'static str, u64);

/// A name, the limits, what is done, and what is to be told.
type Story<'a> = (&'a str, LimitsConfig, &'a [(u64, Act)], &'a [Told]);

/// Runs until a limit is reached, waking when told to, and tells all events with their seconds.
fn run(config: LimitsConfig, acts: &[(u64, Act)]) -> Vec<Told> {
    let start = origin();
    let mut limits = Limits::new(config, start);
    let mut acts = acts.iter();
    let mut act = acts.next();
    let mut awake_from = start;
    let mut told = Vec::new();
    while let Some(due) = limits.poll_timeout() {
        let due = due.max(awake_from);
        let now = match act {
            Some((second, what)) if start + s(*second) <= due => {
                let now = start + s(*second);
                match what {
                    Act::Byte => limits.activity(now),
                    Act::Extend(by) => drop(limits.extend(s(*by), now).expect("extends")),
                    Act::Sleep(until) => awake_from = start + s(*until),
                }
                act = acts.next();
                now.max(awake_from)
            }
            _ => due,
        };
        limits.handle_timeout(now);
        assert!(limits.poll_timeout().is_none_or(|next| next > now));
        while let Some(event) = limits.poll_event() {
            let second = (now - start).as_secs();
            told.push(match event {
                LimitEvent::Warning { limit: Limit::Idle, left } => {
                    (second, "idle", left.as_secs())
                }
                LimitEvent::Warning { limit: Limit::Maximum, left } => {
                    (second, "max", left.as_secs())
                }
                LimitEvent::Ended { limit: Limit::Idle } => (second, "idle ended", 0),
                LimitEvent::Ended { limit: Limit::Maximum } => (second, "max ended", 0),
            });
        }
    }
    assert_eq!(limits.poll_event(), None);
    told
}

#[test]
fn each_end_is_warned_of_and_comes() {
    let week = 168 * HOUR;
    let table: &[Story<'_>] = &[
        (
            "idle from the start",
            config(Some(20 * MINUTE), 12 * HOUR, 12 * HOUR),
            &[],
            &[(900, "idle", 300), (1140, "idle", 60), (1200, "idle ended", 0)],
        ),
        (
            "a byte brings the warnings back",
            config(Some(20 * MINUTE), 12 * HOUR, 12 * HOUR),
            &[(1150, Act::Byte)],
            &[
                (900, "idle", 300),
                (1140, "idle", 60),
                (2050, "idle", 300),
                (2290, "idle", 60),
                (2350, "idle ended", 0),
            ],
        ),
        (
            "no idle limit, and the longest maximum",
            config(None, week, week),
            &[],
            &[(week - 300, "max", 300), (week - 60, "max", 60), (week, "max ended", 0)],
        ),
        (
            "a limit is not warned of at its beginning",
            config(None, 5 * MINUTE, HOUR),
            &[],
            &[(240, "max", 60), (300, "max ended", 0)],
        ),
        ("nor at the last minute's", config(None, MINUTE, HOUR), &[], &[(60, "max ended", 0)]),
        ("nothing is allowed", config(Some(0), HOUR, HOUR), &[], &[(0, "idle ended", 0)]),
        (
            "the ceiling is above all",
            config(None, 2 * HOUR, 10 * MINUTE),
            &[],
            &[(300, "max", 300), (540, "max", 60), (600, "max ended", 0)],
        ),
        ("both ends at once", config(Some(10), 10, 10), &[], &[(10, "max ended", 0)]),
        (
            "an extension brings the warnings back",
            config(None, 10 * MINUTE, HOUR),
            &[(550, Act::Extend(10 * MINUTE))],
            &[
                (300, "max", 300),
                (540, "max", 60),
                (900, "max", 300),
                (1140, "max", 60),
                (1200, "max ended", 0),
            ],
        ),
        (
            "but not those that are less than what was asked for",
            config(None, 10 * MINUTE, HOUR),
            &[(550, Act::Extend(2 * MINUTE))],
            &[(300, "max", 300), (540, "max", 60), (660, "max", 60), (720, "max ended", 0)],
        ),
        (
            "a night with the lid closed",
            config(Some(20 * MINUTE), 12 * HOUR, 12 * HOUR),
            &[(600, Act::Sleep(600 + 8 * HOUR))],
            &[(600 + 8 * HOUR, "idle ended", 0)],
        ),
        (
            "of both, the one that was reached first",
            config(Some(20 * MINUTE), HOUR, HOUR),
            &[(59 * MINUTE, Act::Byte), (59 * MINUTE, Act::Sleep(8 * HOUR))],
            &[(900, "idle", 300), (1140, "idle", 60), (1200, "idle ended", 0)],
        ),
        (
            "a sleep over one warning",
            config(None, HOUR, HOUR),
            &[(600, Act::Sleep(3600 - 59))],
            &[(3600 - 59, "max", 59), (3600, "max ended", 0)],
        ),
    ];
    for (name, config, acts, expected) in table {
        assert_eq!(&run(*config, acts), expected, "{name}");
    }
}

#[test]
fn the_maximum_is_extended_up_to_the_ceiling() {
    let start = origin();
    let mut limits = Limits::new(config(None, HOUR, 3 * HOUR), start);
    let now = start + s(MINUTE);
    let extension = |end, by, is_cut| Extension { end: start + s(end), by: s(by), is_cut };
    assert_eq!(limits.extend(s(HOUR), now), Ok(extension(2 * HOUR, HOUR, false)));
    assert_eq!(limits.extend(s(0), now), Ok(extension(2 * HOUR, 0, false)));
    assert_eq!(limits.extend(Duration::MAX, now), Ok(extension(3 * HOUR, HOUR, true)));
    let at_ceiling = ExtendError::AtCeiling { ceiling: s(3 * HOUR) };
    assert_eq!(limits.extend(s(1), now), Err(at_ceiling));
    assert!(at_ceiling.to_string().contains("180 minutes"), "{at_ceiling}");
    assert_eq!(limits.remaining(now).maximum, s(3 * HOUR - MINUTE));
}

#[test]
fn what_has_ended_is_not_extended() {
    let start = origin();
    let mut limits = Limits::new(config(Some(MINUTE), HOUR, 3 * HOUR), start);
    let late = start + s(MINUTE);
    assert_eq!(limits.extend(s(1), late), Err(ExtendError::Ended), "reached, and not yet told");
    limits.handle_timeout(late);
    assert_eq!(limits.extend(s(1), late), Err(ExtendError::Ended));
    limits.activity(late);
    limits.handle_timeout(late + s(HOUR));
    assert_eq!(limits.poll_event(), Some(LimitEvent::Ended { limit: Limit::Idle }));
    assert_eq!((limits.poll_event(), limits.poll_timeout()), (None, None));
}

#[test]
fn what_is_left_is_told() {
    let start = origin();
    let mut limits = Limits::new(config(Some(20 * MINUTE), HOUR, HOUR), start);
    limits.activity(start + s(MINUTE));
    limits.activity(start);
    let left = limits.remaining(start + s(2 * MINUTE));
    assert_eq!((left.idle, left.maximum), (Some(s(19 * MINUTE)), s(58 * MINUTE)));
    let left = limits.remaining(start + s(8 * HOUR));
    assert_eq!((left.idle, left.maximum), (Some(s(0)), s(0)));
    assert_eq!(Limits::new(config(None, 1, 1), start).remaining(start).idle, None);
}

#[test]
fn no_duration_is_too_long() {
    let start = origin();
    let all = Duration::MAX;
    let mut limits = Limits::new(LimitsConfig { idle: Some(all), max: all, ceiling: all }, start);
    limits.activity(start + s(HOUR));
    limits.handle_timeout(start + s(HOUR));
    assert_eq!(limits.poll_event(), None);
    assert!(limits.extend(all, start).is_err());
    assert!(limits.poll_timeout() > Some(start + s(1000 * HOUR)));
}
