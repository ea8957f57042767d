//! `adit demo`: a tunnel opened, used, cut and resumed, on this machine alone.
//!
//! It goes the way of `adit connect` (AWS SDK, signatures, gateway, agent) against a lab in this
//! process, with the lab's keys and nothing of the user's settings.

mod fetch;
mod noise;
mod probe;
mod service;
mod steps;
mod story;
mod world;

use std::time::Duration;

use adit_tunnel::{End, Tunnel};
use tokio::time::timeout;

use self::story::Story;
use self::world::World;
use super::report::Report;
use crate::exit::Exit;
use crate::failure::{Failure, Kind};
use crate::settings::DemoSettings;
use crate::signals::{Signals, Stop};
use crate::ui::Printer;

/// How long a failed step waits for the tunnel to say why.
const REASON: Duration = Duration::from_secs(2);

pub(crate) async fn run(
    settings: DemoSettings,
    mut signals: Signals,
    printer: Printer,
) -> Result<Exit, Failure> {
    let mut story = Story::new(printer);
    let world = tokio::select! {
        biased;
        stop = signals.next() => {
            printer.parting("nothing was left behind");
            return Ok(stop.into());
        }
        world = world::build(&settings, &mut story, printer) => world?,
    };
    let World { lab, tunnel, bound, mut news, target, address } = world;
    let serving = tokio::spawn({
        let tunnel = tunnel.clone();
        async move { tunnel.serve(bound.listener).await }
    });
    Report::new(printer, &target.to_string(), &target.bastion).events_only().ready(&address)?;

    let told = async {
        let result = if settings.target.is_some() {
            steps::reach(&mut story, &address, &mut news).await
        } else {
            steps::use_and_cut(&mut story, &address, &lab, &mut news).await
        };
        if let Err(failure) = result {
            return Err(explain(failure, &tunnel).await);
        }
        if settings.once {
            return Ok(None);
        }
        story.invite(&address, settings.target.is_some())?;
        match serving.await {
            Ok(End::Failed(error)) => Err(error.into()),
            _ => Err(Failure::new(Kind::Internal, "the tunnel was closed")),
        }
    };
    let ended: Result<Option<Stop>, Failure> = tokio::select! {
        biased;
        stop = signals.next() => Ok(Some(stop)),
        told = told => told,
    };
    tokio::select! {
        () = tunnel.close() => {}
        _ = signals.next() => {}
    }
    if let Some(stop) = ended? {
        printer.parting("the tunnel and the local AWS are gone");
        return Ok(stop.into());
    }
    steps::end(&mut story, &lab, &tunnel).await?;
    Ok(Exit::Done)
}

/// A step failed: if the tunnel is over, that is the cause, and the step only noticed it.
async fn explain(failure: Failure, tunnel: &Tunnel) -> Failure {
    match timeout(REASON, tunnel.ended()).await {
        Ok(End::Failed(error)) => Failure::from(error).context(&failure.message),
        _ => failure,
    }
}
