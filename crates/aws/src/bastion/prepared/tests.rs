use super::*;
use crate::bastion::State;
use crate::network::Rule;

fn rule(protocol: &str, ports: Option<(u16, u16)>, peer: Peer) -> Rule {
    Rule { id: None, protocol: protocol.to_owned(), ports, peer, tags: tags::Tags::new() }
}

fn group(id: &str, ingress: Vec<Rule>, egress: Vec<Rule>) -> Group {
    Group { id: id.to_owned(), ingress, egress, ..Group::default() }
}

fn bastion() -> Bastion {
    Bastion {
        id: "i-1".to_owned(),
        state: State::Running,
        launched: String::new(),
        vpc: "vpc-1".to_owned(),
        subnet: "subnet-1".to_owned(),
        zone: "eu-west-1a".to_owned(),
        instance_type: "t4g.micro".to_owned(),
        image: "ami-1".to_owned(),
        public_ip: None,
        profile: None,
        profile_id: None,
        groups: vec!["sg-bastion".to_owned()],
        owner: None,
        attached: None,
        state_reason: None,
    }
}

fn from_bastion(ports: Option<(u16, u16)>) -> Rule {
    rule("tcp", ports, Peer::Group("sg-bastion".to_owned()))
}

#[test]
fn group_and_port_decide_whoever_made_the_rule() {
    let vpc = || Peer::Cidr("10.0.0.0/16".to_owned());
    let out = vec![rule("tcp", Some((443, 443)), vpc()), rule("tcp", Some((6379, 6379)), vpc())];
    let prepared = Prepared {
        groups: vec![
            group("sg-bastion", Vec::new(), out),
            group("sg-cache", vec![from_bastion(Some((6379, 6380)))], Vec::new()),
            group("sg-open", vec![rule("tcp", Some((6379, 6379)), vpc())], Vec::new()),
        ],
    };
    let reaches = |group: &str, port| prepared.reaches(&bastion(), &[group.to_owned()], port);
    assert!(reaches("sg-cache", Some(6379)));
    assert!(reaches("sg-cache", None));
    assert!(!reaches("sg-cache", Some(6380)), "the bastion is not let out there");
    assert!(!reaches("sg-cache", Some(22)));
    assert!(!reaches("sg-other", Some(6379)));
    assert!(!reaches("sg-open", Some(6379)), "it names the bastion nowhere");
    assert!(!prepared.reaches(&bastion(), &[], None));
}

#[test]
fn ports_are_told_by_target() {
    let ports = BTreeSet::from([6379, 6380]);
    let opened = Opened(BTreeMap::from([("elasticache:carts".to_owned(), ports.clone())]));
    assert_eq!(opened.ports("elasticache:Carts"), Some(&ports));
    assert_eq!(opened.ports("elasticache:other"), None);
}
