//! What is done when AWS answers as it does at the wrong moment: answers have the form of
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/Welcome.html> and
//! <https://docs.aws.amazon.com/IAM/latest/APIReference/welcome.html>.

mod fixture;
mod launch;

use super::*;
use crate::bastion::plan::{RulePeer, RuleSpec};
use crate::network::Protocol;
use crate::tags::{self, Purpose, Tags};
use crate::wait::code;

// By name, as there is one of this name in what is tested.
use fixture::online;
use fixture::*;

fn allow(targets: &[&str]) -> Plan {
    let mut tags = tags::new(Purpose::TargetAccess, "vpc-1", "ann", &Tags::new());
    for target in targets {
        tags.insert(tags::next_target_key(&tags), (*target).to_owned());
    }
    step(Action::AllowIngress {
        group: GroupRef::Id("sg-orders".to_owned()),
        rule: RuleSpec {
            protocol: Protocol::Tcp,
            port: 5432,
            peer: RulePeer::Group(GroupRef::Id("sg-1".to_owned())),
            description: "adit: bastion to rds:users".to_owned(),
            tags,
        },
    })
}

/// Two who set up targets behind one group at once: the rule of the quicker one names both.
#[tokio::test]
async fn a_rule_that_somebody_was_quicker_with_gets_our_target_too() {
    let duplicate = ec2_error("InvalidPermission.Duplicate", "the rule already exists");
    let rules = |tags: &str| {
        let rule = format!(
            "<item><securityGroupRuleId>sgr-1</securityGroupRuleId><groupId>sg-orders</groupId><isEgress>false</isEgress><ipProtocol>tcp</ipProtocol><fromPort>5432</fromPort><toPort>5432</toPort><referencedGroupInfo><groupId>sg-1</groupId></referencedGroupInfo><tagSet>{tags}</tagSet></item>"
        );
        (
            200,
            leak(format!(
                "<DescribeSecurityGroupRulesResponse><securityGroupRuleSet>{rule}</securityGroupRuleSet></DescribeSecurityGroupRulesResponse>"
            )),
        )
    };
    let tag =
        |key: &str, value: &str| format!("<item><key>{key}</key><value>{value}</value></item>");
    let done = (200, "<CreateTagsResponse><return>true</return></CreateTagsResponse>");

    let theirs = rules(&tag("adit:target", "rds:orders"));
    let (applied, asked, _) = run(&allow(&["rds:users"]), vec![duplicate, theirs, done]).await;
    applied.unwrap();
    let expected = ["AuthorizeSecurityGroupIngress", "DescribeSecurityGroupRules", "CreateTags"];
    assert_eq!(actions(&asked), expected);
    assert_eq!(field(&asked[2], "ResourceId.1"), Some("sgr-1"));
    assert_eq!(field(&asked[2], "Tag.1.Key"), Some("adit%3Atarget-2"));
    assert_eq!(field(&asked[2], "Tag.1.Value"), Some("rds%3Ausers"));

    // One that names it already, and one of somebody else's, are left.
    for tags in [tag("adit:target", "rds:users"), tag("adit:version", "1")] {
        let (applied, asked, _) = run(&allow(&["rds:users"]), vec![duplicate, rules(&tags)]).await;
        applied.unwrap();
        assert_eq!(asked.len(), 2, "{tags}");
    }
}

fn profile(reboot: bool) -> Plan {
    let (instance, profile) = ("i-1".to_owned(), "adit-bastion-vpc-1".to_owned());
    step(Action::SetProfile { instance, profile, reboot })
}

/// An agent that was refused sleeps for half an hour; one that serves sessions is not woken.
#[tokio::test]
async fn with_a_new_profile_a_running_bastion_is_rebooted_unless_it_is_in_use() {
    let associations = (200, "<DescribeIamInstanceProfileAssociationsResponse/>");
    let associated = (200, "<AssociateIamInstanceProfileResponse/>");
    let sessions = |list: &str| (200, leak(format!(r#"{{"Sessions":[{list}]}}"#)));
    let rebooted =
        (200, "<RebootInstancesResponse><return>true</return></RebootInstancesResponse>");
    let later = (200, leak(online("i-1").1.replace("1.7953212E9", "1.7953213E9")));
    let answers = vec![
        associations,
        associated,
        sessions(""),
        online("i-1"),
        rebooted,
        running("i-1"),
        online("i-1"),
        later,
    ];
    let (applied, asked, _) = run(&profile(true), answers).await;
    let applied = applied.unwrap();
    assert!(applied.is_online);
    assert_eq!(asked.len(), 8, "what was heard before the reboot does not count");

    let live = sessions(r#"{"SessionId":"ann-1"}"#);
    let (applied, asked, told) = run(&profile(true), vec![associations, associated, live]).await;
    assert!(!applied.unwrap().is_online);
    assert_eq!(asked.len(), 3);
    assert!(
        told.iter().any(
            |one| matches!(one, Progress::Note { text } if text.contains("live sessions (1)"))
        )
    );

    let (_, asked, _) = run(&profile(false), vec![associations, associated]).await;
    assert_eq!(asked.len(), 2);
}

#[tokio::test]
async fn where_roles_take_a_boundary_the_refusal_says_so() {
    let (applied, _, _) = run(&role(), vec![iam_error(403, "AccessDenied")]).await;
    let hints = applied.unwrap_err().hints();
    assert!(hints.iter().any(|hint| hint.contains("--permissions-boundary")), "{hints:?}");
}

fn role() -> Plan {
    step(Action::CreateRole {
        name: "adit-bastion-vpc-1".to_owned(),
        boundary: None,
        tags: tags::new(Purpose::Role, "vpc-1", "ann", &Tags::new()),
    })
}

fn get_role(tags: &[(&str, &str)]) -> (u16, &'static str) {
    let tag = |(key, value): &(&str, &str)| {
        format!("<member><Key>{key}</Key><Value>{value}</Value></member>")
    };
    let tags: String = tags.iter().map(tag).collect();
    (
        200,
        leak(format!(
            "<GetRoleResponse><GetRoleResult><Role><Path>/adit/</Path><RoleName>adit-bastion-vpc-1</RoleName><RoleId>AROA1</RoleId><Arn>arn:aws:iam::111122223333:role/adit/adit-bastion-vpc-1</Arn><CreateDate>2026-11-21T10:00:00Z</CreateDate><Tags>{tags}</Tags></Role></GetRoleResult></GetRoleResponse>"
        )),
    )
}

#[tokio::test]
async fn a_role_that_stands_is_ours_only_with_our_tags() {
    let exists = iam_error(409, "EntityAlreadyExists");
    let ours = get_role(&[("adit:purpose", "bastion-role"), ("adit:vpc", "vpc-1")]);
    let (applied, asked, _) = run(&role(), vec![exists, ours]).await;
    assert_eq!(applied.unwrap().done, ["the resource"]);
    assert_eq!(actions(&asked), ["CreateRole", "GetRole"]);

    for tags in [&[][..], &[("adit:purpose", "bastion-role"), ("adit:vpc", "vpc-2")]] {
        let (applied, _, _) = run(&role(), vec![exists, get_role(tags)]).await;
        let error = applied.unwrap_err();
        assert_eq!(code(&error.error), "NameTaken");
        assert!(error.to_string().starts_with("could not do it (the resource): "), "{error}");
        assert!(error.hints()[0].contains("new plan"), "{:?}", error.hints());
    }
}

#[tokio::test]
async fn an_error_tells_what_stands_and_what_to_do() {
    let mut plan = role();
    plan.steps.extend(step(Action::PutPolicy { role: "adit-bastion-vpc-1".to_owned() }).steps);
    let created = get_role(&[]).1.replace("GetRole", "CreateRole");
    let answers = vec![(200, leak(created)), iam_error(403, "AccessDenied")];
    let (applied, _, _) = run(&plan, answers).await;
    let error = applied.unwrap_err();
    assert_eq!(error.done, ["the resource"]);
    assert!(error.hints().iter().any(|hint| hint.contains("adit cleanup")), "{:?}", error.hints());
}

#[tokio::test]
async fn a_role_too_new_for_its_policy_is_waited_for() {
    let plan = step(Action::PutPolicy { role: "adit-bastion-vpc-1".to_owned() });
    let unseen = iam_error(404, "NoSuchEntity");
    let done = (200, "<PutRolePolicyResponse><ResponseMetadata/></PutRolePolicyResponse>");
    let (applied, asked, _) = run(&plan, vec![unseen, unseen, done]).await;
    assert!(applied.is_ok());
    assert_eq!(asked.len(), 3);
}

#[tokio::test]
async fn a_rule_that_is_there_already_is_done() {
    let plan = step(Action::RevokeDefaultEgress {
        group: GroupRef::Id("sg-1".to_owned()),
        cidrs: vec!["0.0.0.0/0".to_owned(), "::/0".to_owned()],
    });
    let (applied, asked, _) = run(&plan, vec![ec2_error("InvalidPermission.NotFound", "no")]).await;
    assert!(applied.is_ok());
    assert_eq!(asked.len(), 2, "each block by itself");
    assert_eq!(field(&asked[1], "IpPermissions.1.Ipv6Ranges.1.CidrIpv6"), Some("%3A%3A%2F0"));
}
