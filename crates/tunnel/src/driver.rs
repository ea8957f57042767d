//! The task of a lane: it carries out what the lane's supervisor decides.

mod act;
mod call;
mod goodbye;

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use adit_engine::{
    Activity, Epoch, Gone, LaneId, Session, SessionConfig, Supervisor, SupervisorConfig,
};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tokio::time::{Instant, sleep_until};
use tokio_util::task::TaskTracker;

use self::call::{Answer, Call};
use crate::dial::{Ahead, Dialer, Upgraded};
use crate::lane::Lane;
use crate::lanes::{Dial, Orders};
use crate::link::{Exit, Link};
use crate::{End, SessionSource, Shared, Ticket, TunnelError, TunnelEvent, TunnelOptions};

/// How long another lane than the first is tried to be had: who waits can share one meanwhile.
const START_BUDGET: Duration = Duration::from_secs(20);

/// The task's state.
pub(crate) struct Driver<S> {
    id: LaneId,
    shared: Arc<Shared>,
    source: Arc<S>,
    options: Arc<TunnelOptions>,
    dialer: Arc<Dialer>,
    supervisor: Supervisor,
    orders: Orders,
    rng: StdRng,
    /// What was asked for and is not answered.
    call: Option<Call>,
    ticket: Option<Ticket>,
    lane: Option<Arc<Lane>>,
    /// The websocket that the session is carried over.
    link: Option<Link>,
    /// The one before, as long as something may come on it.
    old: Option<Link>,
    /// A connection for the next one.
    ahead: Option<Ahead>,
    /// One that nothing was presented on.
    upgraded: Option<Box<Upgraded>>,
    /// The latest failure in the user's terms.
    last: Option<TunnelError>,
    /// What sessions that were let go still have to be told.
    goodbyes: TaskTracker,
    end: Option<LaneEnd>,
    /// Whether it has had a session.
    has_begun: bool,
    /// Whether it has carried connections.
    was_up: bool,
}

/// How a lane ends.
pub(super) enum LaneEnd {
    /// With its tunnel, which is over.
    Tunnel(End),
    /// By itself, since nobody needs it.
    Retired,
    /// It is gone; the tunnel goes on with others.
    Gone {
        /// Whether the service may still hold its session.
        may_live: bool,
    },
}

/// What the task was woken by.
enum Woken {
    Closing,
    Retired,
    Answer(Answer),
    Exit(Exit),
    /// The engine has closed while there was no websocket.
    Closed,
    /// Nothing comes on the old websocket any more.
    Drained,
    Wanted,
    Dial(Option<Dial>),
    Time,
}

impl<S: SessionSource> Driver<S> {
    pub(crate) fn new(
        id: LaneId,
        shared: Arc<Shared>,
        source: Arc<S>,
        options: Arc<TunnelOptions>,
        dialer: Arc<Dialer>,
        orders: Orders,
    ) -> Self {
        let is_first = id == LaneId(0);
        let config = SupervisorConfig {
            start_budget: if is_first {
                options.start_budget
            } else {
                options.start_budget.min(START_BUDGET)
            },
            resume_budget: options.resume_budget,
            idle: options.idle,
            rollover: options.rollover,
            away: options.away_limit,
            without: options.without,
        };
        // Each lane has a sequence of its own.
        let seed = options.seed ^ u64::from(id.0).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Self {
            id,
            shared,
            source,
            supervisor: Supervisor::new(config, seed, std::time::Instant::now()),
            options,
            dialer,
            orders,
            rng: StdRng::seed_from_u64(seed ^ 0x0064_7269_7665_7200),
            call: None,
            ticket: None,
            lane: None,
            link: None,
            old: None,
            ahead: None,
            upgraded: None,
            last: None,
            goodbyes: TaskTracker::new(),
            end: None,
            has_begun: false,
            was_up: false,
        }
    }

    /// Runs the lane to its end and leaves nothing behind.
    pub(crate) async fn run(mut self) {
        let end = self.live().await;
        match &end {
            // Listener and local connections learn it before the goodbyes, which may take seconds.
            LaneEnd::Tunnel(end) => self.shared.end(end.clone()),
            LaneEnd::Retired => {
                self.shared.emit(TunnelEvent::LaneGone { lane: self.id.0, cause: None });
            }
            LaneEnd::Gone { .. } => {}
        }
        self.part(&end).await;
        // What is left of a tunnel that is over can still be looked at.
        if !matches!(end, LaneEnd::Tunnel(_)) {
            self.shared.remove(self.id);
        }
    }

    /// Carries out decisions until there are no more.
    async fn live(&mut self) -> LaneEnd {
        loop {
            self.obey();
            if let Some(end) = self.end.take() {
                return end;
            }
            match self.wait().await {
                Woken::Closing => return LaneEnd::Tunnel(End::Closed),
                Woken::Retired => return LaneEnd::Retired,
                Woken::Answer(answer) => {
                    self.call = None;
                    self.answered(answer);
                }
                Woken::Exit(Exit::Lost(loss)) => self.lost(loss),
                Woken::Exit(Exit::Ready) => self.ready(),
                Woken::Exit(Exit::Closed | Exit::Drained) | Woken::Closed => self.closed(),
                Woken::Drained => self.old = None,
                // It may have been wanted, and have gone.
                Woken::Wanted if self.shared.waiting() > 0 => self.supervisor.wanted(now()),
                Woken::Wanted => {}
                Woken::Dial(dial) => self.dialled(dial),
                Woken::Time => {
                    let activity = self.activity();
                    self.supervisor.handle_timeout(now(), &activity);
                }
            }
        }
    }

    /// Moves bytes, and waits for something to decide about.
    async fn wait(&mut self) -> Woken {
        let due = self.supervisor.poll_timeout();
        let is_dormant = self.supervisor.is_dormant();
        let Self { shared, lane, link, old, call, orders, .. } = self;
        let lane = lane.as_ref();
        tokio::select! {
            biased;
            () = shared.closing.cancelled() => Woken::Closing,
            () = shared.ended.cancelled() => Woken::Closing,
            () = orders.retire.cancelled() => Woken::Retired,
            exit = carry(link.as_mut(), lane) => exit,
            answer = answer(call.as_mut()) => Woken::Answer(answer),
            () = drain(old.as_mut(), lane) => Woken::Drained,
            dial = orders.dials.recv() => Woken::Dial(dial),
            () = shared.wanted.notified(), if is_dormant => Woken::Wanted,
            () = until(due) => Woken::Time,
        }
    }

    /// How busy the session is; without one, what is known from those before.
    fn activity(&self) -> Activity {
        let mut activity = self.lane.as_ref().map(|lane| lane.activity()).unwrap_or_default();
        let (proven, last_payload) = self.shared.history();
        activity.proven |= proven;
        activity.last_payload = activity.last_payload.max(last_payload);
        activity.held = self.shared.held(self.id);
        activity
    }

    /// A new session, with the one reading of the wall clock, which dates messages.
    fn session(&mut self) -> Session {
        let unix_ms = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let epoch = Epoch { instant: now(), unix_ms: u64::try_from(unix_ms).unwrap_or(1) };
        let mut config = SessionConfig::default();
        config.client_version.clone_from(&self.options.client_version);
        config.without = self.options.without;
        config.keep_alive = self.options.keep_alive;
        Session::client(config, self.rng.random(), epoch)
    }

    /// The lane has no session that carries; tells whether it ends with that, because others do.
    fn gives_way(&mut self, cause: Gone) -> bool {
        if cause == Gone::Unreached {
            self.shared.outdate_others(self.id);
        }
        self.shared.leave(self.id)
    }
}

fn now() -> std::time::Instant {
    std::time::Instant::now()
}

/// Carries the session over its websocket; without one, keeps its timers running.
async fn carry(link: Option<&mut Link>, lane: Option<&Arc<Lane>>) -> Woken {
    match (link, lane) {
        (Some(link), Some(lane)) => Woken::Exit(link.carry(lane, false).await),
        (None, Some(lane)) => {
            idle(lane).await;
            Woken::Closed
        }
        (_, None) => std::future::pending().await,
    }
}

/// Keeps the engine's timers running while there is no websocket; returns when it has closed.
async fn idle(lane: &Lane) {
    loop {
        let turn = lane.tick();
        if turn.closed {
            return;
        }
        let woken = lane.driver.notified();
        tokio::select! {
            () = woken => {}
            () = until(turn.timeout) => {}
        }
    }
}

async fn answer(call: Option<&mut Call>) -> Answer {
    match call {
        Some(call) => call.await,
        None => std::future::pending().await,
    }
}

async fn drain(old: Option<&mut Link>, lane: Option<&Arc<Lane>>) {
    match (old, lane) {
        (Some(old), Some(lane)) => old.drain(lane).await,
        (Some(_), None) => {}
        (None, _) => std::future::pending().await,
    }
}

async fn until(due: Option<std::time::Instant>) {
    match due {
        Some(due) => sleep_until(Instant::from_std(due)).await,
        None => std::future::pending().await,
    }
}

/// A version 4 UUID of the seeded generator.
pub(crate) fn random_uuid(rng: &mut StdRng) -> String {
    uuid::Builder::from_random_bytes(rng.random()).into_uuid().to_string()
}
