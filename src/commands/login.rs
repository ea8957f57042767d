//! `adit login`: signs in to an SSO session.

use std::process::{Command, Stdio};

use adit_aws::{SignedIn, Verification};

use super::access;
use super::watch::during;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::settings::{Access, LoginSettings};
use crate::signals::Signals;
use crate::ui::{Event, Printer, moment};

pub(crate) async fn run(
    settings: LoginSettings,
    mut signals: Signals,
    printer: Printer,
) -> Result<Exit, Failure> {
    let signing_in = sign_in(&settings.access, printer);
    match during(&mut signals, printer, signing_in).await {
        Ok(signed_in) => {
            let expires = moment(signed_in.expires);
            printer
                .event(&Event::SignedIn { start_url: &signed_in.start_url, expires: &expires })?;
            Ok(Exit::Done)
        }
        Err(ending) => ending.map(Exit::from),
    }
}

/// Shows where to sign in, and waits until somebody has.
pub(super) async fn sign_in(access: &Access, printer: Printer) -> Result<SignedIn, Failure> {
    let show = |verification: &Verification| show(verification, access.browser, printer);
    let options = access::options(access, printer);
    let signed_in = Box::pin(adit_aws::sign_in(options, show)).await?;
    printer.note(&format!("signed in until {}", moment(signed_in.expires)));
    Ok(signed_in)
}

fn show(verification: &Verification, browser: bool, printer: Printer) {
    let Verification { url, url_with_code, code, .. } = verification;
    let complete = url_with_code.as_deref().unwrap_or(url);
    drop(printer.event(&Event::SignIn { url: complete, code }));
    printer.instruct(&match url_with_code {
        Some(complete) => {
            format!("to sign in, open {complete} and check that it shows the code {code}")
        }
        None => format!("to sign in, open {url} and give it the code {code}"),
    });
    if browser && open(complete) {
        printer.note("a browser has been asked to open it");
    }
}

/// Asks the system to open an address; whether that works out, nobody says.
fn open(url: &str) -> bool {
    // What came from the network is given to a program only when it is an address.
    if !url.starts_with("https://") && !url.starts_with("http://127.0.0.1") {
        return false;
    }
    let opener = if cfg!(target_os = "macos") {
        "open"
    } else if cfg!(windows) {
        "explorer"
    } else {
        "xdg-open"
    };
    let quiet = Stdio::null;
    Command::new(opener).arg(url).stdin(quiet()).stdout(quiet()).stderr(quiet()).spawn().is_ok()
}
