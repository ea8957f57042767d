//! The tags by which adit knows what it made.

use std::collections::BTreeMap;

/// Tags by key.
pub type Tags = BTreeMap<String, String>;

/// What a resource is for, in the tag [`PURPOSE`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Purpose {
    Bastion,
    Role,
    Profile,
    Group,
    TargetAccess,
    Egress,
    Endpoint,
    EndpointGroup,
}

impl Purpose {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Bastion => "bastion",
            Self::Role => "bastion-role",
            Self::Profile => "bastion-profile",
            Self::Group => "bastion-group",
            Self::TargetAccess => "target-access",
            Self::Egress => "bastion-egress",
            Self::Endpoint => "endpoint",
            Self::EndpointGroup => "endpoint-group",
        }
    }
}

/// What the resource is for: the tag by which resources are looked for. Whoever may set tags can set
/// it, so what has it is adit's only with further evidence.
pub(crate) const PURPOSE: &str = "adit:purpose";
/// The VPC that the resource serves.
pub(crate) const VPC: &str = "adit:vpc";
/// The region that the resource serves: roles and profiles are the whole account's.
pub(crate) const REGION: &str = "adit:region";
/// The ARN of who made it.
pub(crate) const OWNER: &str = "adit:owner";
/// The version of this scheme of tags.
pub(crate) const VERSION: &str = "adit:version";
/// The target that a rule is for. Further ones of the same rule: `adit:target-2` and so on.
pub(crate) const TARGET: &str = "adit:target";
/// What the console shows.
pub(crate) const NAME: &str = "Name";

const SCHEME: &str = "1";
const DEFAULT_NAME: &str = "adit-bastion";

/// What a resource takes: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html>.
pub(crate) const TAGS_MAX: usize = 50;

/// How many of them the user can set:
/// ours are at most eight, the rest of ten is room for further targets of a rule.
pub(crate) const USER_TAGS_MAX: usize = 40;

/// The longest key and value: <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html>.
pub(crate) const KEY_MAX: usize = 128;
pub(crate) const VALUE_MAX: usize = 256;

/// Whether IAM takes this character in a tag; EC2 takes more.
pub(crate) fn is_allowed(c: char) -> bool {
    c.is_alphanumeric() || c == ' ' || "_.:/=+-@".contains(c)
}

/// The tags of something new: the user's, then ours, which nobody overrides except `Name`.
pub(crate) fn new(purpose: Purpose, vpc: &str, owner: &str, users: &Tags) -> Tags {
    let mut tags = users.clone();
    tags.entry(NAME.to_owned()).or_insert_with(|| DEFAULT_NAME.to_owned());
    let mut set = |key: &str, value: &str| tags.insert(key.to_owned(), value.to_owned());
    set(PURPOSE, purpose.as_str());
    set(VPC, vpc);
    set(OWNER, &clean(owner));
    set(VERSION, SCHEME);
    tags
}

/// The value by which a rule names a target.
pub(crate) fn target_value(resource: &str) -> String {
    clean(resource)
}

/// What a tag takes of `text`: session names may hold characters that tags may not.
fn clean(text: &str) -> String {
    let fit = |c| if is_allowed(c) { c } else { '_' };
    text.chars().map(fit).take(VALUE_MAX).collect()
}

/// Whether adit made what has these tags, for this purpose.
pub(crate) fn is(tags: &Tags, purpose: Purpose) -> bool {
    tags.get(PURPOSE).is_some_and(|value| value == purpose.as_str())
}

/// The same, and for this VPC.
pub(crate) fn is_of(tags: &Tags, purpose: Purpose, vpc: &str) -> bool {
    is(tags, purpose) && tags.get(VPC).is_some_and(|value| value == vpc)
}

/// The keys under which a rule names its targets, with their targets.
pub(crate) fn targets(tags: &Tags) -> impl Iterator<Item = (&str, &str)> {
    tags.iter()
        .filter(|(key, _)| is_target_key(key))
        .map(|(key, value)| (key.as_str(), value.as_str()))
}

fn is_target_key(key: &str) -> bool {
    match key.strip_prefix(TARGET) {
        Some("") => true,
        Some(rest) => rest.strip_prefix('-').is_some_and(|n| n.parse::<u16>().is_ok()),
        None => false,
    }
}

/// The key for one more target of a rule with these tags.
pub(crate) fn next_target_key(tags: &Tags) -> String {
    let mut key = TARGET.to_owned();
    let mut number = 2_u16;
    while tags.contains_key(&key) {
        key = format!("{TARGET}-{number}");
        number += 1;
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(pairs: &[(&str, &str)]) -> Tags {
        pairs.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect()
    }

    #[test]
    fn users_name_their_resources_but_do_not_unmark_them() {
        let users = tags(&[("Name", "jump"), ("team", "data"), (PURPOSE, "mine")]);
        let owner = "arn:aws:sts::111122223333:assumed-role/Dev/ann,lee";
        let made = new(Purpose::Group, "vpc-1", owner, &users);
        assert_eq!(made["Name"], "jump");
        assert_eq!(made["team"], "data");
        assert_eq!(made[OWNER], "arn:aws:sts::111122223333:assumed-role/Dev/ann_lee");
        assert!(is_of(&made, Purpose::Group, "vpc-1"));
        assert!(!is_of(&made, Purpose::Group, "vpc-2"));
        assert!(!is(&made, Purpose::Bastion));
    }

    #[test]
    fn a_rule_names_as_many_targets_as_use_it() {
        let mut rule = tags(&[("adit:targets", "not one"), ("adit:target-x", "neither")]);
        for target in ["rds:orders", "rds:users", "host:db.example:5432@vpc-1"] {
            let key = next_target_key(&rule);
            rule.insert(key, target.to_owned());
        }
        let named: Vec<_> = targets(&rule).collect();
        assert_eq!(
            named,
            [
                ("adit:target", "rds:orders"),
                ("adit:target-2", "rds:users"),
                ("adit:target-3", "host:db.example:5432@vpc-1"),
            ]
        );
        rule.remove("adit:target-2");
        assert_eq!(next_target_key(&rule), "adit:target-2");
    }
}
