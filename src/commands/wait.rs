//! `adit wait`: returns when tunnels can be used, or are closed.

use std::time::Duration;

use futures_util::future::try_join_all;

use super::status::{Looked, look, unheard, unknown};
use super::watch::{Ending, during};
use crate::background::{Program, TunnelStatus};
use crate::exit::Exit;
use crate::failure::{Failure, Kind};
use crate::settings::WaitSettings;
use crate::signals::Signals;
use crate::ui::Printer;

pub(crate) async fn run(
    settings: WaitSettings,
    mut signals: Signals,
    printer: Printer,
) -> Result<Exit, Failure> {
    let waiting = async {
        let wait = wait(&settings, printer);
        match settings.timeout {
            Some(limit) => tokio::time::timeout(limit, wait)
                .await
                .unwrap_or_else(|_| Err(late(&settings, limit))),
            None => wait.await,
        }
    };
    match during(&mut signals, printer, waiting).await {
        Ok(exit) => Ok(exit),
        Err(Ending::Ok(stop)) => Ok(stop.into()),
        Err(Ending::Err(failure)) => Err(failure),
    }
}

fn late(settings: &WaitSettings, limit: Duration) -> Failure {
    let names = settings.names.join(", ");
    let what = if settings.closed { "closed" } else { "ready" };
    let message = format!("{names} not {what} within {} s", limit.as_secs());
    Failure::new(Kind::Lost, message).hint("`adit status` says what is going on")
}

async fn wait(settings: &WaitSettings, printer: Printer) -> Result<Exit, Failure> {
    let Looked { programs, silent } = look(&settings.folders, printer).await?;
    let mut waits = Vec::new();
    for name in &settings.names {
        let open = programs.iter().rfind(|program| program.has_open(std::slice::from_ref(name)));
        let failed =
            || programs.iter().rfind(|program| !settings.closed && program.has_failed(name));
        match open.or_else(failed) {
            Some(program) => waits.push(wait_for(program, name, settings.closed)),
            // One that does not answer may have it.
            None if silent > 0 => return Err(unheard(silent)),
            None if settings.closed => {}
            None => return Err(unknown(&settings.names, &programs)),
        }
    }
    try_join_all(waits).await?;
    Ok(Exit::Done)
}

async fn wait_for(program: &Program, name: &str, closed: bool) -> Result<(), Failure> {
    let mut answers = program.watch().await.map_err(|error| gone(name, &error.to_string()))?;
    loop {
        let status = match answers.next().await {
            Ok(Some(status)) => status,
            Ok(None) if closed => return Ok(()),
            Ok(None) => return Err(gone(name, "its process has ended")),
            Err(error) => return Err(gone(name, &error.to_string())),
        };
        let Some(tunnel) = status.tunnels.iter().find(|tunnel| tunnel.connection == name) else {
            return Err(gone(name, "its process has none of that name"));
        };
        match (tunnel.state.is_over(), closed) {
            (true, true) => return Ok(()),
            (true, false) => return Err(failed(tunnel)),
            (false, false) if tunnel.state.is_open() => return Ok(()),
            (false, _) => {}
        }
    }
}

fn gone(name: &str, why: &str) -> Failure {
    Failure::new(Kind::Lost, format!("{name} is no more: {why}"))
        .hint(format!("`adit logs {name}` has its last words, if it was in the background"))
}

fn failed(tunnel: &TunnelStatus) -> Failure {
    let cause = tunnel.cause.as_deref().unwrap_or("it was closed");
    let kind = tunnel.code.and_then(Kind::of_code).unwrap_or(Kind::Lost);
    Failure::new(kind, format!("{}: {cause}", tunnel.connection))
}
