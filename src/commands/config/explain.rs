//! `adit config explain`: which value holds, and why.

use adit_config::Explanation;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::settings::team::{Files, of_lookup, of_problems};
use crate::ui::{Event, Printer};

pub(super) fn run(key: Option<&str>, files: &Files, printer: Printer) -> Result<Exit, Failure> {
    let env = |name: &str| std::env::var(name).ok();
    let config = files.read(&env).map_err(|problems| of_problems(&problems))?;
    let explanations: Vec<Explanation> = match key {
        Some(key) => match config.explain(key) {
            Ok(explanation) => vec![explanation],
            Err(error) => {
                // It may be a table of values.
                let mut all = config.explain_all();
                all.retain(|one| one.key.strip_prefix(key).is_some_and(|end| end.starts_with('.')));
                if all.is_empty() {
                    return Err(of_lookup(&error, &config));
                }
                all
            }
        },
        None => config.explain_all(),
    };
    for explanation in &explanations {
        printer.event(&Event::Setting { setting: explanation })?;
    }
    let texts: Vec<String> = explanations.iter().map(ToString::to_string).collect();
    printer.data(&texts.join("\n"))?;
    Ok(Exit::Done)
}
