//! Adding rules to security groups and taking them back.

use super::groups::named;
use super::permissions::read;
use super::rules::{Peer, Rule, malformed_id, permissions};
use super::tags;
use crate::cloud::{self, Call, CloudError, Outcome, answer, list};

/// The most rules of a group in each direction, by default.
/// <https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html>
const MOST: usize = 60;

const NEW_TAGS: &[&str] = &["security-group-rule"];

/// Which way a call's rules are for.
fn is_egress(call: &Call<'_>) -> bool {
    call.operation.ends_with("Egress")
}

/// Adds rules: all of a call or none.
pub(super) fn authorize(call: &Call<'_>, cloud: &mut cloud::State) -> Outcome {
    let egress = is_egress(call);
    let id = named(call, &cloud.ec2)?;
    let mut rules = read(call, &cloud.ec2, &id, egress)?;
    let there = &cloud.ec2.groups[&id].rules;
    if let Some(old) = rules.iter().find(|new| there.iter().any(|old| old.is_same(new))) {
        return Err(old.duplicate());
    }
    let families = |rules: &[Rule], v6| {
        let of = |rule: &&Rule| rule.egress == egress && matches!(rule.peer, Peer::V6(_)) == v6;
        rules.iter().filter(of).count()
    };
    if [true, false].into_iter().any(|v6| families(there, v6) + families(&rules, v6) > MOST) {
        let message = "The maximum number of rules per security group has been reached.";
        return Err(CloudError::refuse("RulesPerSecurityGroupLimitExceeded", message));
    }
    let tags = tags::specified(call, NEW_TAGS, NEW_TAGS[0])?;
    for rule in &mut rules {
        rule.id = call.new_id("sgr");
        cloud.ec2.tag(&rule.id, tags.clone());
    }
    let items: Vec<_> = rules.iter().map(|rule| rule.item(&id, &cloud.ec2)).collect();
    if let Some(group) = cloud.ec2.groups.get_mut(&id) {
        group.rules.extend(rules);
    }
    Ok(answer().text("return", true).with(list("securityGroupRuleSet", items)))
}

/// Removes rules, by their ids or by what they let through.
pub(super) fn revoke(call: &Call<'_>, cloud: &mut cloud::State) -> Outcome {
    let egress = is_egress(call);
    let id = named(call, &cloud.ec2)?;
    let ids = call.params.texts("SecurityGroupRuleId");
    if !ids.is_empty() && call.params.has("IpPermissions") {
        let message = "Only one of 'ipPermissions' or 'securityGroupRuleIds' can be provided.";
        return Err(CloudError::refuse("InvalidParameterCombination", message));
    }
    let there = &cloud.ec2.groups[&id].rules;
    let mut gone: Vec<Rule> = Vec::new();
    let mut unknown: Vec<Rule> = Vec::new();
    for rule in &ids {
        if let Some(error) = malformed_id(rule) {
            return Err(error);
        }
        let found = there.iter().find(|there| {
            there.id == *rule && there.egress == egress && there.born.is_visible(call.now())
        });
        let found = found.ok_or_else(|| {
            let message = format!("The security group rule ID '{rule}' does not exist");
            CloudError::refuse("InvalidSecurityGroupRuleId.NotFound", message)
        })?;
        gone.push(found.clone());
    }
    if ids.is_empty() {
        for wanted in read(call, &cloud.ec2, &id, egress)? {
            match there.iter().find(|rule| rule.is_same(&wanted)) {
                Some(rule) => gone.push(rule.clone()),
                None => unknown.push(wanted),
            }
        }
    }
    // In a default VPC what is not there is told, elsewhere it is refused.
    // https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RevokeSecurityGroupIngress.html
    let vpc = &cloud.ec2.groups[&id].vpc;
    if !unknown.is_empty() && !cloud.ec2.vpcs.get(vpc).is_some_and(|vpc| vpc.is_default) {
        let message = "The specified rule does not exist in this security group.";
        return Err(CloudError::refuse("InvalidPermission.NotFound", message));
    }
    if let Some(group) = cloud.ec2.groups.get_mut(&id) {
        group.rules.retain(|rule| !gone.iter().any(|gone| gone.id == rule.id));
    }
    for rule in &gone {
        cloud.ec2.untag(&rule.id);
    }
    let items = gone.iter().map(|rule| rule.revoked(&id));
    let mut out = answer().text("return", true).with(list("revokedSecurityGroupRuleSet", items));
    if !unknown.is_empty() {
        out = out.with(permissions("unknownIpPermissionSet", unknown.iter()));
    }
    Ok(out)
}
