//! Which targets have been made reachable.

use std::collections::BTreeSet;

use super::Tags;
use crate::error::AwsError;
use crate::load::Aws;
use crate::network::describe_own_rules;
use crate::tags;

/// The targets that rules of adit let a bastion reach, written as
/// [`Target::resource`](crate::targets::Target::resource) does; in one call. Rules that others made
/// for the same are not seen.
pub async fn prepared(aws: &Aws) -> Result<BTreeSet<String>, AwsError> {
    let client = aws_sdk_ec2::Client::new(&aws.sdk);
    let rules = describe_own_rules(aws, &client, Vec::new()).await?;
    Ok(rules.iter().filter(|own| !own.is_egress).flat_map(|own| named(&own.rule.tags)).collect())
}

fn named(tags: &Tags) -> impl Iterator<Item = String> {
    tags::targets(tags).map(|(_, target)| target.to_owned())
}
