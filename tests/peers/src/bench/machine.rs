//! What a figure has to be read beside: machine, programs, their size and their own start.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use serde::Serialize;

use crate::client::Programs;
use crate::results::{Summary, ms};

/// How often a program is started to see how long that takes.
const STARTS: usize = 20;

#[derive(Serialize)]
pub(crate) struct Machine {
    pub(crate) processor: String,
    pub(crate) cores: usize,
    pub(crate) kernel: String,
    /// Of the last minute, before anything was measured: other work spoils the figures.
    pub(crate) load: String,
}

#[derive(Serialize)]
pub(crate) struct Program {
    pub(crate) name: &'static str,
    pub(crate) version: String,
    pub(crate) megabytes: f64,
    pub(crate) start_ms: Vec<f64>,
}

impl Machine {
    pub(crate) fn look() -> Self {
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        let cpuinfo = read("/proc/cpuinfo");
        let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name"));
        let load = read("/proc/loadavg");
        Self {
            processor: model
                .map_or("unknown", |m| m.trim_start_matches([' ', '\t', ':']))
                .to_owned(),
            cores: std::thread::available_parallelism().map_or(0, Into::into),
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            load: load.split(' ').next().unwrap_or_default().to_owned(),
        }
    }
}

impl Program {
    pub(crate) fn all(programs: &Programs) -> Result<[Self; 2]> {
        let adit = Self::look("adit", &programs.adit, "--version", |out| out.trim().to_owned())?;
        // It knows no `--version`; its help costs as much.
        let version = format!("aws-ssm-bridge {}", locked_version("aws-ssm-bridge"));
        Ok([adit, Self::look("bridge", &programs.bridge, "--help", |_| version)?])
    }

    fn look(
        name: &'static str,
        path: &Path,
        argument: &str,
        version: impl FnOnce(&str) -> String,
    ) -> Result<Self> {
        let mut start_ms = Vec::with_capacity(STARTS);
        let mut output = Vec::new();
        for _ in 0..STARTS {
            let mut command = Command::new(path);
            command.arg(argument).env_clear().stdin(Stdio::null());
            let started = Instant::now();
            let ended = command.output().with_context(|| path.display().to_string())?;
            start_ms.push(ms(started.elapsed()));
            ensure!(ended.status.success(), "{} {argument}: {}", path.display(), ended.status);
            output = ended.stdout;
        }
        let megabytes = fs::metadata(path)?.len() as f64 / 1e6;
        let version = version(&String::from_utf8_lossy(&output));
        Ok(Self { name, version, megabytes, start_ms })
    }

    pub(crate) fn start(&self) -> Option<Summary> {
        Summary::of(&self.start_ms)
    }
}

/// The version that this workspace builds.
fn locked_version(package: &str) -> &'static str {
    let lock = include_str!("../../Cargo.lock");
    let (_, rest) =
        lock.split_once(&format!("name = \"{package}\"\nversion = \"")).unwrap_or_default();
    rest.split('"').next().unwrap_or_default()
}
