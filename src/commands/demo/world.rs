//! What the story begins with: a local AWS, and a VPC in it where only a database is.

use std::net::SocketAddr;

use adit_aws::targets::{Kind as TargetKind, Selector, TargetSpec};
use adit_aws::{Aws, AwsOptions, ProxyUse, StaticCredentials};
use adit_lab::{Lab, LabConfig};
use zeroize::Zeroizing;

use super::service;
use super::story::Story;
use crate::failure::{Failure, Kind};
use crate::settings::DemoSettings;

/// The database.
const NAME: &str = "orders";

/// A local AWS, and what leads to it.
pub(crate) struct World {
    pub(crate) lab: Lab,
    /// With the lab's keys and endpoint, and nothing else.
    pub(crate) aws: Aws,
    /// The database.
    pub(crate) spec: TargetSpec,
    /// The VPC that it is in.
    pub(crate) vpc: String,
}

/// Builds it.
pub(crate) async fn build(settings: &DemoSettings, story: &mut Story) -> Result<World, Failure> {
    let config = LabConfig {
        instances: Vec::new(),
        resume_enabled: settings.resume_enabled,
        ..LabConfig::default()
    };
    let lab = Lab::start(config).await?;
    story.step(
        "A local AWS is up",
        &[format!("at {}; nothing that follows calls anything else", lab.endpoint())],
    )?;
    let service = match settings.target {
        Some(address) => address,
        None => service::start().await?,
    };
    let vpc = make_database(&lab, service)?;
    let spec = TargetSpec {
        kind: TargetKind::Rds,
        select: Selector::Id(NAME.to_owned()),
        endpoint: None,
        port: None,
        vpc: None,
    };
    let behind = match settings.target {
        Some(service) => format!("your service at {service} answers in its place"),
        None => "a small web server answers in its place, so that curl can try it".to_owned(),
    };
    story.step(
        "A VPC has a private database in it, and nothing is prepared",
        &[format!("{spec} in {vpc}; {behind}")],
    )?;
    let aws = aws(&lab).await?;
    Ok(World { lab, aws, spec, vpc })
}

fn make_database(lab: &Lab, service: SocketAddr) -> Result<String, Failure> {
    lab.make_private_database(NAME, service).map_err(|error| {
        Failure::new(Kind::Internal, format!("the demo's database cannot be made: {error}"))
    })
}

async fn aws(lab: &Lab) -> Result<Aws, Failure> {
    let keys = lab.credentials();
    let options = AwsOptions {
        region: Some(Lab::REGION.to_owned()),
        endpoint_url: Some(lab.endpoint()),
        proxy: ProxyUse::Direct,
        credentials: Some(StaticCredentials {
            access_key_id: keys.access_key_id.clone(),
            secret_access_key: Zeroizing::new(keys.secret_access_key.clone()),
        }),
        ..AwsOptions::default()
    };
    Ok(Box::pin(adit_aws::load(options)).await?)
}
