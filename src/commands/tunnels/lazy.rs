//! A tunnel that is opened when somebody connects, and given back when nobody does any more.

use std::time::Duration;

use super::board::State;
use super::hold::hold;
use super::one::{Context, bind, keep, open};
use crate::commands::report::listening;
use crate::commands::watch::{Ending, during, stopped};
use crate::failure::{Failure, Kind};
use crate::signals::Signals;
use crate::ui::Event;

/// How long nothing is tried after a failure; twice as long after the next one.
const PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// Listens, with nothing asked of AWS; opens the tunnel at the first local connection, which waits
/// for it; and listens on when the tunnel has ended.
pub(super) async fn run(context: &Context, signals: &mut Signals) -> Ending {
    let (connection, printer) = (&context.connection, context.printer);
    let Some(port) = connection.known_port() else {
        let message = format!("which port {} has is known only to AWS", connection.name);
        return Err(Failure::new(Kind::Usage, message)
            .hint("--lazy asks AWS nothing before somebody connects: pass --local-port as well"));
    };
    let kept = bind(context, port).await?;
    context.seat.is(State::Waiting, None);
    listening(printer, &connection.name, &kept.address, &connection.target())?;
    let mut pause = PAUSE;
    loop {
        let first = async { Ok(kept.listener.first().await?) };
        if let Err(ending) = during(signals, printer, first).await {
            if let Ok(stop) = &ending {
                printer.parting("closed; nobody had connected since");
                stopped(*stop, printer);
            }
            return ending;
        }
        context.seat.is(State::Starting, None);
        let (opened, ending) = match Box::pin(open(context, Some(keep(&kept)), signals)).await {
            Ok(opened) => (true, hold(opened, context, true, signals).await),
            Err(ending) => {
                if let Ok(stop) = &ending {
                    stopped(*stop, printer);
                }
                (false, ending)
            }
        };
        let failure = match ending {
            Ok(stop) => return Ok(stop),
            Err(failure) if failure.kind == Kind::BrokenPipe => return Err(failure),
            Err(failure) => failure,
        };
        if matches!(failure.kind, Kind::Credentials | Kind::Expired | Kind::Permission) {
            context.shared.forget(&connection.access);
        }
        if failure.kind == Kind::Idle {
            printer.note("idle; closed until somebody connects");
        } else {
            printer.failure(&failure);
        }
        context.seat.change(|standing| {
            standing.state = State::Waiting;
            standing.cause = Some(failure.message.clone());
            standing.address = Some(kept.address.clone());
            (standing.session, standing.tunnel, standing.leash) = (None, None, None);
        });
        printer.event(&Event::Dormant { cause: &failure.message })?;
        if opened {
            pause = PAUSE;
            continue;
        }
        // Those who wait for this tunnel learn that it does not come, and so do those who come until
        // it is tried again: a client that goes on trying is no reason to go on asking AWS.
        let away = async {
            kept.listener.turn_away();
            loop {
                kept.listener.first().await?;
                kept.listener.turn_away();
            }
        };
        let resting = async {
            tokio::select! {
                () = tokio::time::sleep(pause) => Ok(()),
                failed = away => failed,
            }
        };
        if let Err(ending) = during(signals, printer, resting).await {
            if let Ok(stop) = &ending {
                stopped(*stop, printer);
            }
            return ending;
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}
