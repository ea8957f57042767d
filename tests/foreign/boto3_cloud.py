"""The lab's cloud as boto3 sees it: one function a test, chosen by the first argument."""

import json
import sys

import boto3
from botocore.exceptions import ClientError

SESSION_MANAGER = [
    "ssm:UpdateInstanceInformation",
    "ssmmessages:CreateControlChannel",
    "ssmmessages:CreateDataChannel",
    "ssmmessages:OpenControlChannel",
    "ssmmessages:OpenDataChannel",
]
IMAGE = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64"


def refused(call, code, **arguments):
    try:
        answer = call(**arguments)
    except ClientError as error:
        assert error.response["Error"]["Code"] == code, error
        return
    raise AssertionError(f"{arguments} was answered: {answer}")


class Network:
    """A VPC with a private subnet that has a way out, and one that has none."""

    def __init__(self):
        self.ec2, self.iam = boto3.client("ec2"), boto3.client("iam")
        ec2 = self.ec2
        self.vpc = ec2.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
        self.public = self.subnet("10.20.1.0/24", "us-east-1a")
        self.private = self.subnet("10.20.2.0/24", "us-east-1a")
        self.isolated = self.subnet("10.20.3.0/24", "us-east-1b")
        gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=self.vpc)
        self.lead(self.public, GatewayId=gateway)
        address = ec2.allocate_address(Domain="vpc")["AllocationId"]
        nat = ec2.create_nat_gateway(SubnetId=self.public, AllocationId=address)
        self.lead(self.private, NatGatewayId=nat["NatGateway"]["NatGatewayId"])

    def subnet(self, block, zone):
        answer = self.ec2.create_subnet(VpcId=self.vpc, CidrBlock=block, AvailabilityZone=zone)
        return answer["Subnet"]["SubnetId"]

    def lead(self, subnet, **to):
        table = self.ec2.create_route_table(VpcId=self.vpc)["RouteTable"]["RouteTableId"]
        self.ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)
        self.ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", **to)

    def group(self, name):
        answer = self.ec2.create_security_group(GroupName=name, Description=name, VpcId=self.vpc)
        return answer["GroupId"]

    def profile(self, name, actions):
        trust = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}}
        trust["Action"] = "sts:AssumeRole"
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)
        allow = {"Effect": "Allow", "Action": actions, "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
        self.iam.put_role_policy(RoleName=name, PolicyName="agent", PolicyDocument=document)
        self.iam.create_instance_profile(InstanceProfileName=name)
        self.iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)

    def instance(self, subnet, group, profile, **more):
        image = boto3.client("ssm").get_parameter(Name=IMAGE)["Parameter"]["Value"]
        answer = self.ec2.run_instances(
            ImageId=image,
            InstanceType="t4g.micro",
            MinCount=1,
            MaxCount=1,
            SubnetId=subnet,
            SecurityGroupIds=[group],
            IamInstanceProfile={"Name": profile},
            **more,
        )
        return answer["Instances"][0]["InstanceId"]


def online():
    answer = boto3.client("ssm").describe_instance_information()["InstanceInformationList"]
    return {each["InstanceId"] for each in answer if each["PingStatus"] == "Online"}


def instances_come_online_where_they_can():
    network = Network()
    group = network.group("bastion")
    network.profile("agent", SESSION_MANAGER)
    network.profile("nothing", ["s3:GetObject"])
    there = network.instance(network.private, group, "agent")
    isolated = network.instance(network.isolated, group, "agent")
    unable = network.instance(network.private, group, "nothing")
    found = online()
    assert there in found and not {isolated, unable} & found, found

    network.ec2.stop_instances(InstanceIds=[there])
    assert there not in online()
    network.ec2.start_instances(InstanceIds=[there])
    assert there in online()
    rule = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    network.ec2.revoke_security_group_egress(GroupId=group, IpPermissions=[rule])
    answer = boto3.client("ssm").describe_instance_information()["InstanceInformationList"]
    state = {each["InstanceId"]: each["PingStatus"] for each in answer}
    assert state[there] == "ConnectionLost", state


def instances_are_made_once_for_a_token():
    network = Network()
    group = network.group("bastion")
    network.profile("agent", SESSION_MANAGER)
    first = network.instance(network.private, group, "agent", ClientToken="one")
    assert network.instance(network.private, group, "agent", ClientToken="one") == first
    try:
        network.instance(network.public, group, "agent", ClientToken="one")
    except ClientError as error:
        assert error.response["Error"]["Code"] == "IdempotentParameterMismatch", error
    else:
        raise AssertionError("another request under the same token")


def groups_in_use_stay():
    network = Network()
    ec2, bastion, database = network.ec2, network.group("bastion"), network.group("database")
    pair = {"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432}
    pair["UserIdGroupPairs"] = [{"GroupId": bastion}]
    rules = ec2.authorize_security_group_ingress(GroupId=database, IpPermissions=[pair])
    refused(
        ec2.authorize_security_group_ingress,
        "InvalidPermission.Duplicate",
        GroupId=database,
        IpPermissions=[pair],
    )
    refused(
        ec2.create_security_group,
        "InvalidGroup.Duplicate",
        GroupName="bastion",
        Description="again",
        VpcId=network.vpc,
    )
    refused(ec2.delete_security_group, "DependencyViolation", GroupId=bastion)
    rule = rules["SecurityGroupRules"][0]["SecurityGroupRuleId"]
    ec2.revoke_security_group_ingress(GroupId=database, SecurityGroupRuleIds=[rule])
    ec2.delete_security_group(GroupId=bastion)
    refused(ec2.describe_security_groups, "InvalidGroup.NotFound", GroupIds=[bastion])


def databases_are_found_by_page():
    network, rds = Network(), boto3.client("rds")
    group = network.group("database")
    rds.create_db_subnet_group(
        DBSubnetGroupName="data",
        DBSubnetGroupDescription="data",
        SubnetIds=[network.private, network.isolated],
    )
    for number in range(25):
        rds.create_db_instance(
            DBInstanceIdentifier=f"orders-{number}",
            DBInstanceClass="db.t4g.micro",
            Engine="postgres",
            AllocatedStorage=20,
            MasterUsername="owner",
            MasterUserPassword="not-a-secret-of-anyone",
            DBSubnetGroupName="data",
            VpcSecurityGroupIds=[group],
        )
    pages = rds.get_paginator("describe_db_instances").paginate(PaginationConfig={"PageSize": 20})
    pages = [page["DBInstances"] for page in pages]
    assert [len(page) for page in pages] == [20, 5], [len(page) for page in pages]
    one = pages[0][0]
    assert one["Endpoint"]["Port"] == 5432 and one["DBSubnetGroup"]["VpcId"] == network.vpc, one
    refused(rds.describe_db_instances, "DBInstanceNotFound", DBInstanceIdentifier="nobody")


def roles_in_use_stay():
    network = Network()
    network.profile("agent", SESSION_MANAGER)
    iam = network.iam
    refused(iam.delete_role, "DeleteConflict", RoleName="agent")
    refused(iam.create_instance_profile, "EntityAlreadyExists", InstanceProfileName="agent")
    iam.remove_role_from_instance_profile(InstanceProfileName="agent", RoleName="agent")
    iam.delete_role_policy(RoleName="agent", PolicyName="agent")
    iam.delete_role(RoleName="agent")
    refused(iam.get_role, "NoSuchEntity", RoleName="agent")
    identity = boto3.client("sts").get_caller_identity()
    assert identity["Account"] == "111122223333", identity


if __name__ == "__main__":
    globals()[sys.argv[1]]()
