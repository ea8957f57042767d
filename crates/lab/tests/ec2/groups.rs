use super::{EC2, allow, group, vpc};
use crate::support::lab;

const RULE: [(&str, &str); 3] = [
    ("IpPermissions.1.IpProtocol", "tcp"),
    ("IpPermissions.1.FromPort", "5432"),
    ("IpPermissions.1.ToPort", "5432"),
];

fn with<'a>(group: &'a str, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut params = vec![("GroupId", group)];
    params.extend_from_slice(&RULE);
    params.extend_from_slice(more);
    params
}

#[tokio::test]
async fn a_group_is_made_with_tags_and_lets_everything_out() {
    let lab = lab().await;
    let vpc = vpc(&lab).await;
    let params = [
        ("VpcId", vpc.as_str()),
        ("GroupName", "adit-bastion"),
        ("GroupDescription", "adit: bastion"),
        ("TagSpecification.1.ResourceType", "security-group"),
        ("TagSpecification.1.Tag.1.Key", "adit:purpose"),
        ("TagSpecification.1.Tag.1.Value", "bastion-group"),
    ];
    let id = EC2.done(&lab, "CreateSecurityGroup", &params).await.text("groupId");
    let (status, code, message) = EC2.refused(&lab, "CreateSecurityGroup", &params).await;
    assert_eq!((status, code.as_str()), (400, "InvalidGroup.Duplicate"));
    let expected = format!("The security group 'adit-bastion' already exists for VPC '{vpc}'");
    assert_eq!(message, expected);
    let filter = [("Filter.1.Name", "tag:adit:purpose"), ("Filter.1.Value.1", "bastion-*")];
    let found = EC2.done(&lab, "DescribeSecurityGroups", &filter).await;
    assert_eq!((found.text("groupId"), found.text("vpcId")), (id.clone(), vpc));
    assert_eq!(found.text("value"), "bastion-group");
    assert!(found.parts("ipPermissions")[0].0.is_empty());
    let egress = &found.parts("ipPermissionsEgress")[0];
    assert_eq!(
        (egress.text("ipProtocol"), egress.text("cidrIp")),
        ("-1".into(), "0.0.0.0/0".into())
    );
    let revoke = [
        ("GroupId", id.as_str()),
        ("IpPermissions.1.IpProtocol", "-1"),
        ("IpPermissions.1.IpRanges.1.CidrIp", "0.0.0.0/0"),
    ];
    EC2.done(&lab, "RevokeSecurityGroupEgress", &revoke).await;
    let found = EC2.done(&lab, "DescribeSecurityGroups", &filter).await;
    assert!(found.parts("ipPermissionsEgress")[0].0.is_empty());
    let (_, code, _) = EC2.refused(&lab, "RevokeSecurityGroupEgress", &revoke).await;
    assert_eq!(code, "InvalidPermission.NotFound");
}

#[tokio::test]
async fn rules_come_with_ids_and_tags_and_go_by_their_ids() {
    let lab = lab().await;
    let vpc = vpc(&lab).await;
    let (target, bastion) = (group(&lab, &vpc, "target").await, group(&lab, &vpc, "bastion").await);
    let params = with(
        &target,
        &[
            ("IpPermissions.1.Groups.1.GroupId", &bastion),
            ("IpPermissions.1.Groups.1.Description", "adit: bastion to rds:orders"),
            ("TagSpecification.1.ResourceType", "security-group-rule"),
            ("TagSpecification.1.Tag.1.Key", "adit:target"),
            ("TagSpecification.1.Tag.1.Value", "rds:orders"),
        ],
    );
    let made = EC2.done(&lab, "AuthorizeSecurityGroupIngress", &params).await;
    let id = made.text("securityGroupRuleId");
    assert_eq!(made.text("isEgress"), "false");
    assert_eq!(made.parts("referencedGroupInfo")[0].text("groupId"), bastion);
    let (_, code, message) = EC2.refused(&lab, "AuthorizeSecurityGroupIngress", &params).await;
    assert_eq!(code, "InvalidPermission.Duplicate");
    let rule = format!(
        "the specified rule \"peer: {bastion}, TCP, from port: 5432, to port: 5432, ALLOW\" \
         already exists"
    );
    assert_eq!(message, rule);

    let by_tag = [("Filter.1.Name", "tag:adit:target"), ("Filter.1.Value.1", "rds:orders")];
    let found = EC2.done(&lab, "DescribeSecurityGroupRules", &by_tag).await;
    assert_eq!(found.texts("securityGroupRuleId"), [id.as_str()]);
    assert_eq!(found.text("description"), "adit: bastion to rds:orders");
    let by_group = [("Filter.1.Name", "group-id"), ("Filter.1.Value.1", target.as_str())];
    let all = EC2.done(&lab, "DescribeSecurityGroupRules", &by_group).await;
    assert_eq!(all.texts("securityGroupRuleId").len(), 2, "the one out, and this one");
    let referred =
        [("Filter.1.Name", "ip-permission.group-id"), ("Filter.1.Value.1", bastion.as_str())];
    let found = EC2.done(&lab, "DescribeSecurityGroups", &referred).await;
    assert_eq!(found.texts("groupName"), ["target"]);

    let (_, code, message) =
        EC2.refused(&lab, "DeleteSecurityGroup", &[("GroupId", &bastion)]).await;
    assert_eq!(code, "DependencyViolation");
    assert_eq!(message, format!("resource {bastion} has a dependent object"));
    let revoke = [("GroupId", target.as_str()), ("SecurityGroupRuleId.1", &id)];
    EC2.done(&lab, "RevokeSecurityGroupIngress", &revoke).await;
    let (_, code, _) = EC2.refused(&lab, "RevokeSecurityGroupIngress", &revoke).await;
    assert_eq!(code, "InvalidSecurityGroupRuleId.NotFound");
    EC2.done(&lab, "DeleteSecurityGroup", &[("GroupId", &bastion)]).await;
    let tags = EC2.done(&lab, "DescribeTags", &[]).await;
    assert!(!tags.has("key"), "tags go with what had them");
}

#[tokio::test]
async fn rules_of_every_kind_are_kept_apart() {
    let lab = lab().await;
    let id = group(&lab, &vpc(&lab).await, "many").await;
    let params = [
        ("GroupId", id.as_str()),
        ("IpPermissions.1.IpProtocol", "6"),
        ("IpPermissions.1.FromPort", "443"),
        ("IpPermissions.1.ToPort", "443"),
        ("IpPermissions.1.IpRanges.1.CidrIp", "10.0.0.7/16"),
        ("IpPermissions.1.Ipv6Ranges.1.CidrIpv6", "::/0"),
        ("IpPermissions.2.IpProtocol", "icmp"),
        ("IpPermissions.2.FromPort", "-1"),
        ("IpPermissions.2.ToPort", "-1"),
        ("IpPermissions.2.IpRanges.1.CidrIp", "0.0.0.0/0"),
    ];
    let made = EC2.done(&lab, "AuthorizeSecurityGroupIngress", &params).await;
    assert_eq!(made.texts("cidrIpv4"), ["10.0.0.0/16", "0.0.0.0/0"], "in canonical form");
    assert_eq!(made.texts("cidrIpv6"), ["::/0"]);
    assert_eq!(made.texts("ipProtocol"), ["tcp", "tcp", "icmp"]);
    let found = EC2.done(&lab, "DescribeSecurityGroups", &[("GroupId.1", &id)]).await;
    let ingress = &found.parts("ipPermissions")[0];
    assert_eq!(ingress.texts("ipProtocol"), ["tcp", "icmp"], "one entry for each range");
}

#[tokio::test]
async fn what_rules_cannot_be_is_refused() {
    let lab = lab().await;
    let vpc_id = vpc(&lab).await;
    let id = group(&lab, &vpc_id, "one").await;
    let other = vpc(&lab).await;
    let stranger = group(&lab, &other, "one").await;
    let cidr = ("IpPermissions.1.IpRanges.1.CidrIp", "10.0.0.0/16");
    let missing = "sg-0123456789abcdef0";
    for (params, code) in [
        (with(missing, &[cidr]), "InvalidGroup.NotFound"),
        (with("sg-x", &[cidr]), "InvalidGroupId.Malformed"),
        (with(&id, &[("IpPermissions.1.IpRanges.1.CidrIp", "10.0.0.0")]), "InvalidParameterValue"),
        (with(&id, &[("IpPermissions.1.Groups.1.GroupId", missing)]), "InvalidGroup.NotFound"),
        (with(&id, &[("IpPermissions.1.Groups.1.GroupId", &stranger)]), "InvalidGroup.NotFound"),
        (with(&id, &[]), "InvalidRequest"),
        (
            with(&id, &[("IpPermissions.1.PrefixListIds.1.PrefixListId", "pl-12345678")]),
            "InvalidPrefixListID.NotFound",
        ),
        (with(&id, &[cidr, ("IpPermissions.1.ToPort", "80")]), "InvalidParameterValue"),
        (with(&id, &[cidr, ("IpPermissions.1.ToPort", "65536")]), "InvalidParameterValue"),
        (with(&id, &[cidr, ("IpPermissions.1.IpProtocol", "tpc")]), "InvalidParameterValue"),
        (
            with(&id, &[cidr, ("IpPermissions.1.IpRanges.1.Description", "naïve")]),
            "InvalidParameterValue",
        ),
        (
            with(&id, &[cidr, ("IpPermissions.1.IpRanges.2.CidrIp", "10.0.0.0/16")]),
            "InvalidParameterValue",
        ),
        (vec![("GroupId", id.as_str())], "MissingParameter"),
        (
            with(&id, &[cidr, ("TagSpecification.1.ResourceType", "instance")]),
            "InvalidParameterValue",
        ),
    ] {
        let (status, found, message) =
            EC2.refused(&lab, "AuthorizeSecurityGroupIngress", &params).await;
        assert_eq!((status, found.as_str()), (400, code), "{params:?}: {message}");
    }
    let default = [("Filter.1.Name", "group-name"), ("Filter.1.Value.1", "default")];
    let default = EC2.done(&lab, "DescribeSecurityGroups", &default).await.text("groupId");
    let (_, code, _) = EC2.refused(&lab, "DeleteSecurityGroup", &[("GroupId", &default)]).await;
    assert_eq!(code, "CannotDelete");
    for name in ["sg-mine", "default", "naïve"] {
        let params = [("VpcId", vpc_id.as_str()), ("GroupName", name), ("GroupDescription", "x")];
        let (_, code, _) = EC2.refused(&lab, "CreateSecurityGroup", &params).await;
        assert_eq!(code, "InvalidParameterValue", "{name}");
    }
}

#[tokio::test]
async fn a_group_is_full_at_sixty_rules() {
    let lab = lab().await;
    let id = group(&lab, &vpc(&lab).await, "full").await;
    for port in 1..=60 {
        allow(&lab, "Ingress", &id, port, "10.0.0.0/16").await;
    }
    let params = with(&id, &[("IpPermissions.1.IpRanges.1.CidrIp", "10.0.0.0/16")]);
    let (_, code, _) = EC2.refused(&lab, "AuthorizeSecurityGroupIngress", &params).await;
    assert_eq!(code, "RulesPerSecurityGroupLimitExceeded");
}

#[tokio::test]
async fn tags_are_added_changed_and_removed() {
    let lab = lab().await;
    let id = group(&lab, &vpc(&lab).await, "tagged").await;
    let tag =
        |key, value| [("ResourceId.1", id.clone()), ("Tag.1.Key", key), ("Tag.1.Value", value)];
    for (key, value) in [("Name", "a"), ("Name", "b"), ("team", "data")] {
        let params = tag(key.to_owned(), value.to_owned());
        let params = params.each_ref().map(|(name, value)| (*name, value.as_str()));
        EC2.done(&lab, "CreateTags", &params).await;
    }
    let of = [("Filter.1.Name", "resource-id"), ("Filter.1.Value.1", id.as_str())];
    let tags = EC2.done(&lab, "DescribeTags", &of).await;
    assert_eq!(
        (tags.texts("key"), tags.texts("value")),
        (vec!["Name".to_owned(), "team".to_owned()], vec!["b".to_owned(), "data".to_owned()],)
    );
    assert_eq!(tags.texts("resourceType"), ["security-group"; 2]);
    // A value that is another one keeps its tag.
    let params = [("ResourceId.1", id.as_str()), ("Tag.1.Key", "Name"), ("Tag.1.Value", "x")];
    EC2.done(&lab, "DeleteTags", &params).await;
    EC2.done(&lab, "DeleteTags", &[("ResourceId.1", &id), ("Tag.1.Key", "team")]).await;
    assert_eq!(EC2.done(&lab, "DescribeTags", &of).await.texts("key"), ["Name"]);
    for (key, code) in [("aws:x", "InvalidParameterValue"), ("", "InvalidParameterValue")] {
        let params = [("ResourceId.1", id.as_str()), ("Tag.1.Key", key), ("Tag.1.Value", "")];
        assert_eq!(EC2.refused(&lab, "CreateTags", &params).await.1, code);
    }
    let params =
        [("ResourceId.1", "sg-0123456789abcdef0"), ("Tag.1.Key", "a"), ("Tag.1.Value", "")];
    assert_eq!(EC2.refused(&lab, "CreateTags", &params).await.1, "InvalidGroup.NotFound");
}
