//! Where codes of MFA devices come from: a flag, a command, a person.

use std::process::Stdio;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use adit_aws::{Code, CodeError, CodeRequest, CodeSource};
use futures_util::future::BoxFuture;
use tokio::process::Command;
use tokio::time::timeout;
use zeroize::Zeroizing;

use crate::cli::{MfaCode, MfaCommand, parse_mfa_code};
use crate::settings::Mfa;
use crate::ui::{Printer, prompt};

/// How long a command has for a code: somebody may have to unlock a password manager.
const COMMAND_LIMIT: Duration = Duration::from_mins(2);

/// The sources of this run: a code that was given goes first, and serves once.
#[derive(Debug)]
pub(crate) struct Codes {
    given: Mutex<Option<MfaCode>>,
    was_given: bool,
    command: Option<MfaCommand>,
    printer: Printer,
}

impl Codes {
    pub(crate) fn new(mfa: &Mfa, printer: Printer) -> Self {
        Self {
            given: Mutex::new(mfa.code.clone()),
            was_given: mfa.code.is_some(),
            command: mfa.command.clone(),
            printer,
        }
    }

    async fn get(&self, ask: &CodeRequest) -> Result<Code, CodeError> {
        let given = self.given.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(code) = given {
            one_device(ask)?;
            return Ok(Code { device: 0, code: code.into_inner() });
        }
        if let Some(command) = &self.command {
            one_device(ask)?;
            return Ok(Code { device: 0, code: printed_by(command).await? });
        }
        if self.printer.may_ask() {
            return self.asked(ask).await;
        }
        // With a code that was refused, the refusal says more than the lack of a terminal.
        Err(if self.was_given { CodeError::Used } else { CodeError::NoTerminal })
    }

    /// Asks the person at the terminal, who first picks the device where there are several.
    async fn asked(&self, ask: &CodeRequest) -> Result<Code, CodeError> {
        if let Some(complaint) = &ask.complaint {
            self.printer.warn(&format!("{complaint} (try {} of {})", ask.attempt, ask.of));
        }
        let device = match ask.devices.as_slice() {
            [_] => 0,
            several => {
                let names: Vec<String> =
                    several.iter().map(|device| device.name().to_owned()).collect();
                prompt::choose("MFA device", names)
                    .await
                    .map_err(failed)?
                    .ok_or(CodeError::Cancelled)?
            }
        };
        let name =
            ask.devices.get(device).map(|device| device.name().to_owned()).unwrap_or_default();
        loop {
            let question = format!("MFA code of {name}");
            let typed = prompt::secret(&question).await.map_err(failed)?;
            if typed.is_empty() {
                return Err(CodeError::Cancelled);
            }
            // What cannot be a code is not worth one of the tries that AWS counts.
            match parse_mfa_code(&typed) {
                Ok(code) => return Ok(Code { device, code: code.into_inner() }),
                Err(refusal) => self.printer.warn(&refusal),
            }
        }
    }
}

impl CodeSource for Codes {
    fn code<'a>(&'a self, ask: &'a CodeRequest) -> BoxFuture<'a, Result<Code, CodeError>> {
        Box::pin(self.get(ask))
    }

    fn attended(&self) -> bool {
        self.command.is_none()
    }

    fn is_ready(&self) -> bool {
        self.was_given || self.command.is_some() || self.printer.may_ask()
    }
}

/// A code without a person to ask does not say which device it is of, and a wrong guess uses it up.
fn one_device(ask: &CodeRequest) -> Result<(), CodeError> {
    let [_, _, ..] = ask.devices.as_slice() else { return Ok(()) };
    let serials: Vec<&str> = ask.devices.iter().map(|device| device.serial.as_str()).collect();
    Err(CodeError::Failed(format!(
        "it may be of one of several devices: name it with --mfa-serial, as {}",
        serials.join(" or ")
    )))
}

fn failed(failure: crate::failure::Failure) -> CodeError {
    CodeError::Failed(failure.message)
}

/// Runs the command, and takes the code that it prints. What it prints is in no message: it may be
/// a secret that is not a code.
async fn printed_by(MfaCommand(words): &MfaCommand) -> Result<Zeroizing<String>, CodeError> {
    let Some((program, arguments)) = words.split_first() else { return Err(CodeError::NoTerminal) };
    let failed = |why: String| CodeError::Failed(format!("the MFA command `{program}` {why}"));
    let running = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| failed(format!("cannot be run: {error}")))?;
    let output = timeout(COMMAND_LIMIT, running.wait_with_output())
        .await
        .map_err(|_| failed(format!("gave no code in {} s", COMMAND_LIMIT.as_secs())))?
        .map_err(|error| failed(format!("cannot be waited for: {error}")))?;
    let printed = Zeroizing::new(output.stdout);
    if !output.status.success() {
        return Err(failed(format!("failed ({})", output.status)));
    }
    let text = std::str::from_utf8(&printed).unwrap_or_default();
    let code = parse_mfa_code(text)
        .map_err(|refusal| failed(format!("printed something that is not a code: {refusal}")))?;
    Ok(code.into_inner())
}
