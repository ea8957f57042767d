//! The websocket, and the way that it takes.

use serde_json::json;

use crate::row::Proves::{Handlings, None as Inseparable};
use crate::row::{Connections, End, Moment, ROW, Row, Streams};
use crate::way::{Direction, Manner};

/// Times that are waited for, and would be a minute. The calls of the API have taken the same way, and
/// wait for an answer on it for ten seconds where it was used just before.
const QUICK: &str = "silence=1000,ping=300";

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "websocket/closed",
        what: "the service closes it with codes 1000, 1001, 1011 and 1012, one after the other",
        proves: Handlings("resume"),
        events: &[
            "resuming", "resumed", "resuming", "resumed", "resuming", "resumed", "resuming",
            "resumed",
        ],
        fault: |stage| {
            for (times, code) in (1..).zip([1000, 1001, 1011, 1012]) {
                stage.until_taken_on()?;
                stage.lab.fault(json!({"cut": "client", "code": code}));
                stage.expect_times("resumed", times)?;
            }
            Ok(())
        },
        ..ROW
    },
    Row {
        name: "websocket/reset",
        what: "its TCP connection is reset",
        proves: Handlings("resume"),
        events: &["resuming", "resumed"],
        fault: |stage| {
            stage.lab.fault(json!({"cut": "client"}));
            stage.expect("resumed")
        },
        ..ROW
    },
    Row {
        name: "websocket/tls-cut",
        what: "TLS to the service is broken off in the middle of a record, by a proxy",
        proves: Handlings("resume"),
        events: &["resuming", "resumed"],
        set_up: |setup| setup.proxied(),
        fault: |stage| {
            stage.way.as_ref().expect("a way").cut();
            stage.expect("resumed")
        },
        ..ROW
    },
    Row {
        name: "websocket/half-open",
        what: "nothing passes any more in either direction, and nobody says so (within a second of silence; else a minute)",
        proves: Handlings("silence"),
        events: &["resuming", "resumed"],
        within_s: 60,
        set_up: |setup| setup.proxied().times(QUICK),
        fault: |stage| {
            stage.way.as_ref().expect("a way").freeze(&[Direction::Up, Direction::Down]);
            stage.expect("resumed")
        },
        ..ROW
    },
    Row {
        name: "websocket/deaf",
        what: "nothing comes from the service any more, and what is sent is taken",
        proves: Handlings("silence"),
        events: &["resuming", "resumed"],
        within_s: 60,
        set_up: |setup| setup.proxied().times(QUICK),
        fault: |stage| {
            stage.way.as_ref().expect("a way").freeze(&[Direction::Down]);
            stage.expect("resumed")
        },
        ..ROW
    },
    Row {
        name: "websocket/mute",
        what: "nothing gets to the service any more, and what comes from it arrives",
        proves: Handlings("silence"),
        events: &["resuming", "resumed"],
        within_s: 60,
        set_up: |setup| setup.proxied().times(QUICK),
        fault: |stage| {
            stage.way.as_ref().expect("a way").freeze(&[Direction::Up]);
            stage.expect("resumed")
        },
        ..ROW
    },
    Row {
        name: "websocket/rollover",
        what: "it comes near the age at which the service closes it (1.5 s; else 50 minutes)",
        proves: Handlings("rollover"),
        moment: Moment::Quiet,
        events: &["renewed"],
        set_up: |setup| setup.times("rollover=1500"),
        fault: |stage| stage.expect("renewed"),
        ..ROW
    },
    Row {
        name: "websocket/pause",
        what: "the service asks for silence and never ends it",
        proves: Handlings("pause"),
        moment: Moment::Quiet,
        fault: |stage| {
            // Whatever comes from the agent after it would end the silence.
            stage.until("nothing to be under way", |stage| stage.lab_is_quiet().then_some(()))?;
            stage.fault(&json!({"pause": "client"}))
        },
        ..ROW
    },
    Row {
        name: "websocket/proxy-gone",
        what: "the proxy on the way is gone, and comes back at the same address",
        proves: Handlings("retry"),
        connections: Connections::Held,
        events: &["resuming", "retrying", "resumed"],
        set_up: |setup| setup.proxied(),
        fault: |stage| {
            stage.way.as_mut().expect("a way").close();
            stage.expect("retrying")
        },
        mend: |stage| {
            stage.way.as_mut().expect("a way").open();
            Ok(())
        },
        ..ROW
    },
    Row {
        name: "websocket/login-page",
        what: "the way is barred until somebody logs in, as in a hotel's network: the proxy answers 403",
        proves: Handlings("retry"),
        connections: Connections::Held,
        events: &["resuming", "retrying", "resumed"],
        set_up: |setup| setup.proxied(),
        fault: |stage| {
            let way = stage.way.as_ref().expect("a way");
            way.set(Manner::Refuses);
            way.cut();
            stage.expect("retrying")
        },
        mend: |stage| {
            stage.way.as_ref().expect("a way").set(Manner::Leads);
            Ok(())
        },
        ..ROW
    },
    Row {
        name: "websocket/no-answer",
        what: "whoever is dialled accepts and says nothing (half a second; else 15 s)",
        proves: Handlings("retry"),
        connections: Connections::Held,
        events: &["resuming", "retrying", "resumed"],
        within_s: 40,
        set_up: |setup| setup.proxied().times("handshake=500"),
        fault: |stage| {
            let way = stage.way.as_ref().expect("a way");
            way.set(Manner::IsSilent);
            way.cut();
            stage.expect("resuming")
        },
        mend: |stage| {
            stage.expect("retrying")?;
            stage.way.as_ref().expect("a way").set(Manner::Leads);
            Ok(())
        },
        ..ROW
    },
    Row {
        name: "websocket/network-gone-for-good",
        what: "the way is gone for longer than the budget for resuming",
        proves: Inseparable(
            "what it shows is that nothing pretends to work when all else is in vain",
        ),
        streams: Streams::Closed("tunnel_ended"),
        connections: Connections::Refused,
        end: End::Exit(11),
        events: &["resuming", "retrying", "warning", "ended", "error"],
        set_up: |setup| setup.proxied().arguments(&["--resume-budget", "1s"]),
        fault: |stage| {
            stage.way.as_mut().expect("a way").close();
            Ok(())
        },
        mend: |stage| {
            stage.way.as_mut().expect("a way").open();
            Ok(())
        },
        ..ROW
    },
];
