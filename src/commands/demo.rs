//! `adit demo`.
use crate::exit::Exit;
use crate::failure::Failure;
use crate::settings::DemoSettings;
use crate::signals::Signals;
use crate::ui::Printer;
pub(crate) async fn run(
    _s: DemoSettings,
    _signals: Signals,
    _printer: Printer,
) -> Result<Exit, Failure> {
    std::future::ready(()).await;
    Ok(Exit::Done)
}
