//! Sessions that are gone.

use super::*;

#[test]
fn tokens_that_are_refused_lead_to_a_new_session() {
    let mut desk = Desk::up();
    desk.pass(HOUR / 2);
    desk.lost();
    for _ in 0..3 {
        while desk.take() != [Action::Resume] {
            desk.told();
            desk.wait();
        }
        desk.resumed(Ok(Resumption::Ticket));
        desk.take();
        desk.dialled(Err(Trouble::Token.into()));
    }
    assert_eq!(desk.take(), [Action::Abandon { may_live: true }]);
    assert_eq!(desk.told().pop(), Some(Supervised::Replacing { cause: Gone::Tokens }));
    desk.wait();
    assert_eq!(desk.take(), [Action::Start]);
    // Whose tokens are others: the first of them that is refused is not the fourth.
    desk.started(Ok(()));
    desk.take();
    desk.dialled(Err(Trouble::Token.into()));
    assert_eq!(desk.told(), [Supervised::Retrying]);
}

#[test]
fn who_may_not_resume_gets_a_new_session() {
    let mut desk = Desk::up();
    desk.pass(HOUR / 2);
    desk.lost();
    desk.told();
    desk.wait();
    desk.take();
    desk.resumed(Err(Trouble::Denied.into()));
    assert_eq!(desk.told(), [Supervised::Replacing { cause: Gone::Denied }]);
}

#[test]
fn a_session_that_ends_in_use_is_replaced_and_one_that_is_not_waits_for_a_connection() {
    let mut desk = Desk::up();
    desk.pass(HOUR / 2);
    desk.activity.streams = 1;
    desk.activity.last_payload = Some(desk.now);
    desk.closed(Closing::Service);
    let cause = Gone::Closed(Closing::Service);
    assert_eq!(desk.told(), [Supervised::Replacing { cause }]);
    assert_eq!(desk.take(), [Action::Abandon { may_live: false }]);
    assert_eq!(desk.wait(), Duration::ZERO, "at once");
    assert_eq!(desk.take(), [Action::Start]);
    desk.now += Duration::from_secs(1);
    desk.started(Ok(()));
    desk.dialled(Ok(()));
    desk.supervisor.ready(desk.now);
    desk.drain();
    assert_eq!(desk.told(), [Supervised::Replaced { gap: Duration::from_secs(1) }]);
    desk.take();

    desk.pass(Duration::from_mins(10));
    desk.closed(Closing::Service);
    assert_eq!(desk.told(), [Supervised::Dormant { cause }]);
    assert_eq!(desk.take(), [Action::Abandon { may_live: false }]);
    assert_eq!(desk.supervisor.poll_timeout(), None);
    desk.supervisor.wanted(desk.now);
    desk.wait();
    assert_eq!(desk.take(), [Action::Start]);
}

#[test]
fn a_session_that_was_idle_for_the_tunnels_own_limit_ends_it() {
    let config =
        SupervisorConfig { idle: Some(Duration::from_mins(20)), ..SupervisorConfig::default() };
    let mut desk = Desk::up_with(config);
    desk.activity.last_payload = Some(desk.now);
    desk.activity.streams = 2;
    desk.pass(Duration::from_secs(19 * 60 + 1));
    desk.closed(Closing::Service);
    let after = Duration::from_secs(19 * 60 + 1);
    assert_eq!(desk.told(), [Supervised::Over(Over::Idle { after })]);
}

#[test]
fn sessions_that_end_as_soon_as_they_are_there_do_not_go_on_for_ever() {
    let mut desk = Desk::up();
    desk.activity.streams = 1;
    let began = desk.now;
    let mut sessions = 0;
    loop {
        desk.now += Duration::from_millis(10);
        desk.activity.last_payload = Some(desk.now);
        desk.closed(Closing::Service);
        desk.wait();
        while desk.actions.iter().all(|action| *action != Action::Start) {
            if let Some(Supervised::Over(over)) = desk.told().pop() {
                assert!(matches!(over, Over::Patience { .. }), "{over:?}");
                let lasted = desk.now - began;
                assert!(lasted <= SupervisorConfig::default().resume_budget, "{lasted:?}");
                assert!(sessions < 120, "{sessions} sessions");
                return;
            }
            desk.take();
            desk.wait();
        }
        sessions += 1;
        desk.started(Ok(()));
        desk.dialled(Ok(()));
        desk.supervisor.ready(desk.now);
        desk.drain();
        desk.take();
        desk.told();
    }
}

#[test]
fn dials_that_fail_lead_to_a_new_session_unless_others_would_pay_for_it() {
    let mut desk = Desk::up();
    desk.pass(Duration::from_mins(10));
    let fail = |desk: &mut Desk| {
        desk.supervisor.dial_failed(desk.now, &desk.activity);
        desk.drain();
        desk.told()
    };
    assert_eq!(fail(&mut desk), []);
    desk.activity.streams = 1;
    assert_eq!(fail(&mut desk), []);
    desk.activity.streams = 0;
    assert_eq!(fail(&mut desk), [Supervised::Replacing { cause: Gone::Unreached }]);
    assert_eq!(desk.take(), [Action::Abandon { may_live: true }]);
    desk.wait();
    desk.started(Ok(()));
    desk.dialled(Ok(()));
    desk.supervisor.ready(desk.now);
    desk.drain();
    desk.take();
    desk.told();
    let replaced = desk.now;
    while fail(&mut desk).is_empty() {
        desk.now += Duration::from_secs(1);
    }
    assert!(desk.now - replaced >= Duration::from_secs(29), "it may simply be down");
}

#[test]
fn a_session_that_cannot_be_dialled_is_not_replaced_again_and_again() {
    let mut desk = Desk::up();
    desk.pass(HOUR / 2);
    desk.activity.streams = 1;
    desk.lost();
    let (mut starts, mut resumptions) = (0, 0);
    loop {
        desk.wait();
        if matches!(desk.told().pop(), Some(Supervised::Over(_))) {
            break;
        }
        for action in desk.take() {
            match action {
                Action::Start => {
                    starts += 1;
                    desk.started(Ok(()));
                }
                Action::Resume => {
                    resumptions += 1;
                    desk.resumed(Err(Trouble::Denied.into()));
                }
                Action::Dial => desk.dialled(Err(passing())),
                _ => {}
            }
        }
    }
    assert_eq!((starts, resumptions), (1, 1), "its ticket is good until it is shown");
}

#[test]
fn a_start_that_fails_for_somebody_who_has_gone_is_no_end() {
    let mut desk = Desk::up();
    desk.pass(Duration::from_mins(10));
    desk.closed(Closing::Service);
    desk.take();
    desk.told();
    desk.supervisor.wanted(desk.now);
    desk.drain();
    assert_eq!(desk.told(), [Supervised::Waking]);
    let began = desk.now;
    let cause = loop {
        desk.wait();
        if let Some(Supervised::Dormant { cause }) = desk.told().pop() {
            break cause;
        }
        if desk.take() == [Action::Start] {
            desk.started(Err(passing()));
        }
    };
    assert_eq!(cause, Gone::NotStarted);
    assert_eq!(desk.now - began, SupervisorConfig::default().resume_budget);
    desk.take();
    desk.supervisor.wanted(desk.now);
    desk.drain();
    desk.told();
    assert_eq!(desk.wait(), Duration::ZERO);
    assert_eq!(desk.take(), [Action::Start]);
}
