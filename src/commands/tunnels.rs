//! Tunnels: opened, held and ended side by side; what `connect` and `exec` share.

mod attempt;
mod board;
mod expiry;
mod fleet;
mod hold;
mod lazy;
mod limits;
mod one;
mod shared;
mod target;

pub(crate) use board::{Board, Seat, Standing, State};
pub(crate) use fleet::{Common, Fleet, Member, Outcome, summary};
pub(crate) use shared::Shared;
