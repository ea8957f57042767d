//! Many worlds, and those that were bad once.

use adit_sim::chance::{Length, scenario};
use adit_sim::seeds::{parse, run};
use adit_sim::world::World;

#[test]
fn five_hundred_worlds_of_two_thousand_steps_keep_every_promise() {
    let sum = run(0, 500, Length::Steps(2000), 2);
    assert_eq!(sum.violations, []);
    assert_eq!(sum.seeds, 500);
    // They are worth something: much was carried, and much went wrong.
    let totals = sum.totals;
    assert!(totals.bytes > 50_000_000 && totals.ended > 2000, "{}", sum.json());
    assert!(totals.cuts > 200 && totals.resumes > 200, "{}", sum.json());
    assert!(totals.client_resends > 1000 && totals.peer_resends > 1000, "{}", sum.json());
    assert!(sum.complete >= 500 / 8, "{}", sum.json());
}

#[test]
fn days_with_a_close_each_hour_keep_every_promise() {
    let sum = run(0, 12, Length::Hours(26), 2);
    assert_eq!(sum.violations, []);
    assert!(sum.totals.time.as_secs() >= 12 * 25 * 3600, "{}", sum.json());
    let websockets = sum.totals.resumes + sum.totals.rollovers;
    assert!(websockets >= 12 * 15 && sum.totals.rollovers >= 50, "{}", sum.json());
}

#[test]
fn one_seed_is_one_story() {
    let mut hashes = Vec::new();
    for seed in 0..40 {
        let first = World::run(scenario(seed, Length::Steps(1000)));
        let second = World::run(scenario(seed, Length::Steps(1000)));
        assert_eq!(first.hash, second.hash, "seed {seed}");
        assert_eq!(first.totals, second.totals, "seed {seed}");
        hashes.push(first.hash);
    }
    hashes.sort_unstable();
    hashes.dedup();
    assert_eq!(hashes.len(), 40, "other seeds are other stories");
}

#[test]
fn what_failed_once_does_not_fail_again() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/seeds");
    let mut lists = 0;
    for entry in std::fs::read_dir(folder).expect("the lists of seeds") {
        let path = entry.expect("an entry").path();
        let list = std::fs::read_to_string(&path).expect("a list");
        lists += 1;
        for (seed, length) in parse(&list).expect("seeds") {
            let report = World::run(scenario(seed, length));
            assert_eq!(report.violation, None, "{length:?} of seed {seed} in {}", path.display());
        }
    }
    assert!(lists > 0);
}
