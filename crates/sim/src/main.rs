//! Runs many seeds of the simulation: `adit-sim --seeds 0..1000 --steps 2000 --threads 2`.
//!
//! Prints one line of JSON. A failure prints its seed, the smallest scenario found that still
//! fails, and what happened in it, and the exit code is 1.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for people")]

use std::ops::Range;
use std::process::ExitCode;

use adit_sim::chance::{Length, scenario};
use adit_sim::{seeds, shrink};

const USAGE: &str = "usage: adit-sim --seeds A..B (--steps N | --hours H) [--threads T]";

struct Arguments {
    seeds: Range<u64>,
    length: Length,
    threads: usize,
}

fn arguments(mut words: impl Iterator<Item = String>) -> Option<Arguments> {
    let mut arguments = Arguments { seeds: 0..100, length: Length::Steps(2000), threads: 2 };
    while let Some(name) = words.next() {
        let value = words.next()?;
        match &*name {
            "--seeds" => {
                let (from, to) = value.split_once("..")?;
                arguments.seeds = from.parse().ok()?..to.parse().ok()?;
            }
            "--steps" => arguments.length = Length::Steps(value.parse().ok()?),
            "--hours" => arguments.length = Length::Hours(value.parse().ok()?),
            "--threads" => arguments.threads = value.parse().ok()?,
            _ => return None,
        }
    }
    Some(arguments)
}

fn main() -> ExitCode {
    let Some(Arguments { seeds: Range { start, end }, length, threads }) =
        arguments(std::env::args().skip(1))
    else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let sum = seeds::run(start, end, length, threads);
    println!("{}", sum.json());
    for (seed, violation) in &sum.violations {
        println!("seed {seed}, {length:?}: {violation}");
    }
    let Some((seed, _)) = sum.violations.first() else { return ExitCode::SUCCESS };
    if let Some((small, report)) = shrink::shrink(&scenario(*seed, length)) {
        println!("seed {seed} made smaller: {small:#?}");
        println!("{}", report.trace);
        if let Some(violation) = report.violation {
            println!("{violation}");
        }
    }
    ExitCode::FAILURE
}
