//! `adit connect`: opens a tunnel and holds it.

use std::time::Duration;

use adit_aws::{AwsOptions, ProxyUse};
use adit_tunnel::{End, Tunnel, TunnelEvent};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::timeout;

use super::local::{self, Bound};
use super::open;
use super::report::Report;
use crate::exit::Exit;
use crate::failure::{Failure, Kind};
use crate::settings::{Access, ConnectSettings};
use crate::signals::{Signals, Stop};
use crate::ui::Printer;

/// How long a start that was broken off has to give its session back: what the tunnel itself takes
/// for its end at most, and a little more.
const GIVE_BACK: Duration = Duration::from_secs(10);

/// Why a command ends: somebody asked for it, or it failed.
type Ending = Result<Stop, Failure>;

pub(crate) async fn run(
    settings: ConnectSettings,
    mut signals: Signals,
    printer: Printer,
) -> Result<Exit, Failure> {
    let ConnectSettings { destination, local, reason, resume_budget, access, .. } = settings;
    // A taken port is told before anything is started.
    let bound = local::bind(&local).await?;
    let options = open::options(&destination, &access, resume_budget)?;
    let request = open::request(&destination, reason);
    let mut report = Report::new(printer, &destination.to_string(), &destination.bastion);
    let (sender, mut events) = unbounded_channel();

    let opening = Box::pin(async {
        let aws = adit_aws::load(aws_options(access)).await?;
        open::tunnel(aws, request, options, sender).await.map_err(Failure::from)
    });
    let ending = match start(opening, &mut events, &mut signals, &report, printer).await {
        Ok(tunnel) => hold(&tunnel, bound, events, &mut signals, &mut report, printer).await,
        Err(ending) => {
            report.stop = ending.as_ref().ok().copied();
            // A session that was started is given back, whatever it was that came between.
            tokio::select! {
                _ = timeout(GIVE_BACK, drain(&mut events, &report)) => {}
                _ = signals.next() => {}
            }
            if ending.is_ok() {
                printer.parting("stopped before the tunnel was open");
            }
            ending
        }
    };
    Ok(match ending? {
        Stop::Terminate if settings.exit_zero_on_sigterm => Exit::Done,
        stop => stop.into(),
    })
}

/// Waits for the tunnel, reporting what happens on the way.
async fn start(
    mut opening: std::pin::Pin<Box<impl Future<Output = Result<Tunnel, Failure>>>>,
    events: &mut UnboundedReceiver<TunnelEvent>,
    signals: &mut Signals,
    report: &Report,
    printer: Printer,
) -> Result<Tunnel, Ending> {
    loop {
        tokio::select! {
            biased;
            stop = signals.next() => return Err(Ok(stop)),
            failure = printer.broken() => return Err(Err(failure)),
            Some(event) = events.recv() => report.event(&event),
            opened = &mut opening => {
                while let Ok(event) = events.try_recv() {
                    report.event(&event);
                }
                return opened.map_err(Err);
            }
        }
    }
}

/// Serves local connections until the tunnel ends, which is a failure, or is asked to. Whatever
/// the reason, the tunnel is closed before this returns.
async fn hold(
    tunnel: &Tunnel,
    bound: Bound,
    mut events: UnboundedReceiver<TunnelEvent>,
    signals: &mut Signals,
    report: &mut Report,
    printer: Printer,
) -> Ending {
    let mut serving = std::pin::pin!(tunnel.serve(bound.listener));
    let mut served = false;
    // Where this fails, `broken` says so below.
    drop(report.ready(&bound.address));
    let ending = loop {
        tokio::select! {
            biased;
            stop = signals.next() => break Ok(stop),
            failure = printer.broken() => break Err(failure),
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

/// Reports until nothing more can come.
async fn drain(events: &mut UnboundedReceiver<TunnelEvent>, report: &Report) {
    while let Some(event) = events.recv().await {
        report.event(&event);
    }
}

fn aws_options(access: Access) -> AwsOptions {
    AwsOptions {
        profile: access.profile,
        region: access.region,
        endpoint_url: access.endpoint_url,
        ca_bundles: access.ca_bundle.into_iter().collect(),
        proxy: ProxyUse::Environment,
        credentials: None,
    }
}
