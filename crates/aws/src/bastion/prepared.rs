//! Which targets can be reached: what security groups let through, whoever said so.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::Filter;

use super::Bastion;
use crate::error::AwsError;
use crate::load::Aws;
use crate::network::{Group, Peer, describe_groups, describe_own_rules};
use crate::tags;
use crate::targets::is_same;

/// The groups of bastions, and those that let one of them in.
#[derive(Debug, Clone, Default)]
pub struct Prepared {
    groups: Vec<Group>,
}

/// Looks at the groups of these bastions and at those that let them in, in two calls at once.
pub async fn prepared(aws: &Aws, bastions: &[Bastion]) -> Result<Prepared, AwsError> {
    /// As many values as a filter takes.
    const MOST: usize = 200;
    let ids: BTreeSet<&String> = bastions.iter().flat_map(|bastion| &bastion.groups).collect();
    let ids: Vec<String> = ids.into_iter().cloned().collect();
    let client = Client::new(&aws.sdk);
    let mut prepared = Prepared::default();
    for ids in ids.chunks(MOST) {
        let with = |name: &str| {
            let filter = Filter::builder().name(name).set_values(Some(ids.to_vec())).build();
            Box::pin(describe_groups(aws, &client, vec![filter]))
        };
        let (own, others) = tokio::try_join!(with("group-id"), with("ip-permission.group-id"))?;
        prepared.groups.extend(own.into_iter().chain(others));
    }
    Ok(prepared)
}

impl Prepared {
    /// Whether rules let the bastion out, and let it in to one of these groups, at a port; without
    /// one, at any port.
    pub fn reaches(&self, bastion: &Bastion, groups: &[String], port: Option<u16>) -> bool {
        let lets_out = |port| {
            let own = self.groups.iter().filter(|group| bastion.groups.contains(&group.id));
            own.flat_map(|group| &group.egress).any(|rule| rule.covers(port, &rule.peer))
        };
        let mut ways_in = self
            .groups
            .iter()
            .filter(|group| groups.contains(&group.id))
            .flat_map(|group| &group.ingress)
            .filter(
                |rule| matches!(&rule.peer, Peer::Group(from) if bastion.groups.contains(from)),
            );
        match port {
            Some(port) => lets_out(port) && ways_in.any(|rule| rule.covers(port, &rule.peer)),
            None => ways_in.any(|rule| match rule.ports {
                Some((first, last)) => {
                    // The ends of a range do for what rules of adit and of people look like.
                    [first, last]
                        .iter()
                        .any(|port| rule.covers(*port, &rule.peer) && lets_out(*port))
                }
                None => rule.covers(1, &rule.peer),
            }),
        }
    }
}

/// At which ports rules of adit let bastions reach targets.
#[derive(Debug, Clone, Default)]
pub struct Opened(BTreeMap<String, BTreeSet<u16>>);

/// Looks at the rules that adit made for targets, in one call. Rules that others made for the same
/// are not seen.
pub async fn opened(aws: &Aws) -> Result<Opened, AwsError> {
    let client = Client::new(&aws.sdk);
    let mut opened = Opened::default();
    for own in Box::pin(describe_own_rules(aws, &client, Vec::new())).await? {
        let Some((port, _)) = own.rule.ports else { continue };
        for (_, target) in tags::targets(&own.rule.tags) {
            opened.0.entry(target.to_owned()).or_default().insert(port);
        }
    }
    Ok(opened)
}

impl Opened {
    /// The ports at which a target, written as
    /// [`Target::resource`](crate::targets::Target::resource) does, was made reachable; `None`
    /// where it was not.
    pub fn ports(&self, resource: &str) -> Option<&BTreeSet<u16>> {
        let named = tags::target_value(resource);
        self.0.iter().find(|(target, _)| is_same(target, &named)).map(|(_, ports)| ports)
    }
}

#[cfg(test)]
mod tests;
