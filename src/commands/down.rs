//! `adit down`: closes tunnels that are open.

use super::status::{Looked, look, unheard, unknown};
use super::watch::{Ending, during};
use crate::background::{Program, TunnelStatus};
use crate::exit::Exit;
use crate::failure::{Failure, Kind};
use crate::settings::DownSettings;
use crate::signals::Signals;
use crate::ui::Printer;

pub(crate) async fn run(
    settings: DownSettings,
    mut signals: Signals,
    printer: Printer,
) -> Result<Exit, Failure> {
    let looking = look(&settings.folders, printer);
    let Looked { programs, silent } = match during(&mut signals, printer, looking).await {
        Ok(looked) => looked,
        Err(ending) => return ending.map(Exit::from),
    };
    let names = &settings.names;
    let known =
        |name: &String| programs.iter().any(|program| program.has_open(std::slice::from_ref(name)));
    if !names.iter().all(known) {
        return Err(unknown(names, &programs));
    }
    let mut closed = 0;
    for program in programs.iter().filter(|program| program.has_open(names)) {
        let close = async { close(program, names).await };
        match during(&mut signals, printer, close).await {
            Ok(count) => closed += count,
            Err(Ending::Ok(stop)) => return Ok(stop.into()),
            Err(Ending::Err(failure)) => return Err(failure),
        }
    }
    printer.note(&match closed {
        0 => "no tunnel is open".to_owned(),
        1 => "closed 1 tunnel".to_owned(),
        count => format!("closed {count} tunnels"),
    });
    if names.is_empty() && silent > 0 {
        return Err(unheard(silent));
    }
    Ok(Exit::Done)
}

/// Has a program close them, and waits until they are closed; gives how many there were.
async fn close(program: &Program, names: &[String]) -> Result<usize, Failure> {
    let fault = |error: std::io::Error| {
        let pid = program.status.pid;
        Failure::new(Kind::Internal, format!("process {pid} does not answer: {error}"))
            .hint(format!("`kill {pid}` ends it with its tunnels"))
    };
    let is_meant = |name: &String| names.is_empty() || names.contains(name);
    let mut answers = program.watch().await.map_err(fault)?;
    let is_open = |one: &&TunnelStatus| is_meant(&one.connection) && !one.state.is_over();
    let before = answers.next().await.map_err(fault)?;
    let open = before.map_or(0, |status| status.tunnels.iter().filter(is_open).count());
    if open == 0 {
        return Ok(0);
    }
    program.down(names).await.map_err(fault)?;
    // A program that is gone has closed all of them.
    while let Some(status) = answers.next().await.map_err(fault)? {
        if status.tunnels.iter().filter(is_open).count() == 0 {
            break;
        }
    }
    Ok(open)
}
