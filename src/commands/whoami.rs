//! `adit whoami`: who commands act as, and where that comes from.

use std::time::{Duration, SystemTime};

use adit_aws::{MfaState, Renewal, Sourced, Whoami};

use super::access;
use super::watch::during;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::settings::WhoamiSettings;
use crate::signals::Signals;
use crate::ui::{CredentialStep, Event, Printer, long_span, moment};

pub(crate) async fn run(
    settings: WhoamiSettings,
    mut signals: Signals,
    printer: Printer,
) -> Result<Exit, Failure> {
    let asking = async {
        let aws = access::load(&settings.access, printer).await?;
        Ok((aws.whoami().await?, aws.clock().now()))
    };
    let (whoami, now) = match during(&mut signals, printer, asking).await {
        Ok(asked) => asked,
        Err(ending) => return ending.map(Exit::from),
    };
    print(&whoami, printer)?;
    for line in lines(&whoami, now) {
        printer.line(&line)?;
    }
    Ok(Exit::Done)
}

/// What a person reads: a name and a value a line.
fn lines(whoami: &Whoami, now: SystemTime) -> Vec<String> {
    let line = |name: &str, value: &str| format!("{name:<9} {value}").trim_end().to_owned();
    let mut lines = vec![
        line("account", &whoami.account),
        line("as", &whoami.arn),
        line("kind", &whoami.kind.to_string()),
    ];
    for (index, step) in whoami.steps.iter().enumerate() {
        let name = if index == 0 { "from" } else { "" };
        let held = step.held.as_ref().map(|place| format!(", from {place}")).unwrap_or_default();
        lines.push(line(name, &format!("{} ({}{held})", step.what, step.origin)));
    }
    lines.push(line("mfa", &mfa(&whoami.mfa, now)));
    lines.push(line("expires", &expiry(whoami, now)));
    lines.push(line("region", &sourced(&whoami.region)));
    if let Some(profile) = &whoami.profile {
        lines.push(line("profile", &sourced(profile)));
    }
    if let Some(url) = &whoami.endpoint_url {
        lines.push(line("endpoint", &sourced(url)));
    }
    lines
}

fn sourced(value: &Sourced<String>) -> String {
    format!("{} ({})", value.value, value.origin)
}

fn mfa(state: &MfaState, now: SystemTime) -> String {
    match (state, state.age(now)) {
        (MfaState::Yes { .. }, Some(age)) => format!("yes, {} ago", long_span(age)),
        (MfaState::Yes { .. }, None) => "yes, nobody knows since when".to_owned(),
        (MfaState::No, _) => "no".to_owned(),
        _ => "not known".to_owned(),
    }
}

fn expiry(whoami: &Whoami, now: SystemTime) -> String {
    let Some(expires) = whoami.expires else {
        return if whoami.temporary { "not known" } else { "never" }.to_owned();
    };
    let left = expires.duration_since(now).unwrap_or(Duration::ZERO);
    let renewal = match &whoami.renewal {
        Renewal::Yes => "renewed before that".to_owned(),
        Renewal::No(reason) => format!("not renewed: {reason}"),
    };
    format!("{}, in {}; {renewal}", moment(expires), long_span(left))
}

fn print(whoami: &Whoami, printer: Printer) -> Result<(), Failure> {
    let origins: Vec<String> = whoami.steps.iter().map(|step| step.origin.to_string()).collect();
    let steps: Vec<CredentialStep<'_>> = whoami
        .steps
        .iter()
        .zip(&origins)
        .map(|(step, origin)| CredentialStep {
            what: &step.what,
            origin,
            held: step.held.as_deref(),
        })
        .collect();
    let (mfa, mfa_at) = match whoami.mfa {
        MfaState::Yes { at } => (Some(true), at.map(moment)),
        MfaState::No => (Some(false), None),
        MfaState::Unknown => (None, None),
    };
    printer.event(&Event::Identity {
        account: &whoami.account,
        arn: &whoami.arn,
        kind: &whoami.kind.to_string(),
        steps: &steps,
        mfa,
        mfa_at: mfa_at.as_deref(),
        expires: whoami.expires.map(moment).as_deref(),
        renewable: matches!(whoami.renewal, Renewal::Yes),
        region: &whoami.region.value,
        region_origin: &whoami.region.origin.to_string(),
        profile: whoami.profile.as_ref().map(|profile| profile.value.as_str()),
        endpoint_url: whoami.endpoint_url.as_ref().map(|url| url.value.as_str()),
    })
}
