//! Where it is kept what targets were resolved to, and for whom.

use std::path::PathBuf;

use super::ReadEnv;
use super::connection::Cache;
use crate::cli::AwsArgs;

/// The user's own folder of caches, as the XDG base directories say; a path that does not begin at
/// the root is to be ignored.
pub(super) fn of(profile: Option<&str>, args: &AwsArgs, env: ReadEnv<'_>) -> Cache {
    let folder = |name: &str| env(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = folder("XDG_CACHE_HOME").or_else(|| Some(folder("HOME")?.join(".cache")));
    let given = |name: &str| env(name).filter(|value| !value.is_empty());
    // Keys in the environment go before a profile that only the environment names.
    let identity = match (profile, given("AWS_ACCESS_KEY_ID")) {
        (Some(profile), _) => Some(profile.to_owned()),
        // Keys of a session are others every hour: whose they are says the account alone.
        (None, Some(key)) if key.starts_with("ASIA") => {
            given("AWS_ACCOUNT_ID").map(|account| format!("account {account}"))
        }
        (None, Some(key)) => Some(format!("key {key}")),
        (None, None) => Some(given("AWS_PROFILE").unwrap_or_default()),
    };
    // The same profile is another one in another file, and with a role to take on.
    let rest = ["AWS_ROLE_ARN", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"]
        .into_iter()
        .filter_map(|name| Some(format!(" {name}={}", given(name)?)));
    let role = args.credentials.role_arn.as_ref().map(|arn| format!(" --role-arn={arn}"));
    let folder = base.filter(|_| identity.is_some());
    Cache {
        folder: folder.map(|base| base.join("adit").join("targets")),
        identity: identity.into_iter().chain(rest).chain(role).collect(),
    }
}
