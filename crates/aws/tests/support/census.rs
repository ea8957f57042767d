//! Counting what has adit's tags, without adit.

use std::collections::BTreeMap;

use aws_sdk_ec2::types::{Filter, SecurityGroupRule};

use super::World;

/// How much there is of everything that adit makes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Census {
    /// Instances that are not terminated.
    pub(crate) bastions: usize,
    pub(crate) roles: usize,
    pub(crate) profiles: usize,
    /// Those of bastions and of endpoints.
    pub(crate) groups: usize,
    /// Rules that let a bastion into a target.
    pub(crate) access: usize,
    /// Rules that let a bastion out.
    pub(crate) egress: usize,
    pub(crate) endpoints: usize,
}

/// What stands when all is done for one target in a VPC with one block.
pub(crate) const ONE_TARGET: Census =
    Census { bastions: 1, roles: 1, profiles: 1, groups: 1, access: 1, egress: 2, endpoints: 0 };

/// The same with endpoints.
pub(crate) const WITH_ENDPOINTS: Census = Census { groups: 2, endpoints: 2, ..ONE_TARGET };

impl World {
    /// Counts what has adit's tags.
    pub(crate) async fn census(&self) -> Census {
        let ec2 = self.ec2();
        let tagged = Filter::builder().name("tag-key").values("adit:purpose").build();
        let alive = ["pending", "running", "stopping", "stopped", "shutting-down"];
        let alive = Filter::builder()
            .name("instance-state-name")
            .set_values(Some(alive.map(str::to_owned).to_vec()));
        let instances = ec2.describe_instances().filters(tagged.clone()).filters(alive.build());
        let instances = instances.send().await.expect("instances");
        let groups = ec2.describe_security_groups().filters(tagged.clone()).send().await;
        let groups = groups.expect("groups");
        let rules = ec2.describe_security_group_rules().filters(tagged.clone()).send().await;
        let rules = rules.expect("rules");
        let endpoints = ec2.describe_vpc_endpoints().filters(tagged).send().await;
        let endpoints = endpoints.expect("endpoints");
        let endpoints = endpoints.vpc_endpoints().iter().filter(|one| {
            let state = one.state().map(|state| state.as_str().to_lowercase());
            !matches!(state.as_deref(), Some("deleted" | "deleting"))
        });
        let mut purposes = BTreeMap::<&str, usize>::new();
        let tags = rules.security_group_rules().iter().flat_map(SecurityGroupRule::tags);
        for tag in tags.filter(|tag| tag.key() == Some("adit:purpose")) {
            *purposes.entry(tag.value().unwrap_or_default()).or_default() += 1;
        }
        let of = |purpose| purposes.get(purpose).copied().unwrap_or_default();
        Census {
            bastions: instances.reservations().iter().map(|one| one.instances().len()).sum(),
            roles: self.tagged_roles().await,
            profiles: self.tagged_profiles().await,
            groups: groups.security_groups().len(),
            access: of("target-access"),
            egress: of("bastion-egress"),
            endpoints: endpoints.count(),
        }
    }

    async fn tagged_roles(&self) -> usize {
        let iam = self.iam();
        let mut count = 0;
        let roles = iam.list_roles().send().await.expect("roles");
        for role in roles.roles() {
            let role = iam.get_role().role_name(role.role_name()).send().await.expect("a role");
            let tags = role.role().map(aws_sdk_iam::types::Role::tags).unwrap_or_default();
            count += usize::from(tags.iter().any(|tag| tag.key() == "adit:purpose"));
        }
        count
    }

    async fn tagged_profiles(&self) -> usize {
        let iam = self.iam();
        let mut count = 0;
        let profiles = iam.list_instance_profiles().send().await.expect("profiles");
        for profile in profiles.instance_profiles() {
            let call = iam.get_instance_profile();
            let profile = call.instance_profile_name(profile.instance_profile_name()).send().await;
            let profile = profile.expect("a profile");
            let profile = profile.instance_profile().expect("a profile");
            count += usize::from(profile.tags().iter().any(|tag| tag.key() == "adit:purpose"));
        }
        count
    }
}
