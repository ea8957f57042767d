//! What a bastion is given at its first boot, and what that does: the real scripts, run with real
//! processes and sockets, and stand-ins for what stops or changes a machine.
//!
//! Where a program is not installed its tests are listed and ignored, with the reason on standard
//! error; with `ADIT_TEST_REQUIRE=1` they fail instead.

#[allow(dead_code, reason = "each test binary uses a part of the harness")]
#[path = "../common/stories.rs"]
mod stories;
#[path = "../../crates/aws/src/bastion/user_data.rs"]
mod user_data;

mod host;
mod idle;
mod patch;
mod text;

use std::process::ExitCode;

use libtest_mimic::Arguments;

use crate::stories::{find, list};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    trials.extend(list("text", text::STORIES, None));
    for (program, stories) in text::CHECKED_BY {
        trials.extend(list("text", stories, find(program, &[]).err()));
    }
    trials.extend(list("idle", idle::STORIES, host::missing()));
    trials.extend(list("patch", patch::STORIES, host::missing()));
    libtest_mimic::run(&arguments, trials).exit_code()
}
