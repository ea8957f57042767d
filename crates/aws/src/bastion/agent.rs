//! Whether the agents of instances answer.

use std::collections::BTreeMap;

use aws_sdk_ssm::Client;
use aws_sdk_ssm::types::{InstanceInformationStringFilter, PingStatus};
use serde::{Deserialize, Serialize};

use super::find::utc;
use crate::error::{AwsError, from_sdk, unbuilt};
use crate::load::Aws;

/// Whether Session Manager reaches an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reachability", rename_all = "kebab-case")]
pub enum Reachability {
    /// Its agent answers.
    Online {
        /// When it was last heard, as RFC 3339 in UTC.
        last_ping: String,
    },
    /// Its agent was heard once, but not lately.
    Offline {
        /// When it was last heard.
        last_ping: String,
    },
    /// Its agent was never heard.
    NotRegistered,
}

/// How many ids one call takes, as values of its filter.
/// <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_InstanceInformationStringFilter.html>
const IDS_MAX: usize = 100;

/// Whether Session Manager reaches these instances, by their id. The service notices after minutes
/// that an agent is gone: what was just stopped may still count as online.
pub async fn agent(aws: &Aws, ids: &[&str]) -> Result<BTreeMap<String, Reachability>, AwsError> {
    let client = Client::new(&aws.sdk);
    let mut agents: BTreeMap<_, _> =
        ids.iter().map(|&id| (id.to_owned(), Reachability::NotRegistered)).collect();
    for ids in ids.chunks(IDS_MAX) {
        let values = ids.iter().map(|&id| id.to_owned()).collect();
        let filter =
            InstanceInformationStringFilter::builder().key("InstanceIds").set_values(Some(values));
        let filter = filter.build().map_err(|error| unbuilt(&error))?;
        let call = client.describe_instance_information().filters(filter);
        let answer: Result<Vec<_>, _> = call.into_paginator().items().send().collect().await;
        let answer = answer
            .map_err(|error| from_sdk("DescribeInstanceInformation", &aws.place(), &error))?;
        for info in answer {
            let last_ping = info.last_ping_date_time().map(utc).unwrap_or_default();
            let state = match info.ping_status() {
                Some(PingStatus::Online) => Reachability::Online { last_ping },
                _ => Reachability::Offline { last_ping },
            };
            agents.insert(info.instance_id.unwrap_or_default(), state);
        }
    }
    Ok(agents)
}

/// When the agent of `id` was last heard, while it counts as online.
pub(super) async fn last_online_ping(aws: &Aws, id: &str) -> Result<Option<String>, AwsError> {
    match agent(aws, &[id]).await?.remove(id) {
        Some(Reachability::Online { last_ping }) => Ok(Some(last_ping)),
        _ => Ok(None),
    }
}
