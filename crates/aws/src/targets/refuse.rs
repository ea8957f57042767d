//! What to say when none fits what was asked for, or several do.

use super::arn::Arn;
use super::entry::Entry;
use super::{Kind, Selector, TargetSpec, find, list};
use crate::error::{AwsError, AwsErrorKind};
use crate::load::Aws;
use crate::similar::similar;

/// What to say when there is nothing that `spec` means: where it was looked for, and what looks
/// like it. Costs a look at all there is of these kinds.
pub(super) async fn not_found(aws: &Aws, spec: &TargetSpec) -> AwsError {
    let kind = spec.kind;
    let (account, all) = tokio::join!(account(aws), Box::pin(list(aws, family(kind))));
    let all = all.found;
    let which = match &spec.select {
        Selector::Tag { key, value } => format!("with the tag {key}={value}"),
        Selector::Id(id) | Selector::Arn(id) => format!("`{id}`"),
    };
    let whose = account.as_ref().map(|id| format!(" (account {id})")).unwrap_or_default();
    let mut error = AwsError::new(
        AwsErrorKind::TargetNotFound,
        format!("there is no {} {which} {}{whose}", kind.noun(), aws.place()),
    );
    if let Some(name) = find::name(&spec.select) {
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

/// The account in use: a name that is not there may well be in another. Few sources of credentials
/// tell it; then the service is asked.
async fn account(aws: &Aws) -> Option<String> {
    if let Some(known) = aws.account().await {
        return Some(known);
    }
    let answer = Box::pin(aws_sdk_sts::Client::new(&aws.sdk).get_caller_identity().send()).await;
    answer.ok()?.account
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
