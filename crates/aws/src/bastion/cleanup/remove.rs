//! Removing what was found, in order, going on after what fails.

use std::collections::{BTreeMap, BTreeSet};

use super::undo::Undo;
use super::{Leftovers, NOT_TRIED, Removal, RemovalAction, Removed, Unremoved};
use crate::bastion::progress::{Progress, Tell};
use crate::error::{AwsError, AwsErrorKind};
use crate::load::Aws;

/// What has to be gone before what comes after it can go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    Instance,
    Rule,
    Endpoint,
    EndpointGroup,
    Group,
    Profile,
    Role,
}

impl RemovalAction {
    pub(super) fn stage(&self) -> Stage {
        match self {
            Self::TerminateInstance { .. } => Stage::Instance,
            Self::RevokeRule { .. } | Self::UntagRule { .. } => Stage::Rule,
            Self::DeleteEndpoint { .. } => Stage::Endpoint,
            Self::DeleteEndpointGroup { .. } => Stage::EndpointGroup,
            Self::DeleteGroup { .. } => Stage::Group,
            Self::DeleteProfile { .. } => Stage::Profile,
            Self::DeleteRole { .. } => Stage::Role,
        }
    }
}

impl Stage {
    /// What has to be gone before, in the same VPC.
    fn needs(self) -> &'static [Self] {
        match self {
            Self::Instance | Self::Rule | Self::Endpoint => &[],
            Self::EndpointGroup => &[Self::Endpoint],
            Self::Group => &[Self::Instance, Self::Rule, Self::EndpointGroup],
            // A bastion that stays keeps what it works with.
            Self::Profile => &[Self::Instance],
            Self::Role => &[Self::Instance, Self::Profile],
        }
    }

    fn noun(self) -> &'static str {
        match self {
            Self::Instance => "bastion",
            Self::Rule => "rule",
            Self::Endpoint => "endpoint",
            Self::EndpointGroup => "group of the endpoints",
            Self::Group => "group",
            Self::Profile => "instance profile",
            Self::Role => "role",
        }
    }
}

/// Removes what was found. Where somebody uses a bastion, all of its VPC stays, unless `force` says
/// otherwise; what was in use when it was looked at is not tried, and in no list of what failed.
pub async fn remove(
    aws: &Aws,
    leftovers: &Leftovers,
    force: bool,
    mut progress: impl FnMut(Progress) + Send,
) -> Removed {
    let tell: Tell<'_> = &mut progress;
    let spared = (!force).then(|| leftovers.clone().without_what_is_in_use());
    let leftovers = spared.as_ref().unwrap_or(leftovers);
    let undo = Undo::new(aws);
    let mut removed = Removed::default();
    let total = leftovers.removals.len();
    // What is still there, by VPC: it keeps what it needs from going.
    let mut standing: BTreeSet<(String, Stage)> = BTreeSet::new();
    // What could not be looked for may be there.
    for vpc in leftovers.removals.iter().map(|removal| &removal.vpc) {
        let stages = leftovers.unseen.iter().filter_map(|unseen| unseen_stage(&unseen.what));
        standing.extend(stages.map(|stage| (vpc.clone(), stage)));
    }
    // The VPCs of bastions that somebody began to use since they were looked at.
    let mut in_use: BTreeMap<String, String> = BTreeMap::new();
    let mut looked_at = BTreeSet::new();
    let mut terminating = Vec::new();
    let mut steps = leftovers.removals.iter().zip(1..).peekable();
    while let Some((removal, number)) = steps.next() {
        let stage = removal.action.stage();
        let mut blocker = blocker(removal, leftovers, &standing);
        if !force && blocker.is_none() {
            // Somebody may have begun to use one since.
            if looked_at.insert(&removal.vpc)
                && let Some(why) = use_in(&undo, leftovers, &removal.vpc).await
            {
                in_use.insert(removal.vpc.clone(), why);
            }
            let now = in_use.get(&removal.vpc);
            blocker = now.map(|why| skipped(removal, why).hint("--force removes it all the same"));
        }
        tell(Progress::Step { number, total, summary: removal.summary.clone() });
        let result = match blocker {
            Some(error) => Err(error),
            None => undo.begin(removal, tell).await,
        };
        match result {
            Ok(()) if stage == Stage::Instance => terminating.push((removal, number)),
            Ok(()) => done(&mut removed, removal, number, tell),
            Err(error) => failed(&mut removed, &mut standing, removal, error),
        }
        // All bastions are told to go before the first is waited for.
        let is_last = steps.peek().is_none_or(|(next, _)| next.action.stage() != Stage::Instance);
        if stage == Stage::Instance && is_last {
            for (removal, number) in std::mem::take(&mut terminating) {
                match undo.until_terminated(&removal.resource, tell).await {
                    Ok(()) => done(&mut removed, removal, number, tell),
                    Err(error) => failed(&mut removed, &mut standing, removal, error),
                }
            }
        }
        // Whoever wants to stop can drop the work here, with no request under way.
        tokio::task::yield_now().await;
    }
    removed
}

/// Why nothing of a VPC can be removed now, by the first of its bastions that is in use.
async fn use_in(undo: &Undo<'_>, leftovers: &Leftovers, vpc: &str) -> Option<String> {
    for (id, _) in leftovers.vpcs.iter().filter(|(_, theirs)| *theirs == vpc) {
        if let Some(why) = undo.use_of(id).await {
            return Some(why);
        }
    }
    None
}

fn done(removed: &mut Removed, removal: &Removal, number: usize, tell: Tell<'_>) {
    tell(Progress::Done { number, resource: removal.resource.clone() });
    removed.done.push(removal.clone());
}

fn failed(
    removed: &mut Removed,
    standing: &mut BTreeSet<(String, Stage)>,
    removal: &Removal,
    error: AwsError,
) {
    standing.insert((removal.vpc.clone(), removal.action.stage()));
    removed.failed.push(Unremoved { removal: removal.clone(), error, command: removal.command() });
}

/// Why a removal is not tried.
fn blocker(
    removal: &Removal,
    leftovers: &Leftovers,
    standing: &BTreeSet<(String, Stage)>,
) -> Option<AwsError> {
    let stage = removal.action.stage();
    let in_the_way =
        stage.needs().iter().find(|need| standing.contains(&(removal.vpc.clone(), **need)))?;
    let noun = in_the_way.noun();
    let is_unseen =
        leftovers.unseen.iter().any(|unseen| unseen_stage(&unseen.what) == Some(*in_the_way));
    let verb = if is_unseen { "may still be" } else { "is still" };
    Some(skipped(removal, &format!("a {noun} of {} {verb} there", removal.vpc)))
}

fn skipped(removal: &Removal, why: &str) -> AwsError {
    let text = format!("{} was not tried: {why}", removal.resource);
    AwsError::new(AwsErrorKind::Service { code: NOT_TRIED.to_owned() }, text)
}

/// The stage of what could not be looked for.
fn unseen_stage(what: &str) -> Option<Stage> {
    match what {
        "bastion" => Some(Stage::Instance),
        "rule" => Some(Stage::Rule),
        "endpoint" => Some(Stage::Endpoint),
        "instance profile" => Some(Stage::Profile),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn removal(resource: &str, vpc: &str, action: RemovalAction) -> Removal {
        let (resource, vpc) = (resource.to_owned(), vpc.to_owned());
        Removal { resource, vpc, summary: String::new(), action }
    }

    #[test]
    fn what_a_bastion_needs_stays_as_long_as_it_does_but_not_elsewhere() {
        let standing = BTreeSet::from([("vpc-1".to_owned(), Stage::Instance)]);
        let leftovers = Leftovers::default();
        let group =
            |vpc| removal("sg-1", vpc, RemovalAction::DeleteGroup { group: "sg-1".to_owned() });
        let role = removal("r", "vpc-1", RemovalAction::DeleteRole { role: "r".to_owned() });
        let rule = RemovalAction::RevokeRule {
            group: "sg-2".to_owned(),
            rule: "sgr-1".to_owned(),
            is_egress: false,
        };
        let is_blocked = |removal: &Removal| blocker(removal, &leftovers, &standing).is_some();
        assert!(is_blocked(&group("vpc-1")));
        assert!(is_blocked(&role));
        assert!(!is_blocked(&group("vpc-2")));
        assert!(!is_blocked(&removal("sgr-1", "vpc-1", rule)));
    }
}
