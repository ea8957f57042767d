//! RDS Proxy: the databases behind it.

use super::checks::{id_of, page};
use super::clusters;
use super::instances;
use super::proxies;
use super::store::{Instance, ProxyTarget, State};
use crate::cloud::life::Phase;
use crate::cloud::{Call, CloudError, Element, Outcome, answer, list, node};
use crate::service::REGION;

pub(super) fn register(state: &mut State, call: &Call<'_>) -> Outcome {
    group(call)?;
    let mut targets = Vec::new();
    for id in call.params.texts("DBInstanceIdentifiers") {
        let id = id_of("db", &id);
        if !state.instances.contains_key(&id) {
            return Err(instances::missing(&id));
        }
        targets.push(ProxyTarget::Instance(id));
    }
    for id in call.params.texts("DBClusterIdentifiers") {
        let id = id_of("cluster", &id);
        if !state.clusters.contains_key(&id) {
            return Err(clusters::missing(&id));
        }
        targets.push(ProxyTarget::Cluster(id));
    }
    let proxy = proxies::find(state, call)?;
    if let Some(again) = targets.iter().find(|target| proxy.targets.contains(target)) {
        let (ProxyTarget::Instance(id) | ProxyTarget::Cluster(id)) = again;
        let message = format!("{id} is already registered with the proxy.");
        return Err(CloudError::refuse("DBProxyTargetAlreadyRegisteredFault", message));
    }
    proxy.targets.extend(targets.clone());
    let shown: Vec<_> = targets.iter().flat_map(|target| shown(state, target, call)).collect();
    Ok(answer().with(list("DBProxyTargets", shown)))
}

pub(super) fn describe(state: &mut State, call: &Call<'_>) -> Outcome {
    group(call)?;
    let targets = proxies::find(state, call)?.targets.clone();
    page(call, "Targets", targets.iter().flat_map(|target| shown(state, target, call)).collect())
}

/// Every proxy has one target group.
fn group(call: &Call<'_>) -> Result<(), CloudError> {
    match call.params.get("TargetGroupName") {
        None | Some("default") => Ok(()),
        Some(other) => {
            let message = format!("DBProxyTargetGroup {other} not found.");
            Err(CloudError::new(404, "DBProxyTargetGroupNotFoundFault", message))
        }
    }
}

/// A cluster is a target, and so is each of its instances.
fn shown(state: &State, target: &ProxyTarget, call: &Call<'_>) -> Vec<Element> {
    match target {
        ProxyTarget::Instance(id) => {
            let one = state.instances.get(id);
            one.map(|one| instance(one, None, "READ_WRITE", call)).into_iter().collect()
        }
        ProxyTarget::Cluster(id) => {
            let Some(cluster) = state.clusters.get(id) else { return Vec::new() };
            let tracked = node("member")
                .text("RdsResourceId", &cluster.id)
                .text("Port", cluster.port)
                .text("Type", "TRACKED_CLUSTER");
            let members = cluster.members.iter().filter_map(|id| state.instances.get(id));
            let members = members.enumerate().map(|(index, one)| {
                let role = if index == 0 { "READ_WRITE" } else { "READ_ONLY" };
                instance(one, Some(&cluster.id), role, call)
            });
            std::iter::once(tracked).chain(members).collect()
        }
    }
}

fn instance(one: &Instance, cluster: Option<&str>, role: &str, call: &Call<'_>) -> Element {
    let ready = one.life.phase(call.now()) == Some(Phase::Ready);
    node("member")
        .text("Endpoint", one.host(REGION))
        .maybe("TrackedClusterId", cluster)
        .text("RdsResourceId", &one.id)
        .text("Port", one.port)
        .text("Type", "RDS_INSTANCE")
        .text("Role", role)
        .with(node("TargetHealth").text("State", if ready { "AVAILABLE" } else { "REGISTERING" }))
}
