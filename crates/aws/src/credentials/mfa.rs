//! Codes of multi-factor devices: who is asked, and how often.

use std::fmt;
use std::future::Future;
use std::time::{Duration, SystemTime};

use futures_util::future::BoxFuture;
use zeroize::Zeroizing;

use super::origin::Origin;
use super::role::Proof;
use super::sts::Refusal;
use crate::clock::Clock;
use crate::error::{AwsError, AwsErrorKind};
use crate::notices::{Notice, Notices};

/// How many codes are asked for before adit gives up.
const TRIES: u8 = 3;

/// How often the next code of a program is waited for.
const WAITS: u8 = 2;

/// How long a device shows a code, in seconds.
const STEP_S: u64 = 30;

/// Who gives codes: a prompt, a flag, a program.
pub trait CodeSource: fmt::Debug + Send + Sync {
    /// Gives a code for one of the devices.
    fn code<'a>(&'a self, ask: &'a CodeRequest) -> BoxFuture<'a, Result<Code, CodeError>>;

    /// Whether a person answers, who may be away when credentials are renewed.
    fn attended(&self) -> bool {
        true
    }

    /// Whether there is any hope of a code: who cannot give one does not wait for others to.
    fn is_ready(&self) -> bool {
        true
    }
}

/// What a code is asked with.
#[derive(Debug, Clone)]
pub struct CodeRequest {
    /// The devices it may come from; at least one.
    pub devices: Vec<Device>,
    /// The number of this try, from 1.
    pub attempt: u8,
    /// How many tries there are.
    pub of: u8,
    /// Why the last code did not do.
    pub complaint: Option<String>,
}

/// A multi-factor device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Its ARN, or the number of a hardware device.
    pub serial: String,
    /// Where it is named.
    pub origin: Origin,
}

impl Device {
    /// The name a person knows it by.
    pub fn name(&self) -> &str {
        self.serial.rsplit('/').next().unwrap_or(&self.serial)
    }
}

/// A code, and which of the devices it is of.
pub struct Code {
    /// The index of the device in [`CodeRequest::devices`].
    pub device: usize,
    /// The digits.
    pub code: Zeroizing<String>,
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Code").field("device", &self.device).finish_non_exhaustive()
    }
}

/// Why there is no code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodeError {
    /// Nobody can be asked.
    #[error("there is no terminal to ask for a code")]
    NoTerminal,
    /// The person ended the question.
    #[error("the question was ended")]
    Cancelled,
    /// The source has no further code.
    #[error("there is no further code")]
    Used,
    /// The source failed.
    #[error("{0}")]
    Failed(String),
}

/// The pace of devices, and who is told that it is waited for.
#[derive(Clone, Copy)]
pub(crate) struct Pace<'a> {
    pub(crate) clock: &'a Clock,
    pub(crate) notices: &'a Notices,
}

impl Pace<'_> {
    /// Waits until the devices show another code: they do at each half minute of the time.
    /// <https://www.rfc-editor.org/rfc/rfc6238#section-4>
    async fn until_the_next_code(self) {
        self.notices.tell(Notice::NextCode);
        let now = self.clock.now();
        let since = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let left = STEP_S - since.as_secs() % STEP_S;
        self.clock.sleep_until(now + Duration::from_secs(left)).await;
    }
}

/// Asks for codes and tries each, until one does.
pub(crate) async fn prove<T, F, Fut>(
    codes: Option<&dyn CodeSource>,
    pace: Pace<'_>,
    devices: Vec<Device>,
    mut use_code: F,
) -> Result<T, AwsError>
where
    F: FnMut(Device, Zeroizing<String>) -> Fut,
    Fut: Future<Output = Result<T, Refusal>>,
{
    let mut request = CodeRequest { devices, attempt: 1, of: TRIES, complaint: None };
    let mut refused: Option<AwsError> = None;
    let mut tried: Vec<Zeroizing<String>> = Vec::new();
    let mut waited = 0;
    loop {
        let Some(source) = codes else { return Err(needed(&request)) };
        let code = match source.code(&request).await {
            Ok(code) => code,
            Err(CodeError::NoTerminal) => return Err(needed(&request)),
            Err(CodeError::Used) => return Err(refused.unwrap_or_else(|| needed(&request))),
            Err(CodeError::Cancelled) => {
                return Err(AwsError::new(AwsErrorKind::Cancelled, "no MFA code was given"));
            }
            Err(CodeError::Failed(what)) => {
                return Err(AwsError::new(
                    AwsErrorKind::CodeFailed,
                    format!("no MFA code could be got: {what}"),
                ));
            }
        };
        let digits = Zeroizing::new(code.code.trim().to_owned());
        let is_old = tried.contains(&digits);
        if is_old && !source.attended() && waited < WAITS {
            // A program shows what a device shows: until the next code it is the same.
            waited += 1;
            pace.until_the_next_code().await;
            continue;
        }
        if is_old && !source.attended() {
            return Err(AwsError::new(
                AwsErrorKind::CodeFailed,
                "the program gives the same MFA code again, and it was refused",
            )
            .hint("check of which device its codes are, and its clock"));
        }
        let complaint = complaint_about(&digits, is_old);
        let complaint = if let Some(complaint) = complaint {
            AwsError::new(AwsErrorKind::CodeFailed, complaint)
                .hint("each code works once; wait for the next one, which comes within 30 seconds")
        } else {
            let device = request.devices.get(code.device).or(request.devices.first());
            let Some(device) = device.cloned() else { return Err(needed(&request)) };
            tried.push(digits.clone());
            match use_code(device, digits).await {
                Ok(value) => return Ok(value),
                Err(Refusal::Code(error)) => error,
                Err(other) => return Err(other.into_error()),
            }
        };
        if request.attempt >= TRIES {
            let mut last = complaint;
            last.message = format!("{TRIES} codes were refused: {}", last.message);
            return Err(last);
        }
        request.attempt += 1;
        request.complaint = Some(complaint.message.clone());
        refused = Some(complaint);
    }
}

/// What is wrong with a code before the service sees it.
fn complaint_about(code: &str, is_old: bool) -> Option<String> {
    if code.len() != 6 || !code.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some("an MFA code is six digits".to_owned());
    }
    is_old.then(|| "that code was tried already; wait for the next one".to_owned())
}

/// A code is needed and nobody can give one.
pub(crate) fn needed(request: &CodeRequest) -> AwsError {
    let names: Vec<&str> = request.devices.iter().map(Device::name).collect();
    AwsError::new(
        AwsErrorKind::CodeNeeded,
        format!("an MFA code of {} is needed, and there is nobody to ask", names.join(" or ")),
    )
    .hint("run `adit whoami` with the same flags in a terminal: one code does for half a day")
    .hint("or pass --mfa-code (ADIT_MFA_CODE), or --mfa-command with a program that prints a code")
}

/// A code as a call takes it.
pub(crate) fn proof<'a>(device: &'a Device, code: &'a str) -> Proof<'a> {
    Proof { serial: &device.serial, code }
}

#[cfg(test)]
pub(crate) mod tests;
