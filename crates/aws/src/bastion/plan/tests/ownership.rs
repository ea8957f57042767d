//! What is ours and what only looks like it.

use super::*;

#[test]
fn names_that_others_have_are_avoided() {
    let mut inventory = with_routes(&[("subnet-1", Gateway::Nat("nat-1".to_owned()))]);
    let name = "adit-bastion-vpc-1".to_owned();
    inventory.roles.push(crate::bastion::Role { name: name.clone(), ..Default::default() });
    inventory.profiles.push(Profile { name, ..Default::default() });
    inventory.network.groups.push(named_group("sg-9", "adit-bastion"));
    let made = plan(&inventory, &for_orders()).unwrap();
    insta::assert_snapshot!(read(&made));

    for number in ["-2", "-3"] {
        let name = format!("adit-bastion{number}");
        inventory.network.groups.push(named_group(&format!("sg-9{number}"), &name));
    }
    insta::assert_snapshot!(refusal(&inventory, &for_orders()), @"
    the names adit-bastion, adit-bastion-2, adit-bastion-3 for the security group are taken by what adit did not make
    > remove or rename one of them
    ");
}

/// Tags decide, not names.
#[test]
fn what_has_our_name_but_another_vpcs_tags_is_not_ours() {
    let mut inventory = complete();
    bastion_group(&mut inventory).tags.insert("adit:vpc".to_owned(), "vpc-2".to_owned());
    inventory.bastions.clear();
    group(&mut inventory, "sg-orders").ingress.clear();
    let plan = plan(&inventory, &for_orders()).unwrap();
    assert_eq!(launched(&plan).group, GroupRef::New("adit-bastion-2".to_owned()));
}

/// Who may set tags could otherwise make any machine the one that all go through, and have it given
/// a role and a way into the targets.
#[test]
fn a_tag_alone_makes_no_bastion() {
    let mut inventory = complete();
    inventory.bastions[0].profile = None;
    inventory.bastions[0].groups = vec!["sg-default".to_owned()];
    let plan = plan(&inventory, &for_orders()).unwrap();
    assert_eq!(launched(&plan).group, GroupRef::Id("sg-bastion".to_owned()));
    assert!(plan.warnings[0].starts_with("i-new1 is tagged as the bastion"), "{:?}", plan.warnings);
    let touches = |step: &Step| format!("{:?}", step.action).contains("i-new1");
    assert!(!plan.steps.iter().any(touches), "{:?}", plan.steps);
}

#[test]
fn a_group_is_ours_only_when_it_is_in_every_way() {
    let is_used = |change: &dyn Fn(&mut Inventory)| {
        let mut inventory = complete();
        inventory.bastions.clear();
        change(&mut inventory);
        let plan = plan(&inventory, &for_orders()).unwrap();
        let is_used = launched(&plan).group == GroupRef::Id("sg-bastion".to_owned());
        let is_told = plan.warnings.iter().any(|one| one.contains("sg-bastion) has adit's tags"));
        assert_eq!(is_told, !is_used, "{:?}", plan.warnings);
        is_used
    };
    assert!(is_used(&|_| {}));
    assert!(!is_used(&|all| bastion_group(all).name = "web".to_owned()));
    assert!(!is_used(&|all| bastion_group(all).description = "web".to_owned()));
    assert!(!is_used(&|all| bastion_group(all).owner = "444455556666".to_owned()));
    let ssh = || rule("tcp", Some((22, 22)), Peer::Cidr("0.0.0.0/0".to_owned()));
    assert!(!is_used(&|all| bastion_group(all).ingress.push(ssh())));
    assert!(!is_used(&|all| {
        all.network.users.insert("sg-bastion".to_owned(), ["i-web".to_owned()].into());
    }));
    // What a proven bastion has is its own, whatever was done to it since.
    let with = |change: &dyn Fn(&mut Inventory)| {
        let mut inventory = complete();
        bastion_group(&mut inventory).ingress.push(ssh());
        change(&mut inventory);
        plan(&inventory, &for_orders()).unwrap().steps.is_empty()
    };
    assert!(with(&|_| {}));
    assert!(!with(&|all| all.bastions[0].profile = None));
}

#[test]
fn a_role_of_ours_goes_before_a_name_that_is_free_again() {
    let mut inventory = complete();
    inventory.bastions.clear();
    inventory.roles[0].name.push_str("-2");
    inventory.profiles[0].name.push_str("-3");
    inventory.profiles[0].role = Some(inventory.roles[0].name.clone());
    let plan = plan(&inventory, &for_orders()).unwrap();
    assert_eq!(launched(&plan).profile, "adit-bastion-vpc-1-3");
    assert_eq!(plan.steps.len(), 1, "{}", read(&plan));
}
