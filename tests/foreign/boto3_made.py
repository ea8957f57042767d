"""What `adit init` makes, as boto3 sees it. Arguments: the VPC and the database's group."""

import base64
import json
import sys

import boto3

BASTION = {"Name": "tag:adit:purpose", "Values": ["bastion"]}
AGENT = [
    "ssm:UpdateInstanceInformation",
    "ssmmessages:CreateControlChannel",
    "ssmmessages:CreateDataChannel",
    "ssmmessages:OpenControlChannel",
    "ssmmessages:OpenDataChannel",
]


def tags(resource):
    return {tag["Key"]: tag["Value"] for tag in resource["Tags"]}


def expect_tags(resource, purpose, vpc):
    found = tags(resource)
    assert found["adit:purpose"] == purpose and found["adit:vpc"] == vpc, found
    assert found["adit:owner"] == "arn:aws:iam::111122223333:user/lab", found
    assert found["adit:version"] == "1" and found["team"] == "data", found


def the_instance(ec2, vpc):
    answer = ec2.describe_instances(Filters=[BASTION])["Reservations"]
    instances = [each for one in answer for each in one["Instances"]]
    assert len(instances) == 1, instances
    bastion = instances[0]
    assert bastion["VpcId"] == vpc and bastion["State"]["Name"] == "running", bastion
    expect_tags(bastion, "bastion", vpc)
    assert tags(bastion)["Name"] == "adit-bastion", bastion
    assert bastion["InstanceType"] == "t4g.micro", bastion
    assert not bastion.get("KeyName"), bastion
    options = bastion["MetadataOptions"]
    assert options["HttpTokens"] == "required", options
    assert options["HttpPutResponseHopLimit"] == 1, options

    ids = [each["Ebs"]["VolumeId"] for each in bastion["BlockDeviceMappings"]]
    volumes = ec2.describe_volumes(VolumeIds=ids)["Volumes"]
    assert [(one["VolumeType"], one["Encrypted"], one["Size"]) for one in volumes] == [
        ("gp3", True, 8)
    ], volumes

    def attribute(name):
        return ec2.describe_instance_attribute(InstanceId=bastion["InstanceId"], Attribute=name)

    behaviour = attribute("instanceInitiatedShutdownBehavior")
    assert behaviour["InstanceInitiatedShutdownBehavior"]["Value"] == "stop", behaviour
    data = base64.b64decode(attribute("userData")["UserData"]["Value"]).decode()
    assert data.startswith("#cloud-config\n") and "ADIT_IDLE_MINUTES=7" in data, data
    return bastion


def the_groups(ec2, vpc, bastion, database):
    ids = [group["GroupId"] for group in bastion["SecurityGroups"]]
    groups = ec2.describe_security_groups(GroupIds=ids)["SecurityGroups"]
    assert len(groups) == 1 and groups[0]["GroupName"] == "adit-bastion", groups
    expect_tags(groups[0], "bastion-group", vpc)
    assert groups[0]["IpPermissions"] == [], groups
    block = ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]["CidrBlock"]

    def rules(group):
        found = ec2.describe_security_group_rules(
            Filters=[{"Name": "group-id", "Values": [group]}]
        )
        return found["SecurityGroupRules"]

    out = [
        (rule["IpProtocol"], rule["FromPort"], rule["ToPort"], rule["CidrIpv4"])
        for rule in rules(ids[0])
        if rule["IsEgress"]
    ]
    assert sorted(out) == [("tcp", 443, 443, "0.0.0.0/0"), ("tcp", 5432, 5432, block)], out
    for rule in rules(ids[0]):
        expect_tags(rule, "bastion-egress", vpc)

    access = [rule for rule in rules(database) if rule.get("Tags")]
    assert len(access) == 1, access
    rule = access[0]
    expect_tags(rule, "target-access", vpc)
    assert tags(rule)["adit:target"] == "rds:orders", rule
    assert rule["Description"] == "adit: bastion to rds:orders", rule
    assert not rule["IsEgress"] and rule["ReferencedGroupInfo"]["GroupId"] == ids[0], rule
    assert (rule["IpProtocol"], rule["FromPort"], rule["ToPort"]) == ("tcp", 5432, 5432), rule


def the_identity(iam, vpc, bastion):
    name = f"adit-bastion-{vpc}"
    profile = iam.get_instance_profile(InstanceProfileName=name)["InstanceProfile"]
    assert profile["Path"] == "/adit/", profile
    assert bastion["IamInstanceProfile"]["Arn"] == profile["Arn"], bastion
    expect_tags(profile, "bastion-profile", vpc)
    assert [role["RoleName"] for role in profile["Roles"]] == [name], profile

    role = iam.get_role(RoleName=name)["Role"]
    expect_tags(role, "bastion-role", vpc)
    trust = role["AssumeRolePolicyDocument"]["Statement"]
    assert [each["Principal"] for each in trust] == [{"Service": "ec2.amazonaws.com"}], trust
    assert iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"] == []
    names = iam.list_role_policies(RoleName=name)["PolicyNames"]
    assert names == ["session-manager"], names
    policy = iam.get_role_policy(RoleName=name, PolicyName="session-manager")["PolicyDocument"]
    if isinstance(policy, str):
        policy = json.loads(policy)
    allowed = [(each["Effect"], sorted(each["Action"])) for each in policy["Statement"]]
    assert allowed == [("Allow", AGENT)], policy


def what_stands(vpc, database):
    ec2, iam = boto3.client("ec2"), boto3.client("iam")
    bastion = the_instance(ec2, vpc)
    the_groups(ec2, vpc, bastion, database)
    the_identity(iam, vpc, bastion)
    online = boto3.client("ssm").describe_instance_information()["InstanceInformationList"]
    state = {each["InstanceId"]: each["PingStatus"] for each in online}
    assert state[bastion["InstanceId"]] == "Online", state


def what_is_left(vpc, database):
    ec2, iam = boto3.client("ec2"), boto3.client("iam")
    answer = ec2.describe_instances(Filters=[BASTION])["Reservations"]
    states = {each["State"]["Name"] for one in answer for each in one["Instances"]}
    assert states == {"terminated"}, answer
    groups = ec2.describe_security_groups(Filters=[{"Name": "vpc-id", "Values": [vpc]}])
    names = sorted(group["GroupName"] for group in groups["SecurityGroups"])
    assert names == ["database", "default"], names
    mine = ec2.describe_security_groups(GroupIds=[database])["SecurityGroups"][0]
    assert mine["IpPermissions"] == [], mine
    names = [role["RoleName"] for role in iam.list_roles()["Roles"]]
    assert not [name for name in names if name.startswith("adit")], names
    profiles = iam.list_instance_profiles()["InstanceProfiles"]
    assert profiles == [], profiles


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
