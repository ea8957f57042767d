//! EC2: what it keeps, and what it refuses as the real one does.

mod endpoints;
mod groups;
mod instances;
mod networks;

use adit_lab::Lab;

use crate::support::query::{Query, Xml};

pub(crate) const EC2: Query = Query { service: "ec2", version: "2016-11-15" };

/// The newest image for Graviton processors.
pub(crate) const ARM: &str = "ami-0ad17a20230a64000";

/// A VPC of a test's own.
pub(crate) async fn vpc(lab: &Lab) -> String {
    EC2.done(lab, "CreateVpc", &[("CidrBlock", "10.0.0.0/16")]).await.text("vpcId")
}

/// A subnet of it.
pub(crate) async fn subnet(lab: &Lab, vpc: &str, block: &str, zone: &str) -> String {
    let params = [("VpcId", vpc), ("CidrBlock", block), ("AvailabilityZone", zone)];
    EC2.done(lab, "CreateSubnet", &params).await.text("subnetId")
}

/// A security group of it.
pub(crate) async fn group(lab: &Lab, vpc: &str, name: &str) -> String {
    let params = [("VpcId", vpc), ("GroupName", name), ("GroupDescription", "a test")];
    EC2.done(lab, "CreateSecurityGroup", &params).await.text("groupId")
}

/// Lets TCP to a port through, from or to a group.
pub(crate) async fn allow(lab: &Lab, way: &str, group: &str, port: u16, other: &str) -> Xml {
    let port = port.to_string();
    let peer = if other.starts_with("sg-") { "Groups.1.GroupId" } else { "IpRanges.1.CidrIp" };
    let params = [
        ("GroupId", group),
        ("IpPermissions.1.IpProtocol", "tcp"),
        ("IpPermissions.1.FromPort", &port),
        ("IpPermissions.1.ToPort", &port),
        (&format!("IpPermissions.1.{peer}"), other),
    ];
    EC2.done(lab, &format!("AuthorizeSecurityGroup{way}"), &params).await
}

/// An instance in a subnet.
pub(crate) async fn instance(lab: &Lab, subnet: &str, more: &[(&str, &str)]) -> String {
    let mut params = vec![
        ("ImageId", ARM),
        ("InstanceType", "t4g.micro"),
        ("MinCount", "1"),
        ("MaxCount", "1"),
        ("NetworkInterface.1.DeviceIndex", "0"),
        ("NetworkInterface.1.SubnetId", subnet),
    ];
    params.extend_from_slice(more);
    EC2.done(lab, "RunInstances", &params).await.text("instanceId")
}

/// An instance's state.
pub(crate) async fn state(lab: &Lab, id: &str) -> String {
    let found = EC2.done(lab, "DescribeInstances", &[("InstanceId.1", id)]).await;
    found.parts("instanceState")[0].text("name")
}
