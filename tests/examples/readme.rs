//! The commands of the README that need nothing but a database.

use rustix::process::Signal;

use crate::common::cloud::Ran;
use crate::common::process::Program;
use crate::common::stories::Story;
use crate::place::{Place, free_port};

pub(crate) const STORIES: &[Story] =
    &[("what_it_says_for_teams_and_scripts_works", what_it_says_for_teams_and_scripts_works)];

fn what_it_says_for_teams_and_scripts_works() {
    let readme = include_str!("../../README.md");
    let (_, part) = readme.split_once("### For a team\n").expect("a part");
    let (part, _) = part.split_once("### Credentials\n").expect("the next one");
    let port = free_port().to_string();
    let part = part.replace("15432", &port);

    let place = Place::with_database("orders");
    std::fs::create_dir_all(place.home.path().join("src/acme")).expect("a folder");
    place.program("psql", "echo \"psql at $PGHOST:$PGPORT\"");
    let commands: Vec<&str> = blocks(&part, "sh").flat_map(str::lines).map(bare).collect();
    assert!(commands.len() > 6, "{commands:?}");
    for line in commands {
        let mut command = place.command("sh", &["-c", &format!("exec {line}")]);
        place.cloud.lab.credentials(&mut command);
        let program = Program::start(&mut command);
        if line.starts_with("adit connect") && !line.contains("--detach") {
            program.expect_line("a tunnel", |said| said.starts_with("listening on").then_some(()));
            program.signal(Signal::INT);
            Ran::to_the_end(program).expect(130);
            continue;
        }
        let ran = Ran::to_the_end(program).expect(0);
        if line.contains("psql") {
            assert_eq!(ran.stdout, format!("psql at 127.0.0.1:{port}"), "{line}");
        }
    }
    let made = std::fs::read_to_string(place.home.path().join("src/acme/adit.toml"));
    let shown = blocks(&part, "toml").next().expect("what is made");
    assert!(made.expect("it is made").ends_with(shown), "{shown}");
}

/// The blocks of a language.
fn blocks<'a>(text: &'a str, language: &str) -> impl Iterator<Item = &'a str> {
    let begin = format!("```{language}\n");
    let rests: Vec<&str> = text.split(begin.as_str()).skip(1).collect();
    rests.into_iter().filter_map(|rest| rest.split("```").next())
}

/// A line without its comment.
fn bare(line: &str) -> &str {
    line.split("  #").next().unwrap_or_default().trim()
}
