//! `adit init`: makes targets reachable, after saying what that takes.

use adit_aws::Aws;
use adit_aws::bastion::{self, Applied, ApplyError, Bastion, Desired, Inventory, Plan, PlanError};
use adit_aws::targets::{self, Target, TargetSpec};
use futures_util::future::try_join_all;

use super::access::{self, account};
use super::ask::consent;
use super::choose;
use super::telling::Telling;
use super::watch::{Ending, during, stopped, to_a_boundary};
use crate::cli::Given;
use crate::exit::Exit;
use crate::failure::{Failure, Kind};
use crate::settings::{Consent, InitSettings};
use crate::signals::Signals;
use crate::ui::{Event, Printer, Progress, Table};

pub(crate) async fn run(
    settings: InitSettings,
    given: Given,
    mut signals: Signals,
    printer: Printer,
) -> Result<Exit, Failure> {
    if settings.targets.is_empty() && settings.vpc.is_none() {
        choose::is_possible("init", &given, printer)?;
    }
    let consented = settings.consent;
    let (aws, planned) = match prepare(settings, given, &mut signals, printer).await {
        Ok(prepared) => prepared,
        Err(ending) => {
            let stop = ending?;
            printer.parting("nothing was changed");
            return Ok(stopped(stop, printer));
        }
    };
    planned.show(printer)?;
    if let Err(ending) = during(&mut signals, printer, printer.settled()).await {
        return ending.map(|stop| stopped(stop, printer));
    }
    for warning in planned.warnings() {
        printer.warn(warning);
    }
    if planned.plan.steps.is_empty() {
        if consented != Consent::Plan && planned.plan.bastion.as_ref().is_some_and(Bastion::is_up) {
            return planned.apply(&aws, &mut signals, printer).await;
        }
        planned.nothing_to_do(printer)?;
        return Ok(Exit::Done);
    }
    let question = planned.question();
    let command = planned.command();
    if let Some(exit) = consent(consented, &question, &command, &mut signals, printer).await? {
        return Ok(exit);
    }
    planned.apply(&aws, &mut signals, printer).await
}

/// Finds out what is asked for and what that takes.
async fn prepare(
    settings: InitSettings,
    given: Given,
    signals: &mut Signals,
    printer: Printer,
) -> Result<(Aws, Planned), Ending> {
    let aws = during(signals, printer, access::load(&settings.access, printer)).await?;
    let mut specs = settings.targets;
    if specs.is_empty() && settings.vpc.is_none() {
        specs.push(choose::target(&aws, "Make reachable", signals, printer).await?.spec);
    }
    let planning = draw_up(&aws, specs, settings.vpc, settings.options, given, printer);
    let planned = during(signals, printer, planning).await?;
    Ok((aws, planned))
}

/// What shall be, what is, and what leads from one to the other.
pub(super) struct Planned {
    /// The targets as they were asked for, in the order of those in `desired`.
    specs: Vec<TargetSpec>,
    given: Given,
    desired: Desired,
    inventory: Inventory,
    pub(super) plan: Plan,
}

/// Looks targets and VPC up, and decides.
pub(super) async fn draw_up(
    aws: &Aws,
    specs: Vec<TargetSpec>,
    vpc: Option<String>,
    options: bastion::Options,
    given: Given,
    printer: Printer,
) -> Result<Planned, Failure> {
    let names: Vec<String> = specs.iter().map(ToString::to_string).collect();
    let what = match (names.is_empty(), &vpc) {
        (true, Some(vpc)) => vpc.clone(),
        _ => names.join(", "),
    };
    let mut progress = Progress::begin(printer, &format!("looking up {what}"));
    let targets = try_join_all(specs.iter().map(|spec| targets::look_up(aws, spec))).await?;
    let vpc = vpc.or_else(|| targets.first().map(|target| target.vpc.clone()));
    let vpc =
        vpc.ok_or_else(|| Failure::new(Kind::Usage, "neither a target nor a VPC is given"))?;
    progress.now(&format!("looking at {vpc}"));
    let desired = Desired { vpc, targets, options };
    let inventory = Box::pin(bastion::inventory(aws, &desired)).await?;
    let plan = bastion::plan(&inventory, &desired)?;
    Ok(Planned { specs, given, desired, inventory, plan })
}

impl Planned {
    /// Tells programs what would be done.
    pub(super) fn announce(&self, printer: Printer) -> Result<(), Failure> {
        let Plan { vpc, steps, reasons, .. } = &self.plan;
        let warnings: Vec<String> = self.warnings().cloned().collect();
        let Inventory { region, caller, .. } = &self.inventory;
        printer.event(&Event::Plan { region, caller, vpc, steps, reasons, warnings: &warnings })
    }

    /// Prints who would do what, where, and why.
    fn show(&self, printer: Printer) -> Result<(), Failure> {
        self.announce(printer)?;
        let Plan { vpc, steps, reasons, .. } = &self.plan;
        let Inventory { region, caller, .. } = &self.inventory;
        let mut parts = vec![format!("account {}, region {region}, as {caller}", account(caller))];
        if self.desired.targets.is_empty() {
            parts.push(format!("a bastion in {vpc}"));
        } else {
            parts.push(table_of(&self.specs, &self.desired.targets));
        }
        if !steps.is_empty() {
            let mut table = Table::new(&["#", "STEP", "WHY"]);
            for (step, number) in steps.iter().zip(1_u32..) {
                table.row([&number.to_string(), &step.summary, &step.why]);
            }
            parts.push(table.for_stdout());
        }
        if !reasons.is_empty() {
            let mut table = Table::new(&["CHOSEN", "BECAUSE"]);
            for reason in reasons {
                let (what, why) = reason.split_once(": ").unwrap_or((reason, ""));
                table.row([what, why]);
            }
            parts.push(table.for_stdout());
        }
        printer.data(&parts.join("\n\n"))
    }

    /// What is not as it should be, of the plan and of its targets.
    fn warnings(&self) -> impl Iterator<Item = &String> {
        let of_targets = self.desired.targets.iter().flat_map(|target| &target.warnings);
        self.plan.warnings.iter().chain(of_targets)
    }

    fn question(&self) -> String {
        let steps = match self.plan.steps.len() {
            1 => "this step".to_owned(),
            steps => format!("these {steps} steps"),
        };
        format!("Do {steps} in account {}?", account(&self.inventory.caller))
    }

    /// The command that makes this plan again.
    fn command(&self) -> String {
        let targets: Vec<String> = self.specs.iter().map(ToString::to_string).collect();
        self.given.again_for("init", &targets)
    }

    fn nothing_to_do(&self, printer: Printer) -> Result<(), Failure> {
        let bastion = self.plan.bastion.as_ref();
        let bastion = bastion
            .map(|bastion| format!(": the bastion {} is {}", bastion.id, bastion.state.as_str()));
        let id = self.plan.bastion.as_ref().map(|bastion| bastion.id.as_str());
        printer.event(&Event::Initialised { vpc: &self.plan.vpc, bastion: id })?;
        printer.note(&format!("there is nothing to do{}", bastion.unwrap_or_default()));
        self.tell_what_next(printer);
        Ok(())
    }

    fn tell_what_next(&self, printer: Printer) {
        for spec in &self.specs {
            let command = self.given.again_for("connect", &[spec.to_string()]);
            printer.note(&format!("next: {command}"));
        }
        if self.desired.targets.is_empty() {
            printer.note("next: `adit list` shows what there is to reach");
        }
    }

    /// Does it, step by step. Ctrl-C lets the request under way end.
    async fn apply(
        &self,
        aws: &Aws,
        signals: &mut Signals,
        printer: Printer,
    ) -> Result<Exit, Failure> {
        let mut telling = Telling::new(printer);
        let between = telling.between();
        let work = bastion::apply(aws, &self.plan, |progress| telling.tell(progress));
        let stopping = || printer.note("stopping when the request under way has been answered");
        let applied = to_a_boundary(signals, &between, work, stopping).await;
        let done = telling.end();
        match applied {
            Ok(Ok(applied)) => {
                self.finish(&applied, printer)?;
                Ok(Exit::Done)
            }
            Ok(Err(error)) => Err(error.into()),
            Err(stop) => {
                self.tell_what_stands(&done, printer);
                Ok(stopped(stop, printer))
            }
        }
    }

    fn finish(&self, applied: &Applied, printer: Printer) -> Result<(), Failure> {
        let bastion = applied.bastion.as_deref();
        printer.event(&Event::Initialised { vpc: &self.plan.vpc, bastion })?;
        match bastion {
            Some(id) if self.plan.steps.is_empty() => {
                printer.note(&format!("there is nothing to do: the bastion {id} is online"));
            }
            Some(id) if applied.is_online => {
                printer.note(&format!("the bastion {id} is online"));
            }
            _ => printer.note("done"),
        }
        self.tell_what_next(printer);
        Ok(())
    }

    fn tell_what_stands(&self, done: &[String], printer: Printer) {
        if done.is_empty() {
            printer.parting("stopped; nothing was made");
            return;
        }
        printer.parting(&format!(
            "stopped after {} of {} steps",
            done.len(),
            self.plan.steps.len()
        ));
        for resource in done {
            printer.note(&format!("it stays: {resource}"));
        }
        printer.note(&format!(
            "`{}` goes on from there; `{}` removes it",
            self.command(),
            // Not the target's rules alone: the bastion is not to be left.
            self.given.without_targets("cleanup")
        ));
    }
}

fn table_of(specs: &[TargetSpec], targets: &[Target]) -> String {
    let mut table =
        Table::new(&["TARGET", "ENGINE", "ADDRESS", "VPC"]).or_without(&["ENGINE", "VPC"]);
    for (spec, target) in specs.iter().zip(targets) {
        let address = format!("{}:{}", target.host, target.port);
        let engine = target.engine.as_deref().unwrap_or_default();
        table.row([&named(spec, target), engine, &address, &target.vpc]);
    }
    table.for_stdout()
}

/// What a target is called: the resource, with the endpoint that was asked for.
fn named(spec: &TargetSpec, target: &Target) -> String {
    match &spec.endpoint {
        Some(endpoint) => format!("{}/{endpoint}", target.resource()),
        None => target.resource(),
    }
}

impl From<PlanError> for Failure {
    fn from(error: PlanError) -> Self {
        let kind = match &error {
            PlanError::BadTag { .. } | PlanError::TooManyTags { .. } => Kind::Usage,
            PlanError::NoSuchVpc { .. } | PlanError::TargetElsewhere { .. } => Kind::Target,
            _ => Kind::Bastion,
        };
        error.hints().into_iter().fold(Self::new(kind, error.to_string()), Self::hint)
    }
}

impl From<ApplyError> for Failure {
    fn from(error: ApplyError) -> Self {
        let hints = error.hints();
        let message = error.to_string();
        let failure = Self::from(error.error);
        Self { message, hints, ..failure }
    }
}
