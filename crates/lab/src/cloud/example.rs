//! A network with a database, as somebody else has left it: what is shown in a demonstration begins
//! there.

use std::net::SocketAddr;

use serde_json::json;

use super::protocol::{CloudError, Element, Params};
use super::{Call, Rights, ec2, rds};
use crate::identity::Caller;
use crate::service::Service;

/// The calls that make it, one after the other.
struct Maker<'a>(&'a Service);

impl Service {
    /// Makes a VPC with private subnets, of which the database `name` is in both, and a way out; with
    /// nothing of Session Manager in it. What connects to the database reaches `server`.
    pub(crate) fn make_example(
        &self,
        name: &str,
        server: SocketAddr,
    ) -> Result<String, CloudError> {
        let maker = Maker(self);
        let vpc = maker.id("CreateVpc", &[("CidrBlock", "10.20.0.0/16")], "vpcId")?;
        let names = [("VpcId", vpc.as_str()), ("EnableDnsHostnames.Value", "true")];
        maker.ec2("ModifyVpcAttribute", &names)?;
        let public = maker.subnet(&vpc, "10.20.0.0/24", "us-east-1a")?;
        let private = [
            maker.subnet(&vpc, "10.20.1.0/24", "us-east-1a")?,
            maker.subnet(&vpc, "10.20.2.0/24", "us-east-1b")?,
        ];
        let internet = maker.id("CreateInternetGateway", &[], "internetGatewayId")?;
        let attached = [("InternetGatewayId", internet.as_str()), ("VpcId", &vpc)];
        maker.ec2("AttachInternetGateway", &attached)?;
        maker.lead(&vpc, &[&public], "GatewayId", &internet)?;
        let address = maker.id("AllocateAddress", &[("Domain", "vpc")], "allocationId")?;
        let nat = [("SubnetId", public.as_str()), ("AllocationId", &address)];
        let nat = maker.id("CreateNatGateway", &nat, "natGatewayId")?;
        maker.lead(&vpc, &[&private[0], &private[1]], "NatGatewayId", &nat)?;
        maker.database(name, &vpc, &private, server)?;
        Ok(vpc)
    }
}

impl Maker<'_> {
    fn call(
        &self,
        operation: &str,
        params: &[(&str, &str)],
        service: fn(&Call<'_>) -> super::Outcome,
    ) -> Result<Element, CloudError> {
        let form =
            url::form_urlencoded::Serializer::new(String::new()).extend_pairs(params).finish();
        let (params, json) = (Params::parse(form.as_bytes()), json!({}));
        // Nobody calls: it is there from the start, and no policy decides about it.
        let (caller, rights) = (Caller::nobody(), Rights::default());
        let call = Call {
            service: self.0,
            caller: &caller,
            operation,
            params: &params,
            json: &json,
            path: "/",
            rights: &rights,
        };
        service(&call)
    }

    fn ec2(&self, operation: &str, params: &[(&str, &str)]) -> Result<Element, CloudError> {
        self.call(operation, params, ec2::call)
    }

    /// The id of what a call makes.
    fn id(
        &self,
        operation: &str,
        params: &[(&str, &str)],
        name: &'static str,
    ) -> Result<String, CloudError> {
        let made = self.ec2(operation, params)?;
        let missing =
            || CloudError::new(500, "InternalFailure", format!("{operation} gave no {name}"));
        made.find(name).map(str::to_owned).ok_or_else(missing)
    }

    fn subnet(&self, vpc: &str, block: &str, zone: &str) -> Result<String, CloudError> {
        let params = [("VpcId", vpc), ("CidrBlock", block), ("AvailabilityZone", zone)];
        self.id("CreateSubnet", &params, "subnetId")
    }

    /// Gives subnets a table with a way out.
    fn lead(&self, vpc: &str, subnets: &[&str], by: &str, hop: &str) -> Result<(), CloudError> {
        let table = self.id("CreateRouteTable", &[("VpcId", vpc)], "routeTableId")?;
        let route =
            [("RouteTableId", table.as_str()), ("DestinationCidrBlock", "0.0.0.0/0"), (by, hop)];
        self.ec2("CreateRoute", &route)?;
        for subnet in subnets {
            let params = [("RouteTableId", table.as_str()), ("SubnetId", subnet)];
            self.ec2("AssociateRouteTable", &params)?;
        }
        Ok(())
    }

    /// A PostgreSQL database whose group lets nothing in.
    fn database(
        &self,
        name: &str,
        vpc: &str,
        subnets: &[String; 2],
        server: SocketAddr,
    ) -> Result<(), CloudError> {
        let group = [("VpcId", vpc), ("GroupName", name), ("GroupDescription", name)];
        let group = self.id("CreateSecurityGroup", &group, "groupId")?;
        let places = [
            ("DBSubnetGroupName", name),
            ("DBSubnetGroupDescription", name),
            ("SubnetIds.SubnetIdentifier.1", &subnets[0]),
            ("SubnetIds.SubnetIdentifier.2", &subnets[1]),
        ];
        self.call("CreateDBSubnetGroup", &places, rds::call)?;
        let server = server.to_string();
        let database = [
            ("DBInstanceIdentifier", name),
            ("DBInstanceClass", "db.t4g.micro"),
            ("Engine", "postgres"),
            ("MasterUsername", "postgres"),
            ("ManageMasterUserPassword", "true"),
            ("AllocatedStorage", "20"),
            ("DBSubnetGroupName", name),
            ("VpcSecurityGroupIds.VpcSecurityGroupId.1", &group),
            ("Tags.Tag.1.Key", "lab:address"),
            ("Tags.Tag.1.Value", &server),
        ];
        self.call("CreateDBInstance", &database, rds::call).map(drop)
    }
}
