//! `adit list`: what can be reached, and what is ready to be.

use std::collections::BTreeMap;

use adit_aws::bastion::{self, Bastion, Prepared};
use adit_aws::targets::{self, Found, Kind, Listing};
use adit_aws::{Aws, AwsError};

use super::access;
use super::place::disowned;
use super::watch::during;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::memory::listed;
use crate::settings::ListSettings;
use crate::signals::Signals;
use crate::ui::{Event, Printer, Progress, Table};

pub(crate) async fn run(
    settings: ListSettings,
    mut signals: Signals,
    printer: Printer,
) -> Result<Exit, Failure> {
    let looking = async {
        let aws = access::load(&settings.access, printer).await?;
        let overview = look(&aws, &settings.kinds, printer).await?;
        Ok((aws, overview))
    };
    let (aws, overview) = match during(&mut signals, printer, looking).await {
        Ok(looked) => looked,
        Err(ending) => return ending.map(Exit::from),
    };
    for entry in &overview.entries {
        printer.event(&entry.event())?;
    }
    // For whoever completes what is typed.
    let targets: Vec<String> = overview.entries.iter().map(|entry| entry.target.clone()).collect();
    listed::keep(&|name| std::env::var(name).ok(), &targets);
    if overview.entries.is_empty() {
        let what = if settings.kinds == Kind::ALL { "to reach" } else { "of these kinds" };
        printer.note(&format!("there is nothing {what} in {}", aws.region()));
    } else {
        printer.data(&tell(&overview.entries))?;
    }
    Ok(Exit::Done)
}

/// What there is, as far as it could be listed.
#[derive(Debug, Default)]
pub(crate) struct Overview {
    /// By VPC, those outside of any last.
    pub(crate) entries: Vec<Entry>,
}

/// A target and what is known of the way to it.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) found: Found,
    /// How it is written; for an instance, which has many ports, without the port.
    pub(crate) target: String,
    /// Whether it can be connected to; `None` where that could not be found out.
    pub(crate) initialised: Option<bool>,
    /// The bastion of its VPC.
    pub(crate) bastion: Option<Bastion>,
}

/// Looks for targets of these kinds, and for their bastions, all at once. Where something may not
/// be listed, a warning says so, and the rest is told; where nothing may, that is the failure.
pub(crate) async fn look(aws: &Aws, kinds: &[Kind], printer: Printer) -> Result<Overview, Failure> {
    let progress =
        Progress::begin(printer, &format!("looking at what there is in {}", aws.region()));
    let bastions = async {
        let bastions = bastion::find(aws, None).await;
        let own = bastions.as_ref().map(|bastions| bastions.own.as_slice()).unwrap_or_default();
        let prepared = bastion::prepared(aws, own).await;
        (bastions, prepared)
    };
    let (listing, (bastions, prepared)) =
        tokio::join!(targets::list(aws, kinds), Box::pin(bastions));
    drop(progress);
    if let Some(error) = none_answers(kinds, &listing) {
        return Err(error.clone().into());
    }
    for message in unlisted(&listing) {
        warn(printer, &message)?;
    }
    let bastions = match bastions {
        Ok(bastions) => {
            for stranger in &bastions.strangers {
                warn(printer, &disowned(stranger))?;
            }
            Some(bastions.own)
        }
        Err(error) => {
            warn(printer, &cannot("bastions cannot be listed", &error))?;
            None
        }
    };
    let prepared = match prepared {
        Ok(prepared) => Some(prepared),
        Err(error) => {
            warn(printer, &cannot("which targets are ready cannot be told", &error))?;
            None
        }
    };
    Ok(Overview { entries: entries(listing.found, bastions.as_deref(), prepared.as_ref()) })
}

/// The failure, where none of the kinds could be listed, not even in part.
fn none_answers<'a>(kinds: &[Kind], listing: &'a Listing) -> Option<&'a AwsError> {
    let (_, error) = listing.failures.first()?;
    let has_failed = |kind: &Kind| listing.failures.iter().any(|(failed, _)| failed == kind);
    let all = kinds.iter().filter(|kind| **kind != Kind::Host).all(has_failed);
    (all && listing.found.is_empty()).then_some(error)
}

/// What could not be done, why, and the first thing to do about it.
fn cannot(what: &str, error: &AwsError) -> String {
    format!("{what}: {}", cause(error))
}

fn cause(error: &AwsError) -> String {
    match error.hints.first() {
        Some(hint) => format!("{error}; {hint}"),
        None => error.to_string(),
    }
}

/// What could not be listed: a line for each cause, as kinds share calls, and some make several.
fn unlisted(listing: &Listing) -> Vec<String> {
    let mut of_kind: BTreeMap<Kind, Vec<&AwsError>> = BTreeMap::new();
    for (kind, error) in &listing.failures {
        of_kind.entry(*kind).or_default().push(error);
    }
    let mut causes: Vec<(String, bool, Vec<&str>)> = Vec::new();
    for (kind, errors) in of_kind {
        let [first, others @ ..] = errors.as_slice() else { continue };
        let cause = match others.len() {
            0 => cause(first),
            1 => format!("{}; another call for it failed too", cause(first)),
            several => format!("{}; {several} other calls for it failed too", cause(first)),
        };
        // Of some kinds a part was found all the same.
        let in_part = listing.found.iter().any(|found| found.kind == kind);
        match causes.iter_mut().find(|(known, part, _)| *known == cause && *part == in_part) {
            Some((.., kinds)) => kinds.push(kind.as_str()),
            None => causes.push((cause, in_part, vec![kind.as_str()])),
        }
    }
    let line = |(cause, in_part, kinds): (String, bool, Vec<&str>)| {
        let how = if in_part { "not all can" } else { "cannot" };
        format!("{} {how} be listed: {cause}", kinds.join(", "))
    };
    causes.into_iter().map(line).collect()
}

fn warn(printer: Printer, message: &str) -> Result<(), Failure> {
    printer.warn(message);
    printer.event(&Event::warning(message))
}

/// Puts together what is known of each, by VPC.
fn entries(
    found: Vec<Found>,
    bastions: Option<&[Bastion]>,
    prepared: Option<&Prepared>,
) -> Vec<Entry> {
    let of_vpc = |vpc: &str| bastions?.iter().find(|bastion| bastion.vpc == vpc).cloned();
    // What leads to targets is not one of them.
    let is_bastion =
        |found: &Found| bastions.unwrap_or_default().iter().any(|bastion| bastion.id == found.id);
    let mut entries: Vec<Entry> = found
        .into_iter()
        .filter(|found| !is_bastion(found))
        .map(|found| {
            let target = format!("{}:{}", found.kind, found.id);
            let bastion = found.vpc.as_deref().and_then(of_vpc);
            let initialised = match (bastions, prepared, &bastion) {
                // No bastion leads to what is in no VPC.
                _ if found.vpc.is_none() => Some(false),
                (Some(_), _, None) => Some(false),
                (_, Some(prepared), Some(bastion)) => {
                    Some(prepared.reaches(bastion, &found.security_groups, found.port))
                }
                _ => None,
            };
            Entry { found, target, initialised, bastion }
        })
        .collect();
    entries.sort_by(|left, right| {
        let place = |entry: &Entry| (entry.found.vpc.is_none(), entry.found.vpc.clone());
        place(left).cmp(&place(right))
    });
    entries
}

/// A table for each VPC, under a line that names it and its bastion.
fn tell(entries: &[Entry]) -> String {
    let mut by_vpc: BTreeMap<_, Vec<&Entry>> = BTreeMap::new();
    for entry in entries {
        let vpc = entry.found.vpc.as_deref();
        by_vpc.entry((vpc.is_none(), vpc)).or_default().push(entry);
    }
    let told: Vec<String> = by_vpc.into_values().map(|entries| tell_vpc(&entries)).collect();
    told.join("\n\n")
}

fn tell_vpc(entries: &[&Entry]) -> String {
    let mut table = Table::new(&["TARGET", "READY", "ENGINE", "STATUS", "ADDRESS"])
        .or_without(&["ADDRESS", "ENGINE"]);
    for entry in entries {
        let found = &entry.found;
        let ready = match entry.initialised {
            _ if found.vpc.is_none() => "-",
            Some(true) => "yes",
            Some(false) => "no",
            None => "?",
        };
        let address = match (&found.host, found.port) {
            (Some(host), Some(port)) => format!("{host}:{port}"),
            (Some(host), None) => host.clone(),
            (None, _) => String::new(),
        };
        let target = match &found.name {
            Some(name) => format!("{} ({name})", entry.target),
            None => entry.target.clone(),
        };
        let engine = found.engine.as_deref().unwrap_or_default();
        table.row([&target, ready, engine, found.status.as_deref().unwrap_or_default(), &address]);
    }
    let first = entries.first();
    let vpc = first.and_then(|entry| entry.found.vpc.as_deref()).unwrap_or("outside of any VPC");
    let bastion = match first.and_then(|entry| entry.bastion.as_ref()) {
        Some(bastion) => format!(", bastion {} {}", bastion.id, bastion.state.as_str()),
        None => String::new(),
    };
    format!("{vpc}{bastion}\n{}", table.for_stdout())
}

impl Entry {
    pub(crate) fn event(&self) -> Event<'_> {
        let found = &self.found;
        Event::Target {
            target: &self.target,
            kind: found.kind.as_str(),
            id: &found.id,
            name: found.name.as_deref(),
            engine: found.engine.as_deref(),
            status: found.status.as_deref(),
            host: found.host.as_deref(),
            port: found.port,
            vpc: found.vpc.as_deref(),
            initialised: self.initialised,
            bastion: self.bastion.as_ref().map(|bastion| bastion.id.as_str()),
            bastion_state: self.bastion.as_ref().map(|bastion| bastion.state.as_str()),
        }
    }
}
