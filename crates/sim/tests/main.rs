//! The simulation: seeds, its own oracles, and figures in virtual time.

#[path = "sim/agent.rs"]
mod agent;
#[path = "sim/limits.rs"]
mod limits;
#[path = "sim/measured.rs"]
mod measured;
#[path = "sim/oracles.rs"]
mod oracles;
#[path = "sim/seeds.rs"]
mod seeds;
