//! `adit cleanup`: removes what adit made, after showing it.

use adit_aws::Aws;
use adit_aws::bastion::{self, Leftovers, Removed, Scope};
use adit_aws::targets;

use super::access::{self, account};
use super::ask::{consent, told_the_plan};
use super::telling::Telling;
use super::watch::{during, stopped, to_a_boundary};
use crate::cli::Given;
use crate::exit::Exit;
use crate::failure::{Failure, Kind};
use crate::journal;
use crate::settings::{CleanupSettings, Consent};
use crate::signals::Signals;
use crate::ui::{Event, Printer, Progress, Table};

pub(crate) async fn run(
    settings: CleanupSettings,
    given: Given,
    mut signals: Signals,
    printer: Printer,
) -> Result<Exit, Failure> {
    let looking = async {
        let aws = access::load(&settings.access, printer).await?;
        if settings.consent != Consent::Plan {
            // A bastion that nobody uses any more is not kept for a session that a kill has left.
            journal::tidy(&settings.folders);
            journal::sweep(&settings.folders, &aws, &settings.identity).await;
        }
        let what = format!("looking for what adit made in {}", aws.region());
        let progress = Progress::begin(printer, &what);
        let scope = scope(&aws, &settings).await?;
        let leftovers = bastion::find_leftovers(&aws, &scope).await?;
        drop(progress);
        let leftovers = if settings.force { leftovers } else { leftovers.without_what_is_in_use() };
        Ok((aws, scope, leftovers))
    };
    let (aws, scope, leftovers) = match during(&mut signals, printer, looking).await {
        Ok(looked) => looked,
        Err(ending) => {
            let stop = ending?;
            printer.parting("nothing was removed");
            return Ok(stopped(stop, printer));
        }
    };
    show(&aws, &leftovers, settings.consent == Consent::Plan, printer)?;
    if let Err(ending) = during(&mut signals, printer, printer.settled()).await {
        return ending.map(|stop| stopped(stop, printer));
    }
    warn(&leftovers, &scope, settings.force, printer);
    let is_nothing = leftovers.removals.is_empty();
    if is_nothing && leftovers.kept.is_empty() && leftovers.unseen.is_empty() {
        printer.note(&format!("there is nothing of adit {}", place(&scope, &aws)));
    }
    if settings.consent == Consent::Plan {
        // Whatever stays, the plan was all that was wanted.
        told_the_plan(printer);
        return Ok(Exit::Done);
    }
    if is_nothing {
        return finish(&aws, &scope, &Removed::default(), &leftovers, printer);
    }
    let place = place_of(&leftovers.caller, aws.region());
    let question = match leftovers.removals.len() {
        1 => format!("Remove this in {place}?"),
        several => format!("Remove these {several} things in {place}?"),
    };
    let command = given.again("cleanup");
    if let Some(exit) =
        consent(settings.consent, &question, &command, &mut signals, printer).await?
    {
        return Ok(exit);
    }

    let mut telling = Telling::new(printer);
    let between = telling.between();
    let work = bastion::remove(&aws, &leftovers, settings.force, |progress| telling.tell(progress));
    let stopping = || printer.note("stopping when the request under way has been answered");
    let removed = to_a_boundary(&mut signals, &between, work, stopping).await;
    let done = telling.end();
    match removed {
        Ok(removed) => {
            let exit = finish(&aws, &scope, &removed, &leftovers, printer);
            // The table of what is left stands above what is said of it.
            match during(&mut signals, printer, printer.settled()).await {
                Ok(()) => exit,
                Err(ending) => ending.map(|stop| stopped(stop, printer)),
            }
        }
        Err(stop) => {
            printer.parting(&format!(
                "stopped after {} of {}; `{command}` goes on from there",
                done.len(),
                leftovers.removals.len()
            ));
            Ok(stopped(stop, printer))
        }
    }
}

/// What is looked for.
async fn scope(aws: &Aws, settings: &CleanupSettings) -> Result<Scope, Failure> {
    let target = match &settings.target {
        Some(spec) => Some(targets::canonical(aws, spec).await?),
        None => None,
    };
    Ok(Scope { vpc: settings.vpc.clone(), target })
}

/// Where was looked, in words.
fn place(scope: &Scope, aws: &Aws) -> String {
    match scope {
        Scope { target: Some(target), .. } => format!("for {target}"),
        Scope { vpc: Some(vpc), .. } => format!("in {vpc}"),
        _ => format!("in {}", aws.region()),
    }
}

/// Prints what would be removed, in order, and what would not.
fn show(aws: &Aws, leftovers: &Leftovers, plan: bool, printer: Printer) -> Result<(), Failure> {
    let Leftovers { caller, removals, kept, sessions, .. } = leftovers;
    let region = aws.region();
    printer.event(&Event::RemovalPlan { region, caller, steps: removals, kept, sessions })?;
    let mut parts = vec![match caller.as_str() {
        "" => format!("region {region}"),
        caller => format!("account {}, region {region}, as {caller}", account(caller)),
    }];
    if !removals.is_empty() {
        let mut table = Table::new(&["#", "REMOVE", "VPC"]);
        for (removal, number) in removals.iter().zip(1_u32..) {
            table.row([&number.to_string(), &removal.summary, &removal.vpc]);
        }
        parts.push(table.for_stdout());
    }
    // Where nothing is to be removed, what is left is all that is told in the end.
    if (plan || !removals.is_empty())
        && let Some(table) = table_of_kept(leftovers)
    {
        parts.push(table);
    }
    if parts.len() > 1 { printer.data(&parts.join("\n\n")) } else { Ok(()) }
}

/// The account, as far as it is known, and the region.
fn place_of(caller: &str, region: &str) -> String {
    match account(caller) {
        "" => region.to_owned(),
        account => format!("account {account}, {region}"),
    }
}

/// Says what stands in the way.
fn warn(leftovers: &Leftovers, scope: &Scope, force: bool, printer: Printer) {
    for (bastion, count) in &leftovers.sessions {
        let then = match (force, &scope.target) {
            (true, None) => "they end".to_owned(),
            (true, Some(target)) => format!("what they do with {target} stops"),
            (false, None) => "it and all it works with stay unless --force is given".to_owned(),
            (false, Some(_)) => "its rules stay unless --force is given".to_owned(),
        };
        printer.warn(&format!("live sessions on {bastion}: {count}; {then}"));
    }
    if let Some(unasked) = &leftovers.unasked {
        let then =
            if force { "if there are any, they end" } else { "it stays unless --force is given" };
        let bastions = unasked.bastions.join(", ");
        printer.warn(&format!(
            "whether sessions are live on {bastions} is not known: {}; {then}",
            unasked.why
        ));
    }
}

/// Prints what came of it; a failure when something is left.
fn finish(
    aws: &Aws,
    scope: &Scope,
    removed: &Removed,
    leftovers: &Leftovers,
    printer: Printer,
) -> Result<Exit, Failure> {
    for one in &removed.failed {
        let resource = one.removal.resource.as_str();
        printer.event(&Event::StepFailed {
            resource,
            message: &one.error.message,
            hints: &one.error.hints,
            command: &one.command,
        })?;
    }
    let left = removed.failed.len() + leftovers.kept.len() + leftovers.unseen.len();
    printer.event(&Event::Cleaned { removed: removed.done.len(), left })?;
    if left == 0 {
        if !removed.done.is_empty() {
            let place = place(scope, aws);
            printer.note(&format!("{} removed; nothing is left {place}", removed.done.len()));
        }
        return Ok(Exit::Done);
    }
    printer.data(&still_there(removed, leftovers))?;
    let message =
        format!("{} removed, {left} still there {}", removed.done.len(), place(scope, aws));
    let failed = removed.failed.iter().flat_map(|one| &one.error.hints);
    let unasked = leftovers.unasked.iter().flat_map(|one| &one.hints);
    let unseen = leftovers.unseen.iter().flat_map(|one| &one.hints);
    let in_use = leftovers.kept.iter().any(|one| one.command == bastion::FORCE);
    let force = in_use.then(|| "--force removes it all the same, whoever is connected".to_owned());
    let hints = force.into_iter().chain(failed.chain(unasked).chain(unseen).cloned());
    let failure = Failure::new(Kind::Partial, message);
    Err(hints
        .fold(failure, Failure::hint)
        .hint("when what is in the way is gone, the same command removes the rest"))
}

/// What stays, and why; `None` where all can go.
fn table_of_kept(leftovers: &Leftovers) -> Option<String> {
    let mut table = Table::new(&["STAYS", "WHY"]);
    let mut is_empty = true;
    for (resource, why) in kept(leftovers) {
        table.row([&resource, why]);
        is_empty = false;
    }
    (!is_empty).then(|| table.for_stdout())
}

/// What stays by name, and the kinds of which nobody knows whether any is there.
fn kept(leftovers: &Leftovers) -> impl Iterator<Item = (String, &str)> {
    let kept = leftovers.kept.iter().map(|one| (one.resource.clone(), one.why.as_str()));
    let unseen = leftovers.unseen.iter();
    kept.chain(unseen.map(|one| (format!("any {}", one.what), one.why.as_str())))
}

/// What is left, and below it the commands that remove it by hand, each on a line of its own: those
/// in a table could not be copied.
fn still_there(removed: &Removed, leftovers: &Leftovers) -> String {
    let mut table = Table::new(&["STILL THERE", "WHY"]);
    for one in &removed.failed {
        table.row([&one.removal.resource, &one.error.message]);
    }
    for (resource, why) in kept(leftovers) {
        table.row([&resource, why]);
    }
    let tried = removed.failed.iter().filter(|one| one.was_tried());
    let failed = tried.map(|one| one.command.as_str());
    // What is in use is told of by a hint.
    let kept = leftovers.kept.iter().map(|one| one.command.as_str());
    let commands = failed.chain(kept.filter(|command| *command != bastion::FORCE));
    let by_hand: Vec<String> = commands.map(|command| format!("  {command}")).collect();
    if by_hand.is_empty() {
        return table.for_stdout();
    }
    format!("{}\n\nby hand:\n{}", table.for_stdout(), by_hand.join("\n"))
}
