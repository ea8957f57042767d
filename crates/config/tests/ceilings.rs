//! How far a maximum may be extended, by whoever says something about it.

use std::time::Duration;

use adit_config::{Flags, Origin, Settings, tighten};

use crate::{good, read};

const HOUR: Duration = Duration::from_hours(1);

/// The settings of a connection `a` with these lines in the shared file and in the own one.
fn settings(shared: &str, own: &str) -> Settings {
    let shared = format!("version = 1\n[connections.a]\ntarget = 'rds:x'\n{shared}\n");
    let own = format!("version = 1\n[connections.a]\n{own}\n");
    let config = read(Some(&shared), Some(&own)).unwrap_or_else(|problems| panic!("{problems}"));
    config.connection("a").unwrap().settings
}

/// Maximum and ceiling, in hours.
fn hours(settings: &Settings) -> (u64, u64) {
    let hours = |span: Duration| span.as_secs() / HOUR.as_secs();
    (hours(settings.max_duration.value), hours(settings.max_duration_ceiling.value))
}

fn flags(max: Option<u32>, ceiling: Option<u32>) -> Flags {
    let span = |hours: u32| hours * HOUR;
    Flags {
        max_duration: max.map(span),
        max_duration_ceiling: ceiling.map(span),
        ..Flags::default()
    }
}

#[test]
fn a_ceiling_bounds_durations_of_other_sections() {
    let text = "version = 1\n[defaults]\nmax-duration-ceiling = '4h'\n[connections.a]\ntarget = 'rds:x'\nmax-duration = '8h'\n\
                [connections.b]\ntarget = 'rds:y'\n";
    let config = good(text);
    for name in ["a", "b"] {
        let settings = config.connection(name).unwrap().settings;
        assert_eq!(
            (settings.max_duration.value, settings.max_duration_ceiling.value),
            (4 * HOUR, 4 * HOUR)
        );
        assert_eq!(settings.max_duration.lost[0].why, "max-duration-ceiling is below it");
    }
}

#[test]
fn a_person_tightens_a_ceiling_and_cannot_loosen_it() {
    for (shared, own, expected) in [
        ("max-duration = '8h'\nmax-duration-ceiling = '12h'", "", (8, 12)),
        (
            "max-duration = '8h'\nmax-duration-ceiling = '12h'",
            "max-duration-ceiling = '10h'",
            (8, 10),
        ),
        (
            "max-duration = '8h'\nmax-duration-ceiling = '12h'",
            "max-duration-ceiling = '20h'",
            (8, 12),
        ),
        (
            "max-duration = '8h'\nmax-duration-ceiling = '12h'",
            "max-duration-ceiling = '2h'",
            (2, 2),
        ),
        ("max-duration = '8h'\nmax-duration-ceiling = '12h'", "max-duration = '4h'", (4, 12)),
        // No ceiling of a team is its maximum.
        ("max-duration = '8h'", "", (8, 8)),
        ("max-duration = '8h'", "max-duration-ceiling = '20h'", (8, 8)),
        ("max-duration = '8h'", "max-duration = '2h'\nmax-duration-ceiling = '20h'", (2, 8)),
        // A team that says nothing has no wishes.
        ("", "max-duration-ceiling = '20h'", (12, 20)),
        ("", "max-duration = '4h'\nmax-duration-ceiling = '20h'", (4, 20)),
    ] {
        assert_eq!(hours(&settings(shared, own)), expected, "{shared:?} {own:?}");
    }
}

#[test]
fn a_flag_sets_a_ceiling_within_what_files_permit() {
    let none = settings("", "");
    for (max, ceiling, expected) in [
        (None, Some(24), (12, 24)),
        (Some(2), Some(24), (2, 24)),
        (None, Some(4), (4, 4)),
        (Some(2), None, (2, 2)),
    ] {
        let settings = tighten(&none, &flags(max, ceiling)).unwrap();
        assert_eq!(hours(&settings), expected, "{max:?} {ceiling:?}");
    }
    let team = settings("max-duration = '8h'\nmax-duration-ceiling = '12h'", "");
    assert_eq!(hours(&tighten(&team, &flags(None, Some(10))).unwrap()), (8, 10));
    let settings = tighten(&team, &flags(None, Some(6))).unwrap();
    assert_eq!(hours(&settings), (6, 6));
    assert_eq!(settings.max_duration.origin, Origin::Flag("--max-duration-ceiling"));
}

#[test]
fn a_flag_that_would_loosen_a_ceiling_is_refused() {
    let said = |settings: &Settings, flags: &Flags| {
        let refusals = tighten(settings, flags).unwrap_err();
        refusals.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(
        said(&settings("max-duration-ceiling = '14h'", ""), &flags(None, Some(24))),
        ["--max-duration-ceiling 24h is more than the 14h that adit.toml permits (adit.toml:4:24)"]
    );
    assert_eq!(
        said(&settings("max-duration = '8h'", ""), &flags(None, Some(24))),
        ["--max-duration-ceiling 24h is more than the 8h that adit.toml permits (adit.toml:4:16)"]
    );
    assert_eq!(
        said(&settings("", ""), &flags(Some(8), Some(4))),
        [
            "--max-duration-ceiling 4h is below --max-duration 8h, which may be extended up to it (--max-duration)"
        ]
    );
}
