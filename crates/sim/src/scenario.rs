//! What a run is made of: all of it data, so that a failing one can be made smaller by taking
//! parts away.

use adit_engine::{LimitsConfig, SessionConfig, SupervisorConfig};

use crate::Time;
use crate::apps::Plan;
use crate::link::{Path, Weather};
use crate::peer::PeerConfig;

/// One of the two ends that the gateway stands between.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    /// This client.
    Client,
    /// The agent.
    Agent,
}

impl Side {
    /// The other one.
    pub const fn other(self) -> Self {
        match self {
            Self::Client => Self::Agent,
            Self::Agent => Self::Client,
        }
    }
}

/// A direction of a side's leg.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Way {
    /// To the gateway.
    In,
    /// From the gateway.
    Out,
}

/// Something that goes wrong.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Fault {
    /// The websocket breaks, and what was under way is lost.
    Cut(Side),
    /// The same, and nobody tells the end of it.
    SilentCut(Side),
    /// The websocket breaks when so many more bytes have passed.
    CutAfter(Side, Way, u64),
    /// The websocket breaks, and none can be opened for a time; dials hang or fail at once.
    Outage {
        /// Whose.
        side: Side,
        /// How long.
        length: Time,
        /// Whether dials hang.
        hangs: bool,
    },
    /// Nothing arrives for a time, and then all of it.
    Stall(Side, Way, Time),
    /// So many messages in a row vanish.
    Lose(Side, Way, u32),
    /// Messages vanish, double and overtake each other.
    Weather(Side, Way, Weather),
    /// The service closes the websocket with code 1000.
    Bye(Side),
    /// The next API calls are refused for now.
    Throttle(u32),
    /// API calls fail for a time.
    ApiDown(Time),
    /// No destination reads or writes for a time.
    Freeze(Time),
    /// The service ends the session.
    EndSession,
    /// The client's machine sleeps.
    Sleep(Time),
    /// Not the network's fault but the simulation's, to see that the oracles notice.
    Sabotage(Sabotage),
}

/// What is broken on purpose, to see that an oracle notices.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sabotage {
    /// Messages of the agent vanish for good.
    BlackHole,
    /// An acknowledgement is kept from the wire.
    HidesAck,
    /// A timeout stays due.
    RepeatsTimeout,
    /// What the supervisor says is not done.
    ForgetsResume,
    /// Nobody minds the limits.
    IgnoresLimits,
}

/// The gateway's ways.
#[derive(Clone, PartialEq, Debug)]
pub struct GatewayConfig {
    /// Whether it keeps what comes for a side that is away; else it drops that, and what is under
    /// way when it closes a websocket.
    pub buffers: bool,
    /// When it closes a websocket, from its opening on.
    pub bye_after: Time,
    /// At most so much earlier.
    pub bye_jitter: Time,
    /// It ends a session that carried nothing for so long.
    pub idle: Time,
    /// How long a token is good for.
    pub token_life: Time,
    /// How long an API call takes.
    pub call: Time,
    /// Whether it tells each side when the other is away.
    pub publishes: bool,
}

/// A whole run.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Decides whatever the scenario does not say.
    pub seed: u64,
    /// The run ends after so many steps at the latest.
    pub steps: u64,
    /// And at that time.
    pub until: Time,
    /// The client's leg, to the gateway and back.
    pub client_leg: [Path; 2],
    /// The agent's.
    pub agent_leg: [Path; 2],
    /// The agent.
    pub peer: PeerConfig,
    /// The gateway.
    pub gateway: GatewayConfig,
    /// The session.
    pub session: SessionConfig,
    /// How patient the tunnel is, and when it exchanges its websocket.
    pub supervisor: SupervisorConfig,
    /// How long the tunnel may be idle and last; for ever where there is none.
    pub limits: Option<LimitsConfig>,
    /// What streams are opened, and when.
    pub conversations: Vec<(Time, Plan)>,
    /// What is opened shortly before each close that the service plans.
    pub bursts: Option<Plan>,
    /// How long before.
    pub burst_before: Time,
    /// What goes wrong, and when.
    pub faults: Vec<(Time, Fault)>,
    /// How long a broken websocket may go unnoticed at its ends.
    pub notice: Time,
}

impl Scenario {
    /// A calm world: 20 ms there and back, an agent as it should be, nothing to do.
    pub fn calm(seed: u64) -> Self {
        let leg = || {
            let path = Path::new(Time::from_millis(5), Time::ZERO, 50_000_000);
            [path.clone(), path]
        };
        Self {
            seed,
            steps: u64::MAX,
            until: Time::from_hours(1000),
            client_leg: leg(),
            agent_leg: leg(),
            peer: PeerConfig {
                version: "3.3.987.0",
                pace: Time::from_micros(1100),
                deaf_for: Time::ZERO,
                not_ready_for: Time::ZERO,
                reads_while_away: false,
                defect: None,
            },
            gateway: GatewayConfig {
                buffers: true,
                bye_after: Time::from_hours(1),
                bye_jitter: Time::ZERO,
                idle: Time::from_mins(20),
                token_life: Time::from_mins(1),
                call: Time::from_millis(80),
                publishes: true,
            },
            session: SessionConfig::default(),
            supervisor: SupervisorConfig::default(),
            limits: None,
            conversations: Vec::new(),
            bursts: None,
            burst_before: Time::from_millis(1500),
            faults: Vec::new(),
            notice: Time::from_millis(50),
        }
    }

    /// The same with a round trip between client and agent of that length.
    pub fn with_round_trip(mut self, rtt: Time) -> Self {
        for path in self.client_leg.iter_mut().chain(&mut self.agent_leg) {
            path.latency = rtt / 4;
        }
        self
    }

    /// Adds a stream.
    pub fn opening(mut self, at: Time, plan: Plan) -> Self {
        self.conversations.push((at, plan));
        self
    }

    /// Adds a fault.
    pub fn suffering(mut self, at: Time, fault: Fault) -> Self {
        self.faults.push((at, fault));
        self
    }

    /// The round trip between client and agent, at most.
    pub fn round_trip(&self) -> Time {
        self.client_leg.iter().chain(&self.agent_leg).map(|path| path.latency + path.jitter).sum()
    }
}
