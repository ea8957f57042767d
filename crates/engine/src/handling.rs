//! What is done about faults, by name, so that tests can leave one of them out and see what it is for.

use std::fmt;
use std::str::FromStr;

/// Something that is done about a fault.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Handling {
    /// A session whose websocket is gone is resumed.
    Resume,
    /// A session that is gone has another one started in its place.
    Replace,
    /// A session that nobody needs is replaced when somebody connects, and not before.
    Dormant,
    /// What failed is tried again.
    Retry,
    /// Local connections wait for a session.
    Hold,
    /// A websocket on which nothing is heard counts as lost.
    Silence,
    /// A machine that slept takes its websockets for lost.
    Suspend,
    /// A websocket is exchanged before the service closes it.
    Rollover,
    /// A destination that is not reached any more is tried through a new session.
    Failover,
    /// An agent that does not answer is asked after.
    Question,
    /// An agent that does not come back is given up.
    Away,
    /// A new session is started where target and bastion are by then.
    Anew,
    /// An idle session that the service ends is the tunnel's own idle limit.
    Idle,
    /// An upgrade that is refused with a signature is tried without one.
    Unsigned,
    /// A lack of descriptors is waited out.
    Accept,
    /// What is not acknowledged is sent again.
    Resend,
    /// What was received already is acknowledged again and given to nobody.
    Duplicates,
    /// What comes before its turn waits for it.
    Order,
    /// What does not match its digest is dropped.
    Digest,
    /// Headers of both lengths are read.
    Header,
    /// What is malformed or of an unknown kind is dropped.
    Malformed,
    /// A pause without an end is doubted.
    Pause,
    /// The first message is one that nothing is lost with.
    First,
}

impl Handling {
    /// All of them, with their names.
    pub const ALL: [(&str, Self); 23] = [
        ("resume", Self::Resume),
        ("replace", Self::Replace),
        ("dormant", Self::Dormant),
        ("retry", Self::Retry),
        ("hold", Self::Hold),
        ("silence", Self::Silence),
        ("suspend", Self::Suspend),
        ("rollover", Self::Rollover),
        ("failover", Self::Failover),
        ("question", Self::Question),
        ("away", Self::Away),
        ("anew", Self::Anew),
        ("idle", Self::Idle),
        ("unsigned", Self::Unsigned),
        ("accept", Self::Accept),
        ("resend", Self::Resend),
        ("duplicates", Self::Duplicates),
        ("order", Self::Order),
        ("digest", Self::Digest),
        ("header", Self::Header),
        ("malformed", Self::Malformed),
        ("pause", Self::Pause),
        ("first", Self::First),
    ];
}

impl FromStr for Handling {
    type Err = UnknownHandling;

    fn from_str(name: &str) -> Result<Self, UnknownHandling> {
        let found = Self::ALL.iter().find(|(known, _)| *known == name);
        found.map(|(_, handling)| *handling).ok_or_else(|| UnknownHandling(name.to_owned()))
    }
}

/// A name that no handling has.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("no handling is called {0:?}")]
pub struct UnknownHandling(String);

/// The handlings that are left out: none, but in a test that shows what one of them is for.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Without(u32);

impl Without {
    /// These too.
    #[must_use]
    pub fn and(self, handling: Handling) -> Self {
        Self(self.0 | 1 << handling as u32)
    }

    /// Whether that one is left out.
    pub fn has(self, handling: Handling) -> bool {
        self.0 & (1 << handling as u32) != 0
    }
}

impl fmt::Debug for Without {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let left_out = Handling::ALL.iter().filter(|(_, handling)| self.has(*handling));
        f.debug_set().entries(left_out.map(|(name, _)| name)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_handling_has_a_name_and_a_place_of_its_own() {
        let mut without = Without::default();
        for (name, handling) in Handling::ALL {
            assert_eq!(name.parse(), Ok(handling));
            assert!(!without.has(handling), "{name}");
            without = without.and(handling);
            assert!(without.has(handling), "{name}");
        }
        "nothing".parse::<Handling>().expect_err("no such name");
    }
}
