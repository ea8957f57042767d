//! What a tunnel tells, as events and as words.

mod lanes;
mod limits;
mod standing;

use std::time::{Duration, Instant};

use adit_tunnel::{End, Loss, Rejection, StreamEnd, Tunnel, TunnelEvent, TunnelStats, Warning};

use self::lanes::Lanes;
use super::tunnels::{Leash, Seat, State};
use crate::failure::Failure;
use crate::signals::Stop;
use crate::ui::{Event, Printer, long_span, size, span};

/// The most characters of a text that the far end sends.
const MESSAGE_LIMIT: usize = 2_000;

/// Reports the events of one tunnel.
#[derive(Debug)]
pub(crate) struct Report {
    printer: Printer,
    /// What the user calls it.
    connection: String,
    /// Where the tunnel leads.
    target: String,
    /// The bastion it goes through.
    bastion: String,
    /// Whether words are wanted beside the events.
    words: bool,
    /// Why the tunnel is being closed, when this end does it.
    pub(crate) stop: Option<Stop>,
    /// Whether another tunnel takes the place of this one.
    replaced: bool,
    /// Whether it is not decided yet if this tunnel is the command's.
    undecided: bool,
    /// How it has ended in the meantime.
    held_back: Option<End>,
    /// Why it is being closed, where a limit says so.
    closing: Option<&'static str>,
    /// Where it is seen how the tunnel stands.
    seat: Option<Seat>,
    lanes: Lanes,
}

impl Report {
    pub(crate) fn new(printer: Printer, connection: &str, target: &str, bastion: &str) -> Self {
        Self {
            printer,
            connection: connection.to_owned(),
            target: target.to_owned(),
            bastion: bastion.to_owned(),
            words: true,
            stop: None,
            replaced: false,
            closing: None,
            undecided: false,
            held_back: None,
            seat: None,
            lanes: Lanes::default(),
        }
    }

    /// Shows on a board how the tunnel stands.
    pub(crate) fn seated(mut self, seat: Seat) -> Self {
        let bastion = self.bastion.clone();
        seat.change(|standing| standing.bastion = Some(bastion));
        self.seat = Some(seat);
        self
    }

    /// The tunnel is open, and local clients connect to `address`.
    pub(crate) fn open(&self, tunnel: &Tunnel, leash: &Leash, address: &str) {
        if let Some(seat) = &self.seat {
            seat.change(|standing| {
                standing.address = Some(address.to_owned());
                standing.tunnel = Some(tunnel.clone());
                standing.leash = Some(leash.clone());
            });
            seat.is(State::Ready, None);
        }
    }

    /// The tunnel can carry connections, if it is the one that is wanted.
    pub(crate) fn carries(&self) {
        if let Some(seat) = &self.seat {
            seat.change(|standing| standing.milestones.carries = Some(Instant::now()));
        }
    }

    /// Says nothing of the tunnel's end until [`decide`](Self::decide): it may be replaced, and then
    /// its end is not the command's.
    pub(crate) fn undecided(mut self) -> Self {
        self.undecided = true;
        self
    }

    /// The tunnel is the command's: its end is told, also one that has come already.
    pub(crate) fn decide(&mut self) {
        self.undecided = false;
        if let Some(end) = self.held_back.take() {
            drop(self.ended(&end));
        }
    }

    /// Leaves the words to somebody else.
    pub(crate) fn events_only(mut self) -> Self {
        self.words = false;
        self
    }

    /// Says that local clients can connect to `address`; fails when standard output has.
    pub(crate) fn ready(&self, address: &str) -> Result<(), Failure> {
        if self.words {
            return listening(self.printer, &self.connection, address, &self.target);
        }
        let (connection, target) = (self.connection.as_str(), self.target.as_str());
        self.printer.event(&Event::Ready { connection, address, target })
    }

    /// Says that the tunnel is given up for another one: its end is not the command's.
    pub(crate) fn replace(&mut self, cause: &str) {
        self.replaced = true;
        if self.words {
            self.printer.note(&format!("{cause}; starting anew"));
        }
        drop(self.printer.event(&Event::Replacing { cause }));
    }

    /// Says that the session could not be had, and that the same is tried again.
    pub(crate) fn retry(&mut self, cause: &str) {
        self.replaced = true;
        if self.words {
            self.printer.note(&format!("{cause}; waiting for it"));
        }
    }

    /// Says that access ends soon.
    pub(crate) fn access_ends(&self, left: Duration, reason: &str) {
        let message = format!("access ends in {}: {reason}", long_span(left));
        if self.words {
            self.printer.warn(&message);
        }
        let remaining_s = Some(left.as_secs());
        let limit = Some("credentials");
        drop(self.printer.event(&Event::Warning { message: &message, limit, remaining_s }));
    }

    /// Says that the tunnel cannot end with its credentials.
    pub(crate) fn end_is_hidden(&self) {
        let message = "the credentials do not say when they end, so the tunnel does not end with \
                       them; AWS_CREDENTIAL_EXPIRATION tells";
        if self.words {
            self.printer.warn(message);
        }
        drop(self.printer.event(&Event::warning(message)));
    }

    /// Says that the tunnel is being closed by a limit.
    pub(crate) fn closing(&mut self, cause: &'static str) {
        self.closing = Some(cause);
    }

    /// Reports one event. Where standard output fails, [`Printer::broken`] tells.
    pub(crate) fn event(&mut self, event: &TunnelEvent) {
        if let TunnelEvent::Ended(end) = event
            && self.undecided
        {
            self.held_back = Some(end.clone());
            return;
        }
        if self.lanes.note(event) && self.words {
            self.speak(event);
        }
        if let Some(seat) = &self.seat {
            standing::show(seat, event);
        }
        drop(self.print(event));
    }

    fn print(&self, event: &TunnelEvent) -> Result<(), Failure> {
        match event {
            TunnelEvent::Starting => self.printer.event(&Event::Starting),
            TunnelEvent::Session { id, lane } => {
                self.printer.event(&Event::Session { id, lane: *lane })
            }
            TunnelEvent::CustomerMessage(text) => {
                self.printer.event(&Event::Message { text: shortened(text) })
            }
            TunnelEvent::Opened { stream, lane, .. } => {
                self.printer.event(&Event::Opened { stream: stream.0, lane: *lane })
            }
            TunnelEvent::Closed { stream, bytes_in, bytes_out, cause } => {
                self.printer.event(&Event::Closed {
                    stream: stream.0,
                    bytes_in: *bytes_in,
                    bytes_out: *bytes_out,
                    cause: stream_cause(*cause),
                })
            }
            TunnelEvent::Rejected { cause, .. } => {
                self.printer.event(&Event::Rejected { cause: rejection(*cause) })
            }
            TunnelEvent::Resuming { lane, cause } => {
                self.printer.event(&Event::Resuming { lane: *lane, cause: &loss(*cause) })
            }
            TunnelEvent::Retrying { lane, attempts, cause } => {
                self.printer.event(&Event::Retrying { lane: *lane, attempts: *attempts, cause })
            }
            TunnelEvent::Resumed { lane, gap } => {
                self.printer.event(&Event::Resumed { lane: *lane, gap_ms: millis(*gap) })
            }
            TunnelEvent::RolledOver { lane } => self.printer.event(&Event::Renewed { lane: *lane }),
            TunnelEvent::LaneOpened { lane } => {
                self.printer.event(&Event::LaneOpened { lane: *lane })
            }
            TunnelEvent::LaneGone { lane, cause } => {
                self.printer.event(&Event::LaneGone { lane: *lane, cause: cause.as_deref() })
            }
            TunnelEvent::Replacing { cause, .. } => self.printer.event(&Event::Replacing { cause }),
            TunnelEvent::Replaced { lane, gap } => {
                self.printer.event(&Event::Replaced { lane: *lane, gap_ms: millis(*gap) })
            }
            TunnelEvent::Dormant { cause, .. } => self.printer.event(&Event::Dormant { cause }),
            TunnelEvent::Warning(warning) => {
                self.printer.event(&Event::warning(&self.warning(warning)))
            }
            TunnelEvent::Ended(end) => self.ended(end),
            // `ready` follows when local clients can connect; a refused dial shows in `closed`.
            _ => Ok(()),
        }
    }

    fn ended(&self, end: &End) -> Result<(), Failure> {
        if self.replaced {
            return Ok(());
        }
        let cause = match (self.stop, self.closing) {
            (Some(stop), _) => stop.cause().to_owned(),
            (None, Some(limit)) => limit.to_owned(),
            (None, None) => end.cause(),
        };
        self.printer.event(&Event::Ended { cause: &cause })
    }

    /// Says that the tunnel was closed as asked, and what it has carried.
    pub(crate) fn parting(&self, stats: &TunnelStats) {
        self.printer.parting(&format!(
            "closed; {} in, {} out",
            size(stats.session.bytes_in),
            size(stats.session.bytes_out)
        ));
    }

    /// Tells a person what they would otherwise wonder about.
    fn speak(&self, event: &TunnelEvent) {
        match event {
            TunnelEvent::Starting => {
                self.printer.note(&format!("starting a session on {}", self.bastion));
            }
            TunnelEvent::CustomerMessage(text) => self.printer.note(shortened(text)),
            TunnelEvent::ConnectRefused { .. } => self.printer.warn(&format!(
                "the bastion could not connect to {}; the local connection was closed",
                self.target
            )),
            TunnelEvent::Rejected { cause, .. } => self.printer.warn(&format!(
                "a local connection was turned away: {}",
                match cause {
                    Rejection::Busy => "the bastion's agent carries one at a time",
                    Rejection::Exhausted => "the session has carried all that it can",
                    Rejection::NoSession => "there is no session at the moment",
                    _ => "the tunnel is over",
                }
            )),
            TunnelEvent::Resuming { cause, .. } => {
                let cause = loss(*cause);
                self.printer.note(&format!("the connection was lost ({cause}); resuming"));
            }
            // An hour without a network is a few lines, not hundreds.
            TunnelEvent::Retrying { attempts, cause, .. } if attempts.is_power_of_two() => {
                self.printer.note(&format!("attempt {attempts} failed: {cause}; trying again"));
            }
            TunnelEvent::Resumed { gap, .. } => {
                self.printer.note(&format!("resumed after {}", span(*gap)));
            }
            TunnelEvent::RolledOver { lane } => {
                let of = self.lanes.name(*lane);
                self.printer.note(&format!("{of}renewed the connection to the service"));
            }
            TunnelEvent::LaneGone { lane, cause: Some(cause) } => {
                let of = self.lanes.name(*lane);
                self.printer
                    .warn(&format!("{of}{cause}; its connections were closed, the others go on"));
            }
            TunnelEvent::Replacing { cause, .. } => self
                .printer
                .warn(&format!("{cause}; its connections were closed, starting another session")),
            TunnelEvent::Replaced { gap, .. } => {
                self.printer.note(&format!("another session is ready after {}", span(*gap)));
            }
            TunnelEvent::Dormant { cause, .. } => self
                .printer
                .note(&format!("{cause}; another one is started when somebody connects")),
            TunnelEvent::Warning(warning) => self.printer.warn(&self.warning(warning)),
            _ => {}
        }
    }

    #[expect(clippy::unused_self, reason = "texts of warnings belong to the report")]
    fn warning(&self, warning: &Warning) -> String {
        match warning {
            Warning::UnsignedUpgrade => {
                "the gateway refused the signed upgrade and took an unsigned one".to_owned()
            }
            Warning::LaneRefused { cause } => {
                format!(
                    "another session could not be started ({cause}); connections share those there are"
                )
            }
            Warning::AcceptFailed { cause } => format!("cannot accept local connections: {cause}"),
            Warning::NotTerminated { cause } => {
                format!("the session could not be terminated ({cause}); AWS ends it when idle")
            }
            _ => "something is not as it should be".to_owned(),
        }
    }
}

/// Says that local clients can connect to `address`; fails when standard output has.
pub(crate) fn listening(
    printer: Printer,
    connection: &str,
    address: &str,
    target: &str,
) -> Result<(), Failure> {
    printer.event(&Event::Ready { connection, address, target })?;
    printer.line(&format!("listening on {address} ({connection})"))
}

/// A text of the far end, as much of it as anybody will read.
fn shortened(text: &str) -> &str {
    text.char_indices().nth(MESSAGE_LIMIT).map_or(text, |(end, _)| &text[..end])
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn loss(loss: Loss) -> String {
    match loss {
        Loss::Closed { code: Some(code) } => format!("closed by the service, code {code}"),
        Loss::Closed { code: None } => "closed by the service".to_owned(),
        Loss::Silent => "nothing heard".to_owned(),
        Loss::Slept => "this machine slept".to_owned(),
        Loss::Local => "closed by this end".to_owned(),
        _ => "broken off".to_owned(),
    }
}

fn stream_cause(end: StreamEnd) -> &'static str {
    match end {
        StreamEnd::Finished => "finished",
        StreamEnd::Refused => "refused",
        StreamEnd::LocalReset => "local_reset",
        StreamEnd::PeerReset => "peer_reset",
        StreamEnd::Lingered => "lingered",
        StreamEnd::TunnelEnded => "tunnel_ended",
        StreamEnd::SessionGone => "session_gone",
        _ => "unknown",
    }
}

fn rejection(rejection: Rejection) -> &'static str {
    match rejection {
        Rejection::Busy => "busy",
        Rejection::Exhausted => "exhausted",
        Rejection::TunnelEnded => "tunnel_ended",
        Rejection::NoSession => "no_session",
        _ => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_the_far_end_has_an_end() {
        assert_eq!(shortened("Grüße"), "Grüße");
        assert_eq!(shortened(&"ü".repeat(MESSAGE_LIMIT + 1)), "ü".repeat(MESSAGE_LIMIT));
    }

    #[test]
    fn the_hourly_close_is_named_by_its_code() {
        assert_eq!(loss(Loss::Closed { code: Some(1000) }), "closed by the service, code 1000");
    }
}
