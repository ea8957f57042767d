//! Waiting for AWS: for what was made to be seen, and for states to come about.

use std::future::Future;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};

use crate::error::{AwsError, AwsErrorKind};

#[cfg(not(test))]
use tokio::time::sleep;

/// In tests no time passes; the pauses are still counted against the limit.
#[cfg(test)]
async fn sleep(_: Duration) {
    tokio::task::yield_now().await;
}

/// How long something new may stay unseen by other calls and other services. Mostly it is seconds;
/// EC2 has needed a minute to see an instance profile.
/// <https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html>
pub(crate) const CONSISTENCY: Duration = Duration::from_mins(2);

/// How long an instance or an endpoint may take from one state to the next before something is wrong.
pub(crate) const STATE_LIMIT: Duration = Duration::from_mins(10);

/// How waiting goes on: quickly at first, as most things take a second; then slower, so that many
/// who wait do not use up the account's rate of calls. Jitter keeps them from calling together, and
/// up to doubles each pause.
fn pace(limit: Duration) -> ExponentialBuilder {
    ExponentialBuilder::new()
        .with_min_delay(Duration::from_millis(200))
        .with_factor(1.6)
        .with_max_delay(Duration::from_secs(3))
        .without_max_times()
        .with_total_delay(Some(limit))
        .with_jitter()
}

/// Makes a call again while its error says that it came too early, for as long as `limit`; so also
/// when the service asks for fewer calls and the SDK has given up.
pub(crate) async fn retry<T, F, Fut>(
    limit: Duration,
    call: F,
    mut is_early: impl FnMut(&AwsError) -> bool,
) -> Result<T, AwsError>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, AwsError>>,
{
    let again = |error: &AwsError| is_early(error) || error.kind == AwsErrorKind::Throttled;
    call.retry(pace(limit)).sleep(sleep).when(again).await
}

/// Asks until the answer is there, or until `limit` is over: then `None`. `waiting` is called before
/// each pause. A fault that passes is waited out as well.
pub(crate) async fn poll<T, F, Fut>(
    limit: Duration,
    mut check: F,
    mut waiting: impl FnMut(),
) -> Result<Option<T>, AwsError>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<Option<T>, AwsError>>,
{
    let ask = || {
        let answer = check();
        async {
            match answer.await {
                Ok(Some(value)) => Ok(value),
                Ok(None) => Err(None),
                Err(error) => Err(Some(error)),
            }
        }
    };
    let is_pending = |error: &Option<AwsError>| error.as_ref().is_none_or(AwsError::is_transient);
    match ask.retry(pace(limit)).sleep(sleep).when(is_pending).notify(|_, _| waiting()).await {
        Ok(value) => Ok(Some(value)),
        Err(None) => Ok(None),
        Err(Some(error)) => Err(error),
    }
}

/// The service's code of an error that adit has no word for; else nothing.
pub(crate) fn code(error: &AwsError) -> &str {
    match &error.kind {
        AwsErrorKind::Service { code } => code,
        _ => "",
    }
}

/// For calls that are never too early: they are made again only when the service asks for fewer.
pub(crate) fn never(_: &AwsError) -> bool {
    false
}

/// Whether the error says that a resource is not there, which it may be for others already.
pub(crate) fn is_unseen(error: &AwsError) -> bool {
    let code = code(error);
    code == "NoSuchEntity" || code.ends_with(".NotFound")
}

/// Whether the error says that a security group is not there, which it may be for others already.
pub(crate) fn is_group_unseen(error: &AwsError) -> bool {
    let code = code(error);
    (code.starts_with("InvalidGroup") || code.starts_with("InvalidSecurityGroup"))
        && code.ends_with(".NotFound")
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn error(code: &str) -> AwsError {
        AwsError::new(AwsErrorKind::Service { code: code.to_owned() }, "no")
    }

    #[tokio::test]
    async fn what_is_not_seen_yet_is_asked_for_again() {
        let calls = Cell::new(0);
        let call = || async {
            calls.set(calls.get() + 1);
            if calls.get() < 5 { Err(error("InvalidGroup.NotFound")) } else { Ok("seen") }
        };
        assert_eq!(retry(CONSISTENCY, call, is_unseen).await.unwrap(), "seen");
        assert_eq!(calls.get(), 5);
    }

    #[tokio::test]
    async fn another_error_and_the_end_of_patience_are_told() {
        let calls = Cell::new(0);
        let call = || async {
            calls.set(calls.get() + 1);
            Err::<(), _>(error("DependencyViolation"))
        };
        let told = retry(CONSISTENCY, call, is_unseen).await.unwrap_err();
        assert_eq!((code(&told), calls.get()), ("DependencyViolation", 1));

        calls.set(0);
        let call = || async {
            calls.set(calls.get() + 1);
            Err::<(), _>(error("NoSuchEntity"))
        };
        let told = retry(Duration::from_secs(20), call, is_unseen).await.unwrap_err();
        assert_eq!(code(&told), "NoSuchEntity");
        // With jitter each pause is as long as planned, up to twice that.
        assert!((4..=12).contains(&calls.get()), "{} calls in 20 s", calls.get());
    }

    #[tokio::test]
    async fn a_state_is_waited_for_until_it_comes_or_the_time_is_over() {
        let (asked, told) = (Cell::new(0), Cell::new(0));
        let check = |after: i32| {
            let asked = &asked;
            move || async move {
                asked.set(asked.get() + 1);
                Ok((asked.get() > after).then_some("running"))
            }
        };
        let count = || told.set(told.get() + 1);
        assert_eq!(poll(CONSISTENCY, check(3), count).await.unwrap(), Some("running"));
        assert_eq!((asked.get(), told.get()), (4, 3));
        assert_eq!(poll(Duration::from_secs(9), check(i32::MAX), || ()).await.unwrap(), None);
    }
}
