//! When a host stops itself, and when it does not.

use crate::host::{Host, Look, options};
use crate::stories::Story;

pub(crate) const STORIES: &[Story] = &[
    (
        "without_sessions_it_stops_after_the_idle_time",
        without_sessions_it_stops_after_the_idle_time,
    ),
    ("it_never_stops_soon_after_a_boot", it_never_stops_soon_after_a_boot),
    ("a_session_that_moves_bytes_keeps_it_running", a_session_that_moves_bytes_keeps_it_running),
    ("a_byte_now_and_then_is_enough", a_byte_now_and_then_is_enough),
    ("a_worker_that_outlived_its_client_does_not", a_worker_that_outlived_its_client_does_not),
    ("a_worker_that_has_just_begun_does", a_worker_that_has_just_begun_does),
    ("a_websocket_that_is_replaced_is_no_traffic", a_websocket_that_is_replaced_is_no_traffic),
    ("sessions_over_ipv6_count", sessions_over_ipv6_count),
    ("other_processes_do_not_count", other_processes_do_not_count),
    ("what_the_last_look_missed_counts_later", what_the_last_look_missed_counts_later),
    ("errors_keep_it_running_and_are_told_once", errors_keep_it_running_and_are_told_once),
    ("after_errors_the_idle_time_is_counted_anew", after_errors_the_idle_time_is_counted_anew),
    ("a_spoilt_memory_is_an_error", a_spoilt_memory_is_an_error),
    ("a_boot_begins_anew", a_boot_begins_anew),
    ("an_agent_that_was_refused_is_started_again", an_agent_that_was_refused_is_started_again),
];

/// What the pings of an idle session bring in a minute at most: two answers, in TLS 1.2.
const PONGS: usize = 80;
/// The shortest message of a client in TLS 1.3, with the answer to a ping.
const MESSAGE: usize = 155 + 33;

/// The idle time of most hosts here, in seconds.
const IDLE: u32 = 10 * 60;

fn without_patching(idle_minutes: u16) -> Host {
    Host::new(&options(idle_minutes, false))
}

/// A look each minute, from the one after `after` until it stops; the time of that.
fn stops_after(host: &Host, after: u32, mut each_minute: impl FnMut()) -> u32 {
    for minute in 1..=20 {
        each_minute();
        let look = host.look(after + minute * 60);
        if look.stops() {
            return after + minute * 60;
        }
        assert!(look.is_quiet(), "{look:?}");
    }
    panic!("it runs on");
}

fn keeps_running(host: &Host, after: u32, mut each_minute: impl FnMut()) {
    for minute in 1..=15 {
        each_minute();
        let look = host.look(after + minute * 60);
        assert!(look.is_quiet(), "minute {minute}: {look:?}");
    }
}

fn without_sessions_it_stops_after_the_idle_time() {
    let host = without_patching(10);
    assert!(host.look(70).is_quiet());
    assert_eq!(stops_after(&host, 70, || {}), 70 + IDLE);
}

fn it_never_stops_soon_after_a_boot() {
    let host = without_patching(1);
    assert!(host.look(60).is_quiet());
    assert_eq!(stops_after(&host, 60, || {}), 600);
}

fn a_session_that_moves_bytes_keeps_it_running() {
    let host = without_patching(10);
    let mut worker = host.worker();
    keeps_running(&host, 60, || worker.receive(5_000));
    let Look { said, calls } = host.look(60 + 15 * 60 + IDLE);
    assert_eq!(calls, ["systemctl poweroff"]);
    assert_eq!(said, "<5>no session has moved bytes for 10 min, so this host is stopped\n");
}

fn a_byte_now_and_then_is_enough() {
    let host = without_patching(5);
    let mut worker = host.worker();
    let mut minute = 0;
    keeps_running(&host, 600, || {
        minute += 1;
        worker.receive(if minute % 4 == 0 { MESSAGE } else { PONGS });
    });
}

fn a_worker_that_outlived_its_client_does_not() {
    let host = without_patching(10);
    let mut worker = host.worker();
    worker.receive(9_000);
    assert!(host.look(600).is_quiet());
    assert_eq!(stops_after(&host, 600, || worker.receive(PONGS)), 600 + IDLE);
}

fn a_worker_that_has_just_begun_does() {
    let host = without_patching(10);
    assert!(host.look(60).is_quiet());
    let _worker = host.worker();
    assert!(host.look(60 + IDLE).is_quiet());
    assert!(host.look(60 + 2 * IDLE - 60).is_quiet());
    assert!(host.look(60 + 2 * IDLE).stops());
}

fn a_websocket_that_is_replaced_is_no_traffic() {
    let host = without_patching(10);
    let mut worker = host.worker();
    assert!(host.look(600).is_quiet());
    assert!(host.look(660).is_quiet());
    worker.dial();
    worker.receive(5_000);
    assert!(host.look(720).is_quiet());
    // What comes over the new one is.
    assert!(host.look(780).is_quiet());
    worker.receive(MESSAGE);
    assert!(host.look(840).is_quiet());
    assert_eq!(stops_after(&host, 840, || {}), 840 + IDLE);
}

fn sessions_over_ipv6_count() {
    let host = without_patching(10);
    let mut worker = host.process("ssm-session-worker", "[::1]:0");
    keeps_running(&host, 600, || worker.receive(MESSAGE));
}

fn other_processes_do_not_count() {
    let host = without_patching(10);
    let mut agent = host.process("ssm-agent-worker", "127.0.0.1:0");
    assert!(host.look(600).is_quiet());
    assert_eq!(stops_after(&host, 600, || agent.receive(5_000)), 600 + IDLE);
}

fn what_the_last_look_missed_counts_later() {
    let host = without_patching(10);
    let mut worker = host.worker();
    assert!(host.look(600).is_quiet());
    worker.receive(5_000);
    assert!(host.look(600 + IDLE).is_quiet());
    assert!(host.look(600 + 2 * IDLE).stops());
}

fn errors_keep_it_running_and_are_told_once() {
    for (how, cause) in [
        ("fails", "Cannot open netlink socket: Operation not permitted"),
        ("blind", "ss does not tell whose the sockets are"),
        ("without-figures", "ss does not tell what the sockets have received"),
    ] {
        let mut host = without_patching(10);
        assert!(host.look(600).is_quiet());
        host.behave("ss", how);
        let Look { said, calls } = host.look(600 + IDLE);
        assert!(calls.is_empty(), "{calls:?}");
        let expected = format!("<3>this host keeps running, whether it is idle or not: {cause}\n");
        assert_eq!(said, expected);
        keeps_running(&host, 600 + IDLE, || {});
    }
}

fn after_errors_the_idle_time_is_counted_anew() {
    let mut host = without_patching(10);
    assert!(host.look(600).is_quiet());
    host.behave("ss", "fails");
    assert!(host.look(1200).calls.is_empty());
    host.behave("ss", "works");
    assert!(host.look(1260).is_quiet());
    assert_eq!(stops_after(&host, 1260, || {}), 1260 + IDLE);
}

fn a_spoilt_memory_is_an_error() {
    for spoilt in ["", "\n", "600\n", "600 often\n", "\0\0\0\0\n"] {
        let host = without_patching(10);
        assert!(host.look(600).is_quiet());
        std::fs::write(host.path("run/seen"), spoilt).expect("a file");
        let Look { said, calls } = host.look(600 + IDLE);
        assert!(calls.is_empty(), "{spoilt:?}: {calls:?}");
        assert!(said.starts_with("<3>this host keeps running"), "{spoilt:?}: {said}");
        assert_eq!(stops_after(&host, 600 + IDLE, || {}), 660 + 2 * IDLE, "{spoilt:?}");
    }
}

fn a_boot_begins_anew() {
    let host = without_patching(10);
    assert!(host.look(60).is_quiet());
    assert!(host.look(60 + IDLE).stops());
    host.begin_boot();
    assert!(host.look(61).is_quiet());
    assert_eq!(stops_after(&host, 61, || {}), 61 + IDLE);
}

/// Its worker begins when its role has let it do its first call.
fn an_agent_that_was_refused_is_started_again() {
    let host = without_patching(10);
    host.runs("amazon-ssm-agent");
    for minute in 1..10 {
        let look = host.look(minute * 60);
        assert_eq!(look.calls, ["systemctl restart --no-block amazon-ssm-agent.service"]);
        assert!(!look.stops());
    }
    // Later it is not the role that is too new.
    assert!(host.look(600).calls.iter().all(|call| !call.contains("restart")));

    // A session is never cut, though the agent itself should be gone.
    for name in ["ssm-session-worker", "ssm-agent-worker"] {
        host.begin_boot();
        host.runs(name);
        assert!(host.look(60).is_quiet(), "{name}");
    }
}
