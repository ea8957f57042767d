//! Tags of everything, and patterns of filters.

use super::resource::{Filters, page};
use super::{State, Tags};
use crate::cloud::{
    self, Call, CloudError, Element, Outcome, Params, answer, authorize, list, node,
};
use crate::service::{ACCOUNT, REGION};

/// The most tags of one resource.
const MOST: usize = 50;

/// The kinds of resource, by the prefix of their ids.
const KINDS: [(&str, &str); 13] = [
    ("dopt-", "dhcp-options"),
    ("vpc-", "vpc"),
    ("subnet-", "subnet"),
    ("sg-", "security-group"),
    ("sgr-", "security-group-rule"),
    ("igw-", "internet-gateway"),
    ("nat-", "natgateway"),
    ("rtb-", "route-table"),
    ("i-", "instance"),
    ("vol-", "volume"),
    ("eni-", "network-interface"),
    ("vpce-", "vpc-endpoint"),
    ("eipalloc-", "elastic-ip"),
];

/// What an id is one of; empty when that is not known.
pub(crate) fn kind(id: &str) -> &'static str {
    KINDS.iter().find(|(prefix, _)| id.starts_with(prefix)).map_or("", |(_, kind)| *kind)
}

/// A resource's tags as all answers have them.
pub(super) fn set(state: &State, id: &str) -> Element {
    let tags = state.tags_of(id).iter();
    list("tagSet", tags.map(|(key, value)| node("item").text("key", key).text("value", value)))
}

/// Tags for what a call makes: those of the kind in its `TagSpecification`s. Kinds that the call
/// does not make are refused.
pub(super) fn specified(call: &Call<'_>, made: &[&str], kind: &str) -> Result<Tags, CloudError> {
    let mut tags = Tags::new();
    for specification in call.params.list("TagSpecification") {
        let named = specification.get("ResourceType").unwrap_or_default();
        if !made.contains(&named) {
            let message =
                format!("'{named}' is not a valid taggable resource type for this operation.");
            return Err(CloudError::refuse("InvalidParameterValue", message));
        }
        if named == kind {
            tags.extend(read(specification, "Tag")?);
        }
    }
    if !tags.is_empty() {
        let resource = format!("arn:aws:ec2:{REGION}:{ACCOUNT}:{kind}/*");
        authorize::beside(call, "ec2:CreateTags", &resource)?;
    }
    check(&tags)?;
    Ok(tags)
}

fn read(params: &Params, name: &str) -> Result<Tags, CloudError> {
    let mut tags = Tags::new();
    for tag in params.list(name) {
        let key = tag.get("Key").unwrap_or_default().to_owned();
        let value = tag.get("Value").unwrap_or_default().to_owned();
        if tags.insert(key.clone(), value).is_some() {
            let message = format!("Duplicate tag key '{key}' specified.");
            return Err(CloudError::refuse("InvalidParameterValue", message));
        }
    }
    Ok(tags)
}

/// The bounds of keys and values.
/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html#tag-restrictions>
fn check(tags: &Tags) -> Result<(), CloudError> {
    for (key, value) in tags {
        let message = if key.is_empty() || key.chars().count() > 127 {
            format!("Tag key exceeds the maximum length of 127 characters: '{key}'")
        } else if value.chars().count() > 255 {
            "Tag value exceeds the maximum length of 255 characters".to_owned()
        } else if key.to_lowercase().starts_with("aws:") {
            "Tag keys starting with 'aws:' are reserved for internal use".to_owned()
        } else {
            continue;
        };
        return Err(CloudError::refuse("InvalidParameterValue", message));
    }
    if tags.len() > MOST {
        let message = "The maximum number of tags for this resource has been reached.";
        return Err(CloudError::refuse("TagLimitExceeded", message));
    }
    Ok(())
}

impl State {
    /// Gives something new its tags.
    pub(super) fn tag(&mut self, id: &str, tags: Tags) {
        if !tags.is_empty() {
            self.tags.insert(id.to_owned(), tags);
        }
    }

    /// Whether there is something of that id, seen or not.
    fn exists(&self, id: &str) -> bool {
        self.vpcs.contains_key(id)
            || self.dhcp_options.contains_key(id)
            || self.subnets.contains_key(id)
            || self.groups.contains_key(id)
            || self.rule(id).is_some()
            || self.internet_gateways.contains_key(id)
            || self.nat_gateways.contains_key(id)
            || self.route_tables.contains_key(id)
            || self.instances.contains_key(id)
            || self.volumes.contains_key(id)
            || self.interfaces.contains_key(id)
            || self.endpoints.contains_key(id)
            || self.addresses.contains_key(id)
    }

    /// Takes back the tags of something that is gone.
    pub(super) fn untag(&mut self, id: &str) {
        self.tags.remove(id);
    }
}

/// The resources of a call. One that is not there refuses all.
fn resources(call: &Call<'_>, state: &State) -> Result<Vec<String>, CloudError> {
    let ids = call.params.texts("ResourceId");
    if ids.is_empty() {
        call.params.required("ResourceId")?;
    }
    for id in &ids {
        let born = match kind(id) {
            "instance" => state.instances.get(id).map(|instance| instance.born),
            "security-group" => state.groups.get(id).map(|group| group.born),
            _ => None,
        };
        if !state.exists(id) || born.is_some_and(|born| !born.is_visible(call.now())) {
            let code = match kind(id) {
                "instance" => "InvalidInstanceID.NotFound",
                "security-group" => "InvalidGroup.NotFound",
                "security-group-rule" => "InvalidSecurityGroupRuleId.NotFound",
                "vpc" => "InvalidVpcID.NotFound",
                "subnet" => "InvalidSubnetID.NotFound",
                "vpc-endpoint" => "InvalidVpcEndpointId.NotFound",
                _ => "InvalidID",
            };
            return Err(CloudError::refuse(code, format!("The ID '{id}' does not exist")));
        }
    }
    Ok(ids)
}

pub(super) fn create(call: &Call<'_>, cloud: &mut cloud::State) -> Outcome {
    let ids = resources(call, &cloud.ec2)?;
    let new = read(call.params, "Tag")?;
    if new.is_empty() {
        call.params.required("Tag")?;
    }
    for id in &ids {
        let mut tags = cloud.ec2.tags_of(id).clone();
        tags.extend(new.clone());
        check(&tags)?;
    }
    for id in ids {
        cloud.ec2.tags.entry(id).or_default().extend(new.clone());
    }
    Ok(answer().text("return", true))
}

/// Removes tags: by key, by key and value, or all of them.
pub(super) fn delete(call: &Call<'_>, cloud: &mut cloud::State) -> Outcome {
    let ids = resources(call, &cloud.ec2)?;
    let named = call.params.list("Tag");
    for id in ids {
        let Some(tags) = cloud.ec2.tags.get_mut(&id) else { continue };
        tags.retain(|key, value| {
            let hit = |tag: &&Params| {
                tag.get("Key") == Some(key) && tag.get("Value").is_none_or(|wanted| wanted == value)
            };
            !named.is_empty() && !named.iter().any(hit)
        });
    }
    Ok(answer().text("return", true))
}

pub(super) fn describe(call: &Call<'_>, cloud: &mut cloud::State) -> Outcome {
    let page = page(call, None)?;
    let known = ["key", "resource-id", "resource-type", "value"];
    let filters = Filters::read(call, &known)?;
    let mut found = Vec::new();
    for (id, tags) in &cloud.ec2.tags {
        for (key, value) in tags {
            let one = Tags::from([(key.clone(), value.clone())]);
            let of = |name: &str| match name {
                "key" => vec![key.clone()],
                "value" => vec![value.clone()],
                "resource-id" => vec![id.clone()],
                _ => vec![kind(id).to_owned()],
            };
            if filters.accept(&one, of) {
                found.push((id, key, value));
            }
        }
    }
    let (found, next) = page.of(found);
    let items = found.into_iter().map(|(id, key, value)| {
        node("item")
            .text("resourceId", id)
            .text("resourceType", kind(id))
            .text("key", key)
            .text("value", value)
    });
    Ok(answer().with(list("tagSet", items)).maybe("nextToken", next))
}

/// Whether a filter's value matches: `*` stands for any text, `?` for one character, and a
/// backslash makes either of them plain.
pub(super) fn matches(pattern: &str, value: &str) -> bool {
    let (pattern, value): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), value.chars().collect());
    // After the last star: where the pattern goes on, and where the value was.
    let mut star = None;
    let (mut p, mut v) = (0, 0);
    while v < value.len() {
        let (token, width) = match pattern.get(p) {
            Some('\\') if p + 1 < pattern.len() => (pattern.get(p + 1), 2),
            Some('*') => {
                star = Some((p + 1, v));
                p += 1;
                continue;
            }
            Some('?') => (value.get(v), 1),
            other => (other, 1),
        };
        if token == value.get(v) {
            (p, v) = (p + width, v + 1);
        } else if let Some((after, seen)) = star {
            star = Some((after, seen + 1));
            (p, v) = (after, seen + 1);
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|&rest| rest == '*')
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn patterns() {
        for (pattern, value) in
            [("a*", "abc"), ("*", ""), ("a?c", "abc"), ("*b*d", "abcbd"), ("a\\*", "a*"), ("", "")]
        {
            assert!(matches(pattern, value), "{pattern} {value}");
        }
        for (pattern, value) in [("a", "ab"), ("a\\*", "ab"), ("?", ""), ("*c", "ab"), ("", "a")] {
            assert!(!matches(pattern, value), "{pattern} {value}");
        }
    }
}
