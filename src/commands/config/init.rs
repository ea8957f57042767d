//! `adit config init`: adds a connection to adit.toml.

use std::path::PathBuf;

use adit_aws::targets::{Selector, TargetSpec};
use adit_config::edit::{Edit, write};
use adit_config::file::{Connection, ConnectionTarget, Defaults, LocalPort as PortText, Settings};
use adit_config::{Config, FILE_NAME, Problems, locate};

use crate::cli::{Given, LocalPort};
use crate::commands::access;
use crate::commands::choose;
use crate::commands::watch::{Ending, during};
use crate::exit::Exit;
use crate::failure::{Failure, Kind};
use crate::settings::ConfigInitSettings;
use crate::settings::team::of_problems;
use crate::signals::Signals;
use crate::ui::{Printer, prompt};

pub(super) async fn run(
    settings: ConfigInitSettings,
    given: Given,
    mut signals: Signals,
    printer: Printer,
) -> Result<Exit, Failure> {
    match Box::pin(add(settings, &given, &mut signals, printer)).await {
        Ok(exit) => Ok(exit),
        Err(Ending::Ok(stop)) => {
            printer.parting("nothing was changed");
            Ok(stop.into())
        }
        Err(Ending::Err(failure)) => Err(failure),
    }
}

async fn add(
    settings: ConfigInitSettings,
    given: &Given,
    signals: &mut Signals,
    printer: Printer,
) -> Result<Exit, Ending> {
    let fault = |problems: Problems| -> Ending { Err(of_problems(&problems)) };
    let files = &settings.files;
    // An editor of a file has to be able to read it: what is wrong is told before anybody is asked.
    let config = files.read(&|name| std::env::var(name).ok()).map_err(fault)?;
    let found = locate(&files.start, files.home.as_deref(), files.explicit.as_deref());
    let found = found.map_err(fault)?;
    let path = found.clone().unwrap_or_else(|| PathBuf::from(FILE_NAME));
    let text = found.map(fs_err::read_to_string).transpose();
    let text = text.map_err(|error| Err(Failure::new(Kind::Config, error.to_string())))?;
    let is_new = text.is_none();

    let spec = match settings.target.clone() {
        Some(spec) => spec,
        None => pick(&settings, given, signals, printer).await?,
    };
    let name = name(&settings, &config, &spec, signals, printer).await?;
    if config.names().contains(&name) && !settings.force {
        return Err(Err(Failure::new(
            Kind::Config,
            format!("there is a connection {name} already"),
        )
        .hint("pass another --name, or --force to replace it")));
    }
    let mut edit = Edit::shared(&path, text.as_deref()).map_err(fault)?;
    if is_new && (settings.profile.is_some() || settings.region.is_some()) {
        let defaults = Defaults {
            settings: Settings {
                profile: settings.profile.clone(),
                region: settings.region.clone(),
                ..Settings::default()
            },
        };
        edit.set_defaults(&defaults).map_err(fault)?;
    }
    let connection = Connection {
        target: ConnectionTarget::Text(spec.to_string()),
        local_port: settings.local_port.as_ref().map(port),
        settings: Settings::default(),
    };
    edit.set_connection(&name, &connection).map_err(fault)?;
    let text = edit.text().map_err(fault)?;
    write(&path, &text).map_err(|error| Err(Failure::new(Kind::Config, error.to_string())))?;
    let done = if is_new { "made" } else { "changed" };
    printer.note(&format!("{done} {}: `adit connect {name}` leads to {spec}", path.display()));
    Ok(Exit::Done)
}

async fn pick(
    settings: &ConfigInitSettings,
    given: &Given,
    signals: &mut Signals,
    printer: Printer,
) -> Result<TargetSpec, Ending> {
    choose::is_possible("config init", given, printer).map_err(Err)?;
    let aws = during(signals, printer, access::load(&settings.access, printer)).await?;
    Ok(choose::target(&aws, "Add a connection to", signals, printer).await?.spec)
}

/// The name that is given, or what a person types, or the target's own.
async fn name(
    settings: &ConfigInitSettings,
    config: &Config,
    spec: &TargetSpec,
    signals: &mut Signals,
    printer: Printer,
) -> Result<String, Ending> {
    if let Some(name) = &settings.name {
        return Ok(name.clone());
    }
    let usual = usual_name(spec);
    let is_taken = config.names().contains(&usual) && !settings.force;
    if !printer.may_ask() || (settings.target.is_some() && !is_taken) {
        return Ok(usual);
    }
    let asking = async { prompt::text_or("Name of the connection", usual).await };
    during(signals, printer, asking).await
}

/// The id as a name: what a name cannot have becomes a dash.
fn usual_name(spec: &TargetSpec) -> String {
    let id = match &spec.select {
        Selector::Id(id) => id.rsplit([':', '/']).next().unwrap_or(id).to_owned(),
        _ => spec.kind.to_string(),
    };
    let letter = |c: char| {
        if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '-' }
    };
    let name: String = id.chars().map(letter).take(64).collect();
    let name = name.trim_start_matches(['.', '_', '-']);
    if name.is_empty() { spec.kind.to_string() } else { name.to_owned() }
}

fn port(port: &LocalPort) -> PortText {
    match port {
        LocalPort::Fixed(port) => PortText::Number(*port),
        LocalPort::Auto => PortText::Text("auto".to_owned()),
        LocalPort::Range(ports) => PortText::Text(format!("{}-{}", ports.start(), ports.end())),
    }
}
