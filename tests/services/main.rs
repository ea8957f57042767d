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

use libtest_mimic::{Arguments, Failed, Trial};

use installed::Missing;

/// A named test and what it is to do.
type Story = (&'static str, fn());

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    trials.extend(list("postgres", postgres::STORIES, postgres::installed().err()));
    trials.extend(list("redis", redis_server::STORIES, redis_server::installed().err()));
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn list(
    kind: &'static str,
    stories: &'static [Story],
    missing: Option<Missing>,
) -> impl Iterator<Item = Trial> {
    let required = std::env::var_os("ADIT_TEST_REQUIRE").is_some_and(|value| value == "1");
    stories.iter().map(move |&(name, story)| {
        let missing = missing.clone();
        let ignored = missing.is_some() && !required;
        if let Some(reason) = &missing
            && ignored
        {
            announce(&format!("{kind}::{name} is ignored: {reason}"));
        }
        Trial::test(format!("{kind}::{name}"), move || {
            missing.map_or(Ok(()), |reason| Err(Failed::from(reason.to_string())))?;
            story();
            Ok(())
        })
        .with_ignored_flag(ignored)
    })
}

#[expect(clippy::print_stderr, reason = "where a test program says what it leaves out")]
fn announce(text: &str) {
    eprintln!("{text}");
}
