//! The programs of this user that hold tunnels: found by others, asked how they stand, told to end.
//!
//! Each listens on a socket in a folder that is the user's alone. There is no file to go stale: a
//! socket that nobody answers is what a killed program has left, and goes when it is found.

#[cfg(unix)]
mod ask;
#[cfg(unix)]
mod detach;
#[cfg(not(unix))]
mod elsewhere;
mod folders;
#[cfg(unix)]
mod log;
mod message;
#[cfg(unix)]
mod serve;

#[cfg(unix)]
pub(crate) use ask::{Program, find};
#[cfg(unix)]
pub(crate) use detach::{Detached, detach};
#[cfg(not(unix))]
pub(crate) use elsewhere::{Desk, Detached, Program, detach, find, is_alive, newest};
pub(crate) use folders::Folders;
#[cfg(unix)]
pub(crate) use log::{is_alive, newest};
pub(crate) use message::{Answer, TunnelStatus};
#[cfg(unix)]
pub(crate) use serve::Desk;
