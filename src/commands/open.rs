//! From settings to an open tunnel: what `connect` and `demo` share.

use std::time::Duration;

use adit_aws::{Aws, StartSession};
use adit_tunnel::{
    DialOptions, Handling, ProxySettings, Tunnel, TunnelError, TunnelEvent, TunnelOptions,
};
use rand::TryRng;
use rand::rngs::SysRng;
use tokio::sync::mpsc::UnboundedSender;

use crate::failure::{Failure, Kind};
use crate::journal::Notes;
use crate::settings::{Access, Destination};
use crate::source::{Anew, AwsSource};

/// Forwards to a port of the bastion itself.
const DOCUMENT_BASTION: &str = "AWS-StartPortForwardingSession";
/// Forwards to a host that the bastion reaches.
const DOCUMENT_HOST: &str = "AWS-StartPortForwardingSessionToRemoteHost";

/// How often a session that is to be kept alive shows a sign of life: a few times within the shortest
/// idle limits that accounts set in earnest.
pub(crate) const KEEP_ALIVE: Duration = Duration::from_mins(5);

/// Starts a session and opens the tunnel over it; ready when it returns. Sessions that take the place
/// of the first one are those that `anew` finds, where it is there to find them.
pub(crate) async fn tunnel(
    aws: Aws,
    request: StartSession,
    anew: Option<Anew>,
    options: TunnelOptions,
    events: UnboundedSender<TunnelEvent>,
    notes: Notes,
) -> Result<Tunnel, TunnelError> {
    let anew = anew.filter(|_| !options.without.has(Handling::Anew));
    let source = notes.source(AwsSource::new(aws.clone(), request, anew), &aws);
    Tunnel::open(source, options, events).await
}

/// The session that leads to a destination.
pub(crate) fn request(destination: &Destination, reason: Option<String>) -> StartSession {
    let mut parameters = vec![("portNumber".to_owned(), destination.port.to_string())];
    let document = match &destination.host {
        Some(host) => {
            parameters.push(("host".to_owned(), host.clone()));
            DOCUMENT_HOST
        }
        None => DOCUMENT_BASTION,
    };
    StartSession {
        target: destination.bastion.clone(),
        document: document.to_owned(),
        parameters,
        reason,
    }
}

/// How the tunnel is to behave: the user's proxy and roots, and a seed from the system.
pub(crate) fn options(
    destination: &Destination,
    access: &Access,
) -> Result<TunnelOptions, Failure> {
    let mut dial = DialOptions::default();
    dial.proxy = access.proxy.clone();
    if let Some(path) = &access.ca_bundle {
        let pem = fs_err::read(path).map_err(|error| {
            Failure::new(Kind::Config, format!("cannot read the CA bundle: {error}"))
        })?;
        dial.extra_roots_pem.push(pem);
    }
    let mut options = TunnelOptions::new(destination.to_string(), seed()?);
    options.dial = dial;
    Ok(options)
}

/// How the tunnel of the demonstration behaves: nothing of the user's settings.
pub(crate) fn plain_options(destination: &Destination) -> Result<TunnelOptions, Failure> {
    let access = Access { proxy: ProxySettings::default(), ..Access::default() };
    let mut options = options(destination, &access)?;
    options.resume_budget = Duration::from_mins(1);
    Ok(options)
}

fn seed() -> Result<u64, Failure> {
    SysRng.try_next_u64().map_err(|error| {
        Failure::new(Kind::Internal, format!("the system gives no random numbers: {error}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_follows_from_the_host() {
        let mut destination =
            Destination { bastion: "i-1".to_owned(), host: Some("db".to_owned()), port: 5432 };
        let to_host = request(&destination, None);
        assert_eq!(to_host.document, DOCUMENT_HOST);
        let expected =
            [("portNumber", "5432"), ("host", "db")].map(|(k, v)| (k.to_owned(), v.to_owned()));
        assert_eq!(to_host.parameters, expected);

        destination.host = None;
        let to_bastion = request(&destination, Some("why".to_owned()));
        assert_eq!(to_bastion.document, DOCUMENT_BASTION);
        assert_eq!(to_bastion.parameters.len(), 1);
        assert_eq!(to_bastion.reason.as_deref(), Some("why"));
    }
}
