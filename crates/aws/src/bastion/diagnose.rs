//! Why Session Manager does not reach a bastion.

use aws_sdk_ec2::Client;
use serde::{Deserialize, Serialize};

use super::agent::{Reachability, agent};
use super::find::describe_one;
use super::{Bastion, State};
use crate::error::{AwsError, AwsErrorKind};
use crate::load::Aws;
use crate::network::{Class, Classified, classify, describe_network, resolver_fault};

/// Why Session Manager does not reach a bastion, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnosis {
    /// Why.
    pub cause: Cause,
    /// The same in one line.
    pub message: String,
    /// What to do next, each one line.
    pub hints: Vec<String>,
}

/// Why Session Manager does not reach a bastion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// There is no such instance in the region.
    Unknown,
    /// It is gone, or nearly.
    Gone,
    /// It is stopped or stops; it can be started.
    Stopped,
    /// It is on its way to run.
    Starting,
    /// It runs, but its agent has never been heard.
    NotRegistered,
    /// It runs, but its agent has not been heard lately.
    Offline,
    /// Nothing is wrong: it runs, and its agent answers.
    None,
}

/// Finds out why Session Manager does not reach an instance. Instance and agent are looked at
/// together; its network only when those do not explain it.
pub async fn diagnose(aws: &Aws, id: &str) -> Result<Diagnosis, AwsError> {
    let client = Client::new(&aws.sdk);
    let ids = [id];
    let (instance, mut agents) =
        tokio::try_join!(describe_one(aws, &client, id), agent(aws, &ids))?;
    let reachability = agents.remove(id).unwrap_or(Reachability::NotRegistered);
    let Some(instance) = instance else {
        return Ok(unknown(id, &aws.place()));
    };
    let mut names = None;
    let place = match (instance.state, &reachability) {
        (State::Running, Reachability::Online { .. }) => None,
        (State::Running, _) => {
            match Box::pin(describe_network(aws, &instance.vpc)).await {
                Ok(network) => {
                    names = network.vpc.as_ref().and_then(|vpc| {
                        let groups: Vec<_> =
                            instance.groups.iter().filter_map(|id| network.group(id)).collect();
                        resolver_fault(vpc, &groups)
                    });
                    classify(&network).into_iter().find(|one| one.subnet.id == instance.subnet)
                }
                // Those who connect need not be permitted to look at networks; the rest is told.
                Err(error) if error.kind == AwsErrorKind::AccessDenied => {
                    tracing::debug!(%error, "a diagnosis without the network");
                    None
                }
                Err(error) => return Err(error),
            }
        }
        _ => None,
    };
    let mut diagnosis = explain(&instance, &reachability, place.as_ref());
    if let Some(fault) = names {
        diagnosis.hints.insert(0, format!("{fault}; `adit init` tells what to do"));
    }
    Ok(diagnosis)
}

fn unknown(id: &str, place: &str) -> Diagnosis {
    Diagnosis {
        cause: Cause::Unknown,
        message: format!("there is no instance {id} {place}"),
        hints: vec![
            "`adit init` makes a bastion; with another --region or --profile it may be found"
                .to_owned(),
        ],
    }
}

/// What the facts mean.
fn explain(
    instance: &Bastion,
    reachability: &Reachability,
    place: Option<&Classified>,
) -> Diagnosis {
    let id = &instance.id;
    let told = |cause, message: String, hints: Vec<String>| Diagnosis { cause, message, hints };
    match instance.state {
        State::ShuttingDown | State::Terminated => {
            let reason = instance.state_reason.as_ref();
            let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
            return told(
                Cause::Gone,
                format!("the bastion {id} is {}{reason}", instance.state.as_str()),
                vec!["`adit init` makes a new one".to_owned()],
            );
        }
        State::Stopped | State::Stopping => {
            return told(
                Cause::Stopped,
                format!("the bastion {id} is {}", instance.state.as_str()),
                vec![format!(
                    "`adit connect` starts it, and so does: aws ec2 start-instances --instance-ids {id}"
                )],
            );
        }
        State::Pending => {
            return told(
                Cause::Starting,
                format!("the bastion {id} is starting"),
                vec!["it takes about a minute until its agent answers".to_owned()],
            );
        }
        State::Running => {}
    }
    let (cause, message) = match reachability {
        Reachability::Online { last_ping } => {
            return told(
                Cause::None,
                format!("the bastion {id} runs, and its agent answered at {last_ping}"),
                Vec::new(),
            );
        }
        Reachability::Offline { last_ping } => (
            Cause::Offline,
            format!("the bastion {id} runs, but its agent was last heard at {last_ping}"),
        ),
        Reachability::NotRegistered => {
            (Cause::NotRegistered, format!("the bastion {id} runs, but its agent was never heard"))
        }
    };
    told(cause, message, causes(instance, place))
}

/// What keeps a running agent silent, the certain causes first.
fn causes(instance: &Bastion, place: Option<&Classified>) -> Vec<String> {
    let mut hints = Vec::new();
    if instance.profile.is_none() {
        hints.push(
            "it has no instance profile, so its agent may call nothing: `adit init` repairs that"
                .to_owned(),
        );
    }
    match place {
        Some(place) if place.class == Class::Isolated => hints.push(format!(
            "its subnet {} leads to no Session Manager: {}; `adit init --create-endpoints` makes endpoints",
            instance.subnet, place.why
        )),
        Some(place) if place.class == Class::Public && instance.public_ip.is_none() => {
            hints.push(format!(
                "it has no public address, and {}: {}",
                instance.subnet, place.why
            ));
        }
        Some(place) => hints.extend(place.refusals.iter().cloned()),
        None => {}
    }
    if hints.is_empty() {
        hints.push(format!(
            "it started at {}: the first boot takes up to two minutes",
            instance.launched
        ));
        hints.push(
            "`adit init` checks its role and its security group, and repairs them".to_owned(),
        );
        hints.push(format!(
            "aws ec2 get-console-output --latest --instance-id {} may show why",
            instance.id
        ));
    }
    hints
}

#[cfg(test)]
mod tests;
