//! One tunnel, from its settings to its end.

use std::cell::Cell;
use std::sync::Arc;

use adit_aws::Aws;
use adit_tunnel::{Listener, Tunnel};

use super::attempt::Attempt;
use super::board::{Seat, State};
use super::shared::Shared;
use super::{anew, hold, lanes, lazy, target};
use crate::cli::Given;
use crate::commands::local::{self, Bound};
use crate::commands::open;
use crate::commands::place::{self, Place};
use crate::commands::report::Report;
use crate::commands::watch::{Ending, during, stopped};
use crate::failure::Failure;
use crate::journal::Notes;
use crate::settings::{Connection, Destination, Direct, Way};
use crate::signals::Signals;
use crate::ui::Printer;

/// What one tunnel has to do with.
pub(super) struct Context {
    pub(super) connection: Connection,
    /// What hints are made of.
    pub(super) given: Given,
    pub(super) shared: Shared,
    pub(super) seat: Seat,
    pub(super) printer: Printer,
    /// Sockets that somebody has opened for it.
    pub(super) handed: Cell<Option<Listener>>,
}

impl Context {
    /// Credentials, region and endpoints.
    pub(super) fn aws(&self) -> impl Future<Output = Result<Aws, Failure>> + Send + use<> {
        self.shared.aws(&self.connection.access, self.printer)
    }

    /// Whether somebody has opened its sockets.
    pub(super) fn is_handed(&self) -> bool {
        let handed = self.handed.take();
        let is_handed = handed.is_some();
        self.handed.set(handed);
        is_handed
    }

    pub(super) fn attempt(
        &self,
        aws: impl Future<Output = Result<Aws, Failure>> + Send + 'static,
        destination: &Destination,
        name: &str,
    ) -> Result<Attempt, Failure> {
        let connection = &self.connection;
        let mut options = open::options(destination, &connection.access)?;
        options.resume_budget = connection.resume_budget;
        options.hold = connection.hold;
        options.idle = connection.limits.idle;
        options.keep_alive = connection.keep_alive.then_some(open::KEEP_ALIVE);
        options.lanes = lanes::most(connection.lanes, destination);
        connection.access.world.tune(&mut options);
        let request = open::request(destination, connection.reason.clone());
        let report = Report::new(self.printer, &connection.name, name, &destination.bastion)
            .seated(self.seat.clone());
        let anew = anew::finder(self);
        let notes = Notes::new(self.shared.journal().clone(), &connection.cache.identity);
        Ok(Attempt::new(aws, connection.scope_session, request, anew, options, report, notes))
    }
}

/// An open tunnel, with the attempt it came from.
pub(super) struct Opened {
    pub(super) tunnel: Tunnel,
    pub(super) bound: Bound,
    pub(super) attempt: Attempt,
}

/// Opens it and holds it to its end.
pub(super) async fn run(context: Context, mut signals: Signals) -> Ending {
    let (seat, printer) = (context.seat.clone(), context.printer);
    let ending = if context.connection.lazy {
        Box::pin(lazy::run(&context, &mut signals)).await
    } else {
        match Box::pin(open(&context, None, &mut signals)).await {
            Ok(opened) => hold::hold(opened, &context, false, &mut signals).await,
            Err(ending) => {
                if let Ok(stop) = &ending {
                    printer.parting("stopped before the tunnel was open");
                    stopped(*stop, printer);
                }
                ending
            }
        }
    };
    match &ending {
        Ok(stop) => seat.is(State::Ended, Some(stop.cause().to_owned())),
        Err(failure) => seat.change(|standing| {
            standing.state = State::Failed;
            standing.cause = Some(failure.message.clone());
            standing.code = Some(crate::exit::Exit::Failed(failure.kind).code());
            standing.tunnel = None;
            standing.leash = None;
            standing.address = None;
        }),
    }
    ending
}

/// Opens it; behind `kept`, where somebody listens already.
pub(super) async fn open(
    context: &Context,
    kept: Option<Bound>,
    signals: &mut Signals,
) -> Result<Opened, Ending> {
    match &context.connection.way {
        Way::Direct(direct) => directly(direct, kept, context, signals).await,
        Way::Target { spec, bastion } => {
            Box::pin(target::open(spec, bastion.as_ref(), kept, context, signals)).await
        }
    }
}

/// Opens a tunnel to where the user says, with nothing looked up unless the bastion has to be.
async fn directly(
    direct: &Direct,
    kept: Option<Bound>,
    context: &Context,
    signals: &mut Signals,
) -> Result<Opened, Ending> {
    let printer = context.printer;
    // A taken port is told before anything is started.
    let bound = match kept {
        Some(bound) => bound,
        None => bind(context, direct.port).await.map_err(Err)?,
    };
    let aws = context.aws();
    if let Some(destination) = direct.destination() {
        let name = destination.to_string();
        return begin(aws, &destination, &name, bound, context, signals).await;
    }
    let (aws, place) = during(signals, printer, async {
        let aws = aws.await?;
        let place = place::locate_bastion(&aws, direct).await?;
        place.warn(printer)?;
        context.shared.start(&place, &aws, printer).await?;
        Ok((aws, place))
    })
    .await?;
    let Place { destination, .. } = place;
    let name = destination.to_string();
    begin(async { Ok(aws) }, &destination, &name, bound, context, signals).await
}

/// Starts a session and waits for the tunnel. When it does not come to that, nothing is left.
async fn begin(
    aws: impl Future<Output = Result<Aws, Failure>> + Send + 'static,
    destination: &Destination,
    name: &str,
    bound: Bound,
    context: &Context,
    signals: &mut Signals,
) -> Result<Opened, Ending> {
    let mut attempt = context.attempt(aws, destination, name).map_err(Err)?;
    match during(signals, context.printer, attempt.open()).await {
        Ok(tunnel) => Ok(Opened { tunnel, bound, attempt }),
        Err(ending) => {
            attempt.end(&ending, signals).await;
            Err(ending)
        }
    }
}

/// Binds the local side, at `port` where none is asked for; what was handed to the process goes first.
pub(super) async fn bind(context: &Context, port: u16) -> Result<Bound, Failure> {
    let handed = context.handed.take();
    let bound = if let Some(listener) = handed {
        Bound::of(listener)
    } else {
        let bound = local::bind(&context.connection.local_at(port), port).await?;
        #[cfg(unix)]
        bound.listener.paths().iter().for_each(|path| context.shared.journal().made(path));
        bound
    };
    context.seat.change(|standing| standing.address = Some(bound.address.clone()));
    Ok(bound)
}

/// A listener that is kept open beyond the tunnel behind it.
pub(super) fn keep(bound: &Bound) -> Bound {
    Bound { listener: Arc::clone(&bound.listener), address: bound.address.clone() }
}
