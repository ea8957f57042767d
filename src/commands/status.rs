//! `adit status`: the tunnels of this user that are open.

use std::time::Duration;

use jiff::Timestamp;

use super::tunnels::{ServiceLimits, State};
use super::watch::during;
use crate::background::{Folders, Program, TunnelStatus, find};
use crate::exit::Exit;
use crate::failure::{Failure, Kind};
use crate::settings::StatusSettings;
use crate::signals::Signals;
use crate::ui::{Event, Printer, Table, long_span, plain, size};

const COLUMNS: &[&str] =
    &["CONNECTION", "STATE", "FOR", "LISTENS", "TARGET", "OPEN", "IN", "OUT", "PID"];
/// What a narrow terminal does without, the first of them first.
const SPARE: &[&str] = &["OPEN", "OUT", "IN", "PID", "FOR", "TARGET"];

pub(crate) async fn run(
    settings: StatusSettings,
    mut signals: Signals,
    printer: Printer,
) -> Result<Exit, Failure> {
    let looking = look(&settings.folders, printer);
    let Looked { programs: found, silent } = match during(&mut signals, printer, looking).await {
        Ok(found) => found,
        Err(ending) => return ending.map(Exit::from),
    };
    let mut table = Table::new(COLUMNS).or_without(SPARE);
    let mut shown = 0;
    let now = Timestamp::now();
    for program in &found {
        for tunnel in shown_of(program, &settings.names) {
            shown += 1;
            show(program, tunnel, now, &mut table, printer)?;
        }
    }
    if shown > 0 {
        printer.data(&table.for_stdout())?;
        if let Some(failure) = printer.drained().await {
            return Err(failure);
        }
        for program in &found {
            for tunnel in shown_of(program, &settings.names) {
                explain(tunnel, printer);
            }
        }
        return Ok(Exit::Done);
    }
    if settings.names.is_empty() && silent > 0 {
        return Err(unheard(silent));
    }
    if settings.names.is_empty() {
        printer.note("no tunnel is open; `adit connect` opens one");
        return Ok(Exit::Done);
    }
    Err(unknown(&settings.names, &found))
}

/// What is to be shown of a program: all but what somebody has closed.
fn shown_of<'a>(
    program: &'a Program,
    names: &'a [String],
) -> impl Iterator<Item = &'a TunnelStatus> {
    program.status.tunnels.iter().filter(move |tunnel| {
        tunnel.state != State::Ended && (names.is_empty() || names.contains(&tunnel.connection))
    })
}

fn show(
    program: &Program,
    tunnel: &TunnelStatus,
    now: Timestamp,
    table: &mut Table,
    printer: Printer,
) -> Result<(), Failure> {
    let status = &program.status;
    printer.event(&Event::Tunnel { pid: status.pid, detached: status.detached, tunnel })?;
    let since: Option<Timestamp> = tunnel.since.parse().ok();
    let age = since.and_then(|since| now.duration_since(since).try_into().ok());
    table.row([
        &tunnel.connection,
        tunnel.state.as_str(),
        &age.map(long_span).unwrap_or_default(),
        tunnel.address.as_deref().unwrap_or_default(),
        &tunnel.target,
        &tunnel.connections.to_string(),
        &size(tunnel.bytes_in),
        &size(tunnel.bytes_out),
        &status.pid.to_string(),
    ]);
    Ok(())
}

/// Says why one is not simply open, and what ends it.
fn explain(tunnel: &TunnelStatus, printer: Printer) {
    if !tunnel.lanes.is_empty() {
        let each =
            tunnel.lanes.iter().map(|lane| format!("{} in lane {}", lane.connections, lane.lane));
        let each: Vec<String> = each.collect();
        let (count, each) = (each.len(), each.join(", "));
        printer.note(&format!("{}: connections over {count} sessions: {each}", tunnel.connection));
    }
    if let Some(ends) = ends(tunnel) {
        printer.note(&format!("{}: {ends}", tunnel.connection));
    }
    if let Some(cause) = &tunnel.cause {
        printer.note(&format!("{}: {}", tunnel.connection, plain::line(cause)));
    }
}

/// What ends an open tunnel.
fn ends(tunnel: &TunnelStatus) -> Option<String> {
    let span = |seconds: u64| long_span(Duration::from_secs(seconds));
    let maximum = tunnel.maximum_left_s?;
    let mut parts = Vec::new();
    if let Some(idle) = tunnel.idle_left_s {
        parts.push(format!("closes in {} if nothing moves", span(idle)));
    }
    let ceiling = tunnel.ceiling_left_s.filter(|ceiling| *ceiling > maximum);
    let extended = ceiling.map(|ceiling| format!(", or in {} if extended", span(ceiling)));
    parts.push(format!("ends in {}{}", span(maximum), extended.unwrap_or_default()));
    match (&tunnel.credentials_expire, tunnel.credentials_renewable) {
        (Some(at), Some(true)) => parts.push(format!("credentials until {at}, renewed before")),
        (Some(at), _) => parts.push(format!("credentials until {at}")),
        (None, _) => {}
    }
    match tunnel.service {
        Some(ServiceLimits::Known { idle_s, longest_s }) => {
            let longest = longest_s.map(|longest| format!(", any after {}", span(longest)));
            let longest = longest.unwrap_or_default();
            parts.push(format!("AWS ends an idle session after {}{longest}", span(idle_s)));
        }
        Some(ServiceLimits::Denied) => {
            parts.push("not permitted to read when AWS ends sessions".to_owned());
        }
        Some(ServiceLimits::Failed) | None => {}
    }
    if tunnel.keep_alive {
        parts.push("kept alive while somebody is connected".to_owned());
    }
    Some(parts.join("; "))
}

/// The programs that answer, and how many others there are.
pub(super) struct Looked {
    pub(super) programs: Vec<Program>,
    pub(super) silent: usize,
}

/// Some programs are there and do not answer: what they hold is not known.
pub(super) fn unheard(count: usize) -> Failure {
    let message = format!("{count} programs do not answer, whose tunnels are not known");
    Failure::new(Kind::Partial, message)
        .hint("they may be stopped: `ps` and `kill -CONT`, or `kill`")
}

/// The programs that hold tunnels; what was left by killed ones is told, once.
pub(super) async fn look(folders: &Folders, printer: Printer) -> Result<Looked, Failure> {
    let found = find(folders).await?;
    for pid in &found.stale {
        let message = format!(
            "process {pid} has ended without closing its tunnels; the next `adit connect`, `exec` or `cleanup` ends its sessions"
        );
        printer.note(&message);
        printer.event(&Event::warning(&message))?;
    }
    for socket in &found.silent {
        printer.warn(&format!("whoever listens at {} does not answer", socket.display()));
    }
    Ok(Looked { programs: found.programs, silent: found.silent.len() })
}

/// The failure of names that nobody has, with the nearest one.
pub(super) fn unknown(names: &[String], programs: &[Program]) -> Failure {
    let open: Vec<&str> = programs
        .iter()
        .flat_map(|program| &program.status.tunnels)
        .filter(|tunnel| !tunnel.state.is_over())
        .map(|tunnel| tunnel.connection.as_str())
        .collect();
    let missing: Vec<&str> =
        names.iter().map(String::as_str).filter(|name| !open.contains(name)).collect();
    let failure =
        Failure::new(Kind::Target, format!("no tunnel is open to {}", missing.join(", ")));
    let nearest = missing.first().and_then(|name| nearest(name, &open));
    match (nearest, open.is_empty()) {
        (Some(name), _) => failure.hint(format!("did you mean {name}?")),
        (None, true) => failure.hint("none is open; `adit connect NAME --detach` opens one"),
        (None, false) => failure.hint(format!("open are: {}", open.join(", "))),
    }
}

/// The name that looks most like a mistyped one, if any does.
pub(super) fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    const ALIKE: f64 = 0.75;
    let score = |candidate: &str| strsim::jaro_winkler(name, candidate);
    known
        .iter()
        .copied()
        .filter(|candidate| score(candidate) > ALIKE)
        .max_by(|a, b| score(a).total_cmp(&score(b)))
}
