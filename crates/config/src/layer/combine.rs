//! Which of several values holds.

use super::{Lost, Setting};
use crate::place::{Located, Origin};

/// A value that may hold, and what to call where it stands.
pub(super) type Candidate<'a, T> = (&'static str, Option<&'a Located<T>>);

pub(super) const OWN_CONNECTION: &str = "the connection in your own file";
pub(super) const CONNECTION: &str = "the connection in adit.toml";
pub(super) const TARGET: &str = "the target";
pub(super) const OWN_DEFAULTS: &str = "[defaults] of your own file";
pub(super) const DEFAULTS: &str = "[defaults] of adit.toml";

/// The first that is there.
pub(super) fn first<T: Clone>(
    candidates: &[Candidate<'_, T>],
    show: impl Fn(&T) -> String,
) -> Option<Setting<T>> {
    let mut found = candidates.iter().filter_map(|(label, value)| Some((label, (*value)?)));
    let (label, winner) = found.next()?;
    let lost = found.map(|(_, loser)| Lost {
        value: show(&loser.value),
        origin: Origin::File(loser.place.clone()),
        why: format!("{label} goes before it"),
    });
    Some(Setting {
        value: winner.value.clone(),
        origin: Origin::File(winner.place.clone()),
        lost: lost.collect(),
    })
}

/// The stricter of what the two files say: the one whose value lets through less. Of equal ones the
/// shared one is named.
pub(super) fn stricter<T, K: Ord>(
    shared: Option<Setting<T>>,
    own: Option<Setting<T>>,
    latitude: impl Fn(&T) -> K,
    show: impl Fn(&T) -> String,
) -> Option<Setting<T>> {
    let (shared, own) = match (shared, own) {
        (Some(shared), Some(own)) => (shared, own),
        (shared, own) => return shared.or(own),
    };
    let (winner, loser, why) = if latitude(&own.value) < latitude(&shared.value) {
        (own, shared, "your own file is stricter")
    } else {
        (shared, own, "adit.toml is as strict or stricter, and cannot be loosened")
    };
    Some(beats(winner, loser, why, show))
}

/// The winner, with the loser and all that had lost to either.
pub(super) fn beats<T>(
    mut winner: Setting<T>,
    loser: Setting<T>,
    why: &str,
    show: impl Fn(&T) -> String,
) -> Setting<T> {
    let lost = Lost { value: show(&loser.value), origin: loser.origin, why: why.to_owned() };
    winner.lost.insert(0, lost);
    winner.lost.extend(loser.lost);
    winner
}
