//! The command line of adit: tunnels to private AWS resources through Session Manager.
//!
//! This crate is the only place that prints, reads the environment or knows exit codes. Flags
//! and environment become `Settings` once; a command does its work with `adit-tunnel`, `adit-aws`
//! and `adit-lab`; whatever goes wrong becomes a `Failure`, and the exit code follows from its
//! kind.

mod background;
mod cli;
mod commands;
mod dumps;
mod exit;
mod failure;
mod journal;
mod logging;
mod memory;
mod readiness;
mod settings;
mod signals;
mod source;
mod trusted;
mod ui;
mod usage;
mod world;

use std::process::ExitCode;
use std::time::Duration;

use clap::CommandFactory as _;
use clap_complete::CompleteEnv;

use crate::cli::{Cli, CommandArgs, Given};
use crate::commands::completions;
use crate::exit::Exit;
use crate::failure::{Failure, Kind};
use crate::settings::Settings;
use crate::signals::{Heard, Signals};
use crate::ui::{Output, Printer};
#[doc(hidden)]
pub use crate::world::World;

/// How long the end waits for a reader of standard output.
const LAST_LINES: Duration = Duration::from_secs(2);

/// Runs the program with the process's arguments and environment.
pub fn main() -> ExitCode {
    main_with(World::default())
}

/// Whether `adit exec` was meant, as far as one can tell of arguments that make no sense.
fn is_exec() -> bool {
    std::env::args_os().skip(1).find(|word| !word.as_encoded_bytes().starts_with(b"-"))
        == Some("exec".into())
}

/// Runs the program in a world of tests.
#[doc(hidden)]
pub fn main_with(world: World) -> ExitCode {
    // A shell asks for candidates while somebody types; this ends the program then.
    CompleteEnv::with_factory(Cli::command).var(completions::VARIABLE).complete();
    let cli = match Cli::read(std::env::args_os()) {
        Ok(cli) => cli,
        Err(error) => {
            let exit = usage::tell(&error, LAST_LINES);
            // Of `exec`, other codes than its own are the command's.
            return ExitCode::from(match exit {
                Exit::Failed(kind) if is_exec() => Exit::of_exec(kind).code(),
                exit => exit.code(),
            });
        }
    };
    let Cli { output, command, given } = cli;
    let printer = Printer::new(Output::from(&output));
    logging::init(output.verbose);
    let read = |name: &str| std::env::var(name).ok();
    let is_exec = matches!(command, CommandArgs::Exec(_));
    let settings = Settings::resolve(command, &read).map(|settings| settings.within(world));
    let exit = match settings.and_then(|settings| run(settings, given, printer)) {
        Ok(exit) => exit,
        Err(failure) => {
            let (printer, exit) = if is_exec {
                (printer.aside(), Exit::of_exec(failure.kind))
            } else {
                (printer, Exit::Failed(failure.kind))
            };
            printer.failure_with(&failure, exit.code());
            printer.drain_within(LAST_LINES);
            exit
        }
    };
    ExitCode::from(exit.code())
}

/// Runs a command to its end on a runtime of its own.
fn run(settings: Settings, given: Given, printer: Printer) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Kind::Internal, format!("cannot start: {error}")))?;
    let exit = runtime.block_on(async {
        let signals = Signals::new().map_err(|error| {
            Failure::new(Kind::Internal, format!("cannot wait for signals: {error}"))
        })?;
        let heard = signals.heard();
        let ended = commands::run(settings, given, signals, printer).await;
        Ok(finish(ended, &heard, printer).await)
    });
    // Nothing that still runs is worth waiting for: a second Ctrl-C ends at once.
    runtime.shutdown_background();
    exit
}

/// Says why the command failed, and gives the reader of standard output the time to hear it.
async fn finish(ended: Result<Exit, Failure>, heard: &Heard, printer: Printer) -> Exit {
    let exit = ended.unwrap_or_else(|failure| {
        printer.failure(&failure);
        Exit::Failed(failure.kind)
    });
    if heard.is_urgent() {
        return exit;
    }
    let asked = async {
        match Signals::new() {
            Ok(mut signals) => drop(signals.next().await),
            Err(_) => std::future::pending().await,
        }
    };
    let fault = tokio::select! {
        fault = printer.drained() => fault,
        () = tokio::time::sleep(LAST_LINES) => None,
        () = asked => None,
    };
    match (exit, fault) {
        // What it was, it was told above; and who asked for the end may be gone before it.
        (exit @ Exit::Failed(_), _) | (exit, None) => exit,
        (exit, Some(fault)) if fault.kind == Kind::BrokenPipe => exit,
        (_, Some(fault)) => {
            printer.failure(&fault);
            Exit::Failed(fault.kind)
        }
    }
}
