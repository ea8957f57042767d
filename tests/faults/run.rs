//! Plays a row, and checks all that it says.

use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use crate::row::{Connections, End, Miss, Moment, Outcome, Row, Streams};
use crate::stage::{Setup, Stage};
use crate::traffic::{Ended, Flow, LONG, Round, SHORT};

/// How long a row has that is to fail: most do so at once.
const QUICK: Duration = Duration::from_secs(8);
/// What has come down when a fault meets a round.
const UNDER_WAY: u64 = 48 << 10;
/// What is told of streams and sessions, and on the way to the tunnel.
const LEFT_OUT: [&str; 8] =
    ["starting", "session", "bastion", "ready", "opened", "closed", "rejected", "message"];
/// Codes of the program that was asked to end.
const INTERRUPTED: i32 = 130;

/// Plays a row; with something left out, it is expected to fail.
pub(crate) fn play(row: &Row, without: Option<&'static str>) -> Result<(), Miss> {
    let mut stage = Stage::of((row.set_up)(Setup::default()), without).map_err(Miss::Setup)?;
    let played = Play { row, is_quick: without.is_some() }.all(&mut stage);
    played.map_err(|miss| {
        let said = |text| format!("{text}\n{}", stage.said());
        match miss {
            Miss::Setup(text) => Miss::Setup(said(text)),
            Miss::Row(text) => Miss::Row(said(text)),
        }
    })
}

struct Play<'a> {
    row: &'a Row,
    is_quick: bool,
}

/// The stream that is open when the fault comes.
enum Open {
    None,
    Quiet(Flow),
    Busy(JoinHandle<Ended>),
}

impl Play<'_> {
    fn all(&self, stage: &mut Stage) -> Result<(), Miss> {
        let open = if self.row.moment == Moment::Start {
            self.begin(stage);
            self.start(stage).map_err(Miss::Row)?;
            Open::None
        } else {
            let open = self.before(stage).map_err(Miss::Setup)?;
            stage.mark();
            self.begin(stage);
            (self.row.fault)(stage).map_err(Miss::Row)?;
            open
        };
        self.after(stage, open).map_err(Miss::Row)
    }

    /// From here on time counts.
    fn begin(&self, stage: &mut Stage) {
        let bound = Duration::from_secs(self.row.within_s);
        stage.deadline = Instant::now() + if self.is_quick { bound.min(QUICK) } else { bound };
    }

    /// The fault comes first.
    fn start(&self, stage: &mut Stage) -> Outcome {
        (self.row.fault)(stage)?;
        stage.start();
        if self.row.end != End::Open {
            return Ok(());
        }
        let early = if stage.setup.early {
            // Whoever is early waits in the listener's backlog.
            let mut flow =
                stage.until("the listener", |stage| Flow::open(stage.address(), 7).ok())?;
            let deadline = stage.deadline;
            Some(std::thread::spawn(move || flow.round(SHORT, deadline)))
        } else {
            None
        };
        if self.row.connections == Connections::Held {
            (self.row.mend)(stage)?;
        }
        stage.ready()?;
        match early.map(|early| early.join().expect("no panic")) {
            None | Some(Ended::Whole) => Ok(()),
            Some(ended) => Err(format!("the early connection: {ended:?}")),
        }
    }

    /// Opens the tunnel, and a stream.
    fn before(&self, stage: &mut Stage) -> Outcome<Open> {
        stage.start();
        stage.ready()?;
        let open = |stage: &Stage| Flow::open(stage.address(), 1).map_err(|e| e.to_string());
        let deadline = stage.deadline;
        let mut flow = open(stage)?;
        if self.row.moment == Moment::UnderWay {
            let moved = flow.moved();
            // It may go on for as long as the row and all that was before it.
            let deadline = deadline + Duration::from_secs(self.row.within_s);
            let busy = std::thread::spawn(move || flow.round(LONG, deadline));
            stage.until("bytes to be under way", |_| {
                (moved.load(Ordering::SeqCst) >= UNDER_WAY).then_some(())
            })?;
            return Ok(Open::Busy(busy));
        }
        let ended = flow.round(SHORT, deadline);
        if ended != Ended::Whole {
            return Err(format!("before the fault: {ended:?}"));
        }
        if self.row.moment == Moment::Quiet {
            return Ok(Open::Quiet(flow));
        }
        flow.farewell(deadline)?;
        stage
            .until("the stream to be closed", |stage| (stage.count("closed") > 0).then_some(()))?;
        Ok(Open::None)
    }

    /// All that follows.
    fn after(&self, stage: &mut Stage, open: Open) -> Outcome {
        let row = self.row;
        if row.connections == Connections::Held && row.moment != Moment::Start {
            let probe = probe(stage, SHORT);
            if probe.is_finished() {
                return Err("a new connection did not wait".to_owned());
            }
            (row.mend)(stage)?;
            whole("a held connection", probe.join().expect("no panic"))?;
        } else if let (End::Open, Connections::Served) = (row.end, row.connections) {
            whole("a new connection", probe(stage, SHORT).join().expect("no panic"))?;
            (row.mend)(stage)?;
        } else if let Connections::TurnedAway(cause) = row.connections {
            Self::turned_away(stage, cause)?;
            (row.mend)(stage)?;
        }
        self.streams(stage, open)?;
        match row.end {
            End::Open => self.still_open(stage),
            End::Exit(code) => self.exits(stage, code),
        }?;
        stage.destination.check()?;
        stage.other.check()
    }

    fn turned_away(stage: &mut Stage, cause: &str) -> Outcome {
        Flow::turned_away(stage.address(), 5, stage.deadline)?;
        let kind = if cause == "no_session" { "rejected" } else { "closed" };
        stage.until(&format!("{kind} for {cause}"), |stage| {
            let is_it = |event: &Value| event["event"] == kind && event["cause"] == cause;
            stage.events().iter().any(is_it).then_some(())
        })
    }

    /// The streams that were open.
    fn streams(&self, stage: &mut Stage, open: Open) -> Outcome {
        let ended = match open {
            Open::None => return Ok(()),
            Open::Busy(busy) => {
                stage.until("the open stream", |_| busy.is_finished().then_some(()))?;
                busy.join().expect("no panic")
            }
            Open::Quiet(mut flow) => flow.round(SHORT, stage.deadline),
        };
        match (self.row.streams, ended) {
            (Streams::Survive, ended) => whole("the open stream", ended),
            (Streams::Closed(cause), Ended::Broken { .. }) => stage
                .until("the stream's end to be told", |stage| {
                    stage.events().into_iter().find(|event| event["event"] == "closed")
                })
                .and_then(|closed| {
                    let is_it = closed["cause"] == cause;
                    if is_it { Ok(()) } else { Err(format!("not for {cause}: {closed}")) }
                }),
            (streams, ended) => Err(format!("the open stream: {ended:?}, not {streams:?}")),
        }
    }

    fn still_open(&self, stage: &mut Stage) -> Outcome {
        whole("a connection in the end", probe(stage, SHORT).join().expect("no panic"))?;
        if stage.is_over() != Some(false) {
            return Err("the program has ended".to_owned());
        }
        self.events(stage, None)?;
        let told = stage.events().len();
        stage.signal(Signal::INT);
        stage.deadline += Duration::from_secs(20);
        stage.until("the end", |stage| (stage.is_over() == Some(true)).then_some(()))?;
        let code = stage.program.as_mut().and_then(|program| program.wait().code());
        if code != Some(INTERRUPTED) {
            return Err(format!("ended with {code:?}"));
        }
        let more: Vec<Value> = stage.events().split_off(told);
        let is_ended = |event: &Value| event["event"] == "ended";
        if !more.iter().any(is_ended) {
            return Err("its end was not told".to_owned());
        }
        Ok(())
    }

    /// Ends with this code, and listens no more; run again after the fault, it serves.
    fn exits(&self, stage: &mut Stage, code: i32) -> Outcome {
        stage.until("the end", |stage| (stage.is_over() == Some(true)).then_some(()))?;
        let ended = stage.program.as_mut().and_then(|program| program.wait().code());
        if ended != Some(code) {
            return Err(format!("ended with {ended:?}, not {code}"));
        }
        if self.row.connections == Connections::Refused && Flow::open(stage.address(), 3).is_ok() {
            return Err("somebody still listens".to_owned());
        }
        self.events(stage, Some(code))?;
        (self.row.mend)(stage)?;
        stage.start();
        stage.deadline += Duration::from_secs(20);
        stage.ready()?;
        whole("a connection of the next run", probe(stage, SHORT).join().expect("no panic"))
    }

    /// What was told, in order.
    fn events(&self, stage: &mut Stage, code: Option<i32>) -> Outcome {
        let events = stage.events();
        let kinds = events.iter().filter_map(|event| event["event"].as_str());
        let mut told: Vec<&str> = kinds.filter(|kind| !LEFT_OUT.contains(kind)).collect();
        told.dedup();
        if told != self.row.events {
            return Err(format!("told {told:?}, not {:?}", self.row.events));
        }
        let error = events.iter().find(|event| event["event"] == "error");
        match (code, error) {
            (Some(code), Some(error)) if error["code"] != code => Err(format!("told {error}")),
            _ => Ok(()),
        }
    }
}

fn whole(what: &str, ended: Ended) -> Outcome {
    if ended == Ended::Whole { Ok(()) } else { Err(format!("{what}: {ended:?}")) }
}

/// A new connection, and a round on it.
fn probe(stage: &Stage, round: Round) -> JoinHandle<Ended> {
    let (address, deadline) = (stage.address(), stage.deadline);
    std::thread::spawn(move || match Flow::open(address, 2) {
        Ok(mut flow) => flow.round(round, deadline),
        Err(_) => Ended::Broken { after: 0 },
    })
}
