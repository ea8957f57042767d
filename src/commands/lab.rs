//! `adit lab`: a local AWS until Ctrl-C.

use adit_lab::{Credentials, Lab};
use serde::Serialize;

use crate::exit::Exit;
use crate::failure::{Failure, Kind};
use crate::readiness::{self, ReadyFile};
use crate::settings::LabSettings;
use crate::signals::Signals;
use crate::ui::{Event, Printer};

pub(crate) async fn run(
    settings: LabSettings,
    mut signals: Signals,
    printer: Printer,
) -> Result<Exit, Failure> {
    let instances = settings.config.instances.clone();
    // A file that an earlier lab has left says nothing of this one.
    settings.ready_file.as_deref().map(readiness::clear).transpose()?;
    let lab = Lab::start(settings.config).await?;
    if let Some(faults) = settings.faults {
        lab.faults().apply(faults).map_err(|error| Failure::new(Kind::Usage, error.to_string()))?;
    }
    let endpoint = lab.endpoint();
    let tls_endpoint = lab.tls_endpoint();
    let ready = Ready {
        endpoint: &endpoint,
        tls_endpoint: tls_endpoint.as_deref(),
        region: Lab::REGION,
        access_key_id: &lab.credentials().access_key_id,
        secret_access_key: &lab.credentials().secret_access_key,
        instances: &instances,
    };
    // Whoever sees the lab announced finds the file as well.
    let ready_file = settings.ready_file.map(|path| ReadyFile::write(path, &ready)).transpose()?;
    announce(&ready, lab.credentials(), printer)?;

    let stop = signals.next().await;
    drop(ready_file);
    tokio::select! {
        () = lab.shutdown() => {}
        _ = signals.next() => {}
    }
    printer.parting("the local AWS is gone");
    Ok(stop.into())
}

/// What a program needs to use the lab.
#[derive(Serialize)]
struct Ready<'a> {
    endpoint: &'a str,
    tls_endpoint: Option<&'a str>,
    region: &'a str,
    access_key_id: &'a str,
    secret_access_key: &'a str,
    instances: &'a [String],
}

fn announce(ready: &Ready<'_>, keys: &Credentials, printer: Printer) -> Result<(), Failure> {
    let online = match ready.instances {
        [] => "no instance".to_owned(),
        some => some.join(", "),
    };
    let endpoint = ready.endpoint;
    printer.note(&format!("a local AWS is at {endpoint}, with {online} online; Ctrl-C ends it"));
    if let Some(endpoint) = ready.tls_endpoint {
        printer.note(&format!("with TLS it is at {endpoint}"));
    }
    // Behind the notes: standard output is written beside them, and may come a little later.
    printer.data(&exports(ready.endpoint, keys))?;
    printer.event(&Event::Lab {
        endpoint: ready.endpoint,
        tls_endpoint: ready.tls_endpoint,
        region: ready.region,
        access_key_id: ready.access_key_id,
        secret_access_key: ready.secret_access_key,
        instances: ready.instances,
    })
}

/// The lines that point the AWS CLI, the SDKs and adit to the lab, in a shell that may have been
/// pointed elsewhere.
///
/// A session token that is left over, by either of its names, would be sent with the lab's keys;
/// an expiry would make them expired; a profile has some SDKs pass over the keys. To set these to
/// nothing is not enough: some SDKs send an empty token. The line is the first, so that whoever
/// reads up to the endpoint has it all.
fn exports(endpoint: &str, keys: &Credentials) -> String {
    format!(
        "unset AWS_SESSION_TOKEN AWS_SECURITY_TOKEN AWS_CREDENTIAL_EXPIRATION AWS_PROFILE\n\
         export AWS_ACCESS_KEY_ID={}\n\
         export AWS_SECRET_ACCESS_KEY={}\n\
         export AWS_REGION={region}\n\
         export AWS_DEFAULT_REGION={region}\n\
         export AWS_ENDPOINT_URL={endpoint}",
        keys.access_key_id,
        keys.secret_access_key,
        region = Lab::REGION,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exports_name_everything_that_the_aws_cli_reads() {
        let keys = Credentials {
            access_key_id: "AKIA".to_owned(),
            secret_access_key: "secret".to_owned(),
        };
        insta::assert_snapshot!(exports("http://127.0.0.1:1", &keys), @r"
        unset AWS_SESSION_TOKEN AWS_SECURITY_TOKEN AWS_CREDENTIAL_EXPIRATION AWS_PROFILE
        export AWS_ACCESS_KEY_ID=AKIA
        export AWS_SECRET_ACCESS_KEY=secret
        export AWS_REGION=us-east-1
        export AWS_DEFAULT_REGION=us-east-1
        export AWS_ENDPOINT_URL=http://127.0.0.1:1
        ");
    }
}
