//! Where a bastion goes, and what it runs on.

use super::fixture::*;
use super::{launched, model, read, refusal};
use crate::bastion::Architecture;
use crate::bastion::plan::{Action, GroupRef, Plan, PlanError, RulePeer, plan};
use crate::network::Gateway;

#[test]
fn an_empty_vpc_has_no_place() {
    let mut inventory = network_only();
    inventory.network.subnets.clear();
    insta::assert_snapshot!(refusal(&inventory, &for_orders()));
    inventory.network.vpc = None;
    insta::assert_snapshot!(refusal(&inventory, &for_orders()), @"
    there is no VPC vpc-1 in eu-west-1
    > check --vpc, --region and --profile; `aws ec2 describe-vpcs` shows what there is
    ");
}

#[test]
fn in_a_public_subnet_the_bastion_gets_an_address() {
    let inventory = with_routes(&[("subnet-1", Gateway::Internet("igw-1".to_owned()))]);
    insta::assert_snapshot!(read(&plan(&inventory, &for_orders()).unwrap()));

    let mut desired = for_orders();
    desired.options.public_ip = Some(false);
    insta::assert_snapshot!("public_but_no_address", refusal(&inventory, &desired));
}

#[test]
fn a_private_subnet_with_a_way_out_goes_before_a_public_one() {
    let inventory = with_routes(&[
        ("subnet-1", Gateway::Internet("igw-1".to_owned())),
        ("subnet-2", Gateway::Nat("nat-1".to_owned())),
    ]);
    insta::assert_snapshot!(read(&plan(&inventory, &for_orders()).unwrap()));

    let mut desired = for_orders();
    desired.options.public_ip = Some(true);
    let launch = launched(&plan(&inventory, &desired).unwrap());
    assert_eq!((launch.subnet.as_str(), launch.public_ip), ("subnet-1", true));
}

#[test]
fn of_equal_subnets_the_targets_zone_goes_first_then_the_emptiest() {
    let nat = Gateway::Nat("nat-1".to_owned());
    let mut inventory =
        with_routes(&[("subnet-1", nat.clone()), ("subnet-2", nat.clone()), ("subnet-3", nat)]);
    let mut desired = for_orders();
    desired.targets[0].zones = vec!["eu-west-1b".to_owned()];
    assert_eq!(launched(&plan(&inventory, &desired).unwrap()).subnet, "subnet-2");
    desired.targets[0].zones.clear();
    inventory.network.subnets[2].free_addresses = 4000;
    assert_eq!(launched(&plan(&inventory, &desired).unwrap()).subnet, "subnet-3");
    inventory.network.subnets[2].free_addresses = 0;
    assert_eq!(launched(&plan(&inventory, &desired).unwrap()).subnet, "subnet-1");
    desired.options.subnet = Some("subnet-2".to_owned());
    assert_eq!(launched(&plan(&inventory, &desired).unwrap()).subnet, "subnet-2");
    desired.options.subnet = Some("subnet-9".to_owned());
    insta::assert_snapshot!(refusal(&inventory, &desired), @"
    there is no subnet subnet-9 in vpc-1
    > there are subnet-1, subnet-2, subnet-3
    ");
}

#[test]
fn endpoints_that_are_there_are_used() {
    let mut inventory = network_only();
    inventory.network.groups.push(endpoint_group_of_others("10.0.0.0/16"));
    inventory.network.endpoints =
        vec![endpoint("ssm", "sg-vpce"), endpoint("ssmmessages", "sg-vpce")];
    insta::assert_snapshot!(read(&plan(&inventory, &for_orders()).unwrap()));
}

#[test]
fn endpoints_that_do_not_let_the_subnet_in_are_no_way() {
    let mut inventory = network_only();
    inventory.network.groups.push(endpoint_group_of_others("10.9.0.0/16"));
    inventory.network.endpoints =
        vec![endpoint("ssm", "sg-vpce"), endpoint("ssmmessages", "sg-vpce")];
    insta::assert_snapshot!(refusal(&inventory, &for_orders()));

    // A route does not help: private names lead to the endpoint all the same.
    let with_nat = with_routes(&[("subnet-1", Gateway::Nat("nat-1".to_owned()))]);
    inventory.network.route_tables = with_nat.network.route_tables;
    let plan = plan(&inventory, &for_orders()).unwrap();
    assert_eq!(plan.warnings.len(), 2, "{:?}", plan.warnings);
}

#[test]
fn an_isolated_vpc_gets_endpoints_only_when_asked_for() {
    let mut inventory = network_only();
    insta::assert_snapshot!("isolated", refusal(&inventory, &for_orders()));

    let mut desired = for_orders();
    desired.options.create_endpoints = true;
    insta::assert_snapshot!("create_endpoints", read(&plan(&inventory, &desired).unwrap()));

    inventory.network.vpc.as_mut().unwrap().private_dns = Some(false);
    insta::assert_snapshot!("private_names_off", refusal(&inventory, &desired));
}

/// Their names lead all of the VPC to them, other managed nodes too.
#[test]
fn new_endpoints_let_all_of_the_vpc_in() {
    let mut inventory = network_only();
    let vpc = inventory.network.vpc.as_mut().unwrap();
    vpc.cidrs.push("10.64.0.0/16".to_owned());
    vpc.ipv6_cidrs.push("2001:db8::/56".to_owned());
    let mut desired = for_orders();
    desired.options.create_endpoints = true;
    let first = plan(&inventory, &desired).unwrap();
    let in_for = |plan: &Plan| -> Vec<_> {
        let rules = plan.steps.iter().filter_map(|step| match &step.action {
            Action::AllowIngress { group: GroupRef::New(name), rule } => {
                (name == "adit-endpoints" && rule.port == 443).then(|| rule.peer.clone())
            }
            Action::AllowIngress { group: GroupRef::Id(id), rule } => {
                (id == "sg-new-adit-endpoints").then(|| rule.peer.clone())
            }
            _ => None,
        });
        rules.collect()
    };
    let cidr = |cidr: &str| RulePeer::Cidr(cidr.to_owned());
    let blocks = [cidr("10.0.0.0/16"), cidr("10.64.0.0/16"), cidr("2001:db8::/56")];
    assert_eq!(in_for(&first), blocks);
    assert!(
        first.warnings.iter().any(|one| one.contains("ssm.eu-west-1.amazonaws.com")
            && one.contains("for all that is in vpc-1")),
        "{:?}",
        first.warnings
    );
    // A block that the VPC gets later is let in, too.
    let mut made = model::apply(&inventory, &first);
    made.network.vpc.as_mut().unwrap().cidrs.push("10.65.0.0/16".to_owned());
    assert_eq!(in_for(&plan(&made, &for_orders()).unwrap()), [cidr("10.65.0.0/16")]);
}

/// What leads out may not be seen from here: a proxy, or what another account has made.
#[test]
fn a_subnet_that_is_asked_for_is_taken() {
    let mut desired = for_orders();
    desired.options.subnet = Some("subnet-2".to_owned());
    let made = plan(&network_only(), &desired).unwrap();
    assert_eq!(launched(&made).subnet, "subnet-2");
    assert!(!launched(&made).needs_endpoints);
    assert!(made.warnings[0].contains("may not come online in subnet-2"), "{:?}", made.warnings);

    let public = with_routes(&[("subnet-2", Gateway::Internet("igw-1".to_owned()))]);
    desired.options.public_ip = Some(false);
    let made = plan(&public, &desired).unwrap();
    assert!(!launched(&made).public_ip);
    assert!(made.warnings[0].contains("needs a public address"), "{:?}", made.warnings);

    // What EC2 would refuse is refused before.
    let mut full = network_only();
    full.network.subnets[1].free_addresses = 0;
    assert!(matches!(plan(&full, &desired), Err(PlanError::UnfitSubnet { .. })));
}

#[test]
fn in_a_vpc_of_another_account_not_all_is_seen() {
    let mut inventory = network_only();
    inventory.network.vpc.as_mut().unwrap().owner = Some("444455556666".to_owned());
    let mut desired = for_orders();
    desired.options.create_endpoints = true;
    let told = refusal(&inventory, &desired);
    assert!(told.contains("what the account 444455556666, which shares it, has made"), "{told}");
    assert!(told.contains("> --subnet takes a subnet all the same"), "{told}");
    assert!(!told.contains("--create-endpoints"), "{told}");
}

#[test]
fn a_region_without_images_for_a_processor_says_so() {
    let mut inventory = with_routes(&[("subnet-1", Gateway::Nat("nat-1".to_owned()))]);
    inventory.images.remove(&Architecture::Arm64);
    let made = plan(&inventory, &for_orders()).unwrap();
    assert_eq!(launched(&made).instance_type, "t3.micro");
    let reason = "type t3.micro: there is no image of Amazon Linux 2023 for arm64 in eu-west-1";
    assert!(made.reasons.iter().any(|one| one == reason), "{:?}", made.reasons);
    inventory.images.clear();
    let told = refusal(&inventory, &for_orders());
    assert!(told.contains("no image of Amazon Linux 2023 for arm64 or x86_64"), "{told}");
}

#[test]
fn a_missing_endpoint_is_added_to_the_one_that_is_there() {
    let mut inventory = network_only();
    inventory.network.groups.push(endpoint_group_of_others("0.0.0.0/0"));
    inventory.network.endpoints = vec![endpoint("ssm", "sg-vpce")];
    let mut desired = for_orders();
    desired.options.create_endpoints = true;
    let plan = plan(&inventory, &desired).unwrap();
    let made: Vec<_> = plan
        .steps
        .iter()
        .filter_map(|step| match &step.action {
            Action::CreateEndpoint { service, .. } => Some(service.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(made, ["com.amazonaws.eu-west-1.ssmmessages"]);
}

#[test]
fn the_type_is_what_the_zone_has() {
    let mut inventory = with_routes(&[("subnet-1", Gateway::Nat("nat-1".to_owned()))]);
    inventory.offers.remove("t4g.micro");
    let made = plan(&inventory, &for_orders()).unwrap();
    let launch = launched(&made);
    assert_eq!((launch.instance_type.as_str(), launch.image.as_str()), ("t3.micro", "ami-x86"));

    let mut desired = for_orders();
    desired.options.instance_type = Some("u9.huge".to_owned());
    insta::assert_snapshot!(refusal(&inventory, &desired), @"
    there is no instance type u9.huge in eu-west-1
    > leave --instance-type out for t4g.micro or t3.micro
    ");
    inventory.offers.clear();
    insta::assert_snapshot!("type_not_offered", refusal(&inventory, &for_orders()));
}
