use std::net::SocketAddr;
use std::time::Duration;

use super::ec2::Tags;
use super::state::ADDRESS_TAG;

/// How far a resource is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Phase {
    Creating,
    Ready,
    Deleting,
}

/// When a resource changes, on the clock that counts from the lab's start.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Life {
    ready: Duration,
    gone: Option<Duration>,
}

impl Life {
    /// Of what is made now and takes a while to be ready.
    pub(crate) fn new(now: Duration, takes: Duration) -> Self {
        Self { ready: now + takes, gone: None }
    }

    /// Begins to remove it.
    pub(crate) fn end(&mut self, now: Duration, takes: Duration) {
        self.gone = Some(now + takes);
    }

    /// How far it is; `None` when it is gone.
    pub(crate) fn phase(self, now: Duration) -> Option<Phase> {
        match self.gone {
            Some(gone) if now >= gone => None,
            Some(_) => Some(Phase::Deleting),
            None if now >= self.ready => Some(Phase::Ready),
            None => Some(Phase::Creating),
        }
    }
}

/// Where the tags have a resource's `index`-th host lead: the tag can hold several addresses with
/// blanks between, and the last one is for all further hosts.
pub(crate) fn address(tags: &Tags, index: usize) -> Option<SocketAddr> {
    let addresses: Vec<SocketAddr> =
        tags.get(ADDRESS_TAG)?.split_whitespace().filter_map(|text| text.parse().ok()).collect();
    addresses.get(index).or_else(|| addresses.last()).copied()
}
