//! Whether what was shown is done.

use super::watch::stopped;
use crate::exit::Exit;
use crate::failure::{Failure, Kind};
use crate::settings::Consent;
use crate::signals::Signals;
use crate::ui::{Printer, prompt};

/// Asks, where that is wanted and possible; an exit when it is not to be done.
pub(crate) async fn consent(
    consent: Consent,
    question: &str,
    command: &str,
    signals: &mut Signals,
    printer: Printer,
) -> Result<Option<Exit>, Failure> {
    match consent {
        Consent::Plan => {
            told_the_plan(printer);
            return Ok(Some(Exit::Done));
        }
        Consent::Given => return Ok(None),
        Consent::Ask => {}
    }
    if !printer.may_ask() {
        return Err(nobody_to_ask("the plan waits for a yes").hint(format!(
            "`{command} --yes` does it without asking, `{command} --plan` only shows it"
        )));
    }
    Ok(match prompt::confirm(question, signals).await? {
        Ok(true) => None,
        Ok(false) => {
            printer.note("nothing was changed");
            Some(Exit::Done)
        }
        Err(stop) => {
            printer.note("nothing was changed");
            Some(stopped(stop, printer))
        }
    })
}

/// Says that what was shown is all that was wanted.
pub(crate) fn told_the_plan(printer: Printer) {
    printer.note("this is the plan alone; nothing was changed");
}

/// An answer is needed where nobody can give one.
pub(crate) fn nobody_to_ask(what: &str) -> Failure {
    Failure::new(Kind::Input, format!("{what}, and there is nobody to ask here"))
}
