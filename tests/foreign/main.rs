//! Programs that others wrote, against the lab: the AWS CLI, boto3, and another Session Manager
//! client. And the program itself against moto, another's stand-in for AWS.
//!
//! `ADIT_TEST_PYTHON` names a Python that has `requirements.txt`; `ADIT_TEST_BRIDGE` the program
//! that `tests/peers` builds. What is not there is listed and ignored, with the reason on standard
//! error; with `ADIT_TEST_REQUIRE=1` it fails instead.

mod aws_cli;
mod boto3;
mod bridge;
#[allow(dead_code, reason = "each test binary uses a part of the harness")]
#[path = "../common/mod.rs"]
mod common;
mod made;
mod moto;
mod python;
mod shared_cache;

use std::process::ExitCode;

use libtest_mimic::Arguments;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    let python = python::installed().err();
    trials.extend(common::stories::list("boto3", boto3::STORIES, python.clone()));
    trials.extend(common::stories::list("made", made::STORIES, python.clone()));
    trials.extend(common::stories::list("aws_cli", aws_cli::STORIES, python.clone()));
    trials.extend(common::stories::list("shared_cache", shared_cache::STORIES, python.clone()));
    trials.extend(common::stories::list("moto", moto::STORIES, python));
    trials.extend(common::stories::list("bridge", bridge::STORIES, bridge::built().err()));
    libtest_mimic::run(&arguments, trials).exit_code()
}
