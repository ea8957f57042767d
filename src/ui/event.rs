//! The events of `--json`: one object a line, documented in `docs/reference.md`.

use std::collections::BTreeMap;

use adit_aws::bastion::{Kept, Removal, Step};
use jiff::Timestamp;
use serde::Serialize;

use crate::background::TunnelStatus;
use crate::commands::Measured;
use crate::failure::Kind;

/// Something that a program may want to know.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(crate) enum Event<'a> {
    /// A session is being started.
    Starting,
    /// A session has been started.
    Session { id: &'a str, lane: u32 },
    /// A tunnel can be used.
    Ready { connection: &'a str, address: &'a str, target: &'a str },
    /// A local connection has been opened.
    Opened { stream: u32, lane: u32 },
    /// A local connection has ended.
    Closed { stream: u32, bytes_in: u64, bytes_out: u64, cause: &'a str },
    /// A local connection was turned away.
    Rejected { cause: &'a str },
    /// The connection to the gateway was lost.
    Resuming { lane: u32, cause: &'a str },
    /// An attempt to get it back failed, and another follows.
    Retrying { lane: u32, attempts: u32, cause: &'a str },
    /// The session goes on.
    Resumed { lane: u32, gap_ms: u64 },
    /// The connection to the gateway was exchanged before the service would have closed it.
    Renewed { lane: u32 },
    /// Another session beside the first can carry connections.
    LaneOpened { lane: u32 },
    /// A session is gone, and others go on; without a cause nobody needed it any more.
    LaneGone {
        lane: u32,
        #[serde(skip_serializing_if = "Option::is_none")]
        cause: Option<&'a str>,
    },
    /// The session is gone, or given up; another one takes its place.
    Replacing { cause: &'a str },
    /// It has taken its place.
    Replaced { lane: u32, gap_ms: u64 },
    /// Something works, but not as it should; or a limit comes near.
    Warning {
        message: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        limit: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        remaining_s: Option<u64>,
    },
    /// Somebody has given the tunnel more time.
    Extended { until: &'a str, by_s: u64, cut: bool },
    /// A text that the account shows to users of sessions.
    Message { text: &'a str },
    /// How a tunnel of another process stands.
    Tunnel {
        pid: u32,
        detached: bool,
        #[serde(flatten)]
        tunnel: &'a TunnelStatus,
    },
    /// What a tunnel can do, and what limits it.
    Bench {
        #[serde(flatten)]
        measured: &'a Measured,
    },
    /// Something that is wrong with a file of settings.
    Problem {
        #[serde(flatten)]
        problem: &'a adit_config::Problem,
    },
    /// A setting that holds, and why.
    Setting {
        #[serde(flatten)]
        setting: &'a adit_config::Explanation,
    },
    /// The session is given back, and the next local connection has another one started.
    Dormant { cause: &'a str },
    /// The tunnel is over.
    Ended { cause: &'a str },
    /// The command failed; its last event.
    Error { code: u8, kind: Kind, message: &'a str, hints: &'a [String] },
    /// A lab can be used.
    Lab {
        endpoint: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        tls_endpoint: Option<&'a str>,
        region: &'a str,
        access_key_id: &'a str,
        secret_access_key: &'a str,
        instances: &'a [String],
    },
    /// Something that can be reached, or could be.
    Target {
        target: &'a str,
        kind: &'a str,
        id: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<&'a str>,
        engine: Option<&'a str>,
        status: Option<&'a str>,
        host: Option<&'a str>,
        port: Option<u16>,
        vpc: Option<&'a str>,
        initialised: Option<bool>,
        bastion: Option<&'a str>,
        bastion_state: Option<&'a str>,
    },
    /// The bastion that a tunnel goes through, and what it does at the moment.
    Bastion { id: &'a str, state: &'a str },
    /// What would be done.
    Plan {
        region: &'a str,
        caller: &'a str,
        vpc: &'a str,
        steps: &'a [Step],
        reasons: &'a [String],
        warnings: &'a [String],
    },
    /// What would be removed, in this order.
    RemovalPlan {
        region: &'a str,
        caller: &'a str,
        steps: &'a [Removal],
        kept: &'a [Kept],
        sessions: &'a BTreeMap<String, usize>,
    },
    /// A step of a plan begins.
    StepBegun { number: usize, total: usize, summary: &'a str },
    /// Something is being waited for.
    Waiting { what: &'a str, usually_s: u64, waited_s: u64 },
    /// A step of a plan is done.
    StepDone { number: usize, resource: &'a str },
    /// A VPC has its bastion, and the targets asked for can be reached from it.
    Initialised { vpc: &'a str, bastion: Option<&'a str> },
    /// A cleanup is over.
    Cleaned { removed: usize, left: usize },
    /// A step of a plan could not be done.
    StepFailed { resource: &'a str, message: &'a str, hints: &'a [String], command: &'a str },
    /// Who commands act as.
    Identity {
        account: &'a str,
        arn: &'a str,
        kind: &'a str,
        steps: &'a [CredentialStep<'a>],
        /// `null` where nobody can tell.
        mfa: Option<bool>,
        #[serde(skip_serializing_if = "Option::is_none")]
        mfa_at: Option<&'a str>,
        expires: Option<&'a str>,
        renewable: bool,
        region: &'a str,
        region_origin: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        profile: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        endpoint_url: Option<&'a str>,
    },
    /// Somebody has to sign in at an address.
    SignIn { url: &'a str, code: &'a str },
    /// Somebody has signed in.
    SignedIn { start_url: &'a str, expires: &'a str },
    /// A step of the demonstration went as told.
    Step { number: u32, title: &'a str, lines: &'a [String] },
}

/// A step on the way to the credentials.
#[derive(Debug, Serialize)]
pub(crate) struct CredentialStep<'a> {
    pub(crate) what: &'a str,
    pub(crate) origin: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) held: Option<&'a str>,
}

impl<'a> Event<'a> {
    /// A warning that has to do with no limit.
    pub(crate) fn warning(message: &'a str) -> Self {
        Self::Warning { message, limit: None, remaining_s: None }
    }

    /// Whether it tells how the command ended.
    pub(crate) fn is_last(&self) -> bool {
        matches!(self, Self::Ended { .. } | Self::Error { .. })
    }

    /// The event as a line, without its end: `event`, `time`, the connection it is about, where it
    /// is about one, and what it says.
    pub(crate) fn to_json(
        &self,
        now: Timestamp,
        connection: Option<&str>,
    ) -> Result<String, serde_json::Error> {
        let mut text = serde_json::to_string(self)?;
        let mut time = format!(",\"time\":\"{}\"", now.strftime("%Y-%m-%dT%H:%M:%S%.3fZ"));
        // That one says it itself.
        if let Some(connection) = connection.filter(|_| !matches!(self, Self::Ready { .. })) {
            time.push_str(",\"connection\":");
            time.push_str(&serde_json::to_string(connection)?);
        }
        // The tag comes first, and its four quotation marks enclose names without escapes.
        let behind_tag = text.match_indices('"').nth(3).map_or(0, |(at, _)| at + 1);
        text.insert_str(behind_tag, &time);
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use adit_aws::bastion::{Action, RemovalAction};

    use super::*;

    fn json(event: &Event<'_>) -> String {
        let now = Timestamp::from_millisecond(1_700_000_000_120).unwrap();
        event.to_json(now, None).unwrap()
    }

    #[test]
    fn every_event_begins_with_its_name_and_time() {
        assert_eq!(
            json(&Event::Starting),
            r#"{"event":"starting","time":"2023-11-14T22:13:20.120Z"}"#
        );
        assert_eq!(
            json(&Event::Resumed { lane: 0, gap_ms: 7 }),
            r#"{"event":"resumed","time":"2023-11-14T22:13:20.120Z","lane":0,"gap_ms":7}"#
        );
    }

    #[test]
    fn an_event_names_its_connection_once() {
        let now = Timestamp::from_millisecond(1_700_000_000_120).unwrap();
        assert_eq!(
            Event::Resumed { lane: 0, gap_ms: 7 }.to_json(now, Some("a\"b")).unwrap(),
            r#"{"event":"resumed","time":"2023-11-14T22:13:20.120Z","connection":"a\"b","lane":0,"gap_ms":7}"#
        );
        let ready = Event::Ready { connection: "db", address: "127.0.0.1:1", target: "rds:db" };
        let text = ready.to_json(now, Some("db")).unwrap();
        assert_eq!(text.matches("connection").count(), 1, "{text}");
    }

    /// The members are an interface: programs read them.
    #[test]
    fn events_have_the_documented_members() {
        let hints = ["try again".to_owned()];
        let instances = ["i-1".to_owned()];
        let steps = [Step {
            resource: "adit-bastion".to_owned(),
            summary: "give the role its policy".to_owned(),
            why: "it has none".to_owned(),
            action: Action::PutPolicy { role: "adit-bastion".to_owned() },
        }];
        let removals = [Removal {
            resource: "sg-1".to_owned(),
            vpc: "vpc-1".to_owned(),
            summary: "delete the group".to_owned(),
            action: RemovalAction::DeleteGroup { group: "sg-1".to_owned() },
        }];
        let kept = [Kept {
            resource: "sg-2".to_owned(),
            why: "another instance uses it".to_owned(),
            command: "aws ec2 terminate-instances --instance-ids i-2".to_owned(),
        }];
        let events = [
            Event::Starting,
            Event::Session { id: "s-1", lane: 0 },
            Event::Ready { connection: "db:5432", address: "127.0.0.1:5432", target: "db:5432" },
            Event::Opened { stream: 3, lane: 0 },
            Event::Closed { stream: 3, bytes_in: 2, bytes_out: 1, cause: "finished" },
            Event::Rejected { cause: "busy" },
            Event::Resuming { lane: 0, cause: "closed (1000)" },
            Event::Retrying { lane: 0, attempts: 1, cause: "cannot connect" },
            Event::Resumed { lane: 0, gap_ms: 120 },
            Event::Warning {
                message: "access ends in 5 min",
                limit: Some("credentials"),
                remaining_s: Some(300),
            },
            Event::Extended { until: "2023-11-14T23:13:20Z", by_s: 3600, cut: true },
            Event::Identity {
                account: "111122223333",
                arn: "arn:aws:sts::111122223333:assumed-role/Dev/adit-ann",
                kind: "role",
                steps: &[CredentialStep {
                    what: "role arn:aws:iam::111122223333:role/Dev",
                    origin: "profile `dev` in ~/.aws/config",
                    held: Some("the AWS CLI's cache"),
                }],
                mfa: Some(true),
                mfa_at: Some("2023-11-14T22:00:00Z"),
                expires: Some("2023-11-14T23:00:00Z"),
                renewable: true,
                region: "eu-west-1",
                region_origin: "--region",
                profile: Some("dev"),
                endpoint_url: None,
            },
            Event::SignIn { url: "https://device.example/?code=AB", code: "AB" },
            Event::SignedIn { start_url: "https://acme.example", expires: "2023-11-15T06:00:00Z" },
            Event::warning("odd \"quoted\"\nnews"),
            Event::Message { text: "authorised use only" },
            Event::Dormant { cause: "no byte for 20 min" },
            Event::Ended { cause: "closed" },
            Event::Error { code: 8, kind: Kind::Destination, message: "no", hints: &hints },
            Event::Lab {
                endpoint: "http://127.0.0.1:1",
                tls_endpoint: None,
                region: "us-east-1",
                access_key_id: "AKIA",
                secret_access_key: "secret",
                instances: &instances,
            },
            Event::Step { number: 1, title: "A lab", lines: &hints },
            Event::Target {
                target: "rds:orders",
                kind: "rds",
                id: "orders",
                name: None,
                engine: Some("postgres"),
                status: None,
                host: Some("orders.example"),
                port: Some(5432),
                vpc: Some("vpc-1"),
                initialised: Some(true),
                bastion: Some("i-1"),
                bastion_state: Some("running"),
            },
            Event::Bastion { id: "i-1", state: "stopped" },
            Event::Plan {
                region: "us-east-1",
                caller: "arn:aws:iam::111122223333:user/ann",
                vpc: "vpc-1",
                steps: &steps,
                reasons: &hints,
                warnings: &[],
            },
            Event::StepBegun { number: 1, total: 2, summary: "give the role its policy" },
            Event::Waiting { what: "the bastion to run", usually_s: 15, waited_s: 0 },
            Event::StepDone { number: 1, resource: "adit-bastion" },
            Event::Initialised { vpc: "vpc-1", bastion: Some("i-1") },
            Event::Cleaned { removed: 7, left: 1 },
            Event::RemovalPlan {
                region: "us-east-1",
                caller: "arn:aws:iam::111122223333:user/ann",
                steps: &removals,
                kept: &kept,
                sessions: &BTreeMap::from([("i-1".to_owned(), 2)]),
            },
            Event::StepFailed {
                resource: "sg-1",
                message: "in use",
                hints: &hints,
                command: "aws ec2 delete-security-group --group-id sg-1",
            },
            Event::Renewed { lane: 0 },
            Event::Replacing { cause: "rds:orders is elsewhere now" },
            Event::Replaced { lane: 0, gap_ms: 900 },
            Event::LaneOpened { lane: 1 },
            Event::LaneGone { lane: 1, cause: Some("the service ended the session") },
            Event::LaneGone { lane: 2, cause: None },
            Event::Bench { measured: &Measured::example() },
        ];
        let lines: Vec<String> = events.iter().map(json).collect();
        insta::assert_snapshot!(lines.join("\n"));
    }
}
