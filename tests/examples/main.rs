//! What `examples/` and the README show: run against a lab where it can be, and else judged by those
//! who know the format.
//!
//! `ADIT_TEST_PYTHON` names a Python with `tests/foreign/requirements.txt`, which has the schemas of CI
//! and Compose files. What is not there is listed and ignored, with the reason on standard error; with
//! `ADIT_TEST_REQUIRE=1` it fails instead.

mod ci;
#[allow(dead_code, reason = "each test binary uses a part of the harness")]
#[path = "../common/mod.rs"]
mod common;
mod compose;
mod formats;
mod place;
mod readme;
mod systemd;
mod team;

use std::process::ExitCode;

use libtest_mimic::Arguments;

use crate::common::stories::{find, list};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let shell = find("sh", &[]).err();
    let mut trials = Vec::new();
    trials.extend(list("formats", formats::STORIES, formats::checker().err()));
    trials.extend(list("team", team::STORIES, find("make", &[]).err()));
    trials.extend(list("ci", ci::STORIES, shell.clone()));
    trials.extend(list("readme", readme::STORIES, shell));
    trials.extend(list("compose", compose::STORIES, None));
    trials.extend(list("units", systemd::STORIES, find("systemd-analyze", &[]).err()));
    trials.extend(list("service", systemd::SERVICE, None));
    libtest_mimic::run(&arguments, trials).exit_code()
}
