//! The program with a clock that tests move: for each line `+SECONDS` written to the FIFO that
//! `ADIT_TEST_CLOCK` names, its wall clock goes on by that much, and a file beside the FIFO tells
//! how far it has gone by then. `ADIT_TEST_CLOCK_AHEAD` says where it begins. It is an example, so
//! that it is built with the tests and never installed.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use tokio::sync::watch;

fn main() -> ExitCode {
    let ahead = std::env::var("ADIT_TEST_CLOCK_AHEAD").ok();
    let ahead = ahead.map_or(0, |text| text.parse().expect("ADIT_TEST_CLOCK_AHEAD in seconds"));
    let (sender, receiver) = watch::channel(Duration::from_secs(ahead));
    if let Ok(path) = std::env::var("ADIT_TEST_CLOCK") {
        std::thread::spawn(move || follow(Path::new(&path), &sender));
    }
    adit::main_with(adit_aws::Clock::moved(receiver))
}

/// Moves the clock as the FIFO says. It is opened for writing too, so that a writer that goes is
/// not the end.
fn follow(path: &Path, clock: &watch::Sender<Duration>) {
    let fifo = std::fs::File::options().read(true).write(true).open(path);
    let fifo = fifo.unwrap_or_else(|error| panic!("ADIT_TEST_CLOCK={}: {error}", path.display()));
    for line in BufReader::new(fifo).lines().map_while(Result::ok) {
        let seconds = line.trim().strip_prefix('+').and_then(|text| text.parse().ok());
        let seconds = seconds.unwrap_or_else(|| panic!("not a movement: {line}"));
        clock.send_modify(|added| *added += Duration::from_secs(seconds));
        let moved_s = clock.borrow().as_secs();
        // Whoever reads it finds a whole number.
        let new = path.with_extension("new");
        std::fs::write(&new, moved_s.to_string())
            .and_then(|()| std::fs::rename(&new, path.with_extension("done")))
            .unwrap_or_else(|error| panic!("{}: {error}", new.display()));
    }
}
