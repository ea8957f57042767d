//! Making a failing scenario smaller: whatever can go without the failure going is taken away.

use crate::Time;
use crate::oracle::Violation;
use crate::scenario::Scenario;
use crate::world::{Report, World};

/// Runs that are spent on it at most.
const RUNS: u32 = 2000;

/// A small scenario that still breaks the same promise, and what happened in it. `None` when the
/// given one breaks none.
pub fn shrink(scenario: &Scenario) -> Option<(Scenario, Report)> {
    let mut report = World::run(scenario.clone());
    let broken = report.violation.clone()?;
    let mut best = scenario.clone();
    best.steps = report.totals.steps;
    let mut runs = RUNS;
    while let Some((smaller, its_report)) = step(&best, &broken, &mut runs) {
        (best, report) = (smaller, its_report);
    }
    Some((best, report))
}

/// The first smaller scenario that fails in the same way.
fn step(best: &Scenario, broken: &Violation, runs: &mut u32) -> Option<(Scenario, Report)> {
    for mut smaller in candidates(best) {
        *runs = runs.checked_sub(1)?;
        let report = World::run(smaller.clone());
        if report.violation.as_ref().is_some_and(|it| it.promise == broken.promise) {
            smaller.steps = report.totals.steps;
            return Some((smaller, report));
        }
    }
    None
}

/// What may go, the largest parts first.
fn candidates(best: &Scenario) -> Vec<Scenario> {
    let mut all = Vec::new();
    let mut with = |change: &dyn Fn(&mut Scenario)| {
        let mut smaller = best.clone();
        change(&mut smaller);
        all.push(smaller);
    };
    let mut half = best.conversations.len() / 2;
    while half > 0 {
        for start in (0..best.conversations.len()).step_by(half) {
            let end = (start + half).min(best.conversations.len());
            with(&|it| drop(it.conversations.drain(start..end)));
        }
        half /= 2;
    }
    for index in 0..best.faults.len() {
        with(&|it| {
            it.faults.remove(index);
        });
    }
    if best.bursts.is_some() {
        with(&|it| it.bursts = None);
    }
    for index in 0..best.conversations.len() {
        let plan = &best.conversations[index].1;
        if plan.rounds > 1 {
            with(&|it| it.conversations[index].1.rounds = plan.rounds / 2);
        }
        if plan.request > 1 && !plan.echo {
            with(&|it| it.conversations[index].1.request = plan.request / 2);
        }
        if plan.response > 1 && !plan.echo {
            with(&|it| it.conversations[index].1.response = plan.response / 2);
        }
        if plan.echo && plan.request > 1 {
            with(&|it| {
                it.conversations[index].1.request = plan.request / 2;
                it.conversations[index].1.response = plan.request / 2;
            });
        }
        if plan.local_pace.is_some() || plan.remote_pace.is_some() {
            with(&|it| {
                it.conversations[index].1.local_pace = None;
                it.conversations[index].1.remote_pace = None;
            });
        }
    }
    let ways =
        |it: &Scenario| it.client_leg.iter().chain(&it.agent_leg).cloned().collect::<Vec<_>>();
    if ways(best).iter().any(|way| !way.jitter.is_zero()) {
        with(&|it| {
            it.client_leg
                .iter_mut()
                .chain(&mut it.agent_leg)
                .for_each(|way| way.jitter = Time::ZERO);
        });
    }
    if !best.peer.not_ready_for.is_zero() || !best.peer.deaf_for.is_zero() {
        with(&|it| {
            it.peer.not_ready_for = Time::ZERO;
            it.peer.deaf_for = Time::ZERO;
        });
    }
    all
}
