//! EC2: networks, groups, instances and endpoints.

mod associations;
mod dhcp;
mod endpoints;
pub(crate) mod groups;
mod images;
mod inspect;
mod instances;
mod interfaces;
mod internet;
mod launch;
pub(crate) mod networks;
mod permissions;
mod permit;
mod places;
mod power;
mod profiles;
mod resource;
mod routes;
mod rules;
mod state;
mod subnets;
mod tags;
mod tokens;
mod volumes;

pub(crate) use images::{IMAGES, Image};
pub(crate) use instances::Instance;
pub(crate) use networks::make_default;
pub(crate) use state::{State, Tags};
pub(crate) use tags::kind;

use super::{Call, CloudError, Outcome};
use crate::cloud;

/// Answers an operation. A dry run does all but keep what it has done.
pub(crate) fn call(call: &Call<'_>) -> Outcome {
    let dry = call.params.flag("DryRun")?;
    let mut cloud = call.service.cloud();
    cloud.ec2.settle(call.service);
    let before = dry.then(|| cloud.ec2.clone());
    let outcome = operation(call, &mut cloud);
    let Some(before) = before else { return outcome };
    cloud.ec2 = before;
    outcome.and_then(|_| {
        let message = "Request would have succeeded, but DryRun flag is set.";
        Err(CloudError::new(412, "DryRunOperation", message))
    })
}

fn operation(call: &Call<'_>, cloud: &mut cloud::State) -> Outcome {
    let answer = match call.operation {
        "DescribeRegions" => places::describe_regions,
        "DescribeAvailabilityZones" => places::describe_zones,
        "CreateVpc" => networks::create_vpc,
        "DescribeVpcs" => networks::describe_vpcs,
        "DeleteVpc" => networks::delete_vpc,
        "DescribeVpcAttribute" => networks::vpc_attribute,
        "ModifyVpcAttribute" => networks::modify_vpc_attribute,
        "AssociateVpcCidrBlock" => networks::associate_block,
        "CreateDhcpOptions" => dhcp::create,
        "DescribeDhcpOptions" => dhcp::describe_options,
        "AssociateDhcpOptions" => dhcp::associate,
        "CreateSubnet" => subnets::create_subnet,
        "DescribeSubnets" => subnets::describe_subnets,
        "ModifySubnetAttribute" => subnets::modify_subnet_attribute,
        "DeleteSubnet" => subnets::delete_subnet,
        "CreateInternetGateway" => internet::create_gateway,
        "DescribeInternetGateways" => internet::describe_gateways,
        "AttachInternetGateway" => internet::attach_gateway,
        "DetachInternetGateway" => internet::detach_gateway,
        "DeleteInternetGateway" => internet::delete_gateway,
        "AllocateAddress" => internet::allocate_address,
        "DescribeAddresses" => internet::describe_addresses,
        "ReleaseAddress" => internet::release_address,
        "CreateNatGateway" => internet::create_nat,
        "DescribeNatGateways" => internet::describe_nats,
        "DeleteNatGateway" => internet::delete_nat,
        "CreateRouteTable" => routes::create_table,
        "DescribeRouteTables" => routes::describe_tables,
        "DeleteRouteTable" => routes::delete_table,
        "CreateRoute" => routes::create_route,
        "ReplaceRoute" => routes::replace_route,
        "DeleteRoute" => routes::delete_route,
        "AssociateRouteTable" => associations::associate,
        "DisassociateRouteTable" => associations::disassociate,
        "ReplaceRouteTableAssociation" => associations::replace_association,
        "CreateSecurityGroup" => groups::create,
        "DescribeSecurityGroups" => groups::describe_groups,
        "DeleteSecurityGroup" => groups::delete,
        "DescribeSecurityGroupRules" => rules::describe,
        "AuthorizeSecurityGroupIngress" | "AuthorizeSecurityGroupEgress" => permit::authorize,
        "RevokeSecurityGroupIngress" | "RevokeSecurityGroupEgress" => permit::revoke,
        "DescribeNetworkInterfaces" => interfaces::describe,
        "RunInstances" => launch::run,
        "DescribeInstances" => instances::describe,
        "DescribeInstanceStatus" => inspect::describe_status,
        "DescribeInstanceAttribute" => inspect::describe_attribute,
        "ModifyInstanceAttribute" => power::modify,
        "ModifyInstanceMetadataOptions" => power::modify_metadata,
        "StartInstances" => power::start,
        "StopInstances" => power::stop,
        "RebootInstances" => power::reboot,
        "TerminateInstances" => power::terminate,
        "DescribeIamInstanceProfileAssociations" => profiles::describe,
        "AssociateIamInstanceProfile" => profiles::associate,
        "ReplaceIamInstanceProfileAssociation" => profiles::replace,
        "DisassociateIamInstanceProfile" => profiles::disassociate,
        "DescribeImages" => images::describe,
        "DescribeInstanceTypes" => images::describe_types,
        "DescribeInstanceTypeOfferings" => images::describe_offerings,
        "DescribeVolumes" => volumes::describe,
        "CreateTags" => tags::create,
        "DeleteTags" => tags::delete,
        "DescribeTags" => tags::describe,
        "CreateVpcEndpoint" => endpoints::create,
        "DescribeVpcEndpoints" => endpoints::describe,
        "ModifyVpcEndpoint" => endpoints::modify,
        "DeleteVpcEndpoints" => endpoints::delete,
        "DescribeVpcEndpointServices" => endpoints::describe_services,
        _ => return Err(call.unknown()),
    };
    answer(call, cloud)
}
