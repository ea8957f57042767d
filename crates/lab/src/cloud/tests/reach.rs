use super::{World, text};
use crate::gateway::Located;

/// A database in a group of its own, at the address that its tag says.
fn database(world: &World, group: &str, address: &str) -> String {
    let other = world.subnet("10.0.7.0/24", "us-east-1b");
    let subnets = [
        ("DBSubnetGroupName", "private"),
        ("DBSubnetGroupDescription", "x"),
        ("SubnetIds.SubnetIdentifier.1", world.subnet.as_str()),
        ("SubnetIds.SubnetIdentifier.2", &other),
    ];
    world.call("rds", "CreateDBSubnetGroup", &subnets);
    let params = [
        ("DBInstanceIdentifier", "orders"),
        ("DBInstanceClass", "db.t4g.micro"),
        ("Engine", "postgres"),
        ("AllocatedStorage", "20"),
        ("MasterUsername", "postgres"),
        ("MasterUserPassword", "a-password"),
        ("DBSubnetGroupName", "private"),
        ("VpcSecurityGroupIds.VpcSecurityGroupId.1", group),
        ("Tags.Tag.1.Key", "lab:address"),
        ("Tags.Tag.1.Value", address),
    ];
    world.call("rds", "CreateDBInstance", &params);
    let found = world.call("rds", "DescribeDBInstances", &[]);
    text(&text(&found, "Endpoint"), "Address")
}

#[test]
fn a_database_is_reached_when_both_groups_let_the_port_through() {
    let world = World::new();
    let (bastion, target) = (world.group("bastion"), world.group("target"));
    let host = database(&world, &target, "127.0.0.1:5433");
    let id = world.instance(&bastion, &[]);
    let located = |port| world.service.cloud().locate(&host, port);
    assert_eq!(located(5432), Located::At(([127, 0, 0, 1], 5433).into()));
    assert_eq!(located(5433), Located::Silent, "the host is there and listens elsewhere");
    assert!(!world.lets_through(&id, &host, 5432));
    world.allow("Egress", &bastion, 5432, "10.0.0.0/16");
    assert!(!world.lets_through(&id, &host, 5432), "not let in");
    world.allow("Ingress", &target, 3306, &bastion);
    assert!(!world.lets_through(&id, &host, 5432), "another port");
    world.allow("Ingress", &target, 5432, &bastion);
    assert!(world.lets_through(&id, &host.to_uppercase(), 5432));
    assert!(world.lets_through("i-0ad17000000000001", &host, 5432), "one of no network");
}

#[test]
fn a_rule_for_part_of_the_vpc_is_not_one_for_all_of_it() {
    let world = World::new();
    let (bastion, target) = (world.group("bastion"), world.group("target"));
    let host = database(&world, &target, "127.0.0.1:5433");
    let id = world.instance(&bastion, &[]);
    world.allow("Ingress", &target, 5432, "10.0.0.0/24");
    world.allow("Egress", &bastion, 5432, "10.0.0.0/24");
    assert!(!world.lets_through(&id, &host, 5432), "nobody knows where the database is");
    world.allow("Egress", &bastion, 5432, &target);
    assert!(world.lets_through(&id, &host, 5432), "in by its block, out by the group");
}

#[test]
fn instances_are_hosts_too_and_other_vpcs_are_far() {
    let world = World::new();
    let (bastion, target) = (world.group("bastion"), world.group("target"));
    let id = world.instance(&bastion, &[]);
    let tags = [
        ("TagSpecification.1.ResourceType", "instance"),
        ("TagSpecification.1.Tag.1.Key", "lab:address"),
        ("TagSpecification.1.Tag.1.Value", "127.0.0.1:8080"),
    ];
    let other = world.instance(&target, &tags);
    let found = world.ec2("DescribeInstances", &[("InstanceId.1", &other)]);
    let (ip, name) = (text(&found, "privateIpAddress"), text(&found, "privateDnsName"));
    world.allow("Egress", &bastion, 80, &format!("{ip}/32"));
    world.allow("Ingress", &target, 80, "10.0.0.0/24");
    for host in [&ip, &name] {
        assert!(world.lets_through(&id, host, 80), "{host}");
        assert!(!world.lets_through(&id, host, 81), "{host}");
        let located = world.service.cloud().locate(host, 80);
        assert_eq!(located, Located::At(([127, 0, 0, 1], 8080).into()));
    }
    let far = World::new();
    assert_eq!(far.service.cloud().locate(&ip, 80), Located::Nowhere);
}

#[test]
fn what_the_cloud_does_not_know_is_only_held_back_on_the_way_out() {
    let world = World::new();
    let bastion = world.group("bastion");
    let id = world.instance(&bastion, &[]);
    assert!(!world.lets_through(&id, "db.internal", 5432));
    world.allow("Egress", &bastion, 5432, "192.0.2.7/32");
    assert!(world.lets_through(&id, "192.0.2.7", 5432));
    assert!(!world.lets_through(&id, "192.0.2.8", 5432));
    assert!(world.lets_through(&id, "db.internal", 5432), "a name could be anywhere");
}
