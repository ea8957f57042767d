//! Bastions that adit did not make: an instance, a managed node elsewhere, a container of ECS.

use std::fmt;
use std::str::FromStr;

use aws_sdk_ssm::types::InstanceInformationStringFilter;

use super::State;
use super::find::describe;
use crate::error::{AwsError, AwsErrorKind, from_sdk, unbuilt};
use crate::load::Aws;
use crate::network::{filter_tag, living};

/// How the user names a bastion of their own.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ExistingSpec {
    /// An instance, `i-…`.
    Instance(String),
    /// A managed node that is not an instance, `mi-…`.
    Node(String),
    /// The instance or node with this tag.
    Tag {
        /// The tag's key.
        key: String,
        /// The tag's value.
        value: String,
    },
    /// A container of a task.
    Container {
        /// The cluster's name.
        cluster: String,
        /// The task's id.
        task: String,
        /// The container's name.
        container: String,
    },
}

/// What is not the name of a bastion.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` names no bastion: it is i-…, mi-…, tag:KEY=VALUE or ecs:CLUSTER/TASK/CONTAINER")]
pub struct ExistingSpecError(String);

impl FromStr for ExistingSpec {
    type Err = ExistingSpecError;

    fn from_str(text: &str) -> Result<Self, ExistingSpecError> {
        let error = || ExistingSpecError(text.to_owned());
        let parsed = if let Some(tag) = text.strip_prefix("tag:") {
            let (key, value) = tag.split_once('=').ok_or_else(error)?;
            Self::Tag { key: key.to_owned(), value: value.to_owned() }
        } else if let Some(path) = text.strip_prefix("ecs:") {
            let mut parts = path.split('/').map(str::to_owned);
            let (Some(cluster), Some(task), Some(container), None) =
                (parts.next(), parts.next(), parts.next(), parts.next())
            else {
                return Err(error());
            };
            Self::Container { cluster, task, container }
        } else if text.starts_with("mi-") {
            Self::Node(text.to_owned())
        } else {
            Self::Instance(text.to_owned())
        };
        let is_whole = match &parsed {
            Self::Instance(id) => id.strip_prefix("i-").is_some_and(is_hex),
            Self::Node(id) => id.strip_prefix("mi-").is_some_and(is_hex),
            Self::Tag { key, .. } => !key.is_empty(),
            Self::Container { cluster, task, container } => {
                // The parts are joined by underscores later: the service reads them from the end.
                ![cluster, task, container].iter().any(|part| part.is_empty())
            }
        };
        if is_whole { Ok(parsed) } else { Err(error()) }
    }
}

fn is_hex(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_hexdigit())
}

impl fmt::Display for ExistingSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Instance(id) | Self::Node(id) => f.write_str(id),
            Self::Tag { key, value } => write!(f, "tag:{key}={value}"),
            Self::Container { cluster, task, container } => {
                write!(f, "ecs:{cluster}/{task}/{container}")
            }
        }
    }
}

/// A bastion to start sessions on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Existing {
    /// What `StartSession` takes as its target.
    pub target: String,
    /// Its state, where it is known: instances can be started.
    pub state: Option<State>,
    /// What the user should know.
    pub warnings: Vec<String>,
}

/// Finds a bastion of the user's own. An id is taken as it is, without a call.
pub async fn resolve_existing(aws: &Aws, spec: &ExistingSpec) -> Result<Existing, AwsError> {
    match spec {
        ExistingSpec::Instance(id) | ExistingSpec::Node(id) => {
            Ok(Existing { target: id.clone(), state: None, warnings: Vec::new() })
        }
        ExistingSpec::Tag { key, value } => by_tag(aws, key, value).await,
        ExistingSpec::Container { cluster, task, container } => {
            in_container(aws, cluster, task, container).await
        }
    }
}

/// Instances and nodes are asked for together, as either may be meant.
async fn by_tag(aws: &Aws, key: &str, value: &str) -> Result<Existing, AwsError> {
    let ec2 = aws_sdk_ec2::Client::new(&aws.sdk);
    let (instances, nodes) = tokio::join!(
        describe(aws, &ec2, vec![filter_tag(key, value), living()]),
        nodes_by_tag(aws, key, value),
    );
    let instances = instances?;
    if let [first, others @ ..] = instances.as_slice() {
        let mut warnings = Vec::new();
        if !others.is_empty() {
            warnings.push(format!(
                "{} instances have the tag {key}={value}: {} is used",
                instances.len(),
                first.id
            ));
        }
        return Ok(Existing { target: first.id.clone(), state: Some(first.state), warnings });
    }
    // The question for nodes counts only here: who may not ask it can still use instances.
    let nodes = nodes?;
    if let [first, others @ ..] = nodes.as_slice() {
        let mut warnings = Vec::new();
        if !others.is_empty() {
            warnings.push(format!(
                "{} managed nodes have the tag {key}={value}: {first} is used",
                nodes.len()
            ));
        }
        return Ok(Existing { target: first.clone(), state: None, warnings });
    }
    Err(AwsError::new(
        AwsErrorKind::InvalidTarget,
        format!("no instance or managed node {} has the tag {key}={value}", aws.place()),
    )
    .hint("check the tag, --region and --profile"))
}

/// The managed nodes with the tag, those that were heard lately first.
async fn nodes_by_tag(aws: &Aws, key: &str, value: &str) -> Result<Vec<String>, AwsError> {
    let filter =
        InstanceInformationStringFilter::builder().key(format!("tag:{key}")).values(value).build();
    let filter = filter.map_err(|error| unbuilt(&error))?;
    let client = aws_sdk_ssm::Client::new(&aws.sdk);
    let call = client.describe_instance_information().filters(filter);
    let answer: Result<Vec<_>, _> = call.into_paginator().items().send().collect().await;
    let answer =
        answer.map_err(|error| from_sdk("DescribeInstanceInformation", &aws.place(), &error))?;
    let mut nodes: Vec<_> = answer
        .into_iter()
        .filter_map(|info| {
            let is_online = info.ping_status() == Some(&aws_sdk_ssm::types::PingStatus::Online);
            Some((!is_online, info.instance_id?))
        })
        .collect();
    nodes.sort();
    Ok(nodes.into_iter().map(|(_, id)| id).collect())
}

/// A container of a task that was started with `enableExecuteCommand`.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-exec.html>
async fn in_container(
    aws: &Aws,
    cluster: &str,
    task: &str,
    container: &str,
) -> Result<Existing, AwsError> {
    let client = aws_sdk_ecs::Client::new(&aws.sdk);
    let answer = client.describe_tasks().cluster(cluster).tasks(task).send().await;
    let answer = answer.map_err(|error| from_sdk("DescribeTasks", &aws.place(), &error))?;
    let refuse = |message: String| AwsError::new(AwsErrorKind::InvalidTarget, message);
    let Some(found) = answer.tasks().first() else {
        return Err(refuse(format!(
            "there is no task {task} in the cluster {cluster} {}",
            aws.place()
        ))
        .hint(format!("aws ecs list-tasks --cluster {cluster} shows what runs")));
    };
    let status = found.last_status().unwrap_or("unknown");
    if status != "RUNNING" {
        return Err(refuse(format!("the task {task} is {}", status.to_lowercase()))
            .hint(format!("aws ecs list-tasks --cluster {cluster} shows what runs")));
    }
    let Some(inside) = found.containers().iter().find(|one| one.name() == Some(container)) else {
        let known: Vec<_> = found.containers().iter().filter_map(|one| one.name()).collect();
        return Err(refuse(format!("the task {task} has no container {container}"))
            .hint(format!("it has {}", known.join(", "))));
    };
    let agent = inside.managed_agents().iter().find(|agent| {
        agent.name() == Some(&aws_sdk_ecs::types::ManagedAgentName::ExecuteCommandAgent)
    });
    let agent = agent.and_then(|agent| agent.last_status()).unwrap_or("not there");
    if agent != "RUNNING" {
        return Err(refuse(format!(
            "sessions are not possible in the container {container}: its execute-command agent is {}",
            agent.to_lowercase()
        ))
        .hint("start the task with --enable-execute-command and a task role that allows the ssmmessages actions"));
    }
    let id = |arn: Option<&str>, given: &str| {
        arn.and_then(|arn| arn.rsplit('/').next()).unwrap_or(given).to_owned()
    };
    let Some(runtime) = inside.runtime_id() else {
        return Err(refuse(format!("the container {container} has no runtime id yet"))
            .hint("try again when it runs"));
    };
    let cluster = id(found.cluster_arn(), cluster);
    let task = id(found.task_arn(), task);
    Ok(Existing {
        target: format!("ecs:{cluster}_{task}_{runtime}"),
        state: None,
        warnings: Vec::new(),
    })
}

#[cfg(test)]
mod tests;
