//! What is done when AWS answers as it does at the wrong moment: answers have the form of
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/Welcome.html> and
//! <https://docs.aws.amazon.com/IAM/latest/APIReference/welcome.html>.

use std::sync::Mutex;

use super::*;
use crate::bastion::plan::{Launch, RulePeer, RuleSpec};
use crate::bastion::{Architecture, IDLE_MINUTES};
use crate::fake::{Asked, Fake};
use crate::network::Protocol;
use crate::tags::{self, Purpose, Tags};
use crate::wait::code;

fn leak(text: String) -> &'static str {
    Box::leak(text.into_boxed_str())
}

fn ec2_error(code: &str, message: &str) -> (u16, &'static str) {
    (
        400,
        leak(format!(
            "<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors><RequestID>1</RequestID></Response>"
        )),
    )
}

fn iam_error(status: u16, code: &str) -> (u16, &'static str) {
    (
        status,
        leak(format!(
            "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>no</Message></Error><RequestId>1</RequestId></ErrorResponse>"
        )),
    )
}

fn instance(id: &str, state: &str, launched: &str) -> String {
    format!(
        "<item><instanceId>{id}</instanceId><instanceState><name>{state}</name></instanceState><launchTime>{launched}</launchTime><vpcId>vpc-1</vpcId><rootDeviceName>/dev/xvda</rootDeviceName><blockDeviceMapping><item><deviceName>/dev/xvda</deviceName><ebs><attachTime>{launched}</attachTime></ebs></item></blockDeviceMapping><iamInstanceProfile><arn>arn:aws:iam::111122223333:instance-profile/adit/adit-bastion-vpc-1</arn></iamInstanceProfile></item>"
    )
}

fn made(id: &str, state: &str) -> (u16, &'static str) {
    let item = instance(id, state, "2026-11-21T10:00:00Z");
    (
        200,
        leak(format!(
            "<RunInstancesResponse><instancesSet>{item}</instancesSet></RunInstancesResponse>"
        )),
    )
}

fn seen(instances: &[String]) -> (u16, &'static str) {
    let items = instances.concat();
    let set = format!(
        "<reservationSet><item><instancesSet>{items}</instancesSet></item></reservationSet>"
    );
    (200, leak(format!("<DescribeInstancesResponse>{set}</DescribeInstancesResponse>")))
}

fn running(id: &str) -> (u16, &'static str) {
    seen(&[instance(id, "running", "2026-11-21T10:00:00Z")])
}

fn online(id: &str) -> (u16, &'static str) {
    (
        200,
        leak(format!(
            r#"{{"InstanceInformationList":[{{"InstanceId":"{id}","PingStatus":"Online","LastPingDateTime":1.7953212E9}}]}}"#
        )),
    )
}

fn step(action: Action) -> Plan {
    let step = Step {
        resource: "the resource".to_owned(),
        summary: "do it".to_owned(),
        why: "because".to_owned(),
        action,
    };
    Plan { vpc: "vpc-1".to_owned(), steps: vec![step], ..Plan::default() }
}

fn launch() -> Plan {
    step(Action::RunInstance(Launch {
        vpc: "vpc-1".to_owned(),
        subnet: "subnet-1".to_owned(),
        instance_type: "t4g.micro".to_owned(),
        architecture: Architecture::Arm64,
        image: "ami-arm".to_owned(),
        public_ip: false,
        needs_endpoints: false,
        idle_minutes: IDLE_MINUTES,
        profile: "adit-bastion-vpc-1".to_owned(),
        group: GroupRef::Id("sg-1".to_owned()),
        tags: tags::new(Purpose::Bastion, "vpc-1", "ann", &Tags::new()),
    }))
}

async fn run(
    plan: &Plan,
    answers: Vec<(u16, &'static str)>,
) -> (Result<Applied, ApplyError>, Vec<Asked>, Vec<Progress>) {
    let fake = Fake::new(answers).await;
    let told = Mutex::new(Vec::new());
    let tell = |progress| told.lock().unwrap().push(progress);
    let applied = apply(&fake.aws().await, plan, tell).await;
    (applied, fake.asked(), told.into_inner().unwrap())
}

fn actions(asked: &[Asked]) -> Vec<&str> {
    let action = |asked: &'_ Asked| {
        let body = asked.body.split('&').find_map(|pair| pair.strip_prefix("Action="));
        body.map(str::len).map(|len| (7, 7 + len))
    };
    asked
        .iter()
        .map(|one| match action(one) {
            Some((from, to)) => &one.body[from..to],
            None => "DescribeInstanceInformation",
        })
        .collect()
}

fn field<'a>(asked: &'a Asked, name: &str) -> Option<&'a str> {
    asked.body.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
}

#[tokio::test]
async fn a_launch_says_all_that_a_bastion_is() {
    let answers = vec![
        seen(&[]),
        made("i-1", "pending"),
        running("i-1"),
        running("i-1"),
        running("i-1"),
        online("i-1"),
        running("i-1"),
    ];
    let (applied, asked, told) = run(&launch(), answers).await;
    let applied = applied.unwrap();
    assert_eq!(applied.bastion.as_deref(), Some("i-1"));
    assert!(applied.is_online);
    assert_eq!(actions(&asked)[..3], ["DescribeInstances", "RunInstances", "DescribeInstances"]);
    for (name, value) in [
        ("ImageId", "ami-arm"),
        ("InstanceType", "t4g.micro"),
        ("ClientToken", "adit-sg-1-1"),
        ("IamInstanceProfile.Name", "adit-bastion-vpc-1"),
        ("MetadataOptions.HttpTokens", "required"),
        ("MetadataOptions.HttpPutResponseHopLimit", "1"),
        ("BlockDeviceMapping.1.Ebs.Encrypted", "true"),
        ("BlockDeviceMapping.1.Ebs.VolumeType", "gp3"),
        ("NetworkInterface.1.AssociatePublicIpAddress", "false"),
        ("NetworkInterface.1.SecurityGroupId.1", "sg-1"),
        ("InstanceInitiatedShutdownBehavior", "stop"),
        ("MaxCount", "1"),
    ] {
        assert_eq!(field(&asked[1], name), Some(value), "{name} in {}", asked[1].body);
    }
    assert!(field(&asked[1], "KeyName").is_none());
    assert!(field(&asked[1], "UserData").is_some());
    assert!(asked[1].body.contains("TagSpecification.3.ResourceType"));
    assert!(matches!(&told[0], Progress::Step { number: 1, total: 1, .. }), "{told:?}");
}

#[tokio::test]
async fn a_profile_that_ec2_does_not_see_yet_is_waited_for() {
    let unseen = ec2_error(
        "InvalidParameterValue",
        "Value (adit-bastion-vpc-1) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name",
    );
    let answers = vec![
        seen(&[]),
        unseen,
        unseen,
        made("i-1", "pending"),
        running("i-1"),
        running("i-1"),
        running("i-1"),
        online("i-1"),
        running("i-1"),
    ];
    let (applied, asked, told) = run(&launch(), answers).await;
    assert_eq!(applied.unwrap().bastion.as_deref(), Some("i-1"));
    let tokens: Vec<_> = asked[1..4].iter().map(|one| field(one, "ClientToken")).collect();
    assert_eq!(tokens, [Some("adit-sg-1-1"); 3]);
    let waits = told.iter().filter(
        |one| matches!(one, Progress::Waiting { what, .. } if what.contains("instance profile")),
    );
    assert_eq!(waits.count(), 2);

    let other = ec2_error("InvalidParameterValue", "Value (x) for parameter userData is invalid");
    let (applied, asked, _) = run(&launch(), vec![seen(&[]), other]).await;
    assert_eq!(code(&applied.unwrap_err().error), "InvalidParameterValue");
    assert_eq!(asked.len(), 2);
}

/// What somebody has started since the plan was made is used.
#[tokio::test]
async fn a_bastion_that_stands_by_now_is_taken() {
    let answers =
        vec![running("i-9"), running("i-9"), running("i-9"), online("i-9"), running("i-9")];
    let (applied, asked, _) = run(&launch(), answers).await;
    assert_eq!(applied.unwrap().bastion.as_deref(), Some("i-9"));
    assert!(!actions(&asked).contains(&"RunInstances"));

    // The same when only its token tells of it at first.
    let mismatch = ec2_error("IdempotentParameterMismatch", "inconsistent");
    let answers = vec![
        seen(&[]),
        mismatch,
        seen(&[]),
        running("i-9"),
        running("i-9"),
        running("i-9"),
        online("i-9"),
    ];
    let (applied, asked, _) = run(&launch(), answers).await;
    assert_eq!(applied.unwrap().bastion.as_deref(), Some("i-9"));
    assert!(!actions(&asked).contains(&"TerminateInstances"));
}

/// Anybody who may set tags can say of a machine that it is the bastion.
#[tokio::test]
async fn what_is_only_tagged_as_a_bastion_is_not_taken() {
    let tagged = instance("i-evil", "running", "2026-11-21T09:00:00Z")
        .replace("instance-profile/adit/", "instance-profile/theirs/");
    let stranger = seen(&[tagged]);
    let answers = vec![
        stranger,
        made("i-1", "pending"),
        stranger,
        running("i-1"),
        running("i-1"),
        online("i-1"),
        running("i-1"),
    ];
    let (applied, asked, _) = run(&launch(), answers).await;
    assert_eq!(applied.unwrap().bastion.as_deref(), Some("i-1"));
    assert_eq!(actions(&asked)[..2], ["DescribeInstances", "RunInstances"]);
    assert!(!actions(&asked).contains(&"TerminateInstances"));
}

/// A stop and a start move the time of the launch, but not that of the volume.
#[tokio::test]
async fn a_bastion_that_was_started_again_is_still_the_older_one() {
    let old = instance("i-old", "pending", "2026-01-01T00:00:00Z")
        .replace("<launchTime>2026-01-01T00:00:00Z", "<launchTime>2026-11-21T11:00:00Z");
    let two = seen(&[old, instance("i-new", "pending", "2026-11-21T10:00:00Z")]);
    let terminated =
        (200, "<TerminateInstancesResponse><instancesSet/></TerminateInstancesResponse>");
    let answers = vec![
        seen(&[]),
        made("i-new", "pending"),
        two,
        terminated,
        running("i-old"),
        running("i-old"),
        online("i-old"),
    ];
    let (applied, asked, _) = run(&launch(), answers).await;
    assert_eq!(applied.unwrap().bastion.as_deref(), Some("i-old"));
    assert_eq!(field(&asked[3], "InstanceId.1"), Some("i-new"));
    assert_eq!(actions(&asked).iter().filter(|one| **one == "TerminateInstances").count(), 1);
}

/// A launch that fails later, as that of a volume with a key that may not be used.
#[tokio::test]
async fn why_a_launch_died_is_told() {
    let reason = "<stateReason><code>Client.InternalError</code><message>Client.InternalError: Client error on launch</message></stateReason></item>";
    let dead = instance("i-1", "terminated", "2026-11-21T10:00:00Z");
    let dead = format!("{}{reason}", dead.strip_suffix("</item>").unwrap());
    let answers = vec![seen(&[]), made("i-1", "pending"), running("i-1"), seen(&[dead])];
    let (applied, _, _) = run(&launch(), answers).await;
    let error = applied.unwrap_err();
    assert!(error.to_string().contains("is terminated: Client.InternalError: Client"), "{error}");
    assert!(error.hints()[0].contains("kms:CreateGrant"), "{:?}", error.hints());
}

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

/// A token stays with its instance for a day after that is gone.
#[tokio::test]
async fn a_token_of_a_terminated_instance_is_not_used_again() {
    for gone in [
        made("i-0", "terminated"),
        ec2_error("IdempotentInstanceTerminated", "The instance was terminated"),
    ] {
        let answers = vec![
            seen(&[]),
            gone,
            made("i-1", "pending"),
            running("i-1"),
            running("i-1"),
            running("i-1"),
            online("i-1"),
            running("i-1"),
        ];
        let (applied, asked, _) = run(&launch(), answers).await;
        assert_eq!(applied.unwrap().bastion.as_deref(), Some("i-1"));
        assert_eq!(field(&asked[2], "ClientToken"), Some("adit-sg-1-2"));
    }
}

#[tokio::test]
async fn of_two_made_at_once_the_younger_goes() {
    let two = seen(&[
        instance("i-old", "running", "2026-11-21T09:59:59Z"),
        instance("i-new", "pending", "2026-11-21T10:00:00Z"),
    ]);
    let terminated =
        (200, "<TerminateInstancesResponse><instancesSet/></TerminateInstancesResponse>");
    let answers = vec![
        seen(&[]),
        made("i-new", "pending"),
        two,
        terminated,
        running("i-old"),
        running("i-old"),
        online("i-old"),
        running("i-old"),
    ];
    let (applied, asked, told) = run(&launch(), answers).await;
    assert_eq!(applied.unwrap().bastion.as_deref(), Some("i-old"));
    assert_eq!(field(&asked[3], "InstanceId.1"), Some("i-new"));
    assert!(
        told.iter()
            .any(|one| matches!(one, Progress::Note { text } if text.contains("i-new is removed")))
    );

    // Ours is the older one: theirs to remove.
    let two = seen(&[
        instance("i-new", "pending", "2026-11-21T10:00:00Z"),
        instance("i-other", "pending", "2026-11-21T10:00:01Z"),
    ]);
    let answers = vec![
        seen(&[]),
        made("i-new", "pending"),
        two,
        running("i-new"),
        running("i-new"),
        online("i-new"),
        running("i-new"),
    ];
    let (applied, asked, _) = run(&launch(), answers).await;
    assert_eq!(applied.unwrap().bastion.as_deref(), Some("i-new"));
    assert!(!actions(&asked).contains(&"TerminateInstances"));
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
