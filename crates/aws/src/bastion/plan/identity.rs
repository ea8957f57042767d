//! The role that the bastion takes, and the instance profile that carries it.

use super::{Action, PlanError, Planner};
use crate::naming;
use crate::tags::{self, Purpose, Tags};

impl Planner<'_> {
    /// Sees to role, policy and profile; gives the name of the profile.
    pub(super) fn identity(&mut self) -> Result<String, PlanError> {
        let inventory = self.inventory;
        let vpc = &self.vpc.id;
        let wanted = naming::role(vpc);
        // Ours before a free name: that may have become free only since.
        let ours = inventory.roles.iter().find(|one| tags::is_of(&one.tags, Purpose::Role, vpc));
        let role_name = match ours {
            Some(role) => role.name.clone(),
            None => naming::first_free("role", &wanted, |name| {
                inventory.roles.iter().any(|role| role.name == name)
            })?,
        };
        let ours =
            inventory.profiles.iter().find(|one| tags::is_of(&one.tags, Purpose::Profile, vpc));
        let profile_name = match ours {
            Some(profile) => profile.name.clone(),
            None => naming::first_free("instance profile", &wanted, |name| {
                inventory.profiles.iter().any(|profile| profile.name == name)
            })?,
        };
        let profile = inventory.profiles.iter().find(|profile| profile.name == profile_name);
        if let Some(other) = profile.and_then(|profile| profile.role.as_deref())
            && other != role_name
        {
            self.plan.warnings.push(format!(
                "the instance profile {profile_name} holds the role {other}, which adit did not make; it is left so, and must allow what Session Manager needs"
            ));
            return Ok(profile_name);
        }
        self.role(&role_name);
        if profile.is_none() {
            let tags = self.account_tags(Purpose::Profile);
            self.step(
                Action::CreateProfile { name: profile_name.clone(), tags },
                &profile_name,
                "make the instance profile".to_owned(),
                "an instance takes a role through a profile".to_owned(),
            );
        }
        if profile.is_none_or(|profile| profile.role.is_none()) {
            self.step(
                Action::AddRole { profile: profile_name.clone(), role: role_name.clone() },
                &profile_name,
                format!("put the role {role_name} into the profile"),
                "the profile is empty without it".to_owned(),
            );
        }
        Ok(profile_name)
    }

    fn role(&mut self, name: &str) {
        let boundary = self.desired.options.permissions_boundary.clone();
        let role = self.inventory.roles.iter().find(|role| role.name == name);
        match role {
            None => {
                let tags = self.account_tags(Purpose::Role);
                self.step(
                    Action::CreateRole { name: name.to_owned(), boundary, tags },
                    name,
                    "make the role of the bastion".to_owned(),
                    "its agent calls Session Manager with it".to_owned(),
                );
            }
            Some(role) => {
                if let Some(boundary) = boundary
                    && role.boundary.as_ref() != Some(&boundary)
                {
                    self.step(
                        Action::SetBoundary { role: name.to_owned(), boundary: boundary.clone() },
                        name,
                        format!("bound the role by {boundary}"),
                        "asked for, and the role has another or none".to_owned(),
                    );
                }
            }
        }
        if !role.is_some_and(|role| role.has_policy) {
            self.step(
                Action::PutPolicy { role: name.to_owned() },
                name,
                "allow the role what Session Manager needs, and no more".to_owned(),
                match role {
                    None => "a new role may do nothing".to_owned(),
                    Some(_) => "its policy is missing or was changed".to_owned(),
                },
            );
        }
    }

    /// Tags of what belongs to the account and not to the region.
    fn account_tags(&self, purpose: Purpose) -> Tags {
        let mut tags = self.tags(purpose);
        tags.insert(tags::REGION.to_owned(), self.inventory.region.clone());
        tags
    }
}
