//! What follows from the answers to what was asked.

use std::time::Instant;

use super::verdict::{Verdict, of_attempt};
use super::{
    Activity, Asked, Gone, OPEN_ATTEMPTS, Over, Phase, Resumption, Setback, Supervised, Supervisor,
    TOKEN_ATTEMPTS, Trouble,
};

impl Supervisor {
    /// The answer to [`Action::Start`](super::Action::Start).
    pub fn started(&mut self, now: Instant, answer: Result<(), Setback>, activity: &Activity) {
        if !self.is_answer(Asked::Start) {
            return;
        }
        match answer {
            Ok(()) => self.ask(Asked::Dial),
            Err(setback) => self.set_back(now, Asked::Start, setback, activity),
        }
    }

    /// The answer to [`Action::Resume`](super::Action::Resume).
    pub fn resumed(
        &mut self,
        now: Instant,
        answer: Result<Resumption, Setback>,
        activity: &Activity,
    ) {
        if !self.is_answer(Asked::Resume) {
            return;
        }
        match answer {
            Ok(Resumption::Ticket) => self.ask(Asked::Dial),
            Ok(Resumption::Over) => self.gone(now, Gone::NotResumed, activity),
            // Nothing is lost yet.
            Err(Setback { trouble: Trouble::Denied | Trouble::Lasting, .. })
                if self.link.is_some() =>
            {
                self.rollover.forgo();
            }
            Err(_) if self.link.is_some() => self.rollover.postpone(now),
            Err(setback) => self.set_back(now, Asked::Resume, setback, activity),
        }
    }

    /// The answer to [`Action::Dial`](super::Action::Dial).
    pub fn dialled(&mut self, now: Instant, answer: Result<(), Setback>, activity: &Activity) {
        if !self.is_answer(Asked::Dial) {
            return;
        }
        match answer {
            Ok(()) if self.link.is_some() => self.rollover.poise(now),
            Ok(()) => self.connected(now),
            Err(_) if self.link.is_some() => self.rollover.postpone(now),
            Err(setback) => self.set_back(now, Asked::Dial, setback, activity),
        }
    }

    /// Whether that was asked for; what comes when it is not wanted any more is of no account.
    fn is_answer(&mut self, asked: Asked) -> bool {
        self.asked.take_if(|waiting| *waiting == asked).is_some()
    }

    fn set_back(&mut self, now: Instant, asked: Asked, setback: Setback, activity: &Activity) {
        self.attempts += 1;
        let Setback { trouble, after } = setback;
        self.refusals += u32::from(trouble == Trouble::Token);
        match of_attempt(asked, trouble, self.established) {
            Verdict::End => return self.end(Over::Failed),
            Verdict::Replace | Verdict::Gone => return self.gone(now, Gone::Denied, activity),
            Verdict::Again => {}
        }
        if self.refusals >= TOKEN_ATTEMPTS {
            return match self.phase {
                Phase::Down { .. } => self.gone(now, Gone::Tokens, activity),
                _ => self.end(Over::Tokens),
            };
        }
        let is_opening = self.phase == Phase::Opening;
        let is_new = is_opening || matches!(self.phase, Phase::Replacing { .. });
        if is_opening && asked != Asked::Start && self.attempts >= OPEN_ATTEMPTS {
            return self.end(Over::Failed);
        }
        self.events.push_back(Supervised::Retrying);
        let next = match asked {
            Asked::Start => Asked::Start,
            // The ticket was not shown to anyone.
            Asked::Dial if is_new && trouble != Trouble::Token => Asked::Dial,
            Asked::Dial | Asked::Resume => Asked::Resume,
        };
        self.schedule(now, next, after);
    }
}
