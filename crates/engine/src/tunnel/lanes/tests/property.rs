use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::*;
use super::*;

#[derive(Clone, Debug)]
enum Step {
    Arrive,
    Part(usize),
    Depart(usize),
    Up(usize),
    Down(usize),
    Refuse(usize),
    Leave(usize),
    Load(usize, u8),
    Outdate(usize),
    Pass(u16),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => Just(Step::Arrive),
        2 => any::<usize>().prop_map(Step::Part),
        4 => any::<usize>().prop_map(Step::Depart),
        4 => any::<usize>().prop_map(Step::Up),
        1 => any::<usize>().prop_map(Step::Down),
        1 => any::<usize>().prop_map(Step::Refuse),
        1 => any::<usize>().prop_map(Step::Leave),
        3 => (any::<usize>(), 0..6_u8).prop_map(|(lane, load)| Step::Load(lane, load)),
        1 => any::<usize>().prop_map(Step::Outdate),
        4 => (0..20_000_u16).prop_map(Step::Pass),
    ];
    prop::collection::vec(step, 1..200)
}

proptest! {
    /// Whatever happens: never more than the most; nobody is put where others are while a lane is
    /// being opened, but for patience; nothing that is used is closed; nobody waits for nothing; and
    /// no time is asked for that has passed.
    #[test]
    fn lanes_are_what_they_promise(most in 1..6_usize, steps in steps()) {
        let mut world = World::new(most);
        // Lanes as they are to be, and the connections that they have.
        let mut known: BTreeMap<LaneId, (Standing, usize, usize)> = BTreeMap::from([(LaneId(0), (Standing::Up, 0, 0))]);
        let mut waiting: Vec<Instant> = Vec::new();
        for step in steps {
            let pick = |at: usize, of: &[LaneId]| of.get(at % of.len().max(1)).copied();
            let of = |known: &BTreeMap<LaneId, (Standing, usize, usize)>, wanted: &[Standing]| -> Vec<LaneId> {
                known.iter().filter(|(_, (is, _, _))| wanted.contains(is)).map(|(id, _)| *id).collect()
            };
            match step {
                Step::Arrive => waiting.push(world.a_moment_ago()),
                Step::Part(at) => {
                    let used: Vec<LaneId> = known.iter().filter(|(_, lane)| lane.1 > 0).map(|(id, _)| *id).collect();
                    if let Some(id) = pick(at, &used) {
                        world.lanes.part(world.now, id);
                        let lane = known.get_mut(&id).unwrap();
                        (lane.1, lane.2) = (lane.1 - 1, lane.2 + 1);
                    }
                }
                Step::Depart(at) => {
                    let used: Vec<LaneId> = known.iter().filter(|(_, lane)| lane.1 + lane.2 > 0).map(|(id, _)| *id).collect();
                    if let Some(id) = pick(at, &used) {
                        let lane = known.get_mut(&id).unwrap();
                        let was_parting = lane.2 > 0;
                        world.lanes.depart(world.now, id, was_parting);
                        if was_parting { lane.2 -= 1 } else { lane.1 -= 1 }
                    }
                }
                Step::Up(at) => if let Some(id) = pick(at, &of(&known, &[Standing::Opening, Standing::Down])) {
                    world.lanes.up(world.now, id);
                    known.get_mut(&id).unwrap().0 = Standing::Up;
                },
                Step::Down(at) => if let Some(id) = pick(at, &of(&known, &[Standing::Up])) {
                    world.lanes.down(id);
                    known.get_mut(&id).unwrap().0 = Standing::Down;
                },
                Step::Refuse(at) => if let Some(id) = pick(at, &of(&known, &[Standing::Opening])) {
                    world.lanes.refused(world.now, id);
                    known.remove(&id);
                },
                Step::Leave(at) => if let Some(id) = pick(at, &of(&known, &[Standing::Up, Standing::Down, Standing::Closing]))
                    && (known[&id].0 == Standing::Closing || world.lanes.can_spare(id)) {
                    world.lanes.left(id);
                    known.remove(&id);
                },
                Step::Load(at, load) => if let Some(id) = pick(at, &of(&known, &[Standing::Up])) {
                    world.is(id.0, [QUIET, BULK, STALLED, Load { is_single: true, ..QUIET }, AWAY, Load { is_unheard: true, ..QUIET }][load as usize]);
                },
                Step::Outdate(at) => if let Some(id) = pick(at, &of(&known, &[Standing::Up, Standing::Down])) {
                    world.lanes.outdate_others(id);
                    // Whoever finds that out is replaced, and so leads to where the destination is now.
                    world.lanes.down(id);
                    known.get_mut(&id).unwrap().0 = Standing::Down;
                },
                Step::Pass(ms) => world.now += Duration::from_millis(u64::from(ms)),
            }
            let mut count = waiting.len();
            let mut still = Vec::new();
            for since in waiting.drain(..) {
                match world.place_of(since, count) {
                    Place::Lane(id) => {
                        count -= 1;
                        let (standing, connections, _) = *known.get(&id).expect("a lane that is there");
                        prop_assert_eq!(standing, Standing::Up);
                        let is_opening = known.values().any(|(is, _, _)| *is == Standing::Opening);
                        let load = world.load()(id);
                        prop_assert!(!load.is_away, "put where nothing gets through");
                        let is_busy = load.is_bulk || load.is_stalled || load.is_single;
                        if connections > 0 && is_opening {
                            let has_waited = world.now >= since + if is_busy { PATIENCE_WITH_BUSY } else { PATIENCE };
                            prop_assert!(has_waited, "put with others");
                        }
                        known.get_mut(&id).unwrap().1 += 1;
                    }
                    Place::Wait(until) => {
                        if let Some(until) = until {
                            prop_assert!(until > world.now);
                        }
                        still.push(since);
                    }
                }
                for action in world.actions() {
                    let LaneAction::Open(id) = action else { panic!("{action:?}") };
                    known.insert(id, (Standing::Opening, 0, 0));
                }
            }
            waiting = still;
            let load = world.load();
            world.lanes.look(world.now, &load);
            for action in world.actions() {
                match action {
                    LaneAction::Open(id) => { known.insert(id, (Standing::Opening, 0, 0)); }
                    LaneAction::Close(id) => {
                        prop_assert_eq!(known[&id], (Standing::Up, 0, 0));
                        known.get_mut(&id).unwrap().0 = Standing::Closing;
                    }
                }
            }
            prop_assert!(known.len() <= most);
            prop_assert!(world.lanes.poll_timeout().is_none_or(|at| at > world.now));
            let lives = |is: &Standing| matches!(is, Standing::Up | Standing::Down);
            prop_assert!(known.values().any(|(is, _, _)| lives(is)), "none is left");
            // Somebody waits: for a lane that is being opened, or for one that is brought back.
            if !waiting.is_empty() {
                let comes = |id: LaneId, is: Standing| {
                    matches!(is, Standing::Opening | Standing::Down) || load(id).is_away || load(id).is_unheard
                };
                let comes = known.iter().any(|(id, (is, _, _))| comes(*id, *is));
                prop_assert!(comes, "waiting for nothing");
            }
        }
    }
}
