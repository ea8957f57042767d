//! How the tunnels of this process stand, for all who want to know.

use std::sync::Arc;
use std::time::Instant;

use adit_aws::Held;
use adit_tunnel::Tunnel;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::leash::Leash;
use super::service::ServiceLimits;

/// What a tunnel is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    /// It is being opened.
    Starting,
    /// It listens; the next local connection has a session started.
    Waiting,
    /// It can be used.
    Ready,
    /// The connection was lost; the session is being resumed.
    Resuming,
    /// The session is gone; another one is being started.
    Replacing,
    /// It takes no more connections; its session is being ended.
    Closing,
    /// It is over.
    Ended,
    /// It could not be opened, or was lost.
    Failed,
}

impl State {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Waiting => "waiting",
            Self::Ready => "ready",
            Self::Resuming => "resuming",
            Self::Replacing => "replacing",
            Self::Closing => "closing",
            Self::Ended => "ended",
            Self::Failed => "failed",
        }
    }

    /// Whether local connections are taken, if only to wait.
    pub(crate) fn is_open(self) -> bool {
        matches!(self, Self::Waiting | Self::Ready | Self::Resuming | Self::Replacing)
    }

    /// Whether nothing comes after it.
    pub(crate) fn is_over(self) -> bool {
        matches!(self, Self::Ended | Self::Failed)
    }
}

/// When a tunnel that is being opened has come how far; of several attempts, the last one.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Milestones {
    /// The service was asked for a session.
    pub(crate) starting: Option<Instant>,
    /// It has started one.
    pub(crate) session: Option<Instant>,
    /// The agent can carry connections.
    pub(crate) carries: Option<Instant>,
}

/// How one tunnel stands.
#[derive(Debug, Clone)]
pub(crate) struct Standing {
    pub(crate) connection: String,
    /// What it leads to, as the user named it.
    pub(crate) target: String,
    pub(crate) state: State,
    /// Since when it does that.
    pub(crate) since: Timestamp,
    /// Where local clients connect, once that is settled.
    pub(crate) address: Option<String>,
    /// The host's real name, and what it runs, once they are known.
    pub(crate) host: Option<String>,
    pub(crate) engine: Option<String>,
    pub(crate) bastion: Option<String>,
    pub(crate) session: Option<String>,
    /// Why it does what it does, where that is not plain.
    pub(crate) cause: Option<String>,
    /// The exit code of a failure.
    pub(crate) code: Option<u8>,
    /// The tunnel itself while it is open, for its counters and to have it closed.
    pub(crate) tunnel: Option<Tunnel>,
    /// How long it may go on, while it is open.
    pub(crate) leash: Option<Leash>,
    /// The credentials that it goes on with.
    pub(crate) held: Option<watch::Receiver<Held>>,
    /// Whether the service is kept from ending it as idle while somebody is connected.
    pub(crate) keep_alive: bool,
    /// When the service ends its session by itself, once that was read.
    pub(crate) service: Option<ServiceLimits>,
    pub(crate) milestones: Milestones,
    /// Why no other session was to be had beside the first, when it was tried last.
    pub(crate) refused: Option<String>,
}

/// The standings of all tunnels; clones are the same board.
#[derive(Debug, Clone)]
pub(crate) struct Board(Arc<watch::Sender<Vec<Standing>>>);

impl Default for Board {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(Vec::new())))
    }
}

impl Board {
    /// A place for one more tunnel, which is being opened.
    pub(crate) fn seat(&self, connection: &str, target: &str) -> Seat {
        let mut index = 0;
        self.0.send_modify(|standings| {
            index = standings.len();
            standings.push(Standing {
                connection: connection.to_owned(),
                target: target.to_owned(),
                state: State::Starting,
                since: Timestamp::now(),
                address: None,
                host: None,
                engine: None,
                bastion: None,
                session: None,
                cause: None,
                code: None,
                tunnel: None,
                leash: None,
                held: None,
                keep_alive: false,
                service: None,
                milestones: Milestones::default(),
                refused: None,
            });
        });
        Seat { board: self.clone(), index }
    }

    /// How all of them stand now.
    pub(crate) fn all(&self) -> Vec<Standing> {
        self.0.borrow().clone()
    }

    /// Hears of changes.
    pub(crate) fn subscribe(&self) -> watch::Receiver<Vec<Standing>> {
        self.0.subscribe()
    }
}

/// One tunnel's place on the board.
#[derive(Debug, Clone)]
pub(crate) struct Seat {
    board: Board,
    index: usize,
}

impl Seat {
    /// Changes the standing.
    pub(crate) fn change(&self, change: impl FnOnce(&mut Standing)) {
        self.board.0.send_modify(|standings| {
            if let Some(standing) = standings.get_mut(self.index) {
                let before = standing.state;
                change(standing);
                if standing.state != before {
                    standing.since = Timestamp::now();
                }
            }
        });
    }

    /// How the tunnel stands.
    pub(crate) fn standing(&self) -> Option<Standing> {
        self.board.0.borrow().get(self.index).cloned()
    }

    /// What the tunnel does.
    pub(crate) fn state(&self) -> Option<State> {
        self.board.0.borrow().get(self.index).map(|standing| standing.state)
    }

    /// Changes what the tunnel does; `cause` is why, where that is not plain.
    pub(crate) fn is(&self, state: State, cause: Option<String>) {
        self.change(|standing| {
            standing.state = state;
            standing.cause = cause;
            if state.is_over() {
                standing.tunnel = None;
                standing.leash = None;
                standing.address = None;
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn changes_are_heard_and_kept() {
        let board = Board::default();
        let (orders, cache) = (board.seat("orders", "rds:orders"), board.seat("cache", "c:1"));
        let mut heard = board.subscribe();
        orders.change(|standing| standing.address = Some("127.0.0.1:1".to_owned()));
        orders.is(State::Ready, None);
        heard.changed().await.unwrap();
        cache.is(State::Failed, Some("no".to_owned()));
        let all = board.all();
        assert_eq!(all[0].state, State::Ready);
        assert_eq!(all[0].address.as_deref(), Some("127.0.0.1:1"));
        assert_eq!((all[1].state, all[1].cause.as_deref()), (State::Failed, Some("no")));
        orders.is(State::Ended, None);
        assert_eq!(board.all()[0].address, None, "nothing listens any more");
    }
}
