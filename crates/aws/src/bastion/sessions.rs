//! Whether somebody uses a bastion.

use aws_sdk_ssm::types::{SessionFilter, SessionFilterKey, SessionState};

use crate::error::{AwsError, failed, unbuilt};
use crate::load::Aws;

/// How many sessions are live on an instance.
pub(super) async fn live_sessions(aws: &Aws, id: &str) -> Result<usize, AwsError> {
    let filter = SessionFilter::builder().key(SessionFilterKey::TargetId).value(id).build();
    let filter = filter.map_err(|error| unbuilt(&error))?;
    let client = aws_sdk_ssm::Client::new(&aws.sdk);
    let call = client.describe_sessions().state(SessionState::Active).filters(filter);
    let answer: Result<Vec<_>, _> = call.into_paginator().items().send().collect().await;
    Ok(answer.map_err(failed(aws, "DescribeSessions"))?.len())
}
