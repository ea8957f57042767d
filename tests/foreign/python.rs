//! The Python that has the AWS CLI, boto3 and moto.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::common::stories::{Missing, find};

/// A Python and what it brings.
pub(crate) struct Python {
    pub(crate) program: PathBuf,
    /// The AWS CLI.
    pub(crate) aws: PathBuf,
}

pub(crate) fn installed() -> Result<Python, Missing> {
    let program = match std::env::var_os("ADIT_TEST_PYTHON") {
        Some(python) => PathBuf::from(python),
        None => find("python3", &[])?,
    };
    let imports = Command::new(&program)
        .args(["-c", "import awscli, boto3, moto"])
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !imports {
        return Err(Missing::new("a Python with tests/foreign/requirements.txt"));
    }
    let beside: Vec<PathBuf> = program.parent().map(PathBuf::from).into_iter().collect();
    let aws = find("aws", &beside)?;
    Ok(Python { program, aws })
}

/// The same where the tests are listed only when it is there.
pub(crate) fn python() -> Python {
    installed().unwrap_or_else(|missing| panic!("{missing}"))
}
