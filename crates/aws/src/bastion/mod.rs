//! The bastion of a VPC: what stands, what is missing, making it, starting it, removing it.
//!
//! [`inventory`] reads, [`plan`] decides, [`apply`] does. Only the second thinks, and it neither
//! waits nor asks; so what will be done can be shown before, and tried without AWS. Whatever a run
//! leaves behind when it is cut short, the next inventory shows, and the next plan goes on from it.

mod agent;
mod apply;
mod cleanup;
mod diagnose;
mod evidence;
mod existing;
mod find;
mod inventory;
mod plan;
mod prepared;
mod progress;
mod read;
mod sessions;
mod start;
mod user_data;

use std::num::NonZeroU16;

use serde::{Deserialize, Serialize};

use crate::tags::Tags;
use crate::targets::Target;

pub use agent::{Reachability, agent};
pub use apply::{Applied, ApplyError, apply};
pub use cleanup::{
    FORCE, Kept, Leftovers, Removal, RemovalAction, Removed, Scope, Unasked, Unremoved, Unseen,
    find_leftovers, remove,
};
pub use diagnose::{Cause, Diagnosis, diagnose};
pub use existing::{Existing, ExistingSpec, ExistingSpecError, resolve_existing};
pub use find::{Bastions, find};
pub use inventory::{Architecture, Inventory, Profile, Role};
pub use plan::{Action, GroupRef, Launch, Plan, PlanError, RulePeer, RuleSpec, Step, plan};
pub use prepared::{Opened, Prepared, opened, prepared};
pub use progress::Progress;
pub use read::inventory;
pub use start::start;

/// After so many minutes without traffic a bastion stops itself, when nothing else is said.
pub const IDLE_MINUTES: NonZeroU16 = NonZeroU16::new(15).expect("15 is not zero");

/// How a bastion is made. What is left out is chosen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// The subnet for a new bastion.
    pub subnet: Option<String>,
    /// The type of a new bastion; else the smallest that the zone offers, ARM first.
    pub instance_type: Option<String>,
    /// Whether a new bastion gets a public address; else when its subnet needs one.
    pub public_ip: Option<bool>,
    /// Whether endpoints for Session Manager are made where no subnet reaches it otherwise.
    pub create_endpoints: bool,
    /// Tags for all that is made.
    pub tags: Tags,
    /// How many minutes without traffic until a new bastion stops itself; else [`IDLE_MINUTES`].
    pub idle_minutes: Option<NonZeroU16>,
    /// The ARN of a policy that bounds what the bastion's role may do.
    pub permissions_boundary: Option<String>,
}

/// What shall be: a bastion in a VPC, from which the targets are reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Desired {
    /// The VPC.
    pub vpc: String,
    /// What shall be reached; empty for just the bastion.
    pub targets: Vec<Target>,
    /// How it is made.
    pub options: Options,
}

/// The state of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// On its way to run.
    Pending,
    /// It runs; whether its agent answers is another question.
    Running,
    /// On its way to stop.
    Stopping,
    /// Stopped; it can be started.
    Stopped,
    /// On its way to be gone.
    ShuttingDown,
    /// Gone; it stays in sight for about an hour.
    Terminated,
}

impl State {
    /// The service's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
            Self::ShuttingDown => "shutting-down",
            Self::Terminated => "terminated",
        }
    }

    /// Whether it can be used, perhaps after it was started.
    pub fn is_usable(self) -> bool {
        !matches!(self, Self::ShuttingDown | Self::Terminated)
    }
}

/// An instance that adit made as a bastion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bastion {
    /// Its id, `i-…`.
    pub id: String,
    /// Its state.
    pub state: State,
    /// When it was last started, as RFC 3339 in UTC.
    pub launched: String,
    /// The VPC it is in.
    pub vpc: String,
    /// Its subnet.
    pub subnet: String,
    /// Its availability zone.
    pub zone: String,
    /// Its type, as `t4g.micro`.
    pub instance_type: String,
    /// The image it was made of.
    pub image: String,
    /// Its public address, while it has one.
    pub public_ip: Option<String>,
    /// The ARN of its instance profile.
    pub profile: Option<String>,
    /// The id of that profile, which another profile of the same name does not have.
    pub profile_id: Option<String>,
    /// Its security groups.
    pub groups: Vec<String>,
    /// The ARN of who made it.
    pub owner: Option<String>,
    /// When its root volume was attached, as RFC 3339 in UTC; unknown at first.
    #[serde(default)]
    pub attached: Option<String>,
    /// Why it is in its state, as `Client.InternalError: …`, where the service says so.
    #[serde(default)]
    pub state_reason: Option<String>,
}

impl Bastion {
    /// Whether it runs, or will without anybody's doing.
    pub fn is_up(&self) -> bool {
        matches!(self.state, State::Pending | State::Running)
    }

    /// When it was made. The time of the launch moves with each start; that of the volume does not.
    pub(crate) fn made(&self) -> &str {
        self.attached.as_deref().unwrap_or(&self.launched)
    }
}

/// Sorts so that the one to use stands first: running ones before others, then the oldest, so that
/// everybody chooses the same.
pub(crate) fn by_preference(bastions: &mut [Bastion]) {
    let rank = |state| match state {
        State::Running => 0,
        State::Pending => 1,
        State::Stopped | State::Stopping => 2,
        State::ShuttingDown | State::Terminated => 3,
    };
    bastions
        .sort_by(|a, b| (rank(a.state), a.made(), &a.id).cmp(&(rank(b.state), b.made(), &b.id)));
}
