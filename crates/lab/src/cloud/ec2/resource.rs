//! What all describing operations have in common: ids, filters and pages.

use std::time::Duration;

use super::{Tags, tags};
use crate::cloud::protocol::Page;
use crate::cloud::state::Born;
use crate::cloud::{Call, CloudError, Element, Outcome, State, answer, list};

/// The most entries of a page.
const MOST: usize = 1000;

/// Something that has an id and is described.
pub(super) trait Resource {
    /// The parameter that lists ids.
    const IDS: &'static str;
    /// The element that lists what was found.
    const SET: &'static str;
    /// Filters beside `tag:KEY` and `tag-key`.
    const FILTERS: &'static [&'static str];
    /// Code and noun of the refusal of an id that is not there.
    const MISSING: (&'static str, &'static str);
    /// The prefix of ids, with its hyphen.
    const PREFIX: &'static str;

    fn id(&self) -> &str;
    fn born(&self) -> Born;
    /// What a filter compares with.
    fn values(&self, cloud: &State, filter: &str) -> Vec<String>;
    /// The resource as an item of a list.
    fn element(&self, cloud: &State) -> Element;
}

/// The refusal of an id that is not there.
pub(super) fn missing<R: Resource>(id: &str) -> CloudError {
    let (code, noun) = R::MISSING;
    CloudError::refuse(code, format!("The {noun} '{id}' does not exist"))
}

/// The refusal of a text that cannot be an id.
pub(super) fn malformed<R: Resource>(id: &str) -> Option<CloudError> {
    let hex = id.strip_prefix(R::PREFIX).unwrap_or_default();
    if (8..=17).contains(&hex.len()) && hex.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let code = R::MISSING.0.strip_suffix("NotFound").map(malformed_code).unwrap_or_default();
    let message = format!("Invalid id: \"{id}\" (expecting \"{}...\")", R::PREFIX);
    Some(CloudError::refuse(code, message))
}

/// `InvalidInstanceID.NotFound` goes with `InvalidInstanceID.Malformed`, and so on.
fn malformed_code(start: &str) -> &'static str {
    match start {
        "InvalidInstanceID." => "InvalidInstanceID.Malformed",
        "InvalidGroup." => "InvalidGroupId.Malformed",
        "InvalidDhcpOptionID." => "InvalidDhcpOptionsId.Malformed",
        "InvalidVpcID." => "InvalidVpcID.Malformed",
        "InvalidSubnetID." => "InvalidSubnetID.Malformed",
        "InvalidVpcEndpointId." => "InvalidVpcEndpointId.Malformed",
        "InvalidAMIID." => "InvalidAMIID.Malformed",
        "InvalidNetworkInterfaceID." => "InvalidNetworkInterfaceID.Malformed",
        "InvalidRouteTableID." => "InvalidRouteTableID.Malformed",
        "InvalidSecurityGroupRuleId." => "InvalidSecurityGroupRuleId.Malformed",
        _ => "InvalidParameterValue",
    }
}

/// Answers a describing operation over some resources.
pub(super) fn describe<'a, R: Resource + 'a>(
    call: &Call<'_>,
    cloud: &State,
    all: impl Iterator<Item = &'a R>,
) -> Outcome {
    let (found, next) = select(call, cloud, all)?;
    let items = found.into_iter().map(|resource| resource.element(cloud));
    Ok(answer().with(list(R::SET, items)).maybe("nextToken", next))
}

/// The page of resources that a describing operation is about, and the token of the next.
pub(super) fn select<'a, R: Resource + 'a>(
    call: &Call<'_>,
    cloud: &State,
    all: impl Iterator<Item = &'a R>,
) -> Result<(Vec<&'a R>, Option<String>), CloudError> {
    let ids = call.params.texts(R::IDS);
    let page = page(call, (!ids.is_empty()).then_some(R::IDS))?;
    let filters = Filters::read(call, R::FILTERS)?;
    let now = call.now();
    let seen: Vec<&R> = all.filter(|resource| resource.born().is_visible(now)).collect();
    for id in &ids {
        if let Some(error) = malformed::<R>(id) {
            return Err(error);
        }
        if !seen.iter().any(|resource| resource.id() == id) {
            return Err(missing::<R>(id));
        }
    }
    let wanted = |resource: &&R| {
        let id = resource.id();
        (ids.is_empty() || ids.iter().any(|wanted| wanted == id))
            && filters.accept(cloud.ec2.tags_of(id), |filter| resource.values(cloud, filter))
    };
    Ok(page.of(seen.into_iter().filter(wanted).collect()))
}

/// The page that a call asks for. Ids and `MaxResults` do not go together.
pub(super) fn page(call: &Call<'_>, ids: Option<&str>) -> Result<Page, CloudError> {
    let most: Option<usize> = call.params.number("MaxResults")?;
    if let (Some(ids), Some(_)) = (ids, most) {
        let message = format!("The parameter {ids}s cannot be used with the parameter maxResults");
        return Err(CloudError::refuse("InvalidParameterCombination", message));
    }
    if let Some(most) = most.filter(|most| !(5..=MOST).contains(most)) {
        let (word, limit) = if most < 5 { ("greater", 5) } else { ("less", MOST) };
        let message = format!(
            "Value ( {most} ) for parameter maxResults is invalid. Expecting a value {word} than \
             {limit}."
        );
        return Err(CloudError::refuse("InvalidParameterValue", message));
    }
    let token = call.params.get("NextToken").filter(|token| !token.is_empty());
    Page::new(call.service, most.unwrap_or(MOST), token).ok_or_else(|| {
        let message = "The specified pagination token is not valid or is expired.";
        CloudError::refuse("InvalidPaginationToken", message)
    })
}

/// The filters of a call.
pub(super) struct Filters(Vec<(String, Vec<String>)>);

impl Filters {
    /// Reads them; those that the operation does not have are refused.
    pub(super) fn read(call: &Call<'_>, known: &[&str]) -> Result<Self, CloudError> {
        let mut filters = Vec::new();
        for filter in call.params.list("Filter") {
            let name = filter.get("Name").unwrap_or_default();
            let is_tag = name == "tag-key" || name.strip_prefix("tag:").is_some();
            if !is_tag && !known.contains(&name) {
                let message = format!("The filter '{name}' is invalid");
                return Err(CloudError::refuse("InvalidParameterValue", message));
            }
            let values = filter.texts("Value");
            if values.is_empty() {
                let message = "The filter value list must not be empty.";
                return Err(CloudError::refuse("InvalidParameterValue", message));
            }
            filters.push((name.to_owned(), values));
        }
        Ok(Self(filters))
    }

    /// Whether each filter has a value that matches one of the resource's.
    pub(super) fn accept(&self, tags: &Tags, values: impl Fn(&str) -> Vec<String>) -> bool {
        self.0.iter().all(|(name, wanted)| {
            let found = match name.strip_prefix("tag:") {
                Some(key) => tags.get(key).cloned().into_iter().collect(),
                None if name == "tag-key" => tags.keys().cloned().collect(),
                None => values(name),
            };
            found.iter().any(|value| wanted.iter().any(|pattern| tags::matches(pattern, value)))
        })
    }
}

/// One value, for [`Resource::values`].
pub(super) fn one(value: impl std::fmt::Display) -> Vec<String> {
    vec![value.to_string()]
}

/// A resource by an id in a parameter, refused as a describing operation does.
pub(super) fn find<'a, R: Resource>(
    table: &'a std::collections::BTreeMap<String, R>,
    id: &str,
    now: Duration,
) -> Result<&'a R, CloudError> {
    if let Some(error) = malformed::<R>(id) {
        return Err(error);
    }
    table.get(id).filter(|found| found.born().is_visible(now)).ok_or_else(|| missing::<R>(id))
}
