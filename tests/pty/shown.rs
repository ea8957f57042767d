//! What is shown in terminals of several sizes, and while something is awaited.

use serde_json::json;

use crate::common::cloud::{Cloud, ec2};
use crate::common::lab::Lab;
use crate::common::servers::Server;
use crate::plain::{start, start_in};
use crate::terminal::size;

/// A lab with a database and a bastion for it.
fn with_database(server: &Server) -> Cloud {
    let cloud = Cloud::start(Lab::builder());
    cloud.database("orders", server.address());
    cloud.run(&["init", "--target", "rds:orders", "--yes"]).expect(0);
    cloud
}

/// Runs a command to its end; gives its lines, and whether it ended well.
fn lines(cloud: &Cloud, columns: u16, arguments: &[&str]) -> Vec<String> {
    let mut terminal = start_in(size(columns, 24), &cloud.lab, arguments);
    assert_eq!(terminal.wait(), 0, "{}", terminal.raw());
    terminal.expect_usable();
    let raw = terminal.raw();
    // A line that turns is drawn anew from its start, and erased in the end.
    let last = |line: &str| {
        let drawn = line.rsplit(['\r', '\u{1b}']).next()?;
        Some(drawn.strip_prefix("[2K").unwrap_or(drawn).to_owned())
    };
    raw.replace("\r\n", "\n").lines().filter_map(last).collect()
}

#[test]
fn tables_fit_narrow_terminals() {
    let server = Server::echo();
    let cloud = with_database(&server);
    for columns in [80, 40] {
        let commands: [&[&str]; 2] = [&["list"], &["cleanup", "--plan"]];
        for command in commands {
            let lines = lines(&cloud, columns, command);
            let table = lines
                .iter()
                .skip_while(|line| !line.starts_with("TARGET") && !line.starts_with("#  REMOVE"));
            let table: Vec<&String> =
                table.take_while(|line| !line.contains("the plan alone")).collect();
            assert!(table.len() > 1, "{lines:#?}");
            let fits = table.iter().all(|line| line.chars().count() <= usize::from(columns));
            assert!(fits, "{columns}: {table:#?}");
        }
    }
    let wide = lines(&cloud, 100, &["list"]);
    assert!(wide.iter().any(|line| line.ends_with(".rds.amazonaws.com:5432")), "{wide:#?}");
}

/// An address that is torn apart can neither be read nor copied.
#[test]
fn a_plan_shows_the_address_whole_in_80_columns() {
    let server = Server::echo();
    let cloud = Cloud::start(Lab::builder());
    cloud.database("orders", server.address());
    let lines = lines(&cloud, 80, &["init", "--target", "rds:orders", "--plan"]);
    let row = lines.iter().find(|line| line.starts_with("rds:orders")).expect("a row");
    assert!(row.ends_with(".rds.amazonaws.com:5432"), "{row}");
    // The terminal wraps sentences itself.
    let steps = lines.iter().skip_while(|line| !line.contains("STEP"));
    let steps = steps.take_while(|line| !line.starts_with("warning: "));
    assert!(steps.clone().count() > 5, "{lines:#?}");
    assert!(steps.clone().all(|line| line.chars().count() <= 80), "{lines:#?}");
}

#[test]
fn whoever_waits_for_a_bastion_is_told_for_what_and_how_long() {
    let server = Server::echo();
    let cloud = with_database(&server);
    ec2(&cloud.lab, "StopInstances", &[("InstanceId.1", &cloud.bastion_id())]);
    cloud.lab.fault(json!({"boot_ms": 700, "agent_ms": 1500}));
    let arguments = ["connect", "--target", "rds:orders", "--local-port", "auto"];
    let mut terminal = start(&cloud.lab, &arguments);
    terminal.wait_for("listening on");
    terminal.press("\x03");
    assert_eq!(terminal.wait(), 130);
    terminal.expect_usable();
    let raw = terminal.raw();
    let bastion = cloud.bastion_id();
    for text in [
        format!("starting the bastion {bastion}"),
        format!("waiting for the bastion {bastion} to run; usually 15 s"),
        format!("waiting for the agent of {bastion} to answer; usually 40 s"),
    ] {
        assert!(raw.contains(&text), "{text}: {raw:?}");
    }
    // What was awaited is over, and off the screen.
    let screen = terminal.wait_for("listening on");
    assert!(!screen.contains("waiting for"), "{screen}");
}

/// Whether text is coloured or bold.
fn is_styled(raw: &str) -> bool {
    raw.split("\u{1b}[").skip(1).any(|rest| {
        let end = rest.find(|c: char| c.is_ascii_alphabetic());
        end.is_some_and(|end| rest[end..].starts_with('m') && !matches!(&rest[..end], "" | "0"))
    })
}

#[test]
fn nothing_is_coloured_where_colours_are_not_wanted() {
    let cloud = Cloud::start(Lab::builder());
    cloud.lab.fault(json!({"deny": ["elasticache:*"]}));
    for (arguments, text) in [
        (&["list"][..], "warning: "),
        (&["connect", "--target", "ec2:i-0bad0000000000bad:22"], "error: "),
        (&["init", "--vpc", &cloud.vpc, "--plan"], "STEP"),
    ] {
        let (raw, _) = start(&cloud.lab, arguments).run();
        let raw = String::from_utf8_lossy(&raw);
        assert!(raw.contains(text) && !is_styled(&raw), "{arguments:?}: {raw:?}");
    }
}
