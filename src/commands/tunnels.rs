//! Tunnels: opened, held and ended side by side; what `connect` and `exec` share.

mod anew;
mod attempt;
mod board;
mod expiry;
mod fleet;
mod hold;
mod lanes;
mod lazy;
mod leash;
mod limits;
mod offer;
mod one;
mod service;
mod shared;
mod target;

pub(crate) use board::{Board, Milestones, Seat, Standing, State};
pub(crate) use fleet::{Common, Fleet, Member, Outcome, summary};
pub(crate) use leash::{Extended, Leash};
pub(crate) use service::ServiceLimits;
pub(crate) use shared::Shared;
