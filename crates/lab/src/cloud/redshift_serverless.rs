//! Redshift Serverless: namespaces, which are data, and workgroups, which are where it is reached.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::body::{self, Tag, lower, page, parse, required};
use super::ec2::Tags;
use super::life::{self, Life, Phase};
use super::place::{self, Place};
use super::state::{Born, Endpoint, iso};
use super::{Call, CloudError, JsonOutcome, ec2};
use crate::service::{ACCOUNT, REGION};

const INVALID: &str = "ValidationException";

/// What a listing gives unless told otherwise, and at most.
const PAGE: (usize, usize) = (100, 100);

#[derive(Debug, Default)]
pub(crate) struct State {
    namespaces: BTreeMap<String, Namespace>,
    workgroups: BTreeMap<String, Workgroup>,
}

#[derive(Clone, Debug)]
struct Namespace {
    name: String,
    id: String,
    database: String,
    user: String,
    born: Born,
    tags: Tags,
}

#[derive(Clone, Debug)]
struct Workgroup {
    name: String,
    id: String,
    namespace: String,
    port: u16,
    capacity: u32,
    public: bool,
    groups: Vec<String>,
    subnets: Vec<Place>,
    /// Of the VPC endpoint that clients connect to, which belongs to the service.
    endpoint: String,
    born: Born,
    life: Life,
    tags: Tags,
}

pub(crate) fn call(call: &Call<'_>) -> JsonOutcome {
    let mut cloud = call.service.cloud();
    let super::State { ec2, redshift_serverless: state, .. } = &mut *cloud;
    match call.operation {
        "CreateNamespace" => create_namespace(state, call),
        "GetNamespace" => get_namespace(state, call),
        "ListNamespaces" => list_namespaces(state, call),
        "DeleteNamespace" => delete_namespace(state, call),
        "CreateWorkgroup" => create_workgroup(state, ec2, call),
        "GetWorkgroup" => get_workgroup(state, call),
        "ListWorkgroups" => list_workgroups(state, call),
        "DeleteWorkgroup" => delete_workgroup(state, call),
        "ListTagsForResource" => Ok(json!({ "tags": lower(tags_of(state, call)?) })),
        "TagResource" => {
            let Tagging { tags, .. } = parse(call)?;
            tags_of(state, call)?.extend(body::tags(tags));
            Ok(json!({}))
        }
        _ => Err(call.unknown()),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Named {
    namespace_name: Option<String>,
    workgroup_name: Option<String>,
    max_results: Option<i64>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CreateNamespace {
    namespace_name: Option<String>,
    db_name: Option<String>,
    admin_username: Option<String>,
    #[serde(default)]
    tags: Vec<Tag>,
}

/// A name of 3 to 64 small letters, digits and hyphens.
fn name(member: &str, value: Option<&str>) -> Result<String, CloudError> {
    let name = required(INVALID, member, value)?;
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if (3..=64).contains(&name.len()) && name.chars().all(allowed) {
        return Ok(name.to_owned());
    }
    let message = format!(
        "1 validation error detected: Value '{name}' at '{member}' failed to satisfy constraint: \
         Member must satisfy regular expression pattern: [a-z0-9-]+"
    );
    Err(CloudError::refuse(INVALID, message))
}

fn missing(kind: &str, name: &str) -> CloudError {
    CloudError::refuse("ResourceNotFoundException", format!("{kind} {name} not found."))
}

fn create_namespace(state: &mut State, call: &Call<'_>) -> JsonOutcome {
    let request: CreateNamespace = parse(call)?;
    let name = name("namespaceName", request.namespace_name.as_deref())?;
    if state.namespaces.contains_key(&name) {
        let message = format!("namespace {name} already exists.");
        return Err(CloudError::refuse("ConflictException", message));
    }
    let namespace = Namespace {
        name: name.clone(),
        id: call.service.entropy.uuid().to_string(),
        database: request.db_name.unwrap_or_else(|| "dev".to_owned()),
        user: request.admin_username.unwrap_or_else(|| "admin".to_owned()),
        born: call.born(),
        tags: body::tags(request.tags),
    };
    let shown = namespace.shown();
    state.namespaces.insert(name, namespace);
    Ok(json!({ "namespace": shown }))
}

fn get_namespace(state: &State, call: &Call<'_>) -> JsonOutcome {
    let Named { namespace_name, .. } = parse(call)?;
    let name = required(INVALID, "namespaceName", namespace_name.as_deref())?;
    let found = state.namespaces.get(name).ok_or_else(|| missing("namespace", name))?;
    Ok(json!({ "namespace": found.shown() }))
}

fn list_namespaces(state: &State, call: &Call<'_>) -> JsonOutcome {
    let Named { max_results, next_token, .. } = parse(call)?;
    let page = page(call, INVALID, PAGE, max_results, next_token.as_deref())?;
    let (namespaces, next) = page.of(state.namespaces.values().map(Namespace::shown).collect());
    let mut answer = json!({ "namespaces": namespaces });
    if let Some(next) = next {
        answer["nextToken"] = next.into();
    }
    Ok(answer)
}

fn delete_namespace(state: &mut State, call: &Call<'_>) -> JsonOutcome {
    let Named { namespace_name, .. } = parse(call)?;
    let name = required(INVALID, "namespaceName", namespace_name.as_deref())?;
    if state.workgroups.values().any(|one| one.namespace == name) {
        let message = format!("There is a workgroup associated with namespace {name}.");
        return Err(CloudError::refuse("ConflictException", message));
    }
    let gone = state.namespaces.remove(name).ok_or_else(|| missing("namespace", name))?;
    Ok(json!({ "namespace": gone.shown() }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CreateWorkgroup {
    workgroup_name: Option<String>,
    namespace_name: Option<String>,
    port: Option<u16>,
    base_capacity: Option<u32>,
    #[serde(default)]
    publicly_accessible: bool,
    #[serde(default)]
    security_group_ids: Vec<String>,
    #[serde(default)]
    subnet_ids: Vec<String>,
    #[serde(default)]
    tags: Vec<Tag>,
}

fn create_workgroup(state: &mut State, ec2: &ec2::State, call: &Call<'_>) -> JsonOutcome {
    let request: CreateWorkgroup = parse(call)?;
    let name = name("workgroupName", request.workgroup_name.as_deref())?;
    let namespace = required(INVALID, "namespaceName", request.namespace_name.as_deref())?;
    if !state.namespaces.contains_key(namespace) {
        return Err(missing("namespace", namespace));
    }
    let taken = |one: &Workgroup| one.name == name || one.namespace == namespace;
    if state.workgroups.values().any(taken) {
        let message = format!("workgroup {name} already exists, or its namespace has one.");
        return Err(CloudError::refuse("ConflictException", message));
    }
    let subnets = match request.subnet_ids.as_slice() {
        [] => place::default_places(ec2),
        ids => place::places(ec2, call, ids).unwrap_or_default(),
    };
    let Some(vpc) = subnets.first().map(|place| place.vpc.clone()) else {
        return Err(CloudError::refuse(INVALID, "The subnets are not valid."));
    };
    let groups = match request.security_group_ids {
        none if none.is_empty() => place::default_groups(ec2, &vpc),
        some => some,
    };
    place::check_groups(ec2, call, &groups, &vpc).map_err(|foreign| {
        let message = format!("The security group {} is not valid.", foreign.group());
        CloudError::refuse(INVALID, message)
    })?;
    let workgroup = Workgroup {
        name: name.clone(),
        id: call.service.entropy.uuid().to_string(),
        namespace: namespace.to_owned(),
        port: request.port.unwrap_or(5439),
        capacity: request.base_capacity.unwrap_or(128),
        public: request.publicly_accessible,
        groups,
        subnets,
        endpoint: call.new_id("vpce"),
        born: call.born(),
        life: Life::new(call.now(), call.service.faults.cloud.boot()),
        tags: body::tags(request.tags),
    };
    let shown = workgroup.shown(call);
    state.workgroups.insert(name, workgroup);
    Ok(json!({ "workgroup": shown }))
}

fn get_workgroup(state: &State, call: &Call<'_>) -> JsonOutcome {
    let Named { workgroup_name, .. } = parse(call)?;
    let name = required(INVALID, "workgroupName", workgroup_name.as_deref())?;
    let found = state.workgroups.get(name).ok_or_else(|| missing("workgroup", name))?;
    Ok(json!({ "workgroup": found.shown(call) }))
}

fn list_workgroups(state: &State, call: &Call<'_>) -> JsonOutcome {
    let Named { max_results, next_token, .. } = parse(call)?;
    let page = page(call, INVALID, PAGE, max_results, next_token.as_deref())?;
    let (workgroups, next) =
        page.of(state.workgroups.values().map(|one| one.shown(call)).collect());
    let mut answer = json!({ "workgroups": workgroups });
    if let Some(next) = next {
        answer["nextToken"] = next.into();
    }
    Ok(answer)
}

fn delete_workgroup(state: &mut State, call: &Call<'_>) -> JsonOutcome {
    let Named { workgroup_name, .. } = parse(call)?;
    let name = required(INVALID, "workgroupName", workgroup_name.as_deref())?;
    let one = state.workgroups.get_mut(name).ok_or_else(|| missing("workgroup", name))?;
    one.life.end(call.now(), call.service.faults.cloud.boot());
    Ok(json!({ "workgroup": one.shown(call) }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Tagging {
    resource_arn: Option<String>,
    #[serde(default)]
    tags: Vec<Tag>,
}

fn tags_of<'a>(state: &'a mut State, call: &Call<'_>) -> Result<&'a mut Tags, CloudError> {
    let Tagging { resource_arn, .. } = parse(call)?;
    let wanted = required(INVALID, "resourceArn", resource_arn.as_deref())?;
    let State { namespaces, workgroups } = state;
    let workgroup = workgroups.values_mut().find(|one| arn("workgroup", &one.id) == wanted);
    if let Some(one) = workgroup {
        return Ok(&mut one.tags);
    }
    let namespace = namespaces.values_mut().find(|one| arn("namespace", &one.id) == wanted);
    namespace.map(|one| &mut one.tags).ok_or_else(|| missing("resource", wanted))
}

fn arn(kind: &str, id: &str) -> String {
    format!("arn:aws:redshift-serverless:{REGION}:{ACCOUNT}:{kind}/{id}")
}

impl State {
    pub(crate) fn sweep(&mut self, now: Duration) {
        self.workgroups.retain(|_, one| one.life.phase(now).is_some());
    }
}

impl Namespace {
    fn shown(&self) -> Value {
        json!({
            "namespaceName": self.name,
            "namespaceId": self.id,
            "namespaceArn": arn("namespace", &self.id),
            "adminUsername": self.user,
            "dbName": self.database,
            "creationDate": iso(self.born.unix),
            "status": "AVAILABLE",
        })
    }
}

impl Workgroup {
    fn host(&self) -> String {
        format!("{}.{ACCOUNT}.{REGION}.redshift-serverless.amazonaws.com", self.name)
    }

    fn vpc(&self) -> &str {
        self.subnets.first().map_or("", |place| place.vpc.as_str())
    }

    fn shown(&self, call: &Call<'_>) -> Value {
        let status = match self.life.phase(call.now()) {
            Some(Phase::Creating) => "CREATING",
            Some(Phase::Ready) => "AVAILABLE",
            Some(Phase::Deleting) | None => "DELETING",
        };
        let mut shown = json!({
            "workgroupName": self.name,
            "workgroupId": self.id,
            "workgroupArn": arn("workgroup", &self.id),
            "namespaceName": self.namespace,
            "status": status,
            "baseCapacity": self.capacity,
            "port": self.port,
            "publiclyAccessible": self.public,
            "enhancedVpcRouting": false,
            "securityGroupIds": self.groups,
            "subnetIds": self.subnets.iter().map(|place| &place.subnet).collect::<Vec<_>>(),
            "creationDate": iso(self.born.unix),
        });
        if status != "CREATING" {
            let interface =
                |place: &Place| json!({ "subnetId": place.subnet, "availabilityZone": place.zone });
            shown["endpoint"] = json!({
                "address": self.host(),
                "port": self.port,
                "vpcEndpoints": [{
                    "vpcEndpointId": self.endpoint,
                    "vpcId": self.vpc(),
                    "networkInterfaces": self.subnets.iter().map(interface).collect::<Value>(),
                }],
            });
        }
        shown
    }
}

/// Where clients of this service connect to.
pub(crate) fn endpoints(state: &State) -> Vec<Endpoint> {
    state
        .workgroups
        .values()
        .map(|one| Endpoint {
            host: one.host(),
            port: Some(one.port),
            vpc: one.vpc().to_owned(),
            groups: one.groups.clone(),
            ip: None,
            address: life::address(&one.tags, 0),
        })
        .collect()
}
