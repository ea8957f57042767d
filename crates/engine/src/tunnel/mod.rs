//! What is decided about a tunnel as a whole, beside the sessions that it uses.

mod lanes;
mod supervise;

pub use lanes::{LaneAction, LaneId, Lanes, LanesConfig, Load, Meter, Place};
pub use supervise::{
    Action, Closing, Gone, Over, Resumption, Setback, Supervised, Supervisor, SupervisorConfig,
    Trouble,
};
