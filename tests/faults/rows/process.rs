//! The program itself, and the machine that it runs on.

use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, prlimit};

use crate::row::Proves::{Handlings, None as Inseparable};
use crate::row::{Connections, End, Moment, Outcome, ROW, Row, Streams};
use crate::stage::Stage;
use crate::traffic::Flow;

/// How long a program is stopped: longer than the agent waits for anything, and no longer than it has to.
const STOPPED: Duration = Duration::from_secs(3);

/// Time passes everywhere, and the program's machine sleeps.
fn sleep(stage: &Stage, seconds: u64) -> Outcome {
    stage.control("clock", &serde_json::json!({"advance_ms": seconds * 1000}))?;
    stage.clock.as_ref().expect("a clock").advance(seconds);
    Ok(())
}

/// Sets how many descriptors the program may have.
fn limit_descriptors(stage: &Stage, most: u64) -> Outcome {
    let pid = i32::try_from(stage.pid()).ok().and_then(Pid::from_raw);
    // Its own are this program's.
    let limits = Rlimit { current: Some(most), maximum: getrlimit(Resource::Nofile).maximum };
    prlimit(pid, Resource::Nofile, limits).map(drop).map_err(|error| error.to_string())
}

/// The installed program knows nothing of what tests leave out.
pub(crate) const INSTALLED: Row = Row {
    name: "installed",
    events: &["resuming", "resumed"],
    set_up: |setup| setup.env("ADIT_TEST_WITHOUT", "resume").env("ADIT_TEST_TIMES", "silence=1"),
    fault: |stage| {
        stage.lab.fault(serde_json::json!({"cut": "client"}));
        stage.expect("resumed")
    },
    ..ROW
};

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "process/stopped",
        what: "the program is stopped for three seconds (`SIGSTOP`), and goes on",
        proves: Inseparable("the kernel and the service keep what is under way"),
        fault: |stage| {
            stage.signal(Signal::STOP);
            std::thread::sleep(STOPPED);
            stage.signal(Signal::CONT);
            Ok(())
        },
        ..ROW
    },
    Row {
        name: "process/slept",
        what: "the machine sleeps for ten minutes, and its websockets are nobody's any more",
        proves: Handlings("suspend"),
        moment: Moment::Quiet,
        events: &["resuming", "resumed"],
        set_up: |setup| setup.sleeps().arguments(&["--idle-timeout", "8h"]),
        fault: |stage| {
            sleep(stage, 600)?;
            stage.expect("resumed")
        },
        ..ROW
    },
    Row {
        name: "process/slept-an-hour",
        what: "the machine sleeps for an hour, and the service ends the session meanwhile",
        proves: Handlings("replace"),
        moment: Moment::Quiet,
        streams: Streams::Closed("session_gone"),
        events: &["replacing", "replaced"],
        set_up: |setup| setup.sleeps().arguments(&["--idle-timeout", "8h"]),
        fault: |stage| {
            sleep(stage, 3600)?;
            stage.expect("replacing")
        },
        ..ROW
    },
    Row {
        name: "process/slept-beyond-the-idle-limit",
        what: "the machine sleeps for longer than a tunnel may be idle",
        proves: Handlings("suspend"),
        moment: Moment::Idle,
        streams: Streams::None,
        connections: Connections::Refused,
        end: End::Exit(12),
        events: &["ended", "error"],
        set_up: |setup| setup.sleeps(),
        fault: |stage| {
            stage.clock.as_ref().expect("a clock").advance(3600);
            Ok(())
        },
        ..ROW
    },
    Row {
        name: "process/no-descriptors",
        what: "there is no descriptor left for a new connection",
        proves: Handlings("accept"),
        connections: Connections::Held,
        events: &["warning"],
        fault: |stage| {
            let open = std::fs::read_dir(format!("/proc/{}/fd", stage.pid()));
            let open = open.map_err(|error| error.to_string())?.count();
            limit_descriptors(stage, open as u64)?;
            stage.until("the lack of descriptors", |stage| {
                if stage.count("warning") > 0 {
                    return Some(());
                }
                let flow = Flow::open(stage.address(), 6).ok()?;
                stage.kept.push(flow);
                None
            })
        },
        mend: |stage| {
            stage.kept.clear();
            limit_descriptors(stage, 1024)
        },
        ..ROW
    },
    Row {
        name: "process/port-taken",
        what: "somebody else listens on the local port",
        proves: Inseparable(
            "whoever opens a tunnel is told at once, and can do something about it",
        ),
        moment: Moment::Start,
        streams: Streams::None,
        connections: Connections::Served,
        end: End::Exit(9),
        events: &["error"],
        fault: |stage| {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, stage.port));
            stage.taken = Some(listener.map_err(|error| error.to_string())?);
            Ok(())
        },
        mend: |stage| {
            stage.taken = None;
            Ok(())
        },
        ..ROW
    },
    Row {
        name: "process/state-unwritable",
        what: "the folder for state cannot be written, as on a full disk",
        proves: Inseparable("a tunnel writes nothing that it cannot do without"),
        moment: Moment::Start,
        streams: Streams::None,
        set_up: |setup| {
            setup
                .env("XDG_STATE_HOME", "/proc/nowhere")
                .env("XDG_CACHE_HOME", "/proc/nowhere")
                .env("XDG_RUNTIME_DIR", "/proc/nowhere")
        },
        ..ROW
    },
    Row {
        name: "process/proxy-variables-wrong",
        what: "a proxy that does not exist is set while the service is on this machine",
        proves: Inseparable("what is on the machine itself is never asked of a proxy"),
        moment: Moment::Start,
        streams: Streams::None,
        set_up: |setup| {
            setup.env("HTTPS_PROXY", "http://127.0.0.1:1").env("ALL_PROXY", "http://127.0.0.1:1")
        },
        ..ROW
    },
];
