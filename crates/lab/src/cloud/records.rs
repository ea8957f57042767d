//! What RDS, `ElastiCache` and Redshift have in common: how they cut their lists, and what they check
//! of tags and subnets.

use super::ec2::Tags;
use super::place::{self, Place};
use super::protocol::Page;
use super::{Call, CloudError, Element, Outcome, Params, answer, ec2, list, node};

/// What a listing gives unless told otherwise, and at least.
const PAGE: (usize, usize) = (100, 20);

pub(crate) fn invalid(message: impl Into<String>) -> CloudError {
    CloudError::refuse("InvalidParameterValue", message)
}

pub(crate) fn combination(message: impl Into<String>) -> CloudError {
    CloudError::refuse("InvalidParameterCombination", message)
}

/// Gives the part of a list that the caller wants.
pub(crate) fn page(call: &Call<'_>, name: &'static str, items: Vec<Element>) -> Outcome {
    let (most, least) = PAGE;
    let wanted: Option<usize> = call.params.number("MaxRecords")?;
    let wanted = wanted.unwrap_or(most);
    if !(least..=most).contains(&wanted) {
        let message =
            format!("Invalid value {wanted} for MaxRecords. Must be between {least} and {most}");
        return Err(invalid(message));
    }
    let page = Page::new(call.service, wanted, call.params.get("Marker"))
        .ok_or_else(|| invalid("The parameter Marker is not valid."))?;
    let (items, next) = page.of(items);
    Ok(answer().with(list(name, items)).maybe("Marker", next))
}

/// The tags of a call.
pub(crate) fn tags(params: &Params) -> Result<Tags, CloudError> {
    let mut tags = Tags::new();
    for tag in params.list("Tags") {
        let (key, value) = (tag.required("Key")?, tag.get("Value").unwrap_or_default());
        if key.starts_with("aws:") || key.starts_with("rds:") {
            return Err(invalid(format!("Invalid tag key: {key}")));
        }
        if key.chars().count() > 128 || value.chars().count() > 256 {
            return Err(invalid(format!("The tag {key} is too long.")));
        }
        if tags.insert(key.to_owned(), value.to_owned()).is_some() {
            return Err(invalid(format!("Duplicate tag key: {key}")));
        }
    }
    Ok(tags)
}

pub(crate) fn tag_list(tags: &Tags) -> Element {
    let tag = |(key, value)| node("Tag").text("Key", key).text("Value", value);
    list("TagList", tags.iter().map(tag))
}

/// The places of a call's subnets, and the VPC that they are in.
pub(crate) fn subnets(
    ec2: &ec2::State,
    call: &Call<'_>,
    member: &str,
) -> Result<(String, Vec<Place>), CloudError> {
    let subnets = call.params.texts(member);
    if subnets.is_empty() {
        call.params.required(member)?;
    }
    let places = place::places(ec2, call, &subnets).ok_or_else(|| {
        let message = format!("Some input subnets in :[{}] are invalid.", subnets.join(", "));
        CloudError::refuse("InvalidSubnet", message)
    })?;
    Ok((places.first().map(|place| place.vpc.clone()).unwrap_or_default(), places))
}
