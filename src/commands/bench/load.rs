//! The command that moves data, run once or several times at once.

use std::ffi::OsString;
use std::path::Path;
use std::time::{Duration, Instant};

use adit_tunnel::Tunnel;
use tokio::time::MissedTickBehavior;

use super::watch::{Carried, GLANCE, Watch, idle};
use crate::commands::beside::{first_failure, why};
use crate::commands::exec::child::{Child, Streams};
use crate::commands::exec::{GRACE, until};
use crate::commands::tunnels::Fleet;
use crate::commands::watch::Ending;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::signals::{Signals, Stop};
use crate::ui::Printer;

/// What to run, and how.
pub(super) struct Load<'a> {
    pub(super) program: &'a Path,
    pub(super) command: &'a [OsString],
    pub(super) environment: Vec<(String, OsString)>,
    /// How long it may take; `None` is until it ends by itself.
    pub(super) span: Option<Duration>,
    pub(super) printer: Printer,
}

/// What came of it.
#[derive(Debug)]
pub(super) struct Ran {
    pub(super) codes: Vec<u8>,
    /// Whether they were ended when their time was over.
    pub(super) was_cut: bool,
    /// The code of one that failed by itself.
    pub(super) failed: Option<u8>,
    pub(super) sessions: Vec<Carried>,
    /// Processor time of this process.
    pub(super) cpu: Option<Duration>,
}

impl Load<'_> {
    /// Runs so many of the command at once to their ends. Whatever else happens meanwhile, none of
    /// them is left behind.
    pub(super) async fn run(
        &self,
        count: usize,
        tunnel: &Tunnel,
        fleet: &mut Fleet<'_>,
        signals: &mut Signals,
    ) -> Result<Ran, Ending> {
        tokio::select! {
            () = idle(tunnel) => {}
            stop = signals.next() => return Err(Ok(stop)),
            failure = first_failure(fleet) => return Err(Err(failure)),
        }
        let mut watch = Watch::begin(Instant::now(), tunnel.lanes());
        let cpu_before = cpu();
        let start = |_| {
            let environment = self.environment.clone();
            Child::start(self.program, self.command, environment, Streams::ErrorsOnly)
        };
        let mut children = (0..count).map(start).collect::<Result<Vec<_>, _>>().map_err(Err)?;
        let mut glances = tokio::time::interval(GLANCE);
        glances.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut cut = self.span.map(|span| tokio::time::Instant::now() + span);
        let mut was_cut = false;
        let mut failed = None;
        // Why they are being ended, and when they are killed.
        let mut ending: Option<Ending> = None;
        let mut kill: Option<tokio::time::Instant> = None;
        let codes = loop {
            let is_ending = ending.is_some();
            let end = tokio::select! {
                biased;
                codes = ends(&mut children) => break codes.map_err(Err)?,
                stop = signals.next() => Ok(stop),
                outcome = fleet.next(), if !is_ending => Err(why(outcome)),
                failure = self.printer.broken(), if !is_ending => Err(failure),
                () = until(cut), if !is_ending => {
                    (was_cut, cut) = (true, None);
                    let codes = children.iter_mut().filter_map(Child::ended);
                    failed = codes.map(Exit::code).find(|code| *code != 0);
                    pass_on(&mut children, Stop::Terminate);
                    kill.get_or_insert_with(|| tokio::time::Instant::now() + GRACE);
                    continue;
                }
                () = until(kill) => {
                    for child in &mut children {
                        child.kill().await;
                    }
                    kill = None;
                    continue;
                }
                _ = glances.tick() => {
                    watch.look(Instant::now(), &tunnel.lanes());
                    continue;
                }
            };
            pass_on(&mut children, *end.as_ref().unwrap_or(&Stop::Terminate));
            kill.get_or_insert_with(|| tokio::time::Instant::now() + GRACE);
            ending.get_or_insert(end);
        };
        if let Some(ending) = ending {
            return Err(ending);
        }
        if !was_cut {
            failed = codes.iter().copied().find(|code| *code != 0);
        }
        watch.look(Instant::now(), &tunnel.lanes());
        let cpu = cpu().zip(cpu_before).map(|(after, before)| after.saturating_sub(before));
        Ok(Ran { codes, was_cut, failed, sessions: watch.end(), cpu })
    }
}

fn pass_on(children: &mut [Child], stop: Stop) {
    for child in children {
        child.pass_on(stop);
    }
}

/// Waits until all have ended; may be dropped and called again.
async fn ends(children: &mut [Child]) -> Result<Vec<u8>, Failure> {
    let mut codes = Vec::new();
    for child in children {
        codes.push(child.wait().await.map(Exit::code)?);
    }
    Ok(codes)
}

/// The processor time that this process has taken so far.
#[cfg(unix)]
fn cpu() -> Option<Duration> {
    use rustix::time::{ClockId, clock_gettime};

    Duration::try_from(clock_gettime(ClockId::ProcessCPUTime)).ok()
}

#[cfg(not(unix))]
fn cpu() -> Option<Duration> {
    None
}
