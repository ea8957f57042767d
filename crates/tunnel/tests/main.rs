//! Tunnels through a gateway, an agent and a proxy of the tests' own, all on loopback.

#![allow(missing_docs, unreachable_pub, reason = "test code")]

mod dial;
mod ends;
mod forward;
mod keep_alive;
mod lanes;
mod listen;
mod replace;
mod resume;
mod support;
