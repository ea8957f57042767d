use super::order::{Found, of_target};
use super::*;
use crate::bastion::{Bastion, Profile, Role, State};
use crate::network::{Endpoint, Group, OwnRule, Peer, Rule};
use crate::tags::{self, Purpose, Tags};

fn tagged(purpose: Purpose, vpc: &str) -> Tags {
    let mut tags = tags::new(purpose, vpc, "arn:aws:iam::111122223333:user/ann", &Tags::new());
    tags.insert(tags::REGION.to_owned(), "eu-west-1".to_owned());
    tags
}

fn rule(id: &str, group: &str, is_egress: bool, targets: &[&str]) -> OwnRule {
    let purpose = if is_egress { Purpose::Egress } else { Purpose::TargetAccess };
    let mut tags = tagged(purpose, "vpc-1");
    for target in targets {
        let key = tags::next_target_key(&tags);
        tags.insert(key, (*target).to_owned());
    }
    let peer = if is_egress {
        Peer::Cidr("10.0.0.0/16".to_owned())
    } else {
        Peer::Group("sg-bastion".to_owned())
    };
    OwnRule {
        group: group.to_owned(),
        is_egress,
        rule: Rule {
            id: Some(id.to_owned()),
            protocol: "tcp".to_owned(),
            ports: Some((5432, 5432)),
            peer,
            tags,
        },
    }
}

fn group(id: &str, name: &str, purpose: Purpose, vpc: &str) -> Group {
    Group {
        id: id.to_owned(),
        name: name.to_owned(),
        tags: tagged(purpose, vpc),
        ..Group::default()
    }
}

fn bastion(id: &str, vpc: &str, state: State) -> Bastion {
    Bastion {
        id: id.to_owned(),
        state,
        launched: "2026-11-21T10:00:00Z".to_owned(),
        vpc: vpc.to_owned(),
        subnet: "subnet-1".to_owned(),
        zone: "eu-west-1a".to_owned(),
        instance_type: "t4g.micro".to_owned(),
        image: "ami-1".to_owned(),
        public_ip: None,
        profile: Some(format!(
            "arn:aws:iam::111122223333:instance-profile/adit/adit-bastion-{vpc}"
        )),
        profile_id: None,
        groups: vec!["sg-bastion".to_owned()],
        owner: None,
        attached: None,
        state_reason: None,
    }
}

fn everything() -> Found {
    let name = "adit-bastion-vpc-1".to_owned();
    Found {
        region: "eu-west-1".to_owned(),
        bastions: vec![
            bastion("i-1", "vpc-1", State::Running),
            bastion("i-2", "vpc-2", State::Stopped),
            bastion("i-0", "vpc-1", State::Terminated),
        ],
        rules: vec![
            rule("sgr-in", "sg-orders", false, &["rds:orders"]),
            rule("sgr-out", "sg-bastion", true, &["rds:orders"]),
        ],
        endpoints: vec![Endpoint {
            id: "vpce-1".to_owned(),
            service: "com.amazonaws.eu-west-1.ssm".to_owned(),
            state: "available".to_owned(),
            tags: tagged(Purpose::Endpoint, "vpc-1"),
            ..Endpoint::default()
        }],
        groups: vec![
            group("sg-bastion", "adit-bastion", Purpose::Group, "vpc-1"),
            group("sg-vpce", "adit-endpoints", Purpose::EndpointGroup, "vpc-1"),
        ],
        roles: vec![
            Role { name: name.clone(), tags: tagged(Purpose::Role, "vpc-1"), ..Role::default() },
            // Of the same account, but it serves another region.
            Role {
                name: "adit-bastion-vpc-9".to_owned(),
                tags: Tags::from([
                    (tags::PURPOSE.to_owned(), "bastion-role".to_owned()),
                    (tags::VPC.to_owned(), "vpc-9".to_owned()),
                    (tags::REGION.to_owned(), "us-east-1".to_owned()),
                ]),
                ..Role::default()
            },
            // Under our path and with our name, but without our tags.
            Role { name: "adit-bastion-vpc-1-2".to_owned(), ..Role::default() },
        ],
        profiles: vec![Profile {
            name: name.clone(),
            tags: tagged(Purpose::Profile, "vpc-1"),
            role: Some(name),
            ..Profile::default()
        }],
        ..Found::default()
    }
}

fn names(leftovers: &Leftovers) -> Vec<&str> {
    leftovers.removals.iter().map(|removal| removal.resource.as_str()).collect()
}

#[test]
fn what_uses_something_goes_before_it() {
    let leftovers = everything().sort(&Scope::default());
    assert_eq!(
        names(&leftovers),
        [
            "i-1",
            "i-2",
            "sgr-in",
            "vpce-1",
            "sg-vpce",
            "sg-bastion",
            "adit-bastion-vpc-1",
            "adit-bastion-vpc-1",
        ]
    );
    assert!(leftovers.kept.is_empty());
    insta::assert_json_snapshot!(leftovers.removals);
}

#[test]
fn one_vpc_is_left_alone_when_another_is_meant() {
    let scope = Scope { vpc: Some("vpc-2".to_owned()), target: None };
    assert_eq!(names(&everything().sort(&scope)), ["i-2"]);
}

#[test]
fn a_group_that_others_name_stays_and_says_so() {
    let mut found = everything();
    let foreign = |ports| Rule {
        id: None,
        protocol: "tcp".to_owned(),
        ports: Some(ports),
        peer: Peer::Group("sg-bastion".to_owned()),
        tags: Tags::new(),
    };
    found.users = vec![Group {
        id: "sg-orders".to_owned(),
        name: "orders".to_owned(),
        ingress: vec![foreign((5432, 5432))],
        ..Group::default()
    }];
    assert!(found.clone().sort(&Scope::default()).kept.is_empty(), "our own rule is no reason");

    found.users[0].ingress.push(foreign((22, 22)));
    let leftovers = found.clone().sort(&Scope::default());
    assert!(!names(&leftovers).contains(&"sg-bastion"));
    assert_eq!(leftovers.kept[0].resource, "sg-bastion");
    assert_eq!(
        leftovers.kept[0].command,
        "aws ec2 revoke-security-group-ingress --group-id sg-orders --ip-permissions 'IpProtocol=tcp,FromPort=22,ToPort=22,UserIdGroupPairs=[{GroupId=sg-bastion}]'"
    );

    found.users.clear();
    let interface =
        |instance: &str| ("eni-1".to_owned(), instance.to_owned(), "sg-bastion".to_owned());
    found.interfaces = vec![interface("i-1"), interface("i-0")];
    assert!(
        found.clone().sort(&Scope::default()).kept.is_empty(),
        "our own instances are no reason"
    );
    found.interfaces.push(interface("i-foreign"));
    let leftovers = found.sort(&Scope::default());
    assert!(leftovers.kept[0].why.contains("i-foreign (eni-1)"), "{}", leftovers.kept[0].why);
}

#[test]
fn a_target_takes_only_its_own_rules_along() {
    let rules = [
        rule("sgr-1", "sg-bastion", true, &["rds:orders", "rds:users"]),
        rule("sgr-2", "sg-orders", false, &["rds:orders"]),
        rule("sgr-3", "sg-users", false, &["rds:users"]),
        rule("sgr-4", "sg-bastion", true, &["rds:orders"]),
        rule("sgr-5", "sg-bastion", true, &[]),
    ];
    let leftovers = of_target(&rules, "rds:orders");
    let actions: Vec<_> = leftovers.removals.iter().map(|removal| removal.action.clone()).collect();
    assert_eq!(
        actions,
        [
            RemovalAction::UntagRule {
                rule: "sgr-1".to_owned(),
                keys: vec!["adit:target".to_owned()]
            },
            RemovalAction::RevokeRule {
                group: "sg-orders".to_owned(),
                rule: "sgr-2".to_owned(),
                is_egress: false
            },
            RemovalAction::RevokeRule {
                group: "sg-bastion".to_owned(),
                rule: "sgr-4".to_owned(),
                is_egress: true
            },
        ]
    );
    assert!(of_target(&rules, "rds:none").removals.is_empty());
    assert_eq!(of_target(&rules, "rds:Orders").removals.len(), 3, "ids have no case");
    let rules = [rule("sgr-6", "sg-events", false, &["msk:events"])];
    assert!(of_target(&rules, "msk:Events").removals.is_empty(), "but for those of MSK");
}
