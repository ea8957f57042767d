//! The public parameters of Systems Manager that name Amazon's images.

use serde::Deserialize;
use serde_json::{Value, json};

use super::ec2::{IMAGES, Image};
use super::protocol::Page;
use crate::http::ApiError;
use crate::service::{REGION, Service};

const PATH: &str = "/aws/service/ami-amazon-linux-latest";

/// Kernels that have names of their own; the lab's images are one for all of them.
const KERNELS: [&str; 3] = ["kernel-default", "kernel-6.1", "kernel-6.12"];

/// When the images became the latest ones: 9 November 2026.
const MODIFIED: f64 = 1_794_254_400.0;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct One {
    name: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Several {
    #[serde(default)]
    names: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ByPath {
    path: Option<String>,
    #[serde(default)]
    recursive: bool,
    max_results: Option<usize>,
    next_token: Option<String>,
}

/// All parameters, by name.
fn all() -> Vec<(String, &'static Image)> {
    let named = IMAGES.iter().flat_map(|image| {
        KERNELS.map(|kernel| {
            (format!("{PATH}/{}", image.parameter.replace(KERNELS[0], kernel)), image)
        })
    });
    let mut named: Vec<_> = named.collect();
    named.sort_by(|(one, _), (other, _)| one.cmp(other));
    named
}

fn parameter(name: &str, image: &Image) -> Value {
    json!({
        "Name": name,
        "Type": "String",
        "Value": image.id,
        "Version": 131,
        "LastModifiedDate": MODIFIED,
        "ARN": format!("arn:aws:ssm:{REGION}::parameter{name}"),
        "DataType": "text",
    })
}

/// The parameter of a name or an ARN.
fn find(name: &str) -> Option<Value> {
    let plain = name.strip_prefix(&format!("arn:aws:ssm:{REGION}::parameter")).unwrap_or(name);
    let (name, image) = all().into_iter().find(|(known, _)| known == plain)?;
    Some(parameter(&name, image))
}

pub(crate) fn get(request: &One) -> Result<Value, ApiError> {
    let name = request
        .name
        .as_deref()
        .filter(|name| !name.is_empty())
        .ok_or_else(|| ApiError::constraint("name", "null", "Member must not be null"))?;
    let parameter = find(name).ok_or_else(|| ApiError::of_model("ParameterNotFound", ""))?;
    Ok(json!({ "Parameter": parameter }))
}

pub(crate) fn get_several(request: &Several) -> Result<Value, ApiError> {
    if request.names.is_empty() || request.names.len() > 10 {
        let constraint = "Member must have length between 1 and 10";
        return Err(ApiError::constraint("names", "list", constraint));
    }
    let (found, invalid): (Vec<_>, Vec<_>) =
        request.names.iter().map(|name| (name, find(name))).partition(|(_, found)| found.is_some());
    let found: Vec<Value> = found.into_iter().filter_map(|(_, found)| found).collect();
    let invalid: Vec<&String> = invalid.into_iter().map(|(name, _)| name).collect();
    Ok(json!({ "Parameters": found, "InvalidParameters": invalid }))
}

pub(crate) fn get_by_path(service: &Service, request: &ByPath) -> Result<Value, ApiError> {
    let path = request.path.as_deref().unwrap_or_default();
    if !path.starts_with('/') {
        let message = "The parameter doesn't meet the parameter name requirements. The parameter \
                       name must begin with a forward slash \"/\".";
        return Err(ApiError::common("ValidationException", message));
    }
    let most = request.max_results.unwrap_or(10);
    if !(1..=10).contains(&most) {
        let constraint = "Member must have value between 1 and 10";
        return Err(ApiError::constraint("maxResults", &format!("'{most}'"), constraint));
    }
    let page = Page::new(service, most, request.next_token.as_deref()).ok_or_else(|| {
        ApiError::of_model("InvalidNextToken", "The specified token is not valid.")
    })?;
    let below = format!("{}/", path.trim_end_matches('/'));
    let mut list = all();
    list.retain(|(name, _)| {
        name.strip_prefix(&below).is_some_and(|rest| request.recursive || !rest.contains('/'))
    });
    let (list, next) = page.of(list);
    let list: Vec<Value> = list.iter().map(|(name, image)| parameter(name, image)).collect();
    let mut out = json!({ "Parameters": list });
    if let Some(next) = next {
        out["NextToken"] = next.into();
    }
    Ok(out)
}
