//! Every operation that adit calls, in one list, and what has to agree with it.

mod policy;
mod source;

/// A service as policies name it, and the operations of it that adit calls.
pub(crate) struct Service {
    /// The prefix of its actions.
    pub(crate) prefix: &'static str,
    /// Its crate of the SDK, without `aws_sdk_`.
    pub(crate) sdk: &'static str,
    pub(crate) operations: &'static [&'static str],
}

/// Every operation that adit calls.
pub(crate) const OPERATIONS: [Service; 12] = [
    Service {
        prefix: "ec2",
        sdk: "ec2",
        operations: &[
            "AssociateIamInstanceProfile",
            "AuthorizeSecurityGroupEgress",
            "AuthorizeSecurityGroupIngress",
            "CreateSecurityGroup",
            "CreateTags",
            "CreateVpcEndpoint",
            "DeleteSecurityGroup",
            "DeleteTags",
            "DeleteVpcEndpoints",
            "DescribeDhcpOptions",
            "DescribeIamInstanceProfileAssociations",
            "DescribeImages",
            "DescribeInstanceTypeOfferings",
            "DescribeInstanceTypes",
            "DescribeInstances",
            "DescribeNetworkInterfaces",
            "DescribeRouteTables",
            "DescribeSecurityGroupRules",
            "DescribeSecurityGroups",
            "DescribeSubnets",
            "DescribeVpcAttribute",
            "DescribeVpcEndpoints",
            "DescribeVpcs",
            "ModifyInstanceAttribute",
            "RebootInstances",
            "ReplaceIamInstanceProfileAssociation",
            "RevokeSecurityGroupEgress",
            "RevokeSecurityGroupIngress",
            "RunInstances",
            "StartInstances",
            "TerminateInstances",
        ],
    },
    Service { prefix: "ecs", sdk: "ecs", operations: &["DescribeTasks"] },
    Service {
        prefix: "elasticache",
        sdk: "elasticache",
        operations: &[
            "DescribeCacheClusters",
            "DescribeCacheSubnetGroups",
            "DescribeReplicationGroups",
            "DescribeServerlessCaches",
            "ListTagsForResource",
        ],
    },
    Service {
        prefix: "es",
        sdk: "opensearch",
        operations: &["DescribeDomain", "DescribeDomains", "ListDomainNames", "ListTags"],
    },
    Service {
        prefix: "iam",
        sdk: "iam",
        operations: &[
            "AddRoleToInstanceProfile",
            "CreateInstanceProfile",
            "CreateRole",
            "DeleteInstanceProfile",
            "DeleteRole",
            "DeleteRolePolicy",
            "DetachRolePolicy",
            "GetInstanceProfile",
            "GetRole",
            "GetRolePolicy",
            "ListAttachedRolePolicies",
            "ListInstanceProfiles",
            "ListRolePolicies",
            "ListRoles",
            "PutRolePermissionsBoundary",
            "PutRolePolicy",
            "RemoveRoleFromInstanceProfile",
        ],
    },
    Service {
        prefix: "kafka",
        sdk: "kafka",
        operations: &["DescribeClusterV2", "GetBootstrapBrokers", "ListClustersV2"],
    },
    Service {
        prefix: "memorydb",
        sdk: "memorydb",
        operations: &["DescribeClusters", "DescribeSubnetGroups", "ListTags"],
    },
    Service {
        prefix: "rds",
        sdk: "rds",
        operations: &[
            "DescribeDBClusters",
            "DescribeDBInstances",
            "DescribeDBProxies",
            "DescribeDBProxyEndpoints",
            "DescribeDBSubnetGroups",
            "ListTagsForResource",
        ],
    },
    Service { prefix: "redshift", sdk: "redshift", operations: &["DescribeClusters"] },
    Service {
        prefix: "redshift-serverless",
        sdk: "redshiftserverless",
        operations: &["GetWorkgroup", "ListTagsForResource", "ListWorkgroups"],
    },
    Service {
        prefix: "ssm",
        sdk: "ssm",
        operations: &[
            "DescribeInstanceInformation",
            "DescribeSessions",
            "GetDocument",
            "GetParameter",
            "ResumeSession",
            "StartSession",
            "TerminateSession",
        ],
    },
    Service { prefix: "sts", sdk: "sts", operations: &["GetCallerIdentity"] },
];

/// What the services ask for besides: <https://docs.aws.amazon.com/service-authorization/latest/reference/>
/// names these as dependent actions. `route53` is for the private names of endpoints; the lab does
/// not ask for it.
pub(crate) const DEPENDENT: [&str; 5] = [
    "ec2:CreateTags",
    "iam:PassRole",
    "iam:TagInstanceProfile",
    "iam:TagRole",
    "route53:AssociateVPCWithHostedZone",
];

/// All operations as policies name them.
pub(crate) fn actions() -> impl Iterator<Item = String> {
    OPERATIONS.into_iter().flat_map(|service| {
        service.operations.iter().map(move |name| format!("{}:{name}", service.prefix))
    })
}
