//! Limits hold whatever happens to the websockets, and while the machine sleeps.

use adit_engine::{Limit, LimitsConfig};
use adit_sim::Time;
use adit_sim::apps::Plan;
use adit_sim::scenario::{Fault, Scenario};
use adit_sim::world::World;

const HOUR: Time = Time::from_hours(1);

/// A tunnel with limits, whose websocket the service closes each hour, and a question now and then.
fn tunnel(idle: Option<Time>, max: Time, think: Time, questions: u64) -> Scenario {
    let mut scenario = Scenario::calm(3);
    scenario.supervisor.rollover = None;
    scenario.limits = Some(LimitsConfig { idle, max, ceiling: max });
    scenario.opening(Time::from_secs(1), Plan { think, ..Plan::rounds(100, 500, questions) })
}

/// Runs to the end of the tunnel: which limit that was, when, and how often it was resumed.
fn end_of(scenario: Scenario) -> (Limit, Time, u64) {
    let mut world = World::new(scenario);
    while world.step() {}
    assert_eq!(world.report().violation, None);
    let (limit, at) = world.limit_reached().expect("a limit");
    (limit, at, world.totals().resumes)
}

fn assert_close(at: Time, moment: Time) {
    assert!(at >= moment && at < moment + Time::from_secs(1), "{at:?}, expected {moment:?}");
}

#[test]
fn the_maximum_is_reached_in_time_after_a_week_of_resumptions() {
    let max = HOUR * 168 + Time::from_mins(30);
    let (limit, at, resumes) = end_of(tunnel(None, max, Time::from_mins(10), 10_000));
    assert_eq!((limit, resumes), (Limit::Maximum, 168));
    assert_close(at, max);
}

#[test]
fn the_idle_limit_is_reached_in_time_after_a_week_of_resumptions() {
    let (idle, think) = (Time::from_mins(10), Time::from_mins(5));
    // Questions for a week, and none after that.
    let questions = 168 * 12 + 6;
    let (limit, at, resumes) = end_of(tunnel(Some(idle), HOUR * 500, think, questions));
    assert!(limit == Limit::Idle && resumes >= 168, "{limit:?} {resumes}");
    // Each round takes a little longer than its pause.
    let last = think * (questions as u32 - 1);
    assert!(at > last + idle && at < last + idle + Time::from_mins(20), "{at:?} {last:?}");
}

#[test]
fn a_sleep_of_eight_hours_counts() {
    let think = Time::from_mins(10);
    let asleep = |scenario: Scenario| scenario.suffering(HOUR * 3, Fault::Sleep(HOUR * 8));
    // The end comes after it, within it, and the machine was not in use while it slept.
    // The service ends the session after 20 minutes of it, and the next question begins another.
    let question = Plan { think, ..Plan::rounds(100, 500, 1000) };
    let long = tunnel(None, HOUR * 20, think, 1000).opening(HOUR * 12, question);
    let (limit, at, resumes) = end_of(asleep(long));
    assert!(limit == Limit::Maximum && resumes >= 2 + 7, "{limit:?} {resumes}");
    assert_close(at, HOUR * 20);
    let (limit, at, _) = end_of(asleep(tunnel(None, HOUR * 10, think, 1000)));
    assert_eq!(limit, Limit::Maximum);
    assert_close(at, HOUR * 11);
    let (limit, at, _) = end_of(asleep(tunnel(Some(HOUR / 2), HOUR * 20, think, 1000)));
    assert_eq!(limit, Limit::Idle);
    assert_close(at, HOUR * 11);
}
