//! `adit connect`: opens tunnels and holds them.

use std::time::Duration;

use adit_aws::bastion::ExistingSpec;

use super::ask::nobody_to_ask;
use super::choose::{self, Chosen};
use super::handed;
use super::tunnels::{Board, Common, Fleet, Member, Shared, summary};
use super::watch::{Ending, during, stopped};
use crate::background::{Desk, Detached, Folders, detach, find};
use crate::cli::Given;
use crate::exit::Exit;
use crate::failure::{Failure, Kind};
use crate::journal::{self, Journal};
use crate::readiness::{Heralds, is_ready};
use crate::settings::{ConnectSettings, Connection, Wanted, Way};
use crate::signals::{Signals, Stop};
use crate::ui::{Printer, prompt};

pub(crate) async fn run(
    settings: ConnectSettings,
    given: Given,
    mut signals: Signals,
    printer: Printer,
) -> Result<Exit, Failure> {
    if settings.detach && settings.detached.is_none() {
        return detach(signals).await.map(Exit::Command);
    }
    let exit_zero_on_sigterm = settings.exit_zero_on_sigterm;
    let (folders, names) = (settings.folders.clone(), settings.wanted.names());
    let ending = match Box::pin(connect(settings, given, &mut signals, printer)).await {
        Err(failure) => Err(taken(failure, &folders, &names).await),
        ended => ended,
    };
    Ok(match ending? {
        Stop::Terminate | Stop::Hangup if exit_zero_on_sigterm => Exit::Done,
        stop => stop.into(),
    })
}

/// Says so where a port is taken by a tunnel of the same name.
pub(super) async fn taken(failure: Failure, folders: &Folders, names: &[String]) -> Failure {
    if failure.kind != Kind::Listener {
        return failure;
    }
    let found = find(folders).await.unwrap_or_default();
    let open = found.programs.iter().find(|program| program.has_open(names) && !names.is_empty());
    match open {
        Some(program) => failure.hint(format!(
            "a tunnel of that name is open already, in process {}: `adit status`, `adit down`",
            program.status.pid
        )),
        None => failure,
    }
}

async fn connect(
    settings: ConnectSettings,
    given: Given,
    signals: &mut Signals,
    printer: Printer,
) -> Ending {
    let ConnectSettings { wanted, folders, all_or_nothing, readiness, detached, .. } = settings;
    journal::tidy(&folders);
    let journal = Journal::open(&folders);
    // What is wrong with those who are to be told shows before anything is started.
    let heralds = Heralds::prepare(readiness, journal.writer()).await?;
    let detached = detached.map(Detached::take).transpose()?;
    let desk = match Desk::open(&folders, &journal.writer()) {
        Ok(desk) => Some(desk),
        // Nobody could find it, in the background.
        Err(failure) if detached.is_some() => return Err(failure),
        Err(failure) => {
            tracing::debug!(message = failure.message, "`adit status` will not know of this");
            None
        }
    };
    let common = Common { shared: Shared::with(journal.writer()), ..Common::default() };
    let connections =
        match settled("connect", wanted, &common.shared, &given, signals, printer).await {
            Ok(connections) => connections,
            Err(ending) => {
                if let Ok(stop) = &ending {
                    printer.parting("stopped before the tunnel was open");
                    stopped(*stop, printer);
                }
                return ending;
            }
        };
    let handed = handed::sockets(&connections)?;
    let common = Common { handed, ..common };
    let board = common.board.clone();
    let fleet = Fleet::launch(connections, &given, common, signals, printer);
    let surroundings = Surroundings { heralds, desk, detached, folders, board, printer };
    hold(fleet, all_or_nothing, surroundings).await
}

/// Which connections a command means: the user is asked where they have not said.
pub(super) async fn settled(
    command: &str,
    wanted: Wanted,
    shared: &Shared,
    given: &Given,
    signals: &mut Signals,
    printer: Printer,
) -> Result<Vec<Connection>, Ending> {
    let mut connections = match wanted {
        Wanted::These(connections) => connections,
        Wanted::OneOf(connections) => vec![choose_name(connections, signals, printer).await?],
        Wanted::Pick(connection) => {
            choose::is_possible(command, given, printer).map_err(Err)?;
            vec![pick(*connection, shared, given, signals, printer).await?]
        }
    };
    during(signals, printer, reasons(&mut connections, printer)).await?;
    Ok(connections)
}

/// Has a connection of the file chosen.
async fn choose_name(
    connections: Vec<(String, Result<Connection, Failure>)>,
    signals: &mut Signals,
    printer: Printer,
) -> Result<Connection, Ending> {
    let names: Vec<String> = connections.iter().map(|(name, _)| name.clone()).collect();
    if !printer.may_ask() {
        return Err(Err(nobody_to_ask("no connection is given")
            .hint(format!("pass one of them: {}", names.join(", ")))));
    }
    let item = |(name, found): &(String, Result<Connection, Failure>)| match found {
        Ok(connection) => format!("{name}  {}", connection.target()),
        Err(_) => format!("{name}  (something is wrong with it)"),
    };
    let items: Vec<String> = connections.iter().map(item).collect();
    let chosen = prompt::pick("Connect to", &items, signals).await.map_err(Err)?;
    let chosen = chosen.map_err(Ok)?.and_then(|index| connections.into_iter().nth(index));
    let Some((_, connection)) = chosen else {
        printer.note("nothing was chosen");
        return Err(Ok(Stop::Interrupt));
    };
    connection.map_err(Err)
}

/// Asks for the reason, where one is wanted: one for all of them.
async fn reasons(connections: &mut [Connection], printer: Printer) -> Result<(), Failure> {
    let is_wanted = |connection: &&Connection| {
        connection.reason.is_none() && connection.reason_wanted.is_some()
    };
    let Some(first) = connections.iter().find(is_wanted) else { return Ok(()) };
    let origin = first.reason_wanted.clone().unwrap_or_default();
    if !printer.may_ask() {
        let message = format!("{} wants a reason ({origin})", first.name);
        return Err(nobody_to_ask(&message).hint("pass --reason TEXT, or set ADIT_REASON"));
    }
    let question = format!("Why do you connect to {}? (AWS records it)", first.name);
    let reason = prompt::text(&question, 256).await?;
    for connection in connections.iter_mut().filter(|one| one.reason.is_none()) {
        if connection.reason_wanted.is_some() {
            connection.reason = Some(reason.clone());
        }
    }
    Ok(())
}

/// Has a target chosen. Where the bastion was chosen too, whether it is let in is not known.
async fn pick(
    connection: Connection<Option<ExistingSpec>>,
    shared: &Shared,
    given: &Given,
    signals: &mut Signals,
    printer: Printer,
) -> Result<Connection, Ending> {
    let aws = during(signals, printer, shared.aws(&connection.access, printer)).await?;
    let Chosen { spec, initialised } = choose::target(&aws, "Connect to", signals, printer).await?;
    if initialised == Some(false) && connection.way.is_none() {
        let init = given.again_for("init", &[spec.to_string()]);
        printer.warn(&format!("{spec} may not let the bastion in; `{init}` sees to that"));
    }
    let bastion = connection.way.clone();
    Ok(connection.to(spec.to_string(), Way::Target { spec, bastion }))
}

/// How long those who watch have to hear the last of it, and how often it is looked whether they
/// have.
const LAST_WORDS: Duration = Duration::from_millis(300);
const GLANCE: Duration = Duration::from_millis(5);

/// Those who want to know how the tunnels stand, or to end them.
struct Surroundings {
    heralds: Heralds,
    desk: Option<Desk>,
    detached: Option<Detached>,
    folders: Folders,
    board: Board,
    printer: Printer,
}

impl Surroundings {
    /// Serves them; ends only by failing.
    async fn serve(self, members: Vec<Member>) -> Failure {
        let Self { mut heralds, desk, detached, folders, board, printer } = self;
        let answering = async {
            match &desk {
                Some(desk) => desk.run(&board, &members).await,
                None => std::future::pending().await,
            }
        };
        let leaving = async {
            let Some(detached) = detached else { return std::future::pending().await };
            let mut changes = board.subscribe();
            if changes.wait_for(|standings| is_ready(standings)).await.is_err() {
                return std::future::pending().await;
            }
            let names: Vec<&str> = members.iter().map(|member| member.name).collect();
            let some_failed = board.all().iter().any(|standing| standing.state.is_over());
            let exit = if some_failed { Exit::Failed(Kind::Partial) } else { Exit::Done };
            // What was said before belongs to the terminal.
            drop(printer.settled().await);
            match detached.leave(&folders, &names, exit.code()) {
                Ok(()) => {
                    if let Some(desk) = &desk {
                        desk.detached();
                    }
                    // The log begins with how things stand.
                    for standing in board.all() {
                        let (name, state) = (&standing.connection, standing.state.as_str());
                        let more = standing.address.or(standing.cause).unwrap_or_default();
                        printer.note(&format!("{name}: {state} {more}"));
                    }
                    std::future::pending().await
                }
                Err(failure) => failure,
            }
        };
        tokio::select! {
            () = answering => Failure::new(Kind::Internal, "nobody answers any more"),
            failure = heralds.run(&board) => failure,
            failure = leaving => failure,
        }
    }
}

/// Waits until all have ended.
async fn hold(mut fleet: Fleet<'_>, all_or_nothing: bool, surroundings: Surroundings) -> Ending {
    let watchers = surroundings.desk.as_ref().map(Desk::watchers).unwrap_or_default();
    let mut serving = Box::pin(surroundings.serve(fleet.members().to_vec()));
    let mut is_served = true;
    let mut failed = Vec::new();
    let mut own = None;
    let mut stop = None;
    loop {
        let outcome = tokio::select! {
            biased;
            outcome = fleet.next() => outcome,
            failure = &mut serving, if is_served => {
                is_served = false;
                own = Some(failure);
                fleet.stop(Stop::Alone);
                continue;
            }
        };
        let Some(outcome) = outcome else { break };
        fleet.tell(&outcome);
        match outcome.ending {
            Ok(asked) if stop.is_none() => stop = Some(asked),
            Ok(_) => {}
            Err(failure) => {
                if all_or_nothing {
                    fleet.stop(Stop::Alone);
                }
                failed.push((outcome.member.name, failure));
            }
        }
    }
    // Those who wait for the end are to hear of it.
    let told = async {
        while watchers.is_any() {
            tokio::time::sleep(GLANCE).await;
        }
    };
    if is_served && watchers.is_any() {
        tokio::select! {
            _ = tokio::time::timeout(LAST_WORDS, told) => {}
            _ = &mut serving => {}
        }
    }
    if let Some(failure) = own {
        return Err(failure);
    }
    let count = fleet.members().len();
    match (stop, failed.len()) {
        // Whoever asked for the end has heard of what failed before.
        (Some(stop @ (Stop::Interrupt | Stop::Terminate | Stop::Hangup)), _) | (Some(stop), 0) => {
            Ok(stop)
        }
        (_, 1) if count == 1 => Err(failed.remove(0).1),
        _ => Err(summary(&failed, count)),
    }
}
