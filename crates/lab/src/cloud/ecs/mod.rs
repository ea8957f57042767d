//! ECS: clusters and tasks, as far as sessions into containers need them.

mod clusters;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::body::{self, Tag, lower, page, parse, required};
use super::ec2::Tags;
use super::life::{Life, Phase};
use super::place::{self, Place};
use super::state::Born;
use super::{Call, CloudError, JsonOutcome, ec2};
use crate::service::{ACCOUNT, REGION, Service};

const INVALID: &str = "InvalidParameterException";

/// What a listing gives unless told otherwise, and at most.
const PAGE: (usize, usize) = (100, 100);

/// Tasks that one call describes or starts.
const MOST: (usize, usize) = (100, 10);

#[derive(Debug, Default)]
pub(crate) struct State {
    clusters: BTreeMap<String, Tags>,
    /// The containers of the definitions, by family.
    families: BTreeMap<String, Vec<Vec<String>>>,
    /// By id.
    tasks: BTreeMap<String, Task>,
}

#[derive(Clone, Debug)]
struct Task {
    id: String,
    cluster: String,
    definition: String,
    family: String,
    /// Names and runtime ids.
    containers: Vec<(String, String)>,
    exec: bool,
    network: Option<Network>,
    started_by: Option<String>,
    born: Born,
    life: Life,
    tags: Tags,
}

/// Where a task's network interface is, and its security groups.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Network {
    place: Place,
    pub(crate) groups: Vec<String>,
}

impl Network {
    pub(crate) fn vpc(&self) -> &str {
        &self.place.vpc
    }
}

pub(crate) fn call(call: &Call<'_>) -> JsonOutcome {
    let mut cloud = call.service.cloud();
    let super::State { ec2, ecs: state, .. } = &mut *cloud;
    match call.operation {
        "CreateCluster" => clusters::create(state, call),
        "DescribeClusters" => clusters::describe(state, call),
        "ListClusters" => clusters::list_all(state, call),
        "RegisterTaskDefinition" => clusters::register(state, call),
        "RunTask" => run(state, ec2, call),
        "StopTask" => stop(state, call),
        "ListTasks" => list_tasks(state, call),
        "DescribeTasks" => describe_tasks(state, call),
        _ => Err(call.unknown()),
    }
}

fn arn(kind: &str, id: &str) -> String {
    format!("arn:aws:ecs:{REGION}:{ACCOUNT}:{kind}/{id}")
}

/// The last part of an ARN, or the name that stands for it.
fn short(name_or_arn: &str) -> &str {
    name_or_arn.rsplit('/').next().unwrap_or(name_or_arn)
}

impl State {
    /// The network of the container that sessions are started on by this name; `None` for those
    /// that have none of their own, and for whatever is no container.
    pub(crate) fn network(&self, target: &str) -> Option<&Network> {
        let task = target.strip_prefix("ecs:")?.rsplit('_').nth(1)?;
        self.tasks.get(task)?.network.as_ref()
    }

    /// The cluster that a call names, `default` when it names none.
    fn cluster(&self, wanted: Option<&str>) -> Result<String, CloudError> {
        let name = short(wanted.unwrap_or("default"));
        if self.clusters.contains_key(name) {
            return Ok(name.to_owned());
        }
        Err(CloudError::refuse("ClusterNotFoundException", "Cluster not found."))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Run {
    cluster: Option<String>,
    task_definition: Option<String>,
    count: Option<usize>,
    #[serde(default)]
    enable_execute_command: bool,
    network_configuration: Option<NetworkConfiguration>,
    started_by: Option<String>,
    #[serde(default)]
    tags: Vec<Tag>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NetworkConfiguration {
    awsvpc_configuration: Option<AwsVpc>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AwsVpc {
    #[serde(default)]
    subnets: Vec<String>,
    #[serde(default)]
    security_groups: Vec<String>,
}

fn run(state: &mut State, ec2: &ec2::State, call: &Call<'_>) -> JsonOutcome {
    let request: Run = parse(call)?;
    let cluster = state.cluster(request.cluster.as_deref())?;
    let wanted = required("ClientException", "taskDefinition", request.task_definition.as_deref())?;
    let (family, revision) = short(wanted).split_once(':').unwrap_or((short(wanted), ""));
    let revisions = state.families.get(family).map(Vec::as_slice).unwrap_or_default();
    let revision = revision.parse().unwrap_or(revisions.len());
    let containers = revision.checked_sub(1).and_then(|index| revisions.get(index)).cloned();
    let containers = containers
        .ok_or_else(|| CloudError::refuse("ClientException", "TaskDefinition not found."))?;
    let network = request.network_configuration.and_then(|one| one.awsvpc_configuration);
    let network = network.map(|network| placed(ec2, call, network)).transpose()?;
    let count = request.count.unwrap_or(1);
    if !(1..=MOST.1).contains(&count) {
        return Err(CloudError::refuse(INVALID, "Invalid count, must be between 1 and 10."));
    }
    let (entropy, mut started) = (&call.service.entropy, Vec::new());
    for _ in 0..count {
        let id = entropy.hex(32);
        let runtime = |name: &String| {
            (
                name.clone(),
                format!("{id}-{}", u32::from_str_radix(&entropy.hex(7), 16).unwrap_or(0)),
            )
        };
        let task = Task {
            containers: containers.iter().map(runtime).collect(),
            cluster: cluster.clone(),
            definition: arn("task-definition", &format!("{family}:{revision}")),
            family: family.to_owned(),
            exec: request.enable_execute_command,
            network: network.clone(),
            started_by: request.started_by.clone(),
            born: call.born(),
            life: Life::new(call.now(), call.service.faults.cloud.boot()),
            tags: body::tags(request.tags.clone()),
            id,
        };
        if task.exec {
            task.targets().for_each(|target| call.service.add_instance(&target));
        }
        started.push(task.shown(call));
        state.tasks.insert(task.id.clone(), task);
    }
    Ok(json!({ "tasks": started, "failures": [] }))
}

fn placed(ec2: &ec2::State, call: &Call<'_>, network: AwsVpc) -> Result<Network, CloudError> {
    let invalid = |message: String| CloudError::refuse(INVALID, message);
    let places = place::places(ec2, call, &network.subnets).unwrap_or_default();
    let place = places.into_iter().next();
    let place = place.ok_or_else(|| invalid("The subnets are not valid.".to_owned()))?;
    let groups = match network.security_groups {
        none if none.is_empty() => place::default_groups(ec2, &place.vpc),
        some => some,
    };
    place::check_groups(ec2, call, &groups, &place.vpc)
        .map_err(|foreign| invalid(format!("Invalid security group: {}", foreign.group())))?;
    Ok(Network { place, groups })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    cluster: Option<String>,
    task: Option<String>,
    #[serde(default)]
    tasks: Vec<String>,
    family: Option<String>,
    started_by: Option<String>,
    desired_status: Option<String>,
    max_results: Option<i64>,
    next_token: Option<String>,
}

fn stop(state: &mut State, call: &Call<'_>) -> JsonOutcome {
    let Request { cluster, task, .. } = parse(call)?;
    let cluster = state.cluster(cluster.as_deref())?;
    let wanted = required("ClientException", "task", task.as_deref())?;
    let task = state.tasks.get_mut(short(wanted)).filter(|task| task.cluster == cluster);
    let task =
        task.ok_or_else(|| CloudError::refuse(INVALID, "The referenced task was not found."))?;
    task.life.end(call.now(), Duration::ZERO);
    task.targets().for_each(|target| call.service.set_online(&target, false));
    Ok(json!({ "task": task.shown(call) }))
}

fn list_tasks(state: &State, call: &Call<'_>) -> JsonOutcome {
    let request: Request = parse(call)?;
    let cluster = state.cluster(request.cluster.as_deref())?;
    let page = page(call, INVALID, PAGE, request.max_results, request.next_token.as_deref())?;
    let stopped = request.desired_status.as_deref() == Some("STOPPED");
    let wanted = |task: &&Task| {
        task.cluster == cluster
            && (task.status(call.now()) == "STOPPED") == stopped
            && request.family.as_ref().is_none_or(|family| *family == task.family)
            && (request.started_by.is_none() || request.started_by == task.started_by)
    };
    let arns = state.tasks.values().filter(wanted).map(Task::arn).collect();
    let (arns, next) = page.of(arns);
    Ok(json!({ "taskArns": arns, "nextToken": next }))
}

fn describe_tasks(state: &State, call: &Call<'_>) -> JsonOutcome {
    let request: Request = parse(call)?;
    let cluster = state.cluster(request.cluster.as_deref())?;
    if request.tasks.is_empty() || request.tasks.len() > MOST.0 {
        return Err(CloudError::refuse(INVALID, "Tasks must have between 1 and 100 entries."));
    }
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for wanted in &request.tasks {
        let task = state.tasks.get(short(wanted)).filter(|task| task.cluster == cluster);
        if let Some(task) = task {
            found.push(task.shown(call));
        } else {
            let missing = arn("task", &format!("{cluster}/{}", short(wanted)));
            failures.push(json!({ "arn": missing, "reason": "MISSING" }));
        }
    }
    Ok(json!({ "tasks": found, "failures": failures }))
}

impl Task {
    fn arn(&self) -> String {
        arn("task", &format!("{}/{}", self.cluster, self.id))
    }

    fn status(&self, now: Duration) -> &'static str {
        match self.life.phase(now) {
            Some(Phase::Creating) => "PENDING",
            Some(Phase::Ready) => "RUNNING",
            Some(Phase::Deleting) | None => "STOPPED",
        }
    }

    /// What sessions into its containers are started on.
    ///
    /// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-exec.html>
    fn targets(&self) -> impl Iterator<Item = String> {
        let runtimes = self.containers.iter().map(|(_, runtime)| runtime);
        runtimes.map(|runtime| format!("ecs:{}_{}_{runtime}", self.cluster, self.id))
    }

    fn shown(&self, call: &Call<'_>) -> Value {
        let status = self.status(call.now());
        let container = |(name, runtime): &(String, String)| {
            let mut shown = json!({
                "containerArn": arn("container", &format!("{}/{}/{name}", self.cluster, self.id)),
                "taskArn": self.arn(),
                "name": name,
                "lastStatus": status,
                "networkInterfaces": [],
                "healthStatus": "UNKNOWN",
            });
            if status != "PENDING" {
                shown["runtimeId"] = runtime.as_str().into();
            }
            if self.exec {
                shown["managedAgents"] =
                    json!([{ "name": "ExecuteCommandAgent", "lastStatus": status }]);
            }
            shown
        };
        let mut shown = json!({
            "taskArn": self.arn(),
            "clusterArn": arn("cluster", &self.cluster),
            "taskDefinitionArn": self.definition,
            "group": format!("family:{}", self.family),
            "lastStatus": status,
            "desiredStatus": if status == "STOPPED" { "STOPPED" } else { "RUNNING" },
            "launchType": "FARGATE",
            "enableExecuteCommand": self.exec,
            "createdAt": Service::timestamp(self.born.unix),
            "containers": self.containers.iter().map(container).collect::<Value>(),
            "attachments": [],
            "tags": lower(&self.tags),
        });
        if let Some(Network { place, .. }) = &self.network {
            shown["availabilityZone"] = place.zone.as_str().into();
            shown["attachments"] = json!([{
                "type": "ElasticNetworkInterface",
                "status": if status == "RUNNING" { "ATTACHED" } else { "PRECREATED" },
                "details": [{ "name": "subnetId", "value": place.subnet }],
            }]);
        }
        shown
    }
}
