//! Reading who resolves names in a VPC.

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{self as sdk, VpcAttributeName};

use super::unless_denied;
use crate::error::{AwsError, failed};
use crate::load::Aws;
use crate::wait::is_unseen;

/// The name servers that a set of DHCP options tells of.
pub(super) async fn describe_name_servers(
    aws: &Aws,
    client: &Client,
    options: &str,
) -> Result<Vec<String>, AwsError> {
    let answer = client.describe_dhcp_options().dhcp_options_ids(options).send().await;
    let answer = answer.map_err(failed(aws, "DescribeDhcpOptions"))?;
    let configurations =
        answer.dhcp_options().iter().flat_map(sdk::DhcpOptions::dhcp_configurations);
    let servers = configurations.filter(|one| one.key() == Some("domain-name-servers"));
    let values = servers.flat_map(sdk::DhcpConfiguration::values).filter_map(|one| one.value());
    Ok(values.map(str::to_owned).collect())
}

/// `enableDnsSupport` and `enableDnsHostnames`.
/// <https://docs.aws.amazon.com/vpc/latest/userguide/vpc-dns.html>
pub(super) async fn describe_dns(
    aws: &Aws,
    client: &Client,
    id: &str,
) -> Result<(Option<bool>, Option<bool>), AwsError> {
    let ask = async |attribute: VpcAttributeName| {
        let answer = client.describe_vpc_attribute().vpc_id(id).attribute(attribute).send().await;
        match answer.map_err(failed(aws, "DescribeVpcAttribute")) {
            // That there is no such VPC is told by the absence of it.
            Err(error) if is_unseen(&error) => Ok(None),
            other => unless_denied(other),
        }
    };
    let (support, names) = tokio::try_join!(
        ask(VpcAttributeName::EnableDnsSupport),
        ask(VpcAttributeName::EnableDnsHostnames),
    )?;
    let is_on = |value: sdk::AttributeBooleanValue| value.value == Some(true);
    Ok((
        support.and_then(|answer| answer.enable_dns_support).map(is_on),
        names.and_then(|answer| answer.enable_dns_hostnames).map(is_on),
    ))
}
