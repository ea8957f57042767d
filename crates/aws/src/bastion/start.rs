//! Starting a stopped bastion, and waiting until sessions can be had.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use aws_sdk_ec2::Client;
use aws_sdk_ec2::primitives::{DateTime, DateTimeFormat as Format};

use super::agent::last_online_ping;
use super::find::describe_one;
use super::progress::{Progress, Tell, Wait};
use super::{Bastion, State, diagnose};
use crate::error::{AwsError, AwsErrorKind, from_sdk};
use crate::load::Aws;
use crate::wait::{STATE_LIMIT, code, poll};

/// How long things usually take: what is told to those who wait.
const BOOT: Duration = Duration::from_secs(15);
const STOP: Duration = Duration::from_secs(45);
const AGENT: Duration = Duration::from_secs(40);

/// After this an agent is not slow, something is wrong. The first boot of the image takes a minute or
/// two; an agent that is refused at first, as its role is too new, would sleep for half an hour, but the
/// bastion starts it again each minute of its first ten.
const AGENT_LIMIT: Duration = Duration::from_mins(5);

/// The same for an instance that has been up for long: what its agent has not done by then, it hardly
/// does in the next minutes.
const LATE_AGENT_LIMIT: Duration = Duration::from_secs(30);

/// How long an instance is up until its agent is late for certain.
const SETTLED: Duration = Duration::from_mins(15);

/// Starts an instance and waits until its agent answers. One that runs is only waited for.
pub async fn start(
    aws: &Aws,
    id: &str,
    mut progress: impl FnMut(Progress) + Send,
) -> Result<(), AwsError> {
    let tell: Tell<'_> = &mut progress;
    let client = Client::new(&aws.sdk);
    let mut bastion = seen(aws, &client, id, tell).await?;
    if bastion.state == State::Stopping {
        bastion = leave_stopping(aws, &client, id, tell).await?;
    }
    match bastion.state {
        State::Stopped => start_stopped(aws, &client, id, tell).await?,
        State::ShuttingDown | State::Terminated => return Err(gone(&bastion)),
        State::Pending | State::Running | State::Stopping => {}
    }
    Box::pin(online(aws, &client, id, None, tell)).await
}

/// Waits until an instance runs and its agent has answered since: after its launch, and after it was
/// `heard` the last time.
pub(super) async fn online(
    aws: &Aws,
    client: &Client,
    id: &str,
    heard: Option<String>,
    tell: Tell<'_>,
) -> Result<(), AwsError> {
    let bastion = reach_running(aws, client, id, tell).await?;
    let wait = Wait::new(format!("the agent of {id} to answer"), AGENT);
    let check = || async {
        let ping = last_online_ping(aws, id).await?;
        Ok(ping.filter(|ping| *ping >= bastion.launched && Some(ping) != heard.as_ref()))
    };
    let limit = agent_limit(&bastion.launched, SystemTime::now());
    if poll(limit, check, || tell(wait.progress())).await?.is_some() {
        return Ok(());
    }
    let diagnosis = Box::pin(diagnose(aws, id)).await?;
    let mut error = AwsError::new(AwsErrorKind::TargetNotConnected, diagnosis.message);
    error.hints = diagnosis.hints;
    Err(error)
}

/// How long the agent of an instance that was launched then is waited for.
fn agent_limit(launched: &str, now: SystemTime) -> Duration {
    let launched = DateTime::from_str(launched, Format::DateTime).ok();
    let up = launched.and_then(|time| now.duration_since(SystemTime::try_from(time).ok()?).ok());
    if up.is_some_and(|up| up > SETTLED) { LATE_AGENT_LIMIT } else { AGENT_LIMIT }
}

/// Waits until an instance has stopped. Somebody else who waits for the same may be quicker to start it
/// again, so anything but stopping ends it.
async fn leave_stopping(
    aws: &Aws,
    client: &Client,
    id: &str,
    tell: Tell<'_>,
) -> Result<Bastion, AwsError> {
    let wait = Wait::new(format!("the bastion {id} to be stopped"), STOP);
    let check = || async {
        let bastion = describe_one(aws, client, id).await?;
        Ok(bastion.filter(|bastion| bastion.state != State::Stopping))
    };
    let left = poll(STATE_LIMIT, check, || tell(wait.progress())).await?;
    left.ok_or_else(|| stuck(id, "stop"))
}

/// Starts a stopped instance. Its own idle stop, or somebody else who starts it, may come between.
async fn start_stopped(
    aws: &Aws,
    client: &Client,
    id: &str,
    tell: Tell<'_>,
) -> Result<(), AwsError> {
    tell(Progress::Note { text: format!("starting the bastion {id}") });
    let wait = Wait::new(format!("the bastion {id} to be startable"), STOP);
    let attempt = || async {
        let answer = client.start_instances().instance_ids(id).send().await;
        match answer.map_err(|error| from_sdk("StartInstances", &aws.place(), &error)) {
            Ok(_) => Ok(Some(())),
            Err(error) if is_between_states(&error) => match describe_one(aws, client, id).await? {
                Some(now) if matches!(now.state, State::Pending | State::Running) => Ok(Some(())),
                Some(now) if !now.state.is_usable() => Err(gone(&now)),
                _ => Ok(None),
            },
            Err(error) => Err(explain(error)),
        }
    };
    let started = poll(STATE_LIMIT, attempt, || tell(wait.progress())).await?;
    started.ok_or_else(|| stuck(id, "be started"))
}

fn is_between_states(error: &AwsError) -> bool {
    matches!(code(error), "IncorrectInstanceState" | "IncorrectState")
}

fn explain(error: AwsError) -> AwsError {
    match code(&error) {
        "InsufficientInstanceCapacity" => error
            .hint("the zone has no machine of this type left: try again in some minutes")
            .hint("or make a bastion elsewhere: `adit cleanup`, then `adit init --subnet …`"),
        "UnsupportedOperation" => {
            error.hint("has its volume been removed? `adit cleanup` and `adit init` make a new one")
        }
        _ => error,
    }
}

/// The instance, which may be too new to be seen.
async fn seen(aws: &Aws, client: &Client, id: &str, tell: Tell<'_>) -> Result<Bastion, AwsError> {
    // One look for those that are there for long; more only for what was made just now.
    if let Some(bastion) = describe_one(aws, client, id).await? {
        return Ok(bastion);
    }
    let wait = Wait::new(format!("the bastion {id} to be seen"), Duration::from_secs(5));
    let limit = Duration::from_secs(30);
    let found = poll(limit, || describe_one(aws, client, id), || tell(wait.progress())).await?;
    found.ok_or_else(|| {
        AwsError::new(
            AwsErrorKind::InvalidTarget,
            format!("there is no instance {id} {}", aws.place()),
        )
        .hint("`adit init` makes a bastion; --region may be another's")
    })
}

/// Waits until an instance runs.
async fn reach_running(
    aws: &Aws,
    client: &Client,
    id: &str,
    tell: Tell<'_>,
) -> Result<Bastion, AwsError> {
    let wait = Wait::new(format!("the bastion {id} to run"), BOOT);
    // What was just started may still be seen as stopped; what stops on its way to run stays so.
    let was_pending = AtomicBool::new(false);
    let check = || async {
        let Some(bastion) = describe_one(aws, client, id).await? else { return Ok(None) };
        match bastion.state {
            State::Running => return Ok(Some(bastion)),
            now if !now.is_usable() => return Err(gone(&bastion)),
            State::Stopped if was_pending.load(Ordering::Relaxed) => {
                return Err(stuck(id, "run, but stopped again"));
            }
            State::Pending => was_pending.store(true, Ordering::Relaxed),
            _ => {}
        }
        Ok(None)
    };
    let reached = poll(STATE_LIMIT, check, || tell(wait.progress())).await?;
    reached.ok_or_else(|| stuck(id, "run"))
}

/// What is said of an instance that is gone, or nearly. A launch that fails ends so, and says why.
/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/troubleshooting-launch.html>
fn gone(bastion: &Bastion) -> AwsError {
    let mut message = format!("the bastion {} is {}", bastion.id, bastion.state.as_str());
    let reason = bastion.state_reason.as_deref().unwrap_or_default();
    if !reason.is_empty() {
        message = format!("{message}: {reason}");
    }
    let mut error = AwsError::new(AwsErrorKind::TargetNotConnected, message);
    if reason.starts_with("Client.InternalError") || reason.starts_with("Client.InvalidKMSKey") {
        error = error.hint(
            "the key that volumes are encrypted with by default may refuse: its policy has to allow the caller kms:CreateGrant, kms:Decrypt, kms:DescribeKey and kms:GenerateDataKeyWithoutPlaintext",
        );
    }
    if reason.starts_with("Client.VolumeLimitExceeded") {
        error = error.hint("the account's quota of volumes is used up: Service Quotas raises it");
    }
    error.hint("`adit init` makes a new one")
}

fn stuck(id: &str, verb: &str) -> AwsError {
    AwsError::new(AwsErrorKind::TargetNotConnected, format!("the bastion {id} did not {verb}"))
        .hint(format!("aws ec2 describe-instances --instance-ids {id} says why in StateReason"))
}

#[cfg(test)]
mod tests;
