//! `adit logs`: what a tunnel in the background has said.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::time::Duration;

use super::watch::{Ending, during};
use crate::background::{is_alive, newest};
use crate::exit::Exit;
use crate::failure::{Failure, Kind};
use crate::settings::LogsSettings;
use crate::signals::Signals;
use crate::ui::Printer;

/// How often it is looked whether there is more.
const GLANCE: Duration = Duration::from_millis(250);

pub(crate) async fn run(
    settings: LogsSettings,
    mut signals: Signals,
    printer: Printer,
) -> Result<Exit, Failure> {
    let name = settings.name.as_deref();
    let Some(path) = newest(&settings.folders, name) else {
        let of = name.map(|name| format!(" of {name}")).unwrap_or_default();
        return Err(Failure::new(Kind::Target, format!("there is no log{of}")).hint(
            "`adit connect NAME --detach` writes one; other tunnels say all in their terminal",
        ));
    };
    match during(&mut signals, printer, show(&path, settings.follow, printer)).await {
        Ok(()) => Ok(Exit::Done),
        Err(Ending::Ok(stop)) => Ok(stop.into()),
        Err(Ending::Err(failure)) => Err(failure),
    }
}

async fn show(path: &Path, follow: bool, printer: Printer) -> Result<(), Failure> {
    let fault = |error: std::io::Error| Failure::new(Kind::Config, error.to_string());
    let mut reader = BufReader::new(fs_err::File::open(path).map_err(fault)?);
    let mut line = Vec::new();
    loop {
        if reader.read_until(b'\n', &mut line).map_err(fault)? == 0 || !line.ends_with(b"\n") {
            // It may be in the middle of a line.
            if !follow || !is_alive(path) {
                if !line.is_empty() {
                    printer.line(&String::from_utf8_lossy(&line))?;
                }
                return Ok(());
            }
            tokio::time::sleep(GLANCE).await;
            continue;
        }
        printer.line(String::from_utf8_lossy(&line).trim_end())?;
        line.clear();
        // A long log is not kept in memory.
        printer.settled().await?;
    }
}
