//! The emulated agent: port sessions with the official agent's pace, timers and defects.
//!
//! It is written from what aws/amazon-ssm-agent does, and shares nothing with adit's own engine
//! but the wire codecs, so that the two cannot be wrong together. Comments name the file and the
//! function of the official agent that a habit comes from; [`config::Quirks`] has a switch for
//! each defect.

mod basic;
mod channel;
pub(crate) mod config;
mod dial;
mod document;
mod exit;
mod handler;
mod handshake;
mod mux;
mod outgoing;
mod pattern;
mod pump;
mod reader;
mod session;
#[cfg(test)]
mod tests;
mod version;

pub(crate) use session::run_session;
