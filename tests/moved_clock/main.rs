//! The program with a clock that tests move: for each line `+SECONDS` written to the FIFO that
//! `ADIT_TEST_CLOCK` names, its wall clock goes on by that much. It is an example, so that it is
//! built with the tests and never installed.

use std::io::{BufRead, BufReader};
use std::process::ExitCode;
use std::time::Duration;

use tokio::sync::watch;

fn main() -> ExitCode {
    let (sender, receiver) = watch::channel(Duration::ZERO);
    if let Ok(path) = std::env::var("ADIT_TEST_CLOCK") {
        std::thread::spawn(move || follow(&path, &sender));
    }
    adit::main_with(adit_aws::Clock::moved(receiver))
}

/// Moves the clock as the FIFO says. It is opened for writing too, so that a writer that goes is
/// not the end.
fn follow(path: &str, clock: &watch::Sender<Duration>) {
    let fifo = std::fs::File::options().read(true).write(true).open(path);
    let fifo = fifo.unwrap_or_else(|error| panic!("ADIT_TEST_CLOCK={path}: {error}"));
    for line in BufReader::new(fifo).lines().map_while(Result::ok) {
        let seconds = line.trim().strip_prefix('+').and_then(|text| text.parse().ok());
        let seconds = seconds.unwrap_or_else(|| panic!("not a movement: {line}"));
        clock.send_modify(|added| *added += Duration::from_secs(seconds));
    }
}
