//! The program with what tests change about its world, and the installed one goes by as it is. It is
//! an example, so that it is built with the tests and never installed.
//!
//! - Its wall clock: for each line `+SECONDS` written to the FIFO that `ADIT_TEST_CLOCK` names, it
//!   goes on by that much, and a file beside the FIFO tells how far it has gone by then.
//!   `ADIT_TEST_CLOCK_AHEAD` says where it begins.
//! - With `ADIT_TEST_SLEEPS` each such movement counts as time that the machine has slept.
//! - `ADIT_TEST_TIMES` has times of tunnels in milliseconds, such as `silence=1000,rollover=500`.
//! - `ADIT_TEST_WITHOUT` names what is not done about faults, such as `replace,hold`.

use std::env::var;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use adit::World;
use adit_aws::Clock;
use adit_tunnel::{Handling, SuspendClock, TunnelOptions};
use tokio::sync::watch;

/// So long that it never comes.
const NEVER: Duration = Duration::from_hours(1000);

fn main() -> ExitCode {
    let ahead = var("ADIT_TEST_CLOCK_AHEAD").ok();
    let ahead = ahead.map_or(0, |text| text.parse().expect("ADIT_TEST_CLOCK_AHEAD in seconds"));
    let (sender, receiver) = watch::channel(Duration::from_secs(ahead));
    if let Ok(path) = var("ADIT_TEST_CLOCK") {
        std::thread::spawn(move || follow(Path::new(&path), &sender));
    }
    let without: Vec<Handling> = listed("ADIT_TEST_WITHOUT")
        .iter()
        .map(|name| name.parse().unwrap_or_else(|error| panic!("ADIT_TEST_WITHOUT: {error}")))
        .collect();
    let sleeps = var("ADIT_TEST_SLEEPS").is_ok() && !without.contains(&Handling::Suspend);
    let moved = receiver.clone();
    let limits = if without.contains(&Handling::Suspend) {
        SuspendClock::from_fn(|| Duration::ZERO)
    } else {
        SuspendClock::from_fn(move || *moved.borrow())
    };
    let suspend = if sleeps {
        let moved = receiver.clone();
        SuspendClock::from_fn(move || *moved.borrow())
    } else if without.contains(&Handling::Suspend) {
        SuspendClock::from_fn(|| Duration::ZERO)
    } else {
        SuspendClock::system()
    };
    let times = listed("ADIT_TEST_TIMES");
    let world = World::of(Clock::moved(receiver), suspend).limited(limits);
    adit::main_with(world.tuned(move |options| {
        for time in &times {
            set(options, time);
        }
        for handling in &without {
            leave_out(options, *handling);
        }
    }))
}

/// The words of a variable.
fn listed(variable: &str) -> Vec<String> {
    let text = var(variable).unwrap_or_default();
    text.split(',').filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// Sets one time of a tunnel.
fn set(options: &mut TunnelOptions, time: &str) {
    let (name, millis) = time.split_once('=').unwrap_or_else(|| panic!("ADIT_TEST_TIMES: {time}"));
    let millis = millis.parse().unwrap_or_else(|_| panic!("ADIT_TEST_TIMES: {time}"));
    let span = Duration::from_millis(millis);
    match name {
        "silence" => options.silence_limit = span,
        "ping" => options.ping_interval = span,
        "rollover" => {
            options.rollover = Some(span);
            // The seed spreads it over two minutes.
            options.seed -= options.seed % 120;
        }
        "away" => options.away_limit = span,
        "connect" => options.dial.connect_timeout = span,
        "handshake" => options.dial.handshake_timeout = span,
        _ => panic!("ADIT_TEST_TIMES: no time is called {name:?}"),
    }
}

/// Leaves out what is done about a fault: by its option, where it has one.
fn leave_out(options: &mut TunnelOptions, handling: Handling) {
    match handling {
        Handling::Retry => {
            options.resume_budget = Duration::ZERO;
            options.start_budget = Duration::ZERO;
        }
        Handling::Hold => options.hold = Duration::ZERO,
        Handling::Silence => options.silence_limit = NEVER,
        Handling::Rollover => options.rollover = None,
        other => options.without = options.without.and(other),
    }
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
