//! What `adit config` is to do.

use std::path::PathBuf;

use adit_aws::targets::TargetSpec;

use super::team::Files;
use super::{Access, ReadEnv, access};
use crate::cli::{ConfigCommand, ConfigInitArgs, LocalPort};
use crate::failure::Failure;

#[derive(Debug)]
pub(crate) enum ConfigSettings {
    Init(Box<ConfigInitSettings>),
    Check(Files),
    Schema,
    Explain { key: Option<String>, files: Files },
    Import { file: Option<PathBuf>, write: bool },
}

/// What `adit config init` is to add, and where.
#[derive(Debug)]
pub(crate) struct ConfigInitSettings {
    pub(crate) target: Option<TargetSpec>,
    pub(crate) name: Option<String>,
    pub(crate) local_port: Option<LocalPort>,
    pub(crate) force: bool,
    /// Profile and region as they were given: they go into a new file.
    pub(crate) profile: Option<String>,
    pub(crate) region: Option<String>,
    pub(crate) files: Files,
    pub(crate) access: Access,
}

pub(super) fn of(command: ConfigCommand, env: ReadEnv<'_>) -> Result<ConfigSettings, Failure> {
    Ok(match command {
        ConfigCommand::Init(args) => ConfigSettings::Init(Box::new(init(*args, env)?)),
        ConfigCommand::Check(args) => ConfigSettings::Check(Files::of(&args.files, env)),
        ConfigCommand::Schema => ConfigSettings::Schema,
        ConfigCommand::Explain(args) => {
            ConfigSettings::Explain { key: args.key, files: Files::of(&args.files, env) }
        }
        ConfigCommand::Import(args) => {
            ConfigSettings::Import { file: args.file, write: args.write }
        }
    })
}

fn init(args: ConfigInitArgs, env: ReadEnv<'_>) -> Result<ConfigInitSettings, Failure> {
    Ok(ConfigInitSettings {
        access: access::with_files(&args.aws, env)?,
        files: Files::of(&args.aws.config, env),
        profile: args.aws.profile,
        region: args.aws.region,
        target: args.target,
        name: args.name,
        local_port: args.local_port,
        force: args.force,
    })
}
