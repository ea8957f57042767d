//! What values look like. The parser and the schema have each pattern from here, so that they agree.

use std::sync::LazyLock;

use regex_lite::Regex;

use crate::secret::regex_of;

/// Names of connections, targets and groups.
pub(crate) const NAME: &str = "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$";
/// An id, an ARN, or a tag that one resource alone has.
pub(crate) const ID: &str = "^(?:[A-Za-z0-9._-]{1,255}|arn:aws[a-z-]*:[a-z0-9-]+:[a-z0-9-]*:[0-9]{0,12}:[A-Za-z0-9:/._*+=,@-]{1,512}|tag:[^=\\u0000-\\u001f\\u007f]{1,128}=[^\\u0000-\\u001f\\u007f]{0,256})$";
/// One endpoint of several.
pub(crate) const ENDPOINT: &str = "^[A-Za-z0-9._-]{1,255}$";
/// A host name, or an IPv4 address, which has the same characters, or an IPv6 address.
pub(crate) const HOST: &str =
    "^(?:[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9._])?|[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*)$";
pub(crate) const VPC: &str = "^vpc-[0-9A-Za-z]{1,32}$";
pub(crate) const SUBNET: &str = "^subnet-[0-9A-Za-z]{1,32}$";
pub(crate) const ACCOUNT: &str = "^[0-9]{12}$";
/// It becomes part of host names, so little is let through.
pub(crate) const REGION: &str = "^[a-z]{2,8}(?:-[a-z]{1,16}){1,3}-[0-9]{1,2}$";
pub(crate) const PROFILE: &str = "^[^\\u0000-\\u001f\\u007f]{1,128}$";
pub(crate) const INSTANCE_TYPE: &str = "^[a-z][a-z0-9-]{0,31}\\.[a-z0-9-]{1,31}$";
/// A bastion of one's own.
pub(crate) const BASTION: &str = "^(?:m?i-[0-9A-Fa-f]{1,32}|tag:[^=\\u0000-\\u001f\\u007f]{1,128}=[^\\u0000-\\u001f\\u007f]{0,256}|ecs:[A-Za-z0-9_-]{1,255}/[A-Za-z0-9_-]{1,255}/[A-Za-z0-9_-]{1,255})$";
pub(crate) const BOUNDARY: &str =
    "^arn:aws[a-z-]*:iam::(?:aws|[0-9]{12}):policy/[A-Za-z0-9+=,.@_/-]{1,512}$";
/// Keys of tags; what begins with `aws:` belongs to AWS, with `adit:` to adit.
pub(crate) const TAG_KEY: &str = "^[^\\u0000-\\u001f\\u007f]{1,128}$";
pub(crate) const TAG_VALUE: &str = "^[^\\u0000-\\u001f\\u007f]{0,256}$";
/// A part of what jiff reads: hours, minutes and seconds.
pub(crate) const DURATION: &str = "^[0-9]+(?:h(?:[0-9]+m)?(?:[0-9]+s)?|m(?:[0-9]+s)?|s)$";
pub(crate) const PORTS: &str = "^(?:auto|[1-9][0-9]{0,4}-[1-9][0-9]{0,4})$";
pub(crate) const REASON: &str = "^[^\\u0000-\\u001f\\u007f]{1,256}$";
pub(crate) const MFA_SERIAL: &str =
    "^(?:auto|arn:aws[a-z-]*:iam::[0-9]{12}:mfa/[A-Za-z0-9+=,.@_/-]{1,512}|[A-Za-z0-9]{9,256})$";

/// Whether a text has the form of one of the patterns above.
pub(crate) fn fits(text: &str, pattern: &'static str) -> bool {
    COMPILED
        .iter()
        .find(|(known, _)| *known == pattern)
        .is_some_and(|(_, regex)| regex.is_match(text))
}

/// Every pattern, compiled once.
static COMPILED: LazyLock<Vec<(&'static str, Regex)>> = LazyLock::new(|| {
    let all = [
        NAME,
        ID,
        ENDPOINT,
        HOST,
        VPC,
        SUBNET,
        ACCOUNT,
        REGION,
        PROFILE,
        INSTANCE_TYPE,
        BASTION,
        BOUNDARY,
        TAG_KEY,
        TAG_VALUE,
        DURATION,
        PORTS,
        REASON,
        MFA_SERIAL,
    ];
    all.map(|pattern| (pattern, regex_of(&pattern.replace("\\u00", "\\x")))).into()
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_hosts_and_regions() {
        for good in
            ["orders-prod", "arn:aws:rds:eu-west-1:111122223333:db:orders", "tag:team=a b/c"]
        {
            assert!(fits(good, ID), "{good}");
        }
        for bad in ["", "a b", "a/b", "tag:", "tag:=x", "a\n", "tag:a=b\u{7f}", "../x"] {
            assert!(!fits(bad, ID), "{bad:?}");
        }
        for good in ["db", "10.0.0.1", "db.internal.", "fd00::1", "::ffff:10.0.0.1"] {
            assert!(fits(good, HOST), "{good}");
        }
        for bad in ["", "-a", "a b", "a/b", "u:p@h", "h:5432", &"a".repeat(254)] {
            assert!(!fits(bad, HOST), "{bad:?}");
        }
        for good in ["eu-west-1", "us-gov-east-1", "us-isob-east-1", "ap-southeast-14"] {
            assert!(fits(good, REGION), "{good}");
        }
        for bad in ["evil.example/", "eu-west", "EU-WEST-1", "eu-west-1.evil"] {
            assert!(!fits(bad, REGION), "{bad}");
        }
    }

    #[test]
    fn nothing_ends_with_a_line_break() {
        for (pattern, regex) in COMPILED.iter() {
            assert!(!regex.is_match("eu-west-1\n"), "{pattern}");
        }
    }
}
