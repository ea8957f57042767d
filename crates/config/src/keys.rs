//! Which keys stand where, and which stand nowhere and why.

use crate::source::Layer;

pub(crate) const TOP: &[&str] =
    &["version", "defaults", "bastion", "targets", "connections", "groups"];

/// What a connection and the defaults have in common.
pub(crate) const SETTINGS: &[&str] = &[
    "profile",
    "region",
    "account",
    "bastion",
    "idle-timeout",
    "max-duration",
    "max-duration-ceiling",
    "disconnect-on-expiry",
    "require-mfa",
    "allow-credentials",
    "reason",
    "lanes",
    "keep-alive",
];

/// What a connection has beyond that.
pub(crate) const CONNECTION: &[&str] = &["target", "local-port"];

/// What only a person's own file can say.
pub(crate) const OWN: &[&str] = &["ca-bundle", "mfa-serial"];

pub(crate) const TARGET: &[&str] =
    &["kind", "id", "endpoint", "host", "port", "vpc", "profile", "region", "account", "bastion"];

pub(crate) const BASTION: &[&str] = &[
    "instance-type",
    "idle-stop",
    "subnet",
    "public-ip",
    "tags",
    "existing",
    "permissions-boundary",
    "create-endpoints",
];

/// Why a key cannot stand in a file, and what to do instead.
pub(crate) struct Refused {
    pub(crate) why: &'static str,
    pub(crate) instead: &'static str,
    /// Whether the value must not be shown.
    pub(crate) hides: bool,
}

/// Whether and why a key is refused by name, which is more than being unknown.
pub(crate) fn refused(key: &str, layer: Layer) -> Option<Refused> {
    let key = key.to_ascii_lowercase().replace('_', "-");
    let refused = |why, instead| Some(Refused { why, instead, hides: is_secret(&key) });
    // A command may have a password among its arguments.
    let program =
        |instead| Some(Refused { why: "a file could run programs", instead, hides: true });
    match key.as_str() {
        "endpoint-url" => refused(
            "a file could send signed requests elsewhere",
            "pass --endpoint-url, or ADIT_ENDPOINT_URL",
        ),
        "ca-bundle" if layer == Layer::Shared => refused(
            "whose certificates are trusted is for each person to say",
            "pass --ca-bundle, or ADIT_CA_BUNDLE, or set it in your own config.toml",
        ),
        "mfa-serial" if layer == Layer::Shared => refused(
            "a device belongs to one person",
            "pass --mfa-serial, or ADIT_MFA_SERIAL, or set it in your own config.toml",
        ),
        "bind" | "bind-address" | "listen" => {
            refused("a file could open the tunnel to the network", "pass --bind, or ADIT_BIND")
        }
        "allow-remote" => refused(
            "a file could open the tunnel to the network",
            "pass --allow-remote, or ADIT_ALLOW_REMOTE",
        ),
        "socket" => refused("files hold no paths", "pass --socket, or ADIT_SOCKET"),
        "mfa-command" => program("pass --mfa-command, or ADIT_MFA_COMMAND"),
        "mfa-code" => refused(
            "a code is a secret, and good for one use",
            "set ADIT_MFA_CODE, or type it when asked",
        ),
        "command" | "exec" | "run" | "hook" | "pre-command" | "post-command" | "shell"
        | "proxy-command" => program("write it after `adit exec NAME --`"),
        "credential-process" => {
            program("set credential_process in a profile of ~/.aws/config, and name that profile")
        }
        "role-arn" => refused(
            "which role you take is for your own profile to say",
            "pass --role-arn, or ADIT_ROLE_ARN, or name a profile that has it",
        ),
        key if is_secret(key) => refused(
            "a file is no place for secrets",
            "leave it to your AWS profile, and the database's password to its client",
        ),
        _ => None,
    }
}

/// Whether the value of such a key is a secret.
pub(crate) fn is_secret(key: &str) -> bool {
    let parts = ["passw", "passphrase", "secret", "token", "private-key", "access-key", "api-key"];
    let whole = ["pwd", "pass", "credentials", "mfa-code"];
    let key = key.to_ascii_lowercase().replace('_', "-");
    parts.iter().any(|part| key.contains(part)) || whole.contains(&key.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_stand_is_never_refused() {
        for layer in [Layer::Shared, Layer::Own] {
            for key in [TOP, SETTINGS, CONNECTION, TARGET, BASTION].concat() {
                assert!(refused(key, layer).is_none(), "{key}");
            }
        }
        for key in OWN {
            assert!(refused(key, Layer::Own).is_none() && refused(key, Layer::Shared).is_some());
        }
    }
}
