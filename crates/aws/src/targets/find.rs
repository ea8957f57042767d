//! What all kinds share: how one is named, and how tags are looked for.

use std::collections::BTreeMap;
use std::future::Future;

use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use futures_util::{StreamExt, TryStreamExt, stream};

use super::arn::Arn;
use super::entry::{Entry, unusable};
use super::{Kind, Selector, TargetSpec};
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

/// Whether an error says that nothing is called what was asked for: there is no such thing, or the
/// name is none that a thing could have. For calls that name one thing and have no other parameter
/// of the user's.
pub(super) fn is_missing_name(error: &impl ProvideErrorMetadata) -> bool {
    let says = |text: &str| error.message().is_some_and(|message| message.contains(text));
    match error.code() {
        // `1 validation error detected: Value 'x' at 'domainName' failed to satisfy constraint`.
        Some("ValidationException") => says("failed to satisfy constraint"),
        // `The parameter DBInstanceIdentifier is not a valid identifier.`
        Some("InvalidParameterValue" | "InvalidParameterValueException") => {
            says("not a valid identifier")
        }
        code => is_missing(code),
    }
}

/// The id of what `spec` means, when that can be told without asking AWS.
pub(super) fn literal(spec: &TargetSpec) -> Option<String> {
    match (&spec.select, spec.kind) {
        // What is no id is a name, which rules do not know.
        (Selector::Id(id), Kind::Ec2) => Some(id.clone()).filter(|id| id.starts_with("i-")),
        (Selector::Id(id), _) => Some(id.clone()),
        // These have ids of their own in their ARNs.
        (Selector::Arn(_), Kind::RdsProxy | Kind::RedshiftServerless)
        | (Selector::Tag { .. }, _) => None,
        // What follows the name of a Kafka cluster tells it from earlier ones of that name.
        (select @ Selector::Arn(_), Kind::Msk) => {
            name(select)?.split('/').next().map(str::to_owned)
        }
        (select @ Selector::Arn(_), _) => name(select).map(str::to_owned),
    }
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
/// `fetch`. Some tell none while they change; that matters only when no other resource has the tag
/// that is looked for.
pub(super) async fn with_tags<F, T>(
    entries: Vec<Entry>,
    select: &Selector,
    fetch: F,
) -> Result<Vec<Entry>, AwsError>
where
    F: Fn(String) -> T,
    T: Future<Output = Result<BTreeMap<String, String>, AwsError>>,
{
    let tagged: Vec<(Entry, Option<AwsError>)> = stream::iter(entries)
        .map(|mut entry| {
            let tags = entry.found.arn.clone().map(&fetch);
            async move {
                let mut unknown = None;
                if let Some(tags) = tags {
                    match Box::pin(tags).await {
                        Ok(tags) => entry.found.tags = tags,
                        // It was deleted since it was listed.
                        Err(AwsError { kind: AwsErrorKind::Service { code }, .. })
                            if is_missing(Some(&code)) => {}
                        Err(error) if is_changing(&error) => unknown = Some(error),
                        Err(error) => return Err(error),
                    }
                }
                Ok::<_, AwsError>((entry, unknown))
            }
        })
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await?;
    let (mut entries, unknown): (Vec<Entry>, Vec<_>) = tagged.into_iter().unzip();
    retain(&mut entries, select);
    match unknown.into_iter().flatten().next() {
        Some(error) if entries.is_empty() => Err(error),
        _ => Ok(entries),
    }
}

/// Whether a service says that a resource is in no state to be asked: as
/// `InvalidReplicationGroupState`, `InvalidServerlessCacheStateFault`, `InvalidClusterStateFault`.
fn is_changing(error: &AwsError) -> bool {
    matches!(&error.kind, AwsErrorKind::Service { code }
        if code.starts_with("Invalid") && code.contains("State"))
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
