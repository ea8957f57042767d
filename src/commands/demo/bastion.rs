//! What `adit init` and `adit cleanup` do, in the demo's VPC.

use std::time::Instant;

use adit_aws::bastion::{self, Options, Scope};

use super::story::Story;
use super::world::World;
use crate::cli::Given;
use crate::commands::init;
use crate::commands::telling::Telling;
use crate::failure::{Failure, Kind};
use crate::ui::{Event, Printer, span};

/// Makes the database reachable.
pub(crate) async fn prepare(
    world: &World,
    story: &mut Story,
    printer: Printer,
) -> Result<(), Failure> {
    let began = Instant::now();
    let printer = printer.hushed();
    let World { aws, spec, .. } = world;
    let specs = vec![spec.clone()];
    let drawing = init::draw_up(aws, specs, None, Options::default(), Given::default(), printer);
    let planned = Box::pin(drawing).await?;
    planned.announce(printer)?;
    let mut telling = Telling::new(printer);
    let applied =
        Box::pin(bastion::apply(aws, &planned.plan, |progress| telling.tell(progress))).await?;
    drop(telling);
    let bastion = applied.bastion.as_deref();
    printer.event(&Event::Initialised { vpc: &world.vpc, bastion })?;
    let (Some(bastion), true) = (bastion, applied.is_online) else {
        return Err(Failure::new(Kind::Internal, "the demo's bastion did not come online"));
    };
    let mut lines: Vec<String> = Vec::with_capacity(planned.plan.steps.len() + 1);
    for (step, number) in planned.plan.steps.iter().zip(1_u32..) {
        lines.push(format!("[{number}/{}] {}", planned.plan.steps.len(), step.summary));
    }
    lines.push(format!("the bastion {bastion} is online, after {}", span(began.elapsed())));
    story.step(&format!("`adit init --target {spec}` makes what is missing"), &lines)
}

/// Removes what was made for it, and looks whether that was all.
pub(crate) async fn clean_up(
    world: &World,
    story: &mut Story,
    printer: Printer,
) -> Result<(), Failure> {
    let printer = printer.hushed();
    let aws = &world.aws;
    let scope = Scope::default();
    let leftovers = Box::pin(bastion::find_leftovers(aws, &scope)).await?.without_what_is_in_use();
    printer.event(&Event::RemovalPlan {
        region: aws.region(),
        caller: &leftovers.caller,
        steps: &leftovers.removals,
        kept: &leftovers.kept,
        sessions: &leftovers.sessions,
    })?;
    let mut telling = Telling::new(printer);
    let removing = bastion::remove(aws, &leftovers, false, |progress| telling.tell(progress));
    let removed = Box::pin(removing).await;
    drop(telling);
    if let Some(one) = removed.failed.first() {
        let message = format!("{} is still there: {}", one.removal.resource, one.error);
        return Err(Failure::new(Kind::Partial, message));
    }
    let left = Box::pin(bastion::find_leftovers(aws, &scope)).await?;
    if !left.removals.is_empty() || !left.kept.is_empty() || removed.done.is_empty() {
        return Err(Failure::new(Kind::Internal, "the demo's cleanup did not remove everything"));
    }
    let count = removed.done.len();
    story.step(
        "`adit cleanup` removes what was made",
        &[format!(
            "{count} things are gone; the VPC is as it was, and {} is untouched",
            world.spec
        )],
    )
}
