//! Holding an open tunnel until it ends, or is to end.

use std::sync::Arc;

use adit_aws::Aws;
use adit_tunnel::{End, Limit};

use super::attempt::Attempt;
use super::board::State;
use super::expiry::{Expiry, Tick};
use super::leash::Leash;
use super::limits::{self, LimitTick, LimitWatch};
use super::offer::Offer;
use super::one::{Context, Opened};
use super::service::ServiceLimits;
use crate::commands::watch::Ending;
use crate::failure::{Failure, Kind};
use crate::signals::Signals;

/// Serves local connections until the tunnel ends, which is a failure, or is asked to. Whatever
/// the reason, the tunnel is closed before this returns. With `announced`, where it listens is known
/// already.
pub(super) async fn hold(
    opened: Opened,
    context: &Context,
    announced: bool,
    signals: &mut Signals,
) -> Ending {
    let Opened { tunnel, bound, attempt: Attempt { mut events, mut report, aws, .. } } = opened;
    let (connection, printer) = (&context.connection, context.printer);
    let held = aws.as_ref().map(Aws::held);
    let mut expiry = aws.filter(|_| connection.disconnect_on_expiry).map(Expiry::of);
    if expiry.as_ref().is_some_and(Expiry::is_hidden) {
        report.end_is_hidden();
    }
    let leash = Leash::new(connection.limits, connection.access.world.limits.clone());
    let mut watch = LimitWatch::new(leash.clone(), &tunnel, &connection.access.world.clock);
    let mut offer = Offer::default();
    let mut serving = std::pin::pin!(tunnel.serve(Arc::clone(&bound.listener)));
    // The tunnel closes the listener when nothing can be carried any more, unless it is kept.
    let address = bound.address;
    drop(bound.listener);
    let mut served = false;
    report.decide();
    report.open(&tunnel, &leash, &address);
    context.seat.change(|standing| {
        standing.held = held;
        standing.keep_alive = connection.keep_alive;
    });
    let mut asking = std::pin::pin!(ask(context));
    let mut is_asked = false;
    if !announced {
        // Where this fails, `broken` says so below.
        drop(report.ready(&address));
    }
    let ending = loop {
        tokio::select! {
            biased;
            stop = signals.next() => break Ok(stop),
            failure = printer.broken() => break Err(failure),
            tick = next(&mut expiry) => match tick {
                Tick::Warning { left, reason } => report.access_ends(left, &reason),
                Tick::Expired(failure) => {
                    report.closing("credentials_expired");
                    break Err(failure);
                }
            },
            tick = watch.next() => match tick {
                LimitTick::Warning { limit, left } => {
                    let is_maximum = limit == Limit::Maximum;
                    let way_out = if is_maximum { offer.make(&leash, context) } else { None };
                    report.limit_nears(limit, left, way_out.as_deref());
                }
                LimitTick::Extended(extended) => {
                    offer.withdraw();
                    report.extended(&extended);
                }
                LimitTick::Ended(limit) => {
                    report.closing(limits::cause(limit));
                    break Err(limits::reached(limit, connection.limits, leash.whole()));
                }
            },
            // What has come of it is told by the watch.
            () = offer.taken() => {
                offer.withdraw();
                if let Err(error) = leash.extend(None) {
                    tracing::debug!(%error, "not extended");
                }
            }
            limits = &mut asking, if !is_asked => {
                is_asked = true;
                let own = connection.limits.idle;
                if let Some(idle) = limits.and_then(|limits| limits.idle_before(own)) {
                    report.service_is_stricter(idle, own);
                }
                context.seat.change(|standing| standing.service = limits);
            }
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
    offer.withdraw();
    report.stop = ending.as_ref().ok().copied();
    // The listener closes as soon as it is served again, long before the goodbyes are said.
    let closing = async {
        tokio::join!(tunnel.close(), async {
            if !served {
                serving.await;
            }
        });
    };
    // Nobody can connect any more, unless the listener is kept.
    context.seat.change(|standing| {
        standing.state = State::Closing;
        if !announced {
            standing.address = None;
        }
    });
    // A second request to stop does not wait for the end.
    tokio::select! {
        () = closing => {}
        () = signals.urgent() => {}
    }
    while let Ok(event) = events.try_recv() {
        report.event(&event);
    }
    if ending.is_ok() {
        report.parting(&tunnel.stats());
    }
    ending
}

/// When the service ends sessions by itself, as far as that can be known.
async fn ask(context: &Context) -> Option<ServiceLimits> {
    // Those of one session may be narrowed to it.
    let aws = context.aws().await.ok()?;
    Some(context.shared.service_limits(&aws).await)
}

/// The next of the moments that matter to access; none comes where nobody watches.
async fn next(expiry: &mut Option<Expiry>) -> Tick {
    match expiry {
        Some(expiry) => expiry.next().await,
        None => std::future::pending().await,
    }
}
