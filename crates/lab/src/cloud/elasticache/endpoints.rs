//! Where caches listen.

use super::store::{Cluster, ReplicationGroup, Serverless, State};
use crate::cloud::ec2::Tags;
use crate::cloud::life;
use crate::cloud::state::Endpoint;

/// The part of host names that tells accounts apart.
const ACCOUNT_PART: &str = "c0ffee";

/// What host names call the region.
const REGION_PART: &str = "use1";

// The names, with and without encryption in transit, are those of
// https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/Endpoints.html

fn host(before: &str, between: &str) -> String {
    format!("{before}.{ACCOUNT_PART}.{between}{REGION_PART}.cache.amazonaws.com")
}

impl ReplicationGroup {
    /// Without cluster mode: where the primary is.
    pub(super) fn primary(&self) -> String {
        if self.tls { host(&format!("master.{}", self.id), "") } else { host(&self.id, "ng.0001.") }
    }

    /// Without cluster mode: where the replicas are.
    pub(super) fn reader(&self) -> String {
        if self.tls {
            host(&format!("replica.{}", self.id), "")
        } else {
            host(&format!("{}-ro", self.id), "ng.0001.")
        }
    }

    /// With cluster mode: where clients learn of the shards.
    pub(super) fn configuration(&self) -> String {
        if self.tls {
            host(&format!("clustercfg.{}", self.id), "")
        } else {
            host(&self.id, "clustercfg.")
        }
    }
}

impl Cluster {
    /// The host of a node, counted from 1.
    pub(super) fn node(&self, number: usize) -> String {
        match &self.replication_group {
            Some(group) if self.tls => host(&format!("{}.{group}", self.id), ""),
            _ => host(&self.id, &format!("{number:04}.")),
        }
    }

    /// Of memcached: where clients learn of the nodes.
    pub(super) fn configuration(&self) -> String {
        host(&self.id, "cfg.")
    }
}

impl Serverless {
    pub(super) fn host(&self) -> String {
        format!("{}-{ACCOUNT_PART}.serverless.{REGION_PART}.cache.amazonaws.com", self.name)
    }

    /// Where writers and where readers connect to.
    pub(super) fn ports(&self) -> [u16; 2] {
        if self.engine == "memcached" { [11_211, 11_212] } else { [6379, 6380] }
    }
}

/// Where clients of this service connect to.
pub(crate) fn endpoints(state: &State) -> Vec<Endpoint> {
    let mut endpoints = Vec::new();
    for one in state.clusters.values() {
        // A node of a replication group is found by the group's tags: the index is its place there.
        let group = one.replication_group.as_ref().and_then(|id| state.groups.get(id));
        let first = group.and_then(|group| group.members().position(|id| *id == one.id));
        let tags = group.map_or(&one.tags, |group| &group.tags);
        let at = |host, index| cluster_endpoint(state, one, host, tags, index);
        if one.engine == "memcached" {
            endpoints.push(at(one.configuration(), 0));
        }
        let nodes = (0..one.zones.len()).map(|n| at(one.node(n + 1), first.unwrap_or(0) + n));
        endpoints.extend(nodes);
    }
    for group in state.groups.values() {
        let Some(one) = group.members().find_map(|id| state.clusters.get(id)) else { continue };
        let hosts = if group.cluster_mode {
            vec![(group.configuration(), 0)]
        } else {
            vec![(group.primary(), 0), (group.reader(), 1)]
        };
        let at = |(host, index)| cluster_endpoint(state, one, host, &group.tags, index);
        endpoints.extend(hosts.into_iter().map(at));
    }
    for one in state.serverless.values() {
        let vpc = one.subnets.first().map(|place| place.vpc.clone()).unwrap_or_default();
        endpoints.extend(one.ports().into_iter().enumerate().map(|(index, port)| Endpoint {
            host: one.host(),
            port: Some(port),
            vpc: vpc.clone(),
            groups: one.groups.clone(),
            ip: None,
            address: life::address(&one.tags, index),
        }));
    }
    endpoints
}

fn cluster_endpoint(
    state: &State,
    one: &Cluster,
    host: String,
    tags: &Tags,
    index: usize,
) -> Endpoint {
    Endpoint {
        host,
        port: Some(one.port),
        vpc: state.vpc(&one.subnet_group),
        groups: one.groups.clone(),
        ip: None,
        address: life::address(tags, index),
    }
}
