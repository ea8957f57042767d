//! What holds for every inventory: what a plan makes, the next plan finds done; and a run that is cut
//! short anywhere is finished by the next.

use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::fixture::*;
use super::model;
use crate::bastion::{Desired, Inventory, State, plan};
use crate::network::{Gateway, Peer, Rule};
use crate::tags::Tags;

/// Somebody's hand, or a run that was cut short.
#[derive(Debug, Clone)]
enum Damage {
    NoPolicy,
    NoRole,
    EmptyProfile,
    NoProfile,
    InstanceWithoutProfile,
    InstanceWithOtherGroup,
    Terminated,
    NoInstance,
    Stopped,
    DefaultEgress,
    NoEgress(usize),
    NoIngress(usize),
    UntaggedRule(usize),
    ForeignRule(u16, u16),
    Twin,
    ForeignRole,
    ForeignGroup,
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        Just(Damage::NoPolicy),
        Just(Damage::NoRole),
        Just(Damage::EmptyProfile),
        Just(Damage::NoProfile),
        Just(Damage::InstanceWithoutProfile),
        Just(Damage::InstanceWithOtherGroup),
        Just(Damage::Terminated),
        Just(Damage::NoInstance),
        Just(Damage::Stopped),
        Just(Damage::DefaultEgress),
        (0_usize..6).prop_map(Damage::NoEgress),
        (0_usize..3).prop_map(Damage::NoIngress),
        (0_usize..6).prop_map(Damage::UntaggedRule),
        (5000_u16..5500, 5400_u16..7000)
            .prop_map(|(from, to)| Damage::ForeignRule(from, to.max(from))),
        Just(Damage::Twin),
        Just(Damage::ForeignRole),
        Just(Damage::ForeignGroup),
    ]
}

fn harm(world: &mut Inventory, damage: &Damage) {
    let group = world.network.groups.iter_mut().find(|one| one.name == "adit-bastion");
    match damage {
        Damage::NoPolicy => world.roles.iter_mut().for_each(|role| role.has_policy = false),
        Damage::NoRole => {
            world.roles.clear();
            world.profiles.iter_mut().for_each(|profile| profile.role = None);
        }
        Damage::EmptyProfile => world.profiles.iter_mut().for_each(|one| one.role = None),
        Damage::NoProfile => world.profiles.clear(),
        Damage::InstanceWithoutProfile => world.bastions.iter_mut().for_each(|one| {
            one.profile = None;
            one.profile_id = None;
        }),
        Damage::InstanceWithOtherGroup => {
            world.bastions.iter_mut().for_each(|one| one.groups = vec!["sg-default".to_owned()]);
        }
        Damage::Terminated => {
            world.bastions.iter_mut().for_each(|one| one.state = State::Terminated);
        }
        Damage::NoInstance => world.bastions.clear(),
        Damage::Stopped => world.bastions.iter_mut().for_each(|one| one.state = State::Stopped),
        Damage::DefaultEgress => {
            if let Some(group) = group
                && group.egress.iter().all(|rule| rule.default_egress().is_none())
            {
                group.egress.push(allow_all());
            }
        }
        Damage::NoEgress(index) => {
            if let Some(group) = group
                && *index < group.egress.len()
            {
                group.egress.remove(*index);
            }
        }
        Damage::NoIngress(index) => {
            if let Some(group) = world.network.groups.get_mut(*index) {
                group.ingress.clear();
            }
        }
        Damage::UntaggedRule(index) => {
            if let Some(rule) = group.and_then(|group| group.egress.get_mut(*index)) {
                rule.tags = Tags::new();
                rule.id = None;
            }
        }
        Damage::ForeignRule(from, to) => {
            let peer = group.map(|group| Peer::Group(group.id.clone()));
            world.network.groups[1].ingress.push(Rule {
                id: None,
                protocol: "tcp".to_owned(),
                ports: Some((*from, *to)),
                peer: peer.unwrap_or(Peer::Cidr("10.0.0.0/8".to_owned())),
                tags: Tags::new(),
            });
        }
        Damage::Twin => {
            if let Some(twin) = world.bastions.first().cloned() {
                world.bastions.push(crate::bastion::Bastion {
                    id: format!("i-twin{}", world.bastions.len()),
                    ..twin
                });
            }
        }
        Damage::ForeignRole => world.roles.iter_mut().for_each(|role| role.tags = Tags::new()),
        Damage::ForeignGroup => {
            world.network.groups.push(named_group("sg-foreign", "adit-bastion-2"));
        }
    }
}

fn routes() -> impl Strategy<Value = Vec<(&'static str, Gateway)>> {
    let gateway = select(vec![
        Gateway::Internet("igw-1".to_owned()),
        Gateway::Nat("nat-1".to_owned()),
        Gateway::Transit("tgw-1".to_owned()),
        Gateway::Other("pcx-1".to_owned()),
    ]);
    let subnets = subsequence(vec!["subnet-1", "subnet-2", "subnet-3"], 0..=3);
    (subnets, prop::collection::vec(gateway, 3))
        .prop_map(|(subnets, gateways)| subnets.into_iter().zip(gateways).collect())
}

fn wish() -> impl Strategy<Value = Desired> {
    let targets = vec![
        target("orders", 5432, "sg-orders"),
        target("orders-replica", 5432, "sg-orders"),
        target("users", 5432, "sg-users"),
        target("search", 443, "sg-users"),
        target("shared", 3306, "sg-default"),
        host("10.0.7.7", 5432),
        host("db.partner.example", 5432),
        host("api.partner.example", 443),
    ];
    subsequence(targets, 0..=8).prop_shuffle().prop_map(|targets| {
        let mut desired = Desired { targets, ..for_orders() };
        desired.options.create_endpoints = true;
        desired
    })
}

fn world() -> impl Strategy<Value = (Inventory, Desired)> {
    (routes(), any::<bool>(), wish(), prop::collection::vec(damage(), 0..5), wish()).prop_map(
        |(routes, has_ipv6, earlier, damages, desired)| {
            let mut world = with_routes(&routes);
            if has_ipv6 {
                let vpc = world.network.vpc.as_mut().unwrap();
                vpc.ipv6_cidrs.push("2001:db8::/56".to_owned());
            }
            let mut world = model::apply(&world, &plan(&world, &earlier).unwrap());
            for damage in &damages {
                harm(&mut world, damage);
            }
            (world, desired)
        },
    )
}

proptest! {
    #[test]
    fn what_a_plan_makes_the_next_finds_done((world, desired) in world()) {
        let first = plan(&world, &desired).unwrap();
        let second = plan(&model::apply(&world, &first), &desired).unwrap();
        prop_assert!(second.steps.is_empty(), "{:#?} after {:#?}", second.steps, first.steps);
    }

    #[test]
    fn a_run_cut_short_anywhere_is_finished_by_the_next((world, desired) in world()) {
        let whole = plan(&world, &desired).unwrap();
        let end = model::apply(&world, &whole);
        for count in 0..whole.steps.len() {
            let cut = model::apply_until(&world, &whole, count);
            let rest = plan(&cut, &desired).unwrap();
            let finished = model::apply(&cut, &rest);
            let left = plan(&finished, &desired).unwrap().steps;
            prop_assert!(left.is_empty(), "after {count} steps: {left:#?}");
            prop_assert_eq!(finished.bastions.len(), end.bastions.len());
            prop_assert_eq!(finished.network.groups.len(), end.network.groups.len());
        }
    }

    #[test]
    fn what_others_made_stays((world, desired) in world()) {
        let made = model::apply(&world, &plan(&world, &desired).unwrap());
        for group in &world.network.groups {
            let after = made.network.group(&group.id).unwrap();
            for rule in group.ingress.iter().chain(&group.egress) {
                if rule.default_egress().is_some() && group.name == "adit-bastion" {
                    continue;
                }
                let stays = after.ingress.iter().chain(&after.egress).any(|one| one.peer == rule.peer && one.ports == rule.ports);
                prop_assert!(stays, "{rule:?} of {}", group.id);
            }
        }
    }
}
