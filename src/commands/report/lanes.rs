//! Which of a tunnel's sessions are spoken of: an outage concerns all of them, and is one thing to a
//! person.

use std::collections::BTreeSet;

use adit_tunnel::TunnelEvent;

/// The sessions that carry connections, or have, and those of them that are being resumed.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    open: BTreeSet<u32>,
    lost: BTreeSet<u32>,
}

impl Lanes {
    /// Notes an event; tells whether a person is to hear of it.
    pub(super) fn note(&mut self, event: &TunnelEvent) -> bool {
        match event {
            TunnelEvent::Ready { .. } => {
                self.lost.remove(&0);
                self.open.insert(0);
                true
            }
            TunnelEvent::LaneOpened { lane } => {
                self.lost.remove(lane);
                self.open.insert(*lane)
            }
            // One that has never been there is told by a warning, if it is to be told.
            TunnelEvent::LaneGone { lane, .. } => {
                self.lost.remove(lane);
                self.open.remove(lane)
            }
            TunnelEvent::Resuming { lane, .. } => {
                let is_first = self.lost.is_empty();
                self.lost.insert(*lane);
                is_first
            }
            TunnelEvent::Retrying { lane, .. } => {
                self.lost.first().is_none_or(|first| first == lane)
            }
            TunnelEvent::Resumed { lane, .. } => self.lost.remove(lane) && self.lost.is_empty(),
            TunnelEvent::Replacing { lane, .. }
            | TunnelEvent::Replaced { lane, .. }
            | TunnelEvent::Dormant { lane, .. } => {
                self.lost.remove(lane);
                true
            }
            _ => true,
        }
    }

    /// Which of several sessions is spoken of.
    pub(super) fn name(&self, lane: u32) -> String {
        let others = self.open.iter().any(|open| *open != lane);
        if others { format!("lane {lane}: ") } else { String::new() }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use adit_tunnel::Loss;

    use super::*;

    fn resuming(lane: u32) -> TunnelEvent {
        TunnelEvent::Resuming { lane, cause: Loss::Silent }
    }

    fn resumed(lane: u32) -> TunnelEvent {
        TunnelEvent::Resumed { lane, gap: Duration::ZERO }
    }

    fn gone(lane: u32) -> TunnelEvent {
        TunnelEvent::LaneGone { lane, cause: Some("no more".to_owned()) }
    }

    #[test]
    fn an_outage_of_all_is_told_once_and_so_is_its_end() {
        let mut lanes = Lanes::default();
        for lane in 0..3 {
            assert!(lanes.note(&TunnelEvent::LaneOpened { lane }));
        }
        let retrying = |lane| TunnelEvent::Retrying { lane, attempts: 1, cause: String::new() };
        assert!(lanes.note(&resuming(1)));
        assert!(!lanes.note(&resuming(0)));
        assert!(!lanes.note(&resuming(2)));
        assert!(lanes.note(&retrying(0)));
        assert!(!lanes.note(&retrying(1)));
        assert!(!lanes.note(&resumed(1)));
        assert!(lanes.note(&gone(2)));
        assert!(lanes.note(&resumed(0)));
        assert!(lanes.note(&resuming(0)));
    }

    #[test]
    fn one_of_several_has_a_number_and_the_only_one_has_none() {
        let mut lanes = Lanes::default();
        assert!(!lanes.note(&gone(3)), "it has never been there");
        lanes.note(&TunnelEvent::LaneOpened { lane: 1 });
        assert_eq!(lanes.name(1), "");
        lanes.note(&TunnelEvent::LaneOpened { lane: 4 });
        assert_eq!(lanes.name(1), "lane 1: ");
        lanes.note(&gone(4));
        assert_eq!(lanes.name(4), "lane 4: ");
        assert_eq!(lanes.name(1), "");
    }
}
