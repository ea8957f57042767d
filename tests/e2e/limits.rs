//! Limits of tunnels, kept to the second, in a time that the tests move.

use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use serde_json::Value;
use tempfile::TempDir;

use crate::common::clock::MovedClock;
use crate::common::connect::{dial, echo};
use crate::common::lab::Lab;
use crate::common::process::{Program, adit};
use crate::common::servers::Server;
use crate::common::{BASTION, HOST};

/// How far the time moves at once: less than what signatures may be off, since the lab is moved
/// before the program is.
const STEP: Duration = Duration::from_mins(4);

/// How late an end may be.
const LATE: Duration = Duration::from_secs(1);

/// A tunnel of a program whose clock the test moves, with a client in it.
struct Tunnel<'a> {
    lab: &'a Lab,
    program: Program,
    clock: MovedClock,
    stream: TcpStream,
    /// By the program's clock; it was opened between the two.
    opened: [SystemTime; 2],
    home: TempDir,
}

impl<'a> Tunnel<'a> {
    fn open(lab: &'a Lab, limits: &[&str]) -> Self {
        let home = tempfile::tempdir().expect("a temporary folder");
        let clock = MovedClock::new();
        let mut command = clock.program(home.path());
        lab.credentials(&mut command);
        command
            .args(["connect", "--json", "--endpoint-url", &lab.endpoint(), "--bastion", BASTION])
            .args(["--host", HOST, "--port", "5432", "--local-port", "auto"])
            .args(limits);
        let before = SystemTime::now();
        let program = Program::start(&mut command);
        let ready = event(&program, |event| event["event"] == "ready");
        let opened = [before, SystemTime::now()];
        let address: SocketAddr =
            ready["address"].as_str().expect("an address").parse().expect("an address");
        Self { lab, program, clock, stream: dial(address), opened, home }
    }

    fn now(&self) -> SystemTime {
        SystemTime::now() + self.clock.moved()
    }

    fn advance(&self, by: Duration) {
        self.lab.advance(by.as_secs() * 1000);
        self.clock.advance(by.as_secs());
    }

    /// Moves the time to `remaining` before a moment, a step after the other, with words through the
    /// tunnel after each where it `is_used`.
    fn to(&mut self, moment: SystemTime, remaining: Duration, is_used: bool) {
        while let Ok(left) = (moment - remaining).duration_since(self.now()) {
            self.advance(left.min(STEP).max(Duration::from_secs(1)));
            if is_used {
                echo(&mut self.stream, b"on");
            }
        }
    }

    fn expect_warning(&self, limit: &str, minutes: u64) {
        event(&self.program, |event| {
            let left = event["remaining_s"].as_u64();
            event["limit"] == limit
                && left.is_some_and(|left| left <= minutes * 60 && left + 60 > minutes * 60 - 60)
        });
    }

    /// Waits for the end, which comes by a limit at one of the moments between these or within a
    /// second, and never before.
    fn expect_end(mut self, cause: &str, code: i32, [first, last]: [SystemTime; 2]) {
        let ended = event(&self.program, |event| event["event"] == "ended");
        assert_eq!(ended["cause"], cause);
        let at: Timestamp = ended["time"].as_str().expect("a time").parse().expect("a time");
        let at = SystemTime::from(at) + self.clock.moved();
        // Events tell whole milliseconds.
        let early = (first - Duration::from_millis(1)).duration_since(at);
        assert!(early.is_err(), "{early:?} too early");
        let late = at.duration_since(last).unwrap_or_default();
        assert!(late < LATE, "{late:?} late");
        assert_eq!(self.program.wait().code(), Some(code), "{}", self.program.stderr());
        self.lab.expect_nothing_left();
    }

    /// `adit extend` in another terminal.
    fn extend(&self, arguments: &[&str]) -> Option<i32> {
        let mut command: Command = adit(self.home.path());
        command.arg("extend").args(arguments);
        Program::start(&mut command).wait().code()
    }
}

fn event(program: &Program, is: impl Fn(&Value) -> bool) -> Value {
    program.expect_line("an event", |line| {
        let event = serde_json::from_str(line).expect("JSON");
        is(&event).then_some(event)
    })
}

fn minutes(count: u64) -> Duration {
    Duration::from_mins(count)
}

#[test]
fn an_idle_tunnel_is_closed_when_it_has_been_idle_for_its_limit() {
    let server = Server::echo();
    let lab = Lab::builder().unpaced().serve(&server).start();
    let mut tunnel = Tunnel::open(&lab, &["--idle-timeout", "15m"]);
    // Whoever uses it is not idle, for as long as they like.
    tunnel.to(tunnel.opened[1] + minutes(60), Duration::ZERO, true);
    let before = tunnel.now();
    echo(&mut tunnel.stream, b"the last words");
    let last = [before, tunnel.now()].map(|moment| moment + minutes(15));
    tunnel.to(last[0], minutes(4), false);
    tunnel.expect_warning("idle", 5);
    tunnel.to(last[0], Duration::from_secs(50), false);
    tunnel.expect_warning("idle", 1);
    // The last seconds pass by themselves.
    tunnel.to(last[0], Duration::from_secs(5), false);
    tunnel.expect_end("idle_limit", 12, last);
}

#[test]
fn the_maximum_holds_whatever_moves_and_goes_as_far_as_it_is_extended() {
    let server = Server::echo();
    let lab = Lab::builder().unpaced().serve(&server).start();
    let limits = ["--max-duration", "1h", "--max-duration-ceiling", "150m"];
    let mut tunnel = Tunnel::open(&lab, &limits);
    let [first, last] = tunnel.opened;
    tunnel.to(first + minutes(60), minutes(4), true);
    tunnel.expect_warning("maximum", 5);
    assert_eq!(tunnel.extend(&[]), Some(0));
    let event_of = |tunnel: &Tunnel<'_>, by_s: u64| {
        event(&tunnel.program, |event| event["event"] == "extended" && event["by_s"] == by_s)
    };
    assert_eq!(event_of(&tunnel, 3600)["cut"], false);
    // It goes on beyond its first end.
    tunnel.to(last + minutes(70), Duration::ZERO, true);
    assert_eq!(tunnel.extend(&["--by", "1h"]), Some(0));
    assert_eq!(event_of(&tunnel, 1800)["cut"], true);
    assert_eq!(tunnel.extend(&["--by", "1h"]), Some(13));
    tunnel.to(first + minutes(150), Duration::from_secs(50), true);
    tunnel.expect_warning("maximum", 1);
    tunnel.to(first + minutes(150), Duration::from_secs(5), true);
    tunnel.expect_end("maximum_limit", 13, [first, last].map(|moment| moment + minutes(150)));
}
