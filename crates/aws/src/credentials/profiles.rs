//! The profile files of the AWS CLI.

use std::path::Path;

use aws_config::profile::{Profile, ProfileSet};
use aws_runtime::env_config::file::EnvConfigFiles;
use aws_types::os_shim_internal::{Env, Fs};

use super::origin::Origin;
use crate::error::{AwsError, AwsErrorKind};

/// The profiles of both files, and which of them the credentials file holds: the AWS CLI looks at
/// the keys of that file before, and at those of the other after, some of the other sources.
#[derive(Debug)]
pub(crate) struct Profiles {
    pub(crate) all: ProfileSet,
    in_credentials: ProfileSet,
    config_file: String,
    credentials_file: String,
}

impl Profiles {
    /// Reads the files, and refuses a profile that is named but not there: the SDK would only say
    /// that no region or no credentials were found.
    pub(crate) async fn load(env: &Env, wanted: Option<&str>) -> Result<Self, AwsError> {
        let all = read(env, &EnvConfigFiles::default(), wanted).await?;
        let only = EnvConfigFiles::builder().include_default_credentials_file(true).build();
        let profiles = Self {
            all,
            in_credentials: read(env, &only, wanted).await?,
            config_file: place(env, "AWS_CONFIG_FILE", "~/.aws/config"),
            credentials_file: place(env, "AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials"),
        };
        profiles.check_selected()?;
        Ok(profiles)
    }

    fn check_selected(&self) -> Result<(), AwsError> {
        let selected = self.all.selected_profile();
        if selected == "default" || self.get(selected).is_some() {
            return Ok(());
        }
        let message = format!("the AWS profile `{selected}` does not exist");
        Err(AwsError::new(AwsErrorKind::UnknownProfile, message).hint(self.known()))
    }

    /// Which profiles there are, as a hint.
    pub(crate) fn known(&self) -> String {
        let mut known: Vec<&str> = self.all.profiles().collect();
        known.sort_unstable();
        if known.is_empty() {
            "no profile is configured; `aws configure` or `aws configure sso` makes one".to_owned()
        } else {
            format!("known profiles: {}", known.join(", "))
        }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Profile> {
        self.all.get_profile(name)
    }

    /// The profile that was asked for, or `default`.
    pub(crate) fn selected(&self) -> &str {
        self.all.selected_profile()
    }

    /// A setting, where it is not empty.
    pub(crate) fn setting<'a>(&'a self, name: &str, key: &str) -> Option<&'a str> {
        self.get(name)?.get(key).filter(|value| !value.trim().is_empty())
    }

    /// Whether the credentials file itself holds the setting.
    pub(crate) fn in_credentials(&self, name: &str, key: &str) -> bool {
        self.in_credentials.get_profile(name).is_some_and(|profile| profile.get(key).is_some())
    }

    /// Where a setting of a profile stands.
    pub(crate) fn origin(&self, name: &str, key: &str) -> Origin {
        let file =
            if self.in_credentials(name, key) { &self.credentials_file } else { &self.config_file };
        Origin::profile(name, file)
    }
}

async fn read(
    env: &Env,
    files: &EnvConfigFiles,
    wanted: Option<&str>,
) -> Result<ProfileSet, AwsError> {
    let wanted = wanted.map(|name| name.to_owned().into());
    aws_config::profile::load(&Fs::real(), env, files, wanted).await.map_err(|error| {
        AwsError::new(AwsErrorKind::Config, format!("cannot read the AWS profiles: {error}"))
            .hint("check ~/.aws/config and ~/.aws/credentials")
    })
}

/// The file as a person would name it: the variable's value, else the usual place.
fn place(env: &Env, variable: &str, usual: &str) -> String {
    env.get(variable).unwrap_or_else(|_| usual.to_owned())
}

/// The home directory, as the SDK finds it on this system.
pub(crate) fn home(env: &Env) -> Option<std::path::PathBuf> {
    let name = if cfg!(windows) { "USERPROFILE" } else { "HOME" };
    env.get(name).ok().filter(|home| !home.is_empty()).map(|home| Path::new(&home).to_owned())
}

#[cfg(test)]
impl Profiles {
    /// The profiles of two texts.
    pub(crate) async fn of(
        config: &str,
        credentials: &str,
        wanted: &str,
    ) -> Result<Self, AwsError> {
        let fs = Fs::from_slice(&[("/h/config", config), ("/h/credentials", credentials)]);
        let env = Env::from_slice(&[
            ("HOME", "/h"),
            ("AWS_CONFIG_FILE", "/h/config"),
            ("AWS_SHARED_CREDENTIALS_FILE", "/h/credentials"),
        ]);
        let parse = async |files: &EnvConfigFiles| {
            aws_config::profile::load(&fs, &env, files, Some(wanted.to_owned().into()))
                .await
                .map_err(|error| AwsError::new(AwsErrorKind::Config, error.to_string()))
        };
        let only = EnvConfigFiles::builder().include_default_credentials_file(true).build();
        let profiles = Self {
            all: parse(&EnvConfigFiles::default()).await?,
            in_credentials: parse(&only).await?,
            config_file: "~/.aws/config".to_owned(),
            credentials_file: "~/.aws/credentials".to_owned(),
        };
        profiles.check_selected()?;
        Ok(profiles)
    }
}
