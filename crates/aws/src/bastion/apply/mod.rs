//! Doing what a plan says.
//!
//! Each step can be done again, and what it makes carries its tags from the first moment, so a run
//! that is cut short at any point leaves only what the next plan goes on from. What somebody else
//! made in the meantime under the same tags is taken, not made twice.

mod endpoint;
mod group;
mod identity;
mod instance;

use std::collections::BTreeMap;

use serde::Serialize;

use super::agent::{Reachability, agent};
use super::plan::{Action, GroupRef, Plan, Step};
use super::progress::{Progress, Tell};
use super::sessions::live_sessions;
use super::start::{online, start};
use crate::error::{AwsError, AwsErrorKind};
use crate::load::Aws;

/// What a plan led to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Applied {
    /// The bastion to use.
    pub bastion: Option<String>,
    /// What was made or changed, step by step, with its id.
    pub done: Vec<String>,
    /// Whether the bastion was started and its agent answers.
    pub is_online: bool,
}

/// A step that failed. What was done before it stands.
#[derive(Debug, Clone, thiserror::Error)]
#[error("could not {step} ({resource}): {error}")]
pub struct ApplyError {
    /// What the step was to do.
    pub step: String,
    /// The name or id of what was to be made or changed.
    pub resource: String,
    /// What stands, step by step.
    pub done: Vec<String>,
    /// Why it failed.
    pub error: AwsError,
}

impl ApplyError {
    /// What to do next, each one line.
    pub fn hints(&self) -> Vec<String> {
        let mut hints = self.error.hints.clone();
        if !self.done.is_empty() {
            hints.push(
                "what was made stays: the same command again goes on from there, and `adit cleanup` removes it"
                    .to_owned(),
            );
        }
        hints
    }
}

/// Does what `plan` says, step by step. Then waits until the agent of the bastion answers, whoever
/// started it, unless the bastion is stopped.
pub async fn apply(
    aws: &Aws,
    plan: &Plan,
    mut progress: impl FnMut(Progress) + Send,
) -> Result<Applied, ApplyError> {
    let tell: Tell<'_> = &mut progress;
    let mut run = Run {
        aws,
        ec2: aws_sdk_ec2::Client::new(&aws.sdk),
        iam: aws_sdk_iam::Client::new(&aws.sdk),
        vpc: &plan.vpc,
        groups: BTreeMap::new(),
        launched: None,
        rebooted: None,
    };
    let mut applied = Applied {
        bastion: plan.bastion.as_ref().map(|bastion| bastion.id.clone()),
        ..Applied::default()
    };
    let total = plan.steps.len();
    for (step, number) in plan.steps.iter().zip(1..) {
        tell(Progress::Step { number, total, summary: step.summary.clone() });
        match run.step(step, tell).await {
            Ok(resource) => {
                tell(Progress::Done { number, resource: resource.clone() });
                applied.done.push(resource);
                // Whoever wants to stop can drop the work here, with no request under way.
                tokio::task::yield_now().await;
            }
            Err(error) => return Err(failed(step.summary.clone(), &step.resource, applied, error)),
        }
    }
    let (id, result) = if let Some(launched) = run.launched.take() {
        (launched.id.clone(), Box::pin(run.bring_online(launched, tell)).await)
    } else if let Some((id, heard)) = run.rebooted.take() {
        let result = Box::pin(online(aws, &run.ec2, &id, heard, tell)).await;
        (id.clone(), result.map(|()| id))
    } else if let Some(bastion) =
        plan.bastion.as_ref().filter(|bastion| bastion.is_up() && bastion.profile.is_some())
    {
        // A run that was broken off may have launched it a moment ago. Without a profile, which this
        // run then could not see to, there is nothing to wait for.
        let id = bastion.id.clone();
        let result = Box::pin(online(aws, &run.ec2, &id, None, tell)).await;
        (id.clone(), result.map(|()| id))
    } else {
        return Ok(applied);
    };
    match result {
        Ok(id) => Ok(Applied { bastion: Some(id), is_online: true, ..applied }),
        Err(error) => Err(failed("bring the bastion online".to_owned(), &id, applied, error)),
    }
}

fn failed(step: String, resource: &str, applied: Applied, error: AwsError) -> ApplyError {
    ApplyError { step, resource: resource.to_owned(), done: applied.done, error }
}

/// One run through a plan.
struct Run<'a> {
    aws: &'a Aws,
    ec2: aws_sdk_ec2::Client,
    iam: aws_sdk_iam::Client,
    vpc: &'a str,
    /// The ids of the groups that earlier steps made, by name.
    groups: BTreeMap<String, String>,
    /// The bastion that a step started, or found started.
    launched: Option<Launched>,
    /// The bastion that a step rebooted, and when its agent was last heard before.
    rebooted: Option<(String, Option<String>)>,
}

/// A bastion that a step started, or found started.
struct Launched {
    id: String,
    /// Whether `RunInstances` of this run gave it: only then may this run remove it again.
    is_own: bool,
}

impl Run<'_> {
    /// Does one step; gives the name or id of what it made or changed.
    async fn step(&mut self, step: &Step, tell: Tell<'_>) -> Result<String, AwsError> {
        match &step.action {
            Action::CreateRole { name, boundary, tags } => {
                self.create_role(name, boundary.as_deref(), tags).await?;
            }
            Action::SetBoundary { role, boundary } => self.set_boundary(role, boundary).await?,
            Action::PutPolicy { role } => self.put_policy(role).await?,
            Action::CreateProfile { name, tags } => self.create_profile(name, tags).await?,
            Action::AddRole { profile, role } => self.add_role(profile, role).await?,
            Action::CreateGroup { name, description, tags } => {
                let id = self.create_group(name, description, tags).await?;
                self.groups.insert(name.clone(), id.clone());
                return Ok(format!("{name} ({id})"));
            }
            Action::RevokeDefaultEgress { group, cidrs } => {
                let group = self.group(group)?;
                self.revoke_default_egress(&group, cidrs).await?;
                return Ok(group);
            }
            Action::AllowEgress { group, rule } => {
                let group = self.group(group)?;
                self.allow_egress(&group, rule).await?;
                return Ok(group);
            }
            Action::AllowIngress { group, rule } => {
                let group = self.group(group)?;
                self.allow_ingress(&group, rule).await?;
                return Ok(group);
            }
            Action::TagRule { rule, tags } => self.tag_rule(rule, tags).await?,
            Action::CreateEndpoint { service, subnet, group, tags } => {
                let group = self.group(group)?;
                return self.create_endpoint(service, subnet, &group, tags).await;
            }
            Action::RunInstance(launch) => {
                let launched = self.run_instance(launch, tell).await?;
                let id = launched.id.clone();
                self.launched = Some(launched);
                return Ok(id);
            }
            Action::SetProfile { instance, profile, reboot } => {
                self.set_profile(instance, profile).await?;
                if *reboot {
                    self.reboot(instance, tell).await?;
                }
            }
            Action::SetGroups { instance, groups } => {
                let groups: Result<Vec<_>, _> =
                    groups.iter().map(|group| self.group(group)).collect();
                self.set_groups(instance, groups?).await?;
            }
        }
        Ok(step.resource.clone())
    }

    /// The id of a group that stands, or that an earlier step made.
    fn group(&self, group: &GroupRef) -> Result<String, AwsError> {
        match group {
            GroupRef::Id(id) => Ok(id.clone()),
            GroupRef::New(name) => self.groups.get(name).cloned().ok_or_else(|| {
                AwsError::new(
                    AwsErrorKind::Internal,
                    format!("the plan uses the group {name} before it makes it"),
                )
            }),
        }
    }

    /// Waits until the agent answers. In that time all that others did comes into sight, so here it
    /// shows for certain whether two have made a bastion at once.
    async fn bring_online(
        &mut self,
        launched: Launched,
        tell: Tell<'_>,
    ) -> Result<String, AwsError> {
        let Launched { id, is_own } = launched;
        Box::pin(start(self.aws, &id, &mut *tell)).await?;
        if !is_own {
            return Ok(id);
        }
        let settled = self.settle(id.clone(), true, tell).await?;
        if settled != id {
            Box::pin(start(self.aws, &settled, tell)).await?;
        }
        Ok(settled)
    }

    /// An agent that was refused sleeps for half an hour before it looks at its role again. One that
    /// serves sessions is left alone.
    async fn reboot(&mut self, instance: &str, tell: Tell<'_>) -> Result<(), AwsError> {
        let sessions = live_sessions(self.aws, instance).await?;
        if sessions > 0 {
            tell(Progress::Note {
                text: format!(
                    "{instance} has live sessions ({sessions}) and is not rebooted: its agent takes the profile by itself, within half an hour or at the next start"
                ),
            });
            return Ok(());
        }
        let heard = agent(self.aws, &[instance]).await?.remove(instance);
        let answer = self.ec2.reboot_instances().instance_ids(instance).send().await;
        answer.map_err(crate::error::failed(self.aws, "RebootInstances"))?;
        let heard = heard.and_then(|agent| match agent {
            Reachability::Online { last_ping } | Reachability::Offline { last_ping } => {
                Some(last_ping)
            }
            Reachability::NotRegistered => None,
        });
        self.rebooted = Some((instance.to_owned(), heard));
        Ok(())
    }
}

/// An error of ours: as many tokens as are tried name something that is gone.
fn out_of_tokens(what: &str, hint: &str) -> AwsError {
    AwsError::new(
        AwsErrorKind::Service { code: "IdempotentParameterMismatch".to_owned() },
        format!("the service holds each token for an {what} that was removed"),
    )
    .hint(hint)
}

/// An error of ours: somebody else's resource has the name that the plan was to use.
fn taken(what: &str, name: &str) -> AwsError {
    AwsError::new(
        AwsErrorKind::Service { code: "NameTaken".to_owned() },
        format!("the {what} {name} was made in the meantime, and not by adit"),
    )
    .hint("the same command again makes a new plan that avoids it")
}

#[cfg(test)]
mod tests;
