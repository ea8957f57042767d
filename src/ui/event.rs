//! The events of `--json`: one object a line, documented in `docs/reference.md`.

use jiff::Timestamp;
use serde::Serialize;

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
    Opened { stream: u32 },
    /// A local connection has ended.
    Closed { stream: u32, bytes_in: u64, bytes_out: u64, cause: &'a str },
    /// A local connection was turned away.
    Rejected { cause: &'a str },
    /// The connection to the gateway was lost.
    Resuming { cause: &'a str },
    /// An attempt to get it back failed, and another follows.
    Retrying { attempts: u32, cause: &'a str },
    /// The session goes on.
    Resumed { gap_ms: u64 },
    /// Something works, but not as it should.
    Warning { message: &'a str },
    /// A text that the account shows to users of sessions.
    Message { text: &'a str },
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
    /// A step of the demonstration went as told.
    Step { number: u32, title: &'a str, lines: &'a [String] },
}

impl Event<'_> {
    /// Whether it tells how the command ended.
    pub(crate) fn is_last(&self) -> bool {
        matches!(self, Self::Ended { .. } | Self::Error { .. })
    }

    /// The event as a line, without its end: `event`, `time`, and what it says.
    pub(crate) fn to_json(&self, now: Timestamp) -> Result<String, serde_json::Error> {
        let mut text = serde_json::to_string(self)?;
        let time = format!(",\"time\":\"{}\"", now.strftime("%Y-%m-%dT%H:%M:%S%.3fZ"));
        // The tag comes first, and its four quotation marks enclose names without escapes.
        let behind_tag = text.match_indices('"').nth(3).map_or(0, |(at, _)| at + 1);
        text.insert_str(behind_tag, &time);
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(event: &Event<'_>) -> String {
        let now = Timestamp::from_millisecond(1_700_000_000_120).unwrap();
        event.to_json(now).unwrap()
    }

    #[test]
    fn every_event_begins_with_its_name_and_time() {
        assert_eq!(
            json(&Event::Starting),
            r#"{"event":"starting","time":"2023-11-14T22:13:20.120Z"}"#
        );
        assert_eq!(
            json(&Event::Resumed { gap_ms: 7 }),
            r#"{"event":"resumed","time":"2023-11-14T22:13:20.120Z","gap_ms":7}"#
        );
    }

    /// The members are an interface: programs read them.
    #[test]
    fn events_have_the_documented_members() {
        let hints = ["try again".to_owned()];
        let instances = ["i-1".to_owned()];
        let events = [
            Event::Starting,
            Event::Session { id: "s-1", lane: 0 },
            Event::Ready { connection: "db:5432", address: "127.0.0.1:5432", target: "db:5432" },
            Event::Opened { stream: 3 },
            Event::Closed { stream: 3, bytes_in: 2, bytes_out: 1, cause: "finished" },
            Event::Rejected { cause: "busy" },
            Event::Resuming { cause: "closed (1000)" },
            Event::Retrying { attempts: 1, cause: "cannot connect" },
            Event::Resumed { gap_ms: 120 },
            Event::Warning { message: "odd \"quoted\"\nnews" },
            Event::Message { text: "authorised use only" },
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
        ];
        let lines: Vec<String> = events.iter().map(json).collect();
        insta::assert_snapshot!(lines.join("\n"));
    }
}
