//! What a tunnel tells of its limits.

use std::time::Duration;

use adit_tunnel::Limit;

use super::Report;
use crate::commands::tunnels::Extended;
use crate::ui::{Event, long_span};

impl Report {
    /// Says that a limit of the tunnel comes near, and what can be done about it.
    pub(crate) fn limit_nears(&self, limit: Limit, left: Duration, way_out: Option<&str>) {
        // Five minutes that are a millisecond shorter by now are five minutes to a person.
        let left = Duration::from_secs(left.as_secs() + u64::from(left.subsec_nanos() > 0));
        let left_text = long_span(left);
        let message = match limit {
            Limit::Idle => format!("nothing moves; the tunnel closes in {left_text}"),
            Limit::Maximum => format!("the longest time of the tunnel is over in {left_text}"),
        };
        if self.words {
            self.printer.warn(&match way_out {
                Some(way_out) => format!("{message}; {way_out}"),
                None => message.clone(),
            });
        }
        let remaining_s = Some(left.as_secs());
        let limit = Some(limit_name(limit));
        drop(self.printer.event(&Event::Warning { message: &message, limit, remaining_s }));
    }

    /// Says that the service ends an idle session before this end would.
    pub(crate) fn service_is_stricter(&self, idle: Duration, own: Option<Duration>) {
        let idle = long_span(idle);
        let own = own.map_or_else(|| "for ever".to_owned(), long_span);
        let message = format!(
            "AWS ends a session that is idle for {idle}, as the account's preferences say; \
             --idle-timeout is {own}"
        );
        if self.words {
            self.printer.warn(&message);
        }
        drop(self.printer.event(&Event::warning(&message)));
    }

    /// Says that somebody has extended the tunnel.
    pub(crate) fn extended(&self, extended: &Extended) {
        if self.words {
            self.printer.note(&extended.to_string());
        }
        let Extended { until, by_s, cut } = extended;
        let event = Event::Extended { until, by_s: *by_s, cut: *cut };
        drop(self.printer.event(&event));
    }
}

/// How events name a limit.
fn limit_name(limit: Limit) -> &'static str {
    match limit {
        Limit::Idle => "idle",
        Limit::Maximum => "maximum",
    }
}
