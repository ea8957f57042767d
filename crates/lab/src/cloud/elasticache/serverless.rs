//! Serverless caches.

use super::checks::{address, arn, engine, groups, identifier, invalid, subnets, tags};
use super::store::{Serverless, State, status};
use crate::cloud::life::Life;
use crate::cloud::protocol::Page;
use crate::cloud::state::iso;
use crate::cloud::{Call, CloudError, Element, Outcome, answer, ec2, el, list, node, place};

/// What a listing gives unless told otherwise, and at most.
const PAGE: (usize, usize) = (50, 100);

pub(super) fn create(state: &mut State, ec2: &ec2::State, call: &Call<'_>) -> Outcome {
    let params = call.params;
    let name = identifier(params, "ServerlessCacheName", 40)?;
    let (engine, _, version) = engine(params.required("Engine")?)?;
    let (vpc, subnets) = if params.has("SubnetIds") {
        subnets(ec2, call, "SubnetIds")?
    } else {
        let places: Vec<_> = place::default_places(ec2).into_iter().take(3).collect();
        let vpc = places.first().map(|place| place.vpc.clone());
        let message = "There is no default VPC: SubnetIds must be provided.";
        (vpc.ok_or_else(|| invalid(message))?, places)
    };
    if state.serverless.contains_key(&name) {
        let message = format!("Serverless cache {name} already exists.");
        return Err(CloudError::refuse("ServerlessCacheAlreadyExistsFault", message));
    }
    let major = version.split('.').next().unwrap_or_default();
    let one = Serverless {
        name: name.clone(),
        description: params.get("Description").unwrap_or(" ").to_owned(),
        engine: engine.to_owned(),
        version: params.get("MajorEngineVersion").unwrap_or(major).to_owned(),
        groups: groups(ec2, call, &vpc)?,
        subnets,
        born: call.born(),
        life: Life::new(call.now(), call.service.faults.cloud.boot()),
        tags: tags(params)?,
    };
    let shown = shown("ServerlessCache", &one, call);
    state.serverless.insert(name, one);
    Ok(answer().with(shown))
}

fn missing(name: &str) -> CloudError {
    let message = format!("Serverless Cache {name} not found");
    CloudError::new(404, "ServerlessCacheNotFoundFault", message)
}

pub(super) fn describe(state: &State, call: &Call<'_>) -> Outcome {
    let params = call.params;
    let named = params.get("ServerlessCacheName").map(str::to_ascii_lowercase);
    if let Some(name) = named.as_ref().filter(|name| !state.serverless.contains_key(*name)) {
        return Err(missing(name));
    }
    let (usual, most) = PAGE;
    let wanted: usize = params.number("MaxResults")?.unwrap_or(usual);
    if wanted == 0 || wanted > most {
        return Err(invalid(format!("MaxResults must be between 1 and {most}")));
    }
    let page = Page::new(call.service, wanted, params.get("NextToken"));
    let page = page.ok_or_else(|| invalid("The NextToken is not valid."))?;
    let named = |one: &&Serverless| named.as_ref().is_none_or(|name| *name == one.name);
    let caches = state.serverless.values().filter(named);
    let (caches, next) = page.of(caches.map(|one| shown("member", one, call)).collect());
    Ok(answer().with(list("ServerlessCaches", caches)).maybe("NextToken", next))
}

pub(super) fn delete(state: &mut State, call: &Call<'_>) -> Outcome {
    let name = call.params.required("ServerlessCacheName")?.to_ascii_lowercase();
    let one = state.serverless.get_mut(&name).ok_or_else(|| missing(&name))?;
    one.life.end(call.now(), call.service.faults.cloud.boot());
    Ok(answer().with(shown("ServerlessCache", one, call)))
}

fn shown(name: &'static str, one: &Serverless, call: &Call<'_>) -> Element {
    let status = status(one.life, call.now());
    let [port, reader] = one.ports();
    let endpoints = (status != "creating").then(|| {
        [address("Endpoint", one.host(), port), address("ReaderEndpoint", one.host(), reader)]
    });
    node(name)
        .text("ServerlessCacheName", &one.name)
        .text("Description", &one.description)
        .text("CreateTime", iso(one.born.unix))
        .text("Status", status)
        .text("Engine", &one.engine)
        .text("MajorEngineVersion", &one.version)
        .with(list("SecurityGroupIds", one.groups.iter().map(|id| el("SecurityGroupId", id))))
        .all(endpoints.into_iter().flatten())
        .text("ARN", arn("serverlesscache", &one.name))
        .with(list("SubnetIds", one.subnets.iter().map(|place| el("SubnetId", &place.subnet))))
}
