//! Redshift: provisioned clusters and their subnet groups.

mod clusters;
mod subnet_groups;

use std::collections::BTreeMap;
use std::time::Duration;

use clusters::Cluster;
use subnet_groups::SubnetGroup;

use super::ec2::Tags;
use super::life;
use super::state::Endpoint;
use super::{Call, CloudError, Element, Outcome, Params, list, node};

#[derive(Debug, Default)]
pub(crate) struct State {
    clusters: BTreeMap<String, Cluster>,
    subnet_groups: BTreeMap<String, SubnetGroup>,
}

pub(crate) fn call(call: &Call<'_>) -> Outcome {
    let mut cloud = call.service.cloud();
    let super::State { ec2, redshift: state, .. } = &mut *cloud;
    match call.operation {
        "CreateCluster" => clusters::create(state, ec2, call),
        "DescribeClusters" => clusters::describe(state, call),
        "DeleteCluster" => clusters::delete(state, call),
        "CreateClusterSubnetGroup" => subnet_groups::create(state, ec2, call),
        "DescribeClusterSubnetGroups" => subnet_groups::describe(state, call),
        "DeleteClusterSubnetGroup" => subnet_groups::delete(state, call),
        _ => Err(call.unknown()),
    }
}

impl State {
    pub(crate) fn sweep(&mut self, now: Duration) {
        self.clusters.retain(|_, one| one.life.phase(now).is_some());
    }

    fn vpc(&self, subnet_group: &str) -> String {
        self.subnet_groups.get(subnet_group).map(|group| group.vpc.clone()).unwrap_or_default()
    }
}

/// Where clients of this service connect to.
pub(crate) fn endpoints(state: &State) -> Vec<Endpoint> {
    state
        .clusters
        .values()
        .map(|one| Endpoint {
            host: one.host(),
            port: Some(one.port),
            vpc: state.vpc(&one.subnet_group),
            groups: one.groups.clone(),
            ip: None,
            address: life::address(&one.tags, 0),
        })
        .collect()
}

/// A name for something new, in small letters.
fn identifier(params: &Params, member: &str, most: usize) -> Result<String, CloudError> {
    let id = params.required(member)?;
    let letters = id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let starts = id.starts_with(|first: char| first.is_ascii_alphabetic());
    if letters && starts && id.len() <= most && !id.ends_with('-') && !id.contains("--") {
        return Ok(id.to_ascii_lowercase());
    }
    let message = format!("The parameter {member} is not a valid identifier.");
    Err(CloudError::refuse("InvalidParameterValue", message))
}

fn tag_list(tags: &Tags) -> Element {
    let tag = |(key, value)| node("Tag").text("Key", key).text("Value", value);
    list("Tags", tags.iter().map(tag))
}

/// Whether the tags have one of the keys and one of the values that a call asks for.
fn tagged(tags: &Tags, params: &Params) -> bool {
    let (keys, values) = (params.texts("TagKeys"), params.texts("TagValues"));
    (keys.is_empty() || keys.iter().any(|key| tags.contains_key(key)))
        && (values.is_empty() || tags.values().any(|value| values.contains(value)))
}
