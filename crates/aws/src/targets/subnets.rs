//! The VPC and the zone of subnets, for services that name their subnets only.

use std::collections::BTreeMap;

use aws_sdk_ec2::Client;

use crate::error::{AwsError, failed};
use crate::load::Aws;

/// Where subnets are, by their ids.
#[derive(Debug, Default)]
pub(super) struct Subnets(BTreeMap<String, (String, String)>);

impl Subnets {
    /// The VPC that these subnets are in.
    pub(super) fn vpc<'a>(&self, ids: impl IntoIterator<Item = &'a String>) -> Option<String> {
        ids.into_iter().find_map(|id| self.0.get(id)).map(|(vpc, _)| vpc.clone())
    }

    /// The zones that these subnets are in.
    pub(super) fn zones<'a>(&self, ids: impl IntoIterator<Item = &'a String>) -> Vec<String> {
        let zones = ids.into_iter().map(|id| self.0.get(id).map(|(_, zone)| zone.as_str()));
        super::entry::sorted(zones)
    }
}

/// Looks subnets up: one call, and none for no subnets. Those that are gone are left out.
pub(super) async fn look_up(aws: &Aws, mut ids: Vec<String>) -> Result<Subnets, AwsError> {
    ids.sort();
    ids.dedup();
    let mut found = Subnets::default();
    // A filter takes 200 values; and unlike a list of ids it does not mind those that are gone.
    for ids in ids.chunks(200) {
        let wanted = aws_sdk_ec2::types::Filter::builder()
            .name("subnet-id")
            .set_values(Some(ids.to_vec()))
            .build();
        let pages = Client::new(&aws.sdk).describe_subnets().filters(wanted).into_paginator();
        let all: Result<Vec<_>, _> = Box::pin(pages.items().send().collect()).await;
        for subnet in all.map_err(failed(aws, "DescribeSubnets"))? {
            if let (Some(id), Some(vpc)) = (subnet.subnet_id, subnet.vpc_id) {
                found.0.insert(id, (vpc, subnet.availability_zone.unwrap_or_default()));
            }
        }
    }
    Ok(found)
}
