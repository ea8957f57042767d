//! Tunnels that are open for as long as something is done with them: what `exec` and `bench` share.

use super::tunnels::{Board, Common, Fleet, Outcome, Standing, State};
use super::watch::Ending;
use crate::background::{Desk, Folders};
use crate::cli::Given;
use crate::failure::{Failure, Kind};
use crate::journal::Writer;
use crate::settings::Connection;
use crate::signals::{Signals, Stop};
use crate::ui::Printer;

/// What tunnels are opened with.
pub(super) struct Surroundings<'a> {
    pub(super) given: &'a Given,
    pub(super) common: Common,
    pub(super) folders: &'a Folders,
    pub(super) journal: Writer,
    pub(super) printer: Printer,
}

/// Begins to open tunnels, does `work`, and closes them.
///
/// Requests to stop are for `work` alone, which has to wait for the [`Fleet`] as well: tunnels get on
/// only while somebody does.
pub(super) async fn with_tunnels<T>(
    connections: Vec<Connection>,
    surroundings: Surroundings<'_>,
    signals: &mut Signals,
    work: impl AsyncFnOnce(&mut Fleet<'_>, &Board, &mut Signals) -> Result<T, Ending>,
) -> Result<T, Ending> {
    let Surroundings { given, common, folders, journal, printer } = surroundings;
    let board = common.board.clone();
    let mut fleet = Fleet::launch(connections, given, common, &Signals::none(), printer);
    let desk = Desk::open(folders, &journal);
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
    let worked = tokio::select! {
        worked = work(&mut fleet, &board, signals) => worked,
        () = answering => Err(Err(Failure::new(Kind::Internal, "nobody answers any more"))),
    };
    // Whoever goes on asking does not wait for the goodbyes; what a command was told as well is no
    // such request.
    let urgent = signals.twice_more();
    fleet.stop(match &worked {
        Err(Ok(stop)) => *stop,
        _ => Stop::Done,
    });
    tokio::select! {
        () = async { while fleet.next().await.is_some() {} } => {}
        () = urgent => {}
    }
    worked
}

/// Waits until all tunnels can be used.
pub(super) async fn all_ready(fleet: &mut Fleet<'_>, board: &Board) -> Result<(), Failure> {
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
pub(super) async fn first_failure(fleet: &mut Fleet<'_>) -> Failure {
    why(fleet.next().await)
}

/// Why a tunnel has ended.
pub(super) fn why(outcome: Option<Outcome>) -> Failure {
    match outcome {
        Some(outcome) => match outcome.ending {
            Err(failure) if outcome.is_one_of_many => failure.context(outcome.member.name),
            Err(failure) => failure,
            Ok(_) => Failure::new(Kind::Lost, format!("{} was closed", outcome.member.name)),
        },
        None => Failure::new(Kind::Internal, "all tunnels were closed"),
    }
}
