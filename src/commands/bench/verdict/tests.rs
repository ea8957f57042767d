use std::time::Instant;

use super::*;

/// A session that was busy for ten seconds.
fn session(bytes_in: u64, bytes_out: u64) -> Carried {
    let begun = Instant::now();
    Carried {
        bytes_in,
        bytes_out,
        messages_in: bytes_in / 1_016,
        messages_out: bytes_out / 1_016,
        first: Some(begun),
        last: Some(begun + Duration::from_secs(10)),
        window: 64 << 10,
        payload: 1_024,
        connections: 1,
        samples: 200,
        rtt_least: Some(Duration::from_millis(20)),
        rtt: Some(Duration::from_millis(22)),
        ..Carried::default()
    }
}

fn name(sessions: &[Carried], commands: usize, alone: Option<f64>) -> &'static str {
    limit(sessions, commands, None, alone).name()
}

#[test]
fn a_moment_says_nothing() {
    assert_eq!(name(&[], 1, None), "too_little");
    assert_eq!(name(&[session(200_000, 0)], 1, None), "too_little");
    let mut short = session(50_000_000, 0);
    short.last = short.first.map(|first| first + Duration::from_millis(100));
    assert_eq!(name(&[short], 1, None), "too_little");
}

#[test]
fn downloads_at_the_agents_pace_are_known_by_it() {
    for rate in [700_000, 900_000, 1_020_000] {
        assert_eq!(name(&[session(rate * 10, 1_000)], 1, None), "agent_pace", "{rate}");
    }
    assert_eq!(name(&[session(6_500_000, 1_000)], 1, None), "destination");
    assert_eq!(name(&[session(12_000_000, 1_000)], 1, None), "unpaced");
}

#[test]
fn the_pace_holds_for_each_session() {
    let four = vec![session(9_000_000, 0); 4];
    assert_eq!(
        limit(&four, 4, None, None),
        Limit::AgentPace { sessions: 4, connections: 4 },
        "3.6 MB/s in all are no sign of another agent"
    );
    // One that carried a question or two counts for nothing.
    let mut with_idle = four.clone();
    with_idle.push(session(900, 0));
    assert_eq!(name(&with_idle, 4, None), "agent_pace");
    let mut crowded = session(9_000_000, 0);
    crowded.connections = 4;
    let told = limit(&[crowded], 4, None, None).to_string();
    assert!(told.contains("4 connections shared one session"), "{told}");
}

#[test]
fn what_only_several_suffer_from_is_shared() {
    let four = vec![session(4_000_000, 0); 4];
    assert_eq!(name(&four, 4, Some(900_000.0)), "shared");
    // One alone was no faster.
    assert_eq!(name(&four, 4, Some(400_000.0)), "destination");
}

#[test]
fn a_reader_that_does_not_read_goes_before_the_pace() {
    let mut slow = session(9_000_000, 0);
    (slow.unread_much, slow.unread) = (150, 5 << 20);
    assert_eq!(name(&[slow.clone()], 1, None), "local_reader");
    // A moment of it is none.
    slow.unread_much = 20;
    assert_eq!(name(&[slow], 1, None), "agent_pace");
}

#[test]
fn refused_sessions_count_where_they_were_wanted() {
    let refused = Some("too many sessions".to_owned());
    let two = vec![session(9_000_000, 0); 2];
    assert_eq!(limit(&two, 4, refused.clone(), None).name(), "sessions_refused");
    assert_eq!(limit(&two, 2, refused, None).name(), "agent_pace");
}

#[test]
fn loss_is_seen_on_the_side_that_sends() {
    let mut down = session(2_000_000, 0);
    down.duplicates = 40;
    assert_eq!(name(&[down.clone()], 1, None), "loss");
    (down.duplicates, down.resends) = (2, 40);
    assert_eq!(name(&[down], 1, None), "destination");
    let mut up = session(0, 2_000_000);
    up.resends = 40;
    assert_eq!(name(&[up], 1, None), "loss");
}

#[test]
fn uploads_are_held_up_by_the_window_the_way_this_machine_or_the_program() {
    let mut up = session(1_000, 50_000_000);
    assert_eq!(name(&[up.clone()], 1, None), "program");
    up.waits = 180;
    assert_eq!(name(&[up.clone()], 1, None), "uplink");
    up.window_full = 150;
    let window = limit(&[up.clone()], 1, None, None);
    assert_eq!(window.name(), "window");
    assert!(window.to_string().contains("round trip of 22 ms"), "{window}");
    up.rtt = Some(Duration::from_millis(50));
    assert_eq!(limit(&[up], 1, None, None), Limit::Path { queue: Duration::from_millis(30) });
}
