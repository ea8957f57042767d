use super::*;

fn spec(text: &str) -> TargetSpec {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn fault(text: &str) -> String {
    text.parse::<TargetSpec>().unwrap_err().to_string()
}

#[test]
fn every_kind_is_read_and_written_the_same() {
    for text in [
        "rds:orders",
        "rds:arn:aws:rds:eu-west-1:111122223333:db:orders",
        "rds:tag:env=prod",
        "rds:tag:team=a/b=c",
        "aurora:orders",
        "aurora:orders/reader",
        "aurora:orders/analytics",
        "aurora:arn:aws:rds:eu-west-1:111122223333:cluster:orders/reader",
        "aurora:tag:env=prod/reader",
        "rds-proxy:orders/read-only",
        "elasticache:sessions/0002",
        "memorydb:orders",
        "memorydb:arn:aws:memorydb:eu-west-1:111122223333:cluster/orders/orders-0001-001",
        "docdb:orders",
        "neptune:graph/reader",
        "redshift:warehouse",
        "redshift-serverless:warehouse",
        "opensearch:logs",
        "opensearch:arn:aws:es:eu-west-1:111122223333:domain/logs",
        "msk:events",
        "msk:arn:aws:kafka:eu-west-1:111122223333:cluster/events/0a1b-2/iam",
        "ec2:i-0123456789abcdef0:22",
        "ec2:tag:Name=web server:8080",
        "ec2:arn:aws:ec2:eu-west-1:111122223333:instance/i-0123456789abcdef0:22",
        "host:db.internal:5432@vpc-0123456789abcdef0",
        "host:[fd00::1]:5432@vpc-0123456789abcdef0",
    ] {
        assert_eq!(spec(text).to_string(), text);
    }
}

#[test]
fn each_part_of_a_target_has_its_place() {
    assert_eq!(
        spec("aurora:arn:aws:rds:eu-west-1:111122223333:cluster:orders/reader"),
        TargetSpec {
            kind: Kind::Aurora,
            select: Selector::Arn("arn:aws:rds:eu-west-1:111122223333:cluster:orders".to_owned()),
            endpoint: Some("reader".to_owned()),
            port: None,
            vpc: None,
        }
    );
    assert_eq!(
        spec("host:[fd00:0::1]:5432@vpc-0123456789abcdef0"),
        TargetSpec {
            kind: Kind::Host,
            select: Selector::Id("fd00::1".to_owned()),
            endpoint: None,
            port: Some(5432),
            vpc: Some("vpc-0123456789abcdef0".to_owned()),
        }
    );
    let Selector::Tag { key, value } = spec("aurora:tag:path=a/b").select else { panic!() };
    assert_eq!((key.as_str(), value.as_str()), ("path", "a/b"));
}

#[test]
fn the_writer_is_what_a_cluster_means_anyway() {
    assert_eq!(spec("aurora:orders/writer"), spec("aurora:orders"));
}

#[test]
fn what_does_not_fit_says_why_and_how_it_is_written() {
    for (text, parts) in [
        ("orders", ["does not say what kind", "rds:orders"]),
        ("rdss:orders", ["did you mean `rds`", "redshift-serverless"]),
        ("rds:", ["the id is missing", "rds:ID"]),
        ("rds:orders/reader", ["one endpoint only", "rds:ID"]),
        ("rds:orders prod", ["letters, digits", "rds:ID"]),
        (
            "rds:arn:aws:rds:eu-west-1:111122223333:cluster:orders",
            ["not one of this kind", "rds:ID"],
        ),
        ("rds:tag:env", ["tag:KEY=VALUE", "rds:ID"]),
        ("rds:tag:=prod", ["key is missing", "rds:ID"]),
        ("aurora:orders/", ["the id is missing", "aurora:ID[/reader|/ENDPOINT]"]),
        ("ec2:i-0123456789abcdef0", ["the port is missing", "ec2:ID:PORT"]),
        ("ec2:i-0123456789abcdef0:0", ["1 to 65535", "ec2:ID:PORT"]),
        ("ec2:i-0123456789abcdef0:65536", ["1 to 65535", "ec2:ID:PORT"]),
        ("host:db:5432", ["the VPC is missing", "host:HOST:PORT@VPC"]),
        ("host:db:5432@subnet-1", ["begins with vpc-", "host:HOST:PORT@VPC"]),
        ("host:fd00::1:5432@vpc-1", ["in brackets", "host:HOST:PORT@VPC"]),
        ("host:[db]:5432@vpc-1", ["not an IPv6 address", "host:HOST:PORT@VPC"]),
        ("host:a b:5432@vpc-1", ["neither a name nor an address", "host:HOST:PORT@VPC"]),
    ] {
        let fault = fault(text);
        for part in parts {
            assert!(fault.contains(part), "{text}: {fault}");
        }
    }
}
