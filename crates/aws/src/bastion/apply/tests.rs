//! What is done when AWS answers as it does at the wrong moment: answers have the form of
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/Welcome.html> and
//! <https://docs.aws.amazon.com/IAM/latest/APIReference/welcome.html>.

use std::sync::Mutex;

use super::*;
use crate::bastion::plan::Launch;
use crate::bastion::{Architecture, IDLE_MINUTES};
use crate::fake::{Asked, Fake};
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
        "<item><instanceId>{id}</instanceId><instanceState><name>{state}</name></instanceState><launchTime>{launched}</launchTime><vpcId>vpc-1</vpcId></item>"
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
        running("i-9"),
    ];
    let (applied, _, _) = run(&launch(), answers).await;
    assert_eq!(applied.unwrap().bastion.as_deref(), Some("i-9"));
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
