use std::time::Duration;

use super::{World, text};
use crate::cloud::Presence::{Cut, Down, Gone, Online};
use crate::faults::FaultRequest;

const CHANNELS: &str = "ssm:UpdateInstanceInformation ssmmessages:*";
const PROFILE: &[(&str, &str)] = &[("IamInstanceProfile.Name", "agent")];
const PUBLIC: &[(&str, &str)] =
    &[PROFILE[0], ("NetworkInterface.1.AssociatePublicIpAddress", "true")];

#[test]
fn behind_an_internet_gateway_it_takes_a_public_address_and_a_way_out_of_the_group() {
    let world = World::new();
    world.profile("agent", CHANNELS);
    let group = world.group("bastion");
    let (public, private) = (world.instance(&group, PUBLIC), world.instance(&group, PROFILE));
    let gateway = world.internet();
    assert_eq!(world.presence(&public), Cut, "no route");
    world.route(&world.subnet, "GatewayId", &gateway);
    assert_eq!(world.presence(&public), Cut, "no rule");
    world.allow("Egress", &group, 443, "10.0.0.0/16");
    assert_eq!(world.presence(&public), Cut, "a rule for the VPC only");
    world.allow("Egress", &group, 443, "0.0.0.0/0");
    assert_eq!((world.presence(&public), world.presence(&private)), (Online, Cut));
}

#[test]
fn behind_a_nat_gateway_it_takes_no_address() {
    let world = World::new();
    world.profile("agent", CHANNELS);
    let group = world.group("bastion");
    world.allow("Egress", &group, 443, "0.0.0.0/0");
    let id = world.instance(&group, PROFILE);
    let edge = world.subnet("10.0.9.0/24", "us-east-1a");
    let address = text(&world.ec2("AllocateAddress", &[]), "allocationId");
    let nat = [("SubnetId", edge.as_str()), ("AllocationId", &address)];
    let nat = text(&world.ec2("CreateNatGateway", &nat), "natGatewayId");
    world.ec2("DescribeNatGateways", &[]);
    world.route(&world.subnet, "NatGatewayId", &nat);
    assert_eq!(world.presence(&id), Cut, "the NAT gateway has no way out itself");
    let gateway = world.internet();
    world.route(&edge, "GatewayId", &gateway);
    assert_eq!(world.presence(&id), Online);
    world.ec2("DeleteNatGateway", &[("NatGatewayId", &nat)]);
    world.service.clock.advance(Duration::from_secs(1));
    assert_eq!(world.presence(&id), Cut);
}

#[test]
fn without_any_way_out_it_takes_both_endpoints_and_a_group_that_lets_it_in() {
    let world = World::new();
    world.profile("agent", CHANNELS);
    let (group, endpoints) = (world.group("bastion"), world.group("endpoints"));
    world.allow("Egress", &group, 443, "0.0.0.0/0");
    let id = world.instance(&group, PROFILE);
    for (service, online) in [("ssm", Cut), ("ssmmessages", Cut)] {
        let name = format!("com.amazonaws.us-east-1.{service}");
        let params = [
            ("VpcId", world.vpc.as_str()),
            ("VpcEndpointType", "Interface"),
            ("ServiceName", &name),
            ("SubnetId.1", &world.subnet),
            ("SecurityGroupId.1", &endpoints),
        ];
        world.ec2("CreateVpcEndpoint", &params);
        assert_eq!(world.presence(&id), online, "{service}");
    }
    world.allow("Ingress", &endpoints, 443, &group);
    assert_eq!(world.presence(&id), Online);
}

#[test]
fn names_have_to_resolve() {
    let world = World::new();
    world.profile("agent", CHANNELS);
    let gateway = world.internet();
    world.route(&world.subnet, "GatewayId", &gateway);
    let group = world.group("bastion");
    world.allow("Egress", &group, 443, "0.0.0.0/0");
    let id = world.instance(&group, PUBLIC);
    assert_eq!(world.presence(&id), Online);

    let known = world.ec2("DescribeDhcpOptions", &[]);
    assert!(known.contains("<value>AmazonProvidedDNS</value>"), "{known}");
    let vpc = ("VpcId", world.vpc.as_str());
    world.ec2("ModifyVpcAttribute", &[vpc, ("EnableDnsSupport.Value", "false")]);
    assert_eq!(world.presence(&id), Cut, "its own server is off");

    let own = [
        ("DhcpConfiguration.1.Key", "domain-name-servers"),
        ("DhcpConfiguration.1.Value.1", "10.0.0.53"),
    ];
    let options = text(&world.ec2("CreateDhcpOptions", &own), "dhcpOptionsId");
    world.ec2("AssociateDhcpOptions", &[vpc, ("DhcpOptionsId", &options)]);
    assert!(world.ec2("DescribeVpcs", &[]).contains(&options));
    assert_eq!(world.presence(&id), Cut, "no rule");
    let rule = [
        ("GroupId", group.as_str()),
        ("IpPermissions.1.IpProtocol", "udp"),
        ("IpPermissions.1.FromPort", "53"),
        ("IpPermissions.1.ToPort", "53"),
        ("IpPermissions.1.IpRanges.1.CidrIp", "10.0.0.53/32"),
    ];
    world.ec2("AuthorizeSecurityGroupEgress", &rule);
    assert_eq!(world.presence(&id), Online);
}

#[test]
fn its_role_has_to_allow_the_channels() {
    let world = World::new();
    let gateway = world.internet();
    world.route(&world.subnet, "GatewayId", &gateway);
    let group = world.group("bastion");
    world.allow("Egress", &group, 443, "0.0.0.0/0");
    for (name, actions, expected) in [
        ("none", "s3:GetObject", Cut),
        ("half", "ssm:* ssmmessages:CreateControlChannel ssmmessages:OpenControlChannel", Cut),
        ("all", CHANNELS, Online),
    ] {
        world.profile(name, actions);
        let id = world.instance(&group, &[PUBLIC[1], ("IamInstanceProfile.Name", name)]);
        assert_eq!(world.presence(&id), expected, "{name}");
    }
    assert_eq!(world.presence(&world.instance(&group, &PUBLIC[1..])), Cut, "no profile");
}

#[test]
fn booting_and_the_agent_take_their_time_and_stopping_ends_it() {
    let world = World::new();
    world.profile("agent", CHANNELS);
    let gateway = world.internet();
    world.route(&world.subnet, "GatewayId", &gateway);
    let group = world.group("bastion");
    world.allow("Egress", &group, 443, "0.0.0.0/0");
    let delays =
        FaultRequest { boot_ms: Some(60_000), agent_ms: Some(60_000), ..FaultRequest::default() };
    world.service.faults.cloud.apply(&delays);
    let minute = || world.service.clock.advance(Duration::from_mins(1));
    let id = world.instance(&group, PUBLIC);
    let one = [("InstanceId.1", id.as_str())];
    assert_eq!(world.presence(&id), Down);
    minute();
    assert_eq!(world.presence(&id), Cut, "running, and no agent yet");
    minute();
    assert_eq!(world.presence(&id), Online);
    world.ec2("RebootInstances", &one);
    assert_eq!(world.presence(&id), Cut);
    world.ec2("StopInstances", &one);
    assert_eq!(world.presence(&id), Down);
    minute();
    world.ec2("StartInstances", &one);
    minute();
    minute();
    assert_eq!(world.presence(&id), Online);
    world.ec2("TerminateInstances", &one);
    assert_eq!(world.presence(&id), Down);
    minute();
    assert_eq!(world.presence(&id), Gone);
}
