use super::order::{Found, of_target};
use super::*;
use crate::bastion::{Bastion, Profile, Role, State};
use crate::fake::{Fake, ok, refuse};
use crate::naming;
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
        description: "adit: bastion to rds:orders".to_owned(),
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
    let description = match purpose {
        Purpose::EndpointGroup => naming::ENDPOINT_GROUP_DESCRIPTION,
        _ => naming::GROUP_DESCRIPTION,
    };
    Group {
        id: id.to_owned(),
        name: name.to_owned(),
        description: description.to_owned(),
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
            groups: vec!["sg-vpce".to_owned()],
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
    let groups = [group("sg-bastion", "adit-bastion", Purpose::Group, "vpc-1")];
    let leftovers = of_target(&rules, &groups, "rds:orders");
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
    assert!(of_target(&rules, &groups, "rds:none").removals.is_empty());
    assert_eq!(of_target(&rules, &groups, "rds:Orders").removals.len(), 3, "ids have no case");
    let rules = [rule("sgr-6", "sg-events", false, &["msk:events"])];
    let other_case = of_target(&rules, &groups, "msk:Events");
    assert!(other_case.removals.is_empty(), "but for those of MSK");
}

/// Whoever may set tags could have anything removed.
#[test]
fn what_has_only_our_tags_stays_and_says_so() {
    let mut found = everything();
    let mut web = bastion("i-web", "vpc-1", State::Running);
    (web.profile, web.groups) = (None, vec!["sg-web".to_owned()]);
    found.bastions.push(web);
    let mut described = rule("sgr-text", "sg-web", false, &["rds:orders"]);
    described.description = "office".to_owned();
    let mut elsewhere = rule("sgr-peer", "sg-web", false, &["rds:orders"]);
    elsewhere.rule.peer = Peer::Group("sg-office".to_owned());
    let out = rule("sgr-web-out", "sg-web", true, &["rds:orders"]);
    found.rules.extend([described.clone(), elsewhere.clone(), out.clone()]);
    found.endpoints.push(Endpoint {
        id: "vpce-web".to_owned(),
        groups: vec!["sg-web".to_owned()],
        tags: tagged(Purpose::Endpoint, "vpc-1"),
        ..Endpoint::default()
    });
    found.groups.push(Group {
        description: "web".to_owned(),
        ..group("sg-web", "web", Purpose::Group, "vpc-1")
    });
    let rules = found.rules.clone();
    let before = names(&everything().sort(&Scope::default())).join(" ");
    let groups = found.groups.clone();
    let leftovers = found.sort(&Scope::default());
    assert_eq!(names(&leftovers).join(" "), before);
    let kept: Vec<_> = leftovers.kept.iter().map(|one| one.resource.as_str()).collect();
    assert_eq!(kept, ["i-web", "sgr-text", "sgr-peer", "sgr-web-out", "vpce-web", "sg-web"]);
    assert_eq!(
        leftovers.kept[0].command,
        "aws ec2 delete-tags --resources i-web --tags Key=adit:purpose"
    );

    let leftovers = of_target(&rules, &groups, "rds:orders");
    assert_eq!(names(&leftovers), ["sgr-in", "sgr-out"]);
    let kept: Vec<_> = leftovers.kept.iter().map(|one| one.resource.as_str()).collect();
    assert_eq!(kept, ["sgr-text", "sgr-peer", "sgr-web-out"]);
}

/// Somebody may have begun to use a bastion while the question was open.
#[tokio::test]
async fn a_bastion_is_looked_at_again_before_it_goes() {
    let seen = |state: &str| {
        let item = format!(
            "<item><instanceId>i-1</instanceId><instanceState><name>{state}</name></instanceState><vpcId>vpc-1</vpcId></item>"
        );
        let text = format!(
            "<DescribeInstancesResponse><reservationSet><item><instancesSet>{item}</instancesSet></item></reservationSet></DescribeInstancesResponse>"
        );
        (200, &*Box::leak(text.into_boxed_str()))
    };
    let sessions = |list: &'static str| (200, list);
    let live = sessions(r#"{"Sessions":[{"SessionId":"ann-1"}]}"#);
    let terminated =
        (200, "<TerminateInstancesResponse><instancesSet/></TerminateInstancesResponse>");
    let mut leftovers = everything().sort(&Scope { vpc: Some("vpc-1".to_owned()), target: None });
    leftovers.removals.retain(|one| one.resource == "i-1" || one.resource == "sgr-in");
    leftovers.vpcs.retain(|id, _| id == "i-1");

    for (answers, why) in [
        (vec![seen("pending")], "i-1 is starting, as somebody is about to use it"),
        (vec![seen("running"), live], "1 session is live on i-1"),
    ] {
        let fake = Fake::new(answers.clone()).await;
        let removed = remove(&fake.aws().await, &leftovers, false, |_| ()).await;
        assert!(removed.done.is_empty());
        // What it needs stays with it.
        for (one, resource) in removed.failed.iter().zip(["i-1", "sgr-in"]) {
            assert_eq!(one.error.message, format!("{resource} was not tried: {why}"));
        }
        assert_eq!((removed.failed.len(), fake.asked().len()), (2, answers.len()));
    }

    leftovers.removals.truncate(1);
    let answers =
        vec![seen("running"), sessions(r#"{"Sessions":[]}"#), terminated, seen("terminated")];
    let fake = Fake::new(answers).await;
    let removed = remove(&fake.aws().await, &leftovers, false, |_| ()).await;
    assert_eq!(removed.done.len(), 1, "{:?}", removed.failed);
    let fake = Fake::new(vec![terminated, seen("terminated")]).await;
    let removed = remove(&fake.aws().await, &leftovers, true, |_| ()).await;
    assert_eq!((removed.done.len(), fake.asked().len()), (1, 2), "{:?}", removed.failed);
}

#[tokio::test]
async fn what_may_be_used_by_what_was_not_looked_for_stays() {
    let mut leftovers = everything().sort(&Scope { vpc: Some("vpc-1".to_owned()), target: None });
    leftovers.removals.retain(|one| one.resource == "sg-bastion");
    leftovers.unseen = vec![Unseen { what: "bastion".to_owned(), ..Unseen::default() }];
    let fake = Fake::new(vec![(500, "")]).await;
    let removed = remove(&fake.aws().await, &leftovers, false, |_| ()).await;
    assert_eq!(
        removed.failed[0].error.message,
        "sg-bastion was not tried: a bastion of vpc-1 may still be there"
    );
    assert!(fake.asked().is_empty());
}

#[tokio::test]
async fn kinds_that_may_not_be_looked_for_leave_the_others() {
    const DENIED: &str = "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>no</Message></Error><RequestId>1</RequestId></ErrorResponse>";
    const REFUSED: &str = "<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>no</Message></Error></Errors><RequestID>1</RequestID></Response>";
    let routes = [
        refuse(&["Action=ListRoles"], 403, DENIED),
        refuse(&["Action=ListInstanceProfiles"], 403, DENIED),
        refuse(&["Action=DescribeVpcEndpoints"], 403, REFUSED),
        // Whose they are is only told.
        refuse(&["Action=GetCallerIdentity"], 403, DENIED),
        ok(
            &["Action=DescribeInstances"],
            "<DescribeInstancesResponse></DescribeInstancesResponse>",
        ),
        ok(
            &["Action=DescribeSecurityGroupRules"],
            "<DescribeSecurityGroupRulesResponse></DescribeSecurityGroupRulesResponse>",
        ),
        ok(
            &["Action=DescribeSecurityGroups"],
            "<DescribeSecurityGroupsResponse></DescribeSecurityGroupsResponse>",
        ),
    ];
    let fake = Fake::routed(&[7], &routes).await;
    let found = find_leftovers(&fake.aws().await, &Scope::default()).await.unwrap();
    let unseen: Vec<_> = found.unseen.iter().map(|one| one.what.as_str()).collect();
    assert_eq!(unseen, ["endpoint", "role", "instance profile"]);
    assert!(found.removals.is_empty());

    let routes = [refuse(&["Action=List"], 403, DENIED), refuse(&["Action="], 403, REFUSED)];
    let fake = Fake::routed(&[7], &routes).await;
    let error = find_leftovers(&fake.aws().await, &Scope::default()).await.unwrap_err();
    assert_eq!(error.kind, AwsErrorKind::AccessDenied);
}
