//! The commands of the CI files, with a token such as a job has.

use crate::common::cloud::Ran;
use crate::common::process::Program;
use crate::common::stories::Story;
use crate::place::{Place, text};

pub(crate) const STORIES: &[Story] = &[
    ("the_workflow_migrates", the_workflow_migrates),
    ("the_pipeline_migrates", the_pipeline_migrates),
];

fn the_workflow_migrates() {
    migrates("github-actions/adit.yml", "- run: ");
}

fn the_pipeline_migrates() {
    migrates("gitlab/.gitlab-ci.yml", "- ");
}

/// Runs each line that begins like that and then with `adit`, as the job would.
fn migrates(file: &str, begin: &str) {
    let place = Place::with_database("orders-dev");
    let folder = place.repository();
    let role = place.cloud.lab.web_identity_role("acme-migrate");
    let token = folder.join("token");
    std::fs::write(&token, place.cloud.lab.web_identity()).expect("a file");
    let text = text(file);
    let commands: Vec<&str> = text
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix(begin))
        .filter(|line| line.starts_with("adit "))
        .collect();
    assert_eq!(commands.len(), 2, "{commands:?}");
    let mut said = String::new();
    for line in commands {
        let mut command = place.command("sh", &["-c", line]);
        command
            .env("ADIT_NO_INPUT", "true")
            .env("ADIT_REASON", "pipeline 1")
            .env("AWS_ROLE_ARN", &role)
            .env("AWS_WEB_IDENTITY_TOKEN_FILE", &token);
        said += &Ran::to_the_end(Program::start(&mut command)).expect(0).stdout;
    }
    assert!(said.ends_with("migrated at 127.0.0.1"), "{said}");
    std::fs::remove_file(token).expect("it is there");
}
