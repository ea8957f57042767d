use std::cmp::Ordering;

/// The last agent version without multiplexing.
const LAST_WITHOUT_MUX: &str = "3.0.196.0";
/// The last agent version that does not understand the TerminateSession flag.
const LAST_WITHOUT_TERMINATE: &str = "2.3.722.0";
/// The last agent version that keeps smux alive whatever the client is.
const LAST_WITH_KEEP_ALIVE: &str = "3.1.1511.0";
/// The first client version with multiplexing (`port.go` `muxSupportedClientVersion`).
const FIRST_CLIENT_WITH_MUX: &str = "1.1.70";
/// The last client version that wants keep-alives (`port.go`
/// `muxKeepAliveDisabledAfterThisClientVersion`).
const LAST_CLIENT_WITH_KEEP_ALIVE: &str = "1.2.331.0";

/// Whether a forwarding session is multiplexed (`port.go` `GetSession`).
pub(super) fn has_mux(agent: &str, client: &str) -> bool {
    compare(agent, LAST_WITHOUT_MUX).is_gt() && compare(client, FIRST_CLIENT_WITH_MUX).is_ge()
}

/// Whether smux sends keep-alives and expects the client's (`port_mux.go` `initialize`).
pub(super) fn keeps_alive(agent: &str, client: &str) -> bool {
    compare(agent, LAST_WITH_KEEP_ALIVE).is_le()
        || compare(client, LAST_CLIENT_WITH_KEEP_ALIVE).is_le()
}

/// Whether an agent ends a session for the flag.
pub(super) fn knows_terminate_flag(agent: &str) -> bool {
    compare(agent, LAST_WITHOUT_TERMINATE).is_gt()
}

/// Compares two versions as `versionutil.go` `Compare` does: as semantic versions when both are,
/// else component by component, as numbers when both are, else as text; of two that are equal so
/// far the longer one is greater.
pub(super) fn compare(this: &str, other: &str) -> Ordering {
    if let (Some(this), Some(other)) = (Semantic::parse(this), Semantic::parse(other)) {
        return this.cmp(&other);
    }
    let mut theirs = other.split('.');
    for ours in this.split('.') {
        let Some(theirs) = theirs.next() else { return Ordering::Greater };
        let order = match (ours.parse::<i64>(), theirs.parse::<i64>()) {
            (Ok(ours), Ok(theirs)) => ours.cmp(&theirs),
            _ => ours.cmp(theirs),
        };
        if order.is_ne() {
            return order;
        }
    }
    if theirs.next().is_some() { Ordering::Less } else { Ordering::Equal }
}

/// `MAJOR.MINOR.PATCH[-PRE][+META]`. Of the rules for pre-releases only the first is needed: they
/// come before their release.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Semantic {
    numbers: [i64; 3],
    is_release: bool,
    pre_release: String,
}

impl Semantic {
    fn parse(text: &str) -> Option<Self> {
        let (text, _meta) = text.split_once('+').unwrap_or((text, ""));
        let (text, pre_release) = text.split_once('-').unwrap_or((text, ""));
        let mut parts = text.split('.').map(|part| part.parse().ok());
        let numbers = [parts.next()??, parts.next()??, parts.next()??];
        if parts.next().is_some() {
            return None;
        }
        Some(Self {
            numbers,
            is_release: pre_release.is_empty(),
            pre_release: pre_release.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_version_picks_the_mode() {
        // Results of the official agent.
        for client in ["1.1.70", "1.1.70.0", "1.2.0", "abc", "1.2.764.0"] {
            assert!(has_mux("3.3.987.0", client), "{client}");
        }
        for client in ["", "0.0.1", "1.1.61.0", "1.1.70-beta"] {
            assert!(!has_mux("3.3.987.0", client), "{client}");
        }
    }

    #[test]
    fn an_old_agent_has_no_mux() {
        assert!(!has_mux("3.0.196.0", "1.2.764.0"));
        assert!(has_mux("3.0.196.1", "1.2.764.0"));
    }

    #[test]
    fn keep_alive_is_on_for_old_clients_and_old_agents() {
        assert!(keeps_alive("3.3.987.0", "1.2.331.0"));
        assert!(keeps_alive("3.3.987.0", "1.2.0.0"));
        assert!(!keeps_alive("3.3.987.0", "1.2.331.1"));
        assert!(keeps_alive("3.1.1511.0", "1.2.764.0"));
    }

    #[test]
    fn the_terminate_flag_came_with_an_agent_version() {
        assert!(!knows_terminate_flag("2.3.722.0"));
        assert!(knows_terminate_flag("2.3.750.0"));
    }
}
