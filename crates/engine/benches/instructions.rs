//! How many instructions the engine spends on a message, as callgrind counts them.
//!
//! The count is the same on a busy machine, so it can be a gate: more than the tolerance above the
//! figures below fails. Digests are left out, since they cost what SHA-256 costs on the machine's
//! processor: each is counted alone and subtracted. A run of few messages is subtracted from a run
//! of many, so that neither the start nor the end counts.

#![expect(clippy::print_stdout, reason = "the figures are what this is for")]

use std::path::Path;
use std::process::{Command, ExitCode};

use adit_wire::PayloadType;
use sha2::{Digest, Sha256};

#[allow(dead_code, reason = "the test uses the other part")]
#[path = "../tests/steady/mod.rs"]
mod steady;

use steady::{Driver, MESSAGES, output};

/// What a message costs, and may cost a tenth more.
const GATES: [Gate; 3] = [
    Gate { case: "receive 1 KiB", data: 1024, ack: 180, instructions: 3_175 },
    Gate { case: "send 1 KiB", data: 1024, ack: 180, instructions: 4_150 },
    Gate { case: "send 32 KiB", data: 32 << 10, ack: 180, instructions: 36_836 },
];
const TOLERANCE: f64 = 0.1;

/// Messages of the two runs.
const FEW: usize = 200;
const MANY: usize = 1200;

struct Gate {
    case: &'static str,
    /// Bytes that are digested in the data message and in its acknowledgement.
    data: usize,
    ack: usize,
    instructions: u64,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["run", case, messages] => run(case, messages.parse().expect("a number")),
        ["digest", len, messages] => {
            digest(len.parse().expect("a number"), messages.parse().expect("a number"));
        }
        // What cargo passes.
        _ => return gates(),
    }
    ExitCode::SUCCESS
}

/// Prints each figure; fails when one is above its gate.
fn gates() -> ExitCode {
    if Command::new("valgrind").arg("--version").output().is_err() {
        println!("valgrind is not installed: nothing is counted");
        let required = std::env::var_os("ADIT_TEST_REQUIRE").is_some_and(|value| value == "1");
        return if required { ExitCode::FAILURE } else { ExitCode::SUCCESS };
    }
    let mut code = ExitCode::SUCCESS;
    for gate in GATES {
        let whole = each(&["run", gate.case]);
        let digests =
            each(&["digest", &gate.data.to_string()]) + each(&["digest", &gate.ack.to_string()]);
        let found = whole.saturating_sub(digests);
        let limit = gate.instructions as f64 * (1.0 + TOLERANCE);
        let verdict = if found as f64 > limit {
            code = ExitCode::FAILURE;
            "too many"
        } else if (found as f64) < gate.instructions as f64 * (1.0 - TOLERANCE) {
            "fewer: lower the gate"
        } else {
            "ok"
        };
        println!(
            "{:<14} {found:>7} instructions a message, gate {} + 10 % ({digests} for digests beside them): {verdict}",
            gate.case, gate.instructions
        );
    }
    code
}

/// Instructions of one more message.
fn each(arguments: &[&str]) -> u64 {
    let (few, many) = (counted(arguments, FEW), counted(arguments, MANY));
    (many - few) / (MANY - FEW) as u64
}

/// Instructions of this program with these arguments.
fn counted(arguments: &[&str], messages: usize) -> u64 {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(Path::new(&std::env::current_exe().expect("this program")))
        .args(arguments)
        .arg(messages.to_string())
        .output()
        .expect("valgrind runs");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    let line = told.lines().find_map(|line| line.split_once("Collected : "));
    line.and_then(|(_, count)| count.trim().parse().ok()).unwrap_or_else(|| panic!("{told}"))
}

fn run(case: &str, messages: usize) {
    let mut driver = match case {
        "receive 1 KiB" | "send 32 KiB" => Driver::new("3.3.987.0"),
        "send 1 KiB" => Driver::new("3.0.100.0"),
        _ => panic!("no case {case}"),
    };
    for _ in 0..messages {
        if case == "receive 1 KiB" { driver.receive() } else { driver.send() }
    }
    let stats = driver.session.stats();
    let moved = if case == "receive 1 KiB" { stats.messages_in } else { stats.acks_in };
    assert!(moved >= messages as u64 && messages < MESSAGES, "{stats:?}");
    // To free what is left makes the allocator tidy up, as much in one run as it happens to be.
    std::mem::forget(driver);
}

/// What the messages spend on their digests.
fn digest(len: usize, messages: usize) {
    let message = output(0, PayloadType::Output, &vec![7; len]);
    for _ in 0..messages {
        std::hint::black_box(Sha256::digest(std::hint::black_box(&message[..len])));
    }
}
