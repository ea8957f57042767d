//! The commands, one module each.

mod access;
mod ask;
mod bench;
mod beside;
mod choose;
mod cleanup;
mod codes;
pub(crate) mod completions;
mod config;
mod connect;
mod demo;
mod down;
mod exec;
mod extend;
mod handed;
mod init;
mod lab;
mod list;
mod local;
mod login;
mod logs;
mod manual;
mod open;
mod place;
mod report;
mod status;
mod telling;
pub(crate) mod tunnels;
mod wait;
mod watch;
mod whoami;

pub(crate) use self::bench::Measured;
use crate::cli::Given;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::settings::Settings;
use crate::signals::{Signals, Stop};
use crate::ui::Printer;

/// Runs a command to its end.
pub(crate) async fn run(
    settings: Settings,
    given: Given,
    signals: Signals,
    printer: Printer,
) -> Result<Exit, Failure> {
    match settings {
        // This one has a session to give back when standard output fails.
        Settings::Connect(settings) => {
            Box::pin(connect::run(*settings, given, signals, printer)).await
        }
        Settings::Exec(settings) => Ok(exec::run(*settings, given, signals, printer).await),
        Settings::Bench(settings) => Box::pin(bench::run(*settings, given, signals, printer)).await,
        Settings::Config(settings) => {
            Box::pin(config::run(settings, given, signals, printer)).await
        }
        Settings::Completions(args) => completions::run(&args, printer),
        Settings::Manual(args) => manual::run(&args, printer),
        Settings::Status(settings) => status::run(settings, signals, printer).await,
        Settings::Logs(settings) => logs::run(settings, signals, printer).await,
        Settings::Wait(settings) => wait::run(settings, signals, printer).await,
        Settings::Extend(settings) => extend::run(settings, signals, printer).await,
        Settings::Down(settings) => down::run(settings, signals, printer).await,
        // These hear of a standard output that fails between their steps.
        Settings::Init(settings) => Box::pin(init::run(*settings, given, signals, printer)).await,
        Settings::Cleanup(settings) => {
            Box::pin(cleanup::run(settings, given, signals, printer)).await
        }
        Settings::List(settings) => Box::pin(list::run(settings, signals, printer)).await,
        Settings::Login(settings) => Box::pin(login::run(settings, signals, printer)).await,
        Settings::Whoami(settings) => Box::pin(whoami::run(settings, signals, printer)).await,
        Settings::Demo(settings) => {
            while_printing(printer, Box::pin(demo::run(settings, signals, printer))).await
        }
        Settings::Lab(settings) => {
            while_printing(printer, lab::run(*settings, signals, printer)).await
        }
    }
}

/// Runs a command until standard output fails.
async fn while_printing(
    printer: Printer,
    command: impl Future<Output = Result<Exit, Failure>>,
) -> Result<Exit, Failure> {
    tokio::select! {
        biased;
        failure = printer.broken() => Err(failure),
        ended = command => ended,
    }
}

impl From<Stop> for Exit {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Interrupt => Self::Interrupted,
            Stop::Terminate | Stop::Hangup => Self::Terminated,
            // Whatever it was that did not go well is told by what failed.
            Stop::Down | Stop::Done | Stop::Alone => Self::Done,
        }
    }
}
