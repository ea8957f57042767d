//! RDS Proxy: endpoints beside the default one.

use super::checks::{arn, groups, identifier, invalid, page, subnets, tags};
use super::proxies::{self, members, status};
use super::store::{Proxy, ProxyEndpoint, State};
use crate::cloud::life::Life;
use crate::cloud::state::iso;
use crate::cloud::{Call, CloudError, Element, Outcome, answer, ec2, node};
use crate::service::REGION;

pub(super) fn create(state: &mut State, ec2: &ec2::State, call: &Call<'_>) -> Outcome {
    let params = call.params;
    let name = identifier(params, "DBProxyEndpointName")?;
    let proxy = proxies::find(state, call)?.clone();
    let role = params.get("TargetRole").unwrap_or("READ_WRITE");
    if !matches!(role, "READ_WRITE" | "READ_ONLY") {
        return Err(invalid(format!("Invalid target role: {role}")));
    }
    let (vpc, subnets) = subnets(ec2, call, "VpcSubnetIds")?;
    if state.proxy_endpoints.contains_key(&name) {
        let message = format!("DB Proxy Endpoint {name} already exists.");
        return Err(CloudError::refuse("DBProxyEndpointAlreadyExistsFault", message));
    }
    let endpoint = ProxyEndpoint {
        name: name.clone(),
        id: format!("prx-endpoint-0{}", call.service.entropy.hex(16)),
        proxy: proxy.name,
        role: role.to_owned(),
        groups: groups(ec2, call, &vpc)?,
        vpc,
        subnets: subnets.into_iter().map(|place| place.subnet).collect(),
        born: call.born(),
        life: Life::new(call.now(), call.service.faults.cloud.boot()),
        tags: tags(params)?,
    };
    let shown = shown("DBProxyEndpoint", &endpoint, call);
    state.proxy_endpoints.insert(name, endpoint);
    Ok(answer().with(shown))
}

fn missing(name: &str) -> CloudError {
    let message = format!("DBProxyEndpoint {name} not found.");
    CloudError::new(404, "DBProxyEndpointNotFoundFault", message)
}

pub(super) fn describe(state: &State, call: &Call<'_>) -> Outcome {
    let params = call.params;
    super::checks::filters(params, &[])?;
    let proxy = params.get("DBProxyName").map(str::to_ascii_lowercase);
    if let Some(name) = proxy.as_ref().filter(|name| !state.proxies.contains_key(*name)) {
        return Err(proxies::missing(name));
    }
    let named = params.get("DBProxyEndpointName").map(str::to_ascii_lowercase);
    let known = |name: &String| {
        state.proxy_endpoints.contains_key(name) || state.proxies.contains_key(name)
    };
    if let Some(name) = named.as_ref().filter(|name| !known(name)) {
        return Err(missing(name));
    }
    let mut shown_ones = Vec::new();
    let wanted = |one: &&Proxy| proxy.as_ref().is_none_or(|name| *name == one.name);
    for one in state.proxies.values().filter(wanted) {
        // The default endpoint is called as its proxy is.
        if named.as_ref().is_none_or(|name| *name == one.name) {
            shown_ones.push(default_of(one, call));
        }
        let others = state.proxy_endpoints.values().filter(|other| {
            other.proxy == one.name && named.as_ref().is_none_or(|name| *name == other.name)
        });
        shown_ones.extend(others.map(|other| shown("member", other, call)));
    }
    page(call, "DBProxyEndpoints", shown_ones)
}

pub(super) fn delete(state: &mut State, call: &Call<'_>) -> Outcome {
    let name = call.params.required("DBProxyEndpointName")?.to_ascii_lowercase();
    let endpoint = state.proxy_endpoints.get_mut(&name).ok_or_else(|| missing(&name))?;
    endpoint.life.end(call.now(), call.service.faults.cloud.boot());
    Ok(answer().with(shown("DBProxyEndpoint", endpoint, call)))
}

fn default_of(one: &Proxy, call: &Call<'_>) -> Element {
    node("member")
        .text("DBProxyEndpointName", &one.name)
        .text("DBProxyEndpointArn", arn("db-proxy-endpoint", &one.id))
        .text("DBProxyName", &one.name)
        .text("Status", status(one.life, call))
        .text("VpcId", &one.vpc)
        .with(members("VpcSecurityGroupIds", &one.groups))
        .with(members("VpcSubnetIds", &one.subnets))
        .text("Endpoint", one.host(REGION))
        .text("CreatedDate", iso(one.born.unix))
        .text("TargetRole", "READ_WRITE")
        .text("IsDefault", true)
}

fn shown(name: &'static str, one: &ProxyEndpoint, call: &Call<'_>) -> Element {
    node(name)
        .text("DBProxyEndpointName", &one.name)
        .text("DBProxyEndpointArn", arn("db-proxy-endpoint", &one.id))
        .text("DBProxyName", &one.proxy)
        .text("Status", status(one.life, call))
        .text("VpcId", &one.vpc)
        .with(members("VpcSecurityGroupIds", &one.groups))
        .with(members("VpcSubnetIds", &one.subnets))
        .text("Endpoint", one.host(REGION))
        .text("CreatedDate", iso(one.born.unix))
        .text("TargetRole", &one.role)
        .text("IsDefault", false)
}
