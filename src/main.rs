//! The `adit` program: builds the runtime, runs the command, hands its exit status on.

use std::process::ExitCode;

fn main() -> ExitCode {
    adit::main()
}
