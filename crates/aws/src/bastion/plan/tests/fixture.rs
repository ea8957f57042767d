//! A VPC with three subnets and two guarded databases.

use std::collections::{BTreeMap, BTreeSet};

use super::model;
use crate::bastion::{Architecture, Desired, Inventory, Options, plan};
use crate::network::{Endpoint, Gateway, Group, Network, Peer, RouteTable, Rule, Subnet, Vpc};
use crate::tags::Tags;
use crate::targets::{Kind, Target};

/// A VPC from which nothing leads out, and nothing of adit's.
pub(super) fn network_only() -> Inventory {
    let zones = ["eu-west-1a", "eu-west-1b", "eu-west-1c"];
    let subnets = zones.iter().zip(1..).map(|(zone, number)| Subnet {
        id: format!("subnet-{number}"),
        zone: (*zone).to_owned(),
        cidr: Some(format!("10.0.{number}.0/24")),
        free_addresses: 200,
        ..Subnet::default()
    });
    let offered: BTreeSet<_> = zones.iter().map(|zone| (*zone).to_owned()).collect();
    Inventory {
        region: "eu-west-1".to_owned(),
        caller: "arn:aws:iam::111122223333:user/ann".to_owned(),
        network: Network {
            vpc: Some(Vpc {
                id: "vpc-1".to_owned(),
                cidrs: vec!["10.0.0.0/16".to_owned()],
                ..Vpc::default()
            }),
            subnets: subnets.collect(),
            route_tables: vec![RouteTable {
                id: "rtb-main".to_owned(),
                is_main: true,
                ..RouteTable::default()
            }],
            endpoints: Vec::new(),
            groups: vec![
                named_group("sg-default", "default"),
                named_group("sg-orders", "orders"),
                named_group("sg-users", "users"),
            ],
            ..Network::default()
        },
        types: BTreeMap::from([
            ("t4g.micro".to_owned(), Architecture::Arm64),
            ("t3.micro".to_owned(), Architecture::X86),
        ]),
        offers: BTreeMap::from([
            ("t4g.micro".to_owned(), offered.clone()),
            ("t3.micro".to_owned(), offered),
        ]),
        images: BTreeMap::from([
            (Architecture::Arm64, "ami-arm".to_owned()),
            (Architecture::X86, "ami-x86".to_owned()),
        ]),
        ..Inventory::default()
    }
}

/// The same with default routes for some subnets.
pub(super) fn with_routes(routes: &[(&str, Gateway)]) -> Inventory {
    let mut inventory = network_only();
    for (subnet, gateway) in routes {
        inventory.network.route_tables.push(RouteTable {
            id: format!("rtb-{subnet}"),
            is_main: false,
            subnets: vec![(*subnet).to_owned()],
            default_route: Some(gateway.clone()),
            prefix_lists: Vec::new(),
        });
    }
    inventory
}

/// A VPC in which all is done for `rds:orders`.
pub(super) fn complete() -> Inventory {
    let inventory = with_routes(&[("subnet-1", Gateway::Internet("igw-1".to_owned()))]);
    let plan = plan(&inventory, &for_orders()).unwrap();
    let mut made = model::apply(&inventory, &plan);
    let bastion = made.bastions[0].groups[0].clone();
    model::rename_group(&mut made, &bastion, "sg-bastion");
    made
}

/// The wish for `rds:orders` behind `sg-orders`.
pub(super) fn for_orders() -> Desired {
    Desired {
        vpc: "vpc-1".to_owned(),
        targets: vec![target("orders", 5432, "sg-orders")],
        options: Options::default(),
    }
}

pub(super) fn target(id: &str, port: u16, group: &str) -> Target {
    Target {
        kind: Kind::Rds,
        id: id.to_owned(),
        arn: None,
        endpoint: None,
        host: format!("{id}.abc.eu-west-1.rds.amazonaws.com"),
        port,
        vpc: "vpc-1".to_owned(),
        security_groups: vec![group.to_owned()],
        zones: vec!["eu-west-1a".to_owned()],
        engine: None,
        status: None,
        warnings: Vec::new(),
        tags: BTreeMap::new(),
    }
}

pub(super) fn host(host: &str, port: u16) -> Target {
    Target {
        kind: Kind::Host,
        id: host.to_owned(),
        host: host.to_owned(),
        security_groups: Vec::new(),
        zones: Vec::new(),
        ..target("host", port, "")
    }
}

pub(super) fn named_group(id: &str, name: &str) -> Group {
    Group {
        id: id.to_owned(),
        name: name.to_owned(),
        owner: "111122223333".to_owned(),
        ..Group::default()
    }
}

/// A group that lets HTTPS in from `cidr`.
pub(super) fn endpoint_group_of_others(cidr: &str) -> Group {
    Group {
        ingress: vec![Rule {
            id: None,
            protocol: "tcp".to_owned(),
            ports: Some((443, 443)),
            peer: Peer::Cidr(cidr.to_owned()),
            tags: Tags::new(),
        }],
        ..named_group("sg-vpce", "endpoints")
    }
}

pub(super) fn endpoint(service: &str, group: &str) -> Endpoint {
    Endpoint {
        id: format!("vpce-{service}"),
        service: format!("com.amazonaws.eu-west-1.{service}"),
        state: "available".to_owned(),
        private_dns: true,
        subnets: vec!["subnet-1".to_owned()],
        groups: vec![group.to_owned()],
        tags: Tags::new(),
    }
}

pub(super) fn allow_all() -> Rule {
    Rule {
        id: None,
        protocol: "-1".to_owned(),
        ports: None,
        peer: Peer::Cidr("0.0.0.0/0".to_owned()),
        tags: Tags::new(),
    }
}

pub(super) fn group<'a>(inventory: &'a mut Inventory, id: &str) -> &'a mut Group {
    inventory.network.groups.iter_mut().find(|group| group.id == id).unwrap()
}

pub(super) fn bastion_group(inventory: &mut Inventory) -> &mut Group {
    group(inventory, "sg-bastion")
}
