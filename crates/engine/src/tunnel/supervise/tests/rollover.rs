//! Websockets that are exchanged.

use super::*;

#[test]
fn the_websocket_is_exchanged_at_a_quiet_moment_before_the_hour_is_over() {
    let mut desk = Desk::up();
    desk.activity.quiet_since = None;
    let began = desk.now;
    desk.wait();
    let age = desk.now - began;
    assert!(age >= Duration::from_mins(50) && age < Duration::from_mins(53), "{age:?}");
    assert_eq!(desk.take(), [Action::Resume]);
    desk.resumed(Ok(Resumption::Ticket));
    assert_eq!(desk.take(), [Action::Dial]);
    desk.dialled(Ok(()));
    assert_eq!((desk.take(), desk.told()), (vec![], vec![]), "something is under way");
    desk.pass(Duration::from_secs(2));
    assert_eq!(desk.take(), []);
    desk.activity.quiet_since = Some(desk.now);
    let waited = desk.wait();
    assert!(waited >= Duration::from_millis(20) && waited < Duration::from_millis(50));
    assert_eq!((desk.take(), desk.told()), (vec![Action::Carry], vec![Supervised::RolledOver]));
}

#[test]
fn an_exchange_without_a_quiet_moment_is_made_before_the_hour_is_over_all_the_same() {
    let mut desk = Desk::up();
    let began = desk.now;
    let (mut resumes, mut discards) = (0, 0);
    loop {
        desk.wait();
        for action in desk.take() {
            match action {
                Action::Resume => {
                    resumes += 1;
                    desk.resumed(Ok(Resumption::Ticket));
                }
                Action::Dial => desk.dialled(Ok(())),
                Action::Discard => discards += 1,
                Action::Carry => {
                    let age = desk.now - began;
                    assert!(age > Duration::from_mins(56) && age < HOUR, "{age:?}");
                    assert_eq!(discards + 1, resumes);
                    assert!(resumes < 10, "{resumes}");
                    return;
                }
                other => panic!("{other:?}"),
            }
        }
        desk.told();
    }
}

#[test]
fn a_websocket_that_is_lost_while_another_waits_costs_nothing() {
    let mut desk = Desk::up();
    desk.wait();
    desk.resumed(Ok(Resumption::Ticket));
    desk.dialled(Ok(()));
    desk.take();
    desk.supervisor.lost(desk.now, Loss::Closed { code: Some(1000) }, true);
    desk.drain();
    assert_eq!(desk.take(), [Action::Carry]);
    let gap = Duration::ZERO;
    assert_eq!(desk.told().pop(), Some(Supervised::Resumed { gap }));
}

#[test]
fn an_exchange_that_fails_costs_nothing() {
    let mut desk = Desk::up();
    desk.wait();
    desk.take();
    desk.resumed(Err(passing()));
    assert_eq!((desk.take(), desk.told()), (vec![], vec![]));
    assert!(desk.supervisor.is_up());
    assert_eq!(desk.wait(), Duration::from_mins(1));
    assert_eq!(desk.take(), [Action::Resume]);
}

#[test]
fn the_service_is_asked_about_a_session_whose_agent_does_not_answer() {
    let mut desk = Desk::up();
    desk.activity.unanswered_since = Some(desk.now);
    desk.activity.streams = 1;
    desk.activity.last_payload = Some(desk.now);
    let waited = desk.wait();
    assert!(waited >= Duration::from_mins(1) && waited <= Duration::from_secs(90), "{waited:?}");
    assert_eq!(desk.take(), [Action::Resume]);
    // Idle for less than a minute, as far as the tunnel is concerned: somebody waits.
    desk.activity.last_payload = Some(desk.now);
    desk.resumed(Ok(Resumption::Over));
    assert_eq!(desk.told(), [Supervised::Replacing { cause: Gone::NotResumed }]);
}

#[test]
fn a_session_whose_agent_does_not_come_back_is_given_up() {
    // Whoever connects, or connects again, has another one started.
    for streams in [0, 1] {
        let mut desk = Desk::up();
        desk.activity.away_since = Some(desk.now);
        desk.activity.streams = streams;
        let waited = desk.wait();
        let bounds = Duration::from_secs(15)..=Duration::from_secs(20);
        assert!(bounds.contains(&waited), "{waited:?}");
        assert_eq!(desk.take(), [Action::Abandon { may_live: true }]);
        assert_eq!(desk.told(), [Supervised::Dormant { cause: Gone::Away }]);
        desk.supervisor.wanted(desk.now);
        desk.wait();
        assert_eq!(desk.take(), [Action::Start]);
    }
}

#[test]
fn connections_that_an_agent_may_have_kept_are_waited_with() {
    let mut desk = Desk::up();
    desk.activity = Activity { streams: 2, established: 1, ..desk.activity };
    desk.activity.away_since = Some(desk.now);
    let waited = desk.wait();
    let bounds = Duration::from_mins(1)..=Duration::from_secs(65);
    assert!(bounds.contains(&waited), "{waited:?}");
    assert_eq!(desk.told(), [Supervised::Dormant { cause: Gone::Away }]);
}

#[test]
fn who_waits_for_the_session_goes_before_who_may_have_kept_a_connection() {
    let mut desk = Desk::up();
    desk.activity = Activity { streams: 2, established: 1, held: 1, ..desk.activity };
    desk.activity.away_since = Some(desk.now);
    assert!(desk.wait() <= Duration::from_secs(20));
    assert_eq!(desk.told(), [Supervised::Dormant { cause: Gone::Away }]);
}

#[test]
fn an_agent_that_is_back_in_time_keeps_its_session() {
    let mut desk = Desk::up();
    for _ in 0..100 {
        desk.activity.away_since = Some(desk.now);
        desk.pass(Duration::from_secs(14));
        desk.activity.away_since = None;
        desk.pass(Duration::from_secs(1));
    }
    assert_eq!((desk.take(), desk.told()), (vec![], vec![]));
}

#[test]
fn a_websocket_that_waits_is_not_trusted_where_this_end_lost_the_other() {
    for loss in [Loss::Slept, Loss::Silent, Loss::Failed] {
        let mut desk = Desk::up();
        desk.wait();
        desk.resumed(Ok(Resumption::Ticket));
        desk.dialled(Ok(()));
        desk.take();
        desk.supervisor.lost(desk.now, loss, true);
        desk.drain();
        assert_eq!(desk.take(), [Action::Discard], "{loss:?}");
        desk.told();
        desk.wait();
        assert_eq!(desk.take(), [Action::Resume], "{loss:?}");
    }
}

#[test]
fn an_exchange_that_is_not_permitted_is_not_tried_again() {
    let mut desk = Desk::up();
    desk.wait();
    desk.take();
    desk.resumed(Err(Trouble::Denied.into()));
    desk.pass(HOUR);
    assert_eq!((desk.take(), desk.told()), (vec![], vec![]));
    assert!(desk.supervisor.is_up());
}
