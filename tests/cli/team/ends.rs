//! What ends a tunnel, and what `status` says of it.

use serde_json::{Value, json};

use super::Team;
use crate::common::wait::until;

/// A tunnel in the background, once the account has been asked.
fn asked(team: &Team, arguments: &[&str]) -> Value {
    team.run(&[&["connect", "one", "--detach"], arguments].concat()).expect(0);
    until("the account's preferences", || {
        team.status().into_iter().find(|tunnel| !tunnel["service"].is_null())
    })
}

/// Whether a member is a number of seconds of at most so many, and not much less.
fn is_about(tunnel: &Value, member: &str, seconds: u64) -> bool {
    tunnel[member].as_u64().is_some_and(|left| left <= seconds && left + 60 > seconds)
}

#[test]
fn status_says_what_is_left_and_what_the_account_has_the_service_do() {
    let team = Team::start();
    team.lab.control("preferences", json!({"idle_minutes": 10, "max_minutes": 60}));
    let limits = ["--max-duration", "2h", "--max-duration-ceiling", "5h"];
    let tunnel = asked(&team, &limits);
    assert!(is_about(&tunnel, "idle_left_s", 1200), "{tunnel:#}");
    assert!(is_about(&tunnel, "maximum_left_s", 7200), "{tunnel:#}");
    assert!(is_about(&tunnel, "ceiling_left_s", 18_000), "{tunnel:#}");
    assert_eq!(tunnel["service"], json!({"read": "known", "idle_s": 600, "longest_s": 3600}));
    // Keys that do not end.
    assert_eq!(
        (&tunnel["credentials_expire"], &tunnel["credentials_renewable"]),
        (&Value::Null, &Value::Null)
    );
    let said = team.run(&["status", "one"]).expect(0).stderr;
    for words in [
        "one: closes in 19 min if nothing moves; ends in 1 h 59 min, or in 4 h 59 min if extended",
        "AWS ends an idle session after 10 min, any after 1 h",
    ] {
        assert!(said.contains(words), "{said}");
    }
    let log = team.run(&["logs", "one"]).expect(0).stdout;
    let told = "AWS ends a session that is idle for 10 min, as the account's preferences say; --idle-timeout is 20 min";
    assert_eq!(log.matches(told).count(), 1, "{log}");
    team.run(&["down", "--all"]).expect(0);
}

#[test]
fn an_account_without_preferences_has_the_services_own_and_is_asked_once() {
    let team = Team::start();
    team.run(&["connect", "one", "two", "--detach"]).expect(0);
    until("both to know", || {
        let tunnels = team.status();
        let known = json!({"read": "known", "idle_s": 1200, "longest_s": null});
        tunnels.iter().all(|tunnel| tunnel["service"] == known).then_some(())
    });
    assert_eq!(team.lab.calls("GetDocument"), 1);
    let log = team.run(&["logs", "one"]).expect(0).stdout;
    assert!(!log.contains("AWS ends"), "{log}");
    team.run(&["down", "--all"]).expect(0);
}

#[test]
fn who_may_not_read_the_preferences_is_not_bothered() {
    let team = Team::start();
    team.lab.fault(json!({"deny": ["ssm:GetDocument"]}));
    let tunnel = asked(&team, &[]);
    assert_eq!(tunnel["service"], json!({"read": "denied"}));
    let said = team.run(&["status"]).expect(0).stderr;
    assert!(said.contains("not permitted to read when AWS ends sessions"), "{said}");
    let log = team.run(&["logs", "one"]).expect(0).stdout;
    assert!(!log.contains("warning"), "{log}");
    team.run(&["down", "--all"]).expect(0);
}

#[test]
fn one_that_is_kept_alive_says_so() {
    let team = Team::start();
    let own = team.path("home/.config/adit");
    std::fs::create_dir_all(&own).expect("a folder");
    std::fs::write(own.join("config.toml"), "version = 1\n[connections.one]\nkeep-alive = true\n")
        .expect("a file");
    for (arguments, is_kept) in
        [(&[][..], true), (&["--keep-alive=false"], false), (&["--keep-alive"], true)]
    {
        team.run(&[&["connect", "one", "--detach"], arguments].concat()).expect(0);
        assert_eq!(team.status()[0]["keep_alive"], is_kept, "{arguments:?}");
        let said = team.run(&["status"]).expect(0).stderr;
        assert_eq!(said.contains("kept alive while somebody is connected"), is_kept, "{said}");
        team.run(&["down", "--all"]).expect(0);
    }
}

#[test]
fn who_needs_a_tunnel_for_a_moment_asks_for_nothing() {
    let team = Team::start();
    team.run(&["exec", "one", "--", "true"]).expect(0);
    assert_eq!(team.lab.calls("GetDocument"), 0);
}
