mod rollover;
mod sessions;

use std::time::{Duration, Instant};

use super::*;
use crate::test_clock::origin;

/// A supervisor, its clock, and what it has said.
struct Desk {
    supervisor: Supervisor,
    now: Instant,
    activity: Activity,
    actions: Vec<Action>,
    events: Vec<Supervised>,
}

impl Desk {
    fn new(config: SupervisorConfig) -> Self {
        let now = origin();
        let supervisor = Supervisor::new(config, 7, now);
        let mut desk = Self {
            supervisor,
            now,
            activity: Activity::default(),
            actions: Vec::new(),
            events: Vec::new(),
        };
        desk.drain();
        desk
    }

    /// One whose tunnel is up, as it is usually.
    fn up() -> Self {
        Self::up_with(SupervisorConfig::default())
    }

    fn up_with(config: SupervisorConfig) -> Self {
        let mut desk = Self::new(config);
        assert_eq!(desk.take(), [Action::Start]);
        desk.started(Ok(()));
        assert_eq!(desk.take(), [Action::Dial]);
        desk.dialled(Ok(()));
        assert_eq!(desk.take(), [Action::Carry]);
        desk.supervisor.ready(desk.now);
        desk.drain();
        assert!(desk.supervisor.is_up());
        desk
    }

    fn drain(&mut self) {
        self.actions.extend(std::iter::from_fn(|| self.supervisor.poll_action()));
        self.events.extend(std::iter::from_fn(|| self.supervisor.poll_event()));
    }

    fn take(&mut self) -> Vec<Action> {
        std::mem::take(&mut self.actions)
    }

    fn told(&mut self) -> Vec<Supervised> {
        std::mem::take(&mut self.events)
    }

    fn started(&mut self, answer: Result<(), Setback>) {
        self.supervisor.started(self.now, answer, &self.activity);
        self.drain();
    }

    fn resumed(&mut self, answer: Result<Resumption, Setback>) {
        self.supervisor.resumed(self.now, answer, &self.activity);
        self.drain();
    }

    fn dialled(&mut self, answer: Result<(), Setback>) {
        self.supervisor.dialled(self.now, answer, &self.activity);
        self.drain();
    }

    fn lost(&mut self) {
        self.supervisor.lost(self.now, Loss::Failed, true);
        self.drain();
    }

    fn closed(&mut self, closing: Closing) {
        self.supervisor.closed(self.now, closing, &self.activity);
        self.drain();
    }

    /// Lets time pass until something is said or asked for; returns how long that took.
    fn wait(&mut self) -> Duration {
        let before = self.now;
        for _ in 0..100_000 {
            if !self.actions.is_empty() || !self.events.is_empty() {
                return self.now - before;
            }
            let due = self.supervisor.poll_timeout().expect("something is to come");
            assert!(due >= self.now, "the past is over");
            self.now = due;
            self.supervisor.handle_timeout(self.now, &self.activity);
            assert_ne!(self.supervisor.poll_timeout(), Some(due), "a busy loop");
            self.drain();
        }
        panic!("nothing comes");
    }

    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(due) = self.supervisor.poll_timeout().filter(|due| *due <= end) {
            self.now = due;
            self.supervisor.handle_timeout(due, &self.activity);
            self.drain();
        }
        self.now = end;
    }
}

fn passing() -> Setback {
    Trouble::Passing.into()
}

const HOUR: Duration = Duration::from_hours(1);

#[test]
fn a_lost_websocket_is_resumed_at_once() {
    let mut desk = Desk::up();
    desk.pass(Duration::from_mins(5));
    desk.lost();
    assert_eq!(desk.wait(), Duration::ZERO);
    assert_eq!(desk.told(), [Supervised::Resuming { cause: Loss::Failed }]);
    desk.wait();
    assert_eq!(desk.take(), [Action::Resume]);
    desk.now += Duration::from_millis(30);
    desk.resumed(Ok(Resumption::Ticket));
    assert_eq!(desk.take(), [Action::Dial]);
    desk.now += Duration::from_millis(40);
    desk.dialled(Ok(()));
    assert_eq!(desk.take(), [Action::Carry]);
    assert_eq!(desk.told(), [Supervised::Resumed { gap: Duration::from_millis(70) }]);
}

#[test]
fn an_outage_is_found_over_soon_and_a_long_one_is_tried_for_the_whole_budget() {
    let mut desk = Desk::up();
    desk.pass(HOUR / 2);
    desk.lost();
    let began = desk.now;
    let mut longest_of_the_first_seconds = Duration::ZERO;
    let end = loop {
        desk.told();
        let waited = desk.wait();
        if let [Supervised::Over(over)] = desk.told()[..] {
            break over;
        }
        if desk.now - began < Duration::from_secs(3) {
            longest_of_the_first_seconds = longest_of_the_first_seconds.max(waited);
        }
        assert_eq!(desk.take(), [Action::Resume]);
        desk.resumed(Err(passing()));
    };
    assert!(longest_of_the_first_seconds <= Duration::from_millis(400));
    let after = SupervisorConfig::default().resume_budget;
    assert_eq!(end, Over::Patience { after });
    assert_eq!(desk.now - began, after, "to the moment");
}

#[test]
fn what_opening_took_is_not_taken_off_from_the_budget_of_the_first_loss() {
    let resume_budget = Duration::from_secs(2);
    let mut desk = Desk::new(SupervisorConfig { resume_budget, ..<_>::default() });
    desk.take();
    desk.pass(Duration::from_secs(3));
    desk.started(Ok(()));
    desk.dialled(Ok(()));
    desk.supervisor.ready(desk.now);
    desk.drain();
    desk.take();
    desk.lost();
    desk.told();
    assert_eq!(desk.wait(), Duration::ZERO);
    assert_eq!(desk.take(), [Action::Resume]);
    let began = desk.now;
    desk.resumed(Err(passing()));
    desk.told();
    desk.wait();
    assert_eq!(desk.take(), [Action::Resume], "there is time for another attempt");
    assert!(desk.now - began < resume_budget);
}

#[test]
fn a_service_that_asks_to_be_left_alone_for_ever_is_given_up_with_the_budget() {
    for resume_budget in [Duration::from_mins(10), Duration::MAX] {
        let mut desk = Desk::up_with(SupervisorConfig { resume_budget, ..<_>::default() });
        desk.lost();
        let began = desk.now;
        desk.told();
        desk.wait();
        assert_eq!(desk.take(), [Action::Resume]);
        desk.resumed(Err(Setback { trouble: Trouble::Passing, after: Some(Duration::MAX) }));
        assert_eq!(desk.told(), [Supervised::Retrying]);
        desk.wait();
        assert!(matches!(desk.told()[..], [Supervised::Over(Over::Patience { .. })]));
        assert_eq!(desk.now - began, resume_budget.min(LONGEST));
    }
}

#[test]
fn a_gateway_that_takes_tokens_and_closes_again_is_given_up_within_the_budget() {
    let mut desk = Desk::up();
    desk.pass(HOUR / 2);
    desk.lost();
    let began = desk.now;
    let end = loop {
        desk.wait();
        if let Some(Supervised::Over(over)) = desk.told().pop() {
            break over;
        }
        for action in desk.take() {
            match action {
                Action::Resume => desk.resumed(Ok(Resumption::Ticket)),
                Action::Dial => desk.dialled(Ok(())),
                Action::Carry => {
                    desk.supervisor.lost(desk.now, Loss::Failed, false);
                    desk.drain();
                }
                _ => {}
            }
        }
    };
    assert!(matches!(end, Over::Patience { .. }), "{end:?}");
    assert_eq!(desk.now - began, SupervisorConfig::default().resume_budget);
}

#[test]
fn a_first_session_that_does_not_come_about_is_told_soon() {
    for trouble in [Trouble::Denied, Trouble::Lasting, Trouble::Offline] {
        let mut desk = Desk::new(SupervisorConfig::default());
        desk.take();
        desk.started(Err(trouble.into()));
        assert_eq!(desk.told(), [Supervised::Over(Over::Failed)], "{trouble:?}");
    }
    let mut desk = Desk::new(SupervisorConfig::default());
    desk.take();
    desk.started(Ok(()));
    let mut dials = 0;
    while desk.told().pop() != Some(Supervised::Over(Over::Failed)) {
        if desk.take() == [Action::Dial] {
            dials += 1;
            desk.dialled(Err(passing()));
        } else {
            desk.wait();
        }
    }
    assert_eq!(dials, 3);
}
#[test]
fn an_idle_tunnel_is_tried_again_whatever_its_websocket_has_carried() {
    let mut desk = Desk::up();
    for _ in 0..3 {
        desk.pass(Duration::from_mins(30));
        desk.told();
        desk.take();
        desk.supervisor.lost(desk.now, Loss::Silent, false);
        desk.drain();
        desk.told();
        assert_eq!(desk.wait(), Duration::ZERO);
        assert_eq!(desk.take(), [Action::Resume]);
        desk.resumed(Ok(Resumption::Ticket));
        desk.dialled(Ok(()));
        assert!(desk.supervisor.is_up());
    }
}

#[test]
fn a_websocket_that_comes_and_goes_is_given_up_within_the_budget() {
    let mut desk = Desk::up();
    desk.pass(HOUR / 2);
    let began = desk.now;
    let mut resumptions = 0;
    desk.lost();
    loop {
        desk.wait();
        if let Some(Supervised::Over(over)) = desk.told().pop() {
            assert!(matches!(over, Over::Patience { .. }), "{over:?}");
            break;
        }
        for action in desk.take() {
            match action {
                Action::Resume => {
                    resumptions += 1;
                    desk.resumed(Ok(Resumption::Ticket));
                }
                Action::Dial => desk.dialled(Ok(())),
                Action::Carry => {
                    desk.now += Duration::from_millis(200);
                    desk.lost();
                }
                _ => {}
            }
        }
    }
    assert!(desk.now - began <= SupervisorConfig::default().resume_budget + STEADY);
    assert!(resumptions < 1_000, "{resumptions} in ten minutes");
}
