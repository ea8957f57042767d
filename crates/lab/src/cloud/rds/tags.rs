//! Tags of whatever has an ARN.

use super::checks::{invalid, tag_list, tags};
use super::store::State;
use super::{clusters, instances, proxies, subnet_groups};
use crate::cloud::ec2::Tags;
use crate::cloud::{Call, CloudError, Outcome, answer};
use crate::service::{ACCOUNT, REGION};

fn find<'a>(state: &'a mut State, call: &Call<'_>) -> Result<&'a mut Tags, CloudError> {
    let name = call.params.required("ResourceName")?;
    let start = format!("arn:aws:rds:{REGION}:{ACCOUNT}:");
    let rest = name.strip_prefix(&start).and_then(|rest| rest.split_once(':'));
    let Some((kind, id)) = rest else {
        return Err(invalid(format!("Invalid resource name: {name}")));
    };
    let State { instances, clusters, subnet_groups, endpoints, proxies, proxy_endpoints } = state;
    match kind {
        "db" => {
            instances.get_mut(id).map(|one| &mut one.tags).ok_or_else(|| instances::missing(id))
        }
        "cluster" => {
            clusters.get_mut(id).map(|one| &mut one.tags).ok_or_else(|| clusters::missing(id))
        }
        "subgrp" => subnet_groups
            .get_mut(id)
            .map(|one| &mut one.tags)
            .ok_or_else(|| subnet_groups::missing(id)),
        "cluster-endpoint" => {
            endpoints.get_mut(id).map(|one| &mut one.tags).ok_or_else(|| clusters::missing(id))
        }
        "db-proxy" => proxies
            .values_mut()
            .find(|one| one.id == id)
            .map(|one| &mut one.tags)
            .ok_or_else(|| proxies::missing(id)),
        "db-proxy-endpoint" => proxy_endpoints
            .values_mut()
            .find(|one| one.id == id)
            .map(|one| &mut one.tags)
            .ok_or_else(|| proxies::missing(id)),
        _ => Err(invalid(format!("Invalid resource name: {name}"))),
    }
}

pub(super) fn add(state: &mut State, call: &Call<'_>) -> Outcome {
    let new = tags(call.params)?;
    find(state, call)?.extend(new);
    Ok(answer())
}

pub(super) fn remove(state: &mut State, call: &Call<'_>) -> Outcome {
    let tags = find(state, call)?;
    for key in call.params.texts("TagKeys") {
        tags.remove(&key);
    }
    Ok(answer())
}

pub(super) fn list_all(state: &mut State, call: &Call<'_>) -> Outcome {
    let tags = find(state, call)?;
    Ok(answer().with(tag_list(tags)))
}
