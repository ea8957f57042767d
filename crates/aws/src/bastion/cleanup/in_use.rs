//! What stays because somebody is connected, or may be.

use super::{Kept, Leftovers, Removal};

/// What ends the sessions that something stays for, and removes it.
pub const FORCE: &str = "adit cleanup --force";

impl Leftovers {
    /// Keeps all of a VPC in which sessions are live on a bastion, or nobody can say whether some
    /// are: without its rules a session is of no use.
    #[must_use]
    pub fn without_what_is_in_use(mut self) -> Self {
        let removals = std::mem::take(&mut self.removals);
        for removal in removals {
            match self.use_in(&removal.vpc) {
                Some(why) => self.kept.push(kept(&removal, why)),
                None => self.removals.push(removal),
            }
        }
        self
    }

    /// Why nothing of a VPC is to be removed.
    fn use_in(&self, vpc: &str) -> Option<String> {
        // The bastions of the VPC, also those that are not to be removed.
        let here = || self.vpcs.iter().filter(|(_, theirs)| *theirs == vpc).map(|(id, _)| id);
        let live_on = here().find_map(|id| Some(live(id, *self.sessions.get(id)?)));
        live_on.or_else(|| {
            let unasked = self.unasked.as_ref()?;
            let id = here().find(|id| unasked.bastions.contains(id))?;
            Some(format!("whether sessions are live on {id} is not known"))
        })
    }
}

fn kept(removal: &Removal, why: String) -> Kept {
    Kept { resource: removal.resource.clone(), why, command: FORCE.to_owned() }
}

/// That sessions are live, in words.
pub(super) fn live(bastion: &str, count: usize) -> String {
    let (noun, verb) = if count == 1 { ("session", "is") } else { ("sessions", "are") };
    format!("{count} {noun} {verb} live on {bastion}")
}

#[cfg(test)]
mod tests {
    use super::super::{RemovalAction, Unasked};
    use super::*;

    fn removal(resource: &str, vpc: &str, action: RemovalAction) -> Removal {
        let (resource, vpc) = (resource.to_owned(), vpc.to_owned());
        Removal { resource, vpc, summary: String::new(), action }
    }

    fn leftovers() -> Leftovers {
        let instance = |id: &str, vpc| {
            removal(id, vpc, RemovalAction::TerminateInstance { instance: id.to_owned() })
        };
        let (group, rule) = ("sg-2".to_owned(), "sgr-1".to_owned());
        let rule = RemovalAction::RevokeRule { group, rule, is_egress: false };
        Leftovers {
            removals: vec![
                instance("i-1", "vpc-1"),
                instance("i-2", "vpc-2"),
                removal("sgr-1", "vpc-1", rule),
            ],
            vpcs: [("i-1", "vpc-1"), ("i-2", "vpc-2")]
                .map(|(id, vpc)| (id.to_owned(), vpc.to_owned()))
                .into(),
            ..Leftovers::default()
        }
    }

    #[test]
    fn where_sessions_are_live_or_may_be_all_of_the_vpc_stays() {
        let idle = leftovers();
        assert_eq!(idle.clone().without_what_is_in_use(), idle);

        let live = Leftovers { sessions: [("i-1".to_owned(), 2)].into(), ..leftovers() };
        let unasked = Unasked { bastions: vec!["i-1".to_owned()], ..Unasked::default() };
        let unasked = Leftovers { unasked: Some(unasked), ..leftovers() };
        for (leftovers, why) in [
            (live, "2 sessions are live on i-1"),
            (unasked, "whether sessions are live on i-1 is not known"),
        ] {
            let spared = leftovers.without_what_is_in_use();
            let left: Vec<_> = spared.removals.iter().map(|one| one.resource.as_str()).collect();
            assert_eq!(left, ["i-2"]);
            let kept: Vec<_> = spared.kept.iter().map(|one| one.resource.as_str()).collect();
            assert_eq!(kept, ["i-1", "sgr-1"]);
            assert!(spared.kept.iter().all(|one| one.why == why), "{:?}", spared.kept);
            assert_eq!(spared.kept[0].command, "adit cleanup --force");
        }
    }
}
