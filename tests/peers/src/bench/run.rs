//! The order of things: each client through its stages, failures included.

use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::cases::{Client, Environment, Plan, SMALL_PAYLOAD, Stage, Way};
use crate::client::{Programs, Tunnel};
use crate::lab::Lab;
use crate::results::{Failure, Results, ms, percentile};
use crate::{measure, null_sink};

pub(crate) struct Run<'a> {
    pub(crate) programs: &'a Programs,
    pub(crate) plan: &'a Plan,
    pub(crate) destination: SocketAddr,
    /// The longest that one step of a stage may take.
    pub(crate) limit: Duration,
    /// A case runs if its name, as in `off-0ms-tls/adit/up-1`, contains all of these.
    pub(crate) only: &'a [String],
}

/// How long a tunnel is left alone before anything but its start is measured.
const SETTLE: Duration = Duration::from_millis(300);

/// What is sent through a fresh tunnel.
const FRESH: u64 = 8_000_000;

/// What adit sends before it is measured with small payloads: far more than the 64 KiB after which
/// it probes for larger ones, so that its end is behind the probe's.
const PROBING: u64 = 1_000_000;

/// One client in one environment.
struct Visit<'a> {
    run: &'a Run<'a>,
    environment: Environment,
    client: Client,
    lab: Lab,
    /// Lives on from stage to stage; after a failure a new one is started.
    tunnel: Option<Tunnel>,
}

impl Run<'_> {
    /// Goes through everything; clients take turns, so that what else the machine does meets all.
    pub(crate) fn run(&self) -> Result<Results> {
        let mut results = Results::default();
        for repetition in 1..=self.plan.repetitions {
            for &environment in &self.plan.environments {
                for client in Client::ALL {
                    let stages: Vec<Stage> = client
                        .stages()
                        .into_iter()
                        .filter(|stage| self.wants(&format!("{environment}/{client}/{stage}")))
                        .collect();
                    if !stages.is_empty() {
                        eprintln!("repetition {repetition}: {environment}/{client}");
                        self.visit(environment, client, &stages, &mut results)?;
                    }
                }
            }
        }
        Ok(results)
    }

    fn wants(&self, case: &str) -> bool {
        self.only.iter().all(|part| case.contains(part))
    }

    fn visit(
        &self,
        environment: Environment,
        client: Client,
        stages: &[Stage],
        results: &mut Results,
    ) -> Result<()> {
        let lab = Lab::start(&self.programs.adit, environment, self.destination)?;
        if client == Client::AditSmall {
            lab.limit_input(SMALL_PAYLOAD)?;
        }
        let mut visit = Visit { run: self, environment, client, lab, tunnel: None };
        for stage in stages {
            let mut values = Vec::new();
            let outcome = visit.stage(*stage, &mut values);
            for (measure, value) in values {
                results.add(&environment.to_string(), &client.to_string(), measure, value);
            }
            if let Err(error) = outcome {
                eprintln!("  {stage}: {error:#}");
                visit.tunnel = None;
                results.failures.push(Failure {
                    environment: environment.to_string(),
                    client: client.to_string(),
                    stage: stage.to_string(),
                    cause: format!("{error:#}"),
                });
            }
        }
        Ok(())
    }
}

type Values = Vec<(&'static str, f64)>;

impl Visit<'_> {
    fn stage(&mut self, stage: Stage, values: &mut Values) -> Result<()> {
        let Run { plan, limit, .. } = *self.run;
        let pace = self.environment.pace;
        match stage {
            Stage::Start => self.start(values)?,
            Stage::Fresh => self.fresh(values)?,
            Stage::Ping => {
                let times = match self.client {
                    Client::NullSink => null_sink::pings(&self.lab, plan.pings)?,
                    _ => measure::pings(self.tunnel()?.address, plan.pings)?,
                };
                values.push(("ping p50, ms", percentile(&times, 0.5)));
                values.push(("ping p99, ms", percentile(&times, 0.99)));
            }
            Stage::Beside => {
                let address = self.tunnel()?.address;
                let times = measure::pings_beside(address, true, plan.beside(pace), limit)?;
                values.push(("ping beside bulk p50, ms", percentile(&times, 0.5)));
                values.push(("ping beside bulk p99, ms", percentile(&times, 0.99)));
            }
            Stage::BesideDown => {
                let address = self.tunnel()?.address;
                let times = measure::pings_beside(address, false, plan.beside(pace), limit)?;
                values.push(("ping beside a download p50, ms", percentile(&times, 0.5)));
                values.push(("ping beside a download p99, ms", percentile(&times, 0.99)));
            }
            Stage::Transfer(way, connections) => self.transfer(way, connections, values)?,
        }
        Ok(())
    }

    fn start(&mut self, values: &mut Values) -> Result<()> {
        for _ in 0..self.run.plan.starts {
            let tunnel = self.new_tunnel()?;
            values.push(("ready, ms", ms(tunnel.ready)));
            let first = measure::first_byte(tunnel.address)?;
            values.push(("first byte, ms", ms(first)));
            values.push(("start to first byte, ms", ms(tunnel.ready + first)));
            self.tunnel = Some(tunnel);
        }
        Ok(())
    }

    fn fresh(&mut self, values: &mut Values) -> Result<()> {
        for _ in 0..self.run.plan.starts {
            self.tunnel = None;
            let limit = self.run.limit;
            let time = measure::time_up(self.tunnel()?.address, FRESH, limit)?;
            values.push(("8 MB up, fresh tunnel, ms", ms(time)));
        }
        Ok(())
    }

    fn transfer(&mut self, way: Way, connections: u64, values: &mut Values) -> Result<()> {
        let Run { plan, limit, .. } = *self.run;
        let total = plan.bytes(self.environment.pace, way, connections);
        let rate_name = match (way, connections) {
            (Way::Down, 1) => "down, 1 connection, MB/s",
            (Way::Down, _) => "down, 8 connections, MB/s",
            (Way::Up, 1) => "up, 1 connection, MB/s",
            (Way::Up, _) => "up, 8 connections, MB/s",
        };
        if self.client == Client::NullSink {
            let rate = null_sink::download(&self.lab, connections, total, limit)?;
            values.push((rate_name, rate / 1e6));
            return Ok(());
        }
        let tunnel = self.tunnel()?;
        let before = tunnel.process.cpu_seconds()?;
        let rate = measure::transfer(tunnel.address, way, connections, total, limit)?;
        let used = tunnel.process.cpu_seconds()? - before;
        values.push((rate_name, rate / 1e6));
        if connections > 1 {
            let name = match way {
                Way::Down => "client CPU down, 8 connections, s/GB",
                Way::Up => "client CPU up, 8 connections, s/GB",
            };
            values.push((name, used / (total as f64 / 1e9)));
        }
        if connections == 1 {
            let name = match way {
                Way::Down => "client CPU down, s/GB",
                Way::Up => "client CPU up, s/GB",
            };
            values.push((name, used / (total as f64 / 1e9)));
        } else {
            // An upload is kept until it is acknowledged; a download is not.
            let name = match way {
                Way::Down => "peak memory after 8 downloads, MB",
                Way::Up => "peak memory after 8 uploads, MB",
            };
            values.push((name, tunnel.process.peak_megabytes()?));
        }
        if way == Way::Up && connections > 1 {
            values.push(("payload up, bytes", self.lab.count("largest_input")?));
        }
        Ok(())
    }

    /// The running tunnel, or a new one that had time to settle: data that comes right after the
    /// handshake can be lost on the agent's side, which the first stage is there to show.
    fn tunnel(&mut self) -> Result<&Tunnel> {
        if self.tunnel.is_none() {
            let tunnel = self.new_tunnel()?;
            thread::sleep(SETTLE);
            if self.client == Client::AditSmall {
                let limit = self.run.limit;
                measure::time_up(tunnel.address, PROBING, limit)
                    .context("before the probe's end")?;
            }
            self.tunnel = Some(tunnel);
        }
        self.tunnel.as_ref().context("a tunnel")
    }

    fn new_tunnel(&self) -> Result<Tunnel> {
        self.run.programs.start(self.client, &self.lab, self.run.limit)
    }
}
