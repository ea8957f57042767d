//! The files for programs that are not here, against the schemas that those publish.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::process::adit;
use crate::common::stories::{Missing, Story, find};
use crate::place::example;

pub(crate) const STORIES: &[Story] = &[
    ("the_workflow_is_one", the_workflow_is_one),
    ("the_pipeline_is_one", the_pipeline_is_one),
    ("the_compose_file_is_one", the_compose_file_is_one),
    ("adit_toml_is_what_editors_are_told", adit_toml_is_what_editors_are_told),
];

/// What checks them, with schemas of its own.
pub(crate) fn checker() -> Result<PathBuf, Missing> {
    let python = std::env::var_os("ADIT_TEST_PYTHON").map(PathBuf::from);
    let beside: Vec<PathBuf> =
        python.iter().filter_map(|python| python.parent()).map(Path::to_path_buf).collect();
    find("check-jsonschema", &beside)
}

fn the_workflow_is_one() {
    check(&["--builtin-schema", "vendor.github-workflows"], "github-actions/adit.yml");
}

fn the_pipeline_is_one() {
    let schema = ["--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci"];
    check(&schema, "gitlab/.gitlab-ci.yml");
}

fn the_compose_file_is_one() {
    check(&["--builtin-schema", "vendor.compose-spec"], "compose/compose.yaml");
}

/// The schema is a schema, and another program than adit reads the file by it.
fn adit_toml_is_what_editors_are_told() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let printed = adit(folder.path()).args(["config", "schema"]).output().expect("the program");
    assert!(printed.status.success(), "{printed:?}");
    let schema = folder.path().join("schema.json");
    std::fs::write(&schema, &printed.stdout).expect("a file");
    let schema = schema.to_str().expect("UTF-8");
    passes(Command::new(found()).args(["--check-metaschema", schema]));
    check(&["--schemafile", schema], "team/adit.toml");
}

fn found() -> PathBuf {
    checker().unwrap_or_else(|missing| panic!("{missing}"))
}

fn check(schema: &[&str], path: &str) {
    passes(Command::new(found()).args(schema).arg(example(path)));
}

fn passes(command: &mut Command) {
    let output = command.output().expect("the program");
    let said = [&output.stdout[..], &output.stderr].concat();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&said));
}
