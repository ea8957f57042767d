//! Targets found through the API as its reference describes it. The numbers before the routes are
//! the round trips: how many calls go out together.

mod caches;
mod databases;
mod lists;
mod others;

use super::*;
use crate::error::AwsErrorKind;
use crate::fake::{Fake, Route};

/// Resolves `text`, and says what was asked for.
async fn found(text: &str, waves: &[usize], routes: &[Route]) -> (Result<Target, AwsError>, Fake) {
    let fake = Fake::routed(waves, routes).await;
    let target = resolve(&fake.aws().await, &text.parse().unwrap()).await;
    (target, fake)
}

/// Resolves `text`, in exactly these round trips.
async fn target(text: &str, waves: &[usize], routes: &[Route]) -> Target {
    let (target, fake) = found(text, waves, routes).await;
    let target = target.unwrap_or_else(|error| panic!("{text}: {error:?}"));
    assert_eq!(fake.asked().len(), waves.iter().sum::<usize>(), "{text}");
    target
}

/// Fails to resolve `text`.
async fn fault(text: &str, waves: &[usize], routes: &[Route]) -> AwsError {
    match found(text, waves, routes).await {
        (Ok(target), _) => panic!("{text}: {target:?}"),
        (Err(error), _) => error,
    }
}

fn hinted(error: &AwsError, part: &str) -> bool {
    error.hints.iter().any(|hint| hint.contains(part))
}

#[tokio::test]
async fn a_host_is_taken_at_its_word() {
    let host = target("host:db.internal:5432@vpc-0123456789abcdef0", &[], &[]).await;
    assert_eq!((host.host.as_str(), host.port), ("db.internal", 5432));
    assert_eq!(host.vpc, "vpc-0123456789abcdef0");
    assert!(host.security_groups.is_empty());
    assert_eq!(host.resource(), "host:db.internal:5432@vpc-0123456789abcdef0");
}

#[tokio::test]
async fn an_arn_of_another_region_says_which() {
    let error = fault("rds:arn:aws:rds:us-east-1:111122223333:db:orders", &[], &[]).await;
    assert_eq!(error.kind, AwsErrorKind::TargetUnusable);
    assert!(error.message.contains("is in us-east-1"), "{}", error.message);
    assert!(hinted(&error, "--region us-east-1"), "{:?}", error.hints);
}
