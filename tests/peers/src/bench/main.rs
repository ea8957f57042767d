//! adit beside an independent client, both through `adit lab` on this machine.

mod cases;
mod client;
mod destination;
mod gateway;
mod lab;
mod machine;
mod measure;
mod noise;
mod null_sink;
mod process;
mod report;
mod results;
mod run;

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Parser;

use crate::cases::Plan;
use crate::client::Programs;
use crate::machine::{Machine, Program};
use crate::report::Report;
use crate::run::Run;

/// Measures adit beside aws-ssm-bridge and beside a client that only acknowledges.
///
/// The tables go to standard output, the progress to standard error.
#[derive(Parser)]
struct Args {
    /// The adit to measure, which is the lab too; Cargo's release build unless given
    #[arg(long, value_name = "FILE")]
    adit: Option<PathBuf>,
    /// The other client; built with this program unless given
    #[arg(long, value_name = "FILE")]
    bridge: Option<PathBuf>,
    /// One repetition of less, in fewer environments: about three minutes
    #[arg(long)]
    quick: bool,
    /// How often everything is measured; 3, or 1 with --quick
    #[arg(long, value_name = "N")]
    repetitions: Option<usize>,
    /// Only cases whose name, as in official-20ms-tls/adit/down-8, contains this; may be repeated,
    /// then it has to contain all
    #[arg(long, value_name = "CASE")]
    only: Vec<String>,
    /// Seconds that a client has for one step before that counts as a failure
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    limit: u64,
    /// Also write every single value to FILE
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let bridge = match args.bridge {
        Some(path) => path,
        None => std::env::current_exe()?.with_file_name("bridge"),
    };
    let adit = args.adit.unwrap_or_else(|| {
        let folder = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
        PathBuf::from(folder).join("release/adit")
    });
    let programs = Programs { adit, bridge };
    let plan = Plan::new(args.quick, args.repetitions);
    let machine = Machine::look();
    let looks = Program::all(&programs)?;
    noise::prepare();
    let run = Run {
        programs: &programs,
        plan: &plan,
        destination: destination::start()?,
        limit: Duration::from_secs(args.limit),
        only: &args.only,
    };
    let results = run.run()?;
    let report = Report::new(command(), machine, looks, &plan, results);
    println!("{}", report.text(&plan.environments));
    if let Some(path) = args.json {
        let text = serde_json::to_string_pretty(&report)?;
        fs::write(&path, text).with_context(|| path.display().to_string())?;
    }
    Ok(())
}

/// The command line as it was given, but for the folder that this program is in.
fn command() -> String {
    ["bench".to_owned()].into_iter().chain(std::env::args().skip(1)).collect::<Vec<_>>().join(" ")
}
