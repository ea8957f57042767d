//! Tags of whatever has an ARN.

use super::checks::{arn, tag_list, tags};
use super::store::State;
use crate::cloud::ec2::Tags;
use crate::cloud::{Call, CloudError, Outcome, answer};

fn find<'a>(state: &'a mut State, call: &Call<'_>) -> Result<&'a mut Tags, CloudError> {
    let name = call.params.required("ResourceName")?;
    let refuse = |code, message: String| CloudError::new(404, code, message);
    let rest = |kind: &str| name.strip_prefix(&arn(kind, "")).map(str::to_owned);
    if let Some(id) = rest("cluster") {
        let found = state.clusters.get_mut(&id).map(|one| &mut one.tags);
        let message = format!("CacheCluster not found: {id}");
        return found.ok_or_else(|| refuse("CacheClusterNotFound", message));
    }
    if let Some(id) = rest("replicationgroup") {
        let found = state.groups.get_mut(&id).map(|one| &mut one.tags);
        let message = format!("ReplicationGroup {id} not found.");
        return found.ok_or_else(|| refuse("ReplicationGroupNotFoundFault", message));
    }
    if let Some(id) = rest("serverlesscache") {
        let found = state.serverless.get_mut(&id).map(|one| &mut one.tags);
        let message = format!("Serverless Cache {id} not found");
        return found.ok_or_else(|| refuse("ServerlessCacheNotFoundFault", message));
    }
    if let Some(id) = rest("subnetgroup") {
        let found = state.subnet_groups.get_mut(&id).map(|one| &mut one.tags);
        return found.ok_or_else(|| super::subnet_groups::missing(&id));
    }
    Err(CloudError::refuse("InvalidARN", format!("Invalid ARN: {name}")))
}

pub(super) fn add(state: &mut State, call: &Call<'_>) -> Outcome {
    let new = tags(call.params)?;
    let tags = find(state, call)?;
    tags.extend(new);
    Ok(answer().with(tag_list(tags)))
}

pub(super) fn remove(state: &mut State, call: &Call<'_>) -> Outcome {
    let tags = find(state, call)?;
    for key in call.params.texts("TagKeys") {
        tags.remove(&key);
    }
    Ok(answer().with(tag_list(tags)))
}

pub(super) fn list_all(state: &mut State, call: &Call<'_>) -> Outcome {
    let tags = find(state, call)?;
    Ok(answer().with(tag_list(tags)))
}
