//! Several tunnels at once: each goes its own way, and one that fails stops no other.

use std::cell::Cell;
use std::collections::HashMap;

use adit_tunnel::Listener;
use futures_util::StreamExt as _;
use futures_util::future::LocalBoxFuture;
use futures_util::stream::FuturesUnordered;

use super::board::Board;
use super::one::{self, Context};
use super::shared::Shared;
use crate::cli::Given;
use crate::commands::watch::Ending;
use crate::failure::{Failure, Kind};
use crate::settings::Connection;
use crate::signals::{Signals, Stop, Stopper};
use crate::ui::Printer;

/// Tunnels that are open or being opened.
pub(crate) struct Fleet<'a> {
    ends: FuturesUnordered<LocalBoxFuture<'a, (usize, Ending)>>,
    members: Vec<Member>,
}

/// What all of them have.
#[derive(Default)]
pub(crate) struct Common {
    pub(crate) shared: Shared,
    pub(crate) board: Board,
    /// Sockets that somebody has opened for connections, by their names.
    pub(crate) handed: HashMap<String, Listener>,
}

/// One of them, for whoever wants to end it.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    pub(crate) name: &'static str,
    pub(crate) stopper: Stopper,
    printer: Printer,
}

/// How one of them ended.
pub(crate) struct Outcome {
    pub(crate) member: Member,
    /// Whether there are others, from which it has to be told apart.
    pub(crate) is_one_of_many: bool,
    pub(crate) ending: Ending,
}

impl Fleet<'_> {
    /// Begins to open all of them.
    pub(crate) fn launch(
        connections: Vec<Connection>,
        given: &Given,
        Common { shared, board, mut handed }: Common,
        signals: &Signals,
        printer: Printer,
    ) -> Self {
        let is_one_of_many = connections.len() > 1;
        let ends = FuturesUnordered::new();
        let mut members = Vec::new();
        for (index, connection) in connections.into_iter().enumerate() {
            // Names are few and last as long as the process.
            let name: &'static str = Box::leak(connection.name.clone().into_boxed_str());
            let printer = printer.of(name, is_one_of_many);
            let (signals, stopper) = signals.branch();
            let context = Context {
                seat: board.seat(name, &connection.target()),
                connection,
                given: given.clone(),
                shared: shared.clone(),
                printer,
                handed: Cell::new(handed.remove(name)),
            };
            members.push(Member { name, stopper, printer });
            let end = Box::pin(async move { (index, one::run(context, signals).await) });
            ends.push(end as LocalBoxFuture<'_, _>);
        }
        Self { ends, members }
    }

    /// All of them, also those that have ended.
    pub(crate) fn members(&self) -> &[Member] {
        &self.members
    }

    /// Asks all that still run to end.
    pub(crate) fn stop(&self, stop: Stop) {
        for member in &self.members {
            member.stopper.stop(stop);
        }
    }

    /// Whether all have ended.
    pub(crate) fn is_over(&self) -> bool {
        self.ends.is_empty()
    }

    /// Waits for the next one to end; none is left where there is no next one. May be dropped and
    /// called again; the tunnels get on only while somebody waits.
    pub(crate) async fn next(&mut self) -> Option<Outcome> {
        let (index, ending) = self.ends.next().await?;
        let member = self.members.get(index)?.clone();
        Some(Outcome { member, is_one_of_many: self.members.len() > 1, ending })
    }

    /// Tells how one of several failed, at once: the others may go on for days.
    pub(crate) fn tell(&self, outcome: &Outcome) {
        if let (Err(failure), true) = (&outcome.ending, self.members.len() > 1) {
            outcome.member.printer.failure(failure);
        }
    }
}

/// What the command says of several that failed, when each has been told.
pub(crate) fn summary(failed: &[(&'static str, Failure)], of: usize) -> Failure {
    let names: Vec<&str> = failed.iter().map(|(name, _)| *name).collect();
    let message = match (of, failed.len()) {
        (of, count) if of == count => "no connection is left".to_owned(),
        _ => format!("{} of {of} connections failed: {}", failed.len(), names.join(", ")),
    };
    let mut kinds = failed.iter().map(|(_, failure)| failure.kind);
    let first = kinds.next().unwrap_or(Kind::Internal);
    // One cause for all of them is the cause; else some of it is done, as far as anybody can say.
    let kind =
        if failed.len() == of && kinds.all(|kind| kind == first) { first } else { Kind::Partial };
    Failure::new(kind, message)
}
