//! Letting a person choose a target.

use adit_aws::Aws;
use adit_aws::targets::{Kind, Selector, TargetSpec};

use super::ask::nobody_to_ask;
use super::list::{Entry, look};
use super::watch::{Ending, during};
use crate::cli::Given;
use crate::failure::{Failure, Kind as Fault};
use crate::signals::{Signals, Stop};
use crate::ui::{Printer, prompt};

/// Fails where nobody can choose, before anything is looked up.
pub(crate) fn is_possible(command: &str, given: &Given, printer: Printer) -> Result<(), Failure> {
    if printer.may_ask() {
        return Ok(());
    }
    Err(nobody_to_ask("no target is given")
        .hint(format!("pass one: `{}`", given.again_for(command, &["rds:orders".to_owned()])))
        .hint(format!("`{}` shows what there is", given.again("list"))))
}

/// What was chosen.
pub(crate) struct Chosen {
    pub(crate) spec: TargetSpec,
    /// Whether `adit init` was run for it; `None` where that could not be found out.
    pub(crate) initialised: Option<bool>,
}

/// Lists what there is and has one chosen.
pub(crate) async fn target(
    aws: &Aws,
    question: &str,
    signals: &mut Signals,
    printer: Printer,
) -> Result<Chosen, Ending> {
    let overview = during(signals, printer, look(aws, &Kind::ALL, printer)).await?;
    let mut entries: Vec<Entry> = overview.entries;
    // What is being made has no address yet, and what is in no VPC needs no bastion.
    entries.retain(|entry| entry.found.vpc.is_some() && entry.found.host.is_some());
    // Within each half the order is that of the list.
    entries.sort_by_key(|entry| entry.initialised != Some(true));
    if entries.is_empty() {
        return Err(Err(Failure::new(
            Fault::Target,
            format!("there is nothing to choose from in {}", aws.region()),
        )
        .hint("look elsewhere: --region, --profile")
        .hint("or name any host that a VPC reaches: --target host:HOST:PORT@VPC")));
    }
    let items: Vec<String> = entries.iter().map(item).collect();
    let chosen = prompt::pick(question, &items, signals).await.map_err(Err)?;
    let Some(entry) = chosen.map_err(Ok)?.and_then(|index| entries.get(index)) else {
        printer.note("nothing was chosen");
        return Err(Ok(Stop::Interrupt));
    };
    let port = match entry.found.kind {
        Kind::Ec2 => {
            let question = format!("Which port of {}", entry.target);
            Some(prompt::port(&question, signals).await.map_err(Err)?.map_err(Ok)?)
        }
        _ => None,
    };
    let spec = TargetSpec {
        kind: entry.found.kind,
        select: Selector::Id(entry.found.id.clone()),
        endpoint: None,
        port,
        vpc: None,
    };
    Ok(Chosen { spec, initialised: entry.initialised })
}

/// An entry as one line, the words to search by first.
fn item(entry: &Entry) -> String {
    let found = &entry.found;
    let mut text = entry.target.clone();
    for part in [&found.name, &found.engine, &found.vpc].into_iter().flatten() {
        text.push_str("  ");
        text.push_str(part);
    }
    if entry.initialised == Some(false) {
        text.push_str("  (not initialised)");
    }
    text
}
