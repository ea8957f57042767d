//! `OpenSearch` Service: domains.

use std::collections::BTreeMap;
use std::time::Duration;

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::body::{self, Tag, parse, required, upper};
use super::ec2::Tags;
use super::life::{self, Life, Phase};
use super::place::{self, Place};
use super::state::Endpoint;
use super::{Call, CloudError, JsonOutcome, ec2};
use crate::service::{ACCOUNT, REGION};

const INVALID: &str = "ValidationException";

/// Domains that one call describes.
const MOST_DESCRIBED: usize = 5;

#[derive(Debug, Default)]
pub(crate) struct State {
    domains: BTreeMap<String, Domain>,
}

#[derive(Clone, Debug)]
struct Domain {
    name: String,
    /// The part of its host that nobody can guess.
    mark: String,
    version: String,
    class: String,
    count: u32,
    https_only: bool,
    /// One without is in no VPC, and reached from everywhere.
    network: Option<Network>,
    life: Life,
    tags: Tags,
}

#[derive(Clone, Debug)]
struct Network {
    subnets: Vec<Place>,
    groups: Vec<String>,
}

/// The operation that a method and a path are; `None` when they are none of this service's.
///
/// <https://docs.aws.amazon.com/opensearch-service/latest/APIReference/API_Operations.html>
pub(crate) fn operation(method: &Method, path: &str) -> Option<&'static str> {
    let rest = path.strip_prefix("/2021-01-01/")?.trim_end_matches('/');
    let domain = rest.strip_prefix("opensearch/domain/");
    Some(match (method.as_str(), rest) {
        ("GET", "domain") => "ListDomainNames",
        ("POST", "opensearch/domain") => "CreateDomain",
        ("POST", "opensearch/domain-info") => "DescribeDomains",
        ("GET", "tags") => "ListTags",
        ("POST", "tags") => "AddTags",
        ("POST", "tags-removal") => "RemoveTags",
        ("GET", _) if domain.is_some_and(|name| !name.contains('/')) => "DescribeDomain",
        ("DELETE", _) if domain.is_some_and(|name| !name.contains('/')) => "DeleteDomain",
        _ => return None,
    })
}

pub(crate) fn call(call: &Call<'_>) -> JsonOutcome {
    let mut cloud = call.service.cloud();
    let super::State { ec2, opensearch: state, .. } = &mut *cloud;
    match call.operation {
        "ListDomainNames" => Ok(list(state, call)),
        "CreateDomain" => create(state, ec2, call),
        "DescribeDomain" => {
            let domain = named(state, call)?;
            Ok(json!({ "DomainStatus": domain.shown(call) }))
        }
        "DescribeDomains" => describe(state, call),
        "DeleteDomain" => {
            let (now, takes) = (call.now(), call.service.faults.cloud.boot());
            let domain = named(state, call)?;
            domain.life.end(now, takes);
            Ok(json!({ "DomainStatus": domain.shown(call) }))
        }
        "ListTags" => {
            let arn = required(INVALID, "arn", call.params.get("arn"))?;
            Ok(json!({ "TagList": upper(tags_of(state, arn)?) }))
        }
        "AddTags" | "RemoveTags" => change_tags(state, call),
        _ => Err(call.unknown()),
    }
}

fn list(state: &State, call: &Call<'_>) -> Value {
    let engine = "OpenSearch";
    let wanted = call.params.get("engineType").is_none_or(|wanted| wanted == engine);
    let domain = |one: &Domain| json!({ "DomainName": one.name, "EngineType": engine });
    let names: Value = state.domains.values().filter(|_| wanted).map(domain).collect();
    json!({ "DomainNames": names })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreateDomain {
    domain_name: Option<String>,
    engine_version: Option<String>,
    #[serde(default)]
    cluster_config: ClusterConfig,
    #[serde(rename = "VPCOptions")]
    vpc_options: Option<VpcOptions>,
    #[serde(default)]
    domain_endpoint_options: EndpointOptions,
    #[serde(default)]
    tag_list: Vec<Tag>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ClusterConfig {
    instance_type: Option<String>,
    instance_count: Option<u32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct VpcOptions {
    #[serde(default)]
    subnet_ids: Vec<String>,
    #[serde(default)]
    security_group_ids: Vec<String>,
}

#[derive(Default, Deserialize)]
struct EndpointOptions {
    #[serde(default, rename = "EnforceHTTPS")]
    enforce_https: bool,
}

fn create(state: &mut State, ec2: &ec2::State, call: &Call<'_>) -> JsonOutcome {
    let request: CreateDomain = parse(call)?;
    let name = required(INVALID, "domainName", request.domain_name.as_deref())?;
    let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let starts = name.starts_with(|first: char| first.is_ascii_lowercase());
    if !starts || !(3..=28).contains(&name.len()) || !name.chars().all(letters) {
        let message = format!(
            "1 validation error detected: Value '{name}' at 'domainName' failed to satisfy \
             constraint: Member must satisfy regular expression pattern: [a-z][a-z0-9\\-]+"
        );
        return Err(CloudError::refuse(INVALID, message));
    }
    if state.domains.contains_key(name) {
        let message = format!("Domain {name} already exists");
        return Err(CloudError::new(409, "ResourceAlreadyExistsException", message));
    }
    let network = request.vpc_options.map(|options| network(ec2, call, options)).transpose()?;
    let domain = Domain {
        name: name.to_owned(),
        mark: call.service.entropy.key_id().to_ascii_lowercase(),
        version: request.engine_version.unwrap_or_else(|| "OpenSearch_2.19".to_owned()),
        class: request.cluster_config.instance_type.unwrap_or("m5.large.search".to_owned()),
        count: request.cluster_config.instance_count.unwrap_or(1),
        https_only: request.domain_endpoint_options.enforce_https,
        network,
        life: Life::new(call.now(), call.service.faults.cloud.boot()),
        tags: body::tags(request.tag_list),
    };
    let shown = domain.shown(call);
    state.domains.insert(domain.name.clone(), domain);
    Ok(json!({ "DomainStatus": shown }))
}

fn network(ec2: &ec2::State, call: &Call<'_>, options: VpcOptions) -> Result<Network, CloudError> {
    let invalid = |message: &str| CloudError::refuse(INVALID, message);
    let subnets = place::places(ec2, call, &options.subnet_ids).unwrap_or_default();
    let Some(vpc) = subnets.first().map(|place| place.vpc.clone()) else {
        return Err(invalid("You must specify a valid subnet."));
    };
    let groups = match options.security_group_ids {
        none if none.is_empty() => place::default_groups(ec2, &vpc),
        some => some,
    };
    place::check_groups(ec2, call, &groups, &vpc)
        .map_err(|foreign| invalid(&format!("Invalid security group: {}", foreign.group())))?;
    Ok(Network { subnets, groups })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DescribeDomains {
    #[serde(default)]
    domain_names: Vec<String>,
}

/// Describes several domains. Those that are not there are left out, and nobody says so.
fn describe(state: &State, call: &Call<'_>) -> JsonOutcome {
    let DescribeDomains { domain_names } = parse(call)?;
    if domain_names.len() > MOST_DESCRIBED {
        let message =
            format!("Please provide a maximum of {MOST_DESCRIBED} domain names to describe.");
        return Err(CloudError::refuse(INVALID, message));
    }
    let found = domain_names.iter().filter_map(|name| state.domains.get(name));
    Ok(json!({ "DomainStatusList": found.map(|one| one.shown(call)).collect::<Value>() }))
}

fn missing(name: &str) -> CloudError {
    let message = format!("Domain not found: {name}");
    CloudError::new(409, "ResourceNotFoundException", message)
}

/// The domain in the path.
fn named<'a>(state: &'a mut State, call: &Call<'_>) -> Result<&'a mut Domain, CloudError> {
    let name = call.path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    state.domains.get_mut(name).ok_or_else(|| missing(name))
}

fn tags_of<'a>(state: &'a mut State, arn: &str) -> Result<&'a mut Tags, CloudError> {
    let domain = state.domains.values_mut().find(|one| one.arn() == arn);
    domain.map(|one| &mut one.tags).ok_or_else(|| missing(arn))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Tagging {
    #[serde(rename = "ARN")]
    arn: Option<String>,
    #[serde(default)]
    tag_list: Vec<Tag>,
    #[serde(default)]
    tag_keys: Vec<String>,
}

fn change_tags(state: &mut State, call: &Call<'_>) -> JsonOutcome {
    let Tagging { arn, tag_list, tag_keys } = parse(call)?;
    let tags = tags_of(state, required(INVALID, "aRN", arn.as_deref())?)?;
    tags.extend(body::tags(tag_list));
    tags.retain(|key, _| !tag_keys.contains(key));
    Ok(json!({}))
}

impl State {
    pub(crate) fn sweep(&mut self, now: Duration) {
        self.domains.retain(|_, one| one.life.phase(now).is_some());
    }
}

impl Domain {
    fn arn(&self) -> String {
        format!("arn:aws:es:{REGION}:{ACCOUNT}:domain/{}", self.name)
    }

    fn host(&self) -> String {
        let kind = if self.network.is_some() { "vpc" } else { "search" };
        format!("{kind}-{}-{}.{REGION}.es.amazonaws.com", self.name, self.mark)
    }

    /// A domain as the API shows it: in a VPC it has a map of endpoints, elsewhere one endpoint.
    fn shown(&self, call: &Call<'_>) -> Value {
        let (processing, deleted, status) = match self.life.phase(call.now()) {
            Some(Phase::Creating) => (true, false, "Creating"),
            Some(Phase::Ready) => (false, false, "Active"),
            Some(Phase::Deleting) | None => (true, true, "Deleting"),
        };
        let mut shown = json!({
            "DomainId": format!("{ACCOUNT}/{}", self.name),
            "DomainName": self.name,
            "ARN": self.arn(),
            "Created": true,
            "Deleted": deleted,
            "Processing": processing,
            "UpgradeProcessing": false,
            "EngineVersion": self.version,
            "ClusterConfig": {
                "InstanceType": self.class,
                "InstanceCount": self.count,
                "DedicatedMasterEnabled": false,
                "ZoneAwarenessEnabled": false,
            },
            "DomainEndpointOptions": { "EnforceHTTPS": self.https_only },
            "DomainProcessingStatus": status,
        });
        let creating = status == "Creating";
        match &self.network {
            Some(Network { subnets, groups }) => {
                let names = |name: fn(&Place) -> &String| {
                    subnets.iter().map(name).cloned().collect::<Value>()
                };
                shown["VPCOptions"] = json!({
                    "VPCId": subnets.first().map(|place| &place.vpc),
                    "SubnetIds": names(|place| &place.subnet),
                    "AvailabilityZones": names(|place| &place.zone),
                    "SecurityGroupIds": groups,
                });
                if !creating {
                    shown["Endpoints"] = json!({ "vpc": self.host() });
                }
            }
            None if !creating => shown["Endpoint"] = self.host().into(),
            None => {}
        }
        shown
    }
}

/// Where clients of this service connect to.
pub(crate) fn endpoints(state: &State) -> Vec<Endpoint> {
    let mut endpoints = Vec::new();
    for one in state.domains.values() {
        let Some(Network { subnets, groups }) = &one.network else { continue };
        let ports: &[u16] = if one.https_only { &[443] } else { &[443, 80] };
        endpoints.extend(ports.iter().map(|port| Endpoint {
            host: one.host(),
            port: Some(*port),
            vpc: subnets.first().map(|place| place.vpc.clone()).unwrap_or_default(),
            groups: groups.clone(),
            ip: None,
            address: life::address(&one.tags, 0),
        }));
    }
    endpoints
}
