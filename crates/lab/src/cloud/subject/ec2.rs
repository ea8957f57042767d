//! What calls of EC2 are about.
//!
//! <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html>

use crate::cloud::{Call, Params, ec2};
use crate::service::{ACCOUNT, REGION};

/// Parameters that name what a call is about, with its kind: the first that is there counts.
const NAMED: [(&str, &str); 5] = [
    ("GroupId", "security-group"),
    ("InstanceId", "instance"),
    ("VpcEndpointId", "vpc-endpoint"),
    ("SubnetId", "subnet"),
    ("VpcId", "vpc"),
];

/// All that a call is about; nothing for one that describes.
pub(super) fn of(call: &Call<'_>) -> Vec<String> {
    let params = call.params;
    if call.operation.starts_with("Describe") {
        return Vec::new();
    }
    let mut tails = match call.operation {
        "RunInstances" => return launched(params),
        "CreateSecurityGroup" => made("security-group", params, &NAMED[4..]),
        "CreateVpcEndpoint" => {
            let beside = [
                ("VpcId", "vpc"),
                ("SubnetId", "subnet"),
                ("SecurityGroupId", "security-group"),
                ("RouteTableId", "route-table"),
            ];
            made("vpc-endpoint", params, &beside)
        }
        "CreateTags" | "DeleteTags" => {
            ids(params, "ResourceId").iter().map(|id| tagged(id)).collect()
        }
        _ => {
            let all = NAMED.iter().map(|(name, kind)| each(params, name, kind));
            all.into_iter().find(|ids| !ids.is_empty()).unwrap_or_default()
        }
    };
    if tails.is_empty() {
        tails.push("*".to_owned());
    }
    tails.iter().map(|tail| arn(tail)).collect()
}

fn arn(tail: &str) -> String {
    format!("arn:aws:ec2:{REGION}:{ACCOUNT}:{tail}")
}

/// The ids in a parameter, of which there can be one or a list.
fn ids(params: &Params, name: &str) -> Vec<String> {
    let mut ids = params.texts(name);
    ids.extend(params.get(name).map(str::to_owned));
    ids
}

/// What is tagged, by the kind that its id begins with.
fn tagged(id: &str) -> String {
    let kind = ec2::kind(id);
    format!("{}/{id}", if kind.is_empty() { "*" } else { kind })
}

fn each(params: &Params, name: &str, kind: &str) -> Vec<String> {
    ids(params, name).iter().map(|id| format!("{kind}/{id}")).collect()
}

/// What is made, whose id nobody knows yet, and what it is made in.
fn made(kind: &str, params: &Params, beside: &[(&str, &str)]) -> Vec<String> {
    let beside = beside.iter().flat_map(|(name, kind)| each(params, name, kind));
    std::iter::once(format!("{kind}/*")).chain(beside).collect()
}

/// A launch makes an instance with its interface and its volumes, and takes an image, a subnet and
/// groups for it; those that it does not name are the default ones.
///
/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ExamplePolicies_EC2.html#iam-example-runinstances>
fn launched(params: &Params) -> Vec<String> {
    let interfaces: Vec<_> = params.list("NetworkInterface");
    let mut arns = vec![arn("instance/*")];
    // Images are in no account.
    let images = ids(params, "ImageId");
    arns.extend(images.iter().map(|id| format!("arn:aws:ec2:{REGION}::image/{id}")));
    for (name, kind) in [("SubnetId", "subnet"), ("SecurityGroupId", "security-group")] {
        let mut tails = each(params, name, kind);
        tails.extend(interfaces.iter().flat_map(|interface| each(interface, name, kind)));
        if tails.is_empty() {
            tails.push(format!("{kind}/*"));
        }
        arns.extend(tails.iter().map(|tail| arn(tail)));
    }
    arns.extend(each(params, "KeyName", "key-pair").iter().map(|tail| arn(tail)));
    arns.extend(["network-interface/*", "volume/*"].map(arn));
    arns
}
