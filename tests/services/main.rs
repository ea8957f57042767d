//! Real PostgreSQL and Redis behind the real program and a lab.
//!
//! Where a server is not installed its tests are listed and ignored, with the reason on standard
//! error; with `ADIT_TEST_REQUIRE=1` they fail instead.

#[allow(dead_code, reason = "each test binary uses a part of the harness")]
#[path = "../common/mod.rs"]
mod common;
mod installed;
mod postgres;
mod redis_server;

use std::process::ExitCode;

use libtest_mimic::Arguments;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    trials.extend(common::stories::list(
        "postgres",
        postgres::STORIES,
        postgres::installed().err(),
    ));
    trials.extend(common::stories::list(
        "redis",
        redis_server::STORIES,
        redis_server::installed().err(),
    ));
    libtest_mimic::run(&arguments, trials).exit_code()
}
