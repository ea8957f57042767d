//! `adit exec`: a command with tunnels open beside it.

pub(super) mod child;
pub(super) mod environment;
pub(super) mod probe;

use std::ffi::OsString;
use std::time::Duration;

use adit_aws::targets::Kind as TargetKind;

use tokio::time::Instant;

use self::child::{Child, Others, Streams};
use super::beside::{Surroundings, all_ready, first_failure, why, with_tunnels};
use super::connect::{settled, taken};
use super::tunnels::{Board, Common, Fleet, Shared, Standing};
use super::watch::Ending;
use crate::cli::Given;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::journal::{self, Journal};
use crate::settings::{Connection, ExecSettings};
use crate::signals::{Signals, Stop};
use crate::ui::Printer;

/// Runs to the end; what adit has to say of its own, it says here, since the exit code is not that
/// of the failure.
pub(crate) async fn run(
    settings: ExecSettings,
    given: Given,
    mut signals: Signals,
    printer: Printer,
) -> Exit {
    // Standard output is the command's.
    let printer = printer.aside();
    let (folders, names) = (settings.folders.clone(), settings.wanted.names());
    match Box::pin(exec(settings, given, &mut signals, printer)).await {
        Ok(exit) => exit,
        Err(Ok(stop)) => {
            printer.parting("stopped before the command was run");
            stop.into()
        }
        Err(Err(failure)) => {
            let failure = taken(failure, &folders, &names).await;
            let exit = Exit::of_exec(failure.kind);
            printer.failure_with(&failure, exit.code());
            exit
        }
    }
}

async fn exec(
    settings: ExecSettings,
    given: Given,
    signals: &mut Signals,
    printer: Printer,
) -> Result<Exit, Ending> {
    let ExecSettings { wanted, wait_for, real_host, command, folders } = settings;
    // What cannot be run needs no tunnel.
    let program = child::find(command.first().map(OsString::as_os_str)).map_err(Err)?;
    journal::tidy(&folders);
    let journal = Journal::open(&folders);
    let common = Common { shared: Shared::with(journal.writer()), ..Common::default() };
    let connections = settled("exec", wanted, &common.shared, &given, signals, printer).await?;
    environment::check(connections.iter().map(|one| one.name.as_str())).map_err(Err)?;
    let kinds: Vec<_> = connections.iter().map(Connection::kind).collect();
    let writer = journal.writer();
    let surroundings =
        Surroundings { given: &given, common, folders: &folders, journal: writer, printer };
    // Until the command runs a signal is for adit; from then on it is for the command.
    with_tunnels(connections, surroundings, signals, async |fleet, board, signals| {
        let prepared = prepare(fleet, board, &kinds, wait_for, printer);
        let standings = tokio::select! {
            biased;
            stop = signals.next() => return Err(Ok(stop)),
            prepared = prepared => prepared.map_err(Err)?,
        };
        let environment = environment::of(&standings, &kinds, real_host);
        beside(fleet, &program, &command, environment, signals, printer).await.map_err(Err)
    })
    .await
}

/// Waits until all tunnels can be used, and until the targets answer where that is wanted.
async fn prepare(
    fleet: &mut Fleet<'_>,
    board: &Board,
    kinds: &[Option<TargetKind>],
    wait_for: Option<Duration>,
    printer: Printer,
) -> Result<Vec<Standing>, Failure> {
    all_ready(fleet, board).await?;
    let standings = board.all();
    if let Some(patience) = wait_for {
        tokio::select! {
            answered = probe::answers(&standings, kinds, patience, printer) => answered?,
            failure = first_failure(fleet) => return Err(failure),
        }
    }
    Ok(standings)
}

/// How long the command has to end when its tunnels have, before it is killed.
pub(super) const GRACE: Duration = Duration::from_secs(10);

/// Runs the command, which ends with the tunnels at the latest.
async fn beside(
    fleet: &mut Fleet<'_>,
    program: &std::path::Path,
    command: &[OsString],
    environment: Vec<(String, OsString)>,
    signals: &mut Signals,
    printer: Printer,
) -> Result<Exit, Failure> {
    // First: the command may be told something as soon as it is there.
    let mut others = Others::listen()?;
    let mut child = Child::start(program, command, environment, Streams::Own)?;
    // Why the command is being ended, and when it is killed for it.
    let mut ending: Option<(Failure, Instant)> = None;
    loop {
        let deadline = ending.as_ref().map(|(_, deadline)| *deadline);
        tokio::select! {
            biased;
            exit = child.wait() => return match ending {
                Some((failure, _)) => Err(failure),
                None => exit,
            },
            stop = signals.next() => child.pass_on(stop),
            signal = others.next() => child.signal(signal),
            // The others get on meanwhile, and end as they would.
            outcome = fleet.next(), if !fleet.is_over() => if ending.is_none() {
                let failure = why(outcome);
                printer.note("ending the command");
                child.pass_on(Stop::Terminate);
                ending = Some((failure, Instant::now() + GRACE));
            },
            () = until(deadline) => child.kill().await,
        }
    }
}

pub(super) async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
