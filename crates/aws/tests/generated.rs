//! Worlds that nobody thought of: what a plan makes, the next plan finds done, and what others made
//! stays.

use std::collections::BTreeSet;

use adit_aws::bastion::{self, Desired, Scope};
use aws_sdk_ec2::types::{IpPermission, IpRange, SecurityGroup, SecurityGroupRule, Tag};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use crate::support::census::Census;
use crate::support::network::{Peer, Way};
use crate::support::targets::imagined;
use crate::support::{World, desired};

/// How many worlds are tried. Each is a lab with some hundred calls.
const CASES: u32 = 48;

/// What an earlier run or somebody's hand left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Damage {
    NoPolicy,
    RoleOutOfProfile,
    NoProfile,
    NoRole,
    InstanceWithoutProfile,
    InstanceWithOtherGroup,
    Terminated,
    Stopped,
    DefaultEgressBack,
    NoEgress,
    NoAccess,
    TwinBastion,
    TwinGroup,
    ForeignGroup,
    ForeignRole,
    ForeignRule,
    NoInternet,
}

const DAMAGES: [Damage; 17] = [
    Damage::NoPolicy,
    Damage::RoleOutOfProfile,
    Damage::NoProfile,
    Damage::NoRole,
    Damage::InstanceWithoutProfile,
    Damage::InstanceWithOtherGroup,
    Damage::Terminated,
    Damage::Stopped,
    Damage::DefaultEgressBack,
    Damage::NoEgress,
    Damage::NoAccess,
    Damage::TwinBastion,
    Damage::TwinGroup,
    Damage::ForeignGroup,
    Damage::ForeignRole,
    Damage::ForeignRule,
    Damage::NoInternet,
];

/// A world in the making.
#[derive(Debug, Clone)]
struct Sketch {
    way: Way,
    zones: usize,
    /// What an earlier run set up, by the numbers of the targets; `None` when there was none.
    earlier: Option<Vec<usize>>,
    /// How many steps it made before it was cut short.
    steps: usize,
    before: Vec<Damage>,
    after: Vec<Damage>,
    /// What is wanted now.
    wanted: Vec<usize>,
}

fn sketch() -> impl Strategy<Value = Sketch> {
    let way = select(vec![Way::Nat, Way::Public, Way::Endpoints, Way::Isolated]);
    let foreign = vec![Damage::ForeignGroup, Damage::ForeignRole];
    let earlier = prop::option::weighted(0.8, subsequence((0..4).collect::<Vec<_>>(), 0..=4));
    let steps = prop_oneof![Just(usize::MAX), 0_usize..16];
    (
        way,
        1_usize..=3,
        earlier,
        steps,
        subsequence(foreign, 0..=2),
        subsequence(DAMAGES.to_vec(), 0..=4).prop_shuffle(),
        subsequence((0..4).collect::<Vec<_>>(), 0..=4).prop_shuffle(),
    )
        .prop_map(|(way, zones, earlier, steps, before, after, wanted)| Sketch {
            way,
            zones,
            earlier,
            steps,
            before,
            after,
            wanted,
        })
}

/// A sketch carried out: the VPC, and the groups of its targets.
struct Place {
    world: World,
    vpc: String,
    groups: [String; 2],
}

impl Place {
    async fn build(sketch: &Sketch) -> Self {
        let world = World::start().await;
        let zones = ["us-east-1a", "us-east-1b", "us-east-1c"];
        let vpc = world.network(sketch.way, &zones[..sketch.zones]).await;
        let groups = [world.group(&vpc, "orders").await, world.group(&vpc, "users").await];
        let place = Self { world, vpc, groups };
        for damage in &sketch.before {
            place.harm(*damage).await;
        }
        if let Some(targets) = &sketch.earlier {
            let mut plan = place.world.plan(&place.desired(targets)).await;
            plan.steps.truncate(sketch.steps);
            let applied = Box::pin(bastion::apply(&place.world.aws, &plan, |_| ())).await;
            applied.expect("the earlier run");
        }
        for damage in &sketch.after {
            place.harm(*damage).await;
        }
        place
    }

    fn desired(&self, targets: &[usize]) -> Desired {
        let known =
            [("orders", 5432, 0), ("replica", 5432, 0), ("users", 5432, 1), ("search", 443, 1)];
        let targets: Vec<_> = targets
            .iter()
            .map(|&number| known[number])
            .map(|(id, port, group)| imagined(&self.vpc, id, port, &self.groups[group]))
            .collect();
        let mut desired = desired(&self.vpc, &targets);
        desired.options.create_endpoints = true;
        desired
    }
}

/// The groups with adit's tag for bastions.
fn is_bastions(group: &SecurityGroup) -> bool {
    let is_it =
        |tag: &Tag| tag.key() == Some("adit:purpose") && tag.value() == Some("bastion-group");
    group.tags().iter().any(is_it)
}

impl Place {
    fn name(&self) -> String {
        format!("adit-bastion-{}", self.vpc)
    }

    async fn all_groups(&self) -> Vec<SecurityGroup> {
        let all = self.world.ec2().describe_security_groups().send().await.expect("groups");
        all.security_groups.unwrap_or_default()
    }

    async fn all_rules(&self) -> Vec<SecurityGroupRule> {
        let all = self.world.ec2().describe_security_group_rules().send().await.expect("rules");
        all.security_group_rules.unwrap_or_default()
    }

    async fn bastion_group(&self) -> Option<String> {
        self.all_groups().await.into_iter().find(is_bastions)?.group_id
    }

    async fn bastions(&self) -> Vec<String> {
        let found = bastion::find(&self.world.aws, Some(&self.vpc)).await.expect("bastions").own;
        found.into_iter().map(|bastion| bastion.id).collect()
    }

    /// What is not adit's and has to stay: groups, rules, roles.
    async fn foreign(&self) -> BTreeSet<String> {
        let groups = self.all_groups().await;
        let own: BTreeSet<_> = groups
            .iter()
            .filter(|group| !group.tags().is_empty())
            .filter_map(|group| group.group_id.clone())
            .collect();
        let groups = groups.into_iter().filter_map(|group| group.group_id);
        let rules = self.all_rules().await.into_iter().filter_map(|rule| {
            // What every new group lets out is taken back where the group is adit's, and what stands
            // in a group of adit's goes with it.
            let is_own = !rule.tags().is_empty() || own.contains(rule.group_id()?);
            let names_own = rule.referenced_group_info().and_then(|group| group.group_id());
            let goes = is_own || names_own.is_some_and(|group| own.contains(group));
            rule.security_group_rule_id.filter(|_| !goes)
        });
        let roles = self.world.iam().list_roles().send().await.expect("roles");
        let roles = roles.roles.into_iter().filter(|role| role.path == "/");
        let foreign = groups.filter(|id| !own.contains(id)).chain(rules);
        foreign.chain(roles.map(|role| role.role_name)).collect()
    }

    /// Does damage. What is not there cannot be damaged: refusals are no matter.
    async fn harm(&self, damage: Damage) {
        let (ec2, iam, name) = (self.world.ec2(), self.world.iam(), self.name());
        let empty_profile = async || {
            let call = iam.remove_role_from_instance_profile().instance_profile_name(&name);
            drop(call.role_name(&name).send().await);
        };
        let no_policy = async || {
            let call = iam.delete_role_policy().role_name(&name).policy_name("session-manager");
            drop(call.send().await);
        };
        match damage {
            Damage::NoPolicy => no_policy().await,
            Damage::RoleOutOfProfile => empty_profile().await,
            Damage::NoProfile => {
                empty_profile().await;
                let call = iam.delete_instance_profile().instance_profile_name(&name);
                drop(call.send().await);
            }
            Damage::NoRole => {
                empty_profile().await;
                no_policy().await;
                drop(iam.delete_role().role_name(&name).send().await);
            }
            Damage::InstanceWithoutProfile => {
                let links = ec2.describe_iam_instance_profile_associations().send().await;
                let links = links.expect("links").iam_instance_profile_associations;
                for link in links.unwrap_or_default() {
                    let call = ec2.disassociate_iam_instance_profile();
                    drop(call.set_association_id(link.association_id).send().await);
                }
            }
            Damage::InstanceWithOtherGroup => {
                for id in self.bastions().await {
                    let call = ec2.modify_instance_attribute().instance_id(id);
                    call.groups(&self.groups[0]).send().await.expect("another group");
                }
            }
            Damage::Terminated => {
                for id in self.bastions().await {
                    ec2.terminate_instances().instance_ids(id).send().await.expect("gone");
                }
            }
            Damage::Stopped => {
                for id in self.bastions().await {
                    ec2.stop_instances().instance_ids(id).send().await.expect("stopped");
                }
            }
            Damage::DefaultEgressBack => {
                if let Some(group) = self.bastion_group().await {
                    let all = IpRange::builder().cidr_ip("0.0.0.0/0").build();
                    let all = IpPermission::builder().ip_protocol("-1").ip_ranges(all).build();
                    let call = ec2.authorize_security_group_egress().group_id(group);
                    drop(call.ip_permissions(all).send().await);
                }
            }
            Damage::NoEgress => self.revoke_all(self.bastion_group().await, true).await,
            Damage::NoAccess => self.revoke_all(Some(self.groups[0].clone()), false).await,
            Damage::TwinBastion => self.twin().await,
            Damage::TwinGroup => {
                let call = ec2.create_security_group().group_name("twin").description("a test");
                let made = call.vpc_id(&self.vpc).send().await.expect("a group");
                let id = made.group_id().expect("its id");
                self.world.tag(id, "adit:purpose", "bastion-group").await;
                self.world.tag(id, "adit:vpc", &self.vpc).await;
            }
            Damage::ForeignGroup => {
                let call = ec2.create_security_group().description("a test").vpc_id(&self.vpc);
                drop(call.group_name("adit-bastion").send().await);
            }
            Damage::ForeignRole => {
                let trust = r#"{"Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
                let call = iam.create_role().role_name(&name).assume_role_policy_document(trust);
                drop(call.send().await);
            }
            Damage::ForeignRule => {
                if let Some(group) = self.bastion_group().await {
                    self.world.let_in(&self.groups[1], 5433, Peer::Group(&group)).await;
                }
            }
            Damage::NoInternet => {
                let tables = ec2.describe_route_tables().send().await.expect("tables");
                for table in tables.route_tables() {
                    if table.vpc_id() == Some(&self.vpc) {
                        let call = ec2.delete_route().destination_cidr_block("0.0.0.0/0");
                        drop(call.set_route_table_id(table.route_table_id.clone()).send().await);
                    }
                }
            }
        }
    }

    /// Takes all TCP rules of a group back.
    async fn revoke_all(&self, group: Option<String>, is_egress: bool) {
        let (Some(group), ec2) = (group, self.world.ec2()) else { return };
        for rule in self.all_rules().await {
            let is_it = rule.group_id() == Some(&group)
                && rule.is_egress() == Some(is_egress)
                && rule.ip_protocol() == Some("tcp");
            let Some(id) = rule.security_group_rule_id.filter(|_| is_it) else { continue };
            if is_egress {
                let call = ec2.revoke_security_group_egress().group_id(&group);
                call.security_group_rule_ids(id).send().await.expect("taken back");
            } else {
                let call = ec2.revoke_security_group_ingress().group_id(&group);
                call.security_group_rule_ids(id).send().await.expect("taken back");
            }
        }
    }

    /// A second bastion, as two runs at once could make it.
    async fn twin(&self) {
        let ec2 = self.world.ec2();
        let in_vpc = aws_sdk_ec2::types::Filter::builder().name("vpc-id").values(&self.vpc).build();
        let subnets = ec2.describe_subnets().filters(in_vpc).send().await.expect("subnets");
        // One of the zones does not have this type of instance.
        let fits = |zone: Option<&str>| zone != Some("us-east-1c");
        let mut fitting = subnets.subnets().iter().filter(|one| fits(one.availability_zone()));
        let subnet = fitting.next().and_then(|one| one.subnet_id()).expect("a subnet");
        let call = ec2
            .run_instances()
            .image_id("ami-0ad17a20230a64000")
            .instance_type(aws_sdk_ec2::types::InstanceType::T4gMicro)
            .min_count(1)
            .max_count(1)
            .subnet_id(subnet);
        let made = call.send().await.expect("an instance");
        let id = made.instances()[0].instance_id().expect("its id");
        self.world.tag(id, "adit:purpose", "bastion").await;
    }
}

async fn holds(sketch: &Sketch) -> Result<(), TestCaseError> {
    let place = Place::build(sketch).await;
    let world = &place.world;
    let foreign = place.foreign().await;
    let desired = place.desired(&sketch.wanted);

    let first = world.plan(&desired).await;
    let applied = Box::pin(bastion::apply(&world.aws, &first, |_| ())).await;
    prop_assert!(applied.is_ok(), "{applied:?} of {:#?}", first.steps);
    let second = world.plan(&desired).await;
    prop_assert!(second.steps.is_empty(), "{:#?} after {:#?}", second.steps, first.steps);
    prop_assert!(place.foreign().await.is_superset(&foreign), "what others made went with init");

    let (leftovers, removed) = world.cleanup(&Scope::default()).await;
    prop_assert!(removed.failed.is_empty(), "{:#?}", removed.failed);
    if leftovers.kept.is_empty() {
        prop_assert_eq!(world.census().await, Census::default());
    }
    prop_assert!(place.foreign().await.is_superset(&foreign), "what others made went with cleanup");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 64, ..ProptestConfig::with_cases(CASES) })]

    #[test]
    fn what_a_plan_makes_in_the_lab_the_next_finds_done(sketch in sketch()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(holds(&sketch))?;
    }
}
