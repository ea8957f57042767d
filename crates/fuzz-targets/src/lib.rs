//! What the fuzzer calls: one function for each target, which takes any bytes and panics when
//! something is wrong.
//!
//! They are ordinary functions of an ordinary crate, so that the tests replay the whole corpus
//! without a fuzzer; `fuzz/` wraps them for libFuzzer. `docs/reliability.md` says what each asserts.

mod config;
mod engine;
mod handshake;
mod header;
mod import;
mod lab_http;
mod limits;
mod payloads;
mod session;
mod smux;
mod supervise;
mod xml;

pub use config::config;
pub use handshake::handshake;
pub use header::header;
pub use import::import;
pub use lab_http::lab_http;
pub use limits::limits;
pub use payloads::payloads;
pub use session::session;
pub use smux::smux;
pub use supervise::supervise;

/// A target: it panics when something is wrong.
pub type Target = fn(&[u8]);

/// All targets, by the names of their corpora.
pub const TARGETS: [(&str, Target); 10] = [
    ("config", config),
    ("handshake", handshake),
    ("header", header),
    ("import", import),
    ("lab_http", lab_http),
    ("limits", limits),
    ("payloads", payloads),
    ("session", session),
    ("smux", smux),
    ("supervise", supervise),
];
