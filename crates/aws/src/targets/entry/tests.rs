use super::*;

fn spec(text: &str) -> TargetSpec {
    text.parse().unwrap()
}

fn orders(status: &str) -> Entry {
    let mut entry = Entry::new(Kind::Rds, "orders");
    entry.at(Some("orders.example"), Some(5432));
    entry.found.vpc = Some("vpc-1".to_owned());
    entry.found.status = Some(status.to_owned());
    entry
}

#[test]
fn what_cannot_be_reached_now_says_why_and_what_helps() {
    for (status, message, hint) in [
        ("creating", "is still being made (creating)", "adit list rds"),
        ("starting", "is starting (starting)", "try again"),
        ("stopping", "is being stopped (stopping)", "once it has stopped"),
        ("stopped", "is stopped (stopped)", "start-db-instance --db-instance-identifier orders"),
        ("deleting", "is being deleted (deleting)", "adit list rds"),
        ("DELETING", "is being deleted (DELETING)", "adit list rds"),
        ("inaccessible-encryption-credentials", "cannot use the key", "KMS"),
    ] {
        let error = orders(status).into_target(&spec("rds:orders")).unwrap_err();
        assert_eq!(error.kind, AwsErrorKind::TargetUnusable, "{status}");
        assert!(error.message.starts_with("the RDS instance `orders` "), "{}", error.message);
        assert!(error.message.contains(message), "{}", error.message);
        assert!(error.hints[0].contains(hint), "{:?}", error.hints);
    }
}

#[test]
fn a_state_that_leaves_the_endpoint_standing_is_tried() {
    for status in ["available", "modifying", "backing-up", "rebooting", "some-new-word"] {
        let target = orders(status).into_target(&spec("rds:orders")).unwrap();
        assert_eq!((target.host.as_str(), target.port), ("orders.example", 5432));
    }
}

#[test]
fn what_has_no_endpoint_or_no_vpc_is_no_target() {
    let mut entry = orders("available");
    entry.found.host = None;
    let error = entry.into_target(&spec("rds:orders")).unwrap_err();
    assert!(error.message.contains("has no endpoint (available)"), "{}", error.message);
    let mut entry = orders("available");
    entry.found.vpc = None;
    let error = entry.into_target(&spec("rds:orders")).unwrap_err();
    assert!(error.message.contains("is in no VPC"), "{}", error.message);
}

#[test]
fn a_port_of_nought_is_no_endpoint() {
    let mut entry = Entry::new(Kind::Rds, "orders");
    entry.at(Some("orders.example"), Some(0));
    assert_eq!(entry.found.host, None);
}
