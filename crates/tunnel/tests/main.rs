//! Tunnels through a gateway, an agent and a proxy of the tests' own, all on loopback.

#![allow(missing_docs, unreachable_pub, reason = "test code")]
#![expect(clippy::missing_panics_doc, reason = "tests panic to fail")]

mod dial;
mod ends;
mod forward;
mod resume;
mod support;
