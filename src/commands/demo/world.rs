//! What the story needs: a lab, a private service, and a tunnel to it.

use std::net::SocketAddr;
use std::time::Instant;

use adit_aws::{Aws, AwsOptions, ProxyUse, StaticCredentials};
use adit_lab::{DEFAULT_INSTANCE, HostPort, Lab, LabConfig};
use adit_tunnel::{Tunnel, TunnelEvent};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use zeroize::Zeroizing;

use super::service;
use super::story::Story;
use crate::commands::local::{self, Bound};
use crate::commands::open;
use crate::commands::report::Report;
use crate::failure::Failure;
use crate::settings::{DemoSettings, Destination};
use crate::ui::{Printer, span};

/// The name of the demo's own service in the bastion's network.
const HOST: &str = "intranet.demo.internal";
/// The name of a service that the user brings.
const OWN_HOST: &str = "service.demo.internal";

/// An open tunnel and all that stands behind it.
pub(crate) struct World {
    pub(crate) lab: Lab,
    pub(crate) tunnel: Tunnel,
    pub(crate) bound: Bound,
    /// What the tunnel tells, after it was reported.
    pub(crate) news: UnboundedReceiver<TunnelEvent>,
    pub(crate) target: Destination,
    /// Where the tunnel listens.
    pub(crate) address: String,
}

/// Builds it, step by step.
pub(crate) async fn build(
    settings: &DemoSettings,
    story: &mut Story,
    printer: Printer,
) -> Result<World, Failure> {
    let (host, port, service) = match settings.target {
        Some(address) => (OWN_HOST, address.port(), address),
        None => (HOST, 80, service::start().await?),
    };
    let target =
        Destination { bastion: DEFAULT_INSTANCE.to_owned(), host: Some(host.to_owned()), port };
    let lab = start_lab(settings, HostPort { host: host.to_owned(), port }, service).await?;
    story.step(
        "A local AWS is up",
        &[format!("session API and gateway at {}, bastion {DEFAULT_INSTANCE}", lab.endpoint())],
    )?;
    let bound = local::bind(&settings.local, port).await?;
    let address = bound.address.clone();
    let described = match settings.target {
        Some(service) => format!("{target}, as the bastion calls {service}"),
        None => format!("{target}, a web server that only the bastion can reach by that name"),
    };
    story.step("There is a private service", &[described])?;

    let began = Instant::now();
    let (tunnel, news) = open_tunnel(&lab, &target, printer).await?;
    story.step(
        "A session is started and a tunnel opened",
        &[
            format!("session {}, through the AWS SDK with signed requests", tunnel.session_id()),
            format!("{address} leads to {target}, ready after {}", span(began.elapsed())),
        ],
    )?;
    Ok(World { lab, tunnel, bound, news, target, address })
}

async fn start_lab(
    settings: &DemoSettings,
    name: HostPort,
    service: SocketAddr,
) -> Result<Lab, Failure> {
    let config = LabConfig {
        maps: vec![(name, service)],
        resume_enabled: settings.resume_enabled,
        ..LabConfig::default()
    };
    Ok(Lab::start(config).await?)
}

async fn open_tunnel(
    lab: &Lab,
    target: &Destination,
    printer: Printer,
) -> Result<(Tunnel, UnboundedReceiver<TunnelEvent>), Failure> {
    let (sender, mut events) = unbounded_channel();
    let (forward, news) = unbounded_channel();
    let mut report = Report::new(printer, &target.to_string(), &target.bastion).events_only();
    tokio::spawn(async move {
        while let Some(event) = events.recv().await {
            report.event(&event);
            if forward.send(event).is_err() {
                return;
            }
        }
    });
    let request = open::request(target, Some("adit demo".to_owned()));
    let options = open::plain_options(target)?;
    let tunnel = open::tunnel(aws(lab).await?, request, options, sender).await?;
    Ok((tunnel, news))
}

/// The lab's keys and endpoint, and nothing else.
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
    Ok(adit_aws::load(options).await?)
}
