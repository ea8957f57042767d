//! Targets in the lab, and targets that are only said to be there.

use std::collections::BTreeMap;

use adit_aws::targets::{Kind, Target, resolve};

use super::World;

impl World {
    /// A PostgreSQL database in the VPC, guarded by these groups.
    pub(crate) async fn database(&self, vpc: &str, id: &str, groups: &[&str]) -> Target {
        let rds = aws_sdk_rds::Client::new(self.sdk());
        let in_vpc = aws_sdk_ec2::types::Filter::builder().name("vpc-id").values(vpc).build();
        let subnets = self.ec2().describe_subnets().filters(in_vpc).send().await.expect("subnets");
        let subnets = subnets.subnets().iter().filter_map(|one| one.subnet_id.clone()).collect();
        let name = format!("of-{id}");
        rds.create_db_subnet_group()
            .db_subnet_group_name(&name)
            .db_subnet_group_description("a test")
            .set_subnet_ids(Some(subnets))
            .send()
            .await
            .expect("a subnet group");
        rds.create_db_instance()
            .db_instance_identifier(id)
            .db_instance_class("db.t4g.micro")
            .engine("postgres")
            .master_username("postgres")
            .master_user_password("not-a-secret")
            .allocated_storage(20)
            .db_subnet_group_name(&name)
            .set_vpc_security_group_ids(Some(groups.iter().map(|&id| id.to_owned()).collect()))
            .send()
            .await
            .expect("a database");
        let spec = format!("rds:{id}").parse().expect("a target");
        Box::pin(resolve(&self.aws, &spec)).await.expect("the database")
    }
}

/// A database that nobody made: plans need no more of it.
pub(crate) fn imagined(vpc: &str, id: &str, port: u16, group: &str) -> Target {
    Target {
        kind: Kind::Rds,
        id: id.to_owned(),
        arn: None,
        endpoint: None,
        host: format!("{id}.abc.us-east-1.rds.amazonaws.com"),
        port,
        vpc: vpc.to_owned(),
        security_groups: vec![group.to_owned()],
        zones: Vec::new(),
        engine: None,
        status: None,
        warnings: Vec::new(),
        tags: BTreeMap::new(),
    }
}
