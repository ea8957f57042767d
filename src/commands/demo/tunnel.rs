//! What `adit connect` does, to the demo's database.

use std::time::Instant;

use adit_tunnel::{Tunnel, TunnelEvent};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::story::Story;
use super::world::World;
use crate::cli::Given;
use crate::commands::local::{self, Bound};
use crate::commands::open;
use crate::commands::place::locate;
use crate::commands::report::Report;
use crate::failure::Failure;
use crate::journal::Notes;
use crate::settings::{Destination, Local};
use crate::ui::{Printer, span};

/// An open tunnel.
pub(crate) struct Open {
    pub(crate) tunnel: Tunnel,
    pub(crate) bound: Bound,
    /// What the tunnel tells, after it was reported.
    pub(crate) news: UnboundedReceiver<TunnelEvent>,
    pub(crate) bastion: String,
}

/// Opens it to where the database is found to be.
pub(crate) async fn open(
    world: &World,
    local: &Local,
    story: &mut Story,
    printer: Printer,
) -> Result<Open, Failure> {
    let began = Instant::now();
    let World { aws, spec, .. } = world;
    let place = Box::pin(locate(aws, spec, None, &Given::default())).await?;
    place.start(aws, printer.hushed()).await?;
    let destination = place.destination;
    let bound = local::bind(local, destination.port).await?;

    let (sender, mut events) = unbounded_channel();
    let (forward, news) = unbounded_channel();
    let name = spec.to_string();
    let mut report = Report::new(printer, &name, &name, &destination.bastion).events_only();
    tokio::spawn(async move {
        while let Some(event) = events.recv().await {
            report.event(&event);
            if forward.send(event).is_err() {
                return;
            }
        }
    });
    let request = open::request(&destination, Some("adit demo".to_owned()));
    let options = open::plain_options(&destination)?;
    let tunnel =
        open::tunnel(aws.clone(), request, None, options, sender, Notes::default()).await?;
    let Destination { bastion, .. } = destination.clone();
    let session = tunnel.session_id().unwrap_or_default();
    story.step(
        &format!("`adit connect --target {spec}` starts a session and opens a tunnel"),
        &[
            format!("{} leads to {destination}", bound.address),
            format!("session {session}, ready after {}", span(began.elapsed())),
        ],
    )?;
    Ok(Open { tunnel, bound, news, bastion })
}
