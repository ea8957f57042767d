//! From the user's settings to AWS.

use std::sync::Arc;

use adit_aws::{Aws, AwsErrorKind, AwsOptions, CodeSource, Notice, Notices, ProxyUse};

use super::codes::Codes;
use super::login;
use crate::dumps;
use crate::failure::Failure;
use crate::settings::Access;
use crate::ui::{Event, Printer, prompt};

/// Resolves region, credentials and endpoint, and gets the credentials: a person may be asked for a
/// code on the way, or to sign in.
pub(crate) async fn load(access: &Access, printer: Printer) -> Result<Aws, Failure> {
    let error = match Box::pin(adit_aws::load(options(access, printer))).await {
        Ok(aws) => return Ok(aws),
        Err(error) => error,
    };
    let AwsErrorKind::SignInNeeded { .. } = &error.kind else { return Err(error.into()) };
    if !printer.may_ask() || !prompt::yes(&format!("{}; sign in now?", error.message)).await? {
        return Err(error.into());
    }
    login::sign_in(access, printer).await?;
    Ok(Box::pin(adit_aws::load(options(access, printer))).await?)
}

/// What the user says, in the terms of the AWS side. Secrets come next, so there are no core dumps
/// from here on.
pub(super) fn options(access: &Access, printer: Printer) -> AwsOptions {
    dumps::off();
    let codes: Arc<dyn CodeSource> = Arc::new(Codes::new(&access.mfa, printer));
    AwsOptions {
        profile: access.profile.clone(),
        region: access.region.clone(),
        endpoint_url: access.endpoint_url.clone(),
        ca_bundles: access.ca_bundle.iter().cloned().collect(),
        proxy: ProxyUse::Environment,
        credentials: None,
        clock: access.world.clock.clone(),
        mfa_serial: access.mfa.serial.clone(),
        codes: Some(codes),
        role: access.role.clone(),
        demands: access.demands.clone(),
        notices: Notices::new(move |notice| tell(&notice, printer)),
    }
}

/// Says what is waited for. Where standard output fails, [`Printer::broken`] tells.
fn tell(notice: &Notice, printer: Printer) {
    let text = notice.to_string();
    match notice {
        Notice::StoreUnusable { .. } => {
            printer.warn(&text);
            drop(printer.event(&Event::warning(&text)));
        }
        _ => printer.note(&text),
    }
}

/// The account in an ARN.
pub(crate) fn account(arn: &str) -> &str {
    arn.split(':').nth(4).unwrap_or_default()
}
