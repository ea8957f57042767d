//! Carrying out what the supervisor decides, and telling it what has come of it.

use std::sync::Arc;
use std::time::Duration;

use adit_engine::{Action, Closing, Gone, LaneId, Loss, Over, Resumption as Resumed, Supervised};

use super::call::{self, Answer, error_of, of_dial, of_source};
use super::goodbye::break_off_later;
use super::{Driver, LaneEnd, now, random_uuid};
use crate::dial::Ahead;
use crate::lane::Lane;
use crate::lanes::Dial;
use crate::link::Link;
use crate::{End, Resumption, SessionSource, Ticket, TunnelError, TunnelEvent, Warning};

/// The least time that an attempt has.
const LEAST: Duration = Duration::from_secs(1);

impl<S: SessionSource> Driver<S> {
    /// Does all that is to be done, and tells what there is to tell.
    pub(super) fn obey(&mut self) {
        while self.end.is_none() {
            if let Some(action) = self.supervisor.poll_action() {
                self.act(action);
            } else if let Some(event) = self.supervisor.poll_event() {
                self.tell(event);
            } else {
                return;
            }
        }
    }

    fn act(&mut self, action: Action) {
        let source = Arc::clone(&self.source);
        match action {
            Action::Start => {
                let is_beside = self.id != LaneId(0) && !self.was_up;
                let again = self.has_begun.then(|| self.time_left());
                let (goodbyes, shared) = (self.goodbyes.clone(), Arc::clone(&self.shared));
                self.call = Some(call::start(source, is_beside, again, goodbyes, shared));
                self.reach_ahead();
            }
            Action::Resume => {
                if let Some(ticket) = &self.ticket {
                    let limit = self.time_left();
                    self.call = Some(call::resume(source, ticket.session_id.clone(), limit));
                    self.reach_ahead();
                }
            }
            Action::Dial => {
                if let Some(ticket) = self.ticket.clone() {
                    let request_id = random_uuid(&mut self.rng);
                    let (dialer, shared) = (Arc::clone(&self.dialer), Arc::clone(&self.shared));
                    let ahead = self.ahead.take();
                    let dialling = call::dial(dialer, source, ticket, request_id, ahead, shared);
                    self.call = Some(call::within(self.time_left(), dialling));
                }
            }
            Action::Carry => self.carry(),
            Action::Discard => self.upgraded = None,
            Action::Abandon { may_live } => self.abandon(may_live),
        }
    }

    /// Connects to where the session's gateway will be, as far as that is known.
    fn reach_ahead(&mut self) {
        // What fails again and again is not to cost a connection each time.
        if self.supervisor.attempts() > 0 || self.ahead.as_ref().is_some_and(Ahead::is_fresh) {
            return;
        }
        let url = self.shared.gateway().or_else(|| self.source.likely_gateway());
        self.ahead = url.map(|url| Ahead::begin(Arc::clone(&self.dialer), url));
    }

    /// How long patience lasts, where that is not for ever.
    fn time_left(&self) -> Duration {
        let left = self.supervisor.deadline().map(|at| at.saturating_duration_since(now()));
        // A budget of nothing is one attempt, which takes its time.
        left.map_or(Duration::MAX, |left| left.max(LEAST))
    }

    /// Carries the session over the websocket that was dialled last.
    fn carry(&mut self) {
        let (Some(upgraded), Some(lane)) = (self.upgraded.take(), &self.lane) else { return };
        let before = self.link.replace(Link::new(*upgraded, &self.options, lane.progress()));
        match before {
            // What it has not taken yet would be late on it.
            Some(before) if before.is_flushing() => {
                lane.transport_down(Loss::Local);
                lane.transport_up();
            }
            Some(before) => {
                lane.transport_moved();
                self.old = Some(before);
            }
            None => lane.transport_up(),
        }
    }

    /// Lets the session go; what it must be told yet is told beside.
    fn abandon(&mut self, may_live: bool) {
        (self.call, self.upgraded, self.ahead) = (None, None, None);
        self.shared.down(self.id);
        let links = [self.link.take(), self.old.take()];
        if let Some(lane) = self.lane.take() {
            lane.give_up();
            self.shared.set_session(self.id, None);
            break_off_later(&lane);
            self.goodbye(lane, links, may_live);
        }
        self.ticket = None;
    }

    fn tell(&mut self, event: Supervised) {
        let lane = self.id.0;
        let event = match event {
            Supervised::Resuming { cause } => TunnelEvent::Resuming { lane, cause },
            Supervised::Resumed { gap } => {
                self.last = None;
                self.shared.count_resume();
                self.shared.up(self.id);
                TunnelEvent::Resumed { lane, gap }
            }
            // Whoever waits for it has others, and the next attempt waits longer.
            Supervised::Retrying if self.id != LaneId(0) && !self.was_up => {
                let cause = self.last.as_ref().map(told).unwrap_or_default();
                self.shared.leave(self.id);
                self.end = Some(LaneEnd::Gone { may_live: true });
                self.gone(cause)
            }
            Supervised::Retrying => {
                let attempts = self.supervisor.attempts();
                let cause = self.last.as_ref().map(told).unwrap_or_default();
                TunnelEvent::Retrying { lane, attempts, cause }
            }
            Supervised::RolledOver => TunnelEvent::RolledOver { lane },
            Supervised::Waking => TunnelEvent::Starting,
            Supervised::Replacing { cause } | Supervised::Dormant { cause }
                if self.gives_way(cause) =>
            {
                // What there was of it is gone already.
                self.end = Some(LaneEnd::Gone { may_live: false });
                self.gone(self.cause_of(cause))
            }
            Supervised::Replacing { cause } => {
                TunnelEvent::Replacing { lane, cause: self.cause_of(cause) }
            }
            Supervised::Replaced { gap } => {
                self.last = None;
                self.shared.count_replacement();
                self.shared.renewed(self.id);
                TunnelEvent::Replaced { lane, gap }
            }
            Supervised::Dormant { cause } => {
                TunnelEvent::Dormant { lane, cause: self.cause_of(cause) }
            }
            Supervised::Over(over) => {
                let error = self.error_of_end(over);
                if !self.shared.leave_for_good(self.id) {
                    self.end = Some(LaneEnd::Tunnel(End::Failed(error)));
                    return;
                }
                self.end = Some(LaneEnd::Gone { may_live: error.session_may_live() });
                self.gone(told(&error))
            }
        };
        tracing::debug!(tunnel = %self.options.name, ?event, "tunnel");
        self.shared.emit(event);
    }

    /// The tunnel goes on without this lane.
    fn gone(&self, cause: String) -> TunnelEvent {
        let lane = self.id.0;
        if self.was_up {
            return TunnelEvent::LaneGone { lane, cause: Some(cause) };
        }
        if self.shared.refused(self.id) {
            self.shared.emit(TunnelEvent::Warning(Warning::LaneRefused { cause: cause.clone() }));
        }
        TunnelEvent::LaneGone { lane, cause: Some(cause) }
    }

    // ---- what has come of it ----

    pub(super) fn answered(&mut self, answer: Answer) {
        let activity = self.activity();
        match answer {
            Answer::Started(answer) => {
                let answer = answer.map(|ticket| self.begin(ticket)).map_err(|error| {
                    self.ahead = None;
                    let setback = of_source(&error);
                    self.last = Some(error_of(error));
                    setback
                });
                self.supervisor.started(now(), answer, &activity);
            }
            Answer::Resumed(answer) => {
                let answer = match answer {
                    Ok(Resumption::Resumed(ticket)) => {
                        self.renew(ticket);
                        Ok(Resumed::Ticket)
                    }
                    Ok(Resumption::Over) => Ok(Resumed::Over),
                    Err(error) => {
                        self.ahead = None;
                        let setback = of_source(&error);
                        self.last = Some(error_of(error));
                        Err(setback)
                    }
                };
                self.supervisor.resumed(now(), answer, &activity);
            }
            Answer::Dialled(answer) => {
                let answer = answer.map(|upgraded| self.upgraded = Some(upgraded));
                let answer = answer.map_err(|error| {
                    let setback = of_dial(&error);
                    self.last = Some(TunnelError::Dial(error));
                    setback
                });
                self.supervisor.dialled(now(), answer, &activity);
            }
        }
    }

    /// There is a session.
    fn begin(&mut self, ticket: Ticket) {
        let id = ticket.session_id.clone();
        let abort = self.shared.abort.child_token();
        let (events, attention) = (self.shared.events(), Arc::clone(&self.shared.attention));
        let lane = Arc::new(Lane::new(self.session(), id.clone(), events, attention, abort));
        self.shared.set_session(self.id, Some(Arc::clone(&lane)));
        self.lane = Some(lane);
        self.shared.set_gateway(&ticket.stream_url);
        self.ticket = Some(ticket);
        self.has_begun = true;
        self.shared.emit(TunnelEvent::Session { id, lane: self.id.0 });
    }

    /// There is a fresh ticket for the session.
    fn renew(&mut self, mut ticket: Ticket) {
        // The answer may leave the URL out; the one before is then still good.
        if let Some(before) = &self.ticket
            && ticket.stream_url.is_empty()
        {
            ticket.stream_url.clone_from(&before.stream_url);
        }
        self.shared.set_gateway(&ticket.stream_url);
        self.ticket = Some(ticket);
    }

    pub(super) fn lost(&mut self, loss: Loss) {
        let (Some(link), Some(lane)) = (self.link.take(), &self.lane) else { return };
        self.shared.down(self.id);
        lane.transport_down(loss);
        self.supervisor.lost(now(), loss, link.has_served(lane.progress()));
    }

    /// The session can be used.
    pub(super) fn ready(&mut self) {
        let Some((agent_version, mode)) = self.lane.as_ref().and_then(|lane| lane.take_ready())
        else {
            return;
        };
        self.supervisor.ready(now());
        if std::mem::replace(&mut self.was_up, true) {
            return;
        }
        self.shared.up(self.id);
        if self.shared.ready.is_cancelled() {
            return self.shared.emit(TunnelEvent::LaneOpened { lane: self.id.0 });
        }
        self.shared.ready.cancel();
        self.shared.emit(TunnelEvent::Ready { agent_version, mode });
    }

    /// The engine has closed.
    pub(super) fn closed(&mut self) {
        let Some(reason) = self.lane.as_ref().and_then(|lane| lane.closed()) else { return };
        let closing = Closing::of(&reason);
        self.last = Some(TunnelError::from_close(reason));
        let activity = self.activity();
        self.supervisor.closed(now(), closing, &activity);
    }

    pub(super) fn dialled(&mut self, dial: Option<Dial>) {
        match dial {
            Some(Dial::Failed) => {
                let activity = self.activity();
                self.supervisor.dial_failed(now(), &activity);
            }
            Some(Dial::Worked) => self.supervisor.dial_worked(),
            None => {}
        }
    }

    // ---- in the user's terms ----

    fn cause_of(&self, cause: Gone) -> String {
        match (cause, &self.last) {
            (Gone::Closed(_), Some(error)) => told(error),
            (Gone::NotResumed | Gone::Closed(_), _) => "the service ended the session".to_owned(),
            (Gone::Denied, _) => "the session may not be resumed".to_owned(),
            (Gone::Tokens, _) => "the service refuses the session's tokens".to_owned(),
            (Gone::NotStarted, Some(error)) => {
                format!("no session could be started: {}", told(error))
            }
            (Gone::NotStarted, None) => "no session could be started".to_owned(),
            (Gone::Away, _) => "the session was left by its agent for good".to_owned(),
            (Gone::Unreached, _) => "the bastion does not reach the destination".to_owned(),
        }
    }

    fn error_of_end(&mut self, over: Over) -> TunnelError {
        let last = self.last.take();
        match over {
            Over::Failed => match last {
                Some(error) => error,
                None => TunnelError::Internal("it failed for no reason"),
            },
            Over::Patience { after } => {
                let last = last.as_ref().map_or_else(
                    || "the gateway takes the token and closes again".to_owned(),
                    told,
                );
                if self.has_begun {
                    TunnelError::Lost { after, last }
                } else {
                    TunnelError::NoSession { after, last }
                }
            }
            Over::Tokens => TunnelError::TokenRefused { status: status_of(last.as_ref()) },
            Over::Gone(Gone::Closed(_)) => {
                last.unwrap_or(TunnelError::SessionOver { output: String::new() })
            }
            Over::Gone(_) => TunnelError::SessionOver { output: String::new() },
            Over::Idle { after } => TunnelError::IdleAtService { after },
        }
    }
}

/// A failure in one line.
fn told(error: &TunnelError) -> String {
    match error {
        TunnelError::NoSession { last, after: Duration::ZERO } => last.clone(),
        error => error.to_string(),
    }
}

/// The status that the gateway refused the last token with.
fn status_of(error: Option<&TunnelError>) -> u16 {
    match error {
        Some(TunnelError::Dial(error)) => error.token_refused().unwrap_or(403),
        _ => 403,
    }
}
