mod property;

use std::collections::BTreeMap;

use super::rank::FORGOTTEN;
use super::*;
use crate::test_clock::origin;

const HOLD: Duration = Duration::from_secs(30);
const SECOND: Duration = Duration::from_secs(1);
const QUIET: Load = Load {
    queued: 0,
    is_bulk: false,
    is_stalled: false,
    is_away: false,
    is_unheard: false,
    is_single: false,
};
const BULK: Load = Load { queued: 100_000, is_bulk: true, ..QUIET };
const AWAY: Load = Load { is_away: true, ..STALLED };
const STALLED: Load = Load { is_stalled: true, ..QUIET };

/// Lanes with a clock, and what is said about each.
struct World {
    lanes: Lanes,
    now: Instant,
    loads: BTreeMap<LaneId, Load>,
}

impl World {
    /// With a first lane that is up.
    fn new(most: usize) -> Self {
        let now = origin();
        let config = LanesConfig { most, ..LanesConfig::default() };
        let mut world = Self { lanes: Lanes::new(config, now), now, loads: BTreeMap::new() };
        world.up(0);
        world
    }

    fn up(&mut self, lane: u32) {
        self.lanes.up(self.now, LaneId(lane));
    }

    fn is(&mut self, lane: u32, load: Load) {
        self.loads.insert(LaneId(lane), load);
    }

    fn load(&self) -> impl Fn(LaneId) -> Load + use<> {
        let loads = self.loads.clone();
        move |id| loads.get(&id).copied().unwrap_or_default()
    }

    fn place_of(&mut self, since: Instant, waiting: usize) -> Place {
        let load = self.load();
        self.lanes.place(self.now, (since, since + HOLD), waiting, load)
    }

    fn a_moment_ago(&self) -> Instant {
        self.now.checked_sub(MOMENT).unwrap()
    }

    /// Of a connection that has come a moment ago, as the only one.
    fn place(&mut self) -> Place {
        self.place_of(self.a_moment_ago(), 1)
    }

    fn look(&mut self) {
        let load = self.load();
        self.lanes.look(self.now, load);
    }

    fn actions(&mut self) -> Vec<LaneAction> {
        std::iter::from_fn(|| self.lanes.poll_action()).collect()
    }
}

fn lane(id: u32) -> Place {
    Place::Lane(LaneId(id))
}

fn open(id: u32) -> LaneAction {
    LaneAction::Open(LaneId(id))
}

#[test]
fn one_connection_after_the_other_has_one_lane() {
    let mut world = World::new(8);
    for _ in 0..10 {
        assert_eq!(world.place(), lane(0));
        world.lanes.depart(world.now, LaneId(0), false);
        world.look();
    }
    assert_eq!(world.actions(), []);
}

#[test]
fn a_client_that_has_ended_is_in_nobodys_way_unless_it_still_gets_much() {
    let mut world = World::new(8);
    assert_eq!(world.place(), lane(0));
    world.lanes.part(world.now, LaneId(0));
    assert_eq!(world.place(), lane(0));
    world.lanes.part(world.now, LaneId(0));
    world.is(0, BULK);
    world.now += FORGOTTEN;
    assert!(matches!(world.place(), Place::Wait(_)));
    assert_eq!(world.actions(), [open(1)]);
    world.lanes.depart(world.now, LaneId(0), true);
    assert_eq!(world.place(), lane(0), "what was bulk may be over");
    world.lanes.depart(world.now, LaneId(0), false);
    world.now += FORGOTTEN;
    assert!(matches!(world.place(), Place::Wait(_)), "it is not");
}

#[test]
fn connections_at_once_have_a_lane_each() {
    let mut world = World::new(4);
    assert_eq!(world.place(), lane(0));
    let since = world.now;
    assert_eq!(world.place_of(since, 1), Place::Wait(Some(since + MOMENT)));
    assert_eq!(world.actions(), [], "who was there before may be done");
    world.now += MOMENT;
    let until = Place::Wait(Some(since + PATIENCE));
    assert_eq!(world.place_of(since, 1), until);
    assert_eq!(world.place_of(since, 2), until);
    assert_eq!(world.place_of(since, 2), until, "asking again opens nothing");
    assert_eq!(world.actions(), [open(1), open(2)]);
    world.up(2);
    assert_eq!(world.place_of(since, 2), lane(2));
    assert_eq!(world.place_of(since, 1), until);
    world.up(1);
    assert_eq!(world.place_of(since, 1), lane(1));
    assert_eq!(world.actions(), []);
}

#[test]
fn beyond_the_most_the_least_busy_lane_is_shared() {
    let mut world = World::new(2);
    world.place();
    world.place();
    world.actions();
    world.up(1);
    assert_eq!(world.place(), lane(1));
    world.is(0, Load { queued: 10, ..QUIET });
    assert_eq!(world.place(), lane(1), "less waits there");
    assert_eq!(world.place(), lane(0), "fewer are there");
    world.is(0, BULK);
    assert_eq!(world.place(), lane(1));
    assert_eq!(world.place(), lane(1), "rather many than bulk");
    world.is(1, STALLED);
    assert_eq!(world.place(), lane(0), "rather bulk than none");
    assert_eq!(world.actions(), []);
}

#[test]
fn a_quiet_lane_is_shared_when_another_takes_long_and_a_busy_one_much_later() {
    let mut world = World::new(2);
    world.place();
    let since = world.now;
    world.place();
    world.now += PATIENCE;
    let until = Place::Wait(Some(since + PATIENCE_WITH_BUSY));
    for busy in [BULK, STALLED, Load { is_single: true, ..QUIET }] {
        world.is(0, busy);
        assert_eq!(world.place_of(since, 1), until);
    }
    world.is(0, QUIET);
    assert_eq!(world.place_of(since, 1), lane(0));
    world.is(0, BULK);
    world.now = since + PATIENCE_WITH_BUSY;
    assert_eq!(world.place_of(since, 1), lane(0));
}

#[test]
fn who_cannot_wait_shares_what_there_is() {
    let mut world = World::new(2);
    world.place();
    world.is(0, BULK);
    assert!(matches!(world.place(), Place::Wait(_)));
    let (load, now) = (world.load(), world.now);
    assert_eq!(world.lanes.place(now, (now, now), 1, load), lane(0));
}

#[test]
fn who_comes_while_the_agent_is_away_waits_until_it_is_back_or_another_lane_is_up() {
    let mut world = World::new(1);
    world.is(0, AWAY);
    let since = world.now;
    assert_eq!(world.place_of(since, 1), Place::Wait(Some(world.now + LOOK)));
    world.now += PATIENCE_WITH_BUSY;
    assert_eq!(world.place_of(since, 1), Place::Wait(Some(world.now + LOOK)));
    world.is(0, QUIET);
    assert_eq!(world.place_of(since, 1), lane(0));

    world.is(0, Load { is_unheard: true, ..QUIET });
    assert_eq!(world.place_of(world.now, 1), Place::Wait(Some(world.now + LOOK)));
    let (load, now) = (world.load(), world.now);
    assert_eq!(world.lanes.place(now, (now, now), 1, load), lane(0), "who cannot wait hopes");

    let mut world = World::new(2);
    world.is(0, Load { is_unheard: true, ..QUIET });
    assert!(matches!(world.place(), Place::Wait(_)));
    assert_eq!(world.actions(), [], "it will be known in a moment");
    world.is(0, AWAY);
    let since = world.now;
    assert!(matches!(world.place_of(since, 1), Place::Wait(_)));
    assert_eq!(world.actions(), [], "it may be back in a moment");
    let load = world.load();
    assert!(!world.lanes.has_another(LaneId(0), &load));
    world.now += PATIENCE;
    assert!(matches!(world.place_of(since, 1), Place::Wait(_)));
    assert_eq!(world.actions(), [open(1)]);
    assert!(world.lanes.has_another(LaneId(0), &load));
    world.up(1);
    assert!(world.lanes.has_another(LaneId(0), &load));
    assert_eq!(world.place_of(since, 1), lane(1));
    world.is(1, AWAY);
    assert!(!world.lanes.has_another(LaneId(0), world.load()));
}

#[test]
fn a_lane_whose_agent_is_away_is_no_reserve() {
    let mut world = World::new(3);
    world.place();
    world.is(0, BULK);
    world.look();
    assert_eq!(world.actions(), [open(1)]);
    world.up(1);
    world.is(1, AWAY);
    world.look();
    assert_eq!(world.actions(), [open(2)]);
}

#[test]
fn the_second_busy_connection_finds_a_lane_open() {
    let mut world = World::new(3);
    world.place();
    world.look();
    assert_eq!(world.actions(), [], "talk needs no reserve");
    world.is(0, BULK);
    world.look();
    world.look();
    assert_eq!(world.actions(), [open(1)]);
    world.up(1);
    assert_eq!(world.place(), lane(1));
    world.is(1, BULK);
    world.look();
    assert_eq!(world.actions(), [open(2)]);
    world.up(2);
    world.is(2, BULK);
    world.look();
    assert_eq!(world.actions(), [], "no more than the most");
}

#[test]
fn agents_that_connect_at_once_have_none_opened_ahead() {
    let mut world = World::new(3);
    world.place();
    world.is(0, Load { is_single: true, ..BULK });
    world.look();
    assert_eq!(world.actions(), []);
    assert!(matches!(world.place(), Place::Wait(_)));
    assert_eq!(world.actions(), [open(1)]);
}

#[test]
fn what_nobody_uses_is_closed_but_for_the_last_and_a_reserve() {
    let mut world = World::new(3);
    world.place();
    world.place_of(world.a_moment_ago(), 2);
    assert_eq!(world.actions(), [open(1), open(2)]);
    world.up(1);
    world.up(2);
    world.is(0, BULK);
    world.look();
    assert_eq!(world.lanes.poll_timeout(), Some(world.now + Duration::from_mins(1)));
    world.now += Duration::from_mins(1);
    world.look();
    assert_eq!(world.actions(), [LaneAction::Close(LaneId(2))], "one stays for who comes next");
    world.lanes.left(LaneId(2));
    world.now += Duration::from_mins(1);
    world.look();
    assert_eq!(world.actions(), []);

    world.lanes.depart(world.now, LaneId(0), false);
    world.now += Duration::from_mins(1);
    world.look();
    assert_eq!(world.actions(), [LaneAction::Close(LaneId(1))]);
    world.lanes.left(LaneId(1));
    world.now += Duration::from_hours(1);
    world.look();
    assert_eq!((world.actions(), world.lanes.poll_timeout()), (vec![], None), "the last one stays");
}

#[test]
fn a_lane_that_is_being_closed_gets_no_connection() {
    let mut world = World::new(2);
    world.place();
    world.place();
    world.up(1);
    world.lanes.depart(world.now, LaneId(0), false);
    world.now += Duration::from_mins(1);
    world.look();
    assert_eq!(world.actions(), [open(1), LaneAction::Close(LaneId(1))]);
    world.place();
    assert_eq!(world.place(), lane(0), "while it counts there is no other");
    world.lanes.left(LaneId(1));
    assert!(matches!(world.place(), Place::Wait(_)));
    assert_eq!(world.actions(), [open(2)]);
}

#[test]
fn after_a_refusal_the_others_are_shared_and_tries_become_rare() {
    let mut world = World::new(8);
    world.place();
    world.place();
    world.place_of(world.now, 2);
    world.place_of(world.now, 3);
    assert_eq!(world.actions(), [open(1), open(2), open(3)]);
    assert!(world.lanes.refused(world.now, LaneId(1)));
    world.up(2);
    world.lanes.left(LaneId(2));
    assert!(!world.lanes.refused(world.now, LaneId(3)), "it is said once");
    assert_eq!(world.place(), lane(0), "nobody waits for what is not tried");
    let mut tries = 0;
    for _ in 0..3600 {
        world.now += SECOND;
        world.is(0, BULK);
        world.look();
        for action in world.actions() {
            tries += 1;
            let LaneAction::Open(id) = action else { panic!("{action:?}") };
            assert!(!world.lanes.refused(world.now, id));
        }
    }
    assert!((10..20).contains(&tries), "{tries} in an hour");

    world.now += REFUSED_MAX;
    world.look();
    let [LaneAction::Open(id)] = world.actions()[..] else { panic!("none is tried") };
    world.lanes.up(world.now, id);
    world.lanes.left(id);
    world.look();
    assert_eq!(world.actions().len(), 1, "all is well again");
}

#[test]
fn nothing_is_opened_while_nothing_works() {
    let mut world = World::new(8);
    world.place();
    world.lanes.down(LaneId(0));
    assert_eq!(world.place_of(world.now, 5), Place::Wait(None));
    let load = world.load();
    world.lanes.look(world.now, load);
    assert_eq!(world.actions(), []);
}

#[test]
fn a_lane_that_leads_elsewhere_is_left_to_those_it_has() {
    let mut world = World::new(3);
    world.place();
    world.place();
    world.up(1);
    assert_eq!(world.place(), lane(1));
    world.actions();
    assert!(world.lanes.can_spare(LaneId(1)));
    world.lanes.outdate_others(LaneId(1));
    assert!(!world.lanes.can_spare(LaneId(1)), "what leads elsewhere does not stand in");
    world.lanes.down(LaneId(1));
    assert_eq!(world.place(), Place::Wait(None));
    world.up(1);
    world.lanes.depart(world.now, LaneId(1), false);
    assert_eq!(world.place(), lane(1));
    world.lanes.depart(world.now, LaneId(0), false);
    world.look();
    assert_eq!(world.actions(), [LaneAction::Close(LaneId(0))]);
}

#[test]
fn two_that_find_the_destination_gone_do_not_outdate_each_other() {
    let mut world = World::new(2);
    world.place();
    world.place();
    world.up(1);
    world.lanes.outdate_others(LaneId(0));
    world.lanes.down(LaneId(0));
    world.lanes.outdate_others(LaneId(1));
    assert!(!world.lanes.can_spare(LaneId(0)));
    assert!(world.lanes.can_spare(LaneId(1)), "the other is opened anew");
    world.lanes.left(LaneId(1));
    world.lanes.depart(world.now, LaneId(0), false);
    world.lanes.renewed(world.now, LaneId(0));
    assert_eq!(world.place(), lane(0));
}

#[test]
fn what_leads_elsewhere_is_better_than_no_tunnel() {
    let mut world = World::new(2);
    world.place();
    world.place();
    world.up(1);
    assert_eq!(world.place(), lane(1));
    world.lanes.outdate_others(LaneId(0));
    world.lanes.down(LaneId(0));
    assert!(world.lanes.goes_on_without(LaneId(0)));
    world.lanes.left(LaneId(0));
    assert!(!world.lanes.goes_on_without(LaneId(1)), "it is the last");
    assert!(matches!(world.place(), Place::Wait(_)));
    assert_eq!(world.place_of(world.now, 1), Place::Wait(Some(world.now + PATIENCE)));
}

#[test]
fn who_cannot_have_a_lane_of_its_own_does_not_wait_a_moment() {
    let mut world = World::new(1);
    world.place();
    assert_eq!(world.place_of(world.now, 1), lane(0));
}

#[test]
fn what_was_bulk_and_is_free_goes_before_what_is_taken() {
    let mut world = World::new(2);
    world.place();
    world.place();
    world.up(1);
    world.is(1, BULK);
    assert_eq!(world.place(), lane(1));
}
