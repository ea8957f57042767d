//! Names that are taken by what adit did not make.

use adit_aws::bastion;

use crate::support::census::{Census, ONE_TARGET};
use crate::support::network::Way;
use crate::support::{World, desired};

const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;

#[tokio::test]
async fn names_that_are_taken_are_avoided_and_what_has_them_is_left() {
    let world = World::start().await;
    let vpc = world.network(Way::Nat, &["us-east-1a"]).await;
    let name = format!("adit-bastion-{vpc}");
    let iam = world.iam();
    let role = iam.create_role().role_name(&name).assume_role_policy_document(TRUST);
    role.send().await.expect("a role");
    let profile = iam.create_instance_profile().instance_profile_name(&name);
    profile.send().await.expect("a profile");
    let group = world.group(&vpc, "adit-bastion").await;

    let desired = desired(&vpc, &[]);
    assert!(world.init(&desired).await.is_online);
    assert_eq!(world.census().await, Census { access: 0, egress: 1, ..ONE_TARGET });
    assert!(world.plan(&desired).await.steps.is_empty());
    let bastion = bastion::find(&world.aws, None).await.expect("bastions").own.remove(0);
    assert!(bastion.profile.expect("a profile").ends_with(&format!("/adit/{name}-2")));
    assert_ne!(bastion.groups, std::slice::from_ref(&group));

    world.cleanup_all().await;
    let role = iam.get_role().role_name(&name).send().await.expect("the foreign role");
    assert!(role.role().expect("a role").tags().is_empty());
    iam.get_instance_profile().instance_profile_name(&name).send().await.expect("the profile");
    let groups = world.ec2().describe_security_groups().group_ids(&group).send().await;
    let groups = groups.expect("the foreign group");
    assert_eq!(groups.security_groups()[0].ip_permissions_egress().len(), 1, "as AWS made it");
}

/// A foreign name that is taken between plan and deed.
#[tokio::test]
async fn a_name_that_is_taken_in_the_meantime_is_told() {
    let world = World::start().await;
    let vpc = world.network(Way::Nat, &["us-east-1a"]).await;
    let desired = desired(&vpc, &[]);
    let plan = world.plan(&desired).await;
    world.group(&vpc, "adit-bastion").await;
    let error = Box::pin(bastion::apply(&world.aws, &plan, |_| ())).await.expect_err("taken");
    assert_eq!(
        error.to_string(),
        format!(
            "could not make the security group in {vpc} (adit-bastion): the security group adit-bastion was made in the meantime, and not by adit"
        )
    );
    assert!(error.hints()[0].contains("again"), "{:?}", error.hints());
    world.init(&desired).await;
    assert_eq!(world.census().await, Census { access: 0, egress: 1, ..ONE_TARGET });
}
