use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::counts::Counts;
use super::leg::Leg;
use super::relay::Relay;
use super::slot::{Hangup, Link, Side};
use super::token::Token;
use crate::service::Service;

/// What the gateway knows of a session; its relay is a task of its own.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) id: String,
    pub(crate) target: String,
    pub(crate) document: String,
    /// As StartSession had them.
    pub(crate) parameters: BTreeMap<String, Vec<String>>,
    pub(crate) reason: Option<String>,
    /// ARN of whoever started it.
    pub(crate) owner: String,
    /// When it began, on the lab's clock.
    pub(crate) started: Duration,
    /// When it began, since the Unix epoch.
    pub(crate) started_unix: Duration,
    /// Tells an agent in this process what `channel_closed` tells others on the control channel.
    pub(crate) agent_stop: CancellationToken,
    commands: mpsc::UnboundedSender<Command>,
    attachments: AtomicU64,
    status: Mutex<Status>,
}

/// What changes while a session lasts.
#[derive(Debug, Default)]
pub(crate) struct Status {
    /// When it ended, since the Unix epoch.
    pub(crate) ended_unix: Option<Duration>,
    pub(crate) client_token: Token,
    pub(crate) agent_token: Token,
    pub(crate) client_here: bool,
    pub(crate) agent_here: bool,
    pub(crate) counts: Counts,
    pub(crate) destination_open: u64,
    pub(crate) destination_total: u64,
}

/// What a session's relay is told.
#[derive(Debug)]
pub(super) enum Command {
    /// A side has opened a leg.
    Attach { side: Side, link: Link },
    /// A websocket has ended; its leg comes back with what it did not write.
    Detached { side: Side, number: u64, leg: Leg, unsent: Vec<Bytes> },
    /// A side's connection is to end.
    Cut { side: Side, hangup: Hangup },
    /// A side is to be sent `start_publication` or `pause_publication`.
    Publication { side: Side, start: bool },
    /// The client is given this message as it is.
    Inject { message: Bytes },
    /// The idle time begins anew.
    Touch,
    /// The session is over.
    Close { output: String },
}

/// What a session is made from.
#[derive(Debug)]
pub(crate) struct NewSession {
    pub(crate) id: String,
    pub(crate) target: String,
    pub(crate) document: String,
    pub(crate) parameters: BTreeMap<String, Vec<String>>,
    pub(crate) reason: Option<String>,
    pub(crate) owner: String,
}

/// A leg as a websocket holds it.
#[derive(Debug)]
pub(super) struct Attached {
    pub(super) leg: Leg,
    pub(super) hangup: oneshot::Receiver<Hangup>,
    pub(super) number: u64,
}

impl Session {
    /// Makes a session and starts its relay.
    pub(crate) fn open(service: &Arc<Service>, new: NewSession) -> Arc<Self> {
        let (commands, receiver) = mpsc::unbounded_channel();
        let session = Arc::new(Self {
            id: new.id,
            target: new.target,
            document: new.document,
            parameters: new.parameters,
            reason: new.reason,
            owner: new.owner,
            started: service.clock.elapsed(),
            started_unix: service.clock.unix(),
            agent_stop: service.stop.child_token(),
            commands,
            attachments: AtomicU64::new(0),
            status: Mutex::default(),
        });
        let relay = Relay::new(Arc::clone(&session), Arc::clone(service), receiver);
        service.tasks.spawn(relay.run());
        session
    }

    pub(crate) fn status(&self) -> MutexGuard<'_, Status> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn is_over(&self) -> bool {
        self.status().ended_unix.is_some()
    }

    /// Its state in the lab's own words.
    pub(crate) fn state(&self) -> &'static str {
        let status = self.status();
        match (status.client_here && status.agent_here, status.counts.client_connections) {
            _ if status.ended_unix.is_some() => "Terminated",
            (true, _) => "Connected",
            (false, 0) => "Connecting",
            (false, _) => "Disconnected",
        }
    }

    /// Sends a command; false when the relay has ended.
    fn tell(&self, command: Command) -> bool {
        self.commands.send(command).is_ok()
    }

    /// A leg for a websocket; `None` when nothing is left to say on it.
    pub(super) fn attach(&self, side: Side) -> Option<Attached> {
        let number = self.attachments.fetch_add(1, Ordering::Relaxed);
        let (near, far) = Leg::pair();
        let (line, hangup) = oneshot::channel();
        let link = Link { number, leg: near, hangup: Some(line) };
        self.tell(Command::Attach { side, link }).then_some(Attached { leg: far, hangup, number })
    }

    /// A leg for an agent in this process.
    pub(super) fn attach_agent(&self) -> Option<Leg> {
        let number = self.attachments.fetch_add(1, Ordering::Relaxed);
        let (near, far) = Leg::pair();
        let link = Link { number, leg: near, hangup: None };
        self.tell(Command::Attach { side: Side::Agent, link }).then_some(far)
    }

    pub(super) fn detached(&self, side: Side, number: u64, leg: Leg, unsent: Vec<Bytes>) {
        self.tell(Command::Detached { side, number, leg, unsent });
    }

    pub(crate) fn cut(&self, side: Side, hangup: Hangup) {
        self.tell(Command::Cut { side, hangup });
    }

    pub(crate) fn publication(&self, side: Side, start: bool) {
        self.tell(Command::Publication { side, start });
    }

    pub(crate) fn inject(&self, message: Bytes) {
        self.tell(Command::Inject { message });
    }

    pub(crate) fn touch(&self) {
        self.tell(Command::Touch);
    }

    pub(crate) fn close(&self, output: &str) {
        self.tell(Command::Close { output: output.to_owned() });
    }

    /// Takes over what the relay has counted.
    pub(super) fn publish(&self, counts: Counts, client_here: bool, agent_here: bool) {
        let mut status = self.status();
        (status.counts, status.client_here, status.agent_here) = (counts, client_here, agent_here);
    }
}
