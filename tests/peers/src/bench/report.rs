//! The results as tables in Markdown, ready for a page, and as JSON.

use std::collections::BTreeMap;

use comfy_table::presets::ASCII_MARKDOWN;
use comfy_table::{CellAlignment, Table};
use serde::Serialize;

use crate::cases::{Client, Environment, LARGE_PAYLOAD, Plan};
use crate::machine::{Machine, Program};
use crate::results::{Results, Summary};

const MEASURES: [&str; 21] = [
    "ready, ms",
    "first byte, ms",
    "start to first byte, ms",
    "8 MB up, fresh tunnel, ms",
    "ping p50, ms",
    "ping p99, ms",
    "ping beside bulk p50, ms",
    "ping beside bulk p99, ms",
    "ping beside a download p50, ms",
    "ping beside a download p99, ms",
    "down, 1 connection, MB/s",
    "down, 8 connections, MB/s",
    "up, 1 connection, MB/s",
    "up, 8 connections, MB/s",
    "client CPU down, s/GB",
    "client CPU up, s/GB",
    "client CPU down, 8 connections, s/GB",
    "client CPU up, 8 connections, s/GB",
    "peak memory after 8 downloads, MB",
    "peak memory after 8 uploads, MB",
    "payload up, bytes",
];

#[derive(Serialize)]
pub(crate) struct Report {
    pub(crate) command: String,
    pub(crate) machine: Machine,
    pub(crate) programs: [Program; 2],
    pub(crate) repetitions: usize,
    /// Bytes of payload a message, as the null sink and the larger bridge are told.
    pub(crate) large_payload: usize,
    #[serde(flatten)]
    pub(crate) results: Results,
}

impl Report {
    pub(crate) fn new(
        command: String,
        machine: Machine,
        programs: [Program; 2],
        plan: &Plan,
        results: Results,
    ) -> Self {
        let (repetitions, large_payload) = (plan.repetitions, LARGE_PAYLOAD);
        Self { command, machine, programs, repetitions, large_payload, results }
    }

    pub(crate) fn text(&self, environments: &[Environment]) -> String {
        let Machine { processor, cores, kernel, load } = &self.machine;
        let mut out = format!(
            "`{}`\n\n{processor}, {cores} cores, Linux {kernel}; load before the run {load}. \
             Repetitions: {}; medians (lowest–highest).\n\n{}\n",
            self.command,
            self.repetitions,
            self.programs_table(),
        );
        for environment in environments {
            if let Some(table) = self.table(&environment.to_string()) {
                out.push_str(&format!("\n### {}\n\n{table}\n", environment.title()));
            }
        }
        if !self.results.failures.is_empty() {
            out.push_str("\nFailures:\n\n");
            for (failure, times) in self.failures() {
                out.push_str(&format!("- {failure} ({times})\n"));
            }
        }
        out
    }

    /// What failed and how often, whatever the repetition.
    fn failures(&self) -> BTreeMap<String, usize> {
        let mut all = BTreeMap::new();
        for failure in &self.results.failures {
            let case = format!("{}/{}/{}", failure.environment, failure.client, failure.stage);
            *all.entry(format!("`{case}`: {}", failure.cause)).or_insert(0) += 1;
        }
        all
    }

    fn programs_table(&self) -> Table {
        let mut table = markdown(["program", "version", "size, MB", "start, ms"]);
        for program in &self.programs {
            table.add_row([
                program.name.to_owned(),
                program.version.clone(),
                digits(program.megabytes),
                program.start().as_ref().map(cell).unwrap_or_default(),
            ]);
        }
        table
    }

    /// Rows are measures, columns clients.
    fn table(&self, environment: &str) -> Option<Table> {
        let clients = Client::ALL.map(|client| client.to_string());
        let mut table = markdown(["".to_owned()].into_iter().chain(clients.clone()));
        for measure in MEASURES {
            let cells = clients.each_ref().map(|client| {
                let summary = self.results.summary(environment, client, measure);
                summary.as_ref().map(cell).unwrap_or_default()
            });
            if cells.iter().any(|cell| !cell.is_empty()) {
                table.add_row([measure.to_owned()].into_iter().chain(cells));
            }
        }
        (table.row_count() > 0).then_some(table)
    }
}

fn markdown(header: impl IntoIterator<Item = impl Into<String>>) -> Table {
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN).set_header(header.into_iter().map(Into::into));
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn cell(summary: &Summary) -> String {
    let Summary { median, min, max } = *summary;
    let [median, min, max] = [median, min, max].map(digits);
    if min == max { median } else { format!("{median} ({min}–{max})") }
}

/// Three digits that count.
fn digits(value: f64) -> String {
    match value.abs() {
        0.0..0.995 => format!("{value:.3}"),
        0.0..9.95 => format!("{value:.2}"),
        0.0..99.5 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}
