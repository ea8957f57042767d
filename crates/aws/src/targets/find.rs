//! What all kinds share: how one is named, and how tags are looked for.

use std::collections::BTreeMap;
use std::future::Future;

use futures_util::{StreamExt, TryStreamExt, stream};

use super::arn::Arn;
use super::entry::{Entry, unusable};
use super::{Selector, TargetSpec};
use crate::error::{AwsError, AwsErrorKind};
use crate::load::Aws;

/// How many calls for the details of single resources are under way at once: quick for dozens of
/// them, and below what the services' rate limits start at.
pub(super) const AT_ONCE: usize = 8;

/// The id that a selector gives; none for a tag, for which all have to be looked at.
pub(super) fn name(select: &Selector) -> Option<&str> {
    match select {
        Selector::Id(id) => Some(id),
        Selector::Arn(arn) => Arn::parse(arn).map(|arn| arn.name()),
        Selector::Tag { .. } => None,
    }
}

/// Whether an error code says that there is no such thing.
pub(super) fn is_missing(code: Option<&str>) -> bool {
    // DBInstanceNotFound, ClusterNotFoundFault, ResourceNotFoundException, and EC2's
    // InvalidInstanceID.NotFound and .Malformed, which an id can only be when it was mistyped.
    code.is_some_and(|code| code.contains("NotFound") || code == "InvalidInstanceID.Malformed")
}

/// Keeps what the selector means: of what a service was asked for by name, or of all it has.
pub(super) fn retain(entries: &mut Vec<Entry>, select: &Selector) {
    match select {
        Selector::Id(_) => {}
        // The same name may be there in another account or region.
        Selector::Arn(arn) => {
            entries.retain(|entry| entry.found.arn.as_ref().is_none_or(|own| own == arn));
        }
        Selector::Tag { key, value } => {
            entries.retain(|entry| entry.found.tags.get(key) == Some(value));
        }
    }
}

/// Adds the tags of resources whose service tells them one by one only, with the ARN's call
/// `fetch`.
pub(super) async fn with_tags<F, T>(entries: Vec<Entry>, fetch: F) -> Result<Vec<Entry>, AwsError>
where
    F: Fn(String) -> T,
    T: Future<Output = Result<BTreeMap<String, String>, AwsError>>,
{
    stream::iter(entries)
        .map(|mut entry| {
            let tags = entry.found.arn.clone().map(&fetch);
            async move {
                if let Some(tags) = tags {
                    match Box::pin(tags).await {
                        Ok(tags) => entry.found.tags = tags,
                        // It was deleted since it was listed.
                        Err(AwsError { kind: AwsErrorKind::Service { code }, .. })
                            if is_missing(Some(&code)) => {}
                        Err(error) => return Err(error),
                    }
                }
                Ok(entry)
            }
        })
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await
}

/// Refuses an ARN of another region: the resource would only be "not found" in this one.
pub(super) fn check_region(aws: &Aws, spec: &TargetSpec) -> Result<(), AwsError> {
    let Selector::Arn(text) = &spec.select else { return Ok(()) };
    match Arn::parse(text) {
        Some(arn) if !arn.region.is_empty() && arn.region != aws.region() => {
            let region = arn.region;
            Err(unusable(format!(
                "{text} is in {region}, and the region in use is {}",
                aws.region()
            ))
            .hint(format!("pass --region {region}")))
        }
        _ => Ok(()),
    }
}
