//! Inventories and their plans: what stands is on the left, what is done on the right.

mod fixture;
mod model;
mod ownership;
mod place;
mod property;

use std::fmt::Write;

use super::*;
use crate::bastion::{Profile, State};
use crate::network::{Gateway, Peer, Rule};

use fixture::*;

/// A plan as people read it.
fn read(plan: &Plan) -> String {
    let mut text = String::new();
    for (step, number) in plan.steps.iter().zip(1..) {
        let _ = writeln!(text, "{number}. {}: {}\n   {}", step.resource, step.summary, step.why);
    }
    if plan.steps.is_empty() {
        text.push_str("nothing to do\n");
    }
    for reason in &plan.reasons {
        let _ = writeln!(text, "- {reason}");
    }
    for warning in &plan.warnings {
        let _ = writeln!(text, "! {warning}");
    }
    text
}

/// An error as people read it.
fn refusal(inventory: &Inventory, desired: &Desired) -> String {
    let error = plan(inventory, desired).unwrap_err();
    let hints = error.hints();
    let hints: Vec<String> = hints.iter().map(|hint| format!("> {hint}")).collect();
    format!("{error}\n{}", hints.join("\n"))
}

#[test]
fn a_whole_plan_is_data() {
    let inventory = with_routes(&[("subnet-1", Gateway::Internet("igw-1".to_owned()))]);
    let plan = plan(&inventory, &for_orders()).unwrap();
    insta::assert_json_snapshot!(plan);
    let json = serde_json::to_string(&plan).unwrap();
    assert_eq!(serde_json::from_str::<Plan>(&json).unwrap(), plan);
}

#[test]
fn when_all_is_there_nothing_is_done() {
    insta::assert_snapshot!(read(&plan(&complete(), &for_orders()).unwrap()), @"nothing to do");
}

#[test]
fn a_stopped_bastion_is_left_to_those_who_connect() {
    let mut inventory = complete();
    inventory.bastions[0].state = State::Stopped;
    inventory.bastions[0].public_ip = None;
    insta::assert_snapshot!(read(&plan(&inventory, &for_orders()).unwrap()), @"
    nothing to do
    - i-new1 is stopped: `adit connect` starts it
    ");
}

#[test]
fn a_second_target_needs_rules_only() {
    let mut desired = for_orders();
    desired.targets.push(target("users", 5432, "sg-users"));
    desired.targets.push(target("cache", 6379, "sg-orders"));
    insta::assert_snapshot!(read(&plan(&complete(), &desired).unwrap()));
}

#[test]
fn targets_that_share_a_group_share_its_rule() {
    let mut desired = for_orders();
    desired.targets.push(target("orders-replica", 5432, "sg-orders"));
    let plan = plan(&complete(), &desired).unwrap();
    insta::assert_snapshot!(read(&plan));
    let notes: Vec<_> = plan.steps.iter().map(|step| &step.action).collect();
    for note in notes {
        let Action::TagRule { tags, .. } = note else { panic!("{note:?}") };
        assert_eq!(tags["adit:target-2"], "rds:orders-replica");
    }
}

#[test]
fn hosts_are_let_out_to_as_exactly_as_they_are_known() {
    let mut desired = for_orders();
    desired.targets = vec![
        host("10.0.7.7", 5432),
        host("2001:db8::7", 5432),
        host("db.partner.example", 1521),
        host("api.partner.example", 443),
    ];
    let plan = plan(&complete(), &desired).unwrap();
    let out: Vec<_> = plan
        .steps
        .iter()
        .filter_map(|step| match &step.action {
            Action::AllowEgress { rule, .. } => Some((rule.port, rule.peer.clone())),
            _ => None,
        })
        .collect();
    let cidr = |cidr: &str| RulePeer::Cidr(cidr.to_owned());
    // What goes to port 443 anywhere is let out already.
    let expected =
        [(5432, cidr("10.0.7.7/32")), (5432, cidr("2001:db8::7/128")), (1521, cidr("0.0.0.0/0"))];
    assert_eq!(out, expected);
    assert_eq!(plan.steps.len(), 3, "{:?}", plan.steps);
}

#[test]
fn a_vpc_with_more_blocks_and_ipv6_is_let_out_to_everywhere() {
    let mut inventory = with_routes(&[("subnet-1", Gateway::Nat("nat-1".to_owned()))]);
    let vpc = inventory.network.vpc.as_mut().unwrap();
    vpc.cidrs.push("10.64.0.0/16".to_owned());
    vpc.ipv6_cidrs.push("2001:db8::/56".to_owned());
    insta::assert_snapshot!(read(&plan(&inventory, &for_orders()).unwrap()));
}

/// Each case takes one thing away, or changes it, as a run that was cut short or somebody's hand
/// would have.
#[test]
fn what_is_missing_is_put_right() {
    let mut text = String::new();
    let mut case = |name: &str, change: &dyn Fn(&mut Inventory)| {
        let mut inventory = complete();
        change(&mut inventory);
        let _ = writeln!(text, "== {name}\n{}", read(&plan(&inventory, &for_orders()).unwrap()));
    };
    case("role without policy", &|all| all.roles[0].has_policy = false);
    case("profile without role", &|all| all.profiles[0].role = None);
    case("no profile", &|all| all.profiles.clear());
    case("no role", &|all| {
        all.roles.clear();
        all.profiles[0].role = None;
    });
    case("instance without profile", &|all| {
        all.bastions[0].profile = None;
        all.bastions[0].profile_id = None;
    });
    case("profile made anew", &|all| all.profiles[0].id = "AIPALATER".to_owned());
    case("somebody else's profile", &|all| {
        all.bastions[0].profile =
            Some("arn:aws:iam::111122223333:instance-profile/corp".to_owned());
    });
    case("somebody else's role in the profile", &|all| {
        all.profiles[0].role = Some("corp".to_owned());
        all.roles.clear();
    });
    case("instance with another group", &|all| {
        all.bastions[0].groups = vec!["sg-default".to_owned()];
    });
    case("instance with one group more", &|all| {
        all.bastions[0].groups.push("sg-default".to_owned());
    });
    case("default egress left", &|all| bastion_group(all).egress.push(allow_all()));
    case("no way out to the target", &|all| {
        bastion_group(all).egress.retain(|rule| rule.ports != Some((5432, 5432)));
    });
    case("no way out to Session Manager", &|all| {
        bastion_group(all).egress.retain(|rule| rule.ports != Some((443, 443)));
    });
    case("no way into the target", &|all| group(all, "sg-orders").ingress.clear());
    case("no group", &|all| {
        all.network.groups.retain(|group| group.id != "sg-bastion");
        all.bastions.clear();
        group(all, "sg-orders").ingress.clear();
    });
    case("terminated", &|all| all.bastions[0].state = State::Terminated);
    insta::assert_snapshot!(text);
}

#[test]
fn a_boundary_that_is_asked_for_is_set() {
    let mut desired = for_orders();
    desired.options.permissions_boundary = Some("arn:aws:iam::111122223333:policy/edge".to_owned());
    let mut inventory = complete();
    insta::assert_snapshot!(read(&plan(&inventory, &desired).unwrap()), @"
    1. adit-bastion-vpc-1: bound the role by arn:aws:iam::111122223333:policy/edge
       asked for, and the role has another or none
    ");
    inventory.roles[0].boundary = desired.options.permissions_boundary.clone();
    assert!(plan(&inventory, &desired).unwrap().steps.is_empty());
}

#[test]
fn of_two_bastions_the_oldest_that_runs_is_used() {
    let mut inventory = complete();
    let mut other = inventory.bastions[0].clone();
    other.id = "i-older".to_owned();
    other.launched = "2026-01-01T00:00:00Z".to_owned();
    other.state = State::Stopped;
    inventory.bastions.push(other);
    let made = plan(&inventory, &for_orders()).unwrap();
    insta::assert_snapshot!(read(&made));
    inventory.bastions[1].state = State::Running;
    let made = plan(&inventory, &for_orders()).unwrap();
    assert_eq!(made.bastion.unwrap().id, "i-older");
}

#[test]
fn rules_of_others_are_used_and_left() {
    let mut inventory = complete();
    // Somebody lets all database ports of the bastion in, and lets it out to a proxy.
    group(&mut inventory, "sg-orders").ingress =
        vec![rule("tcp", Some((5000, 6000)), Peer::Group("sg-bastion".to_owned()))];
    bastion_group(&mut inventory).egress.push(rule(
        "tcp",
        Some((3128, 3128)),
        Peer::Cidr("10.0.9.9/32".to_owned()),
    ));
    bastion_group(&mut inventory).ingress.push(rule(
        "tcp",
        Some((22, 22)),
        Peer::Cidr("0.0.0.0/0".to_owned()),
    ));
    insta::assert_snapshot!(read(&plan(&inventory, &for_orders()).unwrap()));
}

/// A group that the whole VPC shares is not opened when the target has one of its own.
#[test]
fn the_default_group_is_the_last_choice() {
    let mut inventory = complete();
    group(&mut inventory, "sg-orders").ingress.clear();
    let mut desired = for_orders();
    desired.targets[0].security_groups = vec!["sg-default".to_owned(), "sg-orders".to_owned()];
    assert_eq!(opened(&plan(&inventory, &desired).unwrap()), ["sg-orders"]);
    desired.targets[0].security_groups = vec!["sg-default".to_owned()];
    let made = plan(&inventory, &desired).unwrap();
    assert_eq!(opened(&made), ["sg-default"]);
    assert!(made.warnings[0].contains("the default security group"), "{:?}", made.warnings);
}

#[test]
fn wishes_for_a_new_bastion_do_not_move_the_one_that_stands() {
    let mut desired = for_orders();
    desired.options.subnet = Some("subnet-3".to_owned());
    desired.options.instance_type = Some("t4g.small".to_owned());
    insta::assert_snapshot!(read(&plan(&complete(), &desired).unwrap()));
}

#[test]
fn what_cannot_be_is_refused_before_anything_is_made() {
    let mut desired = for_orders();
    desired.targets[0].vpc = "vpc-2".to_owned();
    insta::assert_snapshot!(refusal(&complete(), &desired), @"
    rds:orders is in vpc-2, not in vpc-1
    > leave --vpc out, or set up the targets of vpc-2 by themselves
    ");
    for (key, value) in [
        ("aws:x", "1"),
        ("AWS:x", "1"),
        ("adit:purpose", "none"),
        ("Adit:x", "none"),
        ("name", "IAM knows no case"),
        ("", "1"),
        ("a", "b?"),
    ] {
        let mut desired = for_orders();
        desired.options.tags.insert(key.to_owned(), value.to_owned());
        let error = plan(&complete(), &desired).unwrap_err();
        assert!(matches!(error, PlanError::BadTag { .. }), "{key}={value}: {error}");
    }
}

#[test]
fn name_servers_of_the_vpcs_own_choice_are_let_out_to() {
    let mut inventory = complete();
    let vpc = inventory.network.vpc.as_mut().unwrap();
    vpc.dns_servers = vec!["10.0.0.53".parse().unwrap(), "192.168.7.1".parse().unwrap()];
    vpc.uses_own_dns = Some(false);
    vpc.dns_support = Some(false);
    let first = plan(&inventory, &for_orders()).unwrap();
    let out: Vec<_> = first
        .steps
        .iter()
        .map(|step| match &step.action {
            Action::AllowEgress { rule, .. } => (rule.protocol.as_str(), rule.port, &rule.peer),
            other => panic!("{other:?}"),
        })
        .collect();
    let cidr = |cidr: &str| RulePeer::Cidr(cidr.to_owned());
    let (one, other) = (cidr("10.0.0.53/32"), cidr("192.168.7.1/32"));
    let expected = [("udp", 53, &one), ("tcp", 53, &one), ("udp", 53, &other), ("tcp", 53, &other)];
    assert_eq!(out, expected);
    let made = model::apply(&inventory, &first);
    assert!(plan(&made, &for_orders()).unwrap().steps.is_empty());
}

#[test]
fn without_names_no_bastion_is_begun() {
    let mut inventory = with_routes(&[("subnet-1", Gateway::Nat("nat-1".to_owned()))]);
    let off = |inventory: &mut Inventory| {
        let vpc = inventory.network.vpc.as_mut().unwrap();
        (vpc.dns_support, vpc.uses_own_dns) = (Some(false), Some(true));
    };
    off(&mut inventory);
    insta::assert_snapshot!(refusal(&inventory, &for_orders()), @"
    a bastion in vpc-1 would not come online: names do not resolve in vpc-1: its enableDnsSupport is off
    > aws ec2 modify-vpc-attribute --vpc-id vpc-1 --enable-dns-support
    ");
    let mut inventory = complete();
    off(&mut inventory);
    let plan = plan(&inventory, &for_orders()).unwrap();
    assert!(plan.steps.is_empty());
    assert!(plan.warnings[0].contains("does not come online"), "{:?}", plan.warnings);
}

#[test]
fn what_iam_does_not_show_is_left_where_a_bastion_stands() {
    let mut inventory = complete();
    inventory.roles.clear();
    inventory.profiles.clear();
    inventory.identity_unknown = Some("GetRole is denied".to_owned());
    let mut desired = for_orders();
    desired.targets.push(target("users", 5432, "sg-users"));
    let plan = plan(&inventory, &desired).unwrap();
    assert_eq!(opened(&plan), ["sg-users"]);
    assert!(plan.warnings[0].ends_with("GetRole is denied"), "{:?}", plan.warnings);
    let json = serde_json::to_string(&plan.steps).unwrap();
    assert!(!json.contains("role") && !json.contains("profile"), "{json}");
}

#[test]
fn an_old_image_is_told_with_what_replaces_it() {
    let warnings = |image: &str, days: u32| {
        let mut inventory = complete();
        inventory.bastions[0].image = image.to_owned();
        inventory.image_days.insert(image.to_owned(), days);
        plan(&inventory, &for_orders()).unwrap().warnings
    };
    assert!(warnings("ami-old", 90).is_empty());
    assert!(warnings("ami-arm", 400).is_empty(), "there is no newer one");
    let told = warnings("ami-old", 91);
    assert!(told[0].contains("91 days old"), "{told:?}");
    assert!(told[0].contains("terminate-instances --instance-ids i-new1"), "{told:?}");
}

/// A rule names its targets by tags, of which there are fifty.
#[test]
fn a_rule_names_no_more_targets_than_tags_fit() {
    let mut desired = for_orders();
    desired.targets =
        (0..60).map(|number| target(&format!("db{number}"), 5432, "sg-orders")).collect();
    let inventory = with_routes(&[("subnet-1", Gateway::Nat("nat-1".to_owned()))]);
    let plan = plan(&inventory, &desired).unwrap();
    for step in &plan.steps {
        if let Action::AllowIngress { rule, .. } | Action::AllowEgress { rule, .. } = &step.action {
            assert!(rule.tags.len() <= 50, "{}", rule.tags.len());
        }
    }
    assert!(plan.warnings.iter().any(|one| one.contains("no room")), "{:?}", plan.warnings);
}

#[test]
fn groups_that_cannot_be_seen_are_not_said_to_be_missing() {
    let mut desired = for_orders();
    desired.targets[0].security_groups = vec!["sg-theirs".to_owned()];
    let told = plan(&complete(), &desired).unwrap().warnings;
    assert!(told[0].contains("has sg-theirs, which cannot be seen from here"), "{told:?}");
    desired.targets[0].security_groups.clear();
    let told = plan(&complete(), &desired).unwrap().warnings;
    assert!(told[0].contains("has no security group in vpc-1"), "{told:?}");
}

/// The two names that tags have are told apart from the start: what is made by one call with its tags
/// is found by the next run.
#[test]
fn all_that_is_made_is_tagged() {
    let mut inventory = network_only();
    inventory.network.vpc.as_mut().unwrap().ipv6_cidrs.push("2001:db8::/56".to_owned());
    let mut desired = for_orders();
    desired.options.create_endpoints = true;
    desired.options.tags.insert("team".to_owned(), "data".to_owned());
    for step in plan(&inventory, &desired).unwrap().steps {
        let json = serde_json::to_value(&step).unwrap();
        let tags = json.get("tags").or_else(|| json.get("rule").and_then(|rule| rule.get("tags")));
        let kind = json["action"].as_str().unwrap().to_owned();
        if let "put-policy" | "add-role" | "revoke-default-egress" = kind.as_str() {
            assert!(tags.is_none());
            continue;
        }
        let tags = tags.unwrap_or_else(|| panic!("{kind} has no tags"));
        assert_eq!(tags["adit:vpc"], "vpc-1", "{kind}");
        assert_eq!(tags["adit:owner"], inventory.caller.as_str(), "{kind}");
        assert_eq!(tags["adit:version"], "1", "{kind}");
        assert_eq!(tags["team"], "data", "{kind}");
        assert!(tags["adit:purpose"].is_string(), "{kind}");
    }
}

fn opened(plan: &Plan) -> Vec<&str> {
    let opened = plan.steps.iter().filter_map(|step| match &step.action {
        Action::AllowIngress { group, .. } => Some(group.as_str()),
        _ => None,
    });
    opened.collect()
}

fn launched(plan: &Plan) -> Launch {
    let launch = plan.steps.iter().find_map(|step| match &step.action {
        Action::RunInstance(launch) => Some(launch.clone()),
        _ => None,
    });
    launch.unwrap_or_else(|| panic!("nothing is started: {}", read(plan)))
}

fn rule(protocol: &str, ports: Option<(u16, u16)>, peer: Peer) -> Rule {
    Rule { id: None, protocol: protocol.to_owned(), ports, peer, tags: Tags::new() }
}
