//! What the tests of making things share: answers of AWS, plans of one step.

use std::sync::Mutex;

use super::super::*;
use crate::bastion::plan::Launch;
use crate::bastion::{Architecture, IDLE_MINUTES};
use crate::fake::{Asked, Fake};
use crate::tags::{self, Purpose, Tags};

pub(super) fn leak(text: String) -> &'static str {
    Box::leak(text.into_boxed_str())
}

pub(super) fn ec2_error(code: &str, message: &str) -> (u16, &'static str) {
    (
        400,
        leak(format!(
            "<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors><RequestID>1</RequestID></Response>"
        )),
    )
}

pub(super) fn iam_error(status: u16, code: &str) -> (u16, &'static str) {
    (
        status,
        leak(format!(
            "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>no</Message></Error><RequestId>1</RequestId></ErrorResponse>"
        )),
    )
}

pub(super) fn instance(id: &str, state: &str, launched: &str) -> String {
    format!(
        "<item><instanceId>{id}</instanceId><instanceState><name>{state}</name></instanceState><launchTime>{launched}</launchTime><vpcId>vpc-1</vpcId><rootDeviceName>/dev/xvda</rootDeviceName><blockDeviceMapping><item><deviceName>/dev/xvda</deviceName><ebs><attachTime>{launched}</attachTime></ebs></item></blockDeviceMapping><iamInstanceProfile><arn>arn:aws:iam::111122223333:instance-profile/adit/adit-bastion-vpc-1</arn></iamInstanceProfile></item>"
    )
}

pub(super) fn made(id: &str, state: &str) -> (u16, &'static str) {
    let item = instance(id, state, "2026-11-21T10:00:00Z");
    (
        200,
        leak(format!(
            "<RunInstancesResponse><instancesSet>{item}</instancesSet></RunInstancesResponse>"
        )),
    )
}

pub(super) fn seen(instances: &[String]) -> (u16, &'static str) {
    let items = instances.concat();
    let set = format!(
        "<reservationSet><item><instancesSet>{items}</instancesSet></item></reservationSet>"
    );
    (200, leak(format!("<DescribeInstancesResponse>{set}</DescribeInstancesResponse>")))
}

pub(super) fn running(id: &str) -> (u16, &'static str) {
    seen(&[instance(id, "running", "2026-11-21T10:00:00Z")])
}

pub(super) fn online(id: &str) -> (u16, &'static str) {
    (
        200,
        leak(format!(
            r#"{{"InstanceInformationList":[{{"InstanceId":"{id}","PingStatus":"Online","LastPingDateTime":1.7953212E9}}]}}"#
        )),
    )
}

pub(super) fn step(action: Action) -> Plan {
    let step = Step {
        resource: "the resource".to_owned(),
        summary: "do it".to_owned(),
        why: "because".to_owned(),
        action,
    };
    Plan { vpc: "vpc-1".to_owned(), steps: vec![step], ..Plan::default() }
}

pub(super) fn launch() -> Plan {
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

pub(super) async fn run(
    plan: &Plan,
    answers: Vec<(u16, &'static str)>,
) -> (Result<Applied, ApplyError>, Vec<Asked>, Vec<Progress>) {
    let fake = Fake::new(answers).await;
    let told = Mutex::new(Vec::new());
    let tell = |progress| told.lock().unwrap().push(progress);
    let applied = apply(&fake.aws().await, plan, tell).await;
    (applied, fake.asked(), told.into_inner().unwrap())
}

pub(super) fn actions(asked: &[Asked]) -> Vec<&str> {
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

pub(super) fn field<'a>(asked: &'a Asked, name: &str) -> Option<&'a str> {
    asked.body.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
}
