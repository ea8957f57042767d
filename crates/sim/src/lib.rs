//! The engine in a simulated world.
//!
//! A world has a client with the real [`Session`](adit_engine::Session), a gateway, an agent of
//! our own model, the links between them and programs at both ends of each stream. Time is
//! virtual, one seed decides all that chance decides, and after every step [`oracle`] checks what
//! must always hold. A failure is a [`Scenario`](scenario::Scenario) that fails every time it is
//! run, which [`shrink`] makes smaller.

pub mod apps;
pub mod chance;
pub mod client;
pub mod gateway;
pub mod link;
pub mod oracle;
pub mod pattern;
pub mod peer;
pub mod scenario;
pub mod seeds;
pub mod shrink;
pub mod trace;
pub mod world;

/// A moment, counted from the beginning of the world, or a duration.
pub type Time = std::time::Duration;
