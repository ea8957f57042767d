//! `ElastiCache`: cache clusters, replication groups and serverless caches.

mod checks;
mod clusters;
mod endpoints;
mod replication_groups;
mod serverless;
mod store;
mod subnet_groups;
mod tags;

pub(crate) use endpoints::endpoints;
pub(crate) use store::State;

use super::{Call, Outcome};

pub(crate) fn call(call: &Call<'_>) -> Outcome {
    let mut cloud = call.service.cloud();
    let super::State { ec2, elasticache: state, .. } = &mut *cloud;
    match call.operation {
        "CreateCacheCluster" => clusters::create(state, ec2, call),
        "DescribeCacheClusters" => clusters::describe(state, call),
        "ModifyCacheCluster" => clusters::modify(state, ec2, call),
        "DeleteCacheCluster" => clusters::delete(state, call),
        "CreateReplicationGroup" => replication_groups::create(state, ec2, call),
        "DescribeReplicationGroups" => replication_groups::describe(state, call),
        "ModifyReplicationGroup" => replication_groups::modify(state, ec2, call),
        "DeleteReplicationGroup" => replication_groups::delete(state, call),
        "CreateServerlessCache" => serverless::create(state, ec2, call),
        "DescribeServerlessCaches" => serverless::describe(state, call),
        "DeleteServerlessCache" => serverless::delete(state, call),
        "CreateCacheSubnetGroup" => subnet_groups::create(state, ec2, call),
        "DescribeCacheSubnetGroups" => subnet_groups::describe(state, call),
        "DeleteCacheSubnetGroup" => subnet_groups::delete(state, call),
        "AddTagsToResource" => tags::add(state, call),
        "RemoveTagsFromResource" => tags::remove(state, call),
        "ListTagsForResource" => tags::list_all(state, call),
        _ => Err(call.unknown()),
    }
}
