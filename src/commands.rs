//! The commands, one module each.

mod access;
mod ask;
mod choose;
mod cleanup;
mod codes;
mod connect;
mod demo;
mod init;
mod lab;
mod list;
mod local;
mod login;
mod open;
mod place;
mod report;
mod telling;
mod watch;
mod whoami;

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
            Stop::Terminate => Self::Terminated,
        }
    }
}
