//! `adit extend`: gives open tunnels more time, as far as their ceilings go.

use std::time::Duration;

use adit_config::span;

use super::status::{Looked, look, unheard, unknown};
use super::watch::{Ending, during};
use crate::background::{Answer, Program};
use crate::exit::Exit;
use crate::failure::{Failure, Kind};
use crate::settings::ExtendSettings;
use crate::signals::Signals;
use crate::ui::{Event, Printer};

pub(crate) async fn run(
    settings: ExtendSettings,
    mut signals: Signals,
    printer: Printer,
) -> Result<Exit, Failure> {
    let work = extend(&settings, printer);
    match during(&mut signals, printer, work).await {
        Ok(()) => Ok(Exit::Done),
        Err(Ending::Ok(stop)) => Ok(stop.into()),
        Err(Ending::Err(failure)) => Err(failure),
    }
}

async fn extend(settings: &ExtendSettings, printer: Printer) -> Result<(), Failure> {
    let Looked { programs, silent } = look(&settings.folders, printer).await?;
    let names = names(settings, &programs, silent)?;
    let mut refused = Vec::new();
    let mut count = 0;
    for program in programs.iter().filter(|program| program.has_open(&names)) {
        let answers = program.extend(&names, settings.by).await.map_err(|error| {
            let pid = program.status.pid;
            Failure::new(Kind::Internal, format!("process {pid} does not answer: {error}"))
                .hint("one of an earlier version does not know how: close it and connect again")
        })?;
        for (connection, answer) in answers {
            count += 1;
            match answer {
                Answer::Extended(extended) => {
                    let printer = printer.of(Box::leak(connection.clone().into_boxed_str()), false);
                    let (until, by_s, cut) = (&extended.until, extended.by_s, extended.cut);
                    printer.event(&Event::Extended { until, by_s, cut })?;
                    printer.line(&format!("{connection}: {extended}"))?;
                }
                Answer::AtCeiling { ceiling_s } => refused.push(at_ceiling(&connection, ceiling_s)),
                Answer::NotOpen => refused.push(not_open(&connection)),
            }
        }
    }
    if let Some(failure) = printer.drained().await {
        return Err(failure);
    }
    match refused.len() {
        0 if silent > 0 && settings.all => Err(unheard(silent)),
        0 => Ok(()),
        _ if count == 1 => Err(refused.remove(0)),
        refusals => {
            for failure in &refused {
                printer.warn(&failure.message);
            }
            let first = refused.remove(0);
            // One cause for all of them is the cause.
            let is_alike = refusals == count && refused.iter().all(|one| one.kind == first.kind);
            let kind = if is_alike { first.kind } else { Kind::Partial };
            let message = format!("{refusals} of {count} tunnels could not be extended");
            Err(Failure { kind, message, hints: first.hints })
        }
    }
}

/// Which tunnels are meant: the only one where none is named.
fn names(
    settings: &ExtendSettings,
    programs: &[Program],
    silent: usize,
) -> Result<Vec<String>, Failure> {
    let open: Vec<&str> = programs
        .iter()
        .flat_map(|program| &program.status.tunnels)
        .filter(|tunnel| !tunnel.state.is_over())
        .map(|tunnel| tunnel.connection.as_str())
        .collect();
    if open.is_empty() && settings.names.is_empty() {
        if silent > 0 {
            return Err(unheard(silent));
        }
        return Err(
            Failure::new(Kind::Target, "no tunnel is open").hint("`adit connect NAME` opens one")
        );
    }
    if settings.all {
        return Ok(Vec::new());
    }
    if settings.names.is_empty() {
        if open.len() == 1 {
            return Ok(Vec::new());
        }
        return Err(Failure::new(Kind::Usage, format!("{} tunnels are open", open.len()))
            .hint(format!("name those that are meant, or pass --all: {}", open.join(", "))));
    }
    if settings.names.iter().all(|name| open.contains(&name.as_str())) {
        return Ok(settings.names.clone());
    }
    Err(unknown(&settings.names, programs))
}

fn at_ceiling(connection: &str, ceiling_s: u64) -> Failure {
    let ceiling = span(Duration::from_secs(ceiling_s));
    let message = format!("{connection} ends after {ceiling}, and may not be extended beyond that");
    Failure::new(Kind::Maximum, message).hint(
        "max-duration-ceiling in adit.toml, or --max-duration-ceiling of `adit connect`, says how far",
    )
}

fn not_open(connection: &str) -> Failure {
    let message = format!("the time of {connection} does not run: it is not ready");
    Failure::new(Kind::Target, message).hint("`adit status` says what it does")
}
