//! What all kinds share: how one is named, how tags are looked for, and what to say when none fits.

use std::collections::BTreeMap;
use std::future::Future;

use futures_util::{StreamExt, TryStreamExt, stream};

use super::arn::Arn;
use super::entry::{Entry, unusable};
use super::{Kind, Selector, TargetSpec, list};
use crate::error::{AwsError, AwsErrorKind};
use crate::load::Aws;
use crate::similar::similar;

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

/// What to say when there is nothing that `spec` means: where it was looked for, and what looks
/// like it. Costs a look at all there is of these kinds.
pub(super) async fn not_found(aws: &Aws, spec: &TargetSpec) -> AwsError {
    let (kind, account) = (spec.kind, aws.account().await);
    let which = match &spec.select {
        Selector::Tag { key, value } => format!("with the tag {key}={value}"),
        Selector::Id(id) | Selector::Arn(id) => format!("`{id}`"),
    };
    let whose = account.as_ref().map(|id| format!(" (account {id})")).unwrap_or_default();
    let mut error = AwsError::new(
        AwsErrorKind::TargetNotFound,
        format!("there is no {} {which} {}{whose}", kind.noun(), aws.place()),
    );
    let all = Box::pin(list(aws, family(kind))).await.found;
    if let Some(name) = name(&spec.select) {
        for other in all.iter().filter(|other| other.kind != kind && other.id == name) {
            error = error.hint(format!(
                "`{name}` is {}: write {}:{name}",
                other.kind.one(),
                other.kind
            ));
        }
        let own = all.iter().filter(|other| other.kind == kind);
        let names = own.flat_map(|other| [Some(other.id.as_str()), other.name.as_deref()]);
        let near: Vec<String> =
            similar(name, names.flatten()).iter().map(|name| format!("{kind}:{name}")).collect();
        if !near.is_empty() {
            error = error.hint(format!("did you mean {}?", near.join(", ")));
        }
    }
    if let (Selector::Arn(text), Some(account)) = (&spec.select, &account)
        && let Some(arn) = Arn::parse(text)
        && arn.account != account
    {
        error = error.hint(format!("the ARN is one of account {}", arn.account));
    }
    error.hint(format!("`adit list {kind}` shows what there is; --region and --profile say where"))
}

/// The kinds that people take for one another.
fn family(kind: Kind) -> &'static [Kind] {
    match kind {
        Kind::Rds | Kind::Aurora | Kind::RdsProxy | Kind::DocDb | Kind::Neptune => {
            &[Kind::Rds, Kind::Aurora, Kind::RdsProxy, Kind::DocDb, Kind::Neptune]
        }
        Kind::ElastiCache | Kind::MemoryDb => &[Kind::ElastiCache, Kind::MemoryDb],
        Kind::Redshift | Kind::RedshiftServerless => &[Kind::Redshift, Kind::RedshiftServerless],
        Kind::OpenSearch => &[Kind::OpenSearch],
        Kind::Msk => &[Kind::Msk],
        Kind::Ec2 => &[Kind::Ec2],
        Kind::Host => &[],
    }
}

/// What to say when several fit.
pub(super) fn ambiguous(aws: &Aws, spec: &TargetSpec, entries: &[Entry]) -> AwsError {
    /// As many as a reader takes in at a glance.
    const SHOWN: usize = 10;
    let mut names: Vec<String> = entries
        .iter()
        .map(|entry| {
            let mut one = spec.clone();
            one.select = Selector::Id(entry.found.id.clone());
            one.to_string()
        })
        .collect();
    names.sort();
    let more = names.len().saturating_sub(SHOWN);
    names.truncate(SHOWN);
    let mut shown = names.join(", ");
    if more > 0 {
        shown = format!("{shown} and {more} more");
    }
    let what = match &spec.select {
        Selector::Tag { key, value } => format!("have the tag {key}={value}"),
        Selector::Id(id) | Selector::Arn(id) => format!("are called `{id}`"),
    };
    AwsError::new(
        AwsErrorKind::TargetAmbiguous,
        format!("{} {}s {what} {}", entries.len(), spec.kind.noun(), aws.place()),
    )
    .hint(format!("choose one: {shown}"))
}
