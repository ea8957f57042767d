use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;
use zeroize::Zeroizing;

use super::*;
use crate::credentials::policy::{CredentialKind, MfaState};

/// A source that gives credentials for an hour from its clock's now, or fails as prepared.
#[derive(Debug)]
struct Hourly {
    clock: Clock,
    made: AtomicUsize,
    failures: Mutex<VecDeque<AwsError>>,
    /// What an answer waits for, where it does.
    gate: Option<Arc<Notify>>,
    same: Option<SystemTime>,
}

impl Hourly {
    fn new(clock: &Clock) -> Self {
        Self {
            clock: clock.clone(),
            made: AtomicUsize::new(0),
            failures: Mutex::default(),
            gate: None,
            same: None,
        }
    }
}

fn made(number: usize, expires: Option<SystemTime>) -> Made {
    Made {
        keys: Keys {
            access_key_id: format!("ASIA{number}"),
            secret_access_key: Zeroizing::new("hidden".to_owned()),
            session_token: Some(Zeroizing::new("hidden".to_owned())),
            account: None,
            expires,
        },
        kind: CredentialKind::Role,
        mfa: MfaState::No,
        renewal: Renewal::Yes,
        steps: Vec::new(),
    }
}

const HOUR: Duration = Duration::from_hours(1);

impl Make for Hourly {
    fn make(&self, _: Asking) -> BoxFuture<'_, Result<Made, AwsError>> {
        Box::pin(async {
            let number = self.made.fetch_add(1, Ordering::Relaxed) + 1;
            if let Some(gate) = &self.gate {
                gate.notified().await;
            }
            match self.failures.lock().unwrap().pop_front() {
                Some(error) => Err(error),
                None => Ok(made(number, self.same.or(Some(self.clock.now() + HOUR)))),
            }
        })
    }
}

/// A clock that the test moves.
struct Time {
    clock: Clock,
    added: watch::Sender<Duration>,
}

impl Time {
    fn new() -> Self {
        let (added, receiver) = watch::channel(Duration::ZERO);
        Self { clock: Clock::moved(receiver), added }
    }

    fn pass(&self, by: Duration) {
        self.added.send_modify(|added| *added += by);
    }

    fn keeper(&self, source: &Arc<Hourly>) -> Keeper {
        let first = made(0, Some(self.clock.now() + HOUR));
        Keeper::start(Arc::clone(source) as Arc<dyn Make>, self.clock.clone(), first, 0.5)
    }
}

fn failure() -> AwsError {
    AwsError::new(AwsErrorKind::AccessDenied, "the role may no longer be assumed")
}

#[tokio::test]
async fn credentials_are_renewed_in_the_background_before_they_expire() {
    let time = Time::new();
    let source = Arc::new(Hourly::new(&time.clock));
    let keeper = time.keeper(&source);
    let mut held = keeper.held();
    assert_eq!(keeper.keys().await.unwrap().access_key_id, "ASIA0");
    // Twelve hours, each quarter of an hour looked at: a call never finds expired credentials, and
    // each hour's are replaced once.
    for quarter in 1..=48_u32 {
        time.pass(Duration::from_mins(15));
        if quarter % 3 == 0 {
            held.changed().await.unwrap();
        }
        let made = keeper.made();
        assert!(made.keys.expires.unwrap() > time.clock.now());
        assert_eq!(keeper.keys().await.unwrap(), made.keys);
    }
    assert_eq!(source.made.load(Ordering::Relaxed), 16);
}

#[test]
fn renewal_is_at_three_quarters_more_or_less() {
    let of = |chance| share(HOUR, chance).as_secs();
    assert_eq!((of(0.0), of(0.5), of(1.0)), (2520, 2700, 2880));
    assert_eq!(of(7.0), 2880);
}

#[tokio::test]
async fn one_renewal_serves_all_who_wait() {
    let time = Time::new();
    let gate = Arc::new(Notify::new());
    let source = Arc::new(Hourly { gate: Some(Arc::clone(&gate)), ..Hourly::new(&time.clock) });
    let keeper = time.keeper(&source);
    time.pass(HOUR * 2);
    let callers: Vec<_> = (0..10)
        .map(|_| {
            let keeper = keeper.clone();
            tokio::spawn(async move { keeper.keys().await.unwrap().access_key_id })
        })
        .collect();
    while source.made.load(Ordering::Relaxed) == 0 {
        tokio::task::yield_now().await;
    }
    gate.notify_one();
    for caller in callers {
        assert_eq!(caller.await.unwrap(), "ASIA1");
    }
    assert_eq!(source.made.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_call_does_not_wait_for_a_renewal_while_the_old_ones_last() {
    let time = Time::new();
    let gate = Arc::new(Notify::new());
    let source = Arc::new(Hourly { gate: Some(Arc::clone(&gate)), ..Hourly::new(&time.clock) });
    let keeper = time.keeper(&source);
    time.pass(Duration::from_mins(50));
    while source.made.load(Ordering::Relaxed) == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(keeper.keys().await.unwrap().access_key_id, "ASIA0");
}

#[tokio::test]
async fn failed_renewals_are_told_and_repeated_until_the_end() {
    let time = Time::new();
    let source = Arc::new(Hourly::new(&time.clock));
    source.failures.lock().unwrap().extend([failure(), failure()]);
    let keeper = time.keeper(&source);
    let mut held = keeper.held();
    let end = held.borrow().expires;
    for _ in 0..2 {
        time.pass(Duration::from_mins(46));
        held.changed().await.unwrap();
        let now = held.borrow_and_update().clone();
        assert_eq!(now.last_error.unwrap().kind, AwsErrorKind::AccessDenied);
        assert_eq!(now.expires, end);
        // The second time the clock is past the end, which two renewals did not move.
    }
    time.pass(Duration::from_mins(1));
    held.changed().await.unwrap();
    let now = held.borrow_and_update().clone();
    assert!(now.last_error.is_none() && now.expires > end, "{now:?}");
}

#[tokio::test]
async fn after_the_end_the_call_says_why() {
    let time = Time::new();
    let source = Arc::new(Hourly::new(&time.clock));
    source.failures.lock().unwrap().extend(std::iter::repeat_n(failure(), 9));
    let keeper = time.keeper(&source);
    time.pass(HOUR * 2);
    let error = keeper.keys().await.unwrap_err();
    assert_eq!(error.message, "the role may no longer be assumed");
    // The SDK wraps it; whoever made a call gets it back whole.
    let wrapped = keeper.provide_credentials().await.unwrap_err();
    assert_eq!(crate::error::credentials_error(&wrapped).kind, AwsErrorKind::AccessDenied);
}

#[tokio::test]
async fn a_source_with_nothing_newer_ends_with_what_it_gave() {
    let time = Time::new();
    let end = time.clock.now() + HOUR;
    let source = Arc::new(Hourly { same: Some(end), ..Hourly::new(&time.clock) });
    let first =
        Made { renewal: Renewal::No("a new MFA code is needed".to_owned()), ..made(0, Some(end)) };
    let keeper =
        Keeper::start(Arc::clone(&source) as Arc<dyn Make>, time.clock.clone(), first, 0.5);
    time.pass(Duration::from_mins(59));
    assert_eq!(keeper.keys().await.unwrap().access_key_id, "ASIA0");
    time.pass(Duration::from_mins(2));
    let error = keeper.keys().await.unwrap_err();
    assert_eq!(error.kind, AwsErrorKind::ExpiredCredentials);
}

#[tokio::test]
async fn credentials_without_an_end_are_never_asked_for_again() {
    let time = Time::new();
    let source = Arc::new(Hourly::new(&time.clock));
    let keeper =
        Keeper::start(Arc::clone(&source) as Arc<dyn Make>, time.clock.clone(), made(0, None), 0.5);
    time.pass(HOUR * 1000);
    assert_eq!(keeper.keys().await.unwrap().access_key_id, "ASIA0");
    assert_eq!(source.made.load(Ordering::Relaxed), 0);
    assert!(!format!("{keeper:?} {:?}", keeper.made()).contains("hidden"));
}
