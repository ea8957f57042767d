//! The program as a command: arguments, environment, outputs; and the shape of the workspace.

#[allow(dead_code, reason = "each test binary uses a part of the harness")]
#[path = "../common/mod.rs"]
mod common;

mod architecture;
mod arguments;
mod credentials;
mod outputs;
mod preparing;
mod preparing_again;
mod readers;
mod stopping;
mod surroundings;
mod team;
mod variables;
