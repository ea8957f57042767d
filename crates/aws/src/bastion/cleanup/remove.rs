//! Removing what was found, in order, going on after what fails.

use std::collections::{BTreeMap, BTreeSet};

use super::undo::Undo;
use super::{Leftovers, Removal, RemovalAction, Removed, Unasked, Unremoved};
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

/// Removes what was found. Where sessions are live, all of the VPC stays, unless `force` says
/// otherwise: without its rules a session is of no use.
pub async fn remove(
    aws: &Aws,
    leftovers: &Leftovers,
    force: bool,
    mut progress: impl FnMut(Progress) + Send,
) -> Removed {
    let tell: Tell<'_> = &mut progress;
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
    let mut terminating = Vec::new();
    let mut steps = leftovers.removals.iter().zip(1..).peekable();
    while let Some((removal, number)) = steps.next() {
        let stage = removal.action.stage();
        let mut blocker = blocker(removal, leftovers, force, &standing);
        if !force && blocker.is_none() {
            if let RemovalAction::TerminateInstance { instance } = &removal.action
                && let Some(why) = undo.use_of(instance).await
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
    force: bool,
    standing: &BTreeSet<(String, Stage)>,
) -> Option<AwsError> {
    if !force && let Some((bastion, count)) = sessions_of(&removal.vpc, leftovers) {
        let error = skipped(removal, &live(bastion, count));
        return Some(error.hint("--force ends the sessions"));
    }
    if !force && let Some((bastion, unasked)) = unasked_of(&removal.vpc, leftovers) {
        let why = format!("whether sessions are live on {bastion} is not known");
        let error = skipped(removal, &why)
            .hint("--force removes it all the same, and ends what sessions there are");
        return Some(unasked.hints.iter().cloned().fold(error, AwsError::hint));
    }
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
    AwsError::new(AwsErrorKind::Service { code: "Skipped".to_owned() }, text)
}

/// That sessions are live, in words.
pub(super) fn live(bastion: &str, count: usize) -> String {
    let (noun, verb) = if count == 1 { ("session", "is") } else { ("sessions", "are") };
    format!("{count} {noun} {verb} live on {bastion}")
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

/// The first bastion of the VPC that somebody is using, and how many sessions there are.
fn sessions_of<'a>(vpc: &str, leftovers: &'a Leftovers) -> Option<(&'a str, usize)> {
    bastions_of(vpc, leftovers).find_map(|id| Some((id, *leftovers.sessions.get(id)?)))
}

/// The bastions of the VPC, also those that are not to be removed.
fn bastions_of<'a>(vpc: &str, leftovers: &'a Leftovers) -> impl Iterator<Item = &'a str> {
    let here = leftovers.vpcs.iter().filter(move |(_, theirs)| *theirs == vpc);
    here.map(|(id, _)| id.as_str())
}

/// The first bastion of the VPC of which it is not known whether somebody is using it.
fn unasked_of<'a>(vpc: &str, leftovers: &'a Leftovers) -> Option<(&'a str, &'a Unasked)> {
    let unasked = leftovers.unasked.as_ref()?;
    let mut ids = bastions_of(vpc, leftovers);
    Some((ids.find(|id| unasked.bastions.iter().any(|bastion| bastion == id))?, unasked))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn removal(resource: &str, vpc: &str, action: RemovalAction) -> Removal {
        let (resource, vpc) = (resource.to_owned(), vpc.to_owned());
        Removal { resource, vpc, summary: String::new(), action }
    }

    fn instance(id: &str, vpc: &str) -> Removal {
        removal(id, vpc, RemovalAction::TerminateInstance { instance: id.to_owned() })
    }

    #[test]
    fn where_sessions_are_live_all_stays_unless_forced() {
        let rule = |vpc| {
            let (group, rule) = ("sg-2".to_owned(), "sgr-1".to_owned());
            removal("sgr-1", vpc, RemovalAction::RevokeRule { group, rule, is_egress: false })
        };
        let leftovers = Leftovers {
            removals: vec![instance("i-1", "vpc-1"), rule("vpc-1"), instance("i-2", "vpc-2")],
            sessions: [("i-1".to_owned(), 2)].into(),
            vpcs: [("i-1", "vpc-1"), ("i-2", "vpc-2")]
                .map(|(id, vpc)| (id.to_owned(), vpc.to_owned()))
                .into(),
            ..Leftovers::default()
        };
        let none = BTreeSet::new();
        let error = blocker(&rule("vpc-1"), &leftovers, false, &none).unwrap();
        assert_eq!(error.message, "sgr-1 was not tried: 2 sessions are live on i-1");
        assert!(blocker(&instance("i-1", "vpc-1"), &leftovers, false, &none).is_some());
        assert!(blocker(&instance("i-1", "vpc-1"), &leftovers, true, &none).is_none());
        assert!(blocker(&instance("i-2", "vpc-2"), &leftovers, false, &none).is_none());
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
        let is_blocked =
            |removal: &Removal| blocker(removal, &leftovers, false, &standing).is_some();
        assert!(is_blocked(&group("vpc-1")));
        assert!(is_blocked(&role));
        assert!(!is_blocked(&group("vpc-2")));
        assert!(!is_blocked(&removal("sgr-1", "vpc-1", rule)));
    }
}
