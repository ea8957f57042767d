//! The wire protocol as a peer sees it: golden bytes, round trips, and totality.

mod bodies;
mod encryption;
mod fixtures;
mod layout;
mod round_trip;
mod rules;
mod strategies;
mod total;
mod types;
mod vectors;
