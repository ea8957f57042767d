//! Stories of one session and one agent in virtual time.

mod harness;
mod stories;
