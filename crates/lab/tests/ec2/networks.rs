use super::{EC2, group, instance, subnet, vpc};
use crate::support::{lab, lab_with};

#[tokio::test]
async fn a_lab_has_the_default_vpc_that_an_account_has() {
    let lab = lab().await;
    let filter = [("Filter.1.Name", "is-default"), ("Filter.1.Value.1", "true")];
    let vpcs = EC2.done(&lab, "DescribeVpcs", &filter).await;
    assert_eq!(vpcs.parts("vpcSet")[0].texts("isDefault"), ["true"]);
    let id = vpcs.text("vpcId");
    let of = [("Filter.1.Name", "vpc-id"), ("Filter.1.Value.1", id.as_str())];
    let subnets = EC2.done(&lab, "DescribeSubnets", &of).await;
    let mut zones = subnets.texts("availabilityZone");
    zones.sort();
    assert_eq!(zones, ["us-east-1a", "us-east-1b", "us-east-1c"]);
    assert_eq!(subnets.texts("mapPublicIpOnLaunch"), ["true"; 3]);
    assert_eq!(subnets.texts("availableIpAddressCount"), ["4091"; 3]);
    let tables = EC2.done(&lab, "DescribeRouteTables", &of).await;
    assert_eq!(tables.texts("destinationCidrBlock"), ["172.31.0.0/16", "0.0.0.0/0"]);
    assert!(tables.texts("gatewayId")[1].starts_with("igw-"));
    assert_eq!(tables.texts("main"), ["true"]);
    let groups = EC2.done(&lab, "DescribeSecurityGroups", &of).await;
    assert_eq!(groups.texts("groupName"), ["default"]);
    assert_eq!(groups.parts("ipPermissions")[0].text("groupId"), groups.text("groupId"));
    assert_eq!(groups.parts("ipPermissionsEgress")[0].text("cidrIp"), "0.0.0.0/0");
}

#[tokio::test]
async fn subnets_have_the_routes_of_their_table_or_the_main_one() {
    let lab = lab().await;
    let vpc = vpc(&lab).await;
    let inside = subnet(&lab, &vpc, "10.0.1.0/24", "us-east-1a").await;
    let edge = subnet(&lab, &vpc, "10.0.2.0/24", "us-east-1b").await;
    let gateway = EC2.done(&lab, "CreateInternetGateway", &[]).await.text("internetGatewayId");
    let attach = [("InternetGatewayId", gateway.as_str()), ("VpcId", &vpc)];
    EC2.done(&lab, "AttachInternetGateway", &attach).await;
    let again = EC2.refused(&lab, "AttachInternetGateway", &attach).await;
    assert_eq!(again.1, "Resource.AlreadyAssociated");
    let table = EC2.done(&lab, "CreateRouteTable", &[("VpcId", &vpc)]).await.text("routeTableId");
    let route = [
        ("RouteTableId", table.as_str()),
        ("DestinationCidrBlock", "0.0.0.0/0"),
        ("GatewayId", &gateway),
    ];
    EC2.done(&lab, "CreateRoute", &route).await;
    let associate = [("RouteTableId", table.as_str()), ("SubnetId", &edge)];
    let association = EC2.done(&lab, "AssociateRouteTable", &associate).await.text("associationId");
    let of = |subnet| [("Filter.1.Name", "association.subnet-id"), ("Filter.1.Value.1", subnet)];
    let found = EC2.done(&lab, "DescribeRouteTables", &of(&edge)).await;
    assert_eq!(found.texts("destinationCidrBlock"), ["10.0.0.0/16", "0.0.0.0/0"]);
    assert_eq!(found.texts("routeTableAssociationId"), [association.as_str()]);
    let none = EC2.done(&lab, "DescribeRouteTables", &of(&inside)).await;
    assert!(!none.has("routeTableId"), "its table is the main one");

    // A NAT gateway in the public subnet, and the way out of the other one.
    let address =
        EC2.done(&lab, "AllocateAddress", &[("Domain", "vpc")]).await.text("allocationId");
    let nat = [("SubnetId", edge.as_str()), ("AllocationId", &address)];
    let made = EC2.done(&lab, "CreateNatGateway", &nat).await;
    assert_eq!(made.text("state"), "pending");
    let nat = made.text("natGatewayId");
    let main = [
        ("Filter.1.Name", "vpc-id"),
        ("Filter.1.Value.1", vpc.as_str()),
        ("Filter.2.Name", "association.main"),
        ("Filter.2.Value.1", "true"),
    ];
    let main = EC2.done(&lab, "DescribeRouteTables", &main).await.text("routeTableId");
    let out = [
        ("RouteTableId", main.as_str()),
        ("DestinationCidrBlock", "0.0.0.0/0"),
        ("NatGatewayId", &nat),
    ];
    EC2.done(&lab, "CreateRoute", &out).await;
    let other = [out[0], out[1], ("GatewayId", gateway.as_str())];
    let (_, code, message) = EC2.refused(&lab, "CreateRoute", &other).await;
    assert_eq!(code, "RouteAlreadyExists");
    assert_eq!(message, "The route identified by 0.0.0.0/0 already exists.");
    let found = EC2.done(&lab, "DescribeNatGateways", &[("NatGatewayId.1", &nat)]).await;
    assert_eq!(found.text("state"), "available");
    EC2.done(&lab, "DeleteNatGateway", &[("NatGatewayId", &nat)]).await;
    lab.faults().advance_clock(std::time::Duration::from_secs(1));
    let table = EC2.done(&lab, "DescribeRouteTables", &[("RouteTableId.1", &main)]).await;
    assert_eq!(table.texts("state")[1], "blackhole");
}

#[tokio::test]
async fn networks_are_checked() {
    let lab = lab().await;
    let vpc = vpc(&lab).await;
    subnet(&lab, &vpc, "10.0.0.0/24", "us-east-1a").await;
    for (operation, params, code) in [
        ("CreateVpc", vec![("CidrBlock", "10.0.0.0/8")], "InvalidVpc.Range"),
        ("CreateVpc", vec![("CidrBlock", "10.0.0/8")], "InvalidParameterValue"),
        ("CreateVpc", vec![], "MissingParameter"),
        (
            "CreateSubnet",
            vec![("VpcId", vpc.as_str()), ("CidrBlock", "10.1.0.0/24")],
            "InvalidSubnet.Range",
        ),
        (
            "CreateSubnet",
            vec![("VpcId", vpc.as_str()), ("CidrBlock", "10.0.0.128/25")],
            "InvalidSubnet.Conflict",
        ),
        (
            "CreateSubnet",
            vec![("VpcId", "vpc-0123456789abcdef0"), ("CidrBlock", "10.0.9.0/24")],
            "InvalidVpcID.NotFound",
        ),
        (
            "DescribeSubnets",
            vec![("SubnetId.1", "subnet-0123456789abcdef0")],
            "InvalidSubnetID.NotFound",
        ),
        ("DescribeVpcs", vec![("VpcId.1", "vpc")], "InvalidVpcID.Malformed"),
        (
            "DescribeSubnets",
            vec![("Filter.1.Name", "vpc"), ("Filter.1.Value.1", "x")],
            "InvalidParameterValue",
        ),
        ("DeleteVpc", vec![("VpcId", vpc.as_str())], "DependencyViolation"),
        ("DescribeSubnets", vec![("MaxResults", "4")], "InvalidParameterValue"),
        ("DescribeSubnets", vec![("NextToken", "x")], "InvalidPaginationToken"),
        ("DescribeNothing", vec![], "InvalidAction"),
    ] {
        let (status, found, message) = EC2.refused(&lab, operation, &params).await;
        assert_eq!((status, found.as_str()), (400, code), "{operation}: {message}");
    }
}

#[tokio::test]
async fn what_is_empty_can_be_deleted() {
    let lab = lab().await;
    let vpc = vpc(&lab).await;
    let subnet = subnet(&lab, &vpc, "10.0.0.0/24", "us-east-1a").await;
    let group = group(&lab, &vpc, "one").await;
    let instance =
        instance(&lab, &subnet, &[("NetworkInterface.1.SecurityGroupId.1", &group)]).await;
    let (_, code, _) = EC2.refused(&lab, "DeleteSubnet", &[("SubnetId", &subnet)]).await;
    assert_eq!(code, "DependencyViolation");
    EC2.done(&lab, "TerminateInstances", &[("InstanceId.1", &instance)]).await;
    EC2.done(&lab, "DescribeInstances", &[]).await;
    lab.faults().advance_clock(std::time::Duration::from_secs(1));
    EC2.done(&lab, "DeleteSubnet", &[("SubnetId", &subnet)]).await;
    EC2.done(&lab, "DeleteSecurityGroup", &[("GroupId", &group)]).await;
    EC2.done(&lab, "DeleteVpc", &[("VpcId", &vpc)]).await;
    let (_, code, _) = EC2.refused(&lab, "DescribeVpcs", &[("VpcId.1", &vpc)]).await;
    assert_eq!(code, "InvalidVpcID.NotFound");
}

#[tokio::test]
async fn zones_regions_and_types_can_be_looked_up() {
    let lab = lab().await;
    let zones = EC2.done(&lab, "DescribeAvailabilityZones", &[]).await;
    assert_eq!(zones.texts("zoneId"), ["use1-az1", "use1-az2", "use1-az4"]);
    let regions = EC2.done(&lab, "DescribeRegions", &[]).await;
    assert_eq!(regions.texts("regionName"), ["us-east-1"]);
    let params = [
        ("LocationType", "availability-zone"),
        ("Filter.1.Name", "instance-type"),
        ("Filter.1.Value.1", "t4g.micro"),
        ("Filter.1.Value.2", "t3.micro"),
    ];
    let offered = EC2.done(&lab, "DescribeInstanceTypeOfferings", &params).await;
    let of: Vec<_> =
        offered.texts("instanceType").into_iter().zip(offered.texts("location")).collect();
    assert_eq!(of.len(), 5, "Graviton is not in every zone: {of:?}");
    assert!(!of.contains(&("t4g.micro".to_owned(), "us-east-1c".to_owned())));
    let types = EC2.done(&lab, "DescribeInstanceTypes", &[("InstanceType.1", "t4g.micro")]).await;
    assert_eq!(types.parts("supportedArchitectures")[0].texts("item"), ["arm64"]);
    let (_, code, _) =
        EC2.refused(&lab, "DescribeInstanceTypes", &[("InstanceType.1", "t9.micro")]).await;
    assert_eq!(code, "InvalidInstanceType");
}

#[tokio::test]
async fn services_are_found_without_a_signature_too() {
    let lab = lab_with(|config| config.sigv4 = false).await;
    let body = "Action=DescribeVpcs&Version=2016-11-15";
    let request = crate::support::http::request(&lab, http::Method::POST, "/", body);
    let answer = crate::support::http::send(request).await;
    assert_eq!(answer.status(), 200);
    let text = String::from_utf8_lossy(answer.body()).into_owned();
    assert!(text.contains("<DescribeVpcsResponse xmlns="), "{text}");
    let body = "Action=GetCallerIdentity&Version=2011-06-15";
    let request = crate::support::http::request(&lab, http::Method::POST, "/", body);
    let answer = crate::support::http::send(request).await;
    let text = String::from_utf8_lossy(answer.body()).into_owned();
    assert!(text.contains("<Arn>arn:aws:iam::111122223333:user/lab</Arn>"), "{text}");
}
