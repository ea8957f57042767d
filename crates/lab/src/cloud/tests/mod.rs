//! What reaches what, in networks that the tests build by calls.

mod presence;
mod reach;

use serde_json::json;

use super::{Call, Params, Presence, Rights, ec2, iam, protocol::Format, rds};
use crate::config::LabConfig;
use crate::service::Service;

/// A VPC with one private subnet, and what is in it.
struct World {
    service: Service,
    vpc: String,
    subnet: String,
}

/// The first element of that name.
fn text(xml: &str, name: &str) -> String {
    let rest = xml.split_once(&format!("<{name}>")).map(|(_, rest)| rest);
    let Some((text, _)) = rest.and_then(|rest| rest.split_once(&format!("</{name}>"))) else {
        panic!("no {name} in {xml}");
    };
    text.to_owned()
}

impl World {
    fn new() -> Self {
        let service = Service::new(LabConfig::default(), String::new(), None);
        let mut world = Self { service, vpc: String::new(), subnet: String::new() };
        world.vpc = text(&world.ec2("CreateVpc", &[("CidrBlock", "10.0.0.0/16")]), "vpcId");
        world.subnet = world.subnet("10.0.0.0/24", "us-east-1a");
        let names = [("VpcId", world.vpc.as_str()), ("EnableDnsHostnames.Value", "true")];
        world.ec2("ModifyVpcAttribute", &names);
        world
    }

    fn call(&self, service: &str, operation: &str, params: &[(&str, &str)]) -> String {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        let params = Params::parse(form.extend_pairs(params).finish().as_bytes());
        let caller = self.service.anyone().expect("a user");
        let json = json!({});
        let now = self.service.clock.unix();
        let rights = Rights::of(&self.service.cloud().iam, &caller, now, false);
        let call = Call {
            service: &self.service,
            caller: &caller,
            operation,
            params: &params,
            json: &json,
            path: "/",
            rights: &rights,
        };
        let outcome = match service {
            "ec2" => ec2::call(&call),
            "iam" => iam::call(&call),
            _ => rds::call(&call),
        };
        let reply = Format::Ec2.render(operation, "id", outcome.map(Into::into));
        assert_eq!(reply.status, 200, "{operation}: {}", reply.body);
        reply.body
    }

    fn ec2(&self, operation: &str, params: &[(&str, &str)]) -> String {
        self.call("ec2", operation, params)
    }

    fn subnet(&self, block: &str, zone: &str) -> String {
        let vpc = self.vpc.as_str();
        let params = [("VpcId", vpc), ("CidrBlock", block), ("AvailabilityZone", zone)];
        text(&self.ec2("CreateSubnet", &params), "subnetId")
    }

    /// A group that lets nothing out or in.
    fn group(&self, name: &str) -> String {
        let vpc = self.vpc.as_str();
        let params = [("VpcId", vpc), ("GroupName", name), ("GroupDescription", "x")];
        let id = text(&self.ec2("CreateSecurityGroup", &params), "groupId");
        let all = [
            ("GroupId", id.as_str()),
            ("IpPermissions.1.IpProtocol", "-1"),
            ("IpPermissions.1.IpRanges.1.CidrIp", "0.0.0.0/0"),
        ];
        self.ec2("RevokeSecurityGroupEgress", &all);
        id
    }

    /// `Ingress` or `Egress` of TCP, from or to a block or a group.
    fn allow(&self, way: &str, group: &str, port: u16, peer: &str) {
        let port = port.to_string();
        let by = if peer.starts_with("sg-") { "Groups.1.GroupId" } else { "IpRanges.1.CidrIp" };
        let by = format!("IpPermissions.1.{by}");
        let params = [
            ("GroupId", group),
            ("IpPermissions.1.IpProtocol", "tcp"),
            ("IpPermissions.1.FromPort", &port),
            ("IpPermissions.1.ToPort", &port),
            (by.as_str(), peer),
        ];
        self.ec2(&format!("AuthorizeSecurityGroup{way}"), &params);
    }

    /// An instance profile whose role allows some actions.
    fn profile(&self, name: &str, actions: &str) {
        let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
        let policy = json!({ "Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Action": actions.split(' ').collect::<Vec<_>>(), "Resource": "*",
        }] });
        let role = [("RoleName", name), ("AssumeRolePolicyDocument", trust)];
        self.call("iam", "CreateRole", &role);
        let policy = policy.to_string();
        let policy = [("RoleName", name), ("PolicyName", "p"), ("PolicyDocument", &policy)];
        self.call("iam", "PutRolePolicy", &policy);
        self.call("iam", "CreateInstanceProfile", &[("InstanceProfileName", name)]);
        let both = [("InstanceProfileName", name), ("RoleName", name)];
        self.call("iam", "AddRoleToInstanceProfile", &both);
    }

    /// An instance with a group, a profile and perhaps a public address.
    fn instance(&self, group: &str, more: &[(&str, &str)]) -> String {
        let mut params = vec![
            ("ImageId", "ami-0ad17a20230a64000"),
            ("InstanceType", "t4g.micro"),
            ("MinCount", "1"),
            ("MaxCount", "1"),
            ("NetworkInterface.1.DeviceIndex", "0"),
            ("NetworkInterface.1.SubnetId", self.subnet.as_str()),
            ("NetworkInterface.1.SecurityGroupId.1", group),
        ];
        params.extend_from_slice(more);
        text(&self.ec2("RunInstances", &params), "instanceId")
    }

    /// Adds an internet gateway, and a route to it for the private subnet.
    fn internet(&self) -> String {
        let gateway = text(&self.ec2("CreateInternetGateway", &[]), "internetGatewayId");
        let attach = [("InternetGatewayId", gateway.as_str()), ("VpcId", &self.vpc)];
        self.ec2("AttachInternetGateway", &attach);
        gateway
    }

    /// Gives a subnet a table of its own, with a way out.
    fn route(&self, subnet: &str, by: &str, hop: &str) -> String {
        let made = self.ec2("CreateRouteTable", &[("VpcId", &self.vpc)]);
        let table = text(&made, "routeTableId");
        let params =
            [("RouteTableId", table.as_str()), ("DestinationCidrBlock", "0.0.0.0/0"), (by, hop)];
        self.ec2("CreateRoute", &params);
        let params = [("RouteTableId", table.as_str()), ("SubnetId", subnet)];
        self.ec2("AssociateRouteTable", &params);
        table
    }

    fn presence(&self, id: &str) -> Presence {
        let mut cloud = self.service.cloud();
        cloud.ec2.settle(&self.service);
        let faults = &self.service.faults.cloud;
        let all = cloud.managed(self.service.clock.elapsed(), faults.agent());
        let found = all.into_iter().find(|managed| managed.id == id);
        found.expect("the instance").presence
    }

    fn lets_through(&self, instance: &str, host: &str, port: u16) -> bool {
        let mut cloud = self.service.cloud();
        cloud.ec2.settle(&self.service);
        cloud.lets_through(instance, host, port)
    }
}
