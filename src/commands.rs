//! The commands, one module each.

mod connect;
mod demo;
mod lab;
mod local;
mod open;
mod report;

use crate::exit::Exit;
use crate::failure::{Failure, Kind};
use crate::settings::Settings;
use crate::signals::{Signals, Stop};
use crate::ui::Printer;

/// Runs a command to its end.
pub(crate) async fn run(settings: Settings, printer: Printer) -> Result<Exit, Failure> {
    let signals = Signals::new().map_err(|error| {
        Failure::new(Kind::Internal, format!("cannot wait for signals: {error}"))
    })?;
    match settings {
        Settings::Connect(settings) => Box::pin(connect::run(*settings, signals, printer)).await,
        Settings::Demo(settings) => Box::pin(demo::run(settings, signals, printer)).await,
        Settings::Lab(settings) => lab::run(*settings, signals, printer).await,
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
