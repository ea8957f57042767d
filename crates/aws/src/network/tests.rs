use super::*;

fn network(default_route: Option<Gateway>) -> Network {
    Network {
        subnets: vec![Subnet {
            id: "subnet-1".to_owned(),
            cidr: Some("10.0.1.0/24".to_owned()),
            ..Subnet::default()
        }],
        route_tables: vec![RouteTable { is_main: true, default_route, ..RouteTable::default() }],
        ..Network::default()
    }
}

fn endpoint(service: &str, group: &str) -> Endpoint {
    Endpoint {
        id: format!("vpce-{service}"),
        service: format!("com.amazonaws.eu-west-1.{service}"),
        state: "available".to_owned(),
        private_dns: true,
        groups: vec![group.to_owned()],
        ..Endpoint::default()
    }
}

fn group_with(peer: Peer) -> Group {
    let rule = Rule {
        id: None,
        protocol: "tcp".to_owned(),
        ports: Some((443, 443)),
        peer,
        tags: Tags::new(),
    };
    Group { id: "sg-1".to_owned(), ingress: vec![rule], ..Group::default() }
}

fn class(network: &Network) -> Class {
    classify(network)[0].class
}

#[test]
fn the_default_route_tells_the_class() {
    let id = || "x-1".to_owned();
    for (gateway, expected) in [
        (Gateway::Internet(id()), Class::Public),
        (Gateway::Nat(id()), Class::Nat),
        (Gateway::Transit(id()), Class::Nat),
        (Gateway::Vpn(id()), Class::Nat),
        (Gateway::Interface(id()), Class::Nat),
        (Gateway::Appliance(id()), Class::Nat),
        (Gateway::Other(id()), Class::Isolated),
    ] {
        assert_eq!(class(&network(Some(gateway.clone()))), expected, "{gateway:?}");
    }
    assert_eq!(class(&network(None)), Class::Isolated);
}

#[test]
fn behind_a_firewall_the_subnets_own_wish_for_addresses_tells() {
    let mut behind = network(Some(Gateway::Appliance("vpce-1".to_owned())));
    behind.subnets[0].maps_public_ip = true;
    assert_eq!(class(&behind), Class::Public);
}

#[test]
fn a_table_of_its_own_goes_before_the_main_one() {
    let mut both = network(Some(Gateway::Internet("igw-1".to_owned())));
    both.route_tables.push(RouteTable {
        subnets: vec!["subnet-1".to_owned()],
        default_route: Some(Gateway::Nat("nat-1".to_owned())),
        ..RouteTable::default()
    });
    assert_eq!(class(&both), Class::Nat);
    both.route_tables[1].subnets = vec!["subnet-2".to_owned()];
    assert_eq!(class(&both), Class::Public);
}

#[test]
fn endpoints_do_when_both_are_there_ready_private_and_let_the_subnet_in() {
    let mut isolated = network(None);
    isolated.endpoints = vec![endpoint("ssm", "sg-1"), endpoint("ssmmessages", "sg-1")];
    isolated.groups = vec![group_with(Peer::Cidr("10.0.0.0/16".to_owned()))];
    assert_eq!(class(&isolated), Class::Endpoints);

    let without = |change: fn(&mut Network)| {
        let mut network = isolated.clone();
        change(&mut network);
        let classified = classify(&network).remove(0);
        (classified.class, classified.why)
    };
    for change in [
        (|network| drop(network.endpoints.pop())) as fn(&mut Network),
        |network| network.endpoints[0].private_dns = false,
        |network| network.endpoints[0].state = "deleting".to_owned(),
        |network| network.endpoints[1].service = "com.amazonaws.eu-west-1.ssm-contacts".to_owned(),
    ] {
        let (class, why) = without(change);
        assert_eq!(class, Class::Isolated);
        assert!(why.contains("no endpoint for ssm"), "{why}");
    }
    let (class, why) = without(|network| {
        network.groups = vec![group_with(Peer::Cidr("10.0.2.0/24".to_owned()))];
    });
    assert_eq!(class, Class::Isolated);
    assert!(why.contains("does not let port 443 in from 10.0.1.0/24"), "{why}");
}

#[test]
fn who_an_endpoint_lets_in_is_doubted_only_when_it_is_known() {
    let mut isolated = network(None);
    isolated.endpoints = vec![endpoint("ssm", "sg-1"), endpoint("ssmmessages", "sg-1")];
    assert_eq!(class(&isolated), Class::Endpoints, "a group of another account");
    isolated.groups = vec![group_with(Peer::PrefixList("pl-1".to_owned()))];
    assert_eq!(class(&isolated), Class::Endpoints, "a list of addresses");
    isolated.groups = vec![group_with(Peer::Group("sg-2".to_owned()))];
    assert_eq!(class(&isolated), Class::Isolated, "somebody else's group");

    let tags = crate::tags::new(crate::tags::Purpose::Group, "vpc-1", "ann", &Tags::new());
    isolated.groups.push(Group { id: "sg-2".to_owned(), tags, ..Group::default() });
    assert_eq!(class(&isolated), Class::Endpoints, "the group of the bastion");
    isolated.groups.truncate(1);
    isolated.groups[0].tags =
        crate::tags::new(crate::tags::Purpose::EndpointGroup, "vpc-1", "ann", &Tags::new());
    assert_eq!(class(&isolated), Class::Endpoints, "adit's own, which a plan opens");
}

#[test]
fn routes_for_lists_of_addresses_are_told_of() {
    let mut isolated = network(None);
    isolated.route_tables[0].prefix_lists = vec!["pl-1".to_owned()];
    let why = &classify(&isolated)[0].why;
    assert!(why.contains("what is in the list pl-1 of its routes is not known"), "{why}");
}

#[test]
fn names_resolve_by_the_vpcs_own_server_or_one_that_is_let_out_to() {
    let with = |servers: &[&str], dns_support| {
        let servers: Vec<_> = servers.iter().map(|&one| one.to_owned()).collect();
        let mut vpc = Vpc {
            id: "vpc-1".to_owned(),
            cidrs: vec!["10.0.0.0/16".to_owned()],
            dns_support: Some(dns_support),
            ..Vpc::default()
        };
        dns::set_servers(&mut vpc, &servers);
        vpc
    };
    let lets = |protocol: &str| Group {
        egress: vec![Rule {
            id: None,
            protocol: protocol.to_owned(),
            ports: Some((53, 53)),
            peer: Peer::Cidr("10.9.0.0/24".to_owned()),
            tags: Tags::new(),
        }],
        ..Group::default()
    };
    let (out, closed) = (lets("udp"), lets("tcp"));
    // Its own has several addresses.
    for own in ["AmazonProvidedDNS", "10.0.0.2", "169.254.169.253"] {
        assert_eq!(resolver_fault(&with(&[own], true), &[&closed]), None, "{own}");
        let fault = resolver_fault(&with(&[own], false), &[&closed]).unwrap();
        assert!(fault.contains("enableDnsSupport is off"), "{fault}");
    }
    let theirs = with(&["10.9.0.53"], true);
    assert_eq!(theirs.dns_servers, ["10.9.0.53".parse::<IpAddr>().unwrap()]);
    assert_eq!(resolver_fault(&theirs, &[&out]), None);
    assert!(resolver_fault(&theirs, &[&closed]).unwrap().contains("do not let port 53 out"));
    assert_eq!(resolver_fault(&with(&["10.9.0.53", "AmazonProvidedDNS"], true), &[&closed]), None);
    assert_eq!(resolver_fault(&Vpc::default(), &[]), None, "nothing is known");
}

#[test]
fn rules_cover_ports_protocols_and_blocks() {
    let rule = |protocol: &str, ports, cidr: &str| Rule {
        id: None,
        protocol: protocol.to_owned(),
        ports,
        peer: Peer::Cidr(cidr.to_owned()),
        tags: Tags::new(),
    };
    let inside = Peer::Cidr("10.0.1.0/24".to_owned());
    assert!(rule("tcp", Some((443, 443)), "10.0.0.0/16").covers(443, &inside));
    assert!(rule("6", Some((0, 65535)), "0.0.0.0/0").covers(443, &inside));
    assert!(rule("-1", None, "10.0.1.0/24").covers(443, &inside));
    assert!(!rule("tcp", Some((444, 500)), "10.0.0.0/16").covers(443, &inside));
    assert!(!rule("udp", Some((443, 443)), "10.0.0.0/16").covers(443, &inside));
    assert!(!rule("tcp", Some((443, 443)), "10.0.1.0/25").covers(443, &inside));
    assert!(!rule("tcp", Some((443, 443)), "::/0").covers(443, &inside));
    assert!(!rule("tcp", Some((443, 443)), "nonsense").covers(443, &inside));
}
