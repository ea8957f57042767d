//! Networks that the tests build through the API.

use aws_sdk_ec2::types::{
    AttributeBooleanValue, IpPermission, IpRange, Tag, UserIdGroupPair, VpcEndpointType,
};

use super::World;

/// How a subnet leads to Session Manager.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// Through a NAT gateway.
    Nat,
    /// Through an internet gateway.
    Public,
    /// Through endpoints that others made.
    Endpoints,
    /// Not at all.
    Isolated,
}

/// The block of every VPC here.
const BLOCK: &str = "10.0.0.0/16";

impl World {
    /// A VPC with one private subnet per zone given, all of which lead out the same way.
    pub(crate) async fn network(&self, way: Way, zones: &[&str]) -> String {
        let ec2 = self.ec2();
        let made = ec2.create_vpc().cidr_block(BLOCK).send().await.expect("a VPC");
        let vpc = made.vpc.and_then(|vpc| vpc.vpc_id).expect("its id");
        let on = AttributeBooleanValue::builder().value(true).build();
        let names = ec2.modify_vpc_attribute().vpc_id(&vpc).enable_dns_hostnames(on);
        names.send().await.expect("private names");
        let mut subnets = Vec::new();
        for (zone, number) in zones.iter().zip(1..) {
            subnets.push(self.subnet(&vpc, &format!("10.0.{number}.0/24"), zone).await);
        }
        match way {
            Way::Isolated => {}
            Way::Public => {
                let gateway = self.internet_gateway(&vpc).await;
                let table = self.table(&vpc, &subnets).await;
                self.route(&table).gateway_id(gateway).send().await.expect("a route");
            }
            Way::Nat => {
                let gateway = self.internet_gateway(&vpc).await;
                let public = self.subnet(&vpc, "10.0.100.0/24", zones[0]).await;
                let table = self.table(&vpc, std::slice::from_ref(&public)).await;
                self.route(&table).gateway_id(gateway).send().await.expect("a route");
                let address = ec2.allocate_address().send().await.expect("an address");
                let nat = ec2
                    .create_nat_gateway()
                    .subnet_id(public)
                    .allocation_id(address.allocation_id.expect("its id"));
                let nat = nat.send().await.expect("a NAT gateway").nat_gateway;
                let nat = nat.and_then(|nat| nat.nat_gateway_id).expect("its id");
                let table = self.table(&vpc, &subnets).await;
                self.route(&table).nat_gateway_id(nat).send().await.expect("a route");
            }
            Way::Endpoints => {
                let group = self.group(&vpc, "others-endpoints").await;
                self.let_in(&group, 443, Peer::Block(BLOCK)).await;
                for service in ["ssm", "ssmmessages"] {
                    let call = ec2
                        .create_vpc_endpoint()
                        .vpc_endpoint_type(VpcEndpointType::Interface)
                        .vpc_id(&vpc)
                        .service_name(format!("com.amazonaws.us-east-1.{service}"))
                        .subnet_ids(&subnets[0])
                        .security_group_ids(&group)
                        .private_dns_enabled(true);
                    call.send().await.expect("an endpoint");
                }
            }
        }
        vpc
    }

    pub(crate) async fn subnet(&self, vpc: &str, block: &str, zone: &str) -> String {
        let call = self.ec2().create_subnet().vpc_id(vpc).cidr_block(block);
        let made = call.availability_zone(zone).send().await.expect("a subnet");
        made.subnet.and_then(|subnet| subnet.subnet_id).expect("its id")
    }

    async fn internet_gateway(&self, vpc: &str) -> String {
        let ec2 = self.ec2();
        let made = ec2.create_internet_gateway().send().await.expect("a gateway");
        let gateway = made.internet_gateway.and_then(|one| one.internet_gateway_id);
        let gateway = gateway.expect("its id");
        let attach = ec2.attach_internet_gateway().internet_gateway_id(&gateway).vpc_id(vpc);
        attach.send().await.expect("attached");
        gateway
    }

    /// A route table of these subnets.
    async fn table(&self, vpc: &str, subnets: &[String]) -> String {
        let ec2 = self.ec2();
        let made = ec2.create_route_table().vpc_id(vpc).send().await.expect("a table");
        let table = made.route_table.and_then(|table| table.route_table_id).expect("its id");
        for subnet in subnets {
            let call = ec2.associate_route_table().route_table_id(&table).subnet_id(subnet);
            call.send().await.expect("associated");
        }
        table
    }

    /// A default route, whose gateway is still to be said.
    fn route(
        &self,
        table: &str,
    ) -> aws_sdk_ec2::operation::create_route::builders::CreateRouteFluentBuilder {
        self.ec2().create_route().route_table_id(table).destination_cidr_block("0.0.0.0/0")
    }

    /// A group that is not adit's.
    pub(crate) async fn group(&self, vpc: &str, name: &str) -> String {
        let call = self.ec2().create_security_group().group_name(name).vpc_id(vpc);
        let made = call.description("a test").send().await.expect("a group");
        made.group_id.expect("its id")
    }

    /// Lets TCP in, by a rule that is not adit's.
    pub(crate) async fn let_in(&self, group: &str, port: u16, from: Peer<'_>) {
        let port = i32::from(port);
        let permission = IpPermission::builder().ip_protocol("tcp").from_port(port).to_port(port);
        let permission = match from {
            Peer::Block(block) => permission.ip_ranges(IpRange::builder().cidr_ip(block).build()),
            Peer::Group(id) => {
                permission.user_id_group_pairs(UserIdGroupPair::builder().group_id(id).build())
            }
        };
        let call = self.ec2().authorize_security_group_ingress().group_id(group);
        call.ip_permissions(permission.build()).send().await.expect("a rule");
    }

    /// Tags something.
    pub(crate) async fn tag(&self, id: &str, key: &str, value: &str) {
        let tag = Tag::builder().key(key).value(value).build();
        self.ec2().create_tags().resources(id).tags(tag).send().await.expect("a tag");
    }
}

/// Who is let in.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Peer<'a> {
    Block(&'a str),
    Group(&'a str),
}
