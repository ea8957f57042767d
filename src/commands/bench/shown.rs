//! The figures as people read them.

use super::measured::{Latency, Ready, Run, SessionRun};
use crate::ui::{Table, size};

pub(super) fn ready(ready: &Ready) -> String {
    let mut table = Table::new(&["READY", "TIME"]);
    let phases = [
        ("credentials and lookup", ready.lookup_ms),
        ("StartSession", ready.start_session_ms),
        ("connection and handshake", ready.handshake_ms),
        // There is something to check only where the target was remembered.
        ("lookup beside that", ready.check_ms.filter(|time| *time >= 1.0)),
    ];
    for (what, time) in phases {
        if let Some(time) = time {
            table.row([what, &millis(time)]);
        }
    }
    table.row(["in all", &millis(ready.total_ms)]);
    table.for_stdout()
}

pub(super) fn latency(latency: &Latency) -> String {
    let mut table = Table::new(&["ANSWER OF", "LEAST", "USUAL", "P99", "TRIES"]);
    let shown = |time: Option<f64>| time.map(millis).unwrap_or_default();
    table.row(["the agent", &shown(latency.agent_least_ms), &shown(latency.agent_ms), "", ""]);
    let Some(first) = &latency.first_byte else {
        table.row(["the target", "", "", "", ""]);
        let why = latency.unavailable.as_deref().unwrap_or_default();
        return format!("{}\nthe target was not measured: {why}", table.for_stdout());
    };
    let by = if first.by_port { " by its port" } else { "" };
    table.row([
        &format!("the target ({}{by})", first.protocol),
        &millis(first.least_ms),
        &millis(first.p50_ms),
        &millis(first.p99_ms),
        &first.tries.to_string(),
    ]);
    table.for_stdout()
}

const COLUMNS: &[&str] =
    &["RUN", "SESSION", "DOWN", "UP", "MOVED", "TIME", "RESENT", "WINDOW", "PAYLOAD", "CPU"];
/// What a narrow terminal does without, the first of them first.
const SPARE: &[&str] = &["PAYLOAD", "WINDOW", "CPU", "TIME", "MOVED", "RESENT"];

pub(super) fn runs(runs: &[Run]) -> String {
    let mut table = Table::new(COLUMNS).or_without(SPARE);
    for run in runs {
        let name = name(run);
        let each: fn(&SessionRun) -> u64 = |one| one.resends + one.duplicates;
        let resent: u64 = run.sessions.iter().map(each).sum();
        table.row([
            &name,
            "all",
            &rate(run.down_mb_s),
            &rate(run.up_mb_s),
            &size(run.bytes_in + run.bytes_out),
            &seconds(run.seconds),
            &resent.to_string(),
            "",
            "",
            &run.cpu_s_per_gb.map(|cpu| format!("{cpu:.1} s/GB")).unwrap_or_default(),
        ]);
        for one in &run.sessions {
            table.row([
                &name,
                &one.lane.to_string(),
                &rate(one.down_mb_s),
                &rate(one.up_mb_s),
                &size(one.bytes_in + one.bytes_out),
                &seconds(one.seconds),
                &each(one).to_string(),
                &size(one.window as u64),
                &size(one.payload as u64),
                "",
            ]);
        }
    }
    let limits = runs.iter().map(|run| match run.limit {
        "too_little" => format!("{}: {}", name(run), run.why),
        _ => format!("{}: limited by {}", name(run), run.why),
    });
    let limits: Vec<String> = limits.collect();
    format!("{}\n\n{}", table.for_stdout(), limits.join("\n"))
}

fn name(run: &Run) -> String {
    if run.commands == 1 { "one alone".to_owned() } else { format!("{} at once", run.commands) }
}

fn millis(time: f64) -> String {
    match time {
        time if time < 10.0 => format!("{time:.2} ms"),
        time if time < 100.0 => format!("{time:.1} ms"),
        time => format!("{time:.0} ms"),
    }
}

fn seconds(time: f64) -> String {
    format!("{time:.1} s")
}

fn rate(rate: f64) -> String {
    format!("{rate:.2} MB/s")
}

#[cfg(test)]
mod tests {
    use super::super::Measured;
    use super::*;

    #[test]
    fn the_tables_are_short() {
        let measured = Measured::example();
        let all = [
            ready(&measured.ready),
            latency(&measured.latency),
            latency(&Latency {
                unavailable: Some("nobody knows".to_owned()),
                ..Latency::default()
            }),
            runs(&measured.runs),
        ];
        insta::assert_snapshot!(all.join("\n\n"));
    }
}
