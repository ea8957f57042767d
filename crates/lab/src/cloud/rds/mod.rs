//! RDS: databases alone and in clusters, and proxies. As in the real one, the databases of Aurora,
//! `DocumentDB` and Neptune are in this API too.

mod checks;
mod cluster_endpoints;
mod clusters;
mod engine;
mod instances;
mod proxies;
mod proxy_endpoints;
mod proxy_targets;
mod store;
mod subnet_groups;
mod tags;

pub(crate) use store::State;

use super::state::Endpoint;
use super::{Call, Outcome};
use crate::service::REGION;

pub(crate) fn call(call: &Call<'_>) -> Outcome {
    let mut cloud = call.service.cloud();
    let super::State { ec2, rds: state, .. } = &mut *cloud;
    match call.operation {
        "CreateDBInstance" => instances::create(state, ec2, call),
        "DescribeDBInstances" => instances::describe(state, call),
        "ModifyDBInstance" => instances::modify(state, ec2, call),
        "DeleteDBInstance" => instances::delete(state, call),
        "CreateDBCluster" => clusters::create(state, ec2, call),
        "DescribeDBClusters" => clusters::describe(state, call),
        "ModifyDBCluster" => clusters::modify(state, ec2, call),
        "DeleteDBCluster" => clusters::delete(state, call),
        "CreateDBClusterEndpoint" => cluster_endpoints::create(state, call),
        "DescribeDBClusterEndpoints" => cluster_endpoints::describe(state, call),
        "DeleteDBClusterEndpoint" => cluster_endpoints::delete(state, call),
        "CreateDBSubnetGroup" => subnet_groups::create(state, ec2, call),
        "DescribeDBSubnetGroups" => subnet_groups::describe(state, call),
        "DeleteDBSubnetGroup" => subnet_groups::delete(state, call),
        "CreateDBProxy" => proxies::create(state, ec2, call),
        "DescribeDBProxies" => proxies::describe(state, call),
        "DeleteDBProxy" => proxies::delete(state, call),
        "CreateDBProxyEndpoint" => proxy_endpoints::create(state, ec2, call),
        "DescribeDBProxyEndpoints" => proxy_endpoints::describe(state, call),
        "DeleteDBProxyEndpoint" => proxy_endpoints::delete(state, call),
        "RegisterDBProxyTargets" => proxy_targets::register(state, call),
        "DescribeDBProxyTargets" => proxy_targets::describe(state, call),
        "AddTagsToResource" => tags::add(state, call),
        "RemoveTagsFromResource" => tags::remove(state, call),
        "ListTagsForResource" => tags::list_all(state, call),
        _ => Err(call.unknown()),
    }
}

/// Where clients of this service connect to.
pub(crate) fn endpoints(state: &State) -> Vec<Endpoint> {
    state.endpoints(REGION)
}
