//! `adit connect`: opens a tunnel and holds it.

mod attempt;
mod expiry;
mod target;

use std::time::Duration;

use adit_aws::Aws;
use adit_aws::targets::TargetSpec;
use adit_tunnel::{End, Tunnel};

use self::attempt::Attempt;
use self::expiry::{Expiry, Tick};
use super::choose::{self, Chosen};
use super::local::{self, Bound};
use super::place::{self, Place};
use super::report::Report;
use super::watch::{Ending, during, stopped};
use super::{access, open};
use crate::cli::Given;
use crate::exit::Exit;
use crate::failure::{Failure, Kind};
use crate::settings::{Access, Cache, ConnectSettings, Destination, Direct, Local, Way};
use crate::signals::{Signals, Stop};
use crate::ui::Printer;

pub(crate) async fn run(
    settings: ConnectSettings,
    given: Given,
    mut signals: Signals,
    printer: Printer,
) -> Result<Exit, Failure> {
    let exit_zero_on_sigterm = settings.exit_zero_on_sigterm;
    Ok(match Box::pin(connect(settings, given, &mut signals, printer)).await? {
        Stop::Terminate if exit_zero_on_sigterm => Exit::Done,
        stop => stop.into(),
    })
}

/// What every tunnel of this command has, wherever it leads.
struct Wishes {
    local: Local,
    reason: Option<String>,
    resume_budget: Duration,
    scope_session: bool,
    access: Access,
    cache: Cache,
    /// What hints are made of.
    given: Given,
}

impl Wishes {
    fn attempt(
        &self,
        aws: impl Future<Output = Result<Aws, Failure>> + Send + 'static,
        destination: &Destination,
        name: &str,
        printer: Printer,
    ) -> Result<Attempt, Failure> {
        let options = open::options(destination, &self.access, self.resume_budget)?;
        let request = open::request(destination, self.reason.clone());
        let report = Report::new(printer, name, &destination.bastion);
        Ok(Attempt::new(aws, self.scope_session, request, options, report))
    }
}

/// An open tunnel, with the attempt it came from.
struct Opened {
    tunnel: Tunnel,
    bound: Bound,
    attempt: Attempt,
}

async fn connect(
    settings: ConnectSettings,
    given: Given,
    signals: &mut Signals,
    printer: Printer,
) -> Ending {
    let ConnectSettings { way, local, reason, resume_budget, access, cache, .. } = settings;
    let (disconnect_on_expiry, scope_session) =
        (settings.disconnect_on_expiry, settings.scope_session);
    let wishes = Wishes { local, reason, resume_budget, scope_session, access, cache, given };
    let opened = match way {
        Way::Direct(direct) => directly(direct, &wishes, signals, printer).await,
        Way::Target { spec, bastion } => {
            Box::pin(target::open(spec, bastion, &wishes, signals, printer)).await
        }
        Way::Pick { bastion } => {
            choose::is_possible("connect", &wishes.given, printer)?;
            match pick(&wishes, bastion.is_some(), signals, printer).await {
                Ok(spec) => Box::pin(target::open(spec, bastion, &wishes, signals, printer)).await,
                Err(ending) => Err(ending),
            }
        }
    };
    match opened {
        Ok(opened) => hold(opened, disconnect_on_expiry, signals, printer).await,
        Err(ending) => {
            if let Ok(stop) = &ending {
                printer.parting("stopped before the tunnel was open");
                stopped(*stop, printer);
            }
            ending
        }
    }
}

/// Has a target chosen. Where the bastion was chosen too, whether it is let in is not known.
async fn pick(
    wishes: &Wishes,
    is_chosen: bool,
    signals: &mut Signals,
    printer: Printer,
) -> Result<TargetSpec, Ending> {
    let aws = during(signals, printer, access::load(&wishes.access, printer)).await?;
    let Chosen { spec, initialised } = choose::target(&aws, "Connect to", signals, printer).await?;
    if initialised == Some(false) && !is_chosen {
        let init = wishes.given.again_for("init", &[spec.to_string()]);
        printer.warn(&format!("{spec} may not let the bastion in; `{init}` sees to that"));
    }
    Ok(spec)
}

/// Opens a tunnel to where the user says, with nothing looked up unless the bastion has to be.
async fn directly(
    direct: Direct,
    wishes: &Wishes,
    signals: &mut Signals,
    printer: Printer,
) -> Result<Opened, Ending> {
    // A taken port is told before anything is started.
    let bound = local::bind(&wishes.local, direct.port).await.map_err(Err)?;
    if let Some(destination) = direct.destination() {
        let access = wishes.access.clone();
        let aws = async move { access::load(&access, printer).await };
        let name = destination.to_string();
        return begin(aws, &destination, &name, bound, wishes, signals, printer).await;
    }
    let (aws, place) = during(signals, printer, async {
        let aws = access::load(&wishes.access, printer).await?;
        let place = place::locate_bastion(&aws, &direct).await?;
        place.warn(printer)?;
        place.start(&aws, printer).await?;
        Ok((aws, place))
    })
    .await?;
    let Place { destination, .. } = place;
    let name = destination.to_string();
    begin(async { Ok(aws) }, &destination, &name, bound, wishes, signals, printer).await
}

/// Starts a session and waits for the tunnel. When it does not come to that, nothing is left.
async fn begin(
    aws: impl Future<Output = Result<Aws, Failure>> + Send + 'static,
    destination: &Destination,
    name: &str,
    bound: Bound,
    wishes: &Wishes,
    signals: &mut Signals,
    printer: Printer,
) -> Result<Opened, Ending> {
    let mut attempt = wishes.attempt(aws, destination, name, printer).map_err(Err)?;
    match during(signals, printer, attempt.open()).await {
        Ok(tunnel) => Ok(Opened { tunnel, bound, attempt }),
        Err(ending) => {
            attempt.end(&ending, signals).await;
            Err(ending)
        }
    }
}

/// Serves local connections until the tunnel ends, which is a failure, or is asked to. Whatever
/// the reason, the tunnel is closed before this returns.
async fn hold(
    opened: Opened,
    disconnect_on_expiry: bool,
    signals: &mut Signals,
    printer: Printer,
) -> Ending {
    let Opened { tunnel, bound, attempt: Attempt { mut events, mut report, aws, .. } } = opened;
    let mut expiry = aws.filter(|_| disconnect_on_expiry).map(Expiry::of);
    if expiry.as_ref().is_some_and(Expiry::is_hidden) {
        report.end_is_hidden();
    }
    let mut serving = std::pin::pin!(tunnel.serve(bound.listener));
    let mut served = false;
    report.decide();
    // Where this fails, `broken` says so below.
    drop(report.ready(&bound.address));
    let ending = loop {
        tokio::select! {
            biased;
            stop = signals.next() => break Ok(stop),
            failure = printer.broken() => break Err(failure),
            tick = next(&mut expiry) => match tick {
                Tick::Warning { left, reason } => report.access_ends(left, &reason),
                Tick::Expired(failure) => {
                    report.expired();
                    break Err(failure);
                }
            },
            Some(event) = events.recv() => report.event(&event),
            end = &mut serving => {
                served = true;
                break Err(match end {
                    End::Failed(error) => error.into(),
                    // Nobody else closes it.
                    End::Closed => Failure::new(Kind::Internal, "the tunnel was closed"),
                });
            }
        }
    };
    report.stop = ending.as_ref().ok().copied();
    // The listener closes as soon as it is served again, long before the goodbyes are said.
    let closing = async {
        tokio::join!(tunnel.close(), async {
            if !served {
                serving.await;
            }
        });
    };
    // A second request to stop does not wait for the end.
    tokio::select! {
        () = closing => {}
        _ = signals.next() => {}
    }
    while let Ok(event) = events.try_recv() {
        report.event(&event);
    }
    if ending.is_ok() {
        report.parting(&tunnel.stats());
    }
    ending
}

/// The next of the moments that matter to access; none comes where nobody watches.
async fn next(expiry: &mut Option<Expiry>) -> Tick {
    match expiry {
        Some(expiry) => expiry.next().await,
        None => std::future::pending().await,
    }
}
