//! Stories of one session and one agent in virtual time.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

mod harness;
mod stories;
