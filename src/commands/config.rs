//! `adit config`: the file of a team, and one's own.

mod check;
mod explain;
mod import;
mod init;

use crate::cli::Given;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::settings::ConfigSettings;
use crate::signals::Signals;
use crate::ui::Printer;

pub(crate) async fn run(
    settings: ConfigSettings,
    given: Given,
    signals: Signals,
    printer: Printer,
) -> Result<Exit, Failure> {
    match settings {
        ConfigSettings::Check(files) => check::run(&files, printer),
        ConfigSettings::Explain { key, files } => explain::run(key.as_deref(), &files, printer),
        ConfigSettings::Schema => {
            printer.data(&format!("{:#}", adit_config::schema()))?;
            Ok(Exit::Done)
        }
        ConfigSettings::Import { file, write } => import::run(file, write, printer),
        ConfigSettings::Init(settings) => {
            Box::pin(init::run(*settings, given, signals, printer)).await
        }
    }
}
