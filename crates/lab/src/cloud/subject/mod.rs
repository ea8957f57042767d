//! What calls are about, as policies name it.

mod ec2;

use super::{Call, Target, iam, kafka};
use crate::service::{ACCOUNT, REGION};

/// Kinds of resources: the service; what is left of an operation's name behind its verb, in the
/// singular; how the end of an ARN begins; and the member that names one. Where AWS chooses the id
/// in the ARN, no member does. Of several kinds that an operation is about, this is the one that it
/// makes, changes or lists.
///
/// <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonrds.html>,
/// <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticache.html>,
/// <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonredshift.html>,
/// <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonredshiftserverless.html>,
/// <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonmemorydb.html>
/// and <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonopensearchservice.html>
const KINDS: [(&str, &str, &str, &str); 19] = [
    ("rds", "DBInstance", "db:", "DBInstanceIdentifier"),
    ("rds", "DBCluster", "cluster:", "DBClusterIdentifier"),
    ("rds", "DBClusterEndpoint", "cluster-endpoint:", "DBClusterEndpointIdentifier"),
    ("rds", "DBSubnetGroup", "subgrp:", "DBSubnetGroupName"),
    ("rds", "DBProxy", "db-proxy:", ""),
    ("rds", "DBProxies", "db-proxy:", ""),
    ("rds", "DBProxyEndpoint", "db-proxy-endpoint:", ""),
    ("rds", "DBProxyTarget", "target-group:", ""),
    ("elasticache", "CacheCluster", "cluster:", "CacheClusterId"),
    ("elasticache", "ReplicationGroup", "replicationgroup:", "ReplicationGroupId"),
    ("elasticache", "ServerlessCache", "serverlesscache:", "ServerlessCacheName"),
    ("elasticache", "CacheSubnetGroup", "subnetgroup:", "CacheSubnetGroupName"),
    ("redshift", "Cluster", "cluster:", "ClusterIdentifier"),
    ("redshift", "ClusterSubnetGroup", "subnetgroup:", "ClusterSubnetGroupName"),
    ("redshift-serverless", "Namespace", "namespace/", ""),
    ("redshift-serverless", "Workgroup", "workgroup/", ""),
    ("memorydb", "Cluster", "cluster/", "ClusterName"),
    ("memorydb", "SubnetGroup", "subnetgroup/", "SubnetGroupName"),
    ("es", "Domain", "domain/", "DomainName"),
];

/// Operations of these kinds that are about none of them: they ask for everything.
const ABOUT_ALL: [(&str, &str); 5] = [
    ("rds", "CreateDBProxy"),
    ("redshift", "DescribeClusterSubnetGroups"),
    ("redshift-serverless", "ListNamespaces"),
    ("redshift-serverless", "ListWorkgroups"),
    ("memorydb", "CreateSubnetGroup"),
];

const VERBS: [&str; 6] = ["Create", "Delete", "Describe", "Get", "Modify", "Register"];

/// All that the caller has to be allowed an action on: ARNs, or `*` where the action knows no
/// resources. The describing calls of EC2 have nothing to name.
pub(super) fn of(call: &Call<'_>, target: Target) -> Vec<String> {
    let tails = match target.name {
        "ec2" => return ec2::of(call),
        "iam" => return vec![iam::resource(&call.service.cloud().iam, call)],
        "sts" => return vec![call.params.get("RoleArn").unwrap_or("*").to_owned()],
        // An ARN says itself what it is about.
        _ if call.operation.contains("Tag") => tagged(call),
        "ecs" => containers(call),
        "kafka" => brokers(call),
        "es" => domains(call),
        "memorydb" if call.operation == "CreateCluster" => [
            ("acl", "ACLName"),
            ("parametergroup", "ParameterGroupName"),
            ("subnetgroup", "SubnetGroupName"),
        ]
        .into_iter()
        .flat_map(|(kind, member)| named(call, &format!("{kind}/"), member))
        .collect(),
        name => of_kind(call, name),
    };
    let arn = |tail: String| {
        let stands = tail.starts_with("arn:") || tail == "*";
        if stands { tail } else { format!("arn:aws:{}:{REGION}:{ACCOUNT}:{tail}", target.name) }
    };
    let mut arns: Vec<_> = tails.into_iter().map(arn).collect();
    if arns.is_empty() {
        arns.push("*".to_owned());
    }
    arns
}

fn of_kind(call: &Call<'_>, service: &str) -> Vec<String> {
    if ABOUT_ALL.contains(&(service, call.operation)) {
        return Vec::new();
    }
    let noun = VERBS.iter().find_map(|verb| call.operation.strip_prefix(verb));
    let kind = noun.and_then(|noun| {
        let is = |kind: &str| kind == noun || noun.strip_suffix('s') == Some(kind);
        KINDS.iter().find(|(of, kind, ..)| *of == service && is(kind))
    });
    kind.map(|(_, _, start, member)| named(call, start, member)).unwrap_or_default()
}

/// The values of a member, of a form or of JSON.
fn values(call: &Call<'_>, member: &str) -> Vec<String> {
    let json = &call.json[member];
    let list = json.as_array().into_iter().flatten().chain(Some(json));
    let texts = list.filter_map(|one| one.as_str());
    texts.chain(call.params.get(member)).map(str::to_owned).collect()
}

/// What a member names, or all of the kind.
fn named(call: &Call<'_>, start: &str, member: &str) -> Vec<String> {
    let mut values = values(call, member);
    if values.is_empty() {
        values.push("*".to_owned());
    }
    let tail = |one: String| if one.starts_with("arn:") { one } else { format!("{start}{one}") };
    values.into_iter().map(tail).collect()
}

fn tagged(call: &Call<'_>) -> Vec<String> {
    if call.path.starts_with("/v1/tags/") {
        return vec![kafka::arn(call.path)];
    }
    let members = ["ResourceName", "ResourceArn", "resourceArn", "ARN", "arn"];
    members.into_iter().flat_map(|member| values(call, member)).collect()
}

/// <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonopensearchservice.html>
fn domains(call: &Call<'_>) -> Vec<String> {
    let in_path = call.path.trim_end_matches('/').split_once("/opensearch/domain/");
    match (call.operation, in_path) {
        ("ListDomainNames", _) => Vec::new(),
        ("DescribeDomains", _) => named(call, "domain/", "DomainNames"),
        (_, Some((_, name))) => vec![format!("domain/{name}")],
        _ => of_kind(call, "es"),
    }
}

/// <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonmanagedstreamingforapachekafka.html>
fn brokers(call: &Call<'_>) -> Vec<String> {
    match call.operation {
        "ListClustersV2" | "GetBootstrapBrokers" => Vec::new(),
        "CreateClusterV2" => {
            let names = named(call, "cluster/", "clusterName");
            names.into_iter().map(|name| format!("{name}/*")).collect()
        }
        _ => vec![kafka::arn(call.path)],
    }
}

/// Listing tasks is about the instances that run them, and so about everything; see
/// <https://github.com/cdklabs/construct-hub/pull/1207>.
///
/// <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerservice.html>
fn containers(call: &Call<'_>) -> Vec<String> {
    let or_default = |member| {
        let names = values(call, member);
        if names.is_empty() { vec!["default".to_owned()] } else { names }
    };
    let tail = |kind: &str, name: String| {
        if name.starts_with("arn:") { name } else { format!("{kind}/{name}") }
    };
    match call.operation {
        "CreateCluster" => {
            or_default("clusterName").into_iter().map(|name| tail("cluster", name)).collect()
        }
        "DescribeClusters" => {
            or_default("clusters").into_iter().map(|name| tail("cluster", name)).collect()
        }
        "StopTask" | "DescribeTasks" => {
            let cluster = or_default("cluster").concat();
            let cluster = cluster.rsplit('/').next().unwrap_or_default();
            let tasks = values(call, "task").into_iter().chain(values(call, "tasks"));
            tasks.map(|id| tail(&format!("task/{cluster}"), id)).collect()
        }
        "RunTask" | "RegisterTaskDefinition" => {
            let named = values(call, "taskDefinition").into_iter().chain(values(call, "family"));
            let revision = |name: String| {
                if name.contains(':') { name } else { format!("{name}:*") }
            };
            named.map(|name| tail("task-definition", revision(name))).collect()
        }
        _ => Vec::new(),
    }
}
