//! Counters of the tunnels in the text form that Prometheus reads.
//! <https://prometheus.io/docs/instrumenting/exposition_formats/>

use adit_tunnel::TunnelStats;

use crate::commands::tunnels::{Standing, State};

/// A metric: its name, type, meaning, and what it is of a tunnel.
struct Metric {
    name: &'static str,
    kind: &'static str,
    help: &'static str,
    of: fn(&Standing, Option<&TunnelStats>) -> u64,
}

const METRICS: [Metric; 7] = [
    Metric {
        name: "adit_tunnel_up",
        kind: "gauge",
        help: "Whether the tunnel can be used now.",
        of: |standing, _| u64::from(matches!(standing.state, State::Ready | State::Waiting)),
    },
    Metric {
        name: "adit_tunnel_connections",
        kind: "gauge",
        help: "Local connections open.",
        of: |_, stats| stats.map_or(0, |stats| stats.connections as u64),
    },
    Metric {
        name: "adit_tunnel_sessions",
        kind: "gauge",
        help: "Sessions over which the connections are spread.",
        of: |_, stats| stats.map_or(0, |stats| stats.lanes as u64),
    },
    Metric {
        name: "adit_tunnel_received_bytes_total",
        kind: "counter",
        help: "Bytes from the target.",
        of: |_, stats| stats.map_or(0, |stats| stats.session.bytes_in),
    },
    Metric {
        name: "adit_tunnel_sent_bytes_total",
        kind: "counter",
        help: "Bytes to the target.",
        of: |_, stats| stats.map_or(0, |stats| stats.session.bytes_out),
    },
    Metric {
        name: "adit_tunnel_resumes_total",
        kind: "counter",
        help: "How often a session was resumed.",
        of: |_, stats| stats.map_or(0, |stats| stats.resumes),
    },
    Metric {
        name: "adit_tunnel_replacements_total",
        kind: "counter",
        help: "How often another session took the place of one that was gone.",
        of: |_, stats| stats.map_or(0, |stats| stats.replacements),
    },
];

pub(super) fn exposition(standings: &[Standing]) -> String {
    let tunnels: Vec<_> = standings
        .iter()
        .map(|standing| (standing, standing.tunnel.as_ref().map(adit_tunnel::Tunnel::stats)))
        .collect();
    let lines = METRICS.iter().flat_map(|Metric { name, kind, help, of }| {
        let head = [format!("# HELP {name} {help}\n"), format!("# TYPE {name} {kind}\n")];
        let of_each = tunnels.iter().map(move |(standing, stats)| {
            let labels = labels(standing);
            format!("{name}{{{labels}}} {}\n", of(standing, stats.as_ref()))
        });
        head.into_iter().chain(of_each)
    });
    lines.collect()
}

fn labels(standing: &Standing) -> String {
    let escaped = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    format!(
        "connection=\"{}\",target=\"{}\"",
        escaped(&standing.connection),
        escaped(&standing.target)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::tunnels::Board;

    #[test]
    fn every_tunnel_has_a_line_of_each_metric() {
        let board = Board::default();
        board.seat("db", "rds:o\"rders").is(State::Ready, None);
        board.seat("cache", "elasticache:c");
        let text = exposition(&board.all());
        assert!(
            text.contains("adit_tunnel_up{connection=\"db\",target=\"rds:o\\\"rders\"} 1\n"),
            "{text}"
        );
        assert!(text.contains("adit_tunnel_up{connection=\"cache\",target=\"elasticache:c\"} 0\n"));
        for metric in METRICS {
            assert_eq!(text.matches(&format!("\n{}{{", metric.name)).count(), 2, "{}", metric.name);
        }
    }
}
