//! The real program against a lab, from the local socket to the destination.

#[allow(dead_code, reason = "each test binary uses a part of the harness")]
#[path = "../common/mod.rs"]
mod common;
mod credentials;
mod cuts;
mod demo;
mod destination;
mod ends;
mod failures;
mod in_process;
mod killed;
mod lab;
mod lanes;
mod late_handler;
mod limits;
mod loss;
mod round_trips;
mod slow_reader;
mod stopping;
mod transparency;
