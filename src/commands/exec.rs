//! `adit exec`: a command with tunnels open beside it.

mod child;
mod environment;
mod probe;

use std::ffi::OsString;
use std::time::Duration;

use adit_aws::targets::Kind as TargetKind;

use tokio::time::Instant;

use self::child::{Child, Others};
use super::connect::{settled, taken};
use super::tunnels::{Board, Common, Fleet, Outcome, Standing, State};
use super::watch::Ending;
use crate::background::Desk;
use crate::cli::Given;
use crate::exit::Exit;
use crate::failure::{Failure, Kind};
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
    let common = Common::default();
    let board = common.board.clone();
    let connections = settled(wanted, &common.shared, &given, signals, printer).await?;
    environment::check(connections.iter().map(|one| one.name.as_str())).map_err(Err)?;
    let kinds: Vec<_> = connections.iter().map(Connection::kind).collect();
    // Until the command runs a signal is for adit; from then on it is for the command.
    let mut fleet = Fleet::launch(connections, &given, common, &Signals::none(), printer);
    let desk = Desk::open(&folders);
    let members = fleet.members().to_vec();
    let answering = async {
        match &desk {
            Ok(desk) => desk.run(&board, &members).await,
            Err(failure) => {
                let message = failure.message.as_str();
                tracing::debug!(message, "`adit status` will not know of this");
                std::future::pending::<()>().await;
            }
        }
    };
    let running = async {
        let prepared = prepare(&mut fleet, &board, &kinds, wait_for, printer);
        let standings = tokio::select! {
            biased;
            stop = signals.next() => return Err(Ok(stop)),
            prepared = prepared => prepared.map_err(Err)?,
        };
        let environment = environment::of(&standings, &kinds, real_host);
        beside(&mut fleet, &program, &command, environment, signals, printer).await.map_err(Err)
    };
    let ran = tokio::select! {
        ran = running => ran,
        () = answering => Err(Err(Failure::new(Kind::Internal, "nobody answers any more"))),
    };
    // Whoever goes on asking does not wait for the goodbyes; what the command was told as well is no
    // such request.
    let urgent = signals.twice_more();
    fleet.stop(Stop::Done);
    tokio::select! {
        () = async { while fleet.next().await.is_some() {} } => {}
        () = urgent => {}
    }
    ran
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

/// Waits until all tunnels can be used.
async fn all_ready(fleet: &mut Fleet<'_>, board: &Board) -> Result<(), Failure> {
    let mut changes = board.subscribe();
    let is_ready = |all: &Vec<Standing>| all.iter().all(|one| one.state == State::Ready);
    tokio::select! {
        failure = first_failure(fleet) => Err(failure),
        waited = changes.wait_for(is_ready) => match waited {
            Ok(_) => Ok(()),
            Err(_) => Err(Failure::new(Kind::Internal, "nobody tells how the tunnels stand")),
        },
    }
}

/// Waits for the first tunnel that ends, which none is to do.
async fn first_failure(fleet: &mut Fleet<'_>) -> Failure {
    why(fleet.next().await)
}

fn why(outcome: Option<Outcome>) -> Failure {
    match outcome {
        Some(outcome) => match outcome.ending {
            Err(failure) if outcome.is_one_of_many => failure.context(outcome.member.name),
            Err(failure) => failure,
            Ok(_) => Failure::new(Kind::Lost, format!("{} was closed", outcome.member.name)),
        },
        None => Failure::new(Kind::Internal, "all tunnels were closed"),
    }
}

/// How long the command has to end when its tunnels have, before it is killed.
const GRACE: Duration = Duration::from_secs(10);

/// Runs the command, which ends with the tunnels at the latest.
async fn beside(
    fleet: &mut Fleet<'_>,
    program: &std::path::Path,
    command: &[OsString],
    environment: Vec<(String, OsString)>,
    signals: &mut Signals,
    printer: Printer,
) -> Result<Exit, Failure> {
    let mut child = Child::start(program, command, environment)?;
    let mut others = Others::listen()?;
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

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
