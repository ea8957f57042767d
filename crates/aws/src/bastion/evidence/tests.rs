use super::*;

fn bastion(profile: Option<&str>) -> Bastion {
    let mut bastion: Bastion = serde_json::from_value(serde_json::json!({
        "id": "i-1", "state": "running", "launched": "", "vpc": "vpc-1", "subnet": "", "zone": "",
        "instance_type": "", "image": "", "groups": [],
    }))
    .unwrap();
    bastion.profile =
        profile.map(|it| format!("arn:aws-cn:iam::111122223333:instance-profile/{it}"));
    bastion
}

#[test]
fn a_profile_proves_it_when_path_name_and_vpc_are_ours() {
    for own in ["adit/adit-bastion-vpc-1", "adit/adit-bastion-vpc-1-2", "adit/adit-bastion-vpc-1-3"]
    {
        assert!(has_own_profile(&bastion(Some(own))), "{own}");
    }
    for other in [
        "adit-bastion-vpc-1",
        "adit/adit-bastion-vpc-12",
        "adit/adit-bastion-vpc-2",
        "corp/adit/adit-bastion-vpc-1",
        "adit/x/adit-bastion-vpc-1",
    ] {
        assert!(!has_own_profile(&bastion(Some(other))), "{other}");
    }
    assert!(!has_own_profile(&bastion(None)));
}
