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
use crate::failure::Failure;
use crate::settings::{Access, ConnectSettings};
use crate::signals::{Signals, Stop};
use crate::ui::Printer;

/// How long an interrupted start has to give its session back.
///
/// It comes on top of the bounds that the tunnel has for its own end.
const GIVE_BACK: Duration = Duration::from_secs(5);

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
    let stop = match start(opening, &mut events, &mut signals, &report).await? {
        Started::Open(tunnel) => {
            report.ready(&bound.address)?;
            hold(&tunnel, bound, events, &mut signals, &mut report).await?
        }
        Started::Stopped(stop) => {
            report.stop = Some(stop);
            tokio::select! {
                _ = timeout(GIVE_BACK, drain(&mut events, &report)) => {}
                _ = signals.next() => {}
            }
            printer.parting("stopped before the tunnel was open");
            stop
        }
    };
    Ok(match stop {
        Stop::Terminate if settings.exit_zero_on_sigterm => Exit::Done,
        stop => stop.into(),
    })
}

/// How the start came out.
enum Started {
    /// The tunnel is ready.
    Open(Tunnel),
    /// The user or a supervisor thought better of it.
    Stopped(Stop),
}

/// Waits for the tunnel, reporting what happens on the way.
async fn start(
    mut opening: std::pin::Pin<Box<impl Future<Output = Result<Tunnel, Failure>>>>,
    events: &mut UnboundedReceiver<TunnelEvent>,
    signals: &mut Signals,
    report: &Report,
) -> Result<Started, Failure> {
    loop {
        tokio::select! {
            biased;
            stop = signals.next() => return Ok(Started::Stopped(stop)),
            Some(event) = events.recv() => report.event(&event)?,
            opened = &mut opening => {
                while let Ok(event) = events.try_recv() {
                    report.event(&event)?;
                }
                return opened.map(Started::Open);
            }
        }
    }
}

/// Serves local connections until the tunnel ends, which is a failure, or is asked to.
async fn hold(
    tunnel: &Tunnel,
    bound: Bound,
    mut events: UnboundedReceiver<TunnelEvent>,
    signals: &mut Signals,
    report: &mut Report,
) -> Result<Stop, Failure> {
    let mut serving = std::pin::pin!(tunnel.serve(bound.listener));
    let ended = loop {
        tokio::select! {
            biased;
            stop = signals.next() => break Ok(stop),
            Some(event) = events.recv() => {
                if let Err(failure) = report.event(&event) {
                    break Err(failure);
                }
            }
            end = &mut serving => break match end {
                End::Failed(error) => Err(error.into()),
                // Nobody else closes it.
                End::Closed => Err(Failure::new(crate::failure::Kind::Internal, "the tunnel was closed")),
            },
        }
    };
    report.stop = ended.as_ref().ok().copied();
    // A second request to stop does not wait for the end.
    tokio::select! {
        () = tunnel.close() => {}
        _ = signals.next() => {}
    }
    while let Ok(event) = events.try_recv() {
        report.event(&event)?;
    }
    if ended.is_ok() {
        report.parting(&tunnel.stats());
    }
    ended
}

/// Reports until nothing more can come.
async fn drain(events: &mut UnboundedReceiver<TunnelEvent>, report: &Report) {
    while let Some(event) = events.recv().await {
        if report.event(&event).is_err() {
            return;
        }
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
