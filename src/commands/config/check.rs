//! `adit config check`: all that is wrong, at once.

use std::time::Duration;

use adit_config::{Config, Problems};

use crate::exit::Exit;
use crate::failure::{Failure, Kind};
use crate::settings::team::Files;
use crate::ui::{Event, Printer};

/// How long a reader of standard output has for what goes before the last line.
const PATIENCE: Duration = Duration::from_secs(2);

pub(super) fn run(files: &Files, printer: Printer) -> Result<Exit, Failure> {
    let env = |name: &str| std::env::var(name).ok();
    let problems = match files.read(&env) {
        Ok(config) => match config.check() {
            Ok(()) => return told(&config, files, printer),
            Err(problems) => problems,
        },
        Err(problems) => problems,
    };
    tell(&problems, printer)?;
    // Both may go to the same place, where they belong in this order.
    printer.drain_within(PATIENCE);
    let found = problems.count();
    Err(Failure::new(Kind::Config, count(found, "problem")))
}

fn told(config: &Config, files: &Files, printer: Printer) -> Result<Exit, Failure> {
    let found: Vec<String> = [config.shared_file(), config.user_file()]
        .into_iter()
        .flatten()
        .map(|file| file.display().to_string())
        .collect();
    if found.is_empty() {
        return Err(Failure::new(
            Kind::Config,
            format!("there is no adit.toml in {} or above", files.start.display()),
        )
        .hint("`adit config init` makes one"));
    }
    let (names, groups) = (config.names().len(), config.groups().len());
    printer.line(&format!(
        "{}: {}, {}; nothing is wrong",
        found.join(", "),
        count(names, "connection"),
        count(groups, "group")
    ))?;
    Ok(Exit::Done)
}

fn count(number: usize, what: &str) -> String {
    match number {
        1 => format!("1 {what}"),
        _ => format!("{number} {what}s"),
    }
}

fn tell(problems: &Problems, printer: Printer) -> Result<(), Failure> {
    for problem in problems.list() {
        printer.event(&Event::Problem { problem })?;
    }
    printer.data(&problems.to_string())
}
