//! Running many seeds, on several threads, and lists of seeds that failed once.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use crate::chance::{Length, scenario};
use crate::oracle::Violation;
use crate::world::{Totals, World};

/// What many runs add up to.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Sum {
    /// Seeds that were run.
    pub seeds: u64,
    /// Seeds after which nothing was left to do.
    pub complete: u64,
    /// Their sums.
    pub totals: Totals,
    /// What was wrong, by seed.
    pub violations: Vec<(u64, Violation)>,
}

impl Sum {
    fn add(&mut self, other: &Totals) {
        let Totals {
            steps,
            time,
            bytes,
            cuts,
            resumes,
            rollovers,
            replacements,
            tunnels,
            client_resends,
            peer_resends,
            lost,
            ended,
            broken,
        } = other;
        let sum = &mut self.totals;
        sum.steps += steps;
        sum.time += *time;
        sum.bytes += bytes;
        sum.cuts += cuts;
        sum.resumes += resumes;
        sum.rollovers += rollovers;
        sum.replacements += replacements;
        sum.tunnels += tunnels;
        sum.client_resends += client_resends;
        sum.peer_resends += peer_resends;
        sum.lost += lost;
        sum.ended += ended;
        sum.broken += broken;
    }

    /// As a line of JSON.
    pub fn json(&self) -> String {
        let it = &self.totals;
        serde_json::json!({
            "seeds": self.seeds,
            "complete": self.complete,
            "steps": it.steps,
            "virtual_hours": it.time.as_secs() as f64 / 3600.0,
            "bytes": it.bytes,
            "cuts": it.cuts,
            "resumes": it.resumes,
            "rollovers": it.rollovers,
            "replacements": it.replacements,
            "tunnels_over": it.tunnels,
            "resent_by_client": it.client_resends,
            "resent_by_agent": it.peer_resends,
            "lost_by_network": it.lost,
            "streams_ended": it.ended,
            "streams_broken_off": it.broken,
            "violations": self.violations.len(),
        })
        .to_string()
    }
}

/// Runs the seeds from `from` to below `to`, on so many threads. A few violations end it.
pub fn run(from: u64, to: u64, length: Length, threads: usize) -> Sum {
    const ENOUGH: usize = 5;
    let next = AtomicU64::new(from);
    let sum = Mutex::new(Sum::default());
    let work = || loop {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if seed >= to {
            return;
        }
        let report = World::run(scenario(seed, length));
        let Ok(mut sum) = sum.lock() else { return };
        sum.seeds += 1;
        sum.complete += u64::from(report.is_complete);
        sum.add(&report.totals);
        sum.violations.extend(report.violation.map(|violation| (seed, violation)));
        if sum.violations.len() >= ENOUGH {
            return;
        }
    };
    thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(work);
        }
    });
    let mut sum = sum.into_inner().unwrap_or_default();
    sum.violations.sort_by_key(|(seed, _)| *seed);
    sum
}

/// Reads a list of seeds: a line has `steps N seed S` or `hours H seed S`, then what it was.
pub fn parse(list: &str) -> Result<Vec<(u64, Length)>, String> {
    list.lines()
        .map(|line| line.split('#').next().unwrap_or_default().trim())
        .filter(|line| !line.is_empty())
        .map(|line| {
            let wrong = || format!("not a seed: {line:?}");
            let words: Vec<&str> = line.split_whitespace().collect();
            let [unit, length, "seed", seed] = words[..] else { return Err(wrong()) };
            let length = length.parse().map_err(|_| wrong())?;
            let length = match unit {
                "steps" => Length::Steps(length),
                "hours" => Length::Hours(length),
                _ => return Err(wrong()),
            };
            Ok((seed.parse().map_err(|_| wrong())?, length))
        })
        .collect()
}
