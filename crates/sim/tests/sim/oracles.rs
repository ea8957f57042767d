//! Each oracle fires when there is reason to.

use adit_engine::{LimitsConfig, SessionConfig};
use adit_sim::Time;
use adit_sim::apps::Plan;
use adit_sim::chance::{Length, scenario};
use adit_sim::oracle::{Promise, budgets};
use adit_sim::peer::Defect;
use adit_sim::scenario::{Fault, Sabotage, Scenario, Side};
use adit_sim::shrink::shrink;
use adit_sim::world::World;

fn ms(ms: u64) -> Time {
    Time::from_millis(ms)
}

/// A world in which a good deal of data comes down.
fn download() -> Scenario {
    Scenario::calm(1).opening(ms(0), Plan::rounds(10, 200_000, 1))
}

fn broken(scenario: Scenario) -> Option<Promise> {
    World::run(scenario).violation.map(|violation| violation.promise)
}

#[test]
fn a_world_without_defects_breaks_nothing() {
    let report = World::run(download());
    assert_eq!(report.violation, None);
    assert!(report.is_complete);
    assert_eq!(report.totals.bytes, 200_010);
    assert_eq!((report.totals.ended, report.totals.broken), (1, 0));
}

#[test]
fn bytes_that_double_vanish_or_change_places_are_noticed() {
    for defect in [Defect::Doubles, Defect::Drops, Defect::Swaps] {
        let mut scenario = download();
        scenario.peer.defect = Some(defect);
        assert_eq!(broken(scenario), Some(Promise::Prefix), "{defect:?}");
    }
}

#[test]
fn an_end_that_comes_early_is_noticed() {
    let mut scenario = download();
    scenario.peer.defect = Some(Defect::EndsEarly);
    assert_eq!(broken(scenario), Some(Promise::Whole));
}

#[test]
fn a_message_that_is_not_acknowledged_is_noticed() {
    let scenario = download().suffering(ms(400), Fault::Sabotage(Sabotage::HidesAck));
    assert_eq!(broken(scenario), Some(Promise::Acknowledged));
}

#[test]
fn a_budget_that_is_exceeded_is_noticed() {
    let config = SessionConfig::default();
    let session = |stats: &mut adit_engine::Stats, part: usize| match part {
        0 => stats.in_flight = config.window_max + (65 << 10),
        1 => stats.unread = config.inbound_budget + (17 << 10),
        _ => stats.waiting = 1,
    };
    assert_eq!(budgets(&adit_engine::Stats::default(), &config), None);
    for part in 0..3 {
        let mut stats = adit_engine::Stats::default();
        session(&mut stats, part);
        assert!(budgets(&stats, &config).is_some(), "part {part}");
    }
}

#[test]
fn a_timer_that_stays_due_is_noticed() {
    let scenario = download().suffering(ms(0), Fault::Sabotage(Sabotage::RepeatsTimeout));
    assert_eq!(broken(scenario), Some(Promise::Calm));
}

#[test]
fn a_stream_that_stands_still_for_no_reason_is_noticed() {
    let scenario = download().suffering(ms(400), Fault::Sabotage(Sabotage::BlackHole));
    assert_eq!(broken(scenario), Some(Promise::Prompt));
}

#[test]
fn a_tunnel_that_is_dead_and_does_not_say_so_is_noticed() {
    let cut = download()
        .suffering(ms(300), Fault::Sabotage(Sabotage::ForgetsResume))
        .suffering(ms(400), Fault::Cut(Side::Client));
    assert_eq!(broken(cut), Some(Promise::NoZombie));
}

/// Nothing is under way at all, so there is not even a moment at which to look.
#[test]
fn who_waits_for_what_never_comes_is_noticed() {
    let mut scenario = download();
    scenario.conversations[0].0 = ms(700);
    scenario.gateway.idle = Time::from_secs(1);
    let scenario = scenario
        .suffering(ms(500), Fault::Sabotage(Sabotage::ForgetsResume))
        .suffering(ms(600), Fault::EndSession);
    assert_eq!(broken(scenario), Some(Promise::NoZombie));
}

#[test]
fn a_limit_that_does_not_fire_is_noticed() {
    let (idle, max) = (Some(Time::from_secs(20)), Time::from_mins(10));
    let mut scenario = download();
    scenario.limits = Some(LimitsConfig { idle, max, ceiling: max });
    assert_eq!(broken(scenario.clone()), None);
    let ignored = Fault::Sabotage(Sabotage::IgnoresLimits);
    assert_eq!(broken(scenario.suffering(ms(100), ignored)), Some(Promise::Limit));
}

/// A world drawn by lot, in which one thing is wrong: little more than that is left.
#[test]
fn a_failing_world_is_made_smaller() {
    let large =
        scenario(3, Length::Steps(2000)).suffering(ms(3_000), Fault::Sabotage(Sabotage::HidesAck));
    let (small, report) = shrink(&large).expect("it fails");
    assert_eq!(report.violation.map(|it| it.promise), Some(Promise::Acknowledged));
    assert_eq!(small.faults.len(), 1, "{:?}", small.faults);
    assert!(small.conversations.len() <= 1, "{:?}", small.conversations);
    assert!(small.steps < large.steps / 4 && !report.trace.is_empty());
}
