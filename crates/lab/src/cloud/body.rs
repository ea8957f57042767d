//! What the services that speak JSON have in common: how they read their bodies and cut their
//! lists.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::ec2::Tags;
use super::protocol::Page;
use super::{Call, CloudError};

/// Reads a call's body.
pub(crate) fn parse<T: DeserializeOwned>(call: &Call<'_>) -> Result<T, CloudError> {
    T::deserialize(call.json)
        .map_err(|error| CloudError::refuse("SerializationException", error.to_string()))
}

/// A member that has to be there.
pub(crate) fn required<'a>(
    code: &'static str,
    member: &str,
    value: Option<&'a str>,
) -> Result<&'a str, CloudError> {
    value.filter(|value| !value.is_empty()).ok_or_else(|| {
        CloudError::refuse(
            code,
            format!(
                "1 validation error detected: Value null at '{member}' failed to satisfy \
                 constraint: Member must not be null"
            ),
        )
    })
}

/// The part of a list that a caller wants: `usual` entries unless told otherwise, `most` at most.
/// Another wish, or a token that is none of ours, is refused with `code`.
pub(crate) fn page(
    call: &Call<'_>,
    code: &'static str,
    (usual, most): (usize, usize),
    wanted: Option<i64>,
    token: Option<&str>,
) -> Result<Page, CloudError> {
    let wanted = wanted.map_or(Ok(usual), usize::try_from);
    let wanted = wanted.ok().filter(|wanted| (1..=most).contains(wanted)).ok_or_else(|| {
        CloudError::refuse(code, format!("The number of results must be between 1 and {most}."))
    })?;
    let page = Page::new(call.service, wanted, token);
    page.ok_or_else(|| CloudError::refuse(code, "The token of the next page is not valid."))
}

/// A tag in either spelling that the services have.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Tag {
    #[serde(alias = "Key")]
    key: String,
    #[serde(default, alias = "Value")]
    value: String,
}

pub(crate) fn tags(list: Vec<Tag>) -> Tags {
    list.into_iter().map(|Tag { key, value }| (key, value)).collect()
}

/// Tags with the members `Key` and `Value`.
pub(crate) fn upper(tags: &Tags) -> Value {
    tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect()
}

/// Tags with the members `key` and `value`.
pub(crate) fn lower(tags: &Tags) -> Value {
    tags.iter().map(|(key, value)| json!({ "key": key, "value": value })).collect()
}
