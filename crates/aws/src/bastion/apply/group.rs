//! Steps on security groups and their rules.

use aws_sdk_ec2::types::{
    IpPermission, IpRange, Ipv6Range, ResourceType, Tag, TagSpecification, UserIdGroupPair,
};

use super::{Run, taken};
use crate::bastion::evidence::{is_marked, lets_in_what_it_should};
use crate::bastion::plan::{RulePeer, RuleSpec};
use crate::error::{AwsError, failed};
use crate::network::{Peer, account_of, describe_groups, describe_own_rules, filter};
use crate::tags::{self, Purpose, Tags};
use crate::wait::{CONSISTENCY, code, is_group_unseen, never, poll, retry};

impl Run<'_> {
    pub(super) async fn create_group(
        &self,
        name: &str,
        description: &str,
        tags: &Tags,
    ) -> Result<String, AwsError> {
        let call = || async {
            let call = self
                .ec2
                .create_security_group()
                .group_name(name)
                .description(description)
                .vpc_id(self.vpc)
                .tag_specifications(tagged(ResourceType::SecurityGroup, tags));
            call.send().await.map_err(failed(self.aws, "CreateSecurityGroup"))
        };
        match retry(CONSISTENCY, call, never).await {
            Ok(answer) => Ok(answer.group_id.unwrap_or_default()),
            Err(error) if code(&error) == "InvalidGroup.Duplicate" => {
                self.take_group(name, tags).await
            }
            Err(error) => Err(error),
        }
    }

    /// The group that has the name already, when it is for the same.
    async fn take_group(&self, name: &str, tags: &Tags) -> Result<String, AwsError> {
        let find = || async {
            let filters = vec![filter("vpc-id", self.vpc), filter("group-name", name)];
            Ok(describe_groups(self.aws, &self.ec2, filters).await?.into_iter().next())
        };
        let group = poll(CONSISTENCY, find, || ()).await?;
        let purpose = if tags::is(tags, Purpose::EndpointGroup) {
            Purpose::EndpointGroup
        } else {
            Purpose::Group
        };
        let account = tags.get(tags::OWNER).and_then(|owner| account_of(owner));
        match group {
            Some(group)
                if is_marked(&group, purpose, self.vpc, account)
                    && lets_in_what_it_should(&group, purpose) =>
            {
                Ok(group.id)
            }
            _ => Err(taken("security group", name)),
        }
    }

    pub(super) async fn revoke_default_egress(
        &self,
        group: &str,
        cidrs: &[String],
    ) -> Result<(), AwsError> {
        // One by one: a call that names a rule that is not there does nothing for the others.
        for cidr in cidrs {
            let all = with_cidr(IpPermission::builder().ip_protocol("-1"), cidr, None).build();
            let call = || async {
                let call = self.ec2.revoke_security_group_egress().group_id(group);
                let answer = call.ip_permissions(all.clone()).send().await;
                answer.map_err(failed(self.aws, "RevokeSecurityGroupEgress"))
            };
            match retry(CONSISTENCY, call, is_group_unseen).await {
                Err(error) if code(&error) == "InvalidPermission.NotFound" => {}
                other => drop(other?),
            }
        }
        Ok(())
    }

    pub(super) async fn allow_egress(&self, group: &str, rule: &RuleSpec) -> Result<(), AwsError> {
        let permission = self.permission(rule)?;
        let tags = tagged(ResourceType::SecurityGroupRule, &rule.tags);
        let call = || async {
            let call = self
                .ec2
                .authorize_security_group_egress()
                .group_id(group)
                .ip_permissions(permission.clone())
                .tag_specifications(tags.clone());
            let answer = call.send().await;
            answer.map_err(failed(self.aws, "AuthorizeSecurityGroupEgress"))
        };
        let result = retry(CONSISTENCY, call, is_group_unseen).await.map(drop);
        self.unless_duplicate(result, group, rule, true).await
    }

    pub(super) async fn allow_ingress(&self, group: &str, rule: &RuleSpec) -> Result<(), AwsError> {
        let permission = self.permission(rule)?;
        let tags = tagged(ResourceType::SecurityGroupRule, &rule.tags);
        let call = || async {
            let call = self
                .ec2
                .authorize_security_group_ingress()
                .group_id(group)
                .ip_permissions(permission.clone())
                .tag_specifications(tags.clone());
            let answer = call.send().await;
            answer.map_err(failed(self.aws, "AuthorizeSecurityGroupIngress"))
        };
        let result = retry(CONSISTENCY, call, is_group_unseen).await.map(drop);
        self.unless_duplicate(result, group, rule, false).await
    }

    /// A rule that is there already is what was wanted. Where it is ours, somebody made it in the
    /// meantime for a target of theirs: it has to name those of this run, too.
    async fn unless_duplicate(
        &self,
        result: Result<(), AwsError>,
        group: &str,
        rule: &RuleSpec,
        is_egress: bool,
    ) -> Result<(), AwsError> {
        match result {
            Err(error) if code(&error) == "InvalidPermission.Duplicate" => {}
            Err(error) if code(&error) == "RulesPerSecurityGroupLimitExceeded" => {
                return Err(error
                    .hint("remove a rule that is not needed any more, or have the quota raised"));
            }
            other => return other,
        }
        if tags::targets(&rule.tags).next().is_none() {
            return Ok(());
        }
        let peer = match &rule.peer {
            RulePeer::Cidr(cidr) => Peer::Cidr(cidr.clone()),
            RulePeer::Group(peer) => Peer::Group(self.group(peer)?),
        };
        let own = describe_own_rules(self.aws, &self.ec2, vec![filter("group-id", group)]).await?;
        let same = own.iter().find(|one| {
            one.is_egress == is_egress
                && one.rule.is_exactly(rule.port, &peer)
                && tags::targets(&one.rule.tags).next().is_some()
        });
        let Some((id, theirs)) = same.and_then(|one| Some((one.rule.id.as_ref()?, &one.rule.tags)))
        else {
            return Ok(());
        };
        let (mut all, mut missing) = (theirs.clone(), Tags::new());
        for (_, target) in tags::targets(&rule.tags) {
            if !tags::targets(theirs).any(|(_, named)| named == target) {
                let key = tags::next_target_key(&all);
                all.insert(key.clone(), target.to_owned());
                missing.insert(key, target.to_owned());
            }
        }
        if missing.is_empty() { Ok(()) } else { self.tag_rule(id, &missing).await }
    }

    pub(super) async fn tag_rule(&self, rule: &str, tags: &Tags) -> Result<(), AwsError> {
        let call = || async {
            let call = self.ec2.create_tags().resources(rule).set_tags(Some(ec2_tags(tags)));
            call.send().await.map_err(failed(self.aws, "CreateTags"))
        };
        retry(CONSISTENCY, call, never).await.map(drop)
    }

    fn permission(&self, rule: &RuleSpec) -> Result<IpPermission, AwsError> {
        let port = i32::from(rule.port);
        let permission = IpPermission::builder()
            .ip_protocol(rule.protocol.as_str())
            .from_port(port)
            .to_port(port);
        let permission = match &rule.peer {
            RulePeer::Cidr(cidr) => with_cidr(permission, cidr, Some(&rule.description)),
            RulePeer::Group(group) => permission.user_id_group_pairs(
                UserIdGroupPair::builder()
                    .group_id(self.group(group)?)
                    .description(&rule.description)
                    .build(),
            ),
        };
        Ok(permission.build())
    }
}

type Permission = aws_sdk_ec2::types::builders::IpPermissionBuilder;

fn with_cidr(permission: Permission, cidr: &str, description: Option<&String>) -> Permission {
    let description = description.cloned();
    if cidr.contains(':') {
        let range = Ipv6Range::builder().cidr_ipv6(cidr).set_description(description);
        permission.ipv6_ranges(range.build())
    } else {
        let range = IpRange::builder().cidr_ip(cidr).set_description(description);
        permission.ip_ranges(range.build())
    }
}

/// Tags for something new.
pub(super) fn tagged(kind: ResourceType, tags: &Tags) -> TagSpecification {
    TagSpecification::builder().resource_type(kind).set_tags(Some(ec2_tags(tags))).build()
}

fn ec2_tags(tags: &Tags) -> Vec<Tag> {
    tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect()
}
