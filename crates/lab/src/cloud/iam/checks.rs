//! What IAM checks of names, paths and tags, and how it cuts its lists.

use crate::cloud::ec2::Tags;
use crate::cloud::protocol::Page;
use crate::cloud::{Call, CloudError, Element, Outcome, Params, answer, list};

/// Tags that one resource can have.
const MOST_TAGS: usize = 50;

/// What a listing gives unless told otherwise, and at most.
const PAGE: (usize, usize) = (100, 1000);

pub(crate) fn constraint(member: &str, value: &str, constraint: &str) -> CloudError {
    CloudError::refuse(
        "ValidationError",
        format!(
            "1 validation error detected: Value {value} at '{}' failed to satisfy constraint: \
             {constraint}",
            lower_camel(member)
        ),
    )
}

/// Members are named in refusals as the model has them, with a small letter first.
fn lower_camel(member: &str) -> String {
    let mut letters = member.chars();
    letters
        .next()
        .map_or_else(String::new, |first| first.to_ascii_lowercase().to_string() + letters.as_str())
}

/// A parameter that has to be there.
pub(crate) fn required<'a>(params: &'a Params, member: &str) -> Result<&'a str, CloudError> {
    params.get(member).ok_or_else(|| constraint(member, "null", "Member must not be null"))
}

/// Refuses parameters that the real service has and the lab does not.
pub(crate) fn unknown(params: &Params, members: &[&str]) -> Result<(), CloudError> {
    match members.iter().find(|member| params.has(member)) {
        None => Ok(()),
        Some(member) => Err(CloudError::refuse(
            "ValidationError",
            format!("The lab does not know the parameter {member} of this operation."),
        )),
    }
}

fn bounded(member: &str, value: &str, least: usize, most: usize) -> Result<(), CloudError> {
    let (len, shown) = (value.chars().count(), format!("'{value}'"));
    if len < least {
        let wanted = format!("Member must have length greater than or equal to {least}");
        return Err(constraint(member, &shown, &wanted));
    }
    if len > most {
        let wanted = format!("Member must have length less than or equal to {most}");
        return Err(constraint(member, &shown, &wanted));
    }
    Ok(())
}

/// A name of at most `most` letters, digits and `_+=,.@-`.
pub(super) fn name<'a>(
    params: &'a Params,
    member: &str,
    most: usize,
) -> Result<&'a str, CloudError> {
    let value = required(params, member)?;
    bounded(member, value, 1, most)?;
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    if value.chars().all(allowed) {
        return Ok(value);
    }
    let message = format!(
        "The specified value for {} is invalid. It must contain only alphanumeric characters \
         and/or the following: +=,.@_-",
        lower_camel(member)
    );
    Err(CloudError::refuse("ValidationError", message))
}

/// A path, `/` unless there is one.
pub(super) fn path(params: &Params) -> Result<String, CloudError> {
    let path = params.get("Path").unwrap_or("/");
    bounded("Path", path, 1, 512)?;
    let graphic = path.bytes().all(|byte| byte.is_ascii_graphic());
    if path.starts_with('/') && path.ends_with('/') && graphic {
        return Ok(path.to_owned());
    }
    let message = "The specified value for path is invalid. It must begin and end with / and \
                   contain only alphanumeric characters and/or / characters.";
    Err(CloudError::refuse("ValidationError", message))
}

/// Adds the tags of a call to those that are there. Keys differ in more than case.
pub(super) fn add_tags(tags: &mut Tags, params: &Params) -> Result<(), CloudError> {
    let mut all = tags.clone();
    let mut seen: Vec<String> = Vec::new();
    for tag in params.list("Tags") {
        let (key, value) = (required(tag, "Key")?, required(tag, "Value")?);
        bounded("Tags.member.key", key, 1, 128)?;
        bounded("Tags.member.value", value, 0, 256)?;
        let allowed = |c: char| c.is_alphanumeric() || c == ' ' || "_.:/=+-@".contains(c);
        if let Some(other) = [key, value].into_iter().find(|text| !text.chars().all(allowed)) {
            let wanted =
                r"Member must satisfy regular expression pattern: [\p{L}\p{Z}\p{N}_.:/=+\-@]+";
            return Err(constraint("Tags.member", &format!("'{other}'"), wanted));
        }
        if key.to_ascii_lowercase().starts_with("aws:") {
            let message = "Tag keys that start with aws: are reserved for system use";
            return Err(CloudError::refuse("InvalidInput", message));
        }
        if seen.iter().any(|other| other.eq_ignore_ascii_case(key)) {
            let message =
                "Duplicate tag keys found. Please note that Tag keys are case insensitive.";
            return Err(CloudError::refuse("InvalidInput", message));
        }
        seen.push(key.to_owned());
        all.retain(|other, _| !other.eq_ignore_ascii_case(key));
        all.insert(key.to_owned(), value.to_owned());
    }
    if all.len() > MOST_TAGS {
        let message = "The number of tags has reached the maximum limit.";
        return Err(CloudError::new(409, "LimitExceeded", message));
    }
    *tags = all;
    Ok(())
}

pub(super) fn remove_tags(tags: &mut Tags, params: &Params) {
    for key in params.texts("TagKeys") {
        tags.retain(|other, _| !other.eq_ignore_ascii_case(&key));
    }
}

pub(super) fn tags_of(tags: &Tags) -> Vec<Element> {
    let tag = |(key, value)| list("member", []).text("Key", key).text("Value", value);
    tags.iter().map(tag).collect()
}

/// Gives the part of a list that the caller wants.
pub(super) fn page(call: &Call<'_>, name: &'static str, items: Vec<Element>) -> Outcome {
    let (usual, most) = PAGE;
    let wanted: Option<usize> = call.params.number("MaxItems")?;
    let wanted = wanted.unwrap_or(usual);
    if wanted == 0 || wanted > most {
        let (word, limit) = if wanted == 0 { ("greater", 1) } else { ("less", most) };
        let text = format!("Member must have value {word} than or equal to {limit}");
        return Err(constraint("MaxItems", &format!("'{wanted}'"), &text));
    }
    let page = Page::new(call.service, wanted, call.params.get("Marker"))
        .ok_or_else(|| CloudError::refuse("ValidationError", "Invalid Marker."))?;
    let (items, next) = page.of(items);
    Ok(answer().with(list(name, items)).text("IsTruncated", next.is_some()).maybe("Marker", next))
}

/// A document as answers have it: percent-encoded.
pub(super) fn encoded(document: &str) -> String {
    let encoded: String = url::form_urlencoded::byte_serialize(document.as_bytes()).collect();
    // A form writes blanks as plus signs and leaves stars as they are; IAM does neither.
    encoded.replace('+', "%20").replace('*', "%2A")
}
