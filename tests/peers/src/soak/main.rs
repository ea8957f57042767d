//! One adit for a long time: what it carries is compared byte by byte while its connection to the
//! gateway is cut, and its memory and descriptors are watched. Prints one JSON object; fails when a
//! byte was wrong, or when memory or descriptors grow.

#[allow(dead_code, reason = "the benchmark uses the rest")]
#[path = "../bench/cases.rs"]
mod cases;
#[allow(dead_code, reason = "the benchmark uses the rest")]
#[path = "../bench/destination.rs"]
mod destination;
mod footprint;
#[allow(dead_code, reason = "the benchmark uses the rest")]
#[path = "../bench/lab.rs"]
mod lab;
#[allow(dead_code, reason = "the benchmark uses the rest")]
#[path = "../bench/noise.rs"]
mod noise;
#[allow(dead_code, reason = "the benchmark uses the rest")]
#[path = "../bench/process.rs"]
mod process;
mod work;

use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use clap::Parser;
use serde_json::json;

use crate::cases::{Environment, Pace};
use crate::footprint::{Footprint, Idle};
use crate::lab::{BASTION, HOST, Lab, PORT};
use crate::process::Process;
use crate::work::Work;

#[derive(Parser)]
struct Args {
    /// The program.
    #[arg(long)]
    adit: PathBuf,
    /// How long it works.
    #[arg(long, default_value_t = 45)]
    minutes: u64,
    /// No pause between the messages of the bastion's agent.
    #[arg(long)]
    unpaced: bool,
    /// Between two cuts of the connection to the gateway, in seconds.
    #[arg(long, default_value_t = 60)]
    cut_s: u64,
}

/// Between two looks at the process.
const LOOK: Duration = Duration::from_secs(5);
/// What is left out at the beginning: pools and windows fill.
const WARM: u32 = 4;

fn main() -> Result<()> {
    let args = Args::parse();
    noise::prepare();
    let destination = destination::start()?;
    let pace = if args.unpaced { Pace::Off } else { Pace::Official };
    let at = Environment { pace, latency_ms: 0, tls: false };
    let lab = Lab::start(&args.adit, at, destination)?;
    let idle = footprint::idle(&args.adit, &lab)?;
    let report = soak(&args, &lab, &idle)?;
    println!("{report}");
    Ok(())
}

fn soak(args: &Args, lab: &Lab, idle: &Idle) -> Result<serde_json::Value> {
    let mut prepared = Ok(());
    let mut adit = Process::start(&args.adit, |command, _| {
        command.args(["connect", "--quiet", "--local-port", "auto", "--bastion", BASTION]);
        command.args(["--host", HOST, "--port", &PORT.to_string()]);
        prepared = lab.prepare(command);
    })?;
    prepared?;
    let (_, rest) = adit.expect_line("listening on ", Duration::from_secs(10))?;
    let address = rest.split_whitespace().next().context("no address")?.parse()?;
    let work = Arc::new(Work::start(address));
    let end = Instant::now() + Duration::from_secs(args.minutes * 60);
    let mut cut = Instant::now() + Duration::from_secs(args.cut_s);
    let (mut cuts, mut looks) = (0_u32, Vec::new());
    while Instant::now() < end {
        thread::sleep(LOOK);
        ensure!(adit.is_running(), "it has ended: {}", adit.last_words());
        work.check()?;
        looks.push(Footprint::of(adit.id())?);
        if Instant::now() >= cut {
            cut += Duration::from_secs(args.cut_s);
            cuts += 1;
            // In turn with a close and without one.
            let code = (cuts % 2 == 0).then_some(1000);
            lab.fault(&json!({ "cut": "client", "code": code }))?;
        }
    }
    let cpu_s = adit.cpu_seconds()?;
    let (down, up, pings) = work.stop()?;
    let steady = looks.get(looks.len() / WARM as usize..).unwrap_or_default();
    let (first, last) = steady.split_at(steady.len() / 2);
    let peak = |looks: &[Footprint]| looks.iter().map(|one| one.anonymous_kb).max().unwrap_or(0);
    let descriptors = |looks: &[Footprint]| looks.iter().map(|one| one.descriptors).max();
    let report = json!({
        "minutes": args.minutes, "pace": if args.unpaced { "off" } else { "official" },
        "bytes_down": down, "bytes_up": up, "pings": pings, "cuts": cuts, "cpu_s": cpu_s,
        "looks": looks.len(),
        "anonymous_kb": { "first_half": peak(first), "second_half": peak(last) },
        "descriptors": { "first_half": descriptors(first), "second_half": descriptors(last) },
        "idle": idle,
    });
    // What is in the pools when a look is taken differs; growth by an eighth is growth.
    ensure!(peak(last) <= peak(first) + peak(first) / 8, "memory grows: {report}");
    ensure!(descriptors(last) <= descriptors(first).map(|most| most + 2), "descriptors: {report}");
    Ok(report)
}
