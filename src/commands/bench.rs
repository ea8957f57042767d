//! `adit bench`: what a tunnel can do, and what limits it.

mod latency;
mod load;
mod measured;
mod shown;
mod verdict;
mod watch;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use self::latency::Asked;
use self::load::Load;
pub(crate) use self::measured::Measured;
use self::measured::{Latency, Ready, Run};
use super::beside::{Surroundings, all_ready, first_failure, with_tunnels};
use super::connect::settled;
use super::exec::{child, environment};
use super::tunnels::{Board, Common, Fleet, Shared, Standing};
use super::watch::{Ending, stopped};
use crate::cli::Given;
use crate::exit::Exit;
use crate::failure::{Failure, Kind};
use crate::journal::{self, Journal};
use crate::settings::{BenchSettings, Connection, Way};
use crate::signals::Signals;
use crate::ui::{Event, Printer, plain};

/// What is measured, and how.
struct Bench {
    connection: Connection,
    /// The command line that measures the same once more.
    again: String,
    parallel: usize,
    span: Option<Duration>,
    /// What moves data, and where it was found.
    command: Option<(PathBuf, Vec<OsString>)>,
    /// When all of it began.
    begun: Instant,
    printer: Printer,
}

pub(crate) async fn run(
    settings: BenchSettings,
    given: Given,
    mut signals: Signals,
    printer: Printer,
) -> Result<Exit, Failure> {
    match Box::pin(bench(settings, given, &mut signals, printer)).await {
        Ok(()) => Ok(Exit::Done),
        Err(ending) => ending.map(Exit::from),
    }
}

async fn bench(
    settings: BenchSettings,
    given: Given,
    signals: &mut Signals,
    printer: Printer,
) -> Result<(), Ending> {
    let begun = Instant::now();
    let BenchSettings { wanted, parallel, span, command, folders } = settings;
    // What cannot be run needs no tunnel.
    let command = match command.first() {
        Some(first) => Some((child::find(Some(first)).map_err(Err)?, command)),
        None => None,
    };
    journal::tidy(&folders);
    let journal = Journal::open(&folders);
    let common = Common { shared: Shared::with(journal.writer()), ..Common::default() };
    let connections = match settled("bench", wanted, &common.shared, &given, signals, printer).await
    {
        Ok(connections) => connections,
        Err(ending) => {
            if let Ok(stop) = &ending {
                printer.parting("stopped before the tunnel was open");
                stopped(*stop, printer);
            }
            return Err(ending);
        }
    };
    let [connection] = connections.as_slice() else {
        return Err(Err(Failure::new(Kind::Usage, "connections are measured one by one")));
    };
    if command.is_some() {
        environment::check([connection.name.as_str()].into_iter()).map_err(Err)?;
    }
    let bench = Bench {
        connection: connection.clone(),
        again: again(connection, &given),
        parallel: usize::from(parallel),
        span,
        command,
        begun,
        printer,
    };
    let surroundings = Surroundings {
        given: &given,
        common,
        folders: &folders,
        journal: journal.writer(),
        // Nobody is told of a tunnel that is there to be measured.
        printer: printer.without_data(),
    };
    with_tunnels(connections, surroundings, signals, async |fleet, board, signals| {
        bench.run(fleet, board, signals).await
    })
    .await
}

/// The command line that measures a connection, without the command that moves data.
fn again(connection: &Connection, given: &Given) -> String {
    let target = connection.target();
    match &connection.way {
        _ if connection.name != target => {
            let name = shlex::try_quote(&connection.name);
            format!("adit bench {}", name.unwrap_or_default())
        }
        Way::Direct(_) => given.again("bench"),
        Way::Target { .. } => given.again_for("bench", &[target]),
    }
}

impl Bench {
    async fn run(
        &self,
        fleet: &mut Fleet<'_>,
        board: &Board,
        signals: &mut Signals,
    ) -> Result<(), Ending> {
        let printer = self.printer;
        let opened = tokio::select! {
            biased;
            stop = signals.next() => return Err(Ok(stop)),
            failure = printer.broken() => return Err(Err(failure)),
            opened = all_ready(fleet, board) => opened.map(|()| Instant::now()),
        };
        let ready_at = opened.map_err(Err)?;
        let standing = only(board).map_err(Err)?;
        let ready = Ready::of(self.begun, standing.milestones, ready_at);
        let latency = tokio::select! {
            biased;
            stop = signals.next() => return Err(Ok(stop)),
            failure = printer.broken() => return Err(Err(failure)),
            failure = first_failure(fleet) => return Err(Err(failure)),
            latency = self.latency(&standing) => latency,
        };
        let mut measured =
            Measured { target: standing.target.clone(), ready, latency, runs: Vec::new() };
        printer.data(&shown::ready(&measured.ready)).map_err(Err)?;
        printer.data(&format!("\n{}", shown::latency(&measured.latency))).map_err(Err)?;
        let ran = match &self.command {
            Some((program, command)) => {
                let kinds = [self.connection.kind()];
                let environment = environment::of(&[standing], &kinds, false);
                let load = Load { program, command, environment, span: self.span, printer };
                self.under(&load, &mut measured.runs, fleet, board, signals).await
            }
            None => Ok(None),
        };
        // Of what was ended by somebody, what was measured by then was measured.
        if ran.is_ok() || !measured.runs.is_empty() {
            self.show(&measured, fleet).await.map_err(Err)?;
        }
        ran?.map_or(Ok(()), |failure| Err(Err(failure)))
    }

    /// The event, the tables of what has run, and what else could be measured.
    async fn show(&self, measured: &Measured, fleet: &Fleet<'_>) -> Result<(), Failure> {
        let printer = self.printer;
        // Events name the connection.
        let name = fleet.members().first().map(|member| member.name);
        let events = name.map_or(printer, |name| printer.of(name, false));
        events.event(&Event::Bench { measured })?;
        if !measured.runs.is_empty() {
            printer.data(&format!("\n{}", shown::runs(&measured.runs)))?;
            return printer.settled().await;
        }
        let example = latency::example(measured.latency.protocol());
        let hint =
            format!("to measure throughput, pass what moves data: `{} -- {example}`", self.again);
        // It stands below the tables.
        printer.settled().await?;
        printer.note(&hint);
        Ok(())
    }

    async fn latency(&self, standing: &Standing) -> Latency {
        let asked = Asked::of(&self.connection, standing.engine.as_deref());
        let what = match &asked {
            Some(asked) => format!("asking {} {} times", asked.family.as_str(), asked.tries()),
            None => "asking the agent".to_owned(),
        };
        let _progress = crate::ui::Progress::begin(self.printer, &what);
        latency::measure(standing, asked).await
    }

    /// Runs the command alone, and then several of it at once. Where it fails by itself, that is all
    /// that is measured, and the failure is given.
    async fn under(
        &self,
        load: &Load<'_>,
        runs: &mut Vec<Run>,
        fleet: &mut Fleet<'_>,
        board: &Board,
        signals: &mut Signals,
    ) -> Result<Option<Failure>, Ending> {
        let several = Some(self.parallel).filter(|count| *count > 1);
        let name = plain::line(
            &load.command.first().map(|first| first.to_string_lossy()).unwrap_or_default(),
        );
        for count in [Some(1), several].into_iter().flatten() {
            self.printer.note(&match count {
                1 => format!("running {name} alone"),
                count => format!("running {count} of {name} at once"),
            });
            let standing = only(board).map_err(Err)?;
            let Some(tunnel) = standing.tunnel else {
                return Err(Err(Failure::new(Kind::Lost, "the tunnel is gone")));
            };
            let refused_before = standing.refused;
            let ran = load.run(count, &tunnel, fleet, signals).await?;
            // One that was refused before is tried again after a while: only what is new counts.
            let refused = only(board).map_err(Err)?.refused;
            let is_refused = refused.is_some() && (count > 1 || refused != refused_before);
            let refused = refused.filter(|_| is_refused);
            let alone = runs.first().map(Run::down_of_each);
            let limit = verdict::limit(&ran.sessions, count, refused, alone);
            let failed = ran.failed;
            runs.push(Run::of(count, ran, &limit));
            if let Some(code) = failed {
                let message =
                    format!("{name} ended with {code}; what it has moved may be no measure");
                return Ok(Some(
                    Failure::new(Kind::Partial, message)
                        .hint("what it said is above; `adit exec` runs it with its output shown"),
                ));
            }
        }
        Ok(None)
    }
}

/// How the one tunnel stands.
fn only(board: &Board) -> Result<Standing, Failure> {
    let standing = board.all().into_iter().next();
    standing.ok_or_else(|| Failure::new(Kind::Internal, "there is no tunnel to measure"))
}
