//! What an agent can do, by its version.

/// Above it the agent understands the TerminateSession flag.
pub(crate) const TERMINATE_FLAG: [u64; 4] = [2, 3, 722, 0];
/// Above it the agent multiplexes port sessions, for clients that say at least 1.1.70.
pub(crate) const MUX: [u64; 4] = [3, 0, 196, 0];
/// Above it the agent does not expect keep-alives, from clients that say more than 1.2.331.0.
pub(crate) const NO_KEEPALIVE: [u64; 4] = [3, 1, 1511, 0];

/// Whether `version` is strictly above `gate`, by the official client's rule: as many components,
/// all of them numbers. What cannot be compared is not above.
pub(crate) fn exceeds(version: &str, gate: [u64; 4]) -> bool {
    let mut parsed = [0; 4];
    let mut components = version.split('.');
    for slot in &mut parsed {
        let Some(Ok(number)) = components.next().map(str::parse) else { return false };
        *slot = number;
    }
    components.next().is_none() && parsed > gate
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gates() {
        let table = [
            ("3.0.196.0", MUX, false),
            ("3.0.196.1", MUX, true),
            ("3.0.197.0", MUX, true),
            ("3.1.0.0", MUX, true),
            ("3.3.987.0", MUX, true),
            ("3.0.195.9999", MUX, false),
            ("2.3.722.0", TERMINATE_FLAG, false),
            ("2.3.723.0", TERMINATE_FLAG, true),
            ("10.0.0.0", TERMINATE_FLAG, true),
            ("3.1.1511.0", NO_KEEPALIVE, false),
            ("3.1.1512.0", NO_KEEPALIVE, true),
        ];
        for (version, gate, above) in table {
            assert_eq!(exceeds(version, gate), above, "{version} over {gate:?}");
        }
    }

    #[test]
    fn what_cannot_be_compared_is_not_above() {
        for version in
            ["", "9", "9.9.9", "9.9.9.9.9", "9.9.9.x", "9..9.9", "9.9.9.", "9.9.9.-1", " 9.9.9.9"]
        {
            assert!(!exceeds(version, MUX), "{version:?}");
        }
    }
}
