//! RDS Proxy: proxies themselves.

use super::checks::{arn, groups, identifier, invalid, page, subnets, tags};
use super::store::{Family, Proxy, State};
use crate::cloud::life::{Life, Phase};
use crate::cloud::state::iso;
use crate::cloud::{Call, CloudError, Element, Outcome, answer, ec2, el, list, node};
use crate::service::REGION;

pub(super) fn create(state: &mut State, ec2: &ec2::State, call: &Call<'_>) -> Outcome {
    let params = call.params;
    let name = identifier(params, "DBProxyName")?;
    let family = params.required("EngineFamily")?;
    let family =
        Family::parse(family).ok_or_else(|| invalid(format!("Invalid engine family: {family}")))?;
    let role = params.required("RoleArn")?.to_owned();
    if params.list("Auth").is_empty() && params.get("DefaultAuthScheme") != Some("IAM_AUTH") {
        return Err(invalid("The request must contain the parameter Auth"));
    }
    let (vpc, subnets) = subnets(ec2, call, "VpcSubnetIds")?;
    if state.proxies.contains_key(&name) {
        let message = format!("DB Proxy {name} already exists.");
        return Err(CloudError::refuse("DBProxyAlreadyExistsFault", message));
    }
    let proxy = Proxy {
        name: name.clone(),
        id: format!("prx-0{}", call.service.entropy.hex(16)),
        family,
        groups: groups(ec2, call, &vpc)?,
        vpc,
        subnets: subnets.into_iter().map(|place| place.subnet).collect(),
        role,
        tls: params.flag("RequireTLS")?,
        born: call.born(),
        life: Life::new(call.now(), call.service.faults.cloud.boot()),
        targets: Vec::new(),
        tags: tags(params)?,
    };
    let shown = shown("DBProxy", &proxy, call);
    state.proxies.insert(name, proxy);
    Ok(answer().with(shown))
}

pub(super) fn missing(name: &str) -> CloudError {
    CloudError::new(404, "DBProxyNotFoundFault", format!("DBProxy {name} not found."))
}

pub(super) fn find<'a>(state: &'a mut State, call: &Call<'_>) -> Result<&'a mut Proxy, CloudError> {
    let name = call.params.required("DBProxyName")?.to_ascii_lowercase();
    state.proxies.get_mut(&name).ok_or_else(|| missing(&name))
}

pub(super) fn describe(state: &State, call: &Call<'_>) -> Outcome {
    // The API takes filters and says that it supports none.
    super::checks::filters(call.params, &[])?;
    let named = call.params.get("DBProxyName").map(str::to_ascii_lowercase);
    if let Some(name) = named.as_ref().filter(|name| !state.proxies.contains_key(*name)) {
        return Err(missing(name));
    }
    let wanted = |one: &&Proxy| named.as_ref().is_none_or(|name| *name == one.name);
    let proxies = state.proxies.values().filter(wanted);
    page(call, "DBProxies", proxies.map(|one| shown("member", one, call)).collect())
}

pub(super) fn delete(state: &mut State, call: &Call<'_>) -> Outcome {
    let (now, takes) = (call.now(), call.service.faults.cloud.boot());
    let proxy = find(state, call)?;
    proxy.life.end(now, takes);
    Ok(answer().with(shown("DBProxy", proxy, call)))
}

pub(super) fn status(life: Life, call: &Call<'_>) -> &'static str {
    match life.phase(call.now()) {
        Some(Phase::Creating) => "creating",
        Some(Phase::Ready) => "available",
        Some(Phase::Deleting) | None => "deleting",
    }
}

pub(super) fn members(name: &'static str, texts: &[String]) -> Element {
    list(name, texts.iter().map(|text| el("member", text)))
}

/// A proxy as the API shows it: without a port, and without its tags.
fn shown(name: &'static str, one: &Proxy, call: &Call<'_>) -> Element {
    node(name)
        .text("DBProxyName", &one.name)
        .text("DBProxyArn", arn("db-proxy", &one.id))
        .text("Status", status(one.life, call))
        .text("EngineFamily", one.family.as_str())
        .text("VpcId", &one.vpc)
        .with(members("VpcSecurityGroupIds", &one.groups))
        .with(members("VpcSubnetIds", &one.subnets))
        .with(node("Auth"))
        .text("RoleArn", &one.role)
        .text("Endpoint", one.host(REGION))
        .text("RequireTLS", one.tls)
        .text("IdleClientTimeout", 1800)
        .text("DebugLogging", false)
        .text("CreatedDate", iso(one.born.unix))
        .text("UpdatedDate", iso(one.born.unix))
}
