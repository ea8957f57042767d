//! The team's repository: its `adit.toml`, and its Makefile with a lab behind it.

use crate::common::process::adit;
use crate::common::stories::Story;
use crate::place::{Place, example, text};

pub(crate) const STORIES: &[Story] = &[
    ("adit_toml_has_nothing_wrong", adit_toml_has_nothing_wrong),
    ("make_runs_a_command_beside_a_tunnel", make_runs_a_command_beside_a_tunnel),
    ("make_holds_tunnels_in_the_background", make_holds_tunnels_in_the_background),
];

/// With the own file that the text beside it shows.
fn adit_toml_has_nothing_wrong() {
    let home = tempfile::tempdir().expect("a temporary folder");
    let readme = text("team/README.md");
    let (_, own) = readme.split_once("```toml\n").expect("a file of one's own");
    let (own, _) = own.split_once("```").expect("its end");
    let folder = home.path().join(".config/adit");
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join("config.toml"), own).expect("a file");
    let mut command = adit(home.path());
    command.args(["config", "check", "--config"]).arg(example("team/adit.toml"));
    let output = command.output().expect("the program");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut command = adit(home.path());
    command.args(["config", "explain", "connections.orders.max-duration", "--config"]);
    let output = command.arg(example("team/adit.toml")).output().expect("the program");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("= 2h") && said.contains("12h"), "{said}");
}

fn make_runs_a_command_beside_a_tunnel() {
    let place = Place::with_database("orders-dev");
    let folder = place.repository();
    place.program("psql", "echo \"psql at $PGHOST\"");
    place.program("pg_dump", "echo \"all of $PGHOST\"");
    let migrated = place.run("make", &["migrate"]).expect(0);
    assert!(migrated.stdout.contains("migrated at 127.0.0.1"), "{migrated:#?}");
    let asked = place.run("make", &["psql"]).expect(0);
    assert!(asked.stdout.contains("psql at 127.0.0.1"), "{asked:#?}");
    place.run("make", &["dump"]).expect(0);
    let dump = std::fs::read_to_string(folder.join("dump")).expect("a dump");
    assert_eq!(dump, "all of 127.0.0.1\n");
    let failed = place.run("make", &["migrate", "MIGRATE=sh -c 'exit 7'"]).expect(2);
    assert!(failed.stderr.contains("Error 7"), "{failed:#?}");
    place.run("make", &["check", "adit.schema.json"]).expect(0);
    assert!(folder.join("adit.schema.json").exists());
    place.cloud.lab.expect_nothing_left();
}

fn make_holds_tunnels_in_the_background() {
    let place = Place::with_database("orders-dev");
    place.repository();
    let up = place.run("make", &["up"]).expect(0);
    let waiting = up.stdout.lines().filter(|line| line.contains(" waiting ")).count();
    assert_eq!(waiting, 2, "{up:#?}");
    place.run("make", &["down"]).expect(0);
    let status = place.run("adit", &["status"]).expect(0);
    assert!(!status.stdout.contains("waiting"), "{status:#?}");
    assert_eq!(place.cloud.lab.calls("StartSession"), 0, "nobody had connected");
}
