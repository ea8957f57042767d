//! `adit demo`: a private database made reachable, a tunnel to it opened, used, cut and resumed, and
//! all of it removed, on this machine alone.
//!
//! It goes the way of `adit init`, `adit connect` and `adit cleanup` (AWS SDK, signatures, gateway,
//! agent) against a lab in this process, with the lab's keys and nothing of the user's settings.

mod bastion;
mod fetch;
mod noise;
mod probe;
mod service;
mod steps;
mod story;
mod tunnel;
mod world;

use std::time::Duration;

use adit_tunnel::{End, Tunnel};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use self::story::Story;
use self::tunnel::Open;
use super::report::Report;
use super::watch::{Ending, during};
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
    match tell(&settings, &mut signals, printer).await {
        Ok(exit) => Ok(exit),
        Err(ending) => {
            let stop = ending?;
            printer.parting("the local AWS is gone, with all that was in it");
            Ok(stop.into())
        }
    }
}

/// Tells the story to its end, or to where somebody ends it.
async fn tell(
    settings: &DemoSettings,
    signals: &mut Signals,
    printer: Printer,
) -> Result<Exit, Ending> {
    let mut story = Story::new(printer);
    let story = &mut story;
    let beginning = async {
        let world = world::build(settings, story).await?;
        bastion::prepare(&world, story, printer).await?;
        let open = tunnel::open(&world, &settings.local, story, printer).await?;
        Ok((world, open))
    };
    let (world, Open { tunnel, bound, mut news, bastion }) =
        during(signals, printer, beginning).await?;
    let address = bound.address.clone();
    let serving = tokio::spawn({
        let tunnel = tunnel.clone();
        async move { tunnel.serve(bound.listener).await }
    });
    let using = async {
        let report =
            Report::new(printer, &world.spec.to_string(), &world.spec.to_string(), &bastion);
        report.events_only().ready(&address)?;
        let used = if settings.target.is_some() {
            steps::reach(story, &address, &mut news).await
        } else {
            steps::use_and_cut(story, &address, &world.lab, &mut news).await
        };
        match used {
            Ok(()) => Ok(()),
            Err(failure) => Err(explain(failure, &tunnel).await),
        }
    };
    let mut used = during(signals, printer, using).await.map(|()| None);
    if used.is_ok() && !settings.once {
        let invited = story.invite(&address, settings.target.is_some()).map_err(Err);
        used = match invited {
            Ok(()) => hold(serving, signals, printer).await.map(Some),
            Err(ending) => Err(ending),
        };
    }
    tokio::select! {
        () = tunnel.close() => {}
        _ = signals.next() => {}
    }
    let stop = used?;
    // Whoever has held the tunnel is shown its end as well; a second request does not wait for it.
    let ending = async {
        steps::end(story, &world.lab, &tunnel).await?;
        bastion::clean_up(&world, story, printer).await
    };
    during(signals, printer, ending).await?;
    Ok(stop.map_or(Exit::Done, Exit::from))
}

/// Leaves the tunnel to the user until they have had enough.
async fn hold(
    serving: JoinHandle<End>,
    signals: &mut Signals,
    printer: Printer,
) -> Result<Stop, Ending> {
    tokio::select! {
        biased;
        stop = signals.next() => {
            printer.parting("closing the tunnel, and removing what was made");
            Ok(stop)
        }
        failure = printer.broken() => Err(Err(failure)),
        served = serving => Err(Err(match served {
            Ok(End::Failed(error)) => error.into(),
            _ => Failure::new(Kind::Internal, "the tunnel was closed"),
        })),
    }
}

/// A step failed: if the tunnel is over, that is the cause, and the step only noticed it.
async fn explain(failure: Failure, tunnel: &Tunnel) -> Failure {
    match timeout(REASON, tunnel.ended()).await {
        Ok(End::Failed(error)) => Failure::from(error).context(&failure.message),
        _ => failure,
    }
}
