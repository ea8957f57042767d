//! A tunnel to a target, whose place is looked up.
//!
//! Where it was the last time is tried at once, and checked beside it: nobody is told that the tunnel
//! listens before it is known to lead to the right place.

use std::path::Path;

use adit_aws::Aws;
use adit_aws::bastion::ExistingSpec;
use adit_aws::targets::TargetSpec;
use adit_tunnel::Tunnel;

use super::attempt::Attempt;
use super::one::{Context, Opened, bind};
use crate::commands::local::Bound;
use crate::commands::place::{Place, explain, locate};
use crate::commands::watch::{Ending, during};
use crate::failure::{Failure, Kind};
use crate::memory::{Memory, Remembered};
use crate::settings::Destination;
use crate::signals::Signals;
use crate::ui::Progress;

/// A target, and the bastion that the user wants for it.
struct Wanted {
    spec: TargetSpec,
    bastion: Option<ExistingSpec>,
    name: String,
}

pub(super) async fn open(
    spec: &TargetSpec,
    bastion: Option<&ExistingSpec>,
    kept: Option<Bound>,
    context: &Context,
    signals: &mut Signals,
) -> Result<Opened, Ending> {
    let printer = context.printer;
    let wanted = Wanted { name: spec.to_string(), spec: spec.clone(), bastion: bastion.cloned() };
    // A taken port is told before anything is started; which port it is may have to be looked up.
    let bound = match (kept, context.connection.known_port()) {
        (Some(bound), _) => Some(bound),
        (None, Some(port)) => Some(bind(context, port).await.map_err(Err)?),
        (None, None) => None,
    };
    let aws = during(signals, printer, context.aws()).await?;
    let cache = &context.connection.cache;
    let memory = cache.folder.as_deref().map(|folder| wanted.memory(folder, &aws, context));
    let opened = match memory.as_ref().and_then(Memory::recall) {
        Some(remembered) => wanted.again(&aws, &remembered, bound, context, signals).await,
        None => wanted.anew(&aws, bound, context, signals).await,
    };
    match (&memory, &opened) {
        (Some(memory), Ok((_, place))) => memory.keep(place),
        // It leads nowhere: the next time had better look first.
        (Some(memory), Err(Err(failure)))
            if matches!(failure.kind, Kind::Target | Kind::Bastion | Kind::Offline) =>
        {
            memory.forget();
        }
        _ => {}
    }
    Ok(opened?.0)
}

/// Shows what was found out about the target.
fn show(context: &Context, place: &Place) {
    context.seat.change(|standing| {
        standing.host.clone_from(&place.destination.host);
        standing.engine.clone_from(&place.engine);
    });
}

/// What came of a session to where the target was the last time.
enum Checked {
    /// The target is still there.
    Same(Tunnel, Place),
    /// It is elsewhere, or its bastion has to be started first.
    Moved(Place),
    /// It is still there, but its bastion is not connected; it may be soon.
    Offline(Place, Failure),
    /// It is still there, and no tunnel can be opened to it.
    Refused(Failure),
}

impl Wanted {
    /// What is remembered holds for one target, one way to it, and one account as far as it can be
    /// told without asking.
    fn memory(&self, folder: &Path, aws: &Aws, context: &Context) -> Memory {
        let bastion = self.bastion.as_ref().map(ToString::to_string).unwrap_or_default();
        let parts =
            [&aws.place(), aws.region(), &context.connection.cache.identity, &self.name, &bastion];
        Memory::of(folder, &parts)
    }

    /// Looks the target up, then opens a tunnel to it.
    async fn anew(
        &self,
        aws: &Aws,
        bound: Option<Bound>,
        context: &Context,
        signals: &mut Signals,
    ) -> Result<(Opened, Remembered), Ending> {
        let printer = context.printer;
        let looking = async {
            let _progress = Progress::begin(printer, &format!("looking up {}", self.name));
            locate(aws, &self.spec, self.bastion.as_ref(), &context.given).await
        };
        let place = during(signals, printer, looking).await?;
        self.to(place, aws, bound, context, signals).await
    }

    /// Opens a tunnel to a place, when its bastion runs. Where that is not connected all the same,
    /// because its agent is not up yet or it has just stopped itself, it is waited for once.
    async fn to(
        &self,
        mut place: Place,
        aws: &Aws,
        bound: Option<Bound>,
        context: &Context,
        signals: &mut Signals,
    ) -> Result<(Opened, Remembered), Ending> {
        let printer = context.printer;
        place.warn(printer).map_err(Err)?;
        let bound = match bound {
            Some(bound) => bound,
            None => bind(context, place.destination.port).await.map_err(Err)?,
        };
        loop {
            during(signals, printer, context.shared.start(&place, aws, printer)).await?;
            let own = aws.clone();
            let mut attempt =
                context.attempt(async { Ok(own) }, &place.destination, &self.name).map_err(Err)?;
            let ending = match during(signals, printer, attempt.open()).await {
                Ok(tunnel) => {
                    show(context, &place);
                    return Ok((Opened { tunnel, bound, attempt }, place.remembered()));
                }
                Err(Err(failure)) if place.may_come(&failure) => {
                    attempt.retry(&failure.message, signals).await?;
                    place.is_offline = true;
                    continue;
                }
                Err(ending) => ending,
            };
            attempt.end(&ending, signals).await;
            let failure = match ending {
                Ok(stop) => return Err(Ok(stop)),
                Err(failure) => failure,
            };
            let bastion = &place.destination.bastion;
            let explained = async { Ok(explain(failure, aws, bastion).await) };
            return Err(Err(during(signals, printer, explained).await?));
        }
    }

    /// Opens a tunnel to where the target was the last time, and looks it up beside that.
    async fn again(
        &self,
        aws: &Aws,
        remembered: &Remembered,
        bound: Option<Bound>,
        context: &Context,
        signals: &mut Signals,
    ) -> Result<(Opened, Remembered), Ending> {
        let printer = context.printer;
        let Remembered { bastion, host, port, .. } = remembered.clone();
        let destination = Destination { bastion, host, port };
        let is_asked_for = bound.is_some() || context.is_handed();
        let bound = match bound {
            Some(bound) => bound,
            None => bind(context, port).await.map_err(Err)?,
        };
        let own = aws.clone();
        let mut attempt =
            context.attempt(async { Ok(own) }, &destination, &self.name).map_err(Err)?;
        let locating = locate(aws, &self.spec, self.bastion.as_ref(), &context.given);
        let checked = during(signals, printer, check(&mut attempt, locating, remembered)).await;
        match checked {
            Ok(Checked::Same(tunnel, place)) => {
                show(context, &place);
                place.announce(printer).and_then(|()| place.warn(printer)).map_err(Err)?;
                Ok((Opened { tunnel, bound, attempt }, place.remembered()))
            }
            Ok(Checked::Moved(place)) => {
                let cause = self.difference(remembered, &place);
                attempt.replace(&cause, signals).await?;
                let bound = Some(bound).filter(|_| is_asked_for || place.destination.port == port);
                self.to(place, aws, bound, context, signals).await
            }
            Ok(Checked::Offline(place, failure)) => {
                attempt.retry(&failure.message, signals).await?;
                let place = Place { is_offline: true, ..place };
                self.to(place, aws, Some(bound), context, signals).await
            }
            Ok(Checked::Refused(failure)) => {
                let explained = async { Ok(explain(failure, aws, &destination.bastion).await) };
                let ending = during(signals, printer, explained).await.map_or_else(|end| end, Err);
                attempt.end(&ending, signals).await;
                Err(ending)
            }
            Err(ending) => {
                attempt.end(&ending, signals).await;
                Err(ending)
            }
        }
    }

    /// Why a session to what is remembered is of no use.
    fn difference(&self, remembered: &Remembered, place: &Place) -> String {
        let now = place.remembered();
        if now == *remembered {
            return format!("the bastion {} does not run", now.bastion);
        }
        if now.bastion == remembered.bastion {
            return format!("{} is at {} now", self.name, place.destination);
        }
        format!("{} is reached through {} now", self.name, now.bastion)
    }
}

/// Waits for both answers, unless the first of them makes the other useless.
async fn check(
    attempt: &mut Attempt,
    locating: impl Future<Output = Result<Place, Failure>>,
    remembered: &Remembered,
) -> Result<Checked, Failure> {
    let mut locating = std::pin::pin!(locating);
    let opened = tokio::select! {
        located = &mut locating => {
            let place = located?;
            if !place.is(remembered) {
                return Ok(Checked::Moved(place));
            }
            return Ok(checked(attempt.open().await, place));
        }
        opened = attempt.open() => opened,
    };
    let place = locating.await?;
    Ok(if place.is(remembered) { checked(opened, place) } else { Checked::Moved(place) })
}

fn checked(opened: Result<Tunnel, Failure>, place: Place) -> Checked {
    match opened {
        Ok(tunnel) => Checked::Same(tunnel, place),
        Err(failure) if place.may_come(&failure) => Checked::Offline(place, failure),
        Err(failure) => Checked::Refused(failure),
    }
}
