//! `adit lab`: a local AWS until Ctrl-C.

use std::io::Write;
use std::path::{Path, PathBuf};

use adit_lab::{Credentials, Lab};
use serde::Serialize;

use crate::exit::Exit;
use crate::failure::{Failure, Kind};
use crate::settings::LabSettings;
use crate::signals::Signals;
use crate::ui::{Event, Printer};

pub(crate) async fn run(
    settings: LabSettings,
    mut signals: Signals,
    printer: Printer,
) -> Result<Exit, Failure> {
    let instances = settings.config.instances.clone();
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
    announce(&ready, lab.credentials(), printer)?;
    // The file says that all of it works, so it comes last.
    let ready_file = settings.ready_file.map(|path| ReadyFile::write(path, &ready)).transpose()?;

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
    printer.data(&exports(ready.endpoint, keys))?;
    printer.event(&Event::Lab {
        endpoint: ready.endpoint,
        tls_endpoint: ready.tls_endpoint,
        region: ready.region,
        access_key_id: ready.access_key_id,
        secret_access_key: ready.secret_access_key,
        instances: ready.instances,
    })?;
    let online = match ready.instances {
        [] => "no instance".to_owned(),
        some => some.join(", "),
    };
    let endpoint = ready.endpoint;
    printer.note(&format!("a local AWS is at {endpoint}, with {online} online; Ctrl-C ends it"));
    if let Some(endpoint) = ready.tls_endpoint {
        printer.note(&format!("with TLS it is at {endpoint}"));
    }
    Ok(())
}

/// The lines that point the AWS CLI, the SDKs and adit to the lab.
fn exports(endpoint: &str, keys: &Credentials) -> String {
    format!(
        "export AWS_ACCESS_KEY_ID={}\n\
         export AWS_SECRET_ACCESS_KEY={}\n\
         export AWS_REGION={region}\n\
         export AWS_DEFAULT_REGION={region}\n\
         export AWS_ENDPOINT_URL={endpoint}",
        keys.access_key_id,
        keys.secret_access_key,
        region = Lab::REGION,
    )
}

/// The file that tells programs that the lab is up; it goes with the lab.
struct ReadyFile(PathBuf);

impl ReadyFile {
    /// Writes it at once and whole, for the user's eyes only.
    fn write(path: PathBuf, ready: &Ready<'_>) -> Result<Self, Failure> {
        let fault = |error: &dyn std::fmt::Display| {
            let name = path.display();
            Failure::new(Kind::Config, format!("cannot write the ready file {name}: {error}"))
        };
        let text = serde_json::to_string_pretty(ready).map_err(|error| fault(&error))?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let mut file = tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))
            .map_err(|error| fault(&error))?;
        writeln!(file, "{text}").map_err(|error| fault(&error))?;
        file.persist(&path).map_err(|error| fault(&error))?;
        Ok(Self(path))
    }
}

impl Drop for ReadyFile {
    fn drop(&mut self) {
        if let Err(error) = fs_err::remove_file(&self.0) {
            tracing::debug!(%error, "cannot remove the ready file");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const READY: Ready<'static> = Ready {
        endpoint: "http://127.0.0.1:1",
        tls_endpoint: None,
        region: "us-east-1",
        access_key_id: "AKIA",
        secret_access_key: "secret",
        instances: &[],
    };

    #[test]
    fn the_ready_file_is_whole_private_and_goes_with_the_lab() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ready");
        let file = ReadyFile::write(path.clone(), &READY).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["endpoint"], "http://127.0.0.1:1");
        assert_eq!(value["tls_endpoint"], serde_json::Value::Null);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        drop(file);
        assert!(!path.exists());
    }

    #[test]
    fn a_ready_file_that_cannot_be_written_is_named() {
        let path = PathBuf::from("/nonexistent/ready");
        let failure = ReadyFile::write(path, &READY).err().unwrap();
        assert!(failure.message.contains("/nonexistent/ready"), "{}", failure.message);
    }

    #[test]
    fn exports_name_everything_that_the_aws_cli_reads() {
        let keys = Credentials {
            access_key_id: "AKIA".to_owned(),
            secret_access_key: "secret".to_owned(),
        };
        insta::assert_snapshot!(exports("http://127.0.0.1:1", &keys), @r"
        export AWS_ACCESS_KEY_ID=AKIA
        export AWS_SECRET_ACCESS_KEY=secret
        export AWS_REGION=us-east-1
        export AWS_DEFAULT_REGION=us-east-1
        export AWS_ENDPOINT_URL=http://127.0.0.1:1
        ");
    }
}
