//! The policies of users and roles: those inside them, and AWS' own that are attached.

use super::checks::{self, encoded, name, required};
use super::store::{Grants, State};
use super::{no_such_entity, roles, users};
use crate::cloud::{Call, CloudError, Outcome, answer, el, node};
use crate::policy::{Policy, managed};

/// Letters of a policy's name.
const NAME: usize = 128;

const MOST_ATTACHED: usize = 10;

/// What has policies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Holder {
    User,
    Role,
}

impl Holder {
    fn noun(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Role => "role",
        }
    }

    /// Characters of all inline policies together, blanks not counted.
    ///
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>
    fn most_inline(self) -> usize {
        match self {
            Self::User => 2048,
            Self::Role => 10_240,
        }
    }

    /// The name of the one that a call is about, and its policies.
    fn of<'a>(
        self,
        state: &'a mut State,
        call: &Call<'_>,
    ) -> Result<(String, &'a mut Grants), CloudError> {
        match self {
            Self::User => {
                users::named(state, call).map(|user| (user.name.clone(), &mut user.grants))
            }
            Self::Role => {
                roles::find(state, call).map(|role| (role.name.clone(), &mut role.grants))
            }
        }
    }
}

pub(super) fn put(holder: Holder, state: &mut State, call: &Call<'_>) -> Outcome {
    let (owner, grants) = holder.of(state, call)?;
    let policy = name(call.params, "PolicyName", NAME)?;
    let document = required(call.params, "PolicyDocument")?;
    Policy::identity(document).map_err(super::malformed)?;
    let others = grants.inline.iter().filter(|(other, _)| *other != policy);
    let documents = others.map(|(_, document)| document.as_str()).chain([document]);
    let sum: usize = documents.map(|d| d.chars().filter(|c| !c.is_whitespace()).count()).sum();
    let most = holder.most_inline();
    if sum > most {
        let noun = holder.noun();
        let message = format!("Maximum policy size of {most} bytes exceeded for {noun} {owner}");
        return Err(super::limit(message));
    }
    grants.inline.insert(policy.to_owned(), document.to_owned());
    Ok(answer())
}

fn missing(holder: Holder, name: &str) -> CloudError {
    no_such_entity(format!("The {} policy with name {name} cannot be found.", holder.noun()))
}

pub(super) fn get(holder: Holder, state: &mut State, call: &Call<'_>) -> Outcome {
    let (owner, grants) = holder.of(state, call)?;
    let policy = name(call.params, "PolicyName", NAME)?;
    let document = grants.inline.get(policy).ok_or_else(|| missing(holder, policy))?;
    let element = match holder {
        Holder::User => "UserName",
        Holder::Role => "RoleName",
    };
    Ok(answer()
        .text(element, owner)
        .text("PolicyName", policy)
        .text("PolicyDocument", encoded(document)))
}

pub(super) fn list_inline(holder: Holder, state: &mut State, call: &Call<'_>) -> Outcome {
    let (_, grants) = holder.of(state, call)?;
    let names = grants.inline.keys().map(|name| el("member", name)).collect();
    checks::page(call, "PolicyNames", names)
}

pub(super) fn delete(holder: Holder, state: &mut State, call: &Call<'_>) -> Outcome {
    let (_, grants) = holder.of(state, call)?;
    let policy = name(call.params, "PolicyName", NAME)?;
    grants.inline.remove(policy).ok_or_else(|| missing(holder, policy))?;
    Ok(answer())
}

pub(super) fn attach(holder: Holder, state: &mut State, call: &Call<'_>) -> Outcome {
    let (_, grants) = holder.of(state, call)?;
    let arn = required(call.params, "PolicyArn")?;
    if managed(arn).is_none() {
        let message = format!("Policy {arn} does not exist or is not attachable.");
        return Err(no_such_entity(message));
    }
    // What is attached already stays so.
    if grants.attached.iter().any(|other| other == arn) {
        return Ok(answer());
    }
    if grants.attached.len() >= MOST_ATTACHED {
        let quota = match holder {
            Holder::User => "PoliciesPerUser",
            Holder::Role => "PoliciesPerRole",
        };
        return Err(super::limit(format!("Cannot exceed quota for {quota}: {MOST_ATTACHED}")));
    }
    grants.attached.push(arn.to_owned());
    Ok(answer())
}

pub(super) fn detach(holder: Holder, state: &mut State, call: &Call<'_>) -> Outcome {
    let (_, grants) = holder.of(state, call)?;
    let arn = required(call.params, "PolicyArn")?;
    let index = grants.attached.iter().position(|other| other == arn);
    let index = index.ok_or_else(|| no_such_entity(format!("Policy {arn} was not found.")))?;
    grants.attached.remove(index);
    Ok(answer())
}

pub(super) fn list_attached(holder: Holder, state: &mut State, call: &Call<'_>) -> Outcome {
    let (_, grants) = holder.of(state, call)?;
    let policies = grants.attached.iter().map(|arn| {
        let name = arn.rsplit('/').next().unwrap_or_default();
        node("member").text("PolicyName", name).text("PolicyArn", arn)
    });
    checks::page(call, "AttachedPolicies", policies.collect())
}
