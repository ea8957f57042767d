use std::collections::BTreeMap;
use std::time::Duration;

use crate::cloud::ec2::Tags;
use crate::cloud::life::{Life, Phase};
use crate::cloud::place::Place;
use crate::cloud::state::Born;

/// What `ElastiCache` holds of the region.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(super) clusters: BTreeMap<String, Cluster>,
    pub(super) groups: BTreeMap<String, ReplicationGroup>,
    pub(super) serverless: BTreeMap<String, Serverless>,
    pub(super) subnet_groups: BTreeMap<String, SubnetGroup>,
}

/// A cache cluster: by itself, or a node of a replication group.
#[derive(Clone, Debug)]
pub(super) struct Cluster {
    pub(super) id: String,
    pub(super) engine: String,
    pub(super) version: String,
    pub(super) class: String,
    /// The zones of its nodes.
    pub(super) zones: Vec<String>,
    pub(super) port: u16,
    pub(super) groups: Vec<String>,
    pub(super) subnet_group: String,
    pub(super) replication_group: Option<String>,
    pub(super) tls: bool,
    pub(super) born: Born,
    pub(super) life: Life,
    pub(super) tags: Tags,
}

/// A replication group. Its groups and subnets are those of its clusters: neither the API nor
/// this has them here.
#[derive(Clone, Debug)]
pub(super) struct ReplicationGroup {
    pub(super) id: String,
    pub(super) description: String,
    pub(super) engine: String,
    pub(super) class: String,
    pub(super) cluster_mode: bool,
    /// Clusters of each shard, the primary first.
    pub(super) shards: Vec<Vec<String>>,
    pub(super) port: u16,
    pub(super) tls: bool,
    pub(super) auth: bool,
    pub(super) failover: bool,
    pub(super) multi_az: bool,
    pub(super) born: Born,
    pub(super) life: Life,
    pub(super) tags: Tags,
}

#[derive(Clone, Debug)]
pub(super) struct Serverless {
    pub(super) name: String,
    pub(super) description: String,
    pub(super) engine: String,
    pub(super) version: String,
    pub(super) groups: Vec<String>,
    pub(super) subnets: Vec<Place>,
    pub(super) born: Born,
    pub(super) life: Life,
    pub(super) tags: Tags,
}

#[derive(Clone, Debug)]
pub(super) struct SubnetGroup {
    pub(super) name: String,
    pub(super) description: String,
    pub(super) vpc: String,
    pub(super) subnets: Vec<Place>,
    pub(super) tags: Tags,
}

impl ReplicationGroup {
    pub(super) fn members(&self) -> impl Iterator<Item = &String> {
        self.shards.iter().flatten()
    }
}

/// A status as this service words it.
pub(super) fn status(life: Life, now: Duration) -> &'static str {
    match life.phase(now) {
        Some(Phase::Creating) => "creating",
        Some(Phase::Ready) => "available",
        Some(Phase::Deleting) | None => "deleting",
    }
}

impl State {
    /// Drops what is gone.
    pub(crate) fn sweep(&mut self, now: Duration) {
        let there = |life: Life| life.phase(now).is_some();
        self.clusters.retain(|_, one| there(one.life));
        self.groups.retain(|_, one| there(one.life));
        self.serverless.retain(|_, one| there(one.life));
    }

    pub(super) fn vpc(&self, subnet_group: &str) -> String {
        self.subnet_groups.get(subnet_group).map(|group| group.vpc.clone()).unwrap_or_default()
    }
}
