//! Where the endpoints of the services lead, and which groups are before them.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::Request as HttpRequest;
use serde_json::{Value, json};

use super::protocol::Reply;
use super::{Request, answer_request};
use crate::config::LabConfig;
use crate::service::Service;

fn service() -> Arc<Service> {
    let service = Service::new(LabConfig::default(), "ws://127.0.0.1:1".to_owned(), None);
    service.make_default_vpc();
    Arc::new(service)
}

fn answered(service: &Arc<Service>, request: HttpRequest<String>) -> Reply {
    let (parts, body) = request.into_parts();
    let request = Request::read(&parts, body.as_bytes()).expect("a call");
    let reply =
        answer_request(service, &request, false, Ok(service.anyone().expect("a user")), "id");
    assert_eq!(reply.status, 200, "{}", reply.body);
    reply
}

/// Calls an operation of a service with forms.
fn form(service: &Arc<Service>, version: &str, operation: &str, params: &[(&str, &str)]) -> Reply {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.append_pair("Action", operation).append_pair("Version", version).extend_pairs(params);
    let request = HttpRequest::post("/").body(form.finish()).expect("a request");
    answered(service, request)
}

/// Calls an operation of a service with bodies.
fn body(service: &Arc<Service>, target: &str, body: &Value) -> Reply {
    let request = HttpRequest::post("/").header("x-amz-target", target);
    answered(service, request.body(body.to_string()).expect("a request"))
}

fn rest(service: &Arc<Service>, path: &str, body: &Value) -> Reply {
    let request = HttpRequest::post(path).body(body.to_string()).expect("a request");
    answered(service, request)
}

/// Ports and addresses by host. All of them are in the default VPC and have its group.
fn endpoints(service: &Arc<Service>) -> BTreeMap<String, Vec<(u16, String)>> {
    let cloud = service.cloud();
    let vpc = cloud.ec2.default_vpc().expect("a default VPC").id.clone();
    let group = cloud.ec2.default_group(&vpc).expect("its group").id.clone();
    let mut all: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for endpoint in cloud.endpoints() {
        assert_eq!((&endpoint.vpc, &endpoint.groups), (&vpc, &vec![group.clone()]));
        let address = endpoint.address.map(|address| address.to_string()).unwrap_or_default();
        let port = endpoint.port.expect("a port");
        all.entry(endpoint.host).or_default().push((port, address));
    }
    all
}

const RDS: &str = "2014-10-31";
const CACHES: &str = "2015-02-02";
const REDSHIFT: &str = "2012-12-01";

fn tag(address: &str) -> [(&str, &str); 2] {
    [("Tags.Tag.1.Key", "lab:address"), ("Tags.Tag.1.Value", address)]
}

#[test]
fn a_cluster_leads_to_its_instances() {
    let service = service();
    let cluster = [
        ("DBClusterIdentifier", "au"),
        ("Engine", "aurora-postgresql"),
        ("MasterUsername", "u"),
        ("MasterUserPassword", "p"),
    ];
    let params = [&cluster[..], &tag("127.0.0.1:1")].concat();
    form(&service, RDS, "CreateDBCluster", &params);
    for (id, address) in [("au-a", None), ("au-b", Some("127.0.0.1:2")), ("au-c", None)] {
        let mut params = vec![
            ("DBInstanceIdentifier", id),
            ("DBInstanceClass", "db.r7g.large"),
            ("Engine", "aurora-postgresql"),
            ("DBClusterIdentifier", "au"),
        ];
        params.extend(address.iter().flat_map(|address| tag(address)));
        form(&service, RDS, "CreateDBInstance", &params);
    }
    let custom = [
        ("DBClusterIdentifier", "au"),
        ("DBClusterEndpointIdentifier", "stats"),
        ("EndpointType", "READER"),
        ("StaticMembers.member.1", "au-c"),
    ];
    form(&service, RDS, "CreateDBClusterEndpoint", &custom);
    let endpoints = endpoints(&service);
    let domain = "c0ffee123456.us-east-1.rds.amazonaws.com";
    let leads = |host: &str| endpoints[&format!("{host}{domain}")].clone();
    let to = |address: &str| vec![(5432, address.to_owned())];
    // The tags of the instance that answers come first, then those of the cluster.
    assert_eq!(leads("au.cluster-"), to("127.0.0.1:1"));
    assert_eq!(leads("au.cluster-ro-"), to("127.0.0.1:2"));
    assert_eq!(leads("stats.cluster-custom-"), to("127.0.0.1:1"));
    assert_eq!(leads("au-a."), to("127.0.0.1:1"));
    assert_eq!(leads("au-b."), to("127.0.0.1:2"));
    assert_eq!(endpoints.len(), 6);
}

#[test]
fn a_container_reaches_what_its_groups_allow() {
    let service = service();
    let (vpc, subnet) = {
        let cloud = service.cloud();
        let subnet = cloud.ec2.subnets.values().next().expect("a subnet");
        (subnet.vpc.clone(), subnet.id.clone())
    };
    let group = [("GroupName", "tools"), ("GroupDescription", "a test"), ("VpcId", &vpc)];
    form(&service, "2016-11-15", "CreateSecurityGroup", &group);
    let strange = {
        let cloud = service.cloud();
        let strange = cloud.ec2.groups.values().find(|group| group.name == "tools");
        strange.expect("the group").id.clone()
    };
    let database = [
        ("DBInstanceIdentifier", "orders"),
        ("DBInstanceClass", "db.t4g.micro"),
        ("Engine", "postgres"),
        ("MasterUsername", "u"),
        ("MasterUserPassword", "p"),
    ];
    form(&service, RDS, "CreateDBInstance", &database);
    let ecs = |operation: &str, json: Value| {
        let target = format!("AmazonEC2ContainerServiceV20141113.{operation}");
        let reply = body(&service, &target, &json);
        serde_json::from_str::<Value>(&reply.body).expect("JSON")
    };
    ecs("CreateCluster", json!({}));
    let definition = json!({ "family": "tools", "containerDefinitions": [{ "name": "main" }] });
    ecs("RegisterTaskDefinition", definition);
    // The VPC's own group, which the database has too, lets its members in.
    for (groups, reaches) in [(json!([]), true), (json!([strange]), false)] {
        let network = json!({ "subnets": [subnet], "securityGroups": groups });
        let run = json!({
            "taskDefinition": "tools",
            "enableExecuteCommand": true,
            "networkConfiguration": { "awsvpcConfiguration": network },
        });
        let answer = ecs("RunTask", run);
        let task = &answer["tasks"][0];
        let id = task["taskArn"].as_str().and_then(|arn| arn.rsplit('/').next()).expect("an id");
        let runtime = task["containers"][0]["runtimeId"].as_str().expect("a runtime");
        let target = format!("ecs:default_{id}_{runtime}");
        let host = "orders.c0ffee123456.us-east-1.rds.amazonaws.com";
        assert_eq!(service.cloud().lets_through(&target, host, 5432), reaches, "{groups}");
    }
}

#[test]
fn a_proxy_listens_where_its_family_does() {
    let service = service();
    let subnet = {
        let cloud = service.cloud();
        let vpc = cloud.ec2.default_vpc().expect("a default VPC").id.clone();
        cloud.ec2.subnets_of(&vpc).next().expect("a subnet").id.clone()
    };
    let params = [
        ("DBProxyName", "px"),
        ("EngineFamily", "MYSQL"),
        ("RoleArn", "arn:aws:iam::111122223333:role/proxy"),
        ("DefaultAuthScheme", "IAM_AUTH"),
        ("VpcSubnetIds.member.1", &subnet),
    ];
    let params = [&params[..], &tag("127.0.0.1:1")].concat();
    form(&service, RDS, "CreateDBProxy", &params);
    let params = [
        ("DBProxyName", "px"),
        ("DBProxyEndpointName", "readers"),
        ("TargetRole", "READ_ONLY"),
        ("VpcSubnetIds.member.1", &subnet),
    ];
    form(&service, RDS, "CreateDBProxyEndpoint", &params);
    let domain = "proxy-c0ffee123456.us-east-1.rds.amazonaws.com";
    let at = vec![(3306, "127.0.0.1:1".to_owned())];
    let expected =
        [(format!("px.{domain}"), at.clone()), (format!("readers.endpoint.{domain}"), at)];
    assert_eq!(endpoints(&service), BTreeMap::from(expected));
}

#[test]
fn caches_have_hosts_for_their_roles_and_for_each_node() {
    let service = service();
    let addresses = "127.0.0.1:1 127.0.0.1:2";
    let group = |id, mode: &[(&'static str, &'static str)]| {
        let params = [
            ("ReplicationGroupId", id),
            ("ReplicationGroupDescription", "d"),
            ("CacheNodeType", "cache.t4g.micro"),
            ("AutomaticFailoverEnabled", "true"),
        ];
        let params = [&params[..], mode, &tag(addresses)].concat();
        form(&service, CACHES, "CreateReplicationGroup", &params);
    };
    group("plain", &[("NumCacheClusters", "2")]);
    group("tls", &[("NumCacheClusters", "2"), ("TransitEncryptionEnabled", "true")]);
    group("shards", &[("NumNodeGroups", "2"), ("ReplicasPerNodeGroup", "0")]);
    let memcached = [
        ("CacheClusterId", "mem"),
        ("Engine", "memcached"),
        ("CacheNodeType", "cache.t4g.micro"),
        ("NumCacheNodes", "2"),
    ];
    form(&service, CACHES, "CreateCacheCluster", &[&memcached[..], &tag(addresses)].concat());
    let serverless = [("ServerlessCacheName", "less"), ("Engine", "valkey")];
    form(&service, CACHES, "CreateServerlessCache", &[&serverless[..], &tag(addresses)].concat());
    let endpoints = endpoints(&service);
    for (host, port, to) in [
        ("plain.c0ffee.ng.0001", 6379, 1),
        ("plain-ro.c0ffee.ng.0001", 6379, 2),
        ("plain-001.c0ffee.0001", 6379, 1),
        ("plain-002.c0ffee.0001", 6379, 2),
        ("master.tls.c0ffee", 6379, 1),
        ("replica.tls.c0ffee", 6379, 2),
        ("tls-002.tls.c0ffee", 6379, 2),
        ("shards.c0ffee.clustercfg", 6379, 1),
        ("shards-0001-001.c0ffee.0001", 6379, 1),
        ("shards-0002-001.c0ffee.0001", 6379, 2),
        ("mem.c0ffee.cfg", 11_211, 1),
        ("mem.c0ffee.0001", 11_211, 1),
        ("mem.c0ffee.0002", 11_211, 2),
    ] {
        let host = format!("{host}.use1.cache.amazonaws.com");
        assert_eq!(endpoints.get(&host), Some(&vec![(port, format!("127.0.0.1:{to}"))]), "{host}");
    }
    let less = &endpoints["less-c0ffee.serverless.use1.cache.amazonaws.com"];
    let both = [(6379, "127.0.0.1:1".to_owned()), (6380, "127.0.0.1:2".to_owned())];
    assert_eq!(less, &both);
}

#[test]
fn warehouses_search_and_streams_have_theirs() {
    let service = service();
    let subnets: Vec<String> = {
        let cloud = service.cloud();
        cloud.ec2.subnets.keys().cloned().collect()
    };
    let warehouse = [
        ("ClusterIdentifier", "wh"),
        ("NodeType", "ra3.large"),
        ("MasterUsername", "u"),
        ("MasterUserPassword", "p"),
    ];
    form(&service, REDSHIFT, "CreateCluster", &[&warehouse[..], &tag("127.0.0.1:1")].concat());
    let namespace = json!({ "namespaceName": "data" });
    body(&service, "RedshiftServerless.CreateNamespace", &namespace);
    let workgroup = json!({
        "workgroupName": "work",
        "namespaceName": "data",
        "tags": [{ "key": "lab:address", "value": "127.0.0.1:2" }],
    });
    body(&service, "RedshiftServerless.CreateWorkgroup", &workgroup);
    let memory = json!({
        "ClusterName": "mem",
        "NodeType": "db.t4g.small",
        "ACLName": "open-access",
        "Tags": [{ "Key": "lab:address", "Value": "127.0.0.1:3" }],
    });
    body(&service, "AmazonMemoryDB.CreateCluster", &memory);
    let domain = json!({
        "DomainName": "logs",
        "VPCOptions": { "SubnetIds": [subnets[0]] },
        "DomainEndpointOptions": { "EnforceHTTPS": true },
        "TagList": [{ "Key": "lab:address", "Value": "127.0.0.1:4" }],
    });
    let reply = rest(&service, "/2021-01-01/opensearch/domain", &domain);
    let answer: Value = serde_json::from_str(&reply.body).expect("JSON");
    let search = answer["DomainStatus"]["Endpoints"]["vpc"].as_str().expect("a host").to_owned();
    // One outside of all VPCs is reached by nobody's bastion.
    rest(&service, "/2021-01-01/opensearch/domain", &json!({ "DomainName": "open" }));
    let streams = json!({
        "clusterName": "events",
        "provisioned": {
            "brokerNodeGroupInfo": { "clientSubnets": subnets },
            "numberOfBrokerNodes": 3,
            "encryptionInfo": { "encryptionInTransit": { "clientBroker": "TLS_PLAINTEXT" } },
        },
        "tags": { "lab:address": "127.0.0.1:5 127.0.0.1:6 127.0.0.1:7" },
    });
    rest(&service, "/api/v2/clusters", &streams);
    let endpoints = endpoints(&service);
    let one = |port, last: u8| vec![(port, format!("127.0.0.1:{last}"))];
    assert_eq!(endpoints["wh.c0ffee123456.us-east-1.redshift.amazonaws.com"], one(5439, 1));
    let work = "work.111122223333.us-east-1.redshift-serverless.amazonaws.com";
    assert_eq!(endpoints[work], one(5439, 2));
    let nodes = ["clustercfg.", "mem-0001-001.", "mem-0001-002."];
    for node in nodes {
        let host = format!("{node}mem.c0ffee.memorydb.us-east-1.amazonaws.com");
        assert_eq!(endpoints[&host], one(6379, 3), "{host}");
    }
    assert_eq!(endpoints[&search], one(443, 4));
    let brokers: Vec<_> =
        endpoints.iter().filter(|(host, _)| host.starts_with("b-")).map(|(_, at)| at).collect();
    let both = |last: u8| {
        let to = format!("127.0.0.1:{last}");
        vec![(9092, to.clone()), (9094, to)]
    };
    assert_eq!(brokers, [&both(5), &both(6), &both(7)]);
    assert_eq!(endpoints.len(), 2 + nodes.len() + 1 + 3);
}
