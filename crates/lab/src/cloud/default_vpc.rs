//! The network that an account has from the start.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::ec2;
use crate::service::Service;

impl Service {
    /// Makes the default VPC as AWS does: an internet gateway, a public subnet in each zone, the
    /// default group.
    /// <https://docs.aws.amazon.com/vpc/latest/userguide/default-vpc-components.html>
    pub(crate) fn make_default_vpc(&self) {
        let mut cloud = self.cloud();
        let block = |third: u8, prefix: u8| {
            Ipv4Net::new(Ipv4Addr::new(172, 31, third, 0), prefix).unwrap_or_default()
        };
        let subnets = [block(0, 20), block(16, 20), block(32, 20)];
        ec2::make_default(self, &mut cloud.ec2, block(0, 16), subnets);
    }
}
