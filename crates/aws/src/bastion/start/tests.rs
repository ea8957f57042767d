//! Starting a bastion that others start, too. Answers have the form of
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/Welcome.html>.

use super::*;
use crate::fake::Fake;

const ONLINE: (u16, &str) = (
    200,
    r#"{"InstanceInformationList":[{"InstanceId":"i-1","PingStatus":"Online","LastPingDateTime":1.7953212E9}]}"#,
);
const BUSY: (u16, &str) = (
    400,
    "<Response><Errors><Error><Code>IncorrectInstanceState</Code><Message>no</Message></Error></Errors><RequestID>1</RequestID></Response>",
);

fn seen(state: &str) -> (u16, &'static str) {
    let item = format!(
        "<item><instanceId>i-1</instanceId><instanceState><name>{state}</name></instanceState><launchTime>2026-11-21T10:00:00Z</launchTime><vpcId>vpc-1</vpcId></item>"
    );
    let set = format!(
        "<reservationSet><item><instancesSet>{item}</instancesSet></item></reservationSet>"
    );
    let text = format!("<DescribeInstancesResponse>{set}</DescribeInstancesResponse>");
    (200, Box::leak(text.into_boxed_str()))
}

/// What comes of it, and how often it was told to start.
async fn starting(answers: Vec<(u16, &'static str)>) -> (Result<(), AwsError>, usize) {
    let fake = Fake::new(answers).await;
    let result = start(&fake.aws().await, "i-1", |_| ()).await;
    let asked = fake.asked();
    let starts = asked.iter().filter(|asked| asked.body.contains("Action=StartInstances"));
    (result, starts.count())
}

/// Two wait for it to stop; the other is quicker, so it is never seen as stopped.
#[tokio::test]
async fn what_somebody_else_has_started_meanwhile_is_used() {
    let stopping = seen("stopping");
    for next in ["pending", "running"] {
        let (result, starts) =
            starting(vec![stopping, stopping, seen(next), seen("running"), ONLINE]).await;
        assert_eq!((result.unwrap(), starts), ((), 0), "{next}");
        // The same between the look and the call.
        let answers = vec![seen("stopped"), BUSY, seen(next), seen("running"), ONLINE];
        let (result, starts) = starting(answers).await;
        assert_eq!((result.unwrap(), starts), ((), 1), "{next}");
    }
    let (result, starts) = starting(vec![seen("stopped"), BUSY, seen("terminated")]).await;
    assert_eq!(
        (result.unwrap_err().message.as_str(), starts),
        ("the bastion i-1 is terminated", 1)
    );
}

#[test]
fn an_agent_that_has_been_silent_for_long_is_not_waited_for_as_long() {
    let at = |text: &str| {
        SystemTime::try_from(DateTime::from_str(text, Format::DateTime).unwrap()).unwrap()
    };
    let launched = "2026-11-21T10:00:00Z";
    assert_eq!(agent_limit(launched, at("2026-11-21T10:14:00Z")), AGENT_LIMIT);
    assert_eq!(agent_limit(launched, at("2026-11-21T10:16:00Z")), LATE_AGENT_LIMIT);
    // A clock that is behind, or a time that nobody can read.
    assert_eq!(agent_limit(launched, at("2026-11-21T09:00:00Z")), AGENT_LIMIT);
    assert_eq!(agent_limit("soon", at("2026-11-21T10:16:00Z")), AGENT_LIMIT);
}
